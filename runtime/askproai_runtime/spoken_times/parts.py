"""Combine the arguments of a call function for a date and time: each is read by itself, and values are combined, never texts."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import partial
from itertools import groupby
from zoneinfo import ZoneInfo

from askproai_runtime.spoken_times.argument_values import TIMES, ArgumentValue, read_argument
from askproai_runtime.spoken_times.arguments import find_part_argument, holds_day
from askproai_runtime.spoken_times.atoms import (
    Atom,
    Clock,
    Contradiction,
    Day,
    Op,
    Part,
    PastDay,
    Period,
    TimeRange,
    Weekday,
)
from askproai_runtime.spoken_times.bounds import bind
from askproai_runtime.spoken_times.grammar import fold
from askproai_runtime.spoken_times.grammars import scan_argument, scan_known_argument
from askproai_runtime.spoken_times.iso import write_iso
from askproai_runtime.spoken_times.phrase import place_atoms, place_instants, within_calendar
from askproai_runtime.spoken_times.readings import exact_at
from askproai_runtime.spoken_times.scan import UnknownWord
from askproai_runtime.spoken_times.times import lies_in
from askproai_runtime.spoken_times.types import Argument, Candidate, Grain, Refusal, Understanding
from askproai_runtime.spoken_times.written_values import has_offset, split_day, split_zone
from askproai_runtime.understood import UNDERSTOOD

# A comma, or a word that limits what is said before it.
_LIMIT = re.compile(rf"\s*,\s*|\s+(?=(?:{UNDERSTOOD.links.limits})\b)", re.IGNORECASE)
_LIMITING = frozenset(Op) - {Op.CORRECT, Op.HESITATE, Op.BUT, Op.INSTEAD, Op.OR}
_ENDS = frozenset({Op.BEFORE, Op.UNTIL})
_HALF_A_DAY = timedelta(hours=12)
_FEAST = timedelta(days=2)  # as long as one lasts: "before Christmas" ends before its eve
_NOT_UNDERSTOOD = Understanding(refused=Refusal.NOT_UNDERSTOOD)
_SAID_TWICE = re.compile(r"([^()/]+?)\s*[(/]\s*([^()/]+?)\)?")  # "halb drei (15:30)"


def understand_parts(
    date: str | None, time: str | None, part_of_day: str | None, *, at: datetime, zone: ZoneInfo
) -> Understanding:
    """Return the meaning of the arguments of a call function, each in ISO or words. A lone number as `time` is an hour: `16.`.

    Midnight in `date` is no time. If one argument is not understood, the result names it, with the meaning of the others.
    """
    date, time = (each and write_iso(each) for each in (date, time))
    if (zoned := split_zone(time or date or "")) is not None:
        day, clock = (date, zoned[0]) if time else (zoned[0], time)
        local = understand_parts(day, clock, part_of_day, at=at, zone=zone)
        if local.candidates and all(has_offset(each.start, zoned[1]) for each in local.candidates):
            return local
    said = _list_said({Argument.DATE: date, Argument.TIME: time, Argument.PART_OF_DAY: part_of_day})
    understood = within_calendar(lambda: _understand_said(said, at, zone))
    if understood.unclear is not Argument.TIME or (twice := _SAID_TWICE.fullmatch(time or "")) is None:
        return understood
    first, second = (understand_parts(date, each, part_of_day, at=at, zone=zone) for each in twice.groups())
    return agree(first, second) if first.refused is second.refused is None else understood


def _list_said(parts: Mapping[Argument, str | None]) -> dict[Argument, str]:
    """Return the arguments without those whose text is part of an earlier one: models pass a time or phrase twice.

    The lone number of an hour is no repetition of a date's number: `10. Dezember` and `10`.
    """
    said = dict[Argument, str]()
    for argument, text in parts.items():
        is_hour = text and argument is Argument.TIME and text.rstrip(". ").isdecimal() and Argument.DATE in said
        if text and is_hour and find_part_argument(said[Argument.DATE]) is Argument.DATE:
            said[argument] = text
            continue
        repeated = rf"(?<![\w.,:-]){re.escape(fold(text))}(?![\w:-])" if text else ""
        if text and not any(re.search(repeated, fold(before)) for before in said.values()):
            said[argument] = text
    return said


def _understand_said(said: Mapping[Argument, str], at: datetime, zone: ZoneInfo) -> Understanding:
    now = at.astimezone(zone)
    values = dict[Argument, ArgumentValue]()
    for argument, text in said.items():
        try:
            values[argument] = read_argument(argument, text, now, zone)
        except PastDay as error:
            return Understanding(refused=Refusal.PAST, past=error.day)
        except (UnknownWord, Contradiction):
            split = (split_day(text) or _split_limit(text, at, zone)) if argument is Argument.DATE else None
            if split is None:
                return _keep_others(said, argument, at, zone)
            return _keep_others({**said, Argument.DATE: split[0], Argument.TIME: split[1]}, Argument.TIME, at, zone)
        except (ValueError, OverflowError):  # a day or an hour that no calendar has
            return _refuse_impossible(said, argument, at, zone)
    understood = _combine(values, at, zone)
    is_refused, date = understood.refused is Refusal.NOT_UNDERSTOOD, said.get(Argument.DATE)
    if is_refused and date and (split := _split_limit(date, at, zone)):
        return _keep_others({**said, Argument.DATE: split[0], Argument.TIME: split[1]}, Argument.TIME, at, zone)
    if understood.refused is Refusal.NOT_UNDERSTOOD and len(values) > 1:
        for argument, value in values.items():
            if value.atoms and _place([value], at, zone).refused is Refusal.NOT_UNDERSTOOD:
                return _keep_others(said, argument, at, zone)
    return understood


def _refuse_impossible(said: Mapping[Argument, str], argument: Argument, at: datetime, zone: ZoneInfo) -> Understanding:
    """Return the refusal of an impossible argument, with the others, unless it has a day of its own: "morgen um 25 Uhr"."""
    if argument is not Argument.DATE and holds_day(re.sub(r"\d+", "1", said[argument])):
        return Understanding(refused=Refusal.IMPOSSIBLE)
    return replace(_keep_others(said, argument, at, zone), refused=Refusal.IMPOSSIBLE)


def _split_limit(text: str, at: datetime, zone: ZoneInfo) -> tuple[str, str] | None:
    """Return the text of a phrase's day, and the text that limits its hours: `Montag, aber nicht zwischen zwölf und zwei`.

    None if the second text may be about another day, or takes the first day back.
    """
    if (found := _LIMIT.search(text)) is None:
        return None
    day, limit, now = text[: found.start()], text[found.end() :], at.astimezone(zone)
    try:
        own, rest = scan_argument(day, now), scan_known_argument(limit, now)
    except (ValueError, OverflowError):
        return None
    is_day = any(not isinstance(atom, (*TIMES, Op)) for atom in own)
    is_limit = any(isinstance(atom, TIMES) for atom in rest) and rest[:2] != [Op.NOT, Op.COMMA]
    is_limit = is_limit and all(isinstance(atom, TIMES) or atom in _LIMITING for atom in rest)
    return (day, limit) if is_day and is_limit and _place([ArgumentValue(tuple(own))], at, zone).candidates else None


def _keep_others(said: Mapping[Argument, str], unclear: Argument, at: datetime, zone: ZoneInfo) -> Understanding:
    """Return a refusal that names the argument `unclear`, and keeps the meaning of the others if they name a day."""
    others = {argument: text for argument, text in said.items() if argument is not unclear}
    if not others:
        return _NOT_UNDERSTOOD
    kept = _understand_said(others, at, zone)
    if unclear is Argument.DATE or kept.ambiguous:
        return replace(_NOT_UNDERSTOOD, unclear=unclear)
    return replace(_NOT_UNDERSTOOD, unclear=unclear, kept=kept.candidates or kept.kept)


# Combination


def _combine(values: Mapping[Argument, ArgumentValue], at: datetime, zone: ZoneInfo) -> Understanding:
    instants = [value.instant for value in values.values() if value.instant is not None]
    words = {argument: value for argument, value in values.items() if value.instant is None}
    if not instants:
        return _combine_words(list(words.values()), at, zone)
    understood = place_instants(instants[0].readings, at)
    for other in instants[1:]:
        understood = agree(understood, place_instants(other.readings, at))
    if not words:
        return understood
    days = tuple(dict.fromkeys(reading.date() for reading in instants[0].readings))
    on_day = [] if any(value.has_day for value in words.values()) else [ArgumentValue((Day(days, dated=True),))]
    return agree(understood, _combine_words([*on_day, *words.values()], at, zone))


def agree(understood: Understanding, others: Understanding) -> Understanding:
    """Return the readings that both allow, else a contradiction. A time within a day of the other one replaces that day."""
    if understood.refused is not None:
        return understood
    if others.contradicts:
        return others
    kept = [c for c in understood.candidates if any(_overlap(c, other) for other in others.candidates)]
    if kept and all(c.end is not None for c in kept):
        return Understanding.of(o for o in others.candidates if any(_overlap(c, o) for c in kept))
    if kept:
        same = Understanding.of(kept)
        return replace(same, is_written=understood.is_written and same.ambiguous)
    if others.refused is not None:
        return others
    return _contradiction((*understood.candidates, *others.candidates))


def _overlap(candidate: Candidate, other: Candidate) -> bool:
    if candidate.end is None:
        return other.contains(candidate.start)
    return candidate.contains(other.start) or other.contains(candidate.start)


def _contradiction(readings: Sequence[Candidate]) -> Understanding:
    """Return all readings. A part of a day is its hour half a day from an exact one: "morgens" beside 21:00 is 9:00."""
    halves = [c.start + half for c in readings if c.end is None for half in (_HALF_A_DAY, -_HALF_A_DAY)]
    parts = {c: [exact_at(at) for at in halves if c.grain is Grain.PART_OF_DAY and c.contains(at)] for c in readings}
    named = [each[0] if each else c for c, each in parts.items()]
    unlike = {(c.start, c.end, c.reading): replace(c, choice=0) for c in named}
    return replace(Understanding.of(unlike.values()), contradicts=True)


def _combine_words(values: Sequence[ArgumentValue], at: datetime, zone: ZoneInfo) -> Understanding:
    """Return the joint meaning of the values. If they exclude each other, return a contradiction, with the readings of each."""
    values = _bind_days(_drop_named_bound(values, at, zone), at.astimezone(zone).date())
    joint = _place(values, at, zone)
    is_until = any(value.atoms[:1] == (Op.UNTIL,) and value.has_time and not value.has_day for value in values)
    if is_until and any(len(value.atoms) == 1 and isinstance(value.atoms[0], Clock) for value in values):
        joint = _NOT_UNDERSTOOD  # "10:00" and "bis 10:45" are no range of hours
    if joint.refused is Refusal.NOT_UNDERSTOOD and (fewer := _drop_repeated_weekday(values, at, zone)) != list(values):
        return _combine_words(fewer, at, zone)
    if joint.refused in {Refusal.NOT_UNDERSTOOD, Refusal.IMPOSSIBLE}:
        if (listed := [replace(value, atoms=_list_choices(value.atoms)) for value in values]) != list(values):
            return _combine_words(listed, at, zone)
        values = [part for value in values for part in _split_days(value, at, zone)]
    is_part_missed = joint.refused is None and _misses_part(values, joint)
    if not is_part_missed and (joint.refused is None or len(values) < 2):  # noqa: PLR2004
        return joint
    if joint.refused is Refusal.PAST:
        return joint
    led = [_place([leader, *_list_followers(leader, values)], at, zone) for leader in values]
    if kept := _keep_within(values, led):
        return Understanding.of(kept)
    readings = [candidate for each in led for candidate in each.candidates]
    # "heute" beside "morgen um zehn", when it is eleven.
    if any(each.refused is Refusal.PAST for each in led) and readings:
        return Understanding.of(readings)
    found = _contradiction([*readings, *_place_near(values, led, at, zone)]) if readings else joint
    return found if len(found.candidates) > 1 else joint


def _drop_repeated_weekday(values: Sequence[ArgumentValue], at: datetime, zone: ZoneInfo) -> list[ArgumentValue]:
    """Return the values without a weekday that repeats another value's day: `nächsten Donnerstag` and `Donnerstag um zehn`."""
    kept = list(values)
    for number, value in enumerate(values):
        weekdays = [atom for atom in value.atoms if isinstance(atom, Weekday)]
        others = [other for other in values if other is not value and other.has_day]
        if len(weekdays) != 1 or not _is_any_week(weekdays[0]) or not value.has_time or not others:
            continue
        days = _place(others, at, zone).candidates
        alone = _place([ArgumentValue((weekdays[0],))], at, zone).candidates
        if days and {day.start.weekday() for day in (*days, *alone)} == {alone[0].start.weekday()}:
            kept[number] = ArgumentValue(tuple(atom for atom in value.atoms if atom is not weekdays[0]))
    return kept


