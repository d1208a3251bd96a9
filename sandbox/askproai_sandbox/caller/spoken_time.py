"""The words for days, clock times and parts of the day in a German sentence. Pure.

The pods' own grammar finds them, so that a function gets every time that the pods understand,
as it was said. In a sentence that is being read each is replaced by a mark, `‹d0›`, `‹t1›` or `‹p2›`.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from askproai_runtime.german_dates import (
    MONTHS,
    Argument,
    Refusal,
    Understanding,
    count_from,
    find_argument,
    fold,
    is_understood,
    says_nothing,
    understand_parts,
)

AT, ZONE = datetime(2026, 1, 1, tzinfo=UTC), ZoneInfo("UTC")  # of two phrases that are compared
_MAX_WORDS = 12  # of one date, or of one time
_TOKEN = re.compile(r"(?:[^\s,.;!?()„“\"]|\.(?=\w)|(?<=\d)\.)+|[,;!?()„“\"]")  # a full stop belongs to a number only
_ASIDES = (  # when the caller calls, or has called: "Ich hab heute schon mal angerufen"
    re.compile(
        r"‹d\d+›(?=[^,.;!?‹]*\b(?:angerufen|telefoniert|gesprochen|gemeldet)\b|\s+(?:rufe?|melde)\s+ich\b)",
        re.IGNORECASE,
    ),
    re.compile(r"\b(?:(?:ich|wir) war(?:en)?|war(?:en)? (?:ich|wir))\b[^,.;!?‹]*‹d\d+›", re.IGNORECASE),
    # what the caller is going to do: "Wir wollen nächstes Jahr heiraten und …", "…, der schreibt nächste Woche eine Arbeit"
    re.compile(
        r"\b(?:ich|wir|er|sie|die|der)\s+(?:will|wollen|werde?n?|wird|möchten?)\s+[^,.;!?‹]*‹d\d+›[^,.;!?‹]*?"
        r"\b(?:heiraten|umziehen|verreisen|wegfahren|wegfliegen|feiern|einziehen|ausziehen|operiert|entbinden)\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:ich|wir|er|sie|der|die|das)\s+(?:heirate[nt]?|zieh(?:e|en|t)|feier(?:e|n|t)|verreise?n?|flieg(?:e|en|t)|schreib(?:e|en|t))"
        r"\s+(?:\w+\s+){0,3}‹d\d+›",
        re.IGNORECASE,
    ),
    # "Unter der Woche arbeiten wir beide, geht das auch am Wochenende?"
    re.compile(r"‹d\d+›\s+arbeite[nt]?\s+(?:ich|wir|er|sie)\b[^,.;!?‹]*(?=,[^‹]*‹d)", re.IGNORECASE),
    re.compile(
        r"‹d\d+›(?=\s+(?:Geburtstag|Hochzeit(?:stag)?|Jubiläum|Prüfung|Abi(?:tur)?)\b)"
    ),  # "hat bald Geburtstag"
    re.compile(r"(?<=\brufe )‹d\d+›(?=[^,.;!?‹]*\ban\b)|(?<=\bmelde mich )‹d\d+›", re.IGNORECASE),
)
_ADVERB = re.compile(r"(?<=mittag)s\b|(?<=abend)s\b")  # a part of the day has the form of the function's schema
_LATER_WEEK = frozenset({"drauf", "darauf"})  # "am Freitag drauf", which the pods have to hear of
_OR = re.compile(r"\boder\b", re.IGNORECASE)  # "vormittags oder nach 17 Uhr" is no time in a part of the day
_STOPS = frozenset('?!;()„“"')
UNITS = re.compile(r"(?:Tag|Woche|Monat|Minute|Stunde|Jahr|Person|Leute|Kind|Termin)", re.IGNORECASE)
_ORDINAL_CHOICE = re.compile(r"(?:(?:den|der|die|das) )?(?:erste|zweite|dritte|vierte|fuenfte)[nrsm]?\b(?: (\w+))?")
_AFTER_ORDINAL_DAY = re.compile(
    rf"(?:{'|'.join(MONTHS)})$|(?:ers|zwei|drit|vier|fuenf|sechs|sieb|ach|neun|zehn|elf|zwoelf)ten$|woche|haelfte|advent|weihnacht|feiertag"
)
_BEFORE_ORDINAL_DAY = frozenset({"am", "auf", "zum", "vom", "bis", "ab", "dem"})
_TITLES = frozenset({"frau", "herr", "herrn", "doktor", "doktorin", "dr", "professor"})
SEASONS = frozenset({"sommer", "herbst", "winter"})
_BEFORE_SEASON = frozenset({"im", "diesen", "naechsten", "kommenden"})
_WISHED = frozenset({"morgen", "tag", "abend", "nachmittag", "sonntag", "wochenende", "woche", "weihnachten", "ostern"})
_TOO = frozenset({"früh", "spät"})
_NO_TIME_AFTER = {  # "Schönen Abend noch", "zu spät"
    "guten": _WISHED, "schoenen": _WISHED, "schoenes": _WISHED, "schoene": _WISHED, "frohe": _WISHED, "zu": _TOO, "so": _TOO,
}  # fmt: skip

MARK = r"‹[dtp]\d+›"
AT_WHAT = (  # an appointment by its time: "um zehn die Besichtigung"
    rf"{MARK} (?:um {MARK} )?(?:die |den |das |eine[nr]? )?(?P<what>(?-i:[A-ZÄÖÜ])[\w-]+)"
)
KINDS = {"d": Argument.DATE, "t": Argument.TIME, "p": Argument.PART_OF_DAY}


class Times:
    """The times of a sentence. `marked` is the sentence with a mark for each."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._found, self.marked = _mark(text)

    def unmark(self, marked: str) -> str:
        """Return a part of the marked sentence in the caller's words."""
        return re.sub(MARK, lambda mark: self._words(mark[0]), marked)

    def when(self, marked: str) -> tuple[dict[str, str], str]:
        """Return the arguments `date`, `time` and `part_of_day` that name the times of a part of the marked sentence.

        Times of which some are alternatives ("Dienstag um zehn oder Mittwoch um elf") are one `date`. The second value is the
        first time for which there is no argument, as a second day; "" if there is none. "Jetzt noch was am Freitag" names one day.
        """
        marks = self._leave_out_asides(re.findall(MARK, marked))
        said = {
            name: [_ADVERB.sub("", self._words(mark)) for mark in marks if KINDS[mark[1]] is name] for name in Argument
        }
        parts = {name.value: words[0] for name, words in said.items() if words}
        said_marked = marked[marked.index(marks[0]) : marked.rindex(marks[-1]) + len(marks[-1])] if marks else ""
        if len(marks) > len(parts) or _OR.search(said_marked) or (marks and not are_understood(parts)):
            whole = self.unmark(said_marked)
            if is_understood(whole):
                return {"date": whole}, ""
        said[Argument.DATE] = _join_days(said[Argument.DATE])
        parts = {name.value: words[0] for name, words in said.items() if words}
        return parts, next((word for words in said.values() for word in words[1:] if fold(word) != fold(words[0])), "")

    def _leave_out_asides(self, marks: Sequence[str]) -> list[str]:
        """Return the marks without those of days that are over, or that only say "at once", if there is another day."""
        days = [mark for mark in marks if KINDS[mark[1]] is Argument.DATE]
        named = [mark for mark in days if names_day(self._words(mark))]
        return [mark for mark in marks if mark in named or mark not in days] if named else list(marks)

    def _words(self, mark: str) -> str:
        _, start, end = self._found[int(mark[2:-1])]
        return self._text[start:end]


