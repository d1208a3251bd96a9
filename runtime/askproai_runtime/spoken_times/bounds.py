"""Apply each word that bounds the following day or time: `ab`, `bis`, `zwischen … und`, `gegen`. The result has no such words."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, time, timedelta
from itertools import dropwhile, pairwise
from typing import TypeGuard

from askproai_runtime.spoken_times.atoms import (
    Around,
    Atom,
    Clock,
    Content,
    Contradiction,
    Day,
    Days,
    Op,
    Part,
    PastDay,
    Period,
    Soon,
    TimeRange,
    Weekday,
)
from askproai_runtime.spoken_times.rules import DAY
from askproai_runtime.spoken_times.times import expand, hours_of
from askproai_runtime.spoken_times.weekday_dates import weekday_dates

_BOUNDS = frozenset({Op.FROM, Op.AFTER, Op.LATER_THAN, Op.UNTIL, Op.BEFORE})
_LINKS = frozenset({Op.AND, Op.OR, Op.COMMA})
_CONNECTORS = frozenset({Op.AND, Op.UNTIL})
_ABOUT = {Op.ABOUT: (30, 30), Op.SOON_AFTER: (0, 30), Op.SOON_BEFORE: (30, 0)}  # minutes before and after
_BEHIND = {Op.OR_LATER: Op.FROM, Op.OR_EARLIER: Op.UNTIL, Op.OR_SO: Op.ABOUT}
_FIRST_PARTS, _LAST_PARTS = frozenset({"frueh", "vormittag", "morning"}), frozenset({"nachmittag", "abend", "nacht"})
_DAYS = (Day, Weekday, Period)
_SUNDAY = 6


def bind(atoms: Sequence[Atom], today: date) -> list[Atom]:
    """Return the atoms with each bounding word (`ab`, `bis`) and the day or time after it as one. Raises `Contradiction`."""
    atoms = _date_weekdays(_without_about(atoms))
    is_noise = [atom is Op.COMMA and following in _BOUNDS for atom, following in pairwise(atoms)]
    for at in range(1, len(is_noise)):  # "Dienstag, vor dem 24." may be any Tuesday
        is_noise[at] = is_noise[at] and not (isinstance(atoms[at - 1], Weekday) and atoms[at + 1] is Op.BEFORE)
    rest = [atom for atom, noise in zip(atoms, [*is_noise, False], strict=True) if not noise]
    bound: list[Atom] = []
    while rest:
        atom = rest.pop(0)
        if not isinstance(atom, Op):
            bound.append(atom)
        elif atom in _BEHIND:
            bound[-1:] = _bounded_behind(_BEHIND[atom], bound[-1:], today)
        elif atom is Op.BETWEEN:
            bound.append(_between(rest, today))
        elif atom is Op.UNTIL and len(bound) > 1 and (span := _span(bound[-2], bound[-1], rest, today)):
            bound[-2:] = [span]
        elif atom is Op.UNTIL and bound and rest and _same_kind(bound[-1], rest[0]):
            bound.append(_from_to(bound.pop(), rest.pop(0), today))
        elif atom in _BOUNDS:
            is_day = isinstance(rest[:1] and rest[0], _DAYS) and not (isinstance(rest[0], Weekday) and rest[0].habit)
            at = _find_weekdays(bound) if atom is Op.BEFORE and is_day else len(bound)
            content, weekdays = _take_bound(rest), bound[at:]
            bound[at:] = _last_before(weekdays, content, today) if weekdays else [_bounded(atom, content, today)]
        elif atom in _ABOUT:
            bound += _about(atom, rest, today)
        else:
            bound.append(atom)
    return bound


def _date_weekdays(atoms: list[Atom]) -> list[Atom]:
    """Return the atoms with each bounded weekday as a day of the week beside it: `nächste Woche von Montag bis Mittwoch`."""
    weeks = [at for at, atom in enumerate(atoms) if isinstance(atom, Period)]
    if len(weeks) != 1 or not (ends := _list_ends(atoms[weeks[0]])):
        return atoms
    before, week, behind = atoms[: weeks[0]], atoms[weeks[0]], atoms[weeks[0] + 1 :]
    if Op.OR not in atoms and before and before[-1] in _BOUNDS and behind and _is_lone(behind[0]):
        before, behind = [*before, behind[0]], behind[1:]
    elif before and _is_lone(before[-1]) and behind and behind[0] in _BEHIND:
        before, behind = before[:-1], [before[-1], *behind]
    dated, wraps = [*before, week, *behind], False
    for at, atom in enumerate(dated):
        is_beside = Op.OR not in dated[min(at, len(before)) : max(at, len(before))]
        if not (is_beside and _is_lone(atom) and _is_bounded(dated, at)):
            continue
        first = dated[at - 2] if at > 1 and dated[at - 1] in _CONNECTORS else None
        if isinstance(first, Day) and first.readings[0].weekday() > atom.weekday:
            wraps = True  # "nächste Woche Freitag bis Dienstag"
        else:
            dated[at] = Day(tuple(end - (_SUNDAY - atom.weekday) * DAY for end in ends))
    return [atom for atom in dated if atom is not week] if wraps else dated


def _is_bounded(atoms: Sequence[Atom], at: int) -> bool:
    """Return whether a weekday is an end of a range of days, or a word beside it bounds it. An excluded weekday is bounded by
    nothing, and words that bound hours bound no day: "außer Mittwoch und Freitag zwischen 10 und 12".
    """
    first, second, third = (atoms[at - n] if at >= n else None for n in (1, 2, 3))
    ends = first in {Op.BETWEEN, *_BOUNDS} or (
        first is Op.AND and third is Op.BETWEEN and isinstance(second, Day | Weekday)
    )
    behind = [*atoms[at + 1 : at + 3], None, None]
    begins = behind[0] in _BEHIND or (behind[0] is Op.UNTIL and isinstance(behind[1], Day | Weekday))
    return (ends or begins) and not _is_excluded(atoms[:at])


def _is_excluded(before: Sequence[Atom]) -> bool:
    """Return whether the days at the end of `before` follow "außer" or "nicht", and so does a day behind them."""
    left = [*dropwhile(lambda atom: atom in _LINKS or isinstance(atom, Day | Weekday), reversed(before))]
    return bool(left) and left[0] in {Op.EXCEPT, Op.NOT}


def _list_ends(week: Atom) -> list[date]:
    """Return the Sunday of each reading of a week; empty if `week` is another period."""
    readings = week.readings if isinstance(week, Period) else ()
    ends = [last for first, last in readings if last is not None and last - first <= _SUNDAY * DAY]
    return ends if len(ends) == len(readings) and all(end.weekday() == _SUNDAY for end in ends) else []


def _find_weekdays(bound: Sequence[Atom]) -> int:
    """Return the index at which a final list of weekdays begins ("Dienstag oder Mittwoch"); without one, the number of atoms."""
    at = len(bound)
    while at and (isinstance(bound[at - 1], Clock | Part) or bound[at - 1] in _LINKS or _is_lone(bound[at - 1])):
        at -= 1
    return at if any(map(_is_lone, bound[at:])) else len(bound)


def _is_lone(atom: Atom) -> TypeGuard[Weekday]:
    return isinstance(atom, Weekday) and atom.which is None and not atom.habit


def _last_before(said: Sequence[Atom], end: Atom, today: date) -> list[Atom]:
    """Return the atoms of `said`, each weekday replaced by the last such day before the day `end`: `Dienstag vor dem 24.`. If
    words stand between weekday and `end`, the next such weekday is a reading, too. Raises `PastDay` if all are over.
    """
    is_direct = isinstance(said[-1], Weekday)
    ends = [days.first for days in days_of(end, today)]
    found = list[Atom]()
    for atom in said if is_direct or said[-1] is not Op.COMMA else said[:-1]:
        if isinstance(atom, Weekday):
            days = {each - timedelta(days=(each - DAY - atom.weekday * DAY).weekday() + 1) for each in ends}
            days |= set() if is_direct else {day for day in weekday_dates(atom, today) if day < max(ends)}
            coming = tuple(sorted(day for day in days if day >= today))
            if not coming:
                raise PastDay("the last such weekday is over")
            found.append(Day(coming))
        else:
            found.append(atom)
    return found


def _without_about(atoms: Sequence[Atom]) -> list[Atom]:
    """Return the atoms without "ungefähr" after a bounding word: "ab circa vier" begins at four."""
    bounds = {*_BOUNDS, Op.BETWEEN, *((Op.AND,) if Op.BETWEEN in atoms else ())}
    pairs = zip([None, *atoms], atoms, strict=False)
    return [atom for before, atom in pairs if not (atom is Op.ABOUT and before in bounds)]


def _span(day: Atom, at: Atom, rest: list[Atom], today: date) -> Period | None:
    """Return the period from `day` at the time `at` to the next day and time in `rest`, which are removed from it; None if
    `rest` does not begin with a day and a time.

    Raises `Contradiction` if the two days are the same, or the second one is earlier.
    """
    if not (len(rest) > 1 and _is_day_and_time(day, at) and _is_day_and_time(*rest[:2])):
        return None
    days = _from_to(day, rest.pop(0), today)
    opens, closes = _limits(at)[0], _limits(rest.pop(0))[1]
    assert isinstance(days, Period)
    if days.readings[0].is_one:
        raise Contradiction("from a time to another one of the same day")
    return Period(days.readings, opens=opens, closes=closes)


def _is_day_and_time(day: Atom, at: Atom) -> bool:
    return isinstance(day, _DAYS) and isinstance(at, Clock | Part)


def _limits(at: Atom) -> tuple[time | None, time | None]:
    """Return begin and end of a part of the day, or a clock time as both. If it can mean two times, the earlier one counts."""
    if isinstance(at, Part):
        return hours_of(at)
    assert isinstance(at, Clock)
    if at.next_day:
        return None, None
    return (min(expand(at)),) * 2


def _between(rest: list[Atom], today: date) -> Content:
    if len(rest) > 4 and rest[2] in _CONNECTORS:  # noqa: PLR2004 ("von Montag 7 Uhr bis Freitag 15 Uhr")
        first, at, following = rest[0], rest[1], rest[3:]
        if span := _span(first, at, following, today):
            rest[:] = following
            return span
    if rest and isinstance(rest[0], TimeRange):  # "von 10 bis 12 Uhr"
        return rest.pop(0)  # type: ignore[return-value]
    first, connector, last = _take(rest, 3)
    if connector not in _CONNECTORS:
        raise Contradiction("between without and")
    return _from_to(first, last, today)


def _about(op: Op, rest: list[Atom], today: date) -> list[Atom]:
    """Return the range around the time after "ungefähr" or "kurz nach"; an empty list if "ungefähr" is before anything else."""
    if rest and isinstance(clock := rest[0], Clock):
        rest.pop(0)
        return [Around(clock, *_ABOUT[op])]
    if op is Op.ABOUT and any(isinstance(each, Day) and each.is_date for each in rest[:3]):
        return _about_day(rest, today)
    if op is Op.SOON_AFTER and rest and isinstance(rest[0], Part):  # "kurz nach dem Mittagessen"
        return [_bounded(Op.AFTER, rest.pop(0), today)]
    if op is not Op.ABOUT:
        raise Contradiction("kurz vor or nach no time")
    return []


def _about_day(rest: list[Atom], today: date) -> list[Atom]:
    """Return the days around a date: `um den 10. Dezember`. Before a day that is no date "ungefähr" changes nothing."""
    if not isinstance(rest[0], Day | Weekday) or (isinstance(rest[0], Day) and not rest[0].is_date):
        return []
    day = _take_bound(rest)
    if not isinstance(day, Day):
        return [day]
    around = tuple(Days(max(today, each - 2 * DAY), each + 2 * DAY) for each in day.readings)
    return [Period(around, about=day.readings[0] if len(around) == 1 else None)]


def _take_bound(rest: list[Atom]) -> Atom:
    """Remove the day or time after a preposition from `rest`, and return it; for "bis Freitag, den 27." the date."""
    [content] = _take(rest, 1)
    at = 1 if rest[:1] == [Op.COMMA] else 0
    if not (isinstance(content, Weekday) and rest[at:] and isinstance(date_of := rest[at], Day) and date_of.is_date):
        return content
    readings = tuple(day for day in date_of.readings if day.weekday() == content.weekday)
    if not readings:
        raise Contradiction("the weekday is not that of the date")
    del rest[: at + 1]
    return replace(date_of, readings=readings)


def _take(rest: list[Atom], count: int) -> list[Atom]:
    taken = [rest.pop(0) for _ in range(min(count, len(rest)))]
    if len(taken) < count:
        raise Contradiction("the phrase ends after a preposition")
    return taken


def _same_kind(first: Atom, second: Atom) -> bool:
    return any(isinstance(first, kinds) and isinstance(second, kinds) for kinds in (_DAYS, Clock))


def _from_to(first: Atom, last: Atom, today: date) -> Content:
    if isinstance(first, Clock) and isinstance(last, Clock):
        return TimeRange(first, last)
    if isinstance(first, _DAYS) and isinstance(last, _DAYS):
        if isinstance(last, Day) and last.counted and isinstance(first, Weekday):
            raise Contradiction("a count of weeks that may be said of both weekdays")
        if isinstance(first, Day) and first.counted and len(first.readings) > 1:
            raise Contradiction("a range from one of two weeks")
        begin = days_of(first, today)[0].first
        ends = [days.last for days in days_of(last, begin) if days.last is not None and days.last >= begin]
        if ends:
            return Period((Days(begin, ends[0]),))
    raise Contradiction("from one kind to another")


def _bounded(op: Op, content: Atom, today: date) -> Content:
    """Return the range from a preposition and its time or day: hours for a time, a period for a day. Raises `Contradiction`."""
    if isinstance(content, Clock) and op is Op.LATER_THAN:
        if content.next_day:
            raise Contradiction("later than the end of the day")
        return TimeRange(content, None, is_after=True)
    if isinstance(content, Clock):
        return TimeRange(content, None) if op in {Op.FROM, Op.AFTER} else TimeRange(None, content)
    op = Op.AFTER if op is Op.LATER_THAN else op
    if isinstance(content, Part):
        opens, closes = hours_of(content)
        bounds = {
            Op.FROM: (opens, None), Op.AFTER: (closes, None), Op.UNTIL: (None, closes), Op.BEFORE: (None, opens)
        }[op]  # fmt: skip
        if bounds == (None, None):
            raise Contradiction("a bound without a time")
        return TimeRange(_exactly(bounds[0]), _exactly(bounds[1]))
    if isinstance(content, Soon) and op is Op.FROM:
        return content
    if isinstance(content, _DAYS):
        readings = tuple(
            {
                Op.FROM: Days(days.first, None),
                Op.AFTER: Days((days.last or days.first) + DAY, None),
                Op.UNTIL: Days(today, days.last),
                Op.BEFORE: Days(today, days.first - DAY),
            }[op]
            for days in days_of(content, today)
        )
        kept = tuple(days for days in readings if days.last is None or days.last >= days.first) or readings
        return Period(kept, is_bound=True)
    raise Contradiction("a preposition before what it cannot bound")


def _bounded_behind(op: Op, before: list[Atom], today: date) -> list[Atom]:
    """Return the atoms before "oder später" or "rum", bounded by these words. A range stays unchanged: "ab drei oder später"."""
    if op is Op.ABOUT:
        return [Around(each, *_ABOUT[op]) if isinstance(each, Clock) else each for each in before]
    if before and isinstance(before[0], Around):
        return [_bounded(op, before[0].clock, today)]
    return [_bounded(op, each, today) if isinstance(each, Clock | Day | Weekday) else each for each in before]


def bound_by_excluded(part: Part) -> TimeRange:
    """Return the hours left by an excluded part of the day: `nicht vormittags`. Raises `Contradiction` for a part like noon."""
    if part.name in _FIRST_PARTS:
        return TimeRange(_exactly(hours_of(part)[1]), None)
    if part.name in _LAST_PARTS:
        return TimeRange(None, _exactly(hours_of(part)[0]))
    raise Contradiction("hours before and after an excluded part")


def _exactly(at: time | None) -> Clock | None:
    return None if at is None else Clock(at.hour, at.minute, is_bare=False)


def days_of(content: Atom, today: date) -> tuple[Days, ...]:
    """Return the readings of a day, a weekday or a period by itself. Raises `Contradiction` for any other atom."""
    if isinstance(content, Day):
        return tuple(Days(day, day) for day in content.readings)
    if isinstance(content, Weekday):
        return tuple(Days(day, day) for day in weekday_dates(content, today))
    if isinstance(content, Period):
        return content.readings
    raise Contradiction("no day")
