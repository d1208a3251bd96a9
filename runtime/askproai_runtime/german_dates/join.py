"""The joint meaning of two contents of one kind in one choice of a phrase."""

from askproai_runtime.german_dates.atoms import (
    Clock,
    Content,
    Contradiction,
    Day,
    Days,
    Part,
    Period,
    TimeRange,
    Weekday,
    Which,
)
from askproai_runtime.german_dates.times import both_halves, hours_of
from askproai_runtime.sentences import say


def join_contents(first: Content, second: Content) -> Content:
    """Return what two contents of one kind mean together: `nächste Woche unter der Woche`. Raises `Contradiction`."""
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
    """Return the range of two bounds: `nicht vor elf und nicht nach vier`. Raises `Contradiction` for two of one side."""
    opens, closes = first.opens or second.opens, first.closes or second.closes
    if (first.opens and second.opens) or (first.closes and second.closes):
        raise Contradiction("two bounds of one side")
    return TimeRange(opens, closes, is_after=first.is_after or second.is_after)


def _narrow(first: Part, second: Part) -> Part:
    """Return the hours of two parts of the day if one of them is vague, or within the other. Raises `Contradiction`."""
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