def _join_days(days: Sequence[str]) -> list[str]:
    """Return the days of a sentence, as one phrase if together they are one: "nächste Woche, am liebsten Dienstag"."""
    joined = " ".join(dict.fromkeys(days))
    is_one = len(days) > 1 and understand_parts(joined, None, None, at=AT, zone=ZONE).candidates
    return [joined] if is_one else list(days)


@lru_cache(maxsize=1024)
def names_day(date: str) -> bool:
    """Return whether words for a date do not only say "at once", or name a day that is over."""
    soon, said = (understand_parts(each, None, None, at=AT, zone=ZONE) for each in ("so bald wie möglich", date))
    return said != soon and said.refused is not Refusal.PAST


def _tokens(match: re.Match[str]) -> list[tuple[str, int, int]]:
    """Return a word with its place; a day with a part of it ("Freitagnachmittag") is two words, as the grammar reads them."""
    word, start, end = match[0], match.start(), match.end()
    if find_argument(word) is None and is_understood(word):
        for at in range(1, len(word)):
            if find_argument(word[:at]) is Argument.DATE and find_argument(word[at:]):
                return [(word[:at], start, start + at), (word[at:], start + at, end)]
    return [(word, start, end)]


@lru_cache(maxsize=8192)
def _mark(text: str) -> tuple[tuple[tuple[str, int, int], ...], str]:
    """Return the times of a text (kind, from where to where), and the text with a mark for each.

    The same text is read several times in a turn, and always in German.
    """
    found = list[tuple[str, int, int]]()
    tokens = [token for match in _TOKEN.finditer(text) for token in _tokens(match)]
    at = 0
    while at < len(tokens):
        kind, begin, end = _find([token[0] for token in tokens], at)
        if kind == "d" and end < len(tokens) and fold(tokens[end][0]) in _LATER_WEEK:
            end += 1
        if kind:
            found.append((kind, tokens[begin][1], tokens[end - 1][2]))
        at = end
    marked, position = "", 0
    for number, (kind, start, end) in enumerate(found):
        marked += f"{text[position:start]}‹{kind}{number}›"
        position = end
    return tuple(found), marked + text[position:]


