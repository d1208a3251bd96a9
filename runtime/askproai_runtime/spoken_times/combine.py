"""Combine the atoms of a phrase: corrections first, then bounds, then choices. Each choice has one day and one time at most.

A combination that no rule explains is refused: a wrong guess is worse than a question.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from askproai_runtime.sentences import say
from askproai_runtime.spoken_times.atoms import (
    Around,
    Atom,
    Clock,
    Content,
    Contradiction,
    Day,
    Days,
    ImpossibleTime,
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
from askproai_runtime.spoken_times.bounds import bind
from askproai_runtime.spoken_times.exclusions import find_exclusions, leave_out
from askproai_runtime.spoken_times.meaning import Meaning, follow
from askproai_runtime.spoken_times.shared_months import share_months
from askproai_runtime.spoken_times.times import both_halves, expand, hours_of


def combine(atoms: Sequence[Atom], today: date) -> list[Meaning]:
    """Return the choices that a phrase leaves open, at least one. Raises `Contradiction`."""
    named = (Day, Weekday, Period, Part, TimeRange)
    if any(isinstance(each, Soon) and each.is_of_named for each in atoms) and not any(
        isinstance(each, named) for each in atoms
    ):
        raise Contradiction("the last of what nobody has named")
    if _is_counted_behind_date(atoms):
        raise Contradiction("a date, and a count of days that may begin there")
    corrected = _correct(drop_replaced(share_months(atoms, today)), today)
    choices = [_without_offset(meaning) for meaning in corrected if not meaning.is_empty]
    if not choices:
        raise Contradiction("nothing is left")
    if any(each.part and each.part.is_vague and not (each.has_day or each.soon) for each in choices):
        raise Contradiction("later or earlier than nobody knows what")
    return choices


def _is_counted_behind_date(atoms: Sequence[Atom]) -> bool:
    """Return whether an offset such as `zwei Wochen später` follows a date. False for "die Woche drauf, Donnerstag der 10."."""
    is_dated = False
    for atom in atoms:
        if isinstance(atom, Offset) and is_dated:
            return True
        is_dated = (is_dated or (isinstance(atom, Day) and atom.is_date)) and atom not in {*_CORRECTIONS, Op.OR}
    return False


def _without_offset(meaning: Meaning) -> Meaning:
    """Return a meaning with a date without its offset (`eine Woche später`). Raises `Contradiction` without a date."""
    if meaning.offset is not None and not (meaning.day and meaning.day.is_date):
        raise Contradiction("a count of days from another day")
    return replace(meaning, offset=None)


# Corrections


def drop_replaced(atoms: Sequence[Atom]) -> list[Atom]:
    """Return the atoms without a revoked day or time: `nicht Montag, sondern Dienstag`, `statt Montag lieber Dienstag`."""
    rest = list(atoms)
    while Op.BUT in rest:
        but = rest.index(Op.BUT)
        denied = max((i for i in range(but) if rest[i] in {Op.NOT, Op.EXCEPT}), default=None)
        if denied is None:
            raise Contradiction("sondern without nicht")
        # The Saturday after a denied day counts from it.
        named = (
            [atom for atom in rest[denied + 1 : but] if atom is not Op.COMMA]
            if any(isinstance(atom, Weekday) and atom.which is Which.FOLLOWING for atom in rest[but + 1 : but + 2])
            else []
        )
        rest[denied : but + 1] = [*named, Op.CORRECT]
    while Op.INSTEAD in rest:
        at = rest.index(Op.INSTEAD)
        del rest[at : at + 2]
    return rest


def _correct(atoms: Sequence[Atom], today: date) -> list[Meaning]:
    """Return the last part's choices, completed by the parts before it. Corrections ("nein, doch um drei") separate parts."""
    choices: list[Meaning] = []
    for part in _split_at_corrections(atoms):
        later = _choices(bind(part, today), today)
        if len(choices) > 1 and not all(meaning.has_day for meaning in later):
            raise Contradiction("a correction of one of two choices")
        choices = (
            [_override(choices[-1], follow(choices[-1], meaning, today)) for meaning in later] if choices else later
        )
    return choices


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
    """Return whether a clock time can lie in a part of the day: then a correction keeps it ("um drei, ich meine nachmittags")."""
    try:
        return bool(expand(clock, part))
    except ImpossibleTime:
        return False


def _override(before: Meaning, after: Meaning) -> Meaning:
    """Return the meaning `before`, in which each kind of content that `after` has (day, time …) is replaced by that of `after`."""
    merged = replace(before, only=set(before.only), excluded=before.excluded | after.excluded)
    merged.not_days = (*before.not_days, *after.not_days)
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


