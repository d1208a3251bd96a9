"""Convert a meaning to candidates: the days and times in the branch's zone that are not over."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from askproai_runtime.sentences import format_written_day, say, write_clock
from askproai_runtime.spoken_times.atoms import Around, Contradiction, Day, Days, ImpossibleDay, PastDay, TimeRange
from askproai_runtime.spoken_times.meaning import Meaning
from askproai_runtime.spoken_times.rules import DAY
from askproai_runtime.spoken_times.times import both_halves, expand, hours_of, lies_in, shifted
from askproai_runtime.spoken_times.types import Candidate, Daily, Grain
from askproai_runtime.spoken_times.weekday_dates import weekday_dates

_OPEN_END = timedelta(days=366)  # the end of a span without one; a branch's horizon is shorter, or this is far enough
_WEEK, _MIDDAY = 7, time(12)
_ALL = frozenset(range(_WEEK))
_BESIDE = frozenset({1, _WEEK - 1})  # days between two weekdays that follow each other
_MOST_MONTHS = relativedelta(months=3)  # in which a day without its month is looked for by its weekday
_Hours = tuple[time | None, time | None]


def candidates(meaning: Meaning, now: datetime, zone: ZoneInfo) -> list[Candidate]:
    """Return the candidates of one choice that are not over, earliest first; empty if no such local time exists.

    Raises `PastDay` if all are over, `ImpossibleDay`, `ImpossibleTime` and `Contradiction`.
    """
    found = _candidates(meaning, now, zone)
    if meaning.latest:
        return [replace(each, latest=each.end is not None) for each in found]
    return found


def _candidates(meaning: Meaning, now: datetime, zone: ZoneInfo) -> list[Candidate]:
    if meaning.instant is not None:
        return _instants(meaning, now)
    # A time alone: today, or tomorrow once it is over.
    if not meaning.has_day and not meaning.soon and not meaning.excluded:
        today = now.date()
        found = [list(_of_day(meaning, day, zone)) for day in (today, today + DAY)]
        if not found[0]:
            return []
        coming = [candidate for candidate in found[0] if not _is_over(candidate, now)]
        over = {_time_of_day(candidate) for candidate in found[0]} - {_time_of_day(candidate) for candidate in coming}
        # "um neun" and "gegen neun" have a morning and an evening: the one that is over today is tomorrow's.
        return sorted(coming + [c for c in found[1] if _time_of_day(c) in over], key=lambda c: c.start)
    return _without_past(list(_all(meaning, now, zone)), now)


def _time_of_day(candidate: Candidate) -> tuple[time, time | None]:
    return candidate.start.time(), candidate.end.time() if candidate.end else None


def _instants(meaning: Meaning, now: datetime) -> list[Candidate]:
    instant = meaning.instant
    assert instant is not None
    if (
        meaning.has_time
        or meaning.weekday
        or meaning.period
        or (meaning.day and now.date() not in meaning.day.readings)
    ):
        raise Contradiction("a span from now and another time")
    if instant.end is None:
        return [exact_at(instant.start)]
    opens, closes = write_clock(instant.start.time()), write_clock(instant.end.time())
    spoken = say().written_range.format(day=format_written_day(instant.start.date()), opens=opens, closes=closes)
    return [Candidate(instant.start, instant.end, Grain.RANGE, spoken)]


def _all(meaning: Meaning, now: datetime, zone: ZoneInfo) -> Iterator[Candidate]:
    only = frozenset(meaning.only) or _ALL
    only -= meaning.excluded
    for days in _wanted_days(meaning, now.date()):
        if days.is_one:
            if days.first.weekday() in only:
                yield from _of_day(meaning, days.first, zone)
        else:
            yield from _of_days(meaning, days, only, now, zone)


# Days


def _wanted_days(meaning: Meaning, today: date) -> list[Days]:
    """Return the readings of the day that are not excluded: on a Friday, "Samstag, nicht morgen" is the Saturday in a week."""
    found = _days(meaning, today)
    if not meaning.not_days:
        return found
    later = (
        [Days(day.first + _WEEK * DAY, day.first + _WEEK * DAY) for day in found if day.is_one]
        if meaning.weekday
        else []
    )
    for readings in (found, [] if meaning.day else later):
        if kept := [day for day in readings if not any(_is_within(day, each) for each in meaning.not_days)]:
            return kept
    raise Contradiction("the day that is excluded")


def _is_within(days: Days, others: Days) -> bool:
    return others.first <= days.first and (others.last is None or (days.last is not None and days.last <= others.last))


def _days(meaning: Meaning, today: date) -> list[Days]:
    """Return the readings of the day, as spans. Raises `PastDay`; `ImpossibleDay` or `Contradiction` if its parts do not fit."""
    weekday, period = meaning.weekday, meaning.period
    if meaning.day is not None:
        readings = [day for day in meaning.day.readings if weekday is None or day.weekday() == weekday.weekday]
        if period is not None:
            readings = [day for days in period.readings for day in _same_days(meaning.day, days)]
            readings = [day for day in readings if weekday is None or day.weekday() == weekday.weekday]
        if not readings and weekday is not None and period is None:
            readings = _in_later_month(meaning.day, weekday.weekday, today)
        if not readings:
            if period is None and not meaning.day.is_date:  # "morgen am Mittwoch": there are both, and one is asked for
                raise Contradiction("the weekday is not that of the day")
            raise ImpossibleDay("the weekday is not that of the date")
        return [Days(day, day) for day in readings]
    if period is None:
        if weekday is not None:
            return [Days(day, day) for day in weekday_dates(weekday, today)]
        return [Days(today, None)]
    if weekday is None:
        return list(period.readings)
    found = [day for days in period.readings for day in _weekdays_in(days, weekday.weekday)]
    if not found:
        raise PastDay("of this week only other days are left")
    return [Days(day, day) for day in dict.fromkeys(found)]


def _in_later_month(day: Day, weekday: int, today: date) -> list[date]:
    """Return, in a list, the next date with this day number on this weekday: "Freitag, den 8." can be in January.

    Empty if that date is more than three months ahead, or if a month was said. Also empty if the weekday is next to that of the
    nearest date with this number: a slip is as likely, and the caller is asked.
    """
    if day.number is None or day.month is not None or (weekday - day.readings[0].weekday()) % _WEEK in _BESIDE:
        return []
    span = (today + n * DAY for n in range((today + _MOST_MONTHS - today).days + 1))
    return [each for each in span if each.day == day.number and each.weekday() == weekday][:1]


def _same_days(day: Day, days: Days) -> list[date]:
    """Return the dates within `days` that a day can mean: its readings, else the first date with its number and month."""
    last = days.last or days.first + _OPEN_END
    inside = [reading for reading in day.readings if days.first <= reading <= last]
    if inside or day.number is None:
        return inside
    span = (days.first + n * DAY for n in range((last - days.first).days + 1))
    return [each for each in span if each.day == day.number and day.month in {None, each.month}][:1]


def _weekdays_in(days: Days, weekday: int) -> list[date]:
    """Return the first day of a period with this weekday; empty if the period has none."""
    first = days.first + timedelta(days=(weekday - days.first.weekday()) % _WEEK)
    if days.last is None or first <= days.last:
        return [first]
    return []


def _of_day(meaning: Meaning, day: date, zone: ZoneInfo) -> Iterator[Candidate]:
    """Yield the candidates on one day: its exact times, its spans of hours, or the whole day."""
    if meaning.clock is not None:
        at_day = day + DAY if meaning.clock.next_day else day
        for at in expand(meaning.clock, meaning.part):
            instant = datetime.combine(at_day, at, zone)
            if exists(instant):
                yield exact_at(instant)
        return
    for opens, closes, grain, spoken, named in _hours(meaning):
        start = datetime.combine(day, opens or time(), zone)
        end = datetime.combine(day, closes, zone) if closes else datetime.combine(day + DAY, time(), zone)
        if start < end:
            about = datetime.combine(day, named, zone) if named else None
            yield Candidate(start, end, grain, format_written_day(day) + spoken, about=about)


def _of_days(meaning: Meaning, days: Days, only: frozenset[int], now: datetime, zone: ZoneInfo) -> Iterator[Candidate]:
    """Yield the candidates of several days, each with the times that count on every one of the days."""
    last = days.last or days.first + _OPEN_END
    start, end = datetime.combine(days.first, time(), zone), datetime.combine(last + DAY, time(), zone)
    if meaning.period and meaning.period.opens:
        start = datetime.combine(days.first, meaning.period.opens, zone)
    if meaning.period and meaning.period.closes:
        end = datetime.combine(last, meaning.period.closes, zone)
    grain = meaning.period.grain if meaning.period else Grain.RANGE
    spoken = _describe_days(days, only, meaning, now)
    if meaning.clock is not None:
        if meaning.period and meaning.period.is_bound:  # "bis Freitag um drei" is no time of each day
            raise Contradiction("a bounded period and one time")
        for at in expand(meaning.clock, meaning.part):
            daily = Daily(only, at, shifted(at, 1))
            about = _around_day(meaning, at, zone)
            yield Candidate(start, end, Grain.RANGE, spoken + say().at_time.format(at=write_clock(at)), daily, about)
        return
    for opens, closes, _, said, _ in _hours(meaning):
        if opens is None and closes is None and only == _ALL:
            yield Candidate(start, end, grain, spoken + said, about=_around_day(meaning, None, zone))
        elif closes is None or (opens or time()) < closes:
            daily, about = Daily(only, opens or time(), closes), _around_day(meaning, opens, zone)
            yield Candidate(start, end, Grain.RANGE, spoken + said, daily, about)


def _around_day(meaning: Meaning, at: time | None, zone: ZoneInfo) -> datetime | None:
    """Return the day in "um den 10. herum" at the time `at`, or at noon; None if the period is not around a day."""
    about = meaning.period.about if meaning.period else None
    return None if about is None else datetime.combine(about, at or _MIDDAY, zone)


# Times


def _hours(meaning: Meaning) -> Iterator[tuple[time | None, time | None, Grain, str, time | None]]:
    """Yield for each reading of the time: begin, end, precision, words for the answer, and the named time inside the span."""
    part = meaning.part
    if meaning.around is not None:
        yield from _around(meaning.around, meaning)
    elif meaning.hours is not None:
        for opens, closes in ranges_of(meaning.hours, meaning):
            yield opens, closes, Grain.RANGE, _describe_hours(opens, closes, is_after=meaning.hours.is_after), None
    elif part is None or hours_of(part) == (None, None):
        yield None, None, Grain.DAY, "", None
    elif part.name:
        yield *hours_of(part), Grain.PART_OF_DAY, f", {say().parts_of_day[part.name]}", None
    else:
        spoken = f", {part.spoken}" if part.spoken else _describe_hours(*hours_of(part))
        yield *hours_of(part), Grain.PART_OF_DAY, spoken, None


def _around(around: Around, meaning: Meaning) -> Iterator[tuple[time | None, time | None, Grain, str, time | None]]:
    for at in expand(around.clock, meaning.part):
        opens, closes = shifted(at, -around.before), shifted(at, around.after + 1)
        yield opens, closes, Grain.RANGE, say().about_time.format(at=write_clock(at)), at


def ranges_of(hours: TimeRange, meaning: Meaning) -> list[_Hours]:
    """Return begin and end of each reading. An end in an unknown half of the day is the first such time after the begin."""
    found = _ranges_of(hours, meaning)
    return [(shifted(opens, 1) if opens and hours.is_after else opens, closes) for opens, closes in found]


def _ranges_of(hours: TimeRange, meaning: Meaning) -> list[_Hours]:
    part = meaning.part
    window = hours_of(part) if part else (None, None)
    if hours.opens is None:
        if hours.closes is None:
            raise Contradiction("a range without bounds")
        return [(window[0], min(expand(hours.closes, part)))]  # "vor neun" is the morning
    if hours.closes is None:
        opens = min(expand(hours.opens, part))
        is_before = part is not None and part.name and hours.opens.is_of_24 and not lies_in(part, opens)
        return [(max(opens, window[0] or opens) if is_before else opens, window[1])]
    found: list[_Hours] = []
    for opens in expand(hours.opens, part):
        later = [closes for closes in both_halves(hours.closes) if closes > opens]
        if later:
            found.append((opens, min(later)))
        elif hours.closes.next_day:
            found.append((opens, None))
    if not found:  # "zwischen elf und neun" is no range
        raise Contradiction("a range that ends before it begins")
    return found


# Past candidates


def _is_over(candidate: Candidate, now: datetime) -> bool:
    return (candidate.end or candidate.start) <= now


def _without_past(found: list[Candidate], now: datetime) -> list[Candidate]:
    if not found:
        return []
    coming = sorted((c for c in found if not _is_over(c, now)), key=lambda c: c.start)
    if not coming:
        raise PastDay("all readings are over")
    return coming


def exact_at(instant: datetime) -> Candidate:
    """Return the candidate of an exact local time."""
    spoken = say().written_time.format(day=format_written_day(instant.date()), at=write_clock(instant.time()))
    return Candidate(instant, None, Grain.MINUTE, spoken)


def exists(instant: datetime) -> bool:
    """Return whether a local time exists. A time that the clocks skip changes when it is converted to UTC and back."""
    converted = datetime.fromtimestamp(instant.timestamp(), instant.tzinfo)
    return converted.replace(fold=0) == instant.replace(fold=0) and converted.time() == instant.time()


def _describe_days(days: Days, only: frozenset[int], meaning: Meaning, now: datetime) -> str:
    """Return the days of a choice in words."""
    if days.last is not None:
        first, last = format_written_day(days.first), format_written_day(days.last)
        if meaning.period and meaning.period.opens:
            first = say().written_time.format(day=first, at=write_clock(meaning.period.opens))
        if meaning.period and meaning.period.closes:
            last = say().written_time.format(day=last, at=write_clock(meaning.period.closes))
        text = say().from_to_days.format(first=first, last=last)
    elif days.first <= now.date():
        if meaning.only:  # "dienstags" alone: nobody has said that it is urgent
            return _describe_weekdays(only)
        text = say().soon
    else:
        text = say().from_day.format(first=format_written_day(days.first))
    if meaning.only:
        text += say().only_days.format(days=_describe_weekdays(only))
    elif len(meaning.excluded) > len(_ALL) // 2:
        text += say().only_days.format(days=_describe_weekdays(_ALL - meaning.excluded))
    elif meaning.excluded:
        text += say().except_days.format(days=_describe_weekdays(meaning.excluded))
    return text


def _describe_weekdays(weekdays: Iterable[int]) -> str:
    return f" {say().and_word} ".join(say().habitual_weekdays[n] for n in sorted(weekdays))


def _describe_hours(opens: time | None, closes: time | None, *, is_after: bool = False) -> str:
    """Return the hours of a day in words; empty without bounds. `is_after`: `opens` is one minute after the said time."""
    if opens is not None and is_after:
        return say().later_than_time.format(at=write_clock(shifted(opens, -1))) + _describe_hours(None, closes)
    if opens is not None and closes is not None:
        return say().from_to_time.format(opens=write_clock(opens), closes=write_clock(closes))
    if opens is not None:
        return say().from_time.format(at=write_clock(opens))
    return say().until_time.format(at=write_clock(closes)) if closes is not None else ""
