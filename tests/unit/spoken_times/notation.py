"""The notation of `phrases.txt`: the right meaning of a phrase in one line, and the understood one in the same form."""

import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

from askproai_runtime.spoken_times import Candidate, Understanding
from tests.worlds.cases import cases

CALL_DAY = date(2026, 11, 20)
_WEEKDAYS = ("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So")
_ALL = frozenset(range(7))
_PARTS = {
    "früh": (time(6), time(10)), "vormittag": (time(9), time(12)), "mittag": (time(11, 30), time(14)),
    "nachmittag": (time(12), time(18)), "abend": (time(17), time(22)),
}  # fmt: skip
_REFUSED = {"past": "past", "impossible": "impossible", "not_understood": "?"}
_OPEN = timedelta(days=366)


@dataclass(frozen=True)
class Meant:
    """An exact time (`at`), a time and what lies around it (`about`), or hours of days. `last` None: without an end."""

    first: date
    last: date | None
    weekdays: frozenset[int] = _ALL
    opens: time | None = None
    closes: time | None = None
    at: time | None = None
    about: time | None = None
    is_latest: bool = False
    is_span: bool = False  # from `opens` on the first day to `closes` on the last one

    @property
    def days(self) -> object:
        """The days that are meant; of open ones their begin and their weekdays."""
        if self.last is None:
            return self.first, self.weekdays
        span = (self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1))
        return frozenset(day for day in span if day.weekday() in self.weekdays)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Meant) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[object, ...]:
        if self.about is not None:
            return self.days, self.about
        return self.days, self.at, self.opens, self.closes, self.is_latest, self.is_span


def read_expected(text: str) -> list[object]:
    """Return each answer that is right: a refusal, or (whether it must be asked, what is meant)."""
    return [_read_answer(answer.strip()) for answer in text.split("|")]


def _read_answer(text: str) -> object:
    if text in _REFUSED.values():
        return text
    is_ambiguous = " / " in text
    return is_ambiguous, frozenset(_read(part.strip()) for part in re.split(r" [/+] ", text))


def _read(text: str) -> Meant:
    if text.endswith(" zuletzt"):
        return replace(_read(text.removesuffix(" zuletzt")), is_latest=True)
    if " bis " in text:
        begin, end = (_read(part) for part in text.split(" bis "))
        return Meant(begin.first, end.last, opens=begin.at, closes=end.at, is_span=True)
    weekdays, opens, closes, at = _ALL, None, None, None
    if match := re.search(r" (ohne|nur) ([A-Za-z,]+)$", text):
        named = frozenset(_WEEKDAYS.index(name) for name in match[2].split(","))
        weekdays, text = (_ALL - named if match[1] == "ohne" else named), text[: match.start()]
    for part, hours in _PARTS.items():
        if text.endswith(f" {part}"):
            (opens, closes), text = hours, text.removesuffix(f" {part}")
    if match := re.search(r" (\d\d:\d\d)$", text):
        at, text = time.fromisoformat(match[1]), text[: match.start()]
    elif match := re.search(r" (\d\d:\d\d)?-(\d\d:\d\d)?$", text):
        opens, closes = (time.fromisoformat(found) if found else None for found in match.groups())
        text = text[: match.start()]
    is_about, text = text.startswith("~"), text.lstrip("~")
    begin, dash, end = text.partition("-")
    first = CALL_DAY if begin == "jetzt" else _day(begin, CALL_DAY)
    last = _day(end, first) if end else None if dash else first
    return Meant(first, last, weekdays, opens, closes, None if is_about else at, at if is_about else None)


def _day(text: str, after: date) -> date:
    day, month = (int(number) for number in text.strip(". ").split("."))
    for year in range(after.year, after.year + 3):
        try:
            found = date(year, month, day)
        except ValueError:
            continue
        if found >= after:
            return found
    raise ValueError(text)


def read_understood(understood: Understanding) -> object:
    """Return what was understood in the form of `read_expected`."""
    if understood.refused is not None:
        return _REFUSED[understood.refused]
    return understood.ambiguous, frozenset(_of_candidate(candidate) for candidate in understood.candidates)


def _of_candidate(candidate: Candidate) -> Meant:
    start, end = candidate.start, candidate.end
    if end is None:
        return Meant(start.date(), start.date(), at=start.time())
    if candidate.about is not None and end - start < timedelta(days=1):
        return Meant(start.date(), start.date(), about=candidate.about.time())
    last = (end - timedelta(seconds=1)).date()
    if daily := candidate.daily:
        is_moment = daily.closes and datetime.combine(start, daily.closes) - datetime.combine(start, daily.opens) == (
            timedelta(minutes=1)
        )
        hours = (
            (None, None, daily.opens)
            if is_moment
            else (daily.opens if daily.opens > time() else None, daily.closes, None)
        )
        weekdays = daily.weekdays
    elif last == start.date():
        hours, weekdays = (
            (start.time() if start.time() > time() else None, end.time() if end.date() == last else None, None),
            _ALL,
        )
    else:
        hours, weekdays = (None, None, None), _ALL
    is_span = last > start.date() and (start.time(), end.time()) != (time(), time())
    if is_span:
        hours = start.time(), end.time(), None
    days = start.date(), None if end - start > _OPEN else last
    return Meant(*days, weekdays, *hours, is_latest=candidate.latest, is_span=is_span)


def read_table(name: str) -> list[tuple[str, str]]:
    lines = Path(__file__).with_name(name).read_text("utf-8").splitlines()
    parts = (line.rpartition(" = ") for line in lines if line and not line.startswith("#"))
    return [(phrase, meaning) for phrase, _, meaning in parts]


def list_changed(phrases: Iterable[str], ends: Sequence[str], read: Callable[[str], Understanding]) -> list[str]:
    """Return the phrases that mean something else with an end of a sentence: with a random one by day, with each at night."""
    return [
        phrase + end
        for phrase in phrases
        for end in random.sample(ends, min(cases(1, len(ends)), len(ends)))
        if read_understood(read(phrase + end)) != read_understood(read(phrase))
    ]
