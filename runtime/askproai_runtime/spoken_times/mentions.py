"""Days, weekdays, parts of the day and times that a sentence names in passing, in a statement that may affirm or deny them.

`phrase.py` finds when somebody wants to come: the next Tuesday. Here "dienstags" and "am Dienstag" are compared with times that
are known already, so a weekday is one of their days.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from askproai_runtime.spoken_times.atoms import (
    PARTS_OF_DAY,
    Around,
    Atom,
    Clock,
    Contradiction,
    Day,
    Days,
    Instant,
    Offset,
    Op,
    Part,
    Period,
    Soon,
    TimeRange,
    Weekday,
    Which,
)
from askproai_runtime.spoken_times.combine import combine
from askproai_runtime.spoken_times.grammars import present_grammar, scan_known_argument
from askproai_runtime.spoken_times.meaning import Meaning
from askproai_runtime.spoken_times.readings import ranges_of
from askproai_runtime.spoken_times.scan import scan_known
from askproai_runtime.spoken_times.times import expand, hours_of, shifted
from askproai_runtime.spoken_times.weekday_dates import weekday_dates
from askproai_runtime.understood import UNDERSTOOD

_LISTS = frozenset({Op.AND, Op.OR, Op.COMMA})
BOUNDS = frozenset({Op.FROM, Op.AFTER, Op.LATER_THAN, Op.UNTIL, Op.BEFORE, Op.BETWEEN, Op.ABOUT})

_FROM = re.compile(rf"^(?:{UNDERSTOOD.links.from_day})\s+", re.IGNORECASE)
_TO = re.compile(rf"\s+(?:{UNDERSTOOD.links.to_words})\s+", re.IGNORECASE)
_TOWARDS = re.compile(rf"\s+(?:{UNDERSTOOD.links.towards})\s+|\s*(?:→|[-=]+>)\s*", re.IGNORECASE)
_INSTEAD = re.compile(rf",?\s+(?:{UNDERSTOOD.links.instead_of})\s+", re.IGNORECASE)
_INSTEAD_FIRST = re.compile(rf"^(?:{UNDERSTOOD.links.instead_of})\s+", re.IGNORECASE)
_ENDS_WITH_DAY = re.compile(r"\d\..*\d\.$")  # "vom 10. auf den 11.", but "von 14 auf 16." ends a sentence
# "wir sind zwei", "zwei Termine"
_COUNTS = re.compile(rf"\b(?:{UNDERSTOOD.places.no_hour})\b", re.IGNORECASE)
_MOST_WORDS = 16
_WEEK = 7


class UnclearMention(ValueError):
    """The error for words that name days or times, but together with other words that may change the statement."""


@dataclass(frozen=True, slots=True)
class Mention:
    """The days and times that words name. Each of `meanings` is compared with a time by itself. `today` is the day of the call."""

    meanings: tuple[Meaning, ...]
    today: date

    @property
    def has_day(self) -> bool:
        """Return whether a day is named, and not only times of a day."""
        return any(each.day or each.weekday or each.period for each in self.meanings)

    def find_in(self, times: Collection[datetime], *, surely: bool) -> set[datetime]:
        """Return those of the local `times` that the words name: only certain ones if `surely`, else possible ones, too.

        Not certain are a weekday or date that occurs twice in `times`, words with two readings, and a time in two parts of the
        day. Raises `UnclearMention` for a time that does not exist ("drei Uhr vormittags").
        """
        days = {at.date() for at in times}
        found = set[datetime]()
        try:
            for meaning in self.meanings:
                named = _days_in(meaning, days, self.today, surely=surely)
                found |= {at for at in times if at.date() in named and _is_time(meaning, at.time(), surely=surely)}
        except (ValueError, OverflowError) as error:
            raise UnclearMention(str(error)) from error
        return found


def find_mention(words: str, now: datetime, ignored: Collection[str] | None) -> Mention | None:
    """Return the days and times that words name; None if they name none. A number alone is an hour.

    Other words may only be `ignored` ones (None: any), or have no meaning for dates and times. Raises `UnclearMention`.
    """
    try:
        atoms, unknown = scan_known(words, now, present_grammar())
        named = [atom for atom in atoms if atom is not Op.HESITATE]
        if all(isinstance(atom, Op) or _is_preference(atom) for atom in named):
            return None
        meanings = combine(_as_list(named), now.date())
    except (ValueError, OverflowError) as error:  # no such day or time, one that is over, or no rule that combines them
        raise UnclearMention(str(error)) from error
    if ignored is not None and unknown - set(ignored):
        raise UnclearMention(f"other words: {', '.join(sorted(unknown))}")
    if any(_is_preference(atom) for atom in named):
        raise UnclearMention("a preference for other times, beside days or times")
    is_at_midnight = any(each.clock is not None and each.clock.next_day for each in meanings)
    if is_at_midnight or any(each.soon or each.instant or each.excluded for each in meanings):
        raise UnclearMention("no days or times of a day")
    return Mention(tuple(meanings), now.date())


def list_days_of_month(words: str, now: datetime) -> set[int]:
    """Return the days of a month that words name, whatever else they say: 27 for "den am siebenundzwanzigsten auf zwölf"."""
    return {atom.number for atom in scan_words(words, now) if isinstance(atom, Day) and atom.number is not None}


def list_bounding_weekdays(words: str, now: datetime) -> set[int]:
    """Return the weekdays before or after which words name another day: Friday for "auf den Tag vor dem Freitag"."""
    pairs = pairwise(scan_words(words, now))
    return {day.weekday for bound, day in pairs if bound in {Op.BEFORE, Op.AFTER} and isinstance(day, Weekday)}


def names_relative_day(words: str, day: date, origin: date, now: datetime) -> bool:
    """Return whether words, whatever else they say, may name `day` relative to the day `origin`, or by a week or a number of
    weeks that does not have `origin`: "den am Mittwoch drauf", "den eine Woche später", "den von übernächster Woche".
    """
    return any(_is_relative(atom, day, origin) for atom in scan_words(words, now))


def _is_relative(atom: Atom, day: date, origin: date) -> bool:
    if isinstance(atom, Weekday):
        return atom.which in {Which.FOLLOWING, Which.NEXT} and day.weekday() == atom.weekday and day > origin
    if isinstance(atom, Offset):
        first = (counted := origin + timedelta(days=atom.days)) - timedelta(days=counted.weekday())
        return day == counted if atom.days % _WEEK else first <= day < first + timedelta(days=_WEEK)
    is_span = isinstance(atom, Period) or (isinstance(atom, Day) and atom.ahead)
    spans = read_spans(None, atom) if is_span else ()
    return any(span.holds(day) and not span.holds(origin) for span in spans)


def list_only_hour(words: str, now: datetime) -> list[time]:
    """Return the times of day that the only hour in words may mean, whatever else they say: 15:00 for "nachmittags um drei".

    Empty without an hour (a count is none), or with several, with a bound ("ab elf"), or with a word that takes something back.
    """
    atoms = scan_words(_COUNTS.sub(" ", words.replace("'", " ")), now)
    clocks = [atom for atom in atoms if isinstance(atom, Clock)]
    others = [atom for atom in atoms if isinstance(atom, Part | TimeRange | Around | Instant)]
    parts = [atom for atom in others if isinstance(atom, Part) and atom.name]
    is_plain = all(atom in _LISTS | {Op.HESITATE} for atom in atoms if isinstance(atom, Op))
    is_hour = is_plain and len(clocks) == 1 and len(others) == len(parts) <= 1
    with suppress(ValueError):  # "drei Uhr vormittags"
        return [*expand(clocks[0], *parts)] if is_hour else []
    return []


def replaces_hour(words: str, old: time, new: time, now: datetime) -> bool:
    """Return True if words name `new` directly behind the hour `old`, or `old` behind an "instead": "von zehn auf elf" and "elf
    statt zehn", unlike "zwischen zehn und elf".
    """
    atoms = scan_words(words, now)
    inverted = ((last, first) for (first, op), (_, last) in pairwise(pairwise(atoms)) if op is Op.INSTEAD)
    pairs = [*pairwise(atoms), *inverted]
    hours = [(one, other) for one, other in pairs if isinstance(one, Clock) and isinstance(other, Clock)]
    return any(old in expand(one) and new in expand(other) for one, other in hours)


def scan_words(words: str, now: datetime) -> Sequence[Atom]:
    """Return the known atoms in words, in the language that knows most of them: "do" is no Thursday in "Do you have". [] if they
    have an impossible day or time.
    """
    with suppress(ValueError, OverflowError):
        return scan_known_argument(words, now)
    return []


def read_spans(before: Atom | None, atom: Atom | None) -> Sequence[Days]:
    """Return the spans of days that an atom names, bounded by the word `before` it; for a counted day, the week of that day."""
    if isinstance(atom, Day):
        weeks = [day - timedelta(days=day.weekday()) for day in atom.readings]
        return [Days(monday, monday + timedelta(days=6)) for monday in weeks]
    spans = atom.readings if isinstance(atom, Period) else ()
    if before is Op.FROM:
        return [Days(each.first, None) for each in spans]
    if before is Op.AFTER:
        return [Days(each.last + timedelta(days=1), None) for each in spans if each.last is not None]
    if before in {Op.BEFORE, Op.UNTIL}:
        return [Days(date.min, each.last if before is Op.UNTIL else each.first) for each in spans]
    return spans


def _is_preference(atom: Atom) -> bool:
    """Return whether an atom is only a preference for earlier or later: "lieber später", "so spät wie möglich"."""
    return (isinstance(atom, Part) and atom.is_vague) or (isinstance(atom, Soon) and atom.latest)


def _as_list(atoms: Sequence[Atom]) -> Sequence[Atom]:
    """Return the atoms with "oder" for each "und" and comma: a statement about two days is one about each of them."""
    if any(isinstance(atom, Op) and atom not in _LISTS | BOUNDS for atom in atoms):
        raise Contradiction("a word that takes something back")
    if Op.BETWEEN in atoms:
        return atoms
    return [Op.OR if atom in _LISTS else atom for atom in atoms]


def _days_in(meaning: Meaning, days: Collection[date], today: date, *, surely: bool) -> set[date]:
    """Return the dates in `days` that a meaning names: only those beyond doubt if `surely`."""
    found, period, weekday = set(days), meaning.period, meaning.weekday
    if period is not None:
        every = all if surely else any
        found = {day for day in found if every(span.holds(day) for span in period.readings)}
    if weekday is not None:
        found = {day for day in found if day.weekday() == weekday.weekday}
        if weekday.which is not None:
            found &= set(weekday_dates(weekday, today))
    if meaning.day is not None:
        found &= set(meaning.day.readings)
    if surely and (weekday or meaning.day) and len(found) > 1:
        return set()
    return {day for day in found if not meaning.only or day.weekday() in meaning.only}


def _is_time(meaning: Meaning, at: time, *, surely: bool) -> bool:
    """Return whether a meaning includes the time of day `at`. A meaning with days alone includes every time."""
    if meaning.clock is not None:
        return at in expand(meaning.clock, meaning.part)
    if meaning.around is not None:
        around = meaning.around
        named = expand(around.clock, meaning.part)
        return any(shifted(each, -around.before) <= at <= shifted(each, around.after) for each in named)
    if meaning.hours is not None:
        every = all if surely else any
        return every(
            _is_between(at, opens, closes, surely=surely) for opens, closes in ranges_of(meaning.hours, meaning)
        )
    return meaning.part is None or _is_in_part(meaning.part, at, surely=surely)


def _is_between(at: time, opens: time | None, closes: time | None, *, surely: bool) -> bool:
    """Return whether a time lies between two others. "Nach vier" includes four o'clock itself only if not `surely`."""
    if opens is not None and (at < opens or (surely and closes is None and at == opens)):
        return False
    return closes is None or at < closes