def _find(words: list[str], at: int) -> tuple[str, int, int]:
    """Return the kind of the longest time that begins at a word, its first word and the one after it; "" for none."""
    before = fold(words[at - 1]) if at else ""
    if before in _TITLES:
        return "", at, at + 1
    for end in range(min(len(words), at + _MAX_WORDS), at, -1):
        kind = _kind(words[at:end], before)
        if kind and not (end < len(words) and kind == "t" and _counts(words[end - 1], words[end])):
            first, last = _trim(kind, words, at, end)
            if fold(words[first]) != "wann":  # "…. Wann hätten Sie Zeit?"
                return kind, first, last
    return "", at, at + 1


def _trim(kind: str, words: list[str], begin: int, end: int) -> tuple[int, int]:
    """Return the beginning and the end of a time without the words around it that say nothing.

    Behind a day that is over, or that there is not, the grammar reads no word.
    """
    whole = words[begin:end]
    refused = _understand(kind, whole).refused
    if refused is Refusal.NOT_UNDERSTOOD:  # on this day: "in fünf Tagen am Mittwoch" is said on a Friday
        return begin, end
    is_no_day = refused is not None
    while (
        end - begin > 1
        and (is_no_day or _says_nothing(words[end - 1]))
        and _mean_the_same(kind, whole, words[begin : end - 1])
    ):
        end -= 1
    while end - begin > 1 and _says_nothing(words[begin]) and _mean_the_same(kind, whole, words[begin + 1 : end]):
        begin += 1
    return begin, end


def _prefers(words: Sequence[str]) -> bool:
    """Return whether a later word prefers one time to another: "um zehn, lieber um elf" is not a choice of two."""
    return any(word.casefold() in {"lieber", "besser", "eher"} for word in words[1:])


@lru_cache(maxsize=8192)
def _find_argument(words: str) -> Argument | None:
    """Return which argument names words, as `find_argument` does: a sentence is read several times in a turn."""
    return find_argument(words)


def _kind(words: list[str], before: str) -> str:
    """Return the kind of words that name only dates, only clock times or only parts of the day, and that the pods understand."""
    argument = None if _is_no_time(words, before) or _prefers(words) else _find_argument(" ".join(words))
    return next((kind for kind, name in KINDS.items() if name is argument), "")


def _is_no_time(words: list[str], before: str) -> bool:
    """Return whether words mean something else in a call, although the grammar reads a time in them."""
    folded = [fold(word) for word in words]
    pairs = list(zip([before, *folded], words, strict=False))
    return (
        not _STOPS.isdisjoint(words[:-1])
        or "auf" in folded
        or folded[0] == "wann"
        or ("egal" in folded and "wann" not in folded)  # "egal, die erste"
        or ("wie" not in folded and any(word.casefold() in _NO_TIME_AFTER.get(last, ()) for last, word in pairs))
        or any(fold(word) in SEASONS and last not in _BEFORE_SEASON for last, word in pairs)  # a family name
        or _is_choice(words, before)
    )  # fmt: skip


def are_understood(parts: Mapping[str, str]) -> bool:
    """Return whether the pods understand these arguments together."""
    understood = understand_parts(*(parts.get(name) for name in Argument), at=AT, zone=ZONE)
    return understood.refused is not Refusal.NOT_UNDERSTOOD


def is_over(date: str, now: datetime) -> bool:
    """Return whether the days of a phrase are over."""
    return understand_parts(date, None, None, at=now, zone=ZONE).refused is Refusal.PAST


