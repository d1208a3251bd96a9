"""Read how many people come, if a model passes a number instead of names. Pure."""

import re
from typing import Any, Final

from askproai_runtime.conversation.arguments.table import fold_key
from askproai_runtime.language.names_alone import is_surely_name
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.people_counts
_NUMBER: Final = rf"(?P<number>{'|'.join(_WORDS.numbers)}|\d{{1,2}})"
_COUNT = re.compile(rf"{_NUMBER}(?: (?:{_WORDS.more}))?(?: (?:{_WORDS.people}))?", re.IGNORECASE)
_IN_WORDS = re.compile(
    rf"\b{_NUMBER} ?(?:{_WORDS.people})\b|\b(?:{_WORDS.before_together}) (?P<together>{_WORDS.together})\b"
    rf"|\b(?:{_WORDS.we_are}) (?P<we>{_WORDS.few}|[2-4])\b(?! \w)|\b(?:{_WORDS.group_of}) (?P<party>{_WORDS.few}|\d)\b",
    re.IGNORECASE,
)
_KEY = re.compile(
    rf"(?:(?:{_WORDS.how_many}|{_WORDS.number_of})+(?:{_WORDS.between})?)?(?:{_WORDS.of_whom})(?:{_WORDS.how_many}|{_WORDS.size})?"
    rf"|{_WORDS.how_many}|{_WORDS.count_alone}"
)
# Relations without a name: "meine zwei Kinder", "two friends". Parents are two.
_RELATED = re.compile(
    rf"(?:(?:{_WORDS.mine}) )?(?:{_NUMBER}|(?P<both>{_WORDS.both}))(?: (?:{_WORDS.more}))? (?:{_WORDS.relations})"
    rf"|(?:(?:{_WORDS.mine}) )?(?P<pair>{_WORDS.pair})",
    re.IGNORECASE,
)
_OF_COMPANY = re.compile(
    rf"(?:{_WORDS.how_many}|{_WORDS.number_of}|{_WORDS.between})*(?:{UNDERSTOOD.argument_names.company})"
    rf"(?:{_WORDS.how_many}|{_WORDS.people}|{_WORDS.size}|{UNDERSTOOD.argument_names.listed})*"
)
_SEVERAL: Final = 2


def read_count(value: Any) -> int | None:
    """Return the number of people that a value means, in digits or words; None for any other value."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return int(value) if isinstance(value, int) or value.is_integer() else None
    found = _COUNT.fullmatch(value.strip().removesuffix(".0")) if isinstance(value, str) else None
    return _number(found["number"]) if found else None


def count_related(text: str) -> int | None:
    """Return how many companions a text means that names nobody: "meine zwei Kinder", "parents"; None for any other text."""
    found = _RELATED.fullmatch(text.strip())
    if found is None:
        return None
    return _number(found["number"]) if found["number"] else _SEVERAL


def counts_people(key: str, value: Any) -> bool:
    """Return True if a key counts all people who come (as `party_size`), and its value is at least 2."""
    return _KEY.fullmatch(fold_key(key)) is not None and (read_count(value) or 0) >= _SEVERAL


def means_companions(key: str, value: Any) -> bool:
    """Return True if any other key is of those who come along (`extra_guests`, `grandchildren`), and its value is their number or
    names.
    """
    names = value if isinstance(value, list) else [value] if "name" in fold_key(key) else []
    is_value = bool(read_count(value)) or (
        bool(names) and all(isinstance(each, str) and is_surely_name(each) for each in names)
    )
    return is_value and _OF_COMPANY.fullmatch(fold_key(key)) is not None


def count_in_words(text: str) -> int:
    """Return the number of people that a text mentions, such as "für zwei Personen" or "zu dritt"; 1 if it mentions no number."""
    found = _IN_WORDS.search(text)
    return _number(next(filter(None, found.groups()))) if found else 1


def _number(text: str) -> int:
    number = _WORDS.numbers.get(text.casefold())
    return int(text) if number is None else number
