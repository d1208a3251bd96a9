"""Read a birth date from digits or words, and the answer of a caller who was asked which of two dates is right. Pure."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Final

from askproai_runtime.language.answer_words import is_question
from askproai_runtime.language.spoken_numbers import NUMBER_WORDS
from askproai_runtime.sentences import say
from askproai_runtime.spoken_times import fold, read_written_day
from askproai_runtime.spoken_times.arguments import read_day_and_month
from askproai_runtime.understood import UNDERSTOOD, UNDERSTOOD_IN

_OLDEST = 120  # years
_OLDEST_BY_TWO_DIGITS = 110  # the greatest age of a person whose year of birth is said in two digits
_CENTURIES = (1900, 2000)
_ADULT = 18
_MOST_WORDS = 8  # "fourth of March nineteen hundred and fifty nine"

_NUMBERS: Final = {fold(word): int(digits) for word, digits in NUMBER_WORDS.items()}
_WORDS: Final = UNDERSTOOD.birth_dates
# Number words of a language that says the tens before the units: "forty four".
_ALL_NUMBERS: Final = _NUMBERS | {
    f"{fold(tens)} {fold(unit)}": int(digits) * 10 + int(digit)
    for words in UNDERSTOOD_IN.values()
    if not words.digits.before_tens
    for tens, digits in words.digits.tens.items()
    for unit, digit in words.digits.units.items()
    if digit != "0"
}


def _one_of(words: Iterable[str]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_UNITS: Final = _one_of(word for word, number in _ALL_NUMBERS.items() if 0 < number < 10)  # noqa: PLR2004
_TENS: Final = _one_of(word for word, number in _ALL_NUMBERS.items() if number >= 10)  # noqa: PLR2004
_AFTER_ZERO: Final = rf"(?:{_WORDS.zeros}) (?:{_UNITS})"
# "neunzehnhundertachtzig", "zweitausendundacht", "zwanzig neunzehn", "nineteen oh five", "two thousand and eight".
_YEAR_IN_WORDS: Final = re.compile(
    rf"\b(?:(?P<hundreds>{_WORDS.hundreds})|(?P<thousands>{_WORDS.thousands}))"
    rf"(?: ?(?:{_WORDS.and_more})? ?(?P<more>{_TENS}|{_UNITS}))?\b"
    rf"|\b(?P<first>{_WORDS.century}) (?P<last>{_AFTER_ZERO}|{_TENS})\b"
)
_YEAR: Final = re.compile(r"\b(?:19|20)\d\d\b")
_DENIES_NEXT: Final = re.compile(rf"\b(?:{_WORDS.denied}) (?:{_WORDS.before_year} )*$")
_DENIES_LAST: Final = re.compile(rf" (?:\w+ ){{0,3}}(?:{_WORDS.denied}|{_WORDS.wrong})\b")
_TWO_DIGITS_IN_WORDS: Final = re.compile(rf"\b(?:{_AFTER_ZERO}|{_TENS})$")
# No end of a year: "85 Jahre", "elf Uhr", "um elf".
_END_OF_YEAR: Final = re.compile(
    rf"\b(?P<span>(?:{_WORDS.before_span}) )?(?P<number>{_AFTER_ZERO}|{_TENS}|\d\d)\b"
    rf"(?! (?:{_WORDS.years}|{_WORDS.parts_of_year}|{_WORDS.old}|{_WORDS.behind_span})\b)"
)
_LAST_YEAR: Final = re.compile(r"(?P<day>.*\D)(?P<year>\d{4}|\d{2})")
_HYPHEN: Final = re.compile(r"(?<=[a-z])-(?=[a-z])")
_IS_HOUR: Final = re.compile(rf"\b(?:{_WORDS.before_span}) \S+$")  # "am vierten Dezember um zehn"
_IN_DIGITS: Final = re.compile(r"(\d{1,2}) ?([./ -]) ?(\d{1,2})")
_BEFORE: Final = re.compile(rf"^(?:\*|(?:{_WORDS.label})\b)?[\s.:]*(?:(?:{_WORDS.before_date})\s+)*")
_REMARK: Final = re.compile(r"\s*\([^()]*\)$")
_COMPACT: Final = re.compile(r"^(\d\d)(0[1-9]|1[0-2])((?:19|20)\d\d)$")
_MIDNIGHT: Final = re.compile(r"(?:t| )00:00(?::00(?:\.0+)?)?(?:z|[+-]\d\d:?\d\d)?$")

# A span of time ("vor drei Wochen") is no age.
_HUNDRED: Final = re.compile(rf"(?:{_WORDS.hundred})(?: (?:{_WORDS.and_more})\b)? ?")
_NUMBER: Final = re.compile(
    rf"\b(?P<before>(?:{_WORDS.before_span}) )?"
    rf"(?P<number>(?:{_HUNDRED.pattern})?+(?:{_one_of(_ALL_NUMBERS)})|{_WORDS.hundred}|\d{{1,3}})\b"
    rf"(?: (?:(?P<years>{_WORDS.years})|(?P<parts>{_WORDS.parts_of_year}))\b)?+(?P<old> (?:{_WORDS.old})\b)?+"
    rf"(?P<behind> (?:{_WORDS.behind_span})\b)?"
)
_PLACE: Final = re.compile(rf"(?:(?:{_WORDS.article}) )?(?:(?P<first>{_WORDS.first})|{_WORDS.second})")
# The caller who says "ich bin die Tochter" calls for an old person.
_CHILD: Final = re.compile(rf"\b(?:{_WORDS.child})\b")


def list_birth_dates(text: str, today: date) -> list[date]:
    """Return the birth dates that a text can mean, latest first; [] if it is unreadable or nobody alive can have that date.

    A year of two digits can be in two centuries. `3/12/1985` has two readings, since models write the month first, too.
    """
    said = _MIDNIGHT.sub("", _BEFORE.sub("", _REMARK.sub("", fold(text)))).rstrip(" .!")
    said = _COMPACT.sub(r"\1.\2.\3", said)
    try:
        written = read_written_day(said, date.min) if said[:4].isdecimal() or said.isdecimal() else None
    except ValueError:  # no calendar has it
        return []
    if written is not None:
        return sorted({each for each in written.readings if _is_of_person(each, today, _OLDEST)}, reverse=True)
    found = _LAST_YEAR.fullmatch(_write_last_year(said))
    if found is None:
        return []
    year, days = int(found["year"]), _list_days(found["day"].rstrip(" ,/'’-"))
    is_whole = len(found["year"]) > 2  # noqa: PLR2004
    years = (year,) if is_whole else tuple(century + year for century in _CENTURIES)
    dates = {_make_date(each, *day) for each in years for day in days} - {None}
    oldest = _OLDEST if is_whole else _OLDEST_BY_TWO_DIGITS
    return sorted((each for each in dates if each and _is_of_person(each, today, oldest)), reverse=True)


def list_said_birth_dates(words: str, today: date) -> set[date]:
    """Return the birth dates that words can mean whose year is said last, whatever else the words say."""
    said, found = _HYPHEN.sub(" ", fold(words)).rstrip(" .!?"), set[date]()
    whole = () if _IS_HOUR.search(said) else (len(said),)
    for end in {*whole, *(each.end() for years in (_YEAR, _YEAR_IN_WORDS) for each in years.finditer(said))}:
        last = said[:end].split()[-_MOST_WORDS:]
        ends = (list_birth_dates(" ".join(last[at:]), today) for at in range(len(last)))
        found |= {*next(filter(None, ends), ())}
    return found


def choose_birth_dates(
    readings: Sequence[date], utterances: Sequence[str], today: date, answer: str = ""
) -> Sequence[date]:
    """Return the dates among `readings` that the caller's last fitting utterances name by year, month or age; all if none does.

    `answer` are the words since our question for the year: in them a lone number is an age, and "das erste" a year.
    """
    said = [(answer, True), *((each, False) for each in reversed(utterances))]
    for utterance, answers in said:
        chosen = [each for each in readings if _is_named(each, readings, utterance, today, answers=answers)]
        if 0 < len(chosen) < len(readings):
            return choose_birth_dates(chosen, utterances, today, answer)
    return readings


def count_years(born: date, today: date) -> int:
    """Return the age of a person."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _is_named(reading: date, readings: Sequence[date], utterance: str, today: date, *, answers: bool) -> bool:
    said = re.sub(r"[^\w]+|_", " ", fold(utterance)).strip()
    if len({each.year for each in readings}) == 1:
        return fold(say().months[reading.month - 1]) in said.split()
    asked = {each.year: today.year - each.year for each in readings}
    years = _list_years(said, asked, is_asking=is_question(utterance), answers=answers)
    if years is not None:
        return reading.year in years
    if answers and (place := _PLACE.fullmatch(" ".join(each for each in said.split() if each not in _WORDS.beside))):
        return reading == readings[0 if place["first"] else -1]
    age = today.year - reading.year
    if ages := _list_ages(said, answers=answers):
        return any(abs(number - age) <= 1 if is_years else age < _ADULT for number, is_years in ages)
    return age < _ADULT and _CHILD.search(said) is not None


