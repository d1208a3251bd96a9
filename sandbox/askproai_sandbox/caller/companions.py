"""Who comes together, and what each of them wants: "Lymphdrainage für mich, Massage für meine Frau". Pure."""

import re
from typing import NamedTuple

from askproai_runtime.german_dates import is_understood
from askproai_sandbox.caller.catalogue import Catalogue
from askproai_sandbox.caller.corrections import find_people
from askproai_sandbox.caller.words import NAME_WORD

MAX_COMPANIONS = 3  # of the functions' schema
_NUMBERS = {
    "zwei": 2, "beide": 2, "beiden": 2, "drei": 3, "vier": 4, "fünf": 5, "sechs": 6, "sieben": 7, "acht": 8,
    "zweit": 2, "dritt": 3, "viert": 4, "fünft": 5, "sechst": 6, "siebt": 7,
}  # fmt: skip
_NUMBER = r"(?:zwei|drei|vier|fünf|sechs|sieben|acht)"
_OWN = r"(?:mein|unser|ihr|sein)(?:e[nmrs]?)?"
_ONE = (
    r"(?:Frau|Mann|Ehefrau|Ehemann|Gatte|Gattin|Tochter|Sohn|Mutter|Mutti|Mama|Vater|Vati|Papa|Schwester|Bruder|Oma|Opa|Großmutter|Großvater"
    r"|Enkel(?:in|kind|tochter|sohn)?|Freund(?:in)?|Kind|Baby|Kolleg(?:e|en|in)|Partner(?:in)?|Verlobten?|Schwager|Schwägerin|Nachbarn?(?:in)?"
    r"|Kleinen?|Kleiner|Großen?|Großer|Jüngsten?|Ältesten?|Mittleren?|Kumpel"
    r"|Tante|Onkel|Nichte|Neffen?|Cousin|Cousine|Schwieger\w+)"
)
_MANY = (
    r"(?:Töchtern?|Söhnen?|Kindern?|Schwestern|Brüdern?|Geschwistern?|Enkeln?|Enkelkindern?|Freunden?|Freundinnen|Kollegen|Kolleginnen"
    r"|Nachbarn|Nichten)"
)
_TWO = r"(?:Eltern|Großeltern|Schwiegereltern|Zwillingen?)"
_RELATION = rf"(?:{_OWN}|eine[nrm]?|die|den)\s+(?:[a-zäöüß]+\s+)?"
_ANIMAL = r"(?:Hund|Hündin|Rüden?|Welpen?|Katze|Kater|Pferd|Stute|Hengst|Wallach|Pony|Kaninchen|Tier)"
_SELF = r"(?:mich|mir|ich)"
_NAMES = rf"(?:\s+(?-i:{NAME_WORD})){{0,2}}"
_PEOPLE = rf"(?:{_RELATION}(?:{_NUMBER}\s+|beiden?\s+)?(?:{_ONE}|{_TWO}|{_MANY})\b{_NAMES})"
_ITEM = rf"(?:\b{_SELF}\b|{_PEOPLE})"
_TOTAL = re.compile(
    rf"\bzu\s+(?P<together>zweit|dritt|viert|fünft|sechst|siebt)\b|\b(?P<people>{_NUMBER})\s+(?:Personen|Leute|Erwachsene)\b"
    rf"|\bwir\s+(?:sind\s+)?(?P<us>{_NUMBER})\b(?!\s*(?:Uhr|Termin|Tag|Woch|Stund|Minut))",
    re.IGNORECASE,
)
_EACH = re.compile(
    rf"\b(?P<self>{_SELF})\b|\b(?:{_RELATION})?(?P<number>{_NUMBER}|beiden?)\s+(?P<counted>{_MANY})\b"
    rf"|\b{_RELATION}(?:(?P<one>{_ONE})|(?P<two>{_TWO})|(?P<many>{_MANY}))\b",
    re.IGNORECASE,
)
_LISTS = (  # of people, and how many come beside those who are named
    (
        re.compile(
            rf"{_ITEM}(?:\s*,\s*(?:für\s+)?{_ITEM})*,?\s+und\s+(?:auch\s+|noch\s+)?(?:für\s+)?{_ITEM}", re.IGNORECASE
        ),
        0,
    ),
    (re.compile(rf"\bfür\s+{_PEOPLE}", re.IGNORECASE), 0),
    (
        re.compile(
            rf"\b(?:zusammen|gemeinsam)\s+mit\s+{_PEOPLE}|\bmit\s+{_PEOPLE}\s+(?:zusammen|gemeinsam)\b", re.IGNORECASE
        ),
        1,
    ),
)
_FOR = re.compile(
    rf"\bfür\s+(?:(?P<self>mich)\b|(?P<who>{_RELATION}(?:{_ONE}|{_ANIMAL})\b|(?-i:{NAME_WORD}))(?P<name>{_NAMES}))",
    re.IGNORECASE,
)
_SUMMED_UP = re.compile(rf"\bfür\s+{_ITEM}(?:\s*,\s*(?:für\s+)?{_ITEM})*\s+und\s+(?:für\s+)?{_ITEM}", re.IGNORECASE)
_BY_SUBJECT = re.compile(
    rf"(?:^|[,.;:]|\bund)\s*(?:(?P<self>ich)\b|(?P<who>{_OWN}\s+{_ONE})\b(?P<name>{_NAMES}))", re.IGNORECASE
)
_BOUNDARY = re.compile(r"\s*[,;]\s+(?:und\s+)?|\.\s+|\s+(?:und|sowie)\s+", re.IGNORECASE)


