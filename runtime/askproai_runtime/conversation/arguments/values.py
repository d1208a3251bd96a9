"""Read one argument's value, a text or a boolean, from the value that a language model passed."""

import ast
import itertools
import json
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec

from askproai_runtime.conversation.amended_messages import withdraws_call_back
from askproai_runtime.conversation.arguments.table import FUNCTION_NAMES, WRAPPERS, ArgumentRule
from askproai_runtime.conversation.arguments.wrappings import TIME_ARGUMENTS, decode, unwrap
from askproai_runtime.language.phrases import join_list
from askproai_runtime.language.placeholders import (
    drop_marks,
    is_placeholder,
    leaves_open,
    means_anybody,
    names_nothing,
    refuses_contact,
)
from askproai_runtime.language.replies import read_claim
from askproai_runtime.lenient_json import read_json
from askproai_runtime.person_names import drop_titles, fold
from askproai_runtime.spoken_times import ALL_MONTHS, Argument
from askproai_runtime.spoken_times.agreement import find_agreed
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.arguments
MAX_CHARACTERS = 500
_ANSWERS = frozenset({"false", "true"}) | _WORDS.noes  # "nein danke" is one, "keine Angabe" is none
# Whole answers that no one has agreed so far, though they name nothing.
_NOT_YET = re.compile(_WORDS.not_yet)
_MOST_BITS = 1_000
_LONGEST_LITERAL = 5_000
_NAMED = frozenset({"customer_name", "service", "staff"})
# A JSON text begins so, or with a fence of code or the name of the arguments before it.
_ENCODED = re.compile(
    rf"\s*(?:(?:```\s*(?:json)?|(?:{'|'.join(sorted(WRAPPERS))})\s*[:=])\s*(?=[{{\[])|(?=[{{\[\"]))", re.IGNORECASE
)
_FEWEST_DIGITS = 7  # of a telephone number that may be the end of another writing of it
_FEWEST_SAID, _COUNTED_UP = 3, 9  # digits of a number that a caller may have begun to say; of one that is made up
_CODE_ALONE = re.compile(r"(?:\+|00)[1-9]\d{0,2}(?=0{7,}$)")  # a country's code before zeros
_LONGEST_DAY = 2  # digits: a day of no month
_MAX_ENCODINGS = 3  # of JSON in JSON
CUT_OFF: Final = "cut_off"  # the key of the rest of arguments that end in the middle
_LIST_BEGINS = re.compile(r'"\w+"\s*:\s*\[')
_CLOSINGS, _MOST_ENDS = ("}", "}}", "]}", "}]}"), 20
_SEVERAL = frozenset({"date", "time", "part_of_day", "start"})  # any of a list will do
_REFUSED = re.compile(UNDERSTOOD.placeholders.contact_refused)
_NOTHING_FOR: Final[Mapping[str, Callable[[str], Any]]] = {
    "customer_name": FUNCTION_NAMES.__contains__,  # {"name": "book_appointment", "parameters": {…}}
    "recipient": means_anybody,
    "staff": lambda text: text in {"0", "-1"} or means_anybody(text),
}
# Whole answers that say more than yes or no, by argument. "Weitere Infos" and "second attempt" are none.
_AGREEMENTS = {
    "another": re.compile(
        rf"(?:(?:{_WORDS.before_further}) )*(?:{_WORDS.further_one})(?: (?:{_WORDS.behind_further}))*"
    ),
    "confirmed": re.compile(rf"(?:(?:{_WORDS.please}) )?(?:{_WORDS.cancel})(?: (?:{_WORDS.please}))?"),
}


def is_empty(value: Any) -> bool:
    """Return True if a value says nothing: blank, a placeholder, "no matter", 0, or a list or object of only such values."""
    if isinstance(value, list | dict):
        return not any(not is_empty(text) for _, text in list_leaves(value))
    if isinstance(value, str):
        return names_nothing(value) or leaves_open(value)
    # Models write 0 for nothing, too.
    return value is None or value == 0 or (isinstance(value, float) and math.isnan(value))


def says_nothing(text: str) -> bool:
    """Return whether a text for a person has no content. A refusal has content: `bitte keine E-Mail`."""
    return (names_nothing(text) and not refuses_contact(text)) or leaves_open(text)


def read_value(rule: ArgumentRule, value: Any) -> str | bool | None:
    """Return the text or boolean of an argument; None if the value is absent or of another type."""
    if isinstance(value, list) and _are_parts(rule, value):
        value = join_texts(value)
    if isinstance(value, list) and rule.name == "customer_name" and all(isinstance(each, str) for each in value):
        # The parts of one person's name, or several people.
        value = " & ".join(each.strip() for each in value if not names_nothing(each))
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, list) and value and rule.name in _SEVERAL and all(_is_written_time(each) for each in value):
        value = join_list(_drop_repeated(value, TIME_ARGUMENTS.get(rule.name)))
    if rule.is_boolean:
        return _read_boolean(rule, value)
    if rule.name == "call_back" and isinstance(value, bool):
        return to_text(value).lower()  # false takes back what the call has asked for
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == 0:
        return None
    text = unwrap(rule, to_text(value).replace("\0", "").strip())
    if rule.is_text and refuses_contact(text := drop_marks(text)):
        return text
    if rule.name == "call_back":
        return text if fold(text) == "true" or withdraws_call_back(text) or not is_placeholder(text) else None
    text = (drop_marks(text) or text) if rule.name == "customer_name" else text
    is_open = rule.is_choice and leaves_open(text)
    return None if names_nothing(text) or is_open or _stands_for_nothing(rule, text) else text