def is_any_day(date: str) -> bool:
    """Return whether there is a day that a phrase names, unlike "31. November"."""
    return understand_parts(date, None, None, at=AT, zone=ZONE).refused is not Refusal.IMPOSSIBLE


def _is_choice(words: list[str], before: str) -> bool:
    """Return whether words begin with an ordinal that is no day: "bitte die zweite"."""
    first = 0
    while first < len(words) - 1 and _says_nothing(words[first]) and fold(words[first]) not in _BEFORE_ORDINAL_DAY:
        first += 1
    ordinal = _ORDINAL_CHOICE.match(fold(" ".join(words[first:])))
    *_, last = beside = [before, *map(fold, words[:first])]
    if beside[-2:] == ["auf", "den"]:  # "Auf den vierten", to which something is moved
        last = "auf"
    return bool(ordinal and last not in _BEFORE_ORDINAL_DAY and not _AFTER_ORDINAL_DAY.match(ordinal[1] or ""))


def _mean_the_same(kind: str, words: list[str], fewer: list[str]) -> bool:
    return _understand(kind, words) == _understand(kind, fewer)


def _understand(kind: str, words: Sequence[str]) -> Understanding:
    arguments = {name.value: " ".join(words) if KINDS[kind] is name else None for name in Argument}
    return understand_parts(**arguments, at=AT, zone=ZONE)


def _says_nothing(word: str) -> bool:
    return word in _STOPS or word == "," or (fold(word) != "im" and says_nothing(word))


def _counts(last: str, following: str) -> bool:
    """Return whether a number counts what follows it: "um zwei Stunden" is no time."""
    return bool(UNITS.match(following)) and not last.casefold().startswith("uhr")


_COUNTED = (
    r"(?:\d+(?:[.,]\d)?|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|vierzehn|fünfzehn|zwanzig|dreißig|vierzig"
    r"|fünfundvierzig|neunzig|anderthalb|eineinhalb|zweieinhalb|dreieinhalb|eine[nmr]?|eine?|nen?|halbe|paar)"
)
_SPAN = rf"\b{_COUNTED}\s+(?:halbe[ns]?\s+|(?:drei)?viertel\s*)?(?:Minute|Stunde|Tag|Woche|Monat)[en]*\b"
_DIRECTION = r"(?:nach\s+(?:hinten|vorne?)|später|früher|eher|danach|davor|vorher|zuvor)"
_SHIFT = re.compile(rf"\bum\s+{_SPAN}|{_SPAN}\s+{_DIRECTION}\b", re.IGNORECASE)
_COUNTED_TIME = re.compile(  # from the appointment that is to be moved; the pods count
    rf"(?:\bum\s+)?{_SPAN}\s+{_DIRECTION}\b"
    r"|\b(?:(?:am|auf\s+den|den)\s+)?(?:nächste[nr]?|folgende[nr]?|selben|gleichen)\s+Tag\b"
    r"|\b(?:(?:am|auf\s+den|auf\s+die|in\s+der|den|die)\s+)?(?:(?:Tag|Woche)\s+(?:darauf|drauf)"
    r"|(?:Tag|Woche|\w+tag|Mittwoch|Sonnabend)\s+(?:danach|davor|vorher))\b"
    r"|\b(?:(?:um|zu|zur)\s+)?(?:(?:die|der)\s*)?(?:selben?|gleichen?)\s+(?:Uhrzeit|Zeit)\b",
    re.IGNORECASE,
)
_DAYS = re.compile(r"Tag|Woche|Mittwoch|Sonnabend", re.IGNORECASE)