class Companion(NamedTuple):
    """Somebody who comes along; "" for what is not known, and for the caller's own service."""

    service: str = ""
    staff: str = ""
    name: str = ""

    def args(self) -> dict[str, str]:
        """Return what a function takes of this person."""
        said = {"customer_name": self.name, "service": self.service, "staff": self.staff}
        return {name: value for name, value in said.items() if value}


class Share(NamedTuple):
    """What somebody of those who come together wants; `who` is "" for the caller."""

    who: str
    services: tuple[str, ...]
    staff: str
    name: str

    def companion(self, first: "Share") -> Companion:
        """Return the one who comes along with the first of them."""
        service = ", ".join(self.services)
        return Companion("" if service == ", ".join(first.services) else service, self.staff, self.name)


def read_shares(text: str, catalogue: Catalogue) -> tuple[Share, ...]:
    """Return what each person wants, if a sentence names it for two or more of them; the first one is the caller, if it names one.

    Empty if a service is beside no person.
    """
    summed_up = _SUMMED_UP.sub(",", text)  # "für mich und meinen Mann, Fango für mich, Massage für meinen Mann"
    for said, pattern in ((text, _FOR), (text, _BY_SUBJECT), (summed_up, _FOR)):
        shares = _read_shares(said, pattern, catalogue)
        if len({share.who for share in shares}) > 1 and all(share.services for share in shares):
            return tuple(sorted(shares, key=lambda share: share.who != ""))
    return ()


def _read_shares(text: str, pattern: re.Pattern[str], catalogue: Catalogue) -> list[Share]:
    parts, shares = _split(text, pattern), list[Share]()
    if len(parts) < 2:
        return []
    for part in parts:
        person = pattern.search(part)
        if person and person["who"] and (is_understood(person["who"]) or catalogue.find_services(person["who"])):
            person = None  # "für Montag"
        services = catalogue.find_services(part)
        if (
            person is None and services and not shares and pattern is _FOR
        ):  # "Massage am Montag, und für meinen Mann Fango"
            shares.append(Share("", services, "", ""))
            continue
        if person is None:
            if services:
                return []
            continue
        staff = next((each.person for each in find_people(pattern.sub(",", part), catalogue)), "")
        who = "" if person["self"] else person["who"].casefold()
        name = "" if person["self"] else _read_name(person["name"], catalogue)
        shares.append(Share(who, services, staff, name))
    return shares


def _split(text: str, pattern: re.Pattern[str]) -> list[str]:
    """Split a sentence into parts with one person each: where a part has no person and a service, the next one is joined."""
    parts: list[str] = []
    at = 0
    for boundary in _BOUNDARY.finditer(text):
        following = text[boundary.end() :]
        ends = len(pattern.findall(text[at : boundary.start()])) == 1
        is_after_own = (
            not parts and pattern is _FOR and pattern.match(following) and not pattern.search(text[: boundary.start()])
        )
        if is_after_own or (ends and pattern.search(f", {following}" if pattern is _BY_SUBJECT else following)):
            parts.append(
                f", {text[at : boundary.start()]}" if at and pattern is _BY_SUBJECT else text[at : boundary.start()]
            )
            at = boundary.end()
    last = text[at:]
    return [*parts, f", {last}" if at and pattern is _BY_SUBJECT else last]


def _read_name(said: str, catalogue: Catalogue) -> str:
    name = " ".join(said.split())
    return "" if " " not in name or catalogue.find_services(name) else name


def count_people(text: str) -> int:
    """Return how many people a sentence is for, as far as it names them; 1 if it names no more."""
    if total := _TOTAL.search(text):
        return _NUMBERS[(total["together"] or total["people"] or total["us"]).casefold()]
    lists = [(found[0], beside) for pattern, beside in _LISTS for found in pattern.finditer(text)]
    return max([1, *(_count_named(named) + beside for named, beside in lists)])


def _count_named(text: str) -> int:
    """Return how many people a list of them names; relatives without a number are two."""
    count = 0
    is_self_counted = False
    for each in _EACH.finditer(text):
        if each["self"]:
            count += not is_self_counted
            is_self_counted = True
        elif each["counted"]:
            count += _NUMBERS[each["number"].casefold()]
        else:
            count += 1 if each["one"] else 2
    return count


def is_relation(text: str) -> bool:
    """Return whether words are somebody's relation to the caller: "meine Schwester"."""
    return bool(_EACH.fullmatch(text))


def find_uncounted(text: str) -> str | None:
    """Return the words for people of whom a sentence does not say how many they are: "meine Kinder"."""
    named = " ".join(found[0] for pattern, _ in _LISTS for found in pattern.finditer(text))
    return next((each[0] for each in _EACH.finditer(named) if each["many"]), None)