def _are_parts(rule: ArgumentRule, values: list[Any]) -> bool:
    """Return True if the entries of a list are parts of one text, as of a phone number: `["0170", "1234567"]`."""
    if rule.name == "phone":
        return len(values) > 1 and all(len(_digits(join_texts(each))) <= _FEWEST_DIGITS for each in values)
    return rule.is_text or rule.name in {"service", "staff", "topic"}


def is_nothing_for(rule: ArgumentRule, value: Any) -> bool:
    """Return True if a value says nothing as this argument."""
    is_single = isinstance(value, str | int | float)
    return is_empty(value) or (is_single and _stands_for_nothing(rule, to_text(value).strip()))


def _stands_for_nothing(rule: ArgumentRule, text: str) -> bool:
    """Return True for a recipient who is nobody in particular, digits that are no number, and a contact that was refused."""
    if rule.name in {"email", "phone"} and (_REFUSED.fullmatch(fold(text)) or _is_no_number(text)):
        return True
    test = _NOTHING_FOR.get(rule.name)
    return test is not None and bool(test(text))


def _is_no_number(text: str) -> bool:
    """Return True for signs alone, one or two digits, zeros alone, and digits that count up: models write these for nothing."""
    digits = _CODE_ALONE.sub("0", re.sub(r"[^\w+]|_", "", text)).lstrip("+")
    counts_up = len(digits) >= _COUNTED_UP and digits in "01234567890"
    return not digits or (digits.isdecimal() and (len(digits) < _FEWEST_SAID or not digits.strip("0") or counts_up))


def merge_values(rule: ArgumentRule, first: Any, second: Any) -> Any:
    """Return one value for two that agree; None if they disagree.

    Free texts are joined. A weekday and a date become one text, so that both are understood together.
    """
    if rule.name == "companions":
        return _join_companions(first, second)
    one, other = fold(to_text(first)), fold(to_text(second))
    if one == other or (other.isdigit() and rule.name in _NAMED):  # the number of a record beside the name
        return first
    if rule.is_text:
        # A yes, or a program's no, adds nothing to words about a call-back.
        is_bare = {each: fold(each) == "false" or read_claim(each) is True for each in (first, second)}
        joined = ", ".join(each for each, bare in is_bare.items() if rule.name != "call_back" or not bare) or first
        return joined if len(joined) <= MAX_CHARACTERS else None
    if rule.name == "phone":
        digits = sorted((_digits(one), _digits(other)), key=len)
        return first if len(digits[0]) >= _FEWEST_DIGITS and digits[1].endswith(digits[0]) else None
    if rule.name == "customer_name":
        return _find_fuller(first, second)
    if (argument := TIME_ARGUMENTS.get(rule.name)) and (
        agreed := find_agreed(to_text(first), to_text(second), argument)
    ):
        return agreed
    if rule.name.endswith("date"):
        words = [each.strip(". ") for each in (first, second) if fold(each) not in ALL_MONTHS]
        days = [each for each in words if each.isalpha()]
        dates = [each for each in (first, second) if any(map(str.isdigit, each))]
        month = dates[0].split()[-1] if dates else ""
        if days and fold(month) in ALL_MONTHS and find_agreed(f"{days[0]} {month}", dates[0], Argument.DATE):
            return dates[0]  # "fünfzehnten" and "15. Dezember"
        return f"{days[0]} {dates[0]}" if days and dates and len(dates[0]) > _LONGEST_DAY else None
    return None


def join_name(parts: Sequence[Any]) -> str | None:
    """Return a name from its parts, without a part that the other one contains: "Jutta Maiwald" and "Maiwald"."""
    said = [each.strip() for each in parts if isinstance(each, str) and not names_nothing(each)]
    are_names = said[1:] and all(map(drop_titles, said))  # and none is only a title: "Frau"
    return (_find_fuller(*said) if are_names else None) or " ".join(said) or None


def _find_fuller(first: str, second: str) -> str | None:
    """Return the one of two names that has all words of the other, apart from titles; None if neither has them."""
    words, more = set(drop_titles(first).split()), set(drop_titles(second).split())
    if words == more:
        return max(first, second, key=len)
    return first if more < words else second if words < more else None


def _join_companions(first: list[dict[str, str]], second: list[dict[str, str]]) -> list[dict[str, str]] | None:
    """Return the companions of both lists, each once; None if a list without names has another length than the named list."""
    counted, named = (second, first) if _has_values(first) else (first, second)
    if counted and not _has_values(counted):
        return named if len(counted) == len(named) else None
    joined = list(first)
    for each in second:
        at = next((at for at, other in enumerate(joined) if _is_same(each, other)), None)
        if at is None:
            joined.append(each)
        else:
            joined[at] = joined[at] | each
    return joined


