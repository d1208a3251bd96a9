"""Reads the name that answers a question for it, though it may be a day, a month or a holiday: "Sonntag, Petra Sonntag". Pure."""

import re
from dataclasses import replace

from askproai_runtime.german_dates import MONTHS, WEEKDAY_NAMES, fold, is_understood, says_nothing
from askproai_sandbox.caller.catalogue import Catalogue
from askproai_sandbox.caller.email_address import EMAIL
from askproai_sandbox.caller.sentence import Sentence
from askproai_sandbox.caller.spoken_time import SEASONS
from askproai_sandbox.caller.words import NAME_WORD, NO_SERVICE, PARTICLES, TITLE

_LEAD = (
    r"(?:Ja|Jawoh?ll?|Joa?|Jep|Klar|Super|Prima|Passt|Perfekt|Wunderbar|Einverstanden|In Ordnung|Gut|Gerne?|Genau|Okay|Also|Bitte"
    r"|Ähm?|Öhm?|Hm+|Na|Nun|Moment|Wieder|Auf|Für"
    r"|(?:Das|Es) (?:ist|wäre) für|(?:Auf )?den Namen|Das ist|Mein Name ist|Ich bin|Ich heiße|Hier ist)"
)
_WORDS = rf"(?:{NAME_WORD})(?:\s+(?:(?:{'|'.join(sorted(PARTICLES))})\s+){{0,3}}(?:{NAME_WORD}))*"
_ANSWER = re.compile(
    rf"\W*(?P<lead>(?:(?i:{_LEAD})\b[\s,.!]*)*)(?P<title>{TITLE}*)(?:(?P<last>{NAME_WORD})\s*,\s*)?"
    rf"{NO_SERVICE}(?P<name>{_WORDS})"
    r"(?:,?\s*bitte)?\W*"
)
# "Ja, Lehmann", "Ja bitte, auf Lehmann"; after a full stop any word has a capital: "Ja. Wunderbar."
_NAME_BEFORE = re.compile(r"ja,\s+|.*\bauf(?: den namen)?\s+", re.IGNORECASE | re.DOTALL)
_ADDRESS = re.compile(r"(?:Frau|Herrn?)\s+")  # which is no part of a name, unlike "Dr."
_HOLIDAYS = frozenset(
    {"advent", "dreikoenig", "neujahr", "nikolaus", "ostern", "pfingsten", "silvester", "valentin", "weihnachten"}
)
_NAMES = frozenset(map(fold, (*WEEKDAY_NAMES, *MONTHS))) | SEASONS | _HOLIDAYS  # of all words that say when

_FULL_NAME = rf"(?:{NAME_WORD}(?:\s+{NAME_WORD})+)"
_LISTED = re.compile(  # "Ja, Karl Ernst, Eva Ernst", not "Sonntag, Petra Sonntag"
    rf"\W*(?:(?i:{_LEAD})\b[\s,.!]*)*(?P<names>{_FULL_NAME}(?:,\s*{_FULL_NAME})+)\W*"
)
_SAYS_WHO = re.compile(  # "Meine Freundin heißt Ines Vogt", "Ines Vogt heißt sie"
    rf"^\W*(?:[Mm]eine?|[Uu]nsere?|[Ss]ie|[Ee]r|[Dd](?:ie|er|as) [Aa]ndere|(?:[Ii]hr|[Ss]ein|[Dd]er) Name)(?:\s+{NAME_WORD})?"
    r"\s+(?:heißt|heisst|ist|wäre|lautet)\s+"
    r"|\s+(?:heißt|heisst|ist)\s+(?:sie|er|(?:ihr|sein|der)\s+Name|meine?\s+\w+)\W*$"
)
_BORN = re.compile(
    r",?\s+(?:geb\.|geboren|Geburtsdatum|Geburtstag)\s*(?:ist\s+)?(?:am\s+)?(?P<date>[^,]+)$", re.IGNORECASE
)
SPELLED_HOW = re.compile(  # what is said of a name: "Tanja Weiß, mit scharfem S", "Dieter Ahlers, das sagte ich doch."
    r",\s+(?:geschrieben\s+)?(?:mit|ohne)\s+(?!mein|unser|der|dem|de[nr]|ein)[^,]{1,30}$"
    r"|,\s+(?:das\s+(?:sagte\s+ich|hab'?e?\s+ich\s+(?:schon|doch|bereits))|wie\s+gesagt)[^,]{0,20}$",
    re.IGNORECASE,
)
_COUPLE = re.compile(
    rf"\W*(?:(?i:{_LEAD})\b[\s,.!]*)*(?P<one>{NAME_WORD}(?:\s+{NAME_WORD})?)\s+und\s+(?P<other>{NAME_WORD}\s+{NAME_WORD})\W*"
)
_DAY_NAME = re.compile(
    rf",\s+(?:auf\s+|für\s+)?{NO_SERVICE}(?P<first>{NAME_WORD})\s+(?P<last>{'|'.join(map(str.capitalize, WEEKDAY_NAMES))})\W*$"
)
_LAST_NAMES = frozenset({"tag", "abend", "morgen"})  # behind a first name


