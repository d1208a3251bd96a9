"""Read the `companions` argument of a language model: from any form of it to one object for each companion."""

import re
from math import isnan
from typing import Any, Final

from askproai_runtime.conversation.arguments.counts import count_related, read_count
from askproai_runtime.conversation.arguments.table import fold_key, rules_of
from askproai_runtime.conversation.arguments.values import (
    MAX_CHARACTERS,
    decode_text,
    join_texts,
    merge_values,
    to_text,
)
from askproai_runtime.conversation.named_people import describes_person, read_people
from askproai_runtime.language.customer_names import (
    is_relation,
    names_unknown,
    read_customer_name,
    says_nobody,
)
from askproai_runtime.language.names_alone import is_surely_name
from askproai_runtime.language.placeholders import leaves_open, names_nothing
from askproai_runtime.lenient_json import REPEATED
from askproai_runtime.person_names import fold, same_name
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.arguments
_MAX_COMPANIONS = 10  # that are read; fewer are booked
_OF_COMPANIONS = frozenset({"birth_date", "customer_name", "service", "staff"})
_NAMES_OF_COMPANIONS = UNDERSTOOD.argument_names.companions
COUNTED: Final = {"customer_name": ""}  # a person of a number of people
_NUMBERED = re.compile(r".*\d")  # keys of several people: `1`, `guest_2`
# Words that name nobody and leave open who comes along, and those that make more of a text than a name.
_YES = _WORDS.yes | {"true"}
_MORE_THAN_NAME = re.compile(rf"\b(?:{_WORDS.more_than_name})\b", re.IGNORECASE)
_WITH_STAFF = re.compile(
    rf"(?P<customer_name>[^(),]+?),? \(?(?:{_WORDS.at_staff}) (?P<staff>\w[\w-]*(?: \w[\w-]*)?)\)?", re.IGNORECASE
)
_SEPARATOR = re.compile(rf"\s*(,?\s*\b(?:{_WORDS.and_words})\b|[,;&+])\s*")
_ADDRESS = re.compile(r"\S+@\S+")


def read_companions(value: Any) -> tuple[list[dict[str, str]] | None, list[tuple[str, Any]]]:
    """Return one object for each companion, and the unread values with their keys. The first is None if the value does not
    speak of companions, and [] if nobody comes along. The value may be a list, JSON, names alone, or a number of people.

    Each entry of a list is a companion, also an empty one: without it, that person would come for nothing. The only entry, and one
    beside others, is nobody if its fields are all empty: a model fills in the schema.
    """
    if isinstance(value, str):
        value = decode_text(value)
    says_nothing = isinstance(value, str) and (names_nothing(value) or leaves_open(value))
    if says_nothing and not (_says_nobody(value) or names_unknown(value)):
        return None, []
    if isinstance(value, str) and (count := read_count(value)) is not None:
        value = count
    alone = value[0] if isinstance(value, list) and len(value) == 1 else value
    if isinstance(alone, str) and (count := count_related(alone)) is not None:
        value = count
    if isinstance(value, bool) or value is None:
        return None, [("", True)] if value else []
    if isinstance(value, str) and _says_nobody(value):
        return [], []
    if isinstance(value, int | float):
        is_number = isinstance(value, int) or not isnan(value)
        count_read = int(min(max(value, 0), _MAX_COMPANIONS)) if is_number else 0
        return [COUNTED] * count_read, [] if count_read == value or value < 0 else [("", value)]
    entries = [_split_staff(each) for each in _list_entries(value) if each not in (None, "") and not _says_nobody(each)]
    filled = [each for each in entries if not is_unfilled(each)]
    entries = filled if filled or len(entries) == 1 else entries
    counts = {read_count(each) for each in entries} - {None}  # beside names: {count: 2, names: [Mia, Leon]}
    entries = [each for each in entries if read_count(each) is None]
    is_unclear = any(isinstance(each, str) and _is_no_name(each) and not names_unknown(each) for each in entries)
    if is_unclear or not counts <= {len(entries)}:
        return None, [("", value)]
    read = [_read_companion(each) for each in entries]
    companions = [companion for found, _ in read for companion in found]
    rest = [("", each) for each in companions[_MAX_COMPANIONS:]]
    return companions[:_MAX_COMPANIONS], [each for _, unread in read for each in unread] + rest


def settle_caller(values: dict[str, Any], *, is_for_one: bool) -> dict[str, Any]:
    """Return the arguments without the caller, whom a model may list among the companions by full name or first name. As the only
    companion the entry stays, with the full name, also of "P. Lange" or "Lange, Petra", and of "Frau Lange" if the words are
    `is_for_one`: it is asked whether two appointments are meant.
    """
    companions, service = values.get("companions") or [], fold(values.get("service", ""))
    name = read_customer_name(read_people(values.get("customer_name")).name)
    may_be_own = [
        each
        for each in companions
        if name and {"customer_name"} <= {*each} <= {"customer_name", "service"}
        if fold(each.get("service", service)) == service
        if same_name(said := each["customer_name"], name) and len(said.split()) <= len(name.split())
        if is_for_one or any(fold(name).startswith(part) for part in fold(said).split())  # not "Lange" alone
    ]
    if values.get("another") or not may_be_own:
        return values
    if len(companions) == 1:
        return {**values, "companions": [{**companions[0], "customer_name": name}]}
    own = [each for each in may_be_own if fold(each["customer_name"]) in {fold(name), fold(name).split()[0]}]
    return {**values, "companions": [each for each in companions if each not in own]} if len(own) == 1 else values