def _has_values(companions: list[dict[str, str]]) -> bool:
    return any(any(each.values()) for each in companions)


def _is_same(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Return True if two companion entries have the same name and no other field contradicts: they are one person."""
    is_named = fold(one.get("customer_name", "")) == fold(other.get("customer_name", "")) != ""
    return is_named and all(fold(one[key]) == fold(other[key]) for key in one.keys() & other.keys())


def _drop_repeated(texts: list[str], argument: Argument | None) -> list[str]:
    """Return the texts of a list without repetitions: equal texts, or another wording of the same day or time."""
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
    """Return whether a value is a text and not a bare number: numbers in a list may be an hour and its minute."""
    return isinstance(value, str) and bool(value) and not value.isdecimal() and not names_nothing(value)


def _read_boolean(rule: ArgumentRule, value: Any) -> bool | None:
    """Return the boolean, also from words. Return None for words that are neither a yes nor a no."""
    if isinstance(value, str):
        claim = read_claim(value, _AGREEMENTS.get(rule.name), cancels=rule.name == "confirmed")
        if not names_nothing(value):
            return claim
        is_answer = _NOT_YET.fullmatch(fold(value)) or fold(value).partition(" ")[0] in _ANSWERS
        return claim is True if is_answer else None  # "false?" is no agreement
    return bool(value) if isinstance(value, bool | int | float) and value in {0, 1} else None


def decode_text(text: str) -> Any:
    """Return the value of a JSON text, also of JSON inside JSON; any other text stripped; None if it is blank."""
    value: Any = text
    for _ in range(_MAX_ENCODINGS):
        if (begins := _ENCODED.match(value)) is not None and begins[0].strip():
            value = value[begins.end() :].strip().removesuffix("```")
        try:
            value = read_json(value.encode("utf-8", "replace"), object)
        except msgspec.DecodeError:
            return decode_each(_decode_literal(value)) if is_encoded(value) else value.strip() or None
        if not is_encoded(value):
            break
    return decode_each(value)


def decode_each(value: Any) -> Any:
    """Return a value with its texts decoded, except a JSON text, in which a decoded quotation mark would end a text."""
    root = [value]
    pending: list[Any] = [root]
    while pending:  # not by recursion: the depth is the sender's
        holder = pending.pop()
        for key, each in holder.items() if isinstance(holder, dict) else enumerate(holder):
            if isinstance(each, list | dict):
                holder[key] = each.copy()
                pending.append(holder[key])
            elif isinstance(each, str) and not is_encoded(each):
                holder[key] = decode(each)
    return root[0]


def _decode_literal(text: str) -> Any:
    """Return the value of a text that is nearly JSON, with single quotes or an extra comma; any other text stripped."""
    try:
        value = ast.literal_eval(text.strip()) if len(text) <= _LONGEST_LITERAL else text
        return json.loads(json.dumps(value)) if isinstance(value, dict | list) else text.strip()
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return _read_cut(text.strip())


def _read_cut(text: str) -> Any:
    """Return the whole members of a JSON object that is cut off, and the rest as `CUT_OFF`; any other text unchanged. The rest
    of a list that is cut off begins with the key of the list: more of it may be lost.
    """
    is_object = re.match(r'\{\s*"', text) and len(text) <= _LONGEST_LITERAL
    commas = [found.start() for found in re.finditer(",", text)][: -_MOST_ENDS - 1 : -1]
    ends = [*([len(text)] if text[-1:] in {'"', "]", "}"} else []), *commas, 1] if is_object else []
    for end, closing in itertools.product(ends, _CLOSINGS):
        with suppress(ValueError, RecursionError):
            found, rest = json.loads(text[:end] + closing), text[end:].strip(" ,}")
            opened = (each for each in _LIST_BEGINS.finditer(text, 0, end) if "]" in closing)
            within = [
                each[0] for each in opened if text.count("[", each.start(), end) > text.count("]", each.start(), end)
            ]
            rest = " ".join(filter(None, [*within[-1:], rest]))
            return found | ({CUT_OFF: rest} if rest else {})
    return text


def is_encoded(value: Any) -> bool:
    """Return whether a value is a text that begins like a JSON object, list or string."""
    return isinstance(value, str) and _ENCODED.match(value) is not None


def to_text(value: Any) -> str:
    """Return a text, number or boolean as a text that PostgreSQL and JSON accept."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return "Infinity"  # Python writes no number of thousands of digits
    return str(value).encode("utf-8", "replace").decode()


def list_leaves(value: Any) -> list[tuple[str, Any]]:
    """Return the texts, numbers and booleans in a JSON value, in order, each with the nearest key above it.

    The code is not recursive, since the sender decides the depth.
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
    """Return an object's values as one text, each with its key in front unless the key is in `plain`."""
    said = [(name, to_text(each).strip()) for name, each in list_leaves(value) if not _is_nothing(each)]
    return ", ".join(text if not name or name in plain else f"{name}: {text}" for name, text in said)