def _place_near(
    values: Sequence[ArgumentValue], led: Sequence[Understanding], at: datetime, zone: ZoneInfo
) -> list[Candidate]:
    """Return the readings of a weekday in the week of another value's date: "Freitag um zehn" beside "am 10.", a Thursday."""
    dated = [value for value in values if any(isinstance(atom, Day) for atom in value.atoms)]
    weekdays = [value for value in values if value not in dated and any(map(_is_any_week, value.atoms))]
    placed = [each.candidates for value, each in zip(values, led, strict=True) if value in dated]
    dates = [candidate.start.replace(hour=0, minute=0) for each in placed for candidate in each]
    before = [day - timedelta(days=day.weekday(), minutes=1) for day in dates]
    weeks = [week for week in before if week > at]
    days = [[weekday, *_list_followers(weekday, values)] for weekday in weekdays]
    return [candidate for day in days for week in weeks for candidate in _place(day, week, zone).candidates]


def _is_any_week(atom: Atom) -> bool:
    return isinstance(atom, Weekday) and atom.which is None and not atom.habit


def _keep_within(values: Sequence[ArgumentValue], led: Sequence[Understanding]) -> list[Candidate]:
    """Return the times of one value that lie within the hours of all others: "10:00" beside "ab 9 Uhr" is 10:00, and "14-16 Uhr"
    beside "14:00-16:00" or "ab 14 Uhr" is 14 to 16.

    The end of the hours is included: "10:00" lies within "bis 10:00".
    """
    timed = [(value, each.candidates) for value, each in zip(values, led, strict=True) if value.has_time]
    if len(timed) < 2:  # noqa: PLR2004
        return []
    kept = ([each for each in own if all(_lies_within(each, *other) for other in timed)] for _, own in timed)
    return next((found for found in kept if found), [])