def _is_in_part(part: Part, at: time, *, surely: bool) -> bool:
    opens, closes = hours_of(part)
    if not _is_between(at, opens, closes, surely=False):
        return False
    return not (surely and part.name and any(_competes(other, part.name, at) for other in PARTS_OF_DAY))


def _competes(other: str, name: str, at: time) -> bool:
    """Return True if the time `at` rather belongs to another part of the day: `other` is shorter than `name`, and outside it."""
    (first, last), (opens, closes) = PARTS_OF_DAY[other], PARTS_OF_DAY[name]
    is_within, is_shorter = opens <= first and last <= closes, _minutes(first, last) < _minutes(opens, closes)
    return first <= at < last and is_shorter and not is_within


def _minutes(opens: time, closes: time) -> int:
    return (closes.hour - opens.hour) * 60 + closes.minute - opens.minute


def list_replaced(text: str) -> Iterator[tuple[str, str]]:
    """Yield each possible split of a text into an old time and its replacement; neither text is checked.

    "To" needs a "from" before it: "ten to eleven" is one time.
    """
    text = " ".join(text.split()[:_MOST_WORDS])
    text = text if _ENDS_WITH_DAY.search(text) else text.strip(" .")
    if first := _INSTEAD_FIRST.match(text):
        words = text[first.end() :].split()
        yield from ((" ".join(words[:at]), " ".join(words[at:])) for at in range(1, len(words)))
        return
    for found in _INSTEAD.finditer(text):
        yield text[found.end() :], text[: found.start()]
    begun = _FROM.match(text)
    old = text[begun.end() :] if begun else text
    for separator in (_TOWARDS, *((_TO,) if begun else ())):
        for found in separator.finditer(old):
            yield old[: found.start()].strip(" ,"), old[found.end() :]