def differs_in_one_part(said: date, written: date) -> bool:
    """Return whether two dates differ only in day, month or year, or have day and month in the other order."""
    if (said.year, said.month, said.day) == (written.year, written.day, written.month):
        return said != written
    parts = ((said.year, written.year), (said.month, written.month), (said.day, written.day))
    return sum(first != second for first, second in parts) == 1


def _list_years(said: str, asked: Mapping[int, int], *, is_asking: bool, answers: bool) -> Collection[int] | None:
    """Return the years that a text names, without the denied ones. If it only denies some of the `asked` years, return the
    others. None if it names none.

    `asked` has the age for each year. In an answer, two digits that end only one asked year are that year; if they may also be
    an age, they name both years.
    """
    found = [(int(each[0]), each) for each in _YEAR.finditer(said)]
    found += [(_read_year(each), each) for each in _YEAR_IN_WORDS.finditer(said)]
    for each in _END_OF_YEAR.finditer(said) if answers and not found else ():
        number = _read_number(each["number"])
        if not each["span"] and len([year for year in asked if year % 100 == number]) == 1:
            found += [(year, each) for year, age in asked.items() if year % 100 == number or abs(age - number) <= 1]
    denied = {year for year, each in found if _DENIES_NEXT.search(said[: each.start()])}
    named = {year for year, _ in found} - denied
    if any(_denies(said[each.end() :]) for year, each in found if year in named) or (is_asking and not named):
        return () if found else None
    return named or ({*asked} - denied if denied & {*asked} else None)


