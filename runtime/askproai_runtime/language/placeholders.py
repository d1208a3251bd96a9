"""Texts of models that say nothing: placeholders, templates that nobody filled, "not given", and "no matter"."""

import re
from typing import Final

from askproai_runtime.language.phrases import PLACEHOLDER_WORDS
from askproai_runtime.person_names import fold
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.placeholders
_OPEN: Final = UNDERSTOOD.no_matter

_EMPTY = re.compile(_WORDS.empty)
# Words with which models say that nobody has named something, and words that go with them ("kein Rückruf nötig").
_NOT_NAMED = _WORDS.not_named
# Beside a negation, words for something refused: "bitte keine E-Mail". "Keine Adresse" refuses nothing.
_REFUSED = _WORDS.refused
_WITH_NOT_NAMED = _WORDS.beside_not_named
# Between braces, brackets or signs these make a template or the mark of a redaction; `<svetlana>` is none.
_TEMPLATE = re.compile(
    r"(?P<sign>\{\{|\$\{|\{%|\{|\[|<|%|_{2,}|\()(?P<inside>[^{}\[\]<>]*)(?:\}\}|%\}|\}|\]|>|%|_{2,}|\))"
)
_MARKED = re.compile(r"\s*(?:\$?\{+[^{}]*\}+|<[^<>]*>|\[[^\[\]]*\])")
_FIELDS = _WORDS.field
_WITH_FIELDS = _WORDS.beside_field
FIELD_WORDS = _FIELDS | _WITH_FIELDS
_MOST_WORDS = 2  # of a field
# The name of a format in place of a value: "HH:MM", "TT.MM.JJJJ", "YYYY-MM-DDTHH:MM:SS+01:00".
_FORMAT = re.compile(
    r"\b(?=\S{4})(?=\S{0,9}(?:dd|hh|jj|mm|tt|yy))[dhjmstyz]{1,15}(?:[.:/, -]+[dhjmstyz]{1,15})*\b(?:[+-]\d\d:\d\d)?",
    re.IGNORECASE,
)
# `%s`, `$customer_name`, `call.customer_name`: a program's name for a value.
_OF_PROGRAM = re.compile(r"%(?:\(\w+\))?[sd]|\$\w+|\{\d*\}|[a-z]\w*(?:\.[a-z]\w*)+")
# "XXX-XXX-XXXX", "+49 151 *****": in place of digits.
_MASKED = re.compile(r"[\s*#█■•_.?-]+|(?=.*(?:x{3}|[*#█■•]{3}))[\s\d()+/*#█■•x.-]{3,25}", re.IGNORECASE)
# Dates that no calendar has, with or without a time.
_ZERO_DAY = re.compile(r"(?:0{4}-0{2}-0{2}|0{2}[./-]0{2}[./-]0{2,4}|0001-01-01)(?:[T ][\d:.Z+-]*)?")
_MARK: Final = "nomatter"  # in place of a phrase
_NO_MATTER = _OPEN.any_will_do | {_MARK}
_WITH_NO_MATTER = _OPEN.beside
# A list of all values in place of one of them: "morning|afternoon|evening", "AM/PM".
_PARTS = UNDERSTOOD.values.parts
_MORNINGS, _AFTER_THEM, _HALVES = {"frueh", "morning", "vormittag"}, {"abend", "nachmittag"}, {"am", "pm"}
_BETWEEN_PARTS = re.compile(rf"[|/,; ]+(?:(?:{UNDERSTOOD.links.or_words}) )?")
# Folded phrases that say "no matter" wherever they stand: "doesn't matter who", "bei wem auch immer". Further words go with them.
_INDIFFERENT = re.compile(rf"\b(?:{_OPEN.indifferent})\b")
# Beginnings of folded nouns for anybody of a trade. A noun that narrows the choice ("any woman", "irgendein Meister") is none.
_OF_THE_TRADE = tuple(sorted(_OPEN.of_the_trade))
# "Wer zuerst Zeit hat": a word that asks for anybody, one that says free, and words that go with them.
_WHOEVER = tuple(sorted(_OPEN.whoever))
_FREE = _OPEN.free
_WITH_FREE = _OPEN.beside_free


