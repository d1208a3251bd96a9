"""From what a language model passes for one argument to its value: a text, a boolean, or those who come along."""

import ast
import json
import math
import re
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from askproai_core.http_server import read_json
from askproai_core.lenient_json import REPEATED
from askproai_runtime.booking import (
    describes_person,
    drop_titles,
    fold,
    join_list,
    leaves_open,
    names_nothing,
    names_unknown,
    read_claim,
    read_customer_name,
    read_people,
    refuses_contact,
    says_no_call_back,
    says_nobody,
)
from askproai_runtime.calls.argument_table import ArgumentRule, fold_key, rules_of
from askproai_runtime.german_dates import MONTHS, Argument, find_agreed

MAX_CHARACTERS = 500
_MAX_COMPANIONS = 10  # that are read; fewer are booked
_OF_COMPANIONS = frozenset({"customer_name", "service", "staff"})
_NAMES_OF_COMPANIONS = frozenset({"person", "guest", "companion", "gast", "begleiter", "attendee"})  # keys
_NUMBERED = re.compile(r".*\d")  # keys of several people: `1`, `guest_2`
# How many come along, and names alone, in a text: "zwei weitere Personen", "Mia und Ben".
_COUNTS = {"ein": 1, "eine": 1, "one": 1, "zwei": 2, "two": 2, "drei": 3, "three": 3, "vier": 4, "four": 4}
_COUNT = re.compile(
    rf"({'|'.join(_COUNTS)}|\d{{1,2}})(?: (?:weitere[nr]?|andere|more|other))?(?: (?:personen?|leute|people|persons?))?"
)
_ANSWERS = frozenset({"false", "nee", "nein", "no", "nope", "true"})  # "nein danke" is one, "keine Angabe" is none
# Words that name nobody and leave open who comes along, and those that make more of a text than a name.
_YES = frozenset({"bitte", "gern", "gerne", "ja", "jo", "ok", "okay", "please", "sehr", "sure", "true", "yep", "yes"})
_MORE_THAN_NAME = re.compile(r"\b(?:nicht|kein\w*|ohne|not|without|bei|with)\b", re.IGNORECASE)
_WITH_STAFF = re.compile(
    r"(?P<customer_name>[^(),]+?),? \(?(?:bei|with) (?P<staff>\w[\w-]*(?: \w[\w-]*)?)\)?", re.IGNORECASE
)
_SEPARATOR = re.compile(r"\s*(,?\s*\b(?:und|and)\b|[,;&+])\s*")
_MOST_BITS = 1_000
_LONGEST_LITERAL = 5_000
_NAMED = frozenset({"branch", "customer_name", "service", "staff"})
_FEWEST_DIGITS = 7  # of a telephone number that may be the end of another writing of it
_LONGEST_DAY = 2  # digits: a day of no month
_ADDRESS = re.compile(r"\S+@\S+")
_MAX_ENCODINGS = 3  # of JSON in JSON
_SEVERAL = frozenset({"date", "time", "part_of_day", "start"})  # any of a list will do
_TIMES = {
    "date": Argument.DATE, "appointment_date": Argument.DATE, "time": Argument.TIME, "appointment_time": Argument.TIME,
    "part_of_day": Argument.PART_OF_DAY,
}  # fmt: skip
# Whole answers that say more than yes or no, by argument. "Weitere Infos" and "second attempt" are none.
_FURTHER_ONE = (
    r"(?:noch ein(?:e[mnrs]?)?|(?:ein\w* )?(?:weitere[nrs]?|zusätzliche[nrs]?|zweite[nrs]?)"
    r"|another|(?:an? )?(?:additional|second)|(?:one|1) more)"
)
_AGREEMENTS = {
    "another": re.compile(
        rf"(?:(?:ja|yes|gerne?|bitte|please) )*{_FURTHER_ONE}(?: (?:one|termin|buchung|appointment|booking|bitte|please|dazu))*"
    ),
    "confirmed": re.compile(
        r"(?:bitte |please )?(?:absagen|stornieren|streichen|löschen|cancel(?: it)?)(?: bitte| please)?"
    ),
}