def take_birth_date(text: str) -> tuple[str, str]:
    """Return the birth date that is said after a name, "" if there is none, and the rest: "Ben Kraus, geboren am 3. Mai 2020"."""
    found = _BORN.search(text)
    is_date = found is not None and is_understood(found["date"].strip(" ."))
    return (found["date"].strip(" ."), text[: found.start()]) if found and is_date else ("", text)


def read_couple(text: str) -> str:
    """Return the names of two who come to one appointment, as they were said, "" if it names no two: "Gerda und Heinz Otto"."""
    found = _COUPLE.fullmatch(text)
    return f"{found['one']} und {found['other']}" if found else ""


def name_day_names(text: str, catalogue: Catalogue) -> str:
    """Return a choice with the name after it said as one, where its last word is a day: "Um zehn, Helga Sonntag"."""
    found = _DAY_NAME.search(text)
    if not found or is_understood(found["first"]) or catalogue.find_staff(found["first"]):
        return text
    return f"{text[: found.start()]}, mein Name ist {found['first']} {found['last']}."


def take_name(sentence: Sentence, catalogue: Catalogue, *, asked: bool) -> Sentence:
    """Return the sentence as one that says nothing but a name, and an e-mail address, if it is one; else as it is.

    A day alone is a name only where one was asked for ("Freitag."); elsewhere a name follows a yes ("Ja, Peter Freitag"), or
    is beside an address.
    """
    name = _read_name(sentence, catalogue, asked=asked)
    if name is None:
        return sentence
    return replace(
        sentence, name=name, when={}, staff=None, branch=None, services=(), unknown_service=None, rejected=frozenset()
    )


def _read_name(sentence: Sentence, catalogue: Catalogue, *, asked: bool) -> str | None:
    answer = _ANSWER.fullmatch(EMAIL.sub("", sentence.text))
    accepts = asked or sentence.yes or sentence.email
    if answer is None or not accepts or sentence.intent or sentence.services or "?" in sentence.text:
        return None
    last, words = answer["last"], answer["name"].split()
    name = answer["name"] if last is None or last in words else f"{answer['name']} {last}"
    if not asked and (
        sentence.staff or (len(words) == 1 and not answer["title"] and not _may_be_caller(answer, catalogue))
    ):
        return None
    spoken = name.split()
    names = [_NAMES, *[_NAMES | _LAST_NAMES] * (len(spoken) - 1)]
    may_be_name = [fold(word) in known or not _is_of_time(word) for known, word in zip(names, spoken, strict=True)]
    is_time = all(_is_of_time(word) for word in spoken) and not (asked and len(set(spoken)) == 1)
    titles = _ADDRESS.sub("", answer["title"])
    return f"{titles}{name}" if all(may_be_name) and not (is_time and not titles) else None


def read_names(text: str) -> tuple[str, ...]:
    """Return the names of several people: "Ja, Anna Nym und Mia Nym"; empty if something else is among them."""
    names: list[str] = []
    for said in re.split(r",?\s+und\s+|,\s+(?=(?:für|und)\b)", text):
        part = _SAYS_WHO.sub("", said)
        if listed := _LISTED.fullmatch(part):
            names += re.split(r",\s*", listed["names"])
        elif answer := _ANSWER.fullmatch(part):
            names.append(f"{_ADDRESS.sub('', answer['title'])}{answer['name']}")
        else:
            return ()
    family = names[-1].split()[1:] if len(names) > 1 else []  # "Emil und Frida Vogel"
    return tuple(name if " " in name else " ".join([name, *family]) for name in names)


def _may_be_caller(answer: re.Match[str], catalogue: Catalogue) -> bool:
    """Return whether a single word after a yes is the caller's name, not somebody of the team or a place: "Ja, Anna"."""
    known = catalogue.find_staff(answer["name"]) or any(answer["name"] in branch for branch in catalogue.branches)
    return not known and bool(_NAME_BEFORE.fullmatch(answer["lead"]))


def _is_of_time(word: str) -> bool:
    return word not in PARTICLES and (is_understood(word) or says_nothing(word))