def _choices(atoms: Sequence[Atom], today: date) -> list[Meaning]:
    """Return the choices at `oder` and in lists. A time said once counts for each day: `Montag oder Dienstag um drei`."""
    found = find_exclusions(atoms, today)
    rest = found.rest
    groups: list[list[Content]] = [[]]
    for i, atom in enumerate(rest):
        if not isinstance(atom, Op):
            groups[-1].append(atom)
        elif atom is Op.OR or (atom in {Op.AND, Op.COMMA} and _separates(rest, i)):
            groups.append([])
        elif atom not in {Op.AND, Op.COMMA}:
            raise Contradiction("a word that bounds nothing")
    choices = _prefer_repeated([_meaning(group) for group in groups if group]) or [Meaning()]
    choices = [each for each in choices if each != Meaning(soon=True)] or choices  # "nicht vor Mittwoch, sonst egal"
    for choice in choices:
        choice.excluded |= found.weekdays
        choice.not_days = tuple(found.days)
    for number, choice in enumerate(choices[1:], 1):
        choices[number] = follow(choices[number - 1], choice, today)
    choices = _completed(_cross(choices))
    if found.hours and any(each.has_time or each.day or each.weekday or each.only for each in choices):
        raise Contradiction("a part of one day is excluded from a time, or from another day")
    return leave_out(choices, found.hours, today)


def _prefer_repeated(choices: list[Meaning]) -> list[Meaning]:
    """Return only the last choice if it repeats an earlier one (`Mittwoch oder Donnerstag, lieber Mittwoch`), else all."""
    last = choices[-1] if choices else Meaning()
    for before in choices[:-1]:
        is_same_day = (before.day, before.weekday) == (last.day, last.weekday) and bool(last.day or last.weekday)
        if is_same_day and last.period in {None, before.period} and not (last.has_time and before.has_time):
            return [_override(before, last)]
    return choices


def _cross(choices: list[Meaning]) -> list[Meaning]:
    """Return each day with each time: in `Dienstag oder Freitag um zehn oder um zwei` it is open which belong together."""
    kinds = [(choice.has_day, choice.has_time) for choice in choices]
    both = [number for number, kind in enumerate(kinds) if all(kind)]
    if len(both) != 1 or len(choices) > _MOST_CROSSED:
        return choices
    before, after = set(kinds[: both[0]]), set(kinds[both[0] + 1 :])
    if len(before) != 1 or len(after) != 1 or {*before, *after} != {(True, False), (False, True)}:
        return choices
    return [
        replace(day, clock=time.clock, part=time.part, hours=time.hours, around=time.around)
        for day in choices if day.has_day
        for time in choices if time.has_time
    ]  # fmt: skip


def _separates(atoms: Sequence[Atom], position: int) -> bool:
    """Return whether a comma or `und` separates choices: days in a list with `oder`, habits, two different times, or weekends
    from the days between them.
    """
    beside = [atoms[i] for i in (position - 1, position + 1) if 0 <= i < len(atoms)]
    if len(beside) == 2 and _are_two_times(beside[0], beside[1], atoms[position]):  # noqa: PLR2004
        return True
    is_week = any(isinstance(atom, Period) and atom.is_working_week for atom in beside)
    if is_week and atoms[position] is Op.AND and any(map(_is_of_weekend, beside)):
        return True
    return _separates_days(atoms, beside)


def _is_of_weekend(atom: Atom) -> bool:
    if isinstance(atom, Weekday):
        return atom.weekday in _WEEKEND
    readings = atom.readings if isinstance(atom, Period) else ()
    return bool(readings) and all(each.weekdays <= {*_WEEKEND} for each in readings)


def _are_two_times(first: Atom, second: Atom, link: Atom) -> bool:
    """Return whether two times are different ones: `um zehn, um elf`, unlike `um halb vier, also 15:30`."""
    if isinstance(first, Clock) and isinstance(second, Clock):
        return not set(both_halves(first)) & set(both_halves(second))
    if isinstance(first, TimeRange) and isinstance(second, TimeRange):
        return None not in {first.opens, first.closes, second.opens, second.closes}
    is_named = isinstance(first, Part) and isinstance(second, Part) and bool(first.name and second.name)
    return is_named and link is Op.AND and first != second


def _separates_days(atoms: Sequence[Atom], beside: Sequence[Atom]) -> bool:
    if len(beside) < 2 or not any(all(isinstance(atom, kind) for atom in beside) for kind in (Weekday, Day)):  # noqa: PLR2004
        return False
    return Op.OR in atoms or all(isinstance(atom, Weekday) and atom.habit for atom in beside)


def _meaning(contents: Sequence[Content]) -> Meaning:
    """Return the meaning of one choice's contents. Raises `Contradiction` if two contents do not fit together.

    Beside another period "unter der Woche" only excludes its weekends.
    """
    meaning = Meaning()
    others = [each for each in contents if not (isinstance(each, Period) and each.is_working_week)]
    is_in_period = any(isinstance(each, Period) and not _is_of_weekend(each) for each in others)
    if is_in_period and len(others) < len(contents):
        contents, meaning.excluded = others, set(_WEEKEND)
    for content in contents:
        if isinstance(content, Soon):
            meaning.soon, meaning.latest = True, meaning.latest or content.latest
        elif isinstance(content, Weekday) and content.habit:
            meaning.only.add(content.weekday)
        else:
            name = _PLACES[type(content)]
            known = getattr(meaning, name)
            setattr(meaning, name, content if known is None else _join_contents(known, content))
    if sum(time is not None for time in (meaning.clock, meaning.hours, meaning.around)) > 1:
        raise Contradiction("two times")
    if meaning.part and meaning.part.is_vague and (meaning.clock or meaning.around):
        raise Contradiction("one time, and a preference for another one")
    return meaning