def is_placeholder(text: str) -> bool:
    """Return whether an argument is empty, or a placeholder instead of words: `null`, `{{caller}}`, `HH:MM`."""
    folded = fold(text)
    if (
        not folded
        or folded in PLACEHOLDER_WORDS
        or _EMPTY.fullmatch(folded)
        or _is_repeated(folded.split())
        or ("{{" in text and "}}" in text)
        or "${" in text
    ):
        return True
    if _OF_PROGRAM.fullmatch(text.strip()) and ("." not in text or not _FIELDS.isdisjoint(folded.split())):
        return True
    if _MASKED.fullmatch(text.strip()) or _ZERO_DAY.fullmatch(text.strip()):
        return True
    if (beside := _FORMAT.sub("", text)) != text:
        return set(fold(beside).split()).issubset(_FIELDS | _WORDS.beside_format)
    found = _TEMPLATE.fullmatch(text.strip())
    words = re.sub(r"\d+", " ", fold(found["inside"])).split() if found else []
    # "[Kunde hat Nussallergie]" and "(first time customer)" say something
    is_field = set(words) <= FIELD_WORDS | _NOT_NAMED | _WITH_NOT_NAMED
    return is_field and not _FIELDS.isdisjoint(words) and (len(words) <= _MOST_WORDS or words[0] in _WITH_FIELDS)


def _is_repeated(words: list[str]) -> bool:
    """Return whether words are placeholders only, or one or the name of a field said twice: `string string`, `N/A N/A`."""
    half = words[: len(words) // 2]
    is_twice = bool(half) and words == half * 2 and (is_placeholder(" ".join(half)) or _FIELDS.issuperset(half))
    return is_twice or PLACEHOLDER_WORDS.issuperset(words)


def drop_marks(text: str) -> str:
    """Return a text without the placeholders in it that have braces or brackets: `Kunde {{name}} hat Nussallergie`."""
    return _MARKED.sub(lambda found: "" if is_placeholder(found[0].strip()) else found[0], text).strip(" ,;")


def names_nothing(text: str) -> bool:
    """Return True if an argument is a placeholder, or says that the caller has named nothing: `keine`, `nicht angegeben`."""
    words = set(fold(text).split())
    return is_placeholder(text) or (words <= _NOT_NAMED | _WITH_NOT_NAMED and not words.isdisjoint(_NOT_NAMED))


def refuses_contact(text: str) -> bool:
    """Return True if words refuse a call or an e-mail. A message keeps such words, also if `names_nothing` is True for them."""
    words = set(fold(text).split())
    return not words.isdisjoint(_REFUSED) and not words.isdisjoint(_NOT_NAMED) and not is_placeholder(text)


def leaves_open(text: str) -> bool:
    """Return True if an argument says that any choice will do: `egal`, `any`, `wer frei ist`, `morning|afternoon|evening`."""
    folded = fold(text)
    words = set(folded.split())
    if folded.startswith(_WHOEVER) and words <= _FREE | _WITH_FREE | _OPEN.whoever and not words.isdisjoint(_FREE):
        return True
    parts = set(_BETWEEN_PARTS.split(text.strip().lower())) - _NO_MATTER
    named = {_PARTS.get(part) for part in parts}
    if parts == _HALVES or (None not in named and named >= _AFTER_THEM and not named.isdisjoint(_MORNINGS)):
        return True
    said = _INDIFFERENT.sub(f" {_MARK} ", folded).split()
    return not _NO_MATTER.isdisjoint(said) and all(
        word in _NO_MATTER | _WITH_NO_MATTER or word.startswith(_OF_THE_TRADE) for word in said
    )


def means_anybody(text: str) -> bool:
    """Return True if words for the recipient of a message mean nobody in particular: `any`, `someone`, `the team`."""
    return leaves_open(text) or set(fold(text).split()) <= _OPEN.for_anybody


def drop_open_words(text: str) -> str:
    """Return the folded words of an argument without the words for "no matter": `kim` for `egal ob Kim`."""
    return " ".join(word for word in fold(text).split() if word not in _NO_MATTER | _WITH_NO_MATTER)
