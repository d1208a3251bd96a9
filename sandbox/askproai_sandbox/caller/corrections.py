"""What a sentence takes back of the services, people and branches that it has named: "Massage, nein, lieber Fango". Pure.

The times that it corrects are cut by `rejections`.
"""

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from askproai_sandbox.caller.catalogue import Catalogue
from askproai_sandbox.caller.words import NAME_WORD, TITLE

_ARTICLE = r"(?:ein(?:e[nmrs]?)?|der|die|den|das|dem|des|zur|zum|von|für|nur|bitte|mehr)"
_SURE = (  # what is said before is wrong
    r"nein|nee|nö|ne|ach\s+was|quatsch|unsinn|falsch|korrektur|doch\s+(?:nicht|lieber)|lieber\s+doch|vielmehr"
    r"|mich\s+(?:vertan|versprochen|geirrt)|besser\s+gesagt|ich\s+meine?|meine?\s+ich|ich\s+meinte|meinte\s+ich"
)
_PERHAPS = (
    r"lieber|besser|eher|entschuldig(?:ung|en\s+Sie)|verzeihung|pardon|sorry|moment(?:\s*mal)?|halt|stopp?|warten\s+Sie"
    r"|äh(?:m)?|öh"
)
_MARKER = re.compile(
    rf"(?:[^\w‹›]+|^)(?P<or>oder\s+)?(?:(?:ach|ja|na|also)\W+)*(?:(?P<sure>{_SURE})|(?P<perhaps>{_PERHAPS}))(?!\w)",
    re.IGNORECASE,
)
_ADDS = re.compile(
    r"\b(?:und|plus|sowie|mit|dazu|auch|noch|außerdem|zusätzlich|danach|dann|anschließend|hinterher|oder)\b",
    re.IGNORECASE,
)
_LIST = re.compile(r"(?:[\s,;/&+-]|\b(?:ein(?:e[nmrs]?)?|ne|nen|einmal|die|den|das|zur|zum|bitte)\b)*", re.IGNORECASE)
_ADDS_AT_END = re.compile(r"\b(?:und|plus|sowie|mit|oder)\W*$", re.IGNORECASE)
_UNWANTED = re.compile(  # "statt Massage", "ohne Fango", "nicht die Massage"; who does "nicht zur Massage kommen" cancels it
    r"\b(?:(?:an)?statt|anstelle(?:\s+von)?|ohne|nicht(?!\s+nur\b)(?!\s+zu[mr]\b(?!.*\b(?:sondern|lieber)\b))|keine?[nmrs]?)"
    rf"(?:\s+{_ARTICLE})*\s+(?=[A-ZÄÖÜa-zäöü])",
    re.IGNORECASE,
)
_END_OF_UNWANTED = re.compile(
    r"[,;.!?]|\b(?:lieber|doch|sondern|hätte|möchte|will|nehm\w*|bitte|eher|besser|dann|kann|könnte|würde|geht|ginge|ist|am|um|im"
    r"|in|bei|und|ein(?:e[nmrs]?)?|zur|zum|die|den|das)\b|\s\d",
    re.IGNORECASE,
)
_NOT_NEEDED = re.compile(  # "Die Massage brauche ich nicht", "Lassen wir die Massage weg"
    r"[^,.;!?]*\b(?:brauch\w*|möchten?|will|wollen)\s+(?:ich|wir)\b[^,.;!?]*\bnicht\b|\blass(?:en)?\s+(?:wir|Sie)\b[^,.;!?]*\bweg\b"
    r"|[^,.;!?]*\bweg(?:zu)?lassen\b",
    re.IGNORECASE,
)
_MAX_WORDS_BEFORE = 1  # "keine manuelle Lymphdrainage"
_ASKS_IF_NOT = re.compile(
    r"^\W*(?:(?:und|aber|oder)\W+)?(?:haben|hätten|habt|gibt|geht|ginge|machen|bieten|warum|kann|können)\b[^?]*\?",
    re.IGNORECASE,
)
_PREPOSITION = re.compile(r"(?:beim?|zu[mr]?|mit|von)\b", re.IGNORECASE)
_PERSON = re.compile(
    rf"(?P<before>\b(?:[Bb]eim?|[Zz]u[mr]?|[Mm]it|[Vv]on)\s+(?:de[mr]\s+)?)?(?P<title>{TITLE}*)(?P<name>{NAME_WORD}(?:\s+{NAME_WORD})?)"
)


class Corrected(NamedTuple):
    """A sentence without what it takes back; the services that are not wanted, and whether it is not clear which ones are."""

    text: str
    unwanted: frozenset[str] = frozenset()
    is_unclear: bool = False


class Named(NamedTuple):
    """A person of the team in a text, and from where to where the words for this person are, with a preposition and a title."""

    person: str
    start: int
    end: int
    lead: str  # the preposition and the title