def _lies_within(candidate: Candidate, value: ArgumentValue, found: Sequence[Candidate]) -> bool:
    """Return whether a time, or all times of a span, are among those that are `found` of a value."""
    if candidate.end is None:
        is_until = Op.UNTIL in value.atoms
        return any(_overlap(candidate, each) or (is_until and candidate.start == each.end) for each in found)
    last = candidate.end - timedelta(minutes=1)
    is_one_day = candidate.start.date() == last.date()
    return any(
        (candidate.start, candidate.end, candidate.daily) == (each.start, each.end, each.daily)
        or (is_one_day and each.contains(candidate.start) and each.contains(last))
        for each in found
    )


def _drop_named_bound(values: Sequence[ArgumentValue], at: datetime, zone: ZoneInfo) -> Sequence[ArgumentValue]:
    """Return the values without a lone date that another value's span ends at: models pass both "24.12." and "vor Heiligabend"."""
    days = [value for value in values if len(value.atoms) == 1 and isinstance(value.atoms[0], Day)]
    bounds = [value for value in values if value.has_day and not _ENDS.isdisjoint(value.atoms)]
    if len(days) != 1 or not bounds:
        return values
    (day,) = _place(days, at, zone).candidates[:1] or (None,)
    ends = [candidate.end for candidate in _place(bounds, at, zone).candidates if candidate.end is not None]
    is_bound = day is not None and any(end in {day.start, day.end} or end < day.start <= end + _FEAST for end in ends)
    return [value for value in values if value is not days[0]] if is_bound else values