def is_unfilled(entry: Any) -> bool:
    """Return True if an entry has fields, all of them empty or a placeholder. "Unbekannt" is a person, and so is `{}`."""
    texts = ["" if each is None else each for each in entry.values()] if isinstance(entry, dict) else []
    are_empty = all(isinstance(each, str) and (names_nothing(each) or leaves_open(each)) for each in texts)
    return bool(texts) and are_empty and not any(map(names_unknown, texts))


def _split_staff(entry: Any) -> Any:
    """Return a text such as `Otto Lange bei Julia` as an object with the companion's name and the staff member."""
    found = _WITH_STAFF.fullmatch(entry.strip()) if isinstance(entry, str) else None
    return found.groupdict() if found and not any(map(_MORE_THAN_NAME.search, found.groups())) else entry


def _is_no_name(text: str) -> bool:
    words = set(fold(text).split())
    return bool(_ADDRESS.search(text) or _MORE_THAN_NAME.search(text) or (words and words <= _YES))


def _says_nobody(entry: Any) -> bool:
    """Return True if an entry says that nobody comes along: as a text, or as its only name (`nur ich`). `none` is a person."""
    text = entry if isinstance(entry, str) else ""
    if isinstance(entry, dict) and len(entry) == 1:
        ((key, said),) = entry.items()
        text = (
            said
            if _argument_of_companion(key) == "customer_name" and isinstance(said, str) and fold(said) != "none"
            else ""
        )
    return says_nobody(text)


def _list_entries(value: Any) -> list[Any]:
    """Return the entries of a list, of a text of names, or of an object that contains such entries."""
    if isinstance(value, str):
        return _split_names(value)
    if not isinstance(value, dict):
        return list(value)
    is_person = any(_argument_of_companion(key) for key in value)
    are_texts = not any(isinstance(entry, list | dict) for entry in value.values())
    if not value or is_person or (are_texts and not all(map(_NUMBERED.fullmatch, value))):
        return [value] if value else []
    return [each for entry in value.values() for each in (entry if isinstance(entry, list) else [entry])]


def _split_names(text: str) -> list[str]:
    """Return the names in a text. A name keeps a description that follows it after a comma: `Otto, 8` and `Mia, 6`."""
    first, *more = _SEPARATOR.split(text)
    names = [first]
    for sign, part in zip(more[::2], more[1::2], strict=True):
        if sign.strip() == "," and is_relation(names[-1]) and read_customer_name(part):
            names[-1] = part  # "mein Mann, Otto Lange" is one person
        elif sign.strip() == "," and describes_person(part) and read_customer_name(names[-1]):
            names[-1] = f"{names[-1]}, {part}"
        else:
            names.append(part)
    return names


def _argument_of_companion(key: str) -> str | None:
    """Return the argument of a companion (`customer_name`, `service`, `staff`) that a key or alias means; None for other keys."""
    folded = fold_key(key)
    if folded in _NAMES_OF_COMPANIONS:
        return "customer_name"
    rule = rules_of("book_appointment").get(folded)
    return rule.name if rule is not None and rule.name in _OF_COMPANIONS else None


def _read_companion(value: Any) -> tuple[list[dict[str, str]], list[tuple[str, Any]]]:
    """Return the arguments of one companion, or of each person if the name has several, and the unread values with their keys.
    A companion whose name is a placeholder comes all the same.
    """
    rules, companion, unread = rules_of("book_appointment"), dict[str, str](), list[tuple[str, Any]]()
    for key, said in _list_said(value):
        name = _argument_of_companion(key)
        text = _read_text(name, said) if name else None
        if name is None or text is None:
            unread.append((key, said))
            continue
        merged = merge_values(rules[fold_key(name)], companion[name], text) if name in companion else text
        if merged is None:
            unread.append((key, said))
        else:
            companion[name] = merged[:MAX_CHARACTERS]
            unread.append((key, text[MAX_CHARACTERS:]))
    people = read_people(companion.get("customer_name"))
    parts = [each.strip() for each in re.split(r"[,\n]", companion.get("customer_name", ""))]
    if (people.may_bring or "," in people.name) and all(map(is_surely_name, parts)):
        return [companion | {"customer_name": each} for each in parts], unread
    if not people.name or not all(map(describes_person, people.beside.split(", "))):
        return [companion], unread  # the booking asks
    others = [{"customer_name": each} if each else {} for each in people.others]
    return [companion | {"customer_name": people.name}, *others], [*unread, ("note", people.beside)]


def _list_said(value: Any) -> list[tuple[str, Any]]:
    """Return a companion's values with their keys. A nested object for the person is flattened: `customer: {name, service}`."""
    if not isinstance(value, dict):
        return [("customer_name", value)]
    said = list[tuple[str, Any]]()
    for key, each in value.items():
        is_person = isinstance(each, dict) and _argument_of_companion(key) == "customer_name"
        said += each.items() if is_person else [(key, each)]
    return said


def _read_text(name: str, value: Any) -> str | None:
    """Return a companion's value as text; None if it is neither text nor number, or says nothing or "no matter"."""
    if name == "service" and isinstance(value, list | dict) and REPEATED not in value:
        value = join_texts(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = to_text(value).strip()
    return None if name != "customer_name" and (names_nothing(text) or leaves_open(text)) else text or None