def _denies(following: str) -> bool:
    """Return whether the words behind a year deny this year, and not the next one: "1919 kann nicht sein"."""
    found = _DENIES_LAST.match(following)
    rest = following[found.end() :].strip() if found else ""
    return found is not None and not any(year.match(rest) for year in (_YEAR, _YEAR_IN_WORDS, _END_OF_YEAR))


def _list_ages(said: str, *, answers: bool) -> list[tuple[int, bool]]:
    """Return the ages in a text, and for each whether it is in years. A number of weeks is an age beside "alt", or in an
    answer; a lone number is an age only if an answer has no other number.
    """
    numbers = [each for each in _NUMBER.finditer(said) if not (each["before"] or each["behind"])]
    alone = answers and len(numbers) == 1
    return [
        (_read_age(each["number"]), not each["parts"])
        for each in numbers
        if each["years"] or alone or (each["parts"] and each["old"])
    ]


def _read_year(found: re.Match[str]) -> int:
    if found["first"]:
        return _read_number(found["first"]) * 100 + _read_number(found["last"])
    return (1900 if found["hundreds"] else 2000) + (_read_number(found["more"]) if found["more"] else 0)


def _read_age(words: str) -> int:
    found = _HUNDRED.match(words)
    if found is None:
        return _read_number(words)
    rest = words[found.end() :]
    return 100 + (_read_number(rest) if rest else 0)


def _read_number(word: str) -> int:
    """Return the value of a number in digits or words; "null acht" is 8."""
    return int(word) if word.isdecimal() else _ALL_NUMBERS.get(word) or _ALL_NUMBERS[word.rsplit(maxsplit=1)[-1]]


def _write_last_year(said: str) -> str:
    """Return a text with the year at its end in digits: `4. maerz 1980` for `4. maerz neunzehnhundertachtzig`."""
    said = _HYPHEN.sub(" ", said)
    for found in _YEAR_IN_WORDS.finditer(said):
        if found.end() == len(said):
            return f"{said[: found.start()]}{_read_year(found)}"
    return _TWO_DIGITS_IN_WORDS.sub(lambda found: f"{_read_number(found[0]):02}", said)


def _list_days(text: str) -> set[tuple[int, int]]:
    """Return the (month, day) pairs that a text without a year can mean: two for `3/12` where the month may come first."""
    if found := _IN_DIGITS.fullmatch(text.rstrip(". ")):
        first, second = int(found[1]), int(found[3])
        if found[2] not in "/-":
            return {(second, first)}
        return {(second, first), (first, second)}
    named = read_day_and_month(text)
    return set() if named is None else {named}


def _make_date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _is_of_person(born: date, today: date, oldest: int) -> bool:
    return today.year - oldest <= born.year and born <= today