def _bind_days(values: Sequence[ArgumentValue], today: date) -> Sequence[ArgumentValue]:
    """Return the values with "ab" or "bis zum 14. Dezember" as a period if a separate value is a time, which then counts on each
    day. In one phrase day and time may be one bound together.
    """
    if not any(value.has_time and not value.has_day for value in values):
        return values
    return [_bind(value, today) if value.has_day and not value.has_time else value for value in values]


def _bind(value: ArgumentValue, today: date) -> ArgumentValue:
    try:
        atoms = bind(value.atoms, today)
    except (ValueError, OverflowError):
        return value
    match atoms:
        case [Period(is_bound=True) as period]:
            return ArgumentValue((replace(period, is_bound=False),))
        case _:
            return value


def _split_days(value: ArgumentValue, at: datetime, zone: ZoneInfo) -> list[ArgumentValue]:
    """Return a separate value for each day in an argument; days with a joint meaning stay one: `Donnerstag, den 10. Dezember`."""
    days = value.split_days(at.astimezone(zone).date())
    return days if len(days) > 1 and not _place([value], at, zone).candidates else [value]


def _list_followers(leader: ArgumentValue, values: Sequence[ArgumentValue]) -> list[ArgumentValue]:
    """Return the values other than `leader`, without their days if `leader` has days, and without their times if it has times."""
    rest = list[ArgumentValue]()
    for value in values:
        if value is leader:
            continue
        atoms = tuple(
            atom for atom in value.atoms if not (leader.has_time if isinstance(atom, TIMES) else leader.has_day)
        )
        shares = (leader.has_time and value.has_time) or (leader.has_day and value.has_day)
        if not shares:
            rest.append(value)
        elif not any(isinstance(atom, Op) for atom in value.atoms):  # "Montag oder Dienstag" has no half
            rest.append(ArgumentValue(atoms))
    return rest