def is_empty(value: Any) -> bool:
    """Return whether a value says nothing that could be missed."""
    if isinstance(value, list | dict):
        return not any(not is_empty(text) for _, text in list_leaves(value))
    if isinstance(value, str):
        return names_nothing(value) or leaves_open(value)
    return value is None or value is False or (isinstance(value, float) and math.isnan(value))


def says_nothing(text: str) -> bool:
    """Return whether a text for a person says nothing; a refusal says something: `bitte keine E-Mail`."""
    return (names_nothing(text) and not refuses_contact(text)) or leaves_open(text)


def read_value(rule: ArgumentRule, value: Any) -> str | bool | None:
    """Return the text or boolean of an argument; None where its value is another one, or absent."""
    if isinstance(value, list) and (rule.is_text or rule.name in {"service", "staff"}):
        value = join_texts(value)
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, list) and value and rule.name in _SEVERAL and all(_is_written_time(each) for each in value):
        value = join_list(_drop_repeated(value, _TIMES.get(rule.name)))
    if rule.is_boolean:
        return _read_boolean(rule, value)
    if rule.name == "call_back" and value is True:
        return "true"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = to_text(value).replace("\0", "").strip()
    if rule.is_text and refuses_contact(text):
        return text
    if rule.name == "call_back" and says_no_call_back(text, alone=True):
        return text  # it takes back what the call has asked for
    return None if names_nothing(text) or (rule.is_choice and leaves_open(text)) else text


def merge_values(rule: ArgumentRule, first: Any, second: Any) -> Any:
    """Return the one value of two that agree; None of two that do not.

    Remarks are joined. A weekday beside a date is said with it, so that the two are understood together.
    """
    if rule.name == "companions":
        return _join_companions(first, second)
    one, other = fold(to_text(first)), fold(to_text(second))
    if one == other or (other.isdigit() and rule.name in _NAMED):  # the number of a record beside the name
        return first
    if rule.is_text:
        joined = f"{first}, {second}"
        return joined if len(joined) <= MAX_CHARACTERS else None
    if rule.name == "phone":
        digits = sorted((_digits(one), _digits(other)), key=len)
        return first if len(digits[0]) >= _FEWEST_DIGITS and digits[1].endswith(digits[0]) else None
    if rule.name == "customer_name":
        words, more = set(drop_titles(one).split()), set(drop_titles(other).split())
        if words == more:
            return max(first, second, key=len)
        return first if more < words else second if words < more else None
    if (argument := _TIMES.get(rule.name)) and (agreed := find_agreed(to_text(first), to_text(second), argument)):
        return agreed
    if rule.name.endswith("date"):
        days, dates = (
            [each.strip(". ") for each in (first, second) if each.strip(". ").isalpha() and fold(each) not in MONTHS],
            [each for each in (first, second) if any(map(str.isdigit, each))],
        )
        return f"{days[0]} {dates[0]}" if days and dates and len(dates[0]) > _LONGEST_DAY else None
    return None


def _join_companions(first: list[dict[str, str]], second: list[dict[str, str]]) -> list[dict[str, str]] | None:
    """Return all who come along by two lists, each once. A list without names is how many the other one names."""
    counted, named = (second, first) if any(first) else (first, second)
    if counted and not any(counted):
        return named if len(counted) == len(named) else None
    joined = list(first)
    for each in second:
        at = next((at for at, other in enumerate(joined) if _is_same(each, other)), None)
        if at is None:
            joined.append(each)
        else:
            joined[at] = joined[at] | each
    return joined