def cut_corrected(text: str, catalogue: Catalogue) -> Corrected:
    """Return a sentence without the services, people and branches that it corrects or does not want."""
    text, unwanted = _cut_unwanted(unicodedata.normalize("NFC", text), catalogue)
    at, is_unclear = 0, False
    while marker := _MARKER.search(text, at):
        before, after = text[: marker.start()], text[marker.end() :]
        is_sure = marker["sure"] is not None
        if _ADDS_AT_END.search(before) or (marker["or"] and not is_sure):
            at = marker.end()
            continue
        is_unclear |= is_sure and _is_unclear(before, after, catalogue)
        before = _cut_services(before, after, catalogue)
        before, after = _cut_people(before, after, catalogue)
        before, after = _cut_branch(before, after, catalogue)
        said = text[marker.start() : marker.end()]
        text, at = f"{before}{said}{after}", len(before) + len(said)
    return Corrected(text, unwanted, is_unclear)


def find_people(text: str, catalogue: Catalogue) -> tuple[Named, ...]:
    """Return the people of the team that a text names, with a preposition or a title, or alone."""
    found: list[Named] = []
    for match in _PERSON.finditer(text):
        words = match["name"]
        for said in dict.fromkeys((words, *words.split())):
            if person := catalogue.find_staff(said):
                start = match.start("name") + words.index(said)
                is_first = words.startswith(said)
                lead = text[match.start() : match.start("name")] if is_first else ""
                found.append(Named(person, match.start() if is_first else start, start + len(said), lead))
                break
    return tuple(found)


def are_joined(text: str, catalogue: Catalogue) -> bool:
    """Return whether the services of a text are added to each other, by a word or a list: "Massage und Fango", "Massage, Fango"."""
    words = catalogue.find_service_words(text)
    between = (text[end:start] for (_, end, _), (start, _, _) in pairwise(words))
    return all(_ADDS.search(each) or _LIST.fullmatch(each) for each in between)


def _cut_unwanted(text: str, catalogue: Catalogue) -> tuple[str, frozenset[str]]:
    unwanted: frozenset[str] = frozenset()
    if _ASKS_IF_NOT.search(text):
        return text, unwanted
    for clause in reversed(list(_NOT_NEEDED.finditer(text))):
        if services := catalogue.find_services(clause[0]):
            unwanted |= frozenset(services)
            text = f"{text[: clause.start()]} , nicht , {text[clause.end() :]}"
    for match in reversed(list(_UNWANTED.finditer(text))):
        rest = text[match.end() :]
        end = next((each.start() for each in _END_OF_UNWANTED.finditer(rest) if each.start()), len(rest))
        words = catalogue.find_service_words(rest[:end])
        if not words or len(rest[: words[0][0]].split()) > _MAX_WORDS_BEFORE:
            continue
        first = words[0][2]
        stop = max(stop for _, stop, names in words if names & first)
        unwanted |= first
        text = f"{text[: match.start()]} , {rest[stop:]}"
    return text, unwanted


def _first_service(text: str, catalogue: Catalogue) -> int | None:
    """Return where the first service of a text begins; None if it names none."""
    words = catalogue.find_service_words(text)
    return words[0][0] if words else None


def _is_unclear(before: str, after: str, catalogue: Catalogue) -> bool:
    """Return whether a correction may add a service as well as replace one: "Massage, nein, am Montag und Fango"."""
    first = _first_service(after, catalogue)
    return first is not None and bool(_ADDS.search(after[:first])) and _first_service(before, catalogue) is not None


def _cut_services(before: str, after: str, catalogue: Catalogue) -> str:
    first = _first_service(after, catalogue)
    if first is None or _ADDS.search(after[:first]):
        return before
    return _cut(before, ((start, end) for start, end, _ in catalogue.find_service_words(before)))


def _cut_people(before: str, after: str, catalogue: Catalogue) -> tuple[str, str]:
    people, corrected = find_people(after, catalogue), find_people(before, catalogue)
    if not (people and corrected) or _ADDS.search(after[: people[0].start]):
        return before, after
    start, is_alone = people[0].start, not _PREPOSITION.match(people[0].lead)
    after = f"{after[:start]}bei {after[start:]}" if is_alone else after
    return _cut(before, ((each.start, each.end) for each in corrected)), after


def _cut_branch(before: str, after: str, catalogue: Catalogue) -> tuple[str, str]:
    branch, rest = catalogue.take_branch(before)
    if branch is None:
        return before, after
    placed = catalogue.name_place(after)
    return (rest, placed) if catalogue.take_branch(placed)[0] else (before, after)


def _cut(text: str, places: Iterable[tuple[int, int]]) -> str:
    for start, end in sorted(places, reverse=True):
        text = f"{text[:start]},{text[end:]}"
    return text