def _place(values: Sequence[ArgumentValue], at: datetime, zone: ZoneInfo) -> Understanding:
    now = at.astimezone(zone)
    groups = [value.atoms for value in values if value.atoms]
    if len(groups) > 1 and _excludes_days(groups[0]):
        # Behind "aber nicht am Montag" a time would be one of that Monday: it belongs to the other days.
        groups = [*groups[1:], groups[0]]
    return place_atoms(partial(_join, groups), now, zone)


def _join(groups: Sequence[Sequence[Atom]]) -> list[Atom]:
    """Return the atoms of the groups without a last "oder", which connects nothing with the next argument: "Dienstag oder so"."""
    return [atom for group in groups for atom in (group[:-1] if group[-1] is Op.OR else group)]


def _list_choices(atoms: tuple[Atom, ...]) -> tuple[Atom, ...]:
    """Return the atoms with "oder" between alike days, whatever else separates them: "9. und 11. Februar", "Dienstag, Freitag"."""
    atoms = atoms[:-1] if atoms[-1:] == (Op.OR,) else atoms
    link = Op.AND if Op.AND in atoms else Op.COMMA
    parts = [[*group] for is_link, group in groupby(atoms, lambda atom: atom is link) if not is_link]
    kinds = {tuple((type(atom), isinstance(atom, Day) and atom.is_date) for atom in part) for part in parts}
    is_list = len(kinds) == 1 < len(parts) and any(isinstance(atom, Day | Weekday) for atom in parts[0])
    return tuple(Op.OR if atom is link else atom for atom in atoms) if is_list else atoms


def _excludes_days(atoms: Sequence[Atom]) -> bool:
    """Return whether atoms exclude days and replace none by another: `nächste Woche, aber nicht am Montag`."""
    ops = {op for op in atoms if isinstance(op, Op)}
    return not {Op.EXCEPT, Op.NOT}.isdisjoint(ops) and Op.BUT not in ops


def _misses_part(values: Sequence[ArgumentValue], understood: Understanding) -> bool:
    """Return whether one value's time lies outside of the part of the day in another value: "10:00" and "nachmittags"."""
    atoms = [atom for value in values for atom in value.atoms]
    parts = [atom for atom in atoms if isinstance(atom, Part)]
    times = [[(each.about or each.start).time()] for each in understood.candidates if each.about or each.end is None]
    ranges = [(atom.opens, atom.closes) for atom in atoms if isinstance(atom, TimeRange)]
    for opens, closes in ranges:
        if opens and closes and opens.is_of_24:
            times.append([time(opens.hour, opens.minute), *map(time, range(opens.hour + 1, closes.hour + 1))])
    return len(values) > 1 and any(not any(lies_in(part, at) for at in each) for part in parts for each in times)
