"""Complete days by a month that is said once: in `am 7. Januar oder am 8.` and `…, nein, am 9.` all days are in January."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import TypeGuard

from dateutil.relativedelta import relativedelta

from askproai_runtime.spoken_times.atoms import Atom, Contradiction, Day, ImpossibleDay, Op, Period, Weekday
from askproai_runtime.spoken_times.types import Grain

_INSTEAD = frozenset({Op.CORRECT, Op.HESITATE, Op.BUT, Op.INSTEAD})
_RANGE = frozenset({Op.UNTIL, Op.BETWEEN})


def share_months(atoms: Sequence[Atom], today: date) -> list[Atom]:
    """Return the atoms, with each day without a month as a date. The month is taken from the date said beside that day.

    A later number is a later day of the same month. An earlier number is a day of the next month in a range, and of either
    month in a choice; in a correction it is in the same month. Raises `Contradiction` if the month is said after days that may
    have another one, and `ImpossibleDay` if the month has no such day.
    """
    shared: list[Atom] = []
    for i, atom in enumerate(atoms):
        if not _is_bare(atom):
            shared.append(atom)
        elif any(_month_of(each) for each in shared):
            shared.append(_after(atom, shared, today))
        elif not (shared and isinstance(shared[-1], Weekday)):
            shared.append(_before(atom, shared, atoms[i + 1 :]))
        else:  # "Dienstag, der 24., oder am 3. Januar": the weekday says which one
            shared.append(atom)
    has_year = any(isinstance(atom, Period) for atom in shared)  # such as "nächstes Jahr"
    is_corrected = not _INSTEAD.isdisjoint(atom for atom in shared if isinstance(atom, Op))
    return shared if has_year or is_corrected else _in_one_year(shared)


def _in_one_year(atoms: Sequence[Atom]) -> list[Atom]:
    """Return the atoms, with dates of one month without a spoken year in one year, which is the year of the earliest date.

    On 15 December `am 1. oder am 15. Dezember` is today: the 1st is over, and nobody means next year's 1st beside today.
    """
    earliest: dict[int, int] = {}
    for atom in atoms:
        if _is_of_a_month(atom):
            year = atom.readings[0].year
            earliest[atom.month or 0] = min(year, earliest.get(atom.month or 0, year))
    return [
        replace(atom, readings=(atom.readings[0].replace(year=earliest[atom.month or 0]),))
        if _is_of_a_month(atom)
        else atom
        for atom in atoms
    ]


def _is_of_a_month(atom: Atom) -> TypeGuard[Day]:
    """Return whether an atom is a date with a month and without a year. False for 29 February, which not every year has."""
    return (
        isinstance(atom, Day)
        and atom.month is not None
        and not atom.dated
        and len(atom.readings) == 1
        and (atom.month, atom.number) != (2, 29)
    )


def _is_bare(atom: Atom) -> TypeGuard[Day]:
    return isinstance(atom, Day) and atom.number is not None and atom.month is None


def _month_of(atom: Atom) -> date | None:
    """Return the date of a day, or the first day of a month; None for any other atom."""
    if isinstance(atom, Day) and not _is_bare(atom) and len(atom.readings) == 1:
        return atom.readings[0]
    if isinstance(atom, Period) and atom.grain is Grain.MONTH:
        return atom.readings[0].first
    return None


def _after(bare: Day, before: Sequence[Atom], today: date) -> Day:
    """Return the date of a day without a month. The month said before it counts: `am 7. Januar oder am 8.`"""
    at = max(i for i, atom in enumerate(before) if _month_of(atom))
    source, links = before[at], {atom for atom in before[at + 1 :] if isinstance(atom, Op)}
    links |= {Op.INSTEAD} & set(before[:at][-1:])  # "statt am 7. Januar lieber am 5."
    said = _month_of(source)
    assert said is not None
    number = bare.number or 0
    same, following = _in_month(said, number, 0), _in_month(said, number, 1)
    if isinstance(source, Day) and source.month is None and not source.dated:
        # "Heiligabend oder am 27.", "in drei Wochen oder am 8.": a day that was said without its month
        return replace(bare, readings=_coming((*bare.readings, same), today))
    found: tuple[date | None, ...]
    if _INSTEAD & links or number >= said.day:
        if same is None:
            raise ImpossibleDay(f"{said:%B} has no day {number}")
        found = (same,)
    elif _RANGE & links or Op.BETWEEN in before[:at]:
        found = (following,)
    else:
        found = (same, following)
    coming = _coming(found, today) or _coming((following,), today) or bare.readings
    return Day(coming, coming[0].month if len(coming) == 1 else None, number)


def _before(bare: Day, shared: Sequence[Atom], later: Sequence[Atom]) -> Day:
    """Return a day without a month, completed by a month that is said after it: `am 7. um drei oder am 8. Januar`."""
    at = next((i for i, atom in enumerate(later) if isinstance(atom, Day) and atom.month is not None), None)
    said = _month_of(later[at]) if at is not None else None
    if at is None or said is None:
        return bare
    number, links = bare.number or 0, {atom for atom in later[:at] if isinstance(atom, Op)}
    if number <= said.day or Op.INSTEAD in links:
        same = _in_month(said, number, 0)
        return Day((same,), said.month, number) if same else bare
    previous = _in_month(said, number, -1)
    if previous and (_RANGE & {*links, *shared[-1:]}):
        return Day((previous,), previous.month, number)
    raise Contradiction("a day whose month may be the one that is said after it")


def _in_month(said: date, number: int, months: int) -> date | None:
    """Return the date with this day number, `months` months after the date `said`; None if that month has no such day."""
    found = said.replace(day=1) + relativedelta(months=months)
    try:
        return found.replace(day=number)
    except ValueError:
        return None


def _coming(days: Sequence[date | None], today: date) -> tuple[date, ...]:
    return tuple(sorted({day for day in days if day is not None and day >= today}))
