"""Separate the exclusions from a phrase: `außer Montag und Dienstag`, `nicht vormittags`, `also nicht morgen`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from askproai_runtime.spoken_times.atoms import (
    Around,
    Atom,
    Clock,
    Contradiction,
    Day,
    Days,
    Op,
    Part,
    Period,
    Soon,
    TimeRange,
    Weekday,
    Which,
)
from askproai_runtime.spoken_times.bounds import bound_by_excluded, days_of
from askproai_runtime.spoken_times.meaning import Meaning
from askproai_runtime.spoken_times.types import Grain
from askproai_runtime.spoken_times.weekday_dates import weekday_dates

_EXCEPTIONS = frozenset({Op.EXCEPT, Op.NOT})
_LINKS = frozenset({Op.AND, Op.OR})
_TIMES = (Clock, Part, TimeRange, Around)


@dataclass(slots=True)
class Exclusions:
    """The result of `find_exclusions`: the atoms left (`rest`), the excluded weekdays (0 is Monday), and other excluded days."""

    rest: list[Atom] = field(default_factory=list)
    weekdays: set[int] = field(default_factory=set)
    days: list[Days] = field(default_factory=list)
    hours: dict[int | Days, TimeRange] = field(default_factory=dict)  # of days of which only a part is excluded

    @property
    def is_any(self) -> bool:
        return bool(self.weekdays or self.days)


def find_exclusions(atoms: Sequence[Atom], today: date) -> Exclusions:
    """Return the excluded days, and the other atoms. Raises `Contradiction`.

    An excluded part of a day (`nicht vormittags`) becomes a bound of the hours. A date, or a day that is counted from today,
    can be excluded only with "außer", or after another day that is wanted. Nothing else can be excluded.
    """
    found = Exclusions()
    atoms = [_as_date(atom, atoms, today) for atom in atoms]
    is_excluding, before, follows = False, None, frozenset[Atom]()
    for atom in atoms:
        if atom in _EXCEPTIONS:
            is_excluding = True
            # "nicht Montag, lieber Dienstag": after a comma it is not clear which of the two is wanted.
            follows = frozenset({atom, *_LINKS, *({Op.COMMA} if atom is Op.EXCEPT else ())})
        elif atom is Op.END:
            is_excluding = False
        elif is_excluding and isinstance(atom, Weekday):
            is_excluding = _exclude_weekday(found, atom, before, is_linked=before in follows)
        elif (
            is_excluding
            and isinstance(atom, Day | Period)
            and (Op.EXCEPT in follows or any(isinstance(each, Day | Weekday) for each in found.rest))
        ):  # without a day before it, it is not clear which of two days is wanted
            is_excluding = _exclude_day(found, atom, today, is_linked=before in follows)
        elif is_excluding and isinstance(atom, Part) and _exclude_part(found, atom, before, atoms):
            is_excluding = False
        elif is_excluding and (not found.is_any or (isinstance(before, Weekday) and isinstance(atom, _TIMES))):
            raise Contradiction("only whole days can be excluded")
        elif not (is_excluding and atom in {Op.AND, Op.COMMA, Op.OR}):
            is_excluding = False
            found.rest.append(atom)
        before = atom
    if is_excluding and not found.is_any:
        raise Contradiction("nothing is excluded")
    return found


def _as_date(atom: Atom, atoms: Sequence[Atom], today: date) -> Atom:
    """Return "diesen Dienstag" as a date if the phrase names Tuesday twice ("nächsten Dienstag, nicht diesen"); else the atom."""
    if not isinstance(atom, Weekday) or atom.which is not Which.THIS or Op.NOT not in atoms:
        return atom
    is_named_twice = sum(isinstance(each, Weekday) and each.weekday == atom.weekday for each in atoms) > 1
    return Day(weekday_dates(atom, today)) if is_named_twice else atom


def _exclude_weekday(found: Exclusions, atom: Weekday, before: Atom | None, *, is_linked: bool) -> bool:
    """Exclude a weekday, and return True; False if it is wanted after an excluded day: `nicht morgen, den Samstag darauf`."""
    if before is Op.COMMA and found.days and atom.which is Which.FOLLOWING:
        found.rest.append(atom)
        return False
    if not is_linked:
        raise Contradiction("a weekday that may be excluded, or wanted instead")
    found.weekdays.add(atom.weekday)
    return True


def _exclude_day(found: Exclusions, atom: Day | Period, today: date, *, is_linked: bool) -> bool:
    """Exclude a day (or its second name) after "nicht", and return True. Keep a day that is wanted instead, and return False."""
    days = days_of(atom, today)
    is_same = any(each.first <= day.first and day.last == each.last for day in days for each in found.days)
    if is_linked or is_same:
        found.days += days
        return True
    found.rest.append(atom)
    return False


def _exclude_part(found: Exclusions, part: Part, before: Atom | None, atoms: Sequence[Atom]) -> bool:
    """Exclude a part of each day (`nicht vormittags`), or of the weekday before it, and return True; False if neither is clear."""
    if isinstance(before, Day | Weekday | Period) and Op.EXCEPT in atoms and _LINKS.isdisjoint(atoms):
        day = before.weekday if isinstance(before, Weekday) else found.days[-1]
        found.hours[day] = bound_by_excluded(part)
        return True
    has_day = any(isinstance(atom, (Day, Weekday, Period, Soon)) for atom in atoms)  # "no mornings" is of none
    if found.is_any or before not in _EXCEPTIONS or not has_day:
        return False
    found.rest.append(bound_by_excluded(part))
    return True


def leave_out(choices: Sequence[Meaning], hours: Mapping[int | Days, TimeRange], today: date) -> list[Meaning]:
    """Return choices of several days without the excluded days, and the other hours of days with excluded hours."""
    days = [span for each in choices for span in _split(each, today)]
    return days + [left for each in choices for item in hours.items() for left in _keep_hours(each, *item, today)]


def _keep_hours(choice: Meaning, day: int | Days, hours: TimeRange, today: date) -> list[Meaning]:
    """Return a list with the other hours of a choice's days with excluded hours; empty if the choice has no such day."""
    if isinstance(day, int):
        return _split(replace(choice, only={day}, hours=hours, excluded=set()), today)
    spans = _spans_of(choice, today)
    is_inside = any(
        each.first <= day.first and (each.last is None or each.last >= (day.last or date.max)) for each in spans
    )
    return [replace(choice, period=Period((day,)), hours=hours, not_days=())] if is_inside else []


def _split(choice: Meaning, today: date) -> list[Meaning]:
    """Return a choice of several days as a choice for each span between its excluded days. In a week these are weekdays."""
    left = spans = _spans_of(choice, today)
    if not choice.not_days or choice.day or choice.weekday or len(spans) > 1:
        return [choice]
    for excluded in choice.not_days:
        left = tuple(piece for each in left for piece in each.without(excluded))
    if spans[0].last and spans[0].last - spans[0].first < timedelta(days=7):
        over = spans[0].weekdays.difference(*(each.weekdays for each in left))
        return [replace(choice, excluded=choice.excluded | over, not_days=())] if left else []
    weekdays = (choice.only or {*range(7)}) - choice.excluded
    left = tuple(each for each in left if not each.weekdays.isdisjoint(weekdays))
    bound = choice.period or Period(())
    return [replace(choice, period=replace(bound, readings=(each,), grain=Grain.RANGE), not_days=()) for each in left]


def _spans_of(choice: Meaning, today: date) -> tuple[Days, ...]:
    return choice.period.readings if choice.period else (Days(today, None),)
