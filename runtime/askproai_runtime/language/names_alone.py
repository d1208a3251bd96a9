"""Extract a name from the words that are said around it, and a surname that is only spelled. Pure."""

import re
from typing import Final

from askproai_runtime.language.customer_names import is_plain_name, read_customer_name
from askproai_runtime.language.name_words import FIRST_NAMES, PARTICLES
from askproai_runtime.person_names import TITLES, fold, same_name
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.introductions
_AND: Final = UNDERSTOOD.names.and_word

# A spelling letter by letter behind a name: "Jolene Kaczmarek (K-A-C-Z-M-A-R-E-K)", "Lange, L A N G E", "Lange - L-A-N-G-E".
_SPELLED = re.compile(
    r"\s*[(\[]((?:[^\W\d_][-–.,\s]*)(?:[-–.,\s]+[^\W\d_])+)[-–.,\s]*[)\]]"
    r"|(?<=\w\w)(?:[\s,:]|\s[-–—/]\s)+((?:[^\W\d_][-–. ]+){2,}[^\W\d_])\.?$"
)
# A whole text in letters, or its first name. Two or three initials are none: "J. R. R. Tolkien", "J R Ewing".
_SPELLED_FIRST: Final = re.compile(
    r"(?:[^\W\d_][-–., ]+){2,}[^\W\d_]\.?$|(?:(?:[^\W\d_]-){2,}|(?:[^\W\d_] ){3,})[^\W\d_](?= [^\W\d_][\w'’-])"
)
_LETTER: Final = rf"(?:[^\W\d_](?:[- ][^\W\d_])?\b|(?-i:[a-zäöüß]{{2}})|{_WORDS.letter})"
# Words before a name and behind it. Words that may be names, too, need a sign behind them: "So, Lange".
_BEFORE: Final = re.compile(
    rf"(?:(?:{_WORDS.before})\b[\s,.!:;]+|(?:{_WORDS.before_sign})\s*[,.!:;]\s*"
    rf"|(?:{_WORDS.own_name})(?:(?:{_WORDS.name_is})\s*:?|\s*:)\s+|(?:{_WORDS.calling})\s*:?(?: (?:{_WORDS.article}))?\s+"
    rf"|(?:(?:{_WORDS.appointment}) )?(?:(?:{_WORDS.for_name})(?: (?:{_WORDS.of_name}))?|{_WORDS.for_whom})\s*:?\s+"
    rf"|(?:{_WORDS.denied}) [^,]+,? (?:{_WORDS.instead})\s+)+",
    re.IGNORECASE,
)
_BEHIND: Final = re.compile(
    rf"(?:[\s,]+(?:{_WORDS.behind})[.!]*"
    rf"|[\s,–(-]+(?:{_WORDS.with_letter})"
    rf"{_LETTER}(?: (?:{_AND}) {_LETTER})?\)?(?: (?:{_WORDS.at_end}))?\)?"
    rf"|, (?:(?:{_AND}) )?(?:{_WORDS.denied}) [^,]+|[.!;:,\s]+)$",
    re.IGNORECASE,
)
# Letters with their words, alone or behind a name: "Mayr - M wie Martha, A wie Anton, Y, R".
_LETTERS: Final = re.compile(
    rf"(?:^|[\s,.–(\[-]+)(?=(?:[a-zäöüß][\s,.-]+)*(?:sch|ch|[a-zäöüß]) (?:{_WORDS.letter_as}) )"
    rf"((?:(?:(?:sch|ch|[a-zäöüß]) (?:{_WORDS.letter_as}) \w+|[a-zäöüß])(?:[\s,.)\]-]+|$))+)$",
    re.IGNORECASE,
)
_LETTER_AND_WORD = re.compile(rf"(sch|ch|[a-zäöüß])(?: (?:{_WORDS.letter_as}) \w+)?(?:[\s,.)\]-]+|$)", re.IGNORECASE)
_FEWEST_LETTERS = 3  # of a spelled surname
_LAST_NAME = re.compile(rf",?\s*\b(?:{_WORDS.last_name})\s*:?\s+", re.IGNORECASE)
_SURELY_PARTICLES = PARTICLES - {"al", "ben", "bin", "das"}  # these are first names as well


def drop_around(text: str) -> str:
    """Return a name without its letter-by-letter spelling, and without the words around it."""
    text, before = text.strip().replace("\n", ", "), None
    while text != before:
        before = text
        text = _read_spelled(_read_letters(text)).strip()
        text = _BEHIND.sub("", text[found.end() :] if (found := _BEFORE.match(text)) else text).strip()
    return _LAST_NAME.sub(" ", text).strip()


def count_names(text: str) -> int:
    """Return the number of words in a name, without titles and particles."""
    return len([word for word in text.split() if fold(word) not in TITLES | _SURELY_PARTICLES])


def is_surely_name(text: str) -> bool:
    """Return whether a text is a person's name: several words, or a known first name alone. "Haarschnitt" is none."""
    is_name = is_plain_name(text) and bool(read_customer_name(text))
    return is_name and (count_names(text) > 1 or fold(text) in FIRST_NAMES)


def _read_letters(text: str) -> str:
    """Return a text with the letters spelled at its end as bare letters (`Thomas, M A Y R`); without them if they begin its
    name.

    One or two letters that begin no name of the text stay, since the surname is then missing.
    """
    if (found := _LETTERS.search(text)) is None:
        return text
    before, letters = text[: found.start()], _LETTER_AND_WORD.findall(found[1])
    if count_names(before) > 1 or fold(before.rpartition(" ")[2]).startswith(fold("".join(letters))):
        return before
    return f"{before}, {' '.join(letters)}".strip(", ") if len(letters) >= _FEWEST_LETTERS else text


def _read_spelled(text: str) -> str:
    """Return a text without the spelling of a name. Letters alone, or after only a first name, become the surname."""
    if letters := _SPELLED_FIRST.match(text):
        return "".join(re.findall(r"[^\W\d_]", letters[0])).capitalize() + text[letters.end() :]
    found = _SPELLED.search(text)
    if found is None:
        return text
    before = text[: found.start()].strip()
    spelled = "".join(re.findall(r"[^\W\d_]", found[1] or found[2])).capitalize()
    is_surname = count_names(before) <= 1 and not same_name(before, spelled)
    return f"{before}{f' {spelled}' if is_surname else ''}{text[found.end() :]}"