def _is_same(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Return whether two entries are of one person: of one name, without a contradiction."""
    is_named = fold(one.get("customer_name", "")) == fold(other.get("customer_name", "")) != ""
    return is_named and all(fold(one[key]) == fold(other[key]) for key in one.keys() & other.keys())


def _drop_repeated(texts: list[str], argument: Argument | None) -> list[str]:
    """Return the texts of a list without those that say another one again, or its weekday."""
    if argument is None:
        return list(dict.fromkeys(texts))
    kept = list[str]()
    for text in dict.fromkeys(texts):
        agreed = {at: found for at, each in enumerate(kept) if (found := _find_same(each, text, argument))}
        for at, found in agreed.items():
            kept[at] = found
        kept += [] if agreed else [text]
    return list(dict.fromkeys(kept))


def _find_same(first: str, second: str, argument: Argument) -> str | None:
    if (found := find_agreed(first, second, argument)) or argument is not Argument.DATE:
        return found
    for day, date in ((first, second), (second, first)):
        if day.strip(". ").isalpha() and any(map(str.isdigit, date)) and find_agreed(f"{day} {date}", date, argument):
            return date
    return None


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text).lstrip("0")


def _is_written_time(value: Any) -> bool:
    """Return whether a value is a text with more than a number in it: numbers in a list may be an hour and its minute."""
    return isinstance(value, str) and bool(value) and not value.isdecimal() and not names_nothing(value)


def _read_boolean(rule: ArgumentRule, value: Any) -> bool | None:
    """Return what a boolean says, also in words. Words that are neither a yes nor a no are none."""
    if isinstance(value, str):
        says_nothing = names_nothing(value) and fold(value).partition(" ")[0] not in _ANSWERS
        return None if says_nothing else read_claim(value, _AGREEMENTS.get(rule.name), cancels=rule.name == "confirmed")
    return bool(value) if isinstance(value, bool | int | float) and value in {0, 1} else None


def read_companions(value: Any) -> tuple[list[dict[str, str]] | None, list[tuple[str, Any]]]:
    """Return an object for each who comes along: of a list of them, as JSON too, of names alone, or of how many there are; and what
    was not read, by its names. None if nothing was said of them, which an empty list says.

    Nobody of a list is left out, whatever the entry is: one who was would come for nothing. By the schema an empty object is a
    person without a name.
    """
    if isinstance(value, str):
        value = decode_text(value)
    if isinstance(value, str) and names_nothing(value) and not (_says_nobody(value) or names_unknown(value)):
        return None, []
    if isinstance(value, str) and (count := _COUNT.fullmatch(value.casefold())):
        value = _COUNTS.get(count[1], 0) or int(count[1])
    if isinstance(value, bool) or value is None:
        return None, [("", True)] if value else []
    if isinstance(value, str) and _says_nobody(value):
        return [], []
    if isinstance(value, int | float):
        count_read = 0 if not value > 0 else int(min(value, _MAX_COMPANIONS))
        return [{}] * count_read, [] if count_read == value else [("", value)]
    entries = [_split_staff(each) for each in _list_entries(value) if each not in (None, "") and not _says_nobody(each)]
    if any(isinstance(each, str) and _is_no_name(each) for each in entries):
        return None, [("", value)]
    read = [_read_companion(each) for each in entries]
    companions = [companion for found, _ in read for companion in found]
    rest = [("", each) for each in companions[_MAX_COMPANIONS:]]
    return companions[:_MAX_COMPANIONS], [each for _, unread in read for each in unread] + rest


def _split_staff(entry: Any) -> Any:
    """Return `Otto Lange bei Julia` as a person with a member of the staff."""
    found = _WITH_STAFF.fullmatch(entry.strip()) if isinstance(entry, str) else None
    return found.groupdict() if found and not any(map(_MORE_THAN_NAME.search, found.groups())) else entry


def _is_no_name(text: str) -> bool:
    words = set(fold(text).split())
    return bool(_ADDRESS.search(text) or _MORE_THAN_NAME.search(text) or (words and words <= _YES))


def _says_nobody(entry: Any) -> bool:
    """Return whether an entry is nobody: `nur ich`, or an object with no other name. `none` for a name is a person without one."""
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
    """Return the entries of a list, of a text of names, or of the object that holds either."""
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
    """Return the names in a text, each with what describes its person behind a comma: `Otto, 8` and `Mia, 6`."""
    first, *more = _SEPARATOR.split(text)
    names = [first]
    for sign, part in zip(more[::2], more[1::2], strict=True):
        if sign.strip() == "," and describes_person(part) and read_customer_name(names[-1]):
            names[-1] = f"{names[-1]}, {part}"
        else:
            names.append(part)
    return names


def _argument_of_companion(key: str) -> str | None:
    """Return which argument of one who comes along a key is a name of, with the aliases of the caller's own arguments."""
    folded = fold_key(key)
    if folded in _NAMES_OF_COMPANIONS:
        return "customer_name"
    rule = rules_of("book_appointment").get(folded)
    return rule.name if rule is not None and rule.name in _OF_COMPANIONS else None


def _read_companion(value: Any) -> tuple[list[dict[str, str]], list[tuple[str, Any]]]:
    """Return the arguments of one who comes along, or of each in the name, and what else was said. One whose name is a placeholder
    comes all the same.
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
    if not people.name or not all(map(describes_person, people.beside.split(", "))):
        return [companion], unread  # the booking asks
    others = [{"customer_name": each} if each else {} for each in people.others]
    return [companion | {"customer_name": people.name}, *others], [*unread, ("note", people.beside)]


def _list_said(value: Any) -> list[tuple[str, Any]]:
    """Return the values of a companion by their keys, with those of an object for the person: `customer: {name, service}`."""
    if not isinstance(value, dict):
        return [("customer_name", value)]
    said = list[tuple[str, Any]]()
    for key, each in value.items():
        is_person = isinstance(each, dict) and _argument_of_companion(key) == "customer_name"
        said += each.items() if is_person else [(key, each)]
    return said


def _read_text(name: str, value: Any) -> str | None:
    """Return a companion's argument."""
    if name == "service" and isinstance(value, list | dict) and REPEATED not in value:
        value = join_texts(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = to_text(value).strip()
    return None if name != "customer_name" and (names_nothing(text) or leaves_open(text)) else text or None


def decode_text(text: str) -> Any:
    """Return the value of a text that is JSON, also of JSON in JSON; any other text without its blanks, None without any."""
    value: Any = text
    for _ in range(_MAX_ENCODINGS):
        try:
            value = read_json(value.encode("utf-8", "replace"), object)
        except msgspec.DecodeError:
            return _decode_literal(value) if is_encoded(value) else value.strip() or None
        if not is_encoded(value):
            break
    return value


def _decode_literal(text: str) -> Any:
    """Return the value of a text that is nearly JSON, with single quotes or a comma too many; any other text as it is."""
    try:
        value = ast.literal_eval(text.strip()) if len(text) <= _LONGEST_LITERAL else text
        return json.loads(json.dumps(value)) if isinstance(value, dict | list) else text.strip()
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return text.strip()


def is_encoded(value: Any) -> bool:
    """Return whether a value is a text that may be JSON with more than a number or a word in it."""
    return isinstance(value, str) and value.lstrip()[:1] in {"{", "[", '"'}


def to_text(value: Any) -> str:
    """Return a text, number or boolean as a text that PostgreSQL and JSON accept."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return "Infinity"  # Python writes no number of thousands of digits
    return str(value).encode("utf-8", "replace").decode()


def list_leaves(value: Any) -> list[tuple[str, Any]]:
    """Return the texts, numbers and booleans in a JSON value, in order, each with the last name above it.

    Not by recursion: the depth is the sender's.
    """
    leaves, rest = list[tuple[str, Any]](), [("", value)]
    while rest:
        name, each = rest.pop()
        match each:
            case list():
                rest += ((name, item) for item in reversed(each))
            case dict():
                rest += reversed([(str(key), of) for key, of in each.items()])
            case None:
                pass
            case _:
                leaves.append((name, each))
    return leaves


def join_texts(value: Any) -> str:
    """Return all texts and numbers of a value in one text."""
    texts = (to_text(each).strip() for _, each in list_leaves(value) if not isinstance(each, bool))
    return ", ".join(text for text in texts if text)


def _is_nothing(leaf: Any) -> bool:
    return says_nothing(leaf) if isinstance(leaf, str) else is_empty(leaf)


def describe_object(value: Mapping[str, Any], plain: Collection[str]) -> str:
    """Return all that an object says in one text, each value with its name, but for the `plain` names."""
    said = [(name, to_text(each).strip()) for name, each in list_leaves(value) if not _is_nothing(each)]
    return ", ".join(text if not name or name in plain else f"{name}: {text}" for name, text in said)
