"""Whom a text names: one person without the words around the name, a caller and companions, or people who are asked about.

This is the one place that parts such a text. Pure.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from askproai_core.tenant_config import Service
from askproai_runtime.booking.customer_names import drop_relations, is_plain_name, is_sentence, read_customer_name
from askproai_runtime.booking.name_words import (
    COMPANIONS,
    FAMILY,
    FIRM,
    GENDERS,
    NO_NAME,
    PARTICLES,
    POSSESSIVES,
    RELATIVES,
    SEVERAL_RELATIVES,
    TITLES,
)
from askproai_runtime.booking.phrases import fold, same_name
from askproai_runtime.booking.spoken_services import names_service
from askproai_runtime.booking.types import ClarificationNeeded
from askproai_runtime.sentences import say

# A name that is spelled behind it: "Jolene Kaczmarek (K-A-C-Z-M-A-R-E-K)", "Lange, L A N G E".
_SPELLED = re.compile(
    r"\s*[(\[](?:[^\W\d_][-–.,\s]*)(?:[-–.,\s]+[^\W\d_])+[-–.,\s]*[)\]]|(?<=\w\w)[\s,:]+(?:[^\W\d_][-–. ]+){2,}[^\W\d_]\.?$"
)
# What is said before a name and behind it. Words that may be names, too, need a sign behind them: "So, Lange".
_BEFORE: Final = re.compile(
    r"(?:(?:ja|jo|yes|yeah|nein|nee|okay|also|äh|ähm|hallo|hello|guten (?:tag|morgen|abend)|good (?:morning|evening))\b[\s,.!:;]+"
    r"|(?:genau|ok|gut|no|falsch|wrong|richtig|right|hi|oh|well|so|bitte|please|neuer kunde|neukund(?:e|in)|ich bin['’]?s"
    r"|wie (?:ich )?(?:schon )?gesagt)\s*[,.!:;]\s*"
    r"|(?:(?:und|and) )?(?:(?:mein|der|my|the|her|his|voller|vollständiger|full|first|last) )?(?:vor|nach|familien|customer )?name"
    r"(?:(?: (?:ist|is|wäre|lautet)|['’]s)\s*:?|\s*:)\s+"
    r"|(?:ich hei(?:ß|ss)e|ich bin|hier ist|hier spricht|(?:das|es) (?:ist|wäre)|this is|it is|it['’]s|i am|i['’]m)"
    r"\s*:?(?: (?:die|der))?\s+"
    r"|(?:(?:ein |einen |the |an? )?(?:termin|appointment|buchung|booking) )?"
    r"(?:(?:auf|in|im|unter|on|under)(?: (?:de[nm]|the))? name[ns]?(?: (?:of|von))?|(?:auf|unter|under|für|fuer|for)(?! de[rmn] ))"
    r"\s*:?\s+"
    r"|(?:nicht|not) [^,]+,? (?:sondern|but)\s+)+",
    re.IGNORECASE,
)
_BEHIND: Final = re.compile(
    r"(?:[\s,]+(?:bitte(?: schön| sehr)?|please|danke|thanks|thank you|am apparat|am telefon|hier|here|speaking|hei(?:ß|ss)e ich"
    r"|(?:ist|is) (?:mein|my|der|the) name|mein name|noch ?mal|noch einmal|again|wieder|halt|eben|natürlich|oder so"
    r"|wie (?:ich )?(?:schon )?gesagt)[.!]*"
    r"|,? (?:mit|with(?: an?)?) (?:doppel[- ]?|double[- ]?|zwei |two )?(?:[a-zäöüß]|(?-i:[a-zäöüß]{2}))"
    r"(?: (?:hinten|am ende|at the end))?"
    r"|, (?:und |and )?(?:nicht|not) [^,]+|[.!;:,\s]+)$",
    re.IGNORECASE,
)
_LAST_NAME = re.compile(r",?\s*\b(?:nach|familien|last |sur)name(?: (?:ist|is))?\s*:?\s+", re.IGNORECASE)
_OF_A_PERSON: Final = re.compile(r"(?P<who>(?:\w+ )*\w+) (?:von|of) (?!und zu)\S.*|.+['’]s? (?P<whose>\w+)")
_SEPARATOR: Final = re.compile(
    r"\s*(?:(?P<also>(?:,\s*)?(?:\b(?:und|and|sowie|plus|samt|nebst|(?:zusammen |together )?(?:mit|with))\b"
    r"|\bu\b\.?(?=\s)|[&+/;]))|[,(])\s*|\)",
    re.IGNORECASE,
)
_AGE = re.compile(
    r"(?:(?:aged?|alter) ?)?\d{1,3}(?: ?(?:jahre?|j\.?|years?|yo|monate|months))?(?: (?:alt|old))?", re.IGNORECASE
)
_ONE_MORE = re.compile(
    r"(?:1|eins|eine?|one|noch jemand|noch eine?r?)(?: (?:weitere|andere|other|more))?(?: (?:person|gast|guest))?",
    re.IGNORECASE,
)
_COUNTED = re.compile(r"\b\d{1,2} ?(?:personen|person|pers\b|leute|people|x\b)|\+ ?\d", re.IGNORECASE)
_NUMBER = re.compile(r"\d{3}|\d\.\d")  # of a customer, a telephone, or a day: no count
_WITHIN_NAME = re.compile(
    r"(?:(?:geb\.?|geborene[rn]?|née|nee|born)\b|(?:jr|sr|junior|senior|dr|prof)\b\.?)\D*", re.IGNORECASE
)
_SURELY_PARTICLES = PARTICLES - {"al", "ben", "bin", "das"}  # these are first names as well
_WITH = ("mit", "with", "zusammen mit", "together with")


@dataclass(frozen=True, slots=True)
class People:
    """`name` is the customer's alone, and `beside` is what describes the named ones. `others` come along, "" without a name.

    Without a name: `is_unclear`, several people whom it does not name; `is_another`, a relative who has no name; `is_sentence`,
    words that are in no name.
    """

    name: str
    beside: str = ""
    others: tuple[str, ...] = ()
    is_unclear: bool = False
    is_another: bool = False
    is_sentence: bool = False


def read_people(text: str | None, services: Sequence[Service] = ()) -> People:
    """Return whom a text names. A name of the `services` beside a person describes the person."""
    said = _drop_around(_SPELLED.sub("", (text or "").strip().replace("\n", ", ")).strip())
    if not said or FIRM.search(said):
        return People(said)
    if _is_relative(said):
        return People("", is_another=True)
    named = drop_relations(said)
    if FAMILY.search(said) or not SEVERAL_RELATIVES.isdisjoint(fold(said.removesuffix(named)).split()):
        return People("", is_unclear=True)
    found = _part(named, services)
    if found.is_unclear or found.others or not read_customer_name(found.name) or is_plain_name(found.name):
        return found
    if _COUNTED.search(found.name):
        return People("", is_unclear=True)
    return People("", is_sentence=True) if is_sentence(found.name) or _NUMBER.search(found.name) else found


def name_people(args: Mapping[str, Any], services: Sequence[Service], question: str) -> dict[str, Any]:
    """Return the arguments with the name alone as `customer_name`, its description in `notes`, and the others as `companions`.

    Raises `ClarificationNeeded` each time where the text is no name of one person: such a text is never stored. `question` asks for
    the name.
    """
    text = args.get("customer_name")
    people = read_people(text, services) if isinstance(text, str) else People("")
    if people.is_unclear:
        raise ClarificationNeeded(say().who_comes_along, unclear="companions")
    if people.is_another or people.is_sentence:
        raise ClarificationNeeded(question, unclear="customer_name")
    if not people.name:
        return dict(args)
    notes = "; ".join(each for each in (str(args.get("notes") or ""), people.beside) if each)
    companions = _add_others(args.get("companions") or [], people.others)
    named = {"customer_name": people.name, "notes": notes, "companions": companions}
    return {**args, **{key: value for key, value in named.items() if value}}


def _add_others(said: Sequence[Mapping[str, str]], others: Sequence[str]) -> list[dict[str, str]]:
    """Return the companions with the others of a name: each once, and one without a name gets one."""
    companions = [dict(each) for each in said]
    for name in others:
        if any(name and same_name(name, each.get("customer_name", "")) for each in companions):
            continue
        unnamed = next((each for each in companions if not each.get("customer_name")), None)
        if unnamed is None and (name or not said):
            companions.append({"customer_name": name} if name else {})
        elif unnamed is not None and name:
            unnamed["customer_name"] = name
    return companions


def read_name_alone(text: str | None, said: str | None) -> str:
    """Return `read_customer_name` of the name alone; the text itself where it is of several people."""
    people = read_people(text)
    return read_customer_name(text if people.is_unclear else people.name, said)


def _drop_around(text: str) -> str:
    """Return a name without the words around it."""
    before = None
    while text != before:
        before = text
        text = _BEHIND.sub("", text[found.end() :] if (found := _BEFORE.match(text)) else text).strip()
    return _LAST_NAME.sub(" ", text).strip()


def _is_relative(text: str) -> bool:
    """Return whether a text is a relative without a name: "mein Mann", "Mann von Petra Lange", "Petra's husband"."""
    words = fold(text).split()
    if all(word in NO_NAME for word in words):
        return any(POSSESSIVES.fullmatch(word) for word in words) and not RELATIVES.isdisjoint(words)
    found = _OF_A_PERSON.fullmatch(text)
    who = fold((found["who"] or found["whose"]) if found else "").split()
    is_title = "frau" in who[-1:] and found is not None and found["who"] is not None and len(who) == 1
    return bool(who) and who[-1] in RELATIVES and set(who) <= NO_NAME and not is_title


def _part(text: str, services: Sequence[Service]) -> People:
    """Return the people of a text whose names have signs or words between them."""
    (_, head), *rest = _list_parts(text)
    names, beside = [head], list[str]()
    for sign, part in rest:
        is_beside = sign in {",", "("}
        if names_service(part, services) and (is_beside or sign in _WITH):
            beside.append(part)
        elif is_beside and _WITHIN_NAME.fullmatch(part):
            names[-1] = f"{names[-1]}, {part}" if sign == "," else f"{names[-1]} ({part})"
        elif is_beside and (describes_person(part) or _NUMBER.search(part)):
            beside.append(part)
        elif sign == "(" and _is_one_name(part) and part[0].isupper():  # how somebody is called
            names[-1] = f"{names[-1]} ({part})"
        elif (
            sign == "," and len(names) == 1 and _is_one_name(head) and _gender_of(head) is None and is_plain_name(part)
        ):
            names = [f"{head}, {part}"]  # "Lange, Petra"
        elif is_beside and part.islower() and (not head.islower() or _is_one_name(part)):
            beside.append(part)
        elif (other := _read_other(part, sign, services, has_ages=any(map(_AGE.fullmatch, beside)))) is not None:
            names.append(other)
        elif (is_beside or sign in _WITH) and is_sentence(part):
            return People(text)
        else:
            return People("", is_unclear=True)
    return _name_each(names, ", ".join(beside))


def _list_parts(text: str) -> list[tuple[str, str]]:
    """Return the parts of a text, each with the sign or word before it."""
    nobility = re.search(r"\bvon und zu\b", text, re.IGNORECASE)
    parts, sign, at = list[tuple[str, str]](), "", 0
    for found in _SEPARATOR.finditer(text):
        if nobility and nobility.start() <= found.start() < nobility.end():
            continue
        if part := text[at : found.start()].strip():
            parts.append((sign, part))
            sign = ""
        sign, at = found["also"] or sign or found.group().strip()[:1], found.end()
    last = text[at:].strip()
    return [*parts, (sign.strip(", ").casefold() or sign.strip() or ",", last)] if last else parts or [("", text)]


def _read_other(part: str, sign: str, services: Sequence[Service], *, has_ages: bool) -> str | None:
    """Return the name of another person of a text, "" of one without a name; None where the part is not certainly one person."""
    said, words = _drop_around(part), fold(part).split()
    name = drop_relations(said)
    if sign not in {",", "("} and (
        _ONE_MORE.fullmatch(part) or (_is_companion(words) and SEVERAL_RELATIVES.isdisjoint(words))
    ):
        return ""
    if not is_plain_name(name) or not read_customer_name(name) or names_service(part, services):
        return None
    is_first_name = _is_one_name(name) and _gender_of(name) is None and name == said
    return None if is_first_name and (sign in {",", "("} or not has_ages) else name


def _is_companion(words: Sequence[str]) -> bool:
    return all(word in NO_NAME for word in words) and not COMPANIONS.isdisjoint(words)


def _name_each(names: Sequence[str], beside: str) -> People:
    """Return the people of these names. First names before a full one share its surname: "Petra und Otto Lange"."""
    if len(names) == 1:
        return People(names[0], beside)
    first, last = names[0], names[-1]
    if _is_one_name(first) and _gender_of(first) is None and len(last.split()) > 1:
        first = f"{first} {last.split(maxsplit=1)[1]}"
    if not is_plain_name(first) or not read_customer_name(first):
        return People("", is_unclear=True)
    return People(first, beside, tuple(names[1:]))


def describes_person(text: str) -> bool:
    """Return whether a text beside a name is an age, a relation or a role: "8 Jahre", "mein Sohn", "Neukundin"."""
    return _AGE.fullmatch(text.strip()) is not None or all(word in NO_NAME for word in fold(text).split())


def _is_one_name(text: str) -> bool:
    return len([word for word in text.split() if fold(word) not in TITLES | _SURELY_PARTICLES]) == 1


def _gender_of(text: str) -> str | None:
    return next((GENDERS[word] for word in fold(text).split() if word in GENDERS), None)
