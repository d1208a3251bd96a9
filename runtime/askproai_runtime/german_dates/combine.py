"""Combine the atoms of a phrase: corrections first, then bounds, then choices. Each choice has one day and one time at most.

A combination that no rule explains is refused: a wrong guess is worse than a question.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from askproai_runtime.german_dates.atoms import (
    Around,
    Atom,
    Clock,
    Content,
    Contradiction,
    Day,
    ImpossibleTime,
    Instant,
    Op,
    Part,
    Period,
    Soon,
    TimeRange,
    Weekday,
    Which,
)
from askproai_runtime.german_dates.bounds import bind, bound_by_excluded, days_of
from askproai_runtime.german_dates.join import join_contents
from askproai_runtime.german_dates.rules import DAY
from askproai_runtime.german_dates.shared_months import share_months
from askproai_runtime.german_dates.times import expand


@dataclass(slots=True)
class Meaning:
    """One choice of a phrase: at most one of each kind. `only` and `excluded` are weekdays."""

    day: Day | None = None
    weekday: Weekday | None = None
    period: Period | None = None
    instant: Instant | None = None
    clock: Clock | None = None
    part: Part | None = None
    hours: TimeRange | None = None
    around: Around | None = None
    soon: bool = False
    latest: bool = False
    only: set[int] = field(default_factory=set)
    excluded: set[int] = field(default_factory=set)

    @property
    def has_day(self) -> bool:
        return any((self.day, self.weekday, self.period, self.only))

    @property
    def has_time(self) -> bool:
        return any((self.clock, self.part, self.hours, self.around))

    @property
    def is_empty(self) -> bool:
        return not (self.has_day or self.has_time or self.soon or self.instant or self.excluded)


def combine(atoms: Sequence[Atom], today: date) -> list[Meaning]:
    """Return the choices that a phrase leaves, at least one. Raises `Contradiction`."""
    named = (Day, Weekday, Period, Part, TimeRange)
    if any(isinstance(each, Soon) and each.is_of_named for each in atoms) and not any(
        isinstance(each, named) for each in atoms
    ):
        raise Contradiction("the last of what nobody has named")
    corrected = _correct(_without_replaced(share_months(atoms, today)), today)
    choices = [meaning for meaning in corrected if not meaning.is_empty]
    if not choices:
        raise Contradiction("nothing is left")
    if any(each.part and each.part.is_vague and not (each.has_day or each.soon) for each in choices):
        raise Contradiction("later or earlier than nobody knows what")
    return choices


# Corrections


def _without_replaced(atoms: Sequence[Atom]) -> list[Atom]:
    """Drop what is replaced: `nicht Montag, sondern Dienstag`, `statt Dienstag lieber Mittwoch`."""
    rest = list(atoms)
    while Op.BUT in rest:
        but = rest.index(Op.BUT)
        denied = max((i for i in range(but) if rest[i] is Op.NOT), default=None)
        if denied is None:
            raise Contradiction("sondern without nicht")
        rest[denied : but + 1] = [Op.CORRECT]
    while Op.INSTEAD in rest:
        at = rest.index(Op.INSTEAD)
        del rest[at : at + 2]
    return rest


def _correct(atoms: Sequence[Atom], today: date) -> list[Meaning]:
    """Return the choices of the parts between corrections, each part replacing what it says anew of the one before it."""
    choices: list[Meaning] = []
    for part in _split_at_corrections(atoms):
        later = _choices(bind(part, today))
        if len(choices) > 1 and not all(meaning.has_day for meaning in later):
            raise Contradiction("a correction of one of two choices")
        choices = (
            [_override(choices[-1], _follow(choices[-1], meaning, today)) for meaning in later] if choices else later
        )
    return choices


def _follow(before: Meaning, after: Meaning, today: date) -> Meaning:
    """Return `am Samstag drauf` as the first Saturday after the day that was named before."""
    named, weekday = before.day or before.weekday, after.weekday
    if named is None or weekday is None or weekday.which is not Which.FOLLOWING:
        return after
    first = {days.first + DAY for days in days_of(named, today)}
    following = {day + timedelta(days=(weekday.weekday - day.weekday()) % 7) for day in first}
    return replace(after, weekday=None, day=Day(tuple(sorted(following))))


def _split_at_corrections(atoms: Sequence[Atom]) -> list[list[Atom]]:
    """Return the parts between corrections, without empty ones. "Montag, äh, oder Dienstag" corrects nothing."""
    beside = [Op.COMMA, *atoms], [*atoms[1:], Op.COMMA]
    said = [
        atom for before, atom, after in zip(beside[0], atoms, beside[1], strict=False)
        if atom is not Op.COMMA or not {before, after} & _CORRECTIONS
    ]  # fmt: skip
    if len(said) > 1 and said[-1] is Op.CORRECT:
        raise Contradiction("what was said is taken back")
    parts: list[list[Atom]] = [[]]
    for atom, following in zip(said, [*said[1:], None], strict=False):
        is_link_open = bool(parts[-1]) and parts[-1][-1] in _LINKS
        if atom not in _CORRECTIONS:
            parts[-1].append(atom)
        elif following not in _LINKS and not (is_link_open and atom is Op.HESITATE):
            if is_link_open:  # "um zehn, oder nein, um elf"
                parts[-1].pop()
            parts.append([])
    return [part for part in parts if part]


def _fits(clock: Clock, part: Part) -> bool:
    """Return whether a time can lie in a part of the day: "um drei, ich meine nachmittags" keeps its hour."""
    try:
        return bool(expand(clock, part))
    except ImpossibleTime:
        return False


def _override(before: Meaning, after: Meaning) -> Meaning:
    """Return what was said before with what was said anew."""
    merged = replace(before, only=set(before.only), excluded=before.excluded | after.excluded)
    if after.day or after.instant or after.only:
        merged.day = merged.weekday = merged.period = merged.instant = None
        merged.only = set()
    if after.weekday:
        merged.day = merged.instant = None
        merged.only = set()
    if after.period:
        merged.day = merged.period = merged.instant = None
    if after.clock or after.hours or after.around:
        merged.clock = merged.hours = merged.around = merged.instant = None
    if after.part:
        merged.part = merged.hours = merged.around = None
        merged.clock = before.clock if before.clock and _fits(before.clock, after.part) else after.clock
    for name in ("day", "weekday", "period", "instant", "clock", "part", "hours", "around"):
        if (value := getattr(after, name)) is not None:
            setattr(merged, name, value)
    merged.only |= after.only
    merged.soon, merged.latest = before.soon or after.soon, before.latest or after.latest
    return merged


# Choices


def _choices(atoms: Sequence[Atom]) -> list[Meaning]:
    """Split at `oder` and in lists, and complete each choice by what is said only once: `Montag oder Dienstag um drei`."""
    rest, excluded = _without_exceptions(atoms)
    groups: list[list[Content]] = [[]]
    for i, atom in enumerate(rest):
        if not isinstance(atom, Op):
            groups[-1].append(atom)
        elif atom is Op.OR or (atom in {Op.AND, Op.COMMA} and _separates_days(rest, i)):
            groups.append([])
        elif atom not in {Op.AND, Op.COMMA}:
            raise Contradiction("a word that bounds nothing")
    choices = [_meaning(group) for group in groups if group] or [Meaning()]
    for choice in choices:
        choice.excluded |= excluded
    return _completed(choices)


def _without_exceptions(atoms: Sequence[Atom]) -> tuple[list[Atom], set[int]]:
    """Return the atoms without `außer Montag und Dienstag`, and the weekdays that are excluded.

    An excluded part of a day (`nicht vormittags`) bounds its hours. Nothing else can be excluded.
    """
    rest, excluded = list[Atom](), set[int]()
    has_day = any(isinstance(atom, (Day, Weekday, Period, Soon)) for atom in atoms)  # "no mornings" is of none
    is_excluding, before, follows = False, None, frozenset[Atom]()
    for atom in atoms:
        if atom in _EXCEPTIONS:
            is_excluding = True
            # "nicht Montag, lieber Dienstag": after a comma it is not clear which of the two is wanted.
            follows = frozenset({atom, *_LINKS, *({Op.COMMA} if atom is Op.EXCEPT else ())})
        elif atom is Op.END:
            is_excluding = False
        elif is_excluding and isinstance(atom, Weekday):
            if before not in follows:
                raise Contradiction("a weekday that may be excluded, or wanted instead")
            excluded.add(atom.weekday)
        elif is_excluding and not excluded and isinstance(atom, Part) and before in _EXCEPTIONS and has_day:
            is_excluding = False
            rest.append(bound_by_excluded(atom))
        elif is_excluding and (not excluded or (isinstance(before, Weekday) and isinstance(atom, _TIMES))):
            raise Contradiction("only whole weekdays can be excluded")
        elif not (is_excluding and atom in {Op.AND, Op.COMMA, Op.OR}):
            is_excluding = False
            rest.append(atom)
        before = atom
    if is_excluding and not excluded:
        raise Contradiction("nothing is excluded")
    return rest, excluded


def _separates_days(atoms: Sequence[Atom], position: int) -> bool:
    """Return whether a comma or `und` between two days separates choices: in a list with `oder`, or of habits."""
    beside = [atoms[i] for i in (position - 1, position + 1) if 0 <= i < len(atoms)]
    if len(beside) < 2 or not any(all(isinstance(atom, kind) for atom in beside) for kind in (Weekday, Day)):  # noqa: PLR2004
        return False
    return Op.OR in atoms or all(isinstance(atom, Weekday) and atom.habit for atom in beside)


def _meaning(contents: Sequence[Content]) -> Meaning:
    """Put the contents of one choice into their places. Raises `Contradiction` if two do not fit together."""
    meaning = Meaning()
    for content in contents:
        if isinstance(content, Soon):
            meaning.soon, meaning.latest = True, meaning.latest or content.latest
        elif isinstance(content, Weekday) and content.habit:
            meaning.only.add(content.weekday)
        else:
            name = _PLACES[type(content)]
            known = getattr(meaning, name)
            setattr(meaning, name, content if known is None else join_contents(known, content))
    if sum(time is not None for time in (meaning.clock, meaning.hours, meaning.around)) > 1:
        raise Contradiction("two times")
    if meaning.part and meaning.part.is_vague and (meaning.clock or meaning.around):
        raise Contradiction("one time, and a preference for another one")
    return meaning


_EXCEPTIONS = frozenset({Op.EXCEPT, Op.NOT})
_LINKS = frozenset({Op.AND, Op.OR})
_CORRECTIONS = frozenset({Op.CORRECT, Op.HESITATE})
_TIMES = (Clock, Part, TimeRange, Around)
_MONTH = timedelta(days=31)
_PLACES = {
    Day: "day", Weekday: "weekday", Period: "period", Instant: "instant", Clock: "clock", Part: "part", TimeRange: "hours",
    Around: "around",
}  # fmt: skip


def _is_long(period: Period | None) -> bool:
    """Return whether a period has more than one month, so that a date with its month is one of its days."""
    return period is not None and all(days.last and days.last - days.first > _MONTH for days in period.readings)


def _completed(choices: list[Meaning]) -> list[Meaning]:
    """Complete each choice: its day by the choice before it, its week and its time by the one that names them last."""
    _require_clear_count(choices)
    is_latest = any(choice.latest for choice in choices)
    for i, choice in enumerate(choices):
        choice.latest = is_latest
        others = [*reversed(choices[:i]), *choices[i + 1 :]]
        if not choice.has_day and not choice.instant:
            source = next((other for other in others if other.has_day), None)
            if source is not None:
                choice.day, choice.weekday, choice.period = source.day, source.weekday, source.period
                choice.only |= source.only
        elif choice.weekday and not choice.period and not choice.day:
            choice.period = next((other.period for other in others if other.weekday and other.period), None)
        elif choice.only and not choice.period:  # "nächste Woche, montags oder mittwochs"
            choice.period = next((other.period for other in others if other.only and other.period), None)
        elif choice.day and choice.day.month and not choice.period:  # "nächstes Jahr am 5. oder 6. Dezember"
            choice.period = next((each.period for each in choices[:i] if each.day and _is_long(each.period)), None)
        if not choice.has_time:
            source = next((other for other in choices[i + 1 :] if other.has_time), None)
            if source is not None:
                choice.clock, choice.part = source.clock, source.part
                choice.hours, choice.around = source.hours, source.around
    return choices


def _require_clear_count(choices: Sequence[Meaning]) -> None:
    """Raise `Contradiction` for `in zwei Wochen am Samstag oder Donnerstag`: the other may be of that week, or the coming one."""
    counted = [day for choice in choices if choice.day and choice.day.counted for day in choice.day.readings]
    others = [choice.weekday for choice in choices if choice.weekday and not choice.day and not choice.period]
    weekdays = {day.weekday() for day in counted}
    habits = any(choice.only and not choice.day and not choice.period for choice in choices)
    if habits and any(choice.only and choice.day for choice in choices):  # "in zwei Wochen, montags oder mittwochs"
        raise Contradiction("one of two habits is of one day")
    if counted and any(other.which is None and other.weekday not in weekdays for other in others):
        raise Contradiction("a count of weeks that may be said of both weekdays")
