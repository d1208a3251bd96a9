"""Split a text for a name into one name without the words around it, a customer with companions, or people to ask about.

Only this module splits such a text. Pure.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from askproai_core.tenant_config import Service
from askproai_runtime.conversation.types import CallContext, ClarificationNeeded
from askproai_runtime.language.answer_words import Reply
from askproai_runtime.language.company import speaks_of_company
from askproai_runtime.language.customer_names import drop_relations, is_plain_name, is_sentence, read_customer_name
from askproai_runtime.language.name_words import (
    COMPANIONS,
    CUSTOMERS,
    FAMILY,
    FIRM,
    FIRST_NAMES,
    NO_NAME,
    OF_SENTENCES,
    POSSESSIVES,
    RELATIVES,
    SEVERAL_RELATIVES,
)
from askproai_runtime.language.names_alone import count_names, drop_around
from askproai_runtime.language.placeholders import drop_marks, names_nothing
from askproai_runtime.language.replies import COMPANY, companions_key
from askproai_runtime.language.spoken_services import find_named, names_service
from askproai_runtime.person_names import GENDERS, TITLES, fold, same_name
from askproai_runtime.sentences import say
from askproai_runtime.understood import UNDERSTOOD, not_behind

_FAMILY_NAME = re.compile(
    rf"(?:{UNDERSTOOD.companions.family_of}) \w+(?: \w+)?|(?:{UNDERSTOOD.companions.before_family}) \w+(?:s| family)"
)
_WORDS: Final = UNDERSTOOD.people
_OF_A_PERSON: Final = re.compile(
    rf"(?P<who>(?:\w+ )*\w+) (?:{_WORDS.of_whom}) (?!{_WORDS.behind_of})(?P<whom>\S.*)|[^,(]+['’]s? (?P<whose>\w+)"
)
_WITH: Final = rf"\b(?:{_WORDS.with_whom})\b"
_PARTS: Final = re.compile(
    r"\s*[(\[](?P<inside>[^()\[\]]*)[)\]]?\s*|\s*(?:(?:,\s*)?(?P<word>"
    rf"{not_behind(UNDERSTOOD.companions.of_whom)}\b(?:{_WORDS.and_words})|[&+]|{_WITH}|\b(?:{_WORDS.beside})\b|/)|[,;])\s*",
    re.IGNORECASE,
)
_JOINS: Final = _WORDS.joins | {"&", "+"}
_ALSO: Final = re.compile(rf"(?:[&+]|(?:{_WORDS.also})\b|{_WITH})", re.IGNORECASE)
_AGE = re.compile(
    rf"(?:(?:{_WORDS.before_age}) ?)?\d{{1,3}}(?: ?(?:{_WORDS.age_unit}))?(?: (?:{_WORDS.of_age}))?", re.IGNORECASE
)
_COUNTED = re.compile(rf"\b\d{{1,2}} ?(?:{_WORDS.counted}|x\b)|\+ ?\d", re.IGNORECASE)
_OTHER_NAME = re.compile(rf"(?:{_WORDS.instead_of})(?: [A-ZÄÖÜ][\w'-]+){{1,2}}")  # "Schmitz (nicht Schmidt)"
_NUMBER = re.compile(r"\d{3}|\d\.\d|@")  # of a customer, a telephone, or a day, or an address: no count
# A telephone number or an e-mail address behind a name.
_REACHED: Final = re.compile(
    r"(?P<name>[^\d@()]*?[^\W\d_]\.?)[\s,;:/–-]+"
    rf"(?P<reached>(?:(?:{_WORDS.reached_by})\b\.?:? ?)?\+?\d[\d\s/-]{{5,}}\d|[\w.+-]+@[\w-]+(?:\.[\w-]+)+)$"
)
# A placeholder of one part of a name: "Petra undefined". In capitals the last ones are names.
_UNKNOWN_PART: Final = re.compile(
    rf"(?:(?P<first>^)|(?<=\w) )(?:{_WORDS.unknown_part}|x{{3,}}|[?_-]+)(?(first) (?=\w)|$)", re.IGNORECASE
)
_SALUTATION: Final = rf"\b(?:{'|'.join(GENDERS)})\b\.?"
_EITHER: Final = re.compile(rf"{_SALUTATION}\s*/\s*{_SALUTATION}\s*", re.IGNORECASE)  # "Herr/Frau Lange"
_WITHIN_NAME = re.compile(rf"(?:{_WORDS.born})\b\D*|(?:{_WORDS.title})\b(?:[\s.]|(?-i:[a-z]))*", re.IGNORECASE)
_ANIMAL: Final = re.compile(rf"(?:{UNDERSTOOD.meanings.pet})\b")
_RELATIONS = COMPANIONS - GENDERS.keys()
_MAY_COME = (COMPANIONS - RELATIVES) | SEVERAL_RELATIVES | UNDERSTOOD.staff.somebody
_FULL_NAME = 2  # words
_MOST_WORDS = 3  # of a name beside a name


@dataclass(frozen=True, slots=True)
class People:
    """The people in a text for a name: the customer's `name`, companions (`others`), and words that describe them (`beside`).
    `may_bring`: these words may contain another person's name.

    `name` is "" if the text has several people without names (`is_unclear`), a relative without a name (`is_another`), or words
    that are not part of a name (`is_sentence`).
    """

    name: str
    beside: str = ""
    others: tuple[str, ...] = ()
    may_bring: bool = False
    is_unclear: bool = False
    is_another: bool = False
    is_sentence: bool = False


_UNCLEAR: Final = People("", is_unclear=True)


def read_people(text: str | None, services: Sequence[Service] = ()) -> People:
    """Return the people in a text. A name of one of `services` beside a person is a description."""
    alone = _EITHER.sub("", drop_around(text or ""))
    said = _REACHED.sub(_set_beside, alone if names_nothing(alone) else _UNKNOWN_PART.sub("", drop_marks(alone)))
    if not said or FIRM.search(said):
        return People(said)
    if _is_relative(said):
        return People("", is_another=True)
    named = drop_relations(said) if read_customer_name(said) else said  # "Caller ID"
    are_joined = any(sign not in {"", ",", "("} for sign, _ in _list_parts(said))
    is_group = not SEVERAL_RELATIVES.isdisjoint(fold(said.removesuffix(named)).split())
    has_relation = any(word in COMPANIONS or POSSESSIVES.fullmatch(word) for word in fold(said).split())
    if is_group or FAMILY.search(said) or (are_joined and has_relation):
        return _UNCLEAR
    found = _part(named, services)
    if found.is_unclear or found.others or not read_customer_name(found.name) or is_plain_name(found.name):
        return found
    if _COUNTED.search(found.name):
        return _UNCLEAR
    return People("", is_sentence=True) if is_sentence(found.name) or _NUMBER.search(found.name) else found


def _set_beside(found: re.Match[str]) -> str:
    reached = found["reached"].replace("+", "00", 1) if "@" not in found["reached"] else found["reached"]
    return f"{found['name']} ({reached})"


def names_several(text: str | None) -> bool:
    """Return True if a text names several people, or only says that there are several ("zwei Personen")."""
    people = read_people(text)
    return people.is_unclear or bool(people.others)


def names_one(name: str) -> bool:
    """Return whether a text is empty, a placeholder, or only the name of one person."""
    people = read_people(name)
    is_more = people.is_unclear or people.others or people.beside
    return not read_customer_name(name) or (is_plain_name(name) and not is_more)


def name_people(
    args: Mapping[str, Any], services: Sequence[Service], question: str, call: CallContext
) -> dict[str, Any]:
    """Return the arguments with the name alone as `customer_name`, its description in `notes`, and other people as
    `companions`.

    Raises `ClarificationNeeded` if the text is not one person's name. A text for several people is only stored once the caller
    has answered who comes along: by a no, or by the names of the companions. `question` asks for the name.
    """
    text = args.get("customer_name")
    people = read_people(text, services) if isinstance(text, str) else People("")
    reply = call.find_reply(companions_key(COMPANY), None)
    if reply is Reply.UNCLEAR and (people.is_unclear or people.may_bring):
        people = _read_several(str(text), services, call) or people
    if people.is_unclear:
        are_named = any(each.get("customer_name") for each in args.get("companions") or ())
        is_family = _FAMILY_NAME.fullmatch(fold(str(text))) is not None  # else two people are named
        if reply in {None, Reply.ASIDE} or not ((reply is Reply.NO and is_family) or are_named):
            raise ClarificationNeeded(say().who_comes_along, unclear="companions", needs_companions=COMPANY)
        people = People(_name_first(str(text), services))
    if people.is_another or people.is_sentence:
        raise ClarificationNeeded(question, unclear="customer_name")
    if not people.name:
        return dict(args)
    noted = str(args.get("notes") or "")
    is_noted = {*fold(people.beside).split()} <= {*fold(noted).split()}
    notes = noted if is_noted else "; ".join(filter(None, (noted, people.beside)))
    companions = _add_others(args.get("companions") or [], people.others)
    named = {"customer_name": people.name, "notes": notes, "companions": companions}
    return {**args, **{key: value for key, value in named.items() if value}}


def _read_several(text: str, services: Sequence[Service], call: CallContext) -> People | None:
    """Return the people in a text, whatever separates them; None if one is no person, or the caller may speak of nobody else."""
    names = [drop_relations(part) for _, part in _list_parts(re.sub(r"[()\n]", ",", text))]
    are_known = all(not FIRST_NAMES.isdisjoint(fold(each).split()) for each in names)
    speaks = any(map(speaks_of_company, call.utterances)) and not any(map(_ANIMAL.search, map(fold, call.utterances)))
    is_several = len(names) > 1 and all(_is_person(each, services) for each in names)
    return _name_each(names, services) if is_several and (are_known or speaks) else None


def _name_first(text: str, services: Sequence[Service]) -> str:
    """Return the first person in a text for several people, or the whole text if it begins with no full name: "Familie Lange".
    A first name and a surname are one person's: "Petra und Lange".
    """
    parts = [part for _, part in _list_parts(text)]
    if len(parts) == _FULL_NAME and [fold(each) in FIRST_NAMES for each in parts] == [True, False]:
        parts = [" ".join(parts)]
    head = drop_relations(parts[0])
    return head if count_names(head) >= _FULL_NAME and _is_person(head, services) else text


def _add_others(said: Sequence[Mapping[str, str]], others: Sequence[str]) -> list[dict[str, str]]:
    """Return the companions with the `others` added, each once. A companion without a name gets the first of these names."""
    companions = [dict(each) for each in said]
    for name in others:
        if any(same_name(name, each.get("customer_name", "")) for each in companions):
            continue
        unnamed = next((each for each in companions if not each.get("customer_name")), None)
        if unnamed is None:
            companions.append({"customer_name": name})
        else:
            unnamed["customer_name"] = name
    return companions


def read_name_alone(text: str | None, said: str | None) -> str:
    """Return the customer's name in a text, as `read_customer_name` returns it for the name without the words around it. If the
    text has several people without names, the whole text is read.
    """
    people = read_people(text)
    return read_customer_name(text if people.is_unclear else people.name, said)


def _is_relative(text: str) -> bool:
    """Return whether a text is a relative without a name: "mein Mann", "Mann von Petra Lange", "Petra's husband"."""
    words = fold(text).split()
    if all(word in NO_NAME for word in words):
        return any(POSSESSIVES.fullmatch(word) for word in words) and not RELATIVES.isdisjoint(words)
    found = _OF_A_PERSON.fullmatch(text)
    who = fold((found["who"] or found["whose"]) if found else "").split()
    is_title = not TITLES.isdisjoint(who[-1:]) and found is not None and found["who"] is not None and len(who) == 1
    return bool(who) and who[-1] in RELATIVES | CUSTOMERS and set(who) <= NO_NAME and not is_title


def _part(text: str, services: Sequence[Service]) -> People:
    """Return the people in a text. Words such as `und` join names; text after a comma or in parentheses describes a person."""
    (_, head), *rest = _list_parts(text)
    names, beside, may_bring = [head], list[str](), False
    for sign, part in rest:
        is_beside = sign in {",", "("} or (sign == "/" and describes_person(part))
        is_abbreviated = any(word.isupper() and len(word) > 1 for word in part.split())  # "VW Golf"
        is_cased = part.islower() <= head.islower() and is_abbreviated <= head.isupper()
        may_be_name = is_cased and _is_person(part, services)
        is_turned = count_names(head) == 1 and (_is_surname(head) or _is_surname(part))
        if not sign:
            names[-1] = f"{names[-1]} {part}"
        elif _asks_for_service(part, sign, services) or _ANIMAL.match(fold(part)):
            beside.append(part)
        elif is_beside and _WITHIN_NAME.fullmatch(part):
            names[-1] = f"{names[-1]}, {part}" if sign == "," else f"{names[-1]} ({part})"
        elif sign == "," and names == [head] and not beside and may_be_name and is_turned:
            names = [f"{head}, {part}"]  # "Lange, Petra Maria", "Frau Lange, Petra"
        elif _is_remark(part, sign):
            return People("", is_sentence=True)
        elif (
            not is_beside
            and may_be_name
            and sign in _JOINS
            and (all(map(_AGE.fullmatch, beside)) if beside else not _is_surname(part))
        ):  # "Otto, 8, und Mia, 6"
            names.append(part)
        elif not is_beside or _may_come(part):
            return _UNCLEAR
        elif not names_nothing(part):
            beside.append(part)
            is_word = part.islower() and count_names(part) == 1
            may_bring |= sign == "," and may_be_name and not is_word and len(part.split()) <= _MOST_WORDS
    found = _name_each(names, services)
    may_bring = may_bring and not any(map(_ANIMAL.match, map(fold, beside)))  # "Hund Lulu, Malteser": also its breed
    return replace(found, beside=", ".join(beside), may_bring=may_bring) if found.name else found


def _asks_for_service(part: str, sign: str, services: Sequence[Service]) -> bool:
    """Return True if a text beside a name asks for a service, and names nobody: "auch Ultraschall am selben Tag"."""
    is_beside = sign in {",", "("}
    if names_service(part, services):
        return is_beside or re.fullmatch(_WITH, sign) is not None
    named = [fold(text) for each in find_named(services, part) for text in (each.display_name, *each.spoken_names)]
    return is_beside and bool(named) and {*fold(part).split()} <= {*" ".join(named).split()} | _WORDS.of_the_visit


def _is_remark(part: str, sign: str) -> bool:
    is_known = _may_come(part) or describes_person(part) or _NUMBER.search(part) or _OTHER_NAME.fullmatch(part)
    is_note = sign in {",", "("} and is_known
    return sign not in _JOINS and not is_note and is_sentence(part)


def _may_come(part: str) -> bool:
    """Return True if a text beside a name may stand for further people who come: "zwei Personen", "und Sohn"."""
    return bool(_COUNTED.search(part) or _ALSO.match(part)) or not _MAY_COME.isdisjoint(fold(part).split())


def _list_parts(text: str) -> list[tuple[str, str]]:
    """Return the parts of a text, each with the sign or word before it: "(" inside parentheses, "" after them."""
    parts, sign, at = list[tuple[str, str]](), "", 0
    for found in _PARTS.finditer(text):
        if part := text[at : found.start()].strip():
            parts.append((sign if parts else "", part))
            sign = ""
        if inside := (found["inside"] or "").strip():
            parts.append(("(" if parts else "", inside))
        elif found["inside"] is None:
            sign = (found["word"] or sign or ",").casefold()
        at = found.end()
    last = text[at:].strip()
    return [*parts, (sign if parts else "", last)] if last or not parts else parts


def _is_person(text: str, services: Sequence[Service]) -> bool:
    """Return whether a text looks like a person's name: without a relation, company or service."""
    is_name = is_plain_name(text) and bool(read_customer_name(text)) and not FIRM.search(text)
    return is_name and _RELATIONS.isdisjoint(fold(text).split()) and not names_service(text, services)


