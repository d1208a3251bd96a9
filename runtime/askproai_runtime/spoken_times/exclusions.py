"""Separate the exclusions from a phrase: `außer Montag und Dienstag`, `nicht vormittags`, `also nicht morgen`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

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
    hours: dict[int, TimeRange] = field(default_factory=dict)  # of a weekday of which only a part is excluded

    @property
    def is_any(self) -> bool:
        return bool(self.weekdays or self.days)


def find_exclusions(atoms: Sequence[Atom], today: date) -> Exclusions:
    """Return the excluded days, and the other atoms. Raises `Contradiction`.

    An excluded part of a day (`nicht vormittags`) becomes a bound of the hours. A date, or a day that is counted from today,
    can be excluded only after another day that is wanted. Nothing else can be excluded.
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
        elif is_excluding and isinstance(atom, Day | Period) and _is_day_before(found.rest):
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


def _is_day_before(rest: Sequence[Atom]) -> bool:
    """Return whether `rest`, the atoms before an excluded day, names a day. Else it is not clear which of two days is wanted."""
    return any(isinstance(atom, Day | Weekday) for atom in rest)


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
    if isinstance(before, Weekday) and Op.EXCEPT in atoms and _LINKS.isdisjoint(atoms):
        found.hours[before.weekday] = bound_by_excluded(part)
        return True
    has_day = any(isinstance(atom, (Day, Weekday, Period, Soon)) for atom in atoms)  # "no mornings" is of none
    if found.is_any or before not in _EXCEPTIONS or not has_day:
        return False
    found.rest.append(bound_by_excluded(part))
    return True