_WEEKEND = (5, 6)
_LINKS = frozenset({Op.AND, Op.OR})
_CORRECTIONS = frozenset({Op.CORRECT, Op.HESITATE})
_MONTH = timedelta(days=31)
_MOST_CROSSED = 6
_PLACES = {
    Day: "day", Weekday: "weekday", Period: "period", Instant: "instant", Clock: "clock", Part: "part", TimeRange: "hours",
    Around: "around", Offset: "offset",
}  # fmt: skip


def _is_long(period: Period | None) -> bool:
    """Return whether a period is longer than a month, so that a date with its month can be one of its days."""
    return period is not None and all(days.last and days.last - days.first > _MONTH for days in period.readings)


def _completed(choices: list[Meaning]) -> list[Meaning]:
    """Return the choices with missing parts taken from each other: in `Montag oder Dienstag um drei` both are at three."""
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
    """Raise `Contradiction` if a count of weeks may count for two weekdays or one: `in zwei Wochen am Samstag oder Donnerstag`."""
    counted = [day for choice in choices if choice.day and choice.day.counted for day in choice.day.readings]
    others = [choice.weekday for choice in choices if choice.weekday and not choice.day and not choice.period]
    weekdays = {day.weekday() for day in counted}
    habits = any(choice.only and not choice.day and not choice.period for choice in choices)
    if habits and any(choice.only and choice.day for choice in choices):  # "in zwei Wochen, montags oder mittwochs"
        raise Contradiction("one of two habits is of one day")
    if counted and any(other.which is None and other.weekday not in weekdays for other in others):
        raise Contradiction("a count of weeks that may be said of both weekdays")


def _join_contents(first: Content, second: Content) -> Content:
    """Return the content that both contents of one kind allow: `nächste Woche unter der Woche`. Raises `Contradiction`."""
    if isinstance(first, Period) and isinstance(second, Period):
        return _intersect(first, second)
    if isinstance(first, Part) and isinstance(second, Part) and first != second:
        return _narrow(first, second)
    if isinstance(first, Day) and isinstance(second, Day):
        both = tuple(day for day in first.readings if day in second.readings)
        if both:
            return Day(both)
    elif isinstance(first, Clock) and isinstance(second, Clock) and set(both_halves(first)) & set(both_halves(second)):
        return first if second.is_bare else second  # "um halb vier, also fünfzehn Uhr dreißig"
    elif isinstance(first, TimeRange) and isinstance(second, TimeRange) and first != second:
        return _between(first, second)
    elif isinstance(second, Weekday) and second.which is Which.FOLLOWING and first == Weekday(second.weekday):
        return second  # "Samstag, nicht morgen, den Samstag darauf"
    elif first == second:
        return first
    raise Contradiction("two of one kind")


def _between(first: TimeRange, second: TimeRange) -> TimeRange:
    """Return the range of two bounds: `nicht vor elf und nicht nach vier`. Raises `Contradiction` for two bounds of one side."""
    opens, closes = first.opens or second.opens, first.closes or second.closes
    if (first.opens and second.opens) or (first.closes and second.closes):
        raise Contradiction("two bounds of one side")
    return TimeRange(opens, closes, is_after=first.is_after or second.is_after)


def _narrow(first: Part, second: Part) -> Part:
    """Return the common hours of two parts of the day, of which one is vague or contains the other. Raises `Contradiction`."""
    hours = hours_of(first), hours_of(second)
    if (None, None) in hours:
        return second if hours[0] == (None, None) else first
    opens = max((each for each, _ in hours if each is not None), default=None)
    closes = min((each for _, each in hours if each is not None), default=None)
    if opens is not None and closes is not None and opens >= closes:
        raise Contradiction("two parts of the day that share no hour")
    if (opens, closes) in hours:
        return (first, second)[hours.index((opens, closes))]
    if not (first.is_vague or second.is_vague):
        raise Contradiction("two parts of the day")
    named = (each.spoken or say().parts_of_day.get(each.name, "") for each in (first, second))  # none of a foreign word
    spoken = ", ".join(filter(None, named))
    return Part("", opens, closes, spoken, is_vague=first.is_vague and second.is_vague)


def _intersect(first: Period, second: Period) -> Period:
    if any((first.opens, first.closes, second.opens, second.closes)):
        raise Contradiction("another period beside one from a time to a time")
    both = []
    for a in first.readings:
        for b in second.readings:
            begin = max(a.first, b.first)
            ends = [end for end in (a.last, b.last) if end is not None]
            if not ends or min(ends) >= begin:
                both.append(Days(begin, min(ends, default=None)))
    if not both:
        raise Contradiction("two periods that share no day")
    return Period(tuple(dict.fromkeys(both)))
