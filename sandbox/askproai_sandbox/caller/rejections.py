"""The days, times and people that a German sentence rejects, and what of that is passed on. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from askproai_runtime.german_dates import Grain, find_argument, fold, is_understood, understand
from askproai_sandbox.caller.spoken_time import AT, KINDS, MARK, ZONE, Times

_ORDINAL = r"(?:erste|zweite|dritte|vierte|fünfte|letzte)[nrsm]?\b"
_LINK = r"(?:mehr|noch|schon|erst|gleich|gerade|unbedingt|gern|bitte|am|um|im|in|der|die|den|das|dem|auf)"
_WHENS = rf"{MARK}(?:(?:\s+(?:{_LINK}\s+)*)?{MARK})*"  # "Freitagnachmittag" is two without a space
_WHO = r"(?:beim?|zum?|mit)\s+(?:(?:de[mr]|Frau|Herrn?|Doktor(?:in)?|Dr\.?)\s+)*(?-i:[A-ZÄÖÜ][\w'’-]+)"
_CANNOT = (
    r"\b(?:nicht|nie|niemals|ned|net|schlecht|ungünstig|ungern|unmöglich|zu\s+(?:früh|spät)|kei(?:ne)?\s+Zeit|arbeiten"
    r"|(?:im|in)\s+Urlaub|verreist|unterwegs|verhindert|weg)\b"
)
_BUSY = (  # with which a caller has no time: "Samstag habe ich Besuch"
    r"(?:Besuch|Dienst|(?:Früh|Spät|Nacht)?schicht|Frühdienst|Spätdienst|(?:\w+)?arzttermin|Training|Probe|Elternabend|Handwerker"
    r"|Sitzung|Meeting|Besprechung|Fahrstunde|Vorlesung|Unterricht|Schule|Uni|was\s+vor|zu\s+tun|die\s+Kinder|andere\s+Pläne)"
)
_REJECTED = re.compile(  # "nicht um zehn", "um zehn geht es nicht", "keine Kontrolle"
    r"\b(?:nicht(?!\s+nur\b)|keine?[nmrs]?)\b[^.;!?]*?\bsondern\b|"
    rf"\b(?:nicht|nie|ned|net|weder|ohne|(?:an)?statt|kein(?:en)?|auf\s+keinen\s+Fall)\s+(?:{_LINK}\s+)*(?:{_WHO}|{_ORDINAL}|{_WHENS})"
    rf"(?:\s+noch\s+(?:{_LINK}\s+)*{_WHENS})?"
    rf"|(?:\b{_LINK}\s+)?{_WHENS}\s+(?:ist|wäre|wär|passt|geht|ginge|kann|können|klappt|haben?|hat|hätten?|schaffe?n?|muss|müssen|bin|sind)\b"
    rf"[^,.;!?]*?{_CANNOT}"
    rf"|(?:\b{_LINK}\s+)?{_WHENS}\s+(?:leider\s+|bitte\s+|eher\s+|lieber\s+)?nicht(?=\s*(?:[,.;!?]|$))"
    rf"|\b(?:hat|habe?|hätte|kann|könnte|geht|passt|bin)\b[^,.;!?‹]*{_WHENS}[^,.;!?‹]*{_CANNOT}(?!\s+‹)"
    rf"|(?:\b{_LINK}\s+)?{_WHENS},?\s+da\s+(?:muss|bin|habe?|kann|geht|passt)\b[^,.;!?]*"
    rf"|(?:\b{_LINK}\s+)?{_WHENS}\s+(?:hab'?e?n?|bekomm\w*|krieg\w*|kommt|muss|müssen)\b[^,.;!?‹]*\b{_BUSY}\b[^,.;!?‹]*"
    rf"|(?:\b{_LINK}\s+)?{_WHENS}\s+wird(?:'?s|\s+das|\s+es)?\b[^,.;!?]*?\b(?:nichts|nix)\b"
    r"|\bkeine?[nmrs]?\s+(?!Problem)(?-i:[A-ZÄÖÜ])\w+",
    re.IGNORECASE,
)
_REJECTED_PERSON = re.compile(rf"\b(?:nicht|ned|net|weder|(?:an)?statt)\s+(?:{_LINK}\s+)*({_WHO})", re.IGNORECASE)
_NEGATIVE_QUESTION = re.compile(  # "Geht es nicht um elf?", but not "Haben Sie etwas frei, aber nicht um elf?"
    r"^\W*(?:(?:Ja|Und|Aber|Oder)\W+)*(?:Geht|Ginge|Haben|Hätten|Habt|Kann|Könnte[nt]?|Können|Gibt|Passt|Warum)\b"
    r"(?![^?]*,\s*(?:\w+\s+){0,2}nicht\b)[^?]*\?",
    re.IGNORECASE,
)
_CORRECTION = re.compile(  # "am Freitag, nein, doch am Donnerstag"
    r"(?<=[\w›])[^\w‹›]+(?:ach\W+)?(?:nein|nee|ne|ach\s+was|quatsch|unsinn|falsch|entschuldigung|verzeihung|pardon|sorry|moment|halt|stopp?|warten\s+Sie"
    r"|ich\s+meinte?|meinte?\s+ich|vielmehr|besser\s+gesagt|äh(?:m)?)\b"
    rf"(?=[^.;!?]*?{MARK})",
    re.IGNORECASE,
)
_TOO = re.compile(r"\b(?:zu|nicht\s+(?:ganz\s+|gern\s+)?so)\s+(früh|spät)\b", re.IGNORECASE)
_PERIODS = frozenset({Grain.WEEK, Grain.MONTH, Grain.RANGE})


class Exclusion(NamedTuple):
    """A day on which the caller cannot come: in the words of the sentence ("am Montag kann ich nicht"), and alone ("Montag")."""

    said: str
    day: str


class Kept(NamedTuple):
    """A marked sentence without what it rejects; of which kinds (`date`, `time`, `part_of_day`) that was, and its marked phrases.

    A phrase is in none of `phrases` where the sentence says at once what is wanted in its place: "nicht um zehn, sondern um elf".
    """

    marked: str
    kinds: frozenset[str] = frozenset()
    phrases: tuple[str, ...] = ()


def cut_rejections(marked: str) -> Kept:
    """Return a marked sentence without what it rejects.

    A question such as "Geht es nicht um elf?" asks for eleven and rejects nothing.
    """
    if _NEGATIVE_QUESTION.search(marked):
        return Kept(_TOO.sub(" , ", marked))
    corrected, found = _cut_corrected(marked)
    phrases = [match[0] for match in _REJECTED.finditer(corrected)]
    found |= _kinds_in(" ".join(phrases))
    kept = _TOO.sub(" , ", _REJECTED.sub(" , ", corrected))
    return Kept(kept, frozenset(found), tuple(each for each in phrases if not each.casefold().endswith("sondern")))


class Rejections(NamedTuple):
    """What a sentence rejects and wants nothing else for.

    `span` is a date with a day of it that is excluded: "nächste Woche, Montag geht nicht".
    `clock` are the words for a time of the day that is rejected, `unplaced` the first other ones that no function takes.
    """

    exclusions: tuple[Exclusion, ...] = ()
    span: str = ""
    clock: str = ""
    unplaced: str = ""


def read_rejections(times: Times, kept: Kept, when: Mapping[str, str]) -> Rejections:
    """Return what a sentence rejects. "Mittwoch geht nicht, lieber Donnerstag" wants Thursday, which is not Wednesday anyway."""
    read = Rejections()
    for phrase in kept.phrases:
        kinds, words = _kinds_in(phrase), times.unmark(phrase)
        if not kinds or _is_replaced(kinds, when):
            continue
        exclusion = Exclusion(words, " und ".join(map(times.unmark, re.findall(MARK, phrase))))
        if kinds == {"date"} and is_understood(f"außer {exclusion.day}"):
            read = read._replace(exclusions=(*read.exclusions, exclusion))
        elif "date" not in when and _excludes_of_span(words):
            read = read._replace(span=words)
        elif kinds == {"time"}:
            read = read._replace(clock=words)
        else:
            read = read._replace(unplaced=read.unplaced or words)
    return read


def _excludes_of_span(words: str) -> bool:
    candidates = understand(words, at=AT, zone=ZONE).candidates
    return bool(candidates) and all(each.grain in _PERIODS and each.daily is not None for each in candidates)


def _is_replaced(kinds: set[str], when: Mapping[str, str]) -> bool:
    names_time = bool(when.keys() & {"time", "part_of_day"})
    if "date" in kinds:
        return names_one_day(when.get("date")) or (kinds != {"date"} and names_time)
    return names_time


def names_one_day(date: str | None) -> bool:
    """Return whether words for a date name one day, or some days one by one, and no span of them."""
    candidates = understand(date, at=AT, zone=ZONE).candidates if date else ()
    return bool(date) and not any(each.grain in _PERIODS for each in candidates)


def exclude(when: Mapping[str, str], exclusions: Iterable[Exclusion]) -> dict[str, str] | None:
    """Return the arguments for a time that is on none of the excluded days; None if the pods would not understand them.

    The pods take a day that is excluded only in one phrase with all the rest. It is the caller's own where that means the same.
    """
    exclusions = [each for each in exclusions if fold(each.day) != fold(when.get("date", ""))]
    if not exclusions or names_one_day(when.get("date")):
        return dict(when)
    wanted = join_time(when)
    days = " und ".join(each.day for each in exclusions)
    composed = ", ".join(filter(None, (wanted, f"außer {days}")))
    if not is_understood(composed):
        return None
    said = ", ".join(filter(None, (wanted, *(each.said for each in exclusions))))
    is_same = understand(said, at=AT, zone=ZONE) == understand(composed, at=AT, zone=ZONE)
    others = {name: words for name, words in when.items() if name not in KINDS.values()}
    return {**others, "date": said if is_same else composed}


def quote(exclusions: Iterable[Exclusion]) -> str:
    """Return the words of the sentences for the excluded days."""
    return ", ".join(each.said for each in exclusions)


def join_time(when: Mapping[str, str]) -> str:
    """Return the words for a day, a time and a part of the day as one phrase: "morgen um zehn" of "morgen" and "zehn"."""
    time = when.get("time")
    spoken = {**when, "time": time if find_argument(time) else f"um {time}"} if time else when
    return " ".join(spoken[name] for name in KINDS.values() if name in spoken)


def find_rejected_people(text: str) -> tuple[str, ...]:
    """Return the names of people that a sentence rejects: "Krause" of "nicht bei Frau Krause"."""
    if _NEGATIVE_QUESTION.search(text):
        return ()
    return tuple(match[1].split()[-1] for match in _REJECTED_PERSON.finditer(text))


def _cut_corrected(marked: str) -> tuple[str, set[str]]:
    """Return the sentence without the times that the caller corrects in it, and their kinds. The last one counts."""
    found: set[str] = set()
    while correction := _CORRECTION.search(marked):
        before, after = marked[: correction.start()], marked[correction.end() :]
        corrected = _kinds_in(before) & _kinds_in(after)
        for kind in (letter for letter, name in KINDS.items() if name in corrected):
            before = re.sub(rf"‹{kind}\d+›", " , ", before)
        marked, found = f"{before} , {after}", found | corrected
    return marked, found


def _kinds_in(marked: str) -> set[str]:
    return {KINDS[mark[1]].value for mark in re.findall(MARK, marked)}


def find_too(text: str) -> str | None:
    """Return "früh" or "spät" if a sentence says that a time is too early or too late."""
    match = _TOO.search(text)
    return match[1].casefold() if match else None