_LEFT_CLOCK = re.compile(
    r"\b(?:um|ab|bis|nach|vor|gegen)\s+\d{1,2}\.\d{2}\b|\b\d{1,2}:\d{2}\b|\b\d{1,2}(?:\.\d{2})?\s*Uhr\b(?:\s+\d{1,2})?",
    re.IGNORECASE,
)
_LEFT_PART = re.compile(  # what the grammar does not know: "eine halbe Stunde vor Feierabend", "gleich nach dem Mittagessen"
    r"\b(?:(?:(?:eine|ne|zwei|drei|\d+)\s+)?(?:halbe\s+)?(?:Viertel)?(?:Stunden?|Minuten)\s+|(?:kurz|gleich|direkt|noch|erst)\s+)?"
    r"(?:vor|nach)\s+(?:(?:dem|der|Ihrem|eurem|meinem|meiner)\s+)?"
    r"(?:Feierabend|Ladenschluss|Dienstschluss|Mittagessen|Essen|Frühstück|Abendessen|Abendbrot|Schule|Kita|Training|Unterricht)\b",
    re.IGNORECASE,
)
_HOUR = r"(?:eins|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|[012]?\d)"
_BARE_HOUR = re.compile(  # "geht da neun?"
    r"\b((?:geht|ginge|passt|klappt|wäre|wär|lieber|vielleicht|dann)\s+(?:(?:da|auch|es|denn|noch|Ihnen|eher|bei Ihnen)\s+)*)"
    rf"(?={_HOUR}(?:\s*[.,;!?]|\s*$|\s+(?:auch|noch|oder|bei|besser)\b))"
    rf"|(\b(?:nein|nee|quatsch|sorry|moment|entschuldigung|verzeihung|äh),?\s+)(?={_HOUR}\s*(?:[.,;!?]|$))"  # "um neun, nein, zehn"
    rf"|(\bauf\s+)(?={_HOUR}\s+(?:ändern|legen|verlegen|verschieben|schieben|umbuchen|vorziehen)\b)",  # "auf zwölf verschieben"
    re.IGNORECASE,
)
_LONE_HOUR = re.compile(
    rf"(?:^\W*|[,.;!?›]\s*|\b\w*(?:tag|woch|abend|morgen|heute|früh)\s+)(?P<hour>(?!\d+\.\s*\S)(?!2[5-9]){_HOUR})(?=(?:,?\s+bitte)?\s*(?:[.,;!?]|$))",
    re.IGNORECASE,
)
_HOUR_ALONE = re.compile(rf"\W*{_HOUR}(?:,?\s+bitte)?\W*", re.IGNORECASE)


def name_hours(text: str, *, asked: bool = False) -> str:
    """Return a sentence with "um" before a number that is an hour by its place ("geht da neun?"), or was `asked` for."""
    if asked and _HOUR_ALONE.fullmatch(text):
        return f"um {text.strip()}"
    return _name_lone_hour(_BARE_HOUR.sub(r"\g<0>um ", text))


def _name_lone_hour(text: str) -> str:
    """Return a sentence with "um" before the only number alone in it, or behind its day: "Piercing, Samstag, eins"."""
    if not _LONE_HOUR.search(text):
        return text
    times = Times(text)
    lone = list(_LONE_HOUR.finditer(times.marked))
    has_day, has_time = (re.search(rf"‹{kind}\d+›", times.marked) for kind in "dt")
    if len(lone) != 1 or not has_day or has_time:
        return text
    at = lone[0].start("hour")
    return times.unmark(f"{times.marked[:at]}um {times.marked[at:]}")


def cut_asides(marked: str) -> str:
    """Return a marked sentence without the days that only say when the caller calls, or has called."""
    for pattern in _ASIDES:
        marked = pattern.sub(" , ", marked)
    return marked


def find_left_clock(text: str) -> str:
    """Return the first clock time in a text without marks, which the pods' grammar has not found; "" if there is none."""
    found = _LEFT_CLOCK.search(text)
    return found[0] if found else ""


def find_left_part(text: str, when: Mapping[str, str]) -> str:
    """Return the part of the day that the pods' grammar has not found, where a sentence says no other time; "" if there is none.

    "Um drei, gleich nach dem Training" says when.
    """
    found = None if when.keys() & {Argument.TIME.value, Argument.PART_OF_DAY.value} else _LEFT_PART.search(text)
    return found[0] if found else ""


def is_shift(text: str) -> bool:
    """Return whether a sentence says by how much a time is to change ("eine Stunde nach hinten"), not to which time."""
    return bool(_SHIFT.search(text))


def cut_shift(text: str) -> str:
    """Return a text without the words that say by how much a time is to change: an hour of them is no service."""
    return _SHIFT.sub(" , ", text)


def take_counted(text: str) -> tuple[dict[str, str], str]:
    """Return the arguments of a new time that is counted from the appointment ("am Tag danach, gleiche Uhrzeit"), and the text
    without them. No arguments where the pods count nothing from them ("um eine Stunde verschieben").
    """
    said: dict[str, str] = {}
    for found in _COUNTED_TIME.finditer(text):
        said.setdefault("date" if _DAYS.search(found[0]) else "time", found[0])
    if count_from(said.get("date"), said.get("time"), AT) is None:
        return {}, text
    return said, _COUNTED_TIME.sub(" , ", text)