def _name_each(names: Sequence[str], services: Sequence[Service]) -> People:
    """Return the people with these names. A first name before a full name shares its surname: "Petra und Otto Lange"."""
    if len(names) == 1:
        return People(_join_at_comma(names[0]))
    first, last = names[0], names[-1]
    if _is_surname(first) and count_names(last) == _FULL_NAME and len(names) == _FULL_NAME and _gender_of(last) is None:
        first = f"{first} {last.split(maxsplit=1)[1]}"
    elif _is_surname(first) and count_names(last) > 1:
        return _UNCLEAR
    return People(first, others=tuple(names[1:])) if "," not in first and _is_person(first, services) else _UNCLEAR


def _join_at_comma(name: str) -> str:
    """Return "Lange, Dr. Petra" and "Petra, Lange" without the comma. "Anna, Petra" is unchanged: it may be two people."""
    surname, _, first_name = name.partition(", ")
    are_known = [not FIRST_NAMES.isdisjoint(fold(each).split()) for each in (surname, first_name)]
    if not first_name or ", " in first_name or _WITHIN_NAME.fullmatch(first_name) or all(are_known):
        return name
    words = f"{surname} {first_name}" if are_known[0] else f"{first_name} {surname}"
    return " ".join(sorted(words.split(), key=lambda word: fold(word) not in TITLES))


def describes_person(text: str) -> bool:
    """Return whether a text beside a name is an age, a relation or a role: "8 Jahre", "mein Sohn", "Sohn von Petra Lange"."""
    if _AGE.fullmatch(text.strip()) or all(word in NO_NAME for word in fold(text).split()):
        return True
    found = _OF_A_PERSON.fullmatch(text.strip()) if _is_relative(text.strip()) else None
    words = fold((found["whom"] or "") if found else "").split()
    return found is not None and (OF_SENTENCES - _JOINS - NO_NAME).isdisjoint(words)


def _is_surname(text: str) -> bool:
    """Return whether a text is a single word of a name, without a title."""
    return count_names(text) == 1 and _gender_of(text) is None


def _gender_of(text: str) -> str | None:
    return next((GENDERS[word] for word in fold(text).split() if word in GENDERS), None)
