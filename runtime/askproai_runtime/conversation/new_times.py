"""Find the new time of a move, if the request also has the appointment's present time, or words relative to it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from askproai_core.database import Connection
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.book.store.actions import hash_words, list_former_starts
from askproai_runtime.conversation.arguments.moves import list_replaced_times
from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.day_readings import (
    any_of,
    ask_readings,
    name_days,
    name_start,
    name_time,
    read_near,
)
from askproai_runtime.conversation.last_days import (
    after_request,
    find_repeated,
    is_after_list,
    list_days_since,
    may_repeat_change,
    offers_other_service,
)
from askproai_runtime.conversation.named_appointments import split_new_time
from askproai_runtime.conversation.named_days import list_counted_days, put_on_named_day
from askproai_runtime.conversation.open_readings import keep_open_readings
from askproai_runtime.conversation.relative_times import add_later_readings, count_hours
from askproai_runtime.conversation.requested_times import (
    holds_iso_day,
    minute_before,
    names_day,
    parse_time,
    put_on_day,
)
from askproai_runtime.conversation.time_arguments import read_parts
from askproai_runtime.conversation.types import CallContext, ClarificationNeeded, Naming
from askproai_runtime.conversation.verification import list_own_appointments
from askproai_runtime.spoken_times import (
    Candidate,
    Grain,
    Refusal,
    Understanding,
    count_from,
    exact_at,
    fold,
    understand_parts,
    understand_start,
)
from askproai_runtime.spoken_times.arguments import find_open_span, holds_day, is_relative_day, names_next_weekday
from askproai_runtime.spoken_times.mentions import list_only_hour, replaces_hour

_ANY_DAY = datetime(2026, 1, 1, 12, tzinfo=UTC)  # whether a time is counted from an appointment does not depend on it
_WEEKS = frozenset({7, 14, 21})  # days by which another week is later


async def count_from_appointment(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], appointment: Appointment, service: ServiceRequest
) -> Mapping[str, Any]:
    """Return the arguments with a new time relative to the appointment replaced by an absolute one: "eine Stunde später",
    "gleiche Zeit", or "nächsten Samstag" for an appointment on the coming Saturday.

    A model that repeats its words does not mean another hour: if this call moved the appointment by exactly these words, the
    start before the move counts. After a change, "nächsten Samstag" stays the same day unless the caller has named a day since.
    """
    zone, is_exact = service.rules.zone, call.named_last is not None and call.named_last.is_exact
    if is_exact and (start := find_repeated(call, args, zone, appointment.starts_at)) is not None:
        return name_start(args, start.astimezone(zone))
    if (words := counted_words(args)) is None:
        return args
    async with ctx.pool.acquire() as conn:
        former = await list_former_starts(conn, ctx.tenant, call.call_id)
    by_words = [each for each in former if (each.appointment_id, each.counted) == (appointment.id, hash_words(words))]
    if any(each.new_start == appointment.starts_at for each in by_words):
        return name_start(args, appointment.starts_at.astimezone(zone))
    if may_repeat_change(call, zone) and not _is_counted(args):
        return args
    return _count(args, call, appointment.starts_at.astimezone(zone), appointment, service) or args


def leave_out_others(call: CallContext, appointment: Appointment) -> CallContext:
    """Return the call without the times named last if that answer was about another appointment: nothing counts from these."""
    named = call.named_last
    if named is None:
        return call
    is_changed = named.naming is Naming.CHANGED and appointment.starts_at not in named.starts
    return replace(call, named_last=None) if is_changed or named.about not in {"", str(appointment.id)} else call


def counted_words(args: Mapping[str, Any]) -> str | None:
    """Return the arguments' words for a time relative to the appointment ("eine Stunde später"); None for an absolute time."""
    date, clock_time, part_of_day = read_parts(args)
    if not _is_counted(args) and not names_next_weekday(date or clock_time or ""):
        return None
    return "|".join(fold(part or "") for part in (date, clock_time, part_of_day))


def _is_counted(args: Mapping[str, Any]) -> bool:
    return count_from(*read_parts(args)[:2], _ANY_DAY) is not None


def _count(
    args: Mapping[str, Any], call: CallContext, old: datetime, appointment: Appointment, service: ServiceRequest
) -> Mapping[str, Any] | None:
    """Return a move's arguments with the new time, counted from the old start, as an absolute time; None if the words do not
    count from that start.

    "Eine Stunde später" may count on a day offered since then; "gleiche Zeit" can only mean another day. After offers, a
    relative day counts from the offers.
    """
    day, clock_time, part_of_day = parts = read_parts(args)
    counted = count_from(day, clock_time, old)
    if counted is None:
        return _put_other_week(args, call, old, service)
    if readings := count_hours(parts, call, old, service):
        if len(readings) > 1:
            raise ask_readings(readings, call, service.rules.zone)
        return name_start(args, readings[0].start)
    own, at = old.date(), counted[1]
    is_on_own = counted[0] == own.isoformat() and not holds_iso_day(parts)
    is_of_other = offers_other_service(call, appointment.service)
    days = set[date]()
    if is_on_own:
        days = {*list_days_since(call, ZoneInfo(str(old.tzinfo)))} - {own}
        is_refused = call.named_last is not None and call.named_last.refused_move is not None
        if days and (at != f"{old:%H:%M}" or is_of_other or is_refused):
            days.add(own)
    elif counted[0] and holds_iso_day((counted[0],)) and not holds_iso_day(parts):
        days = {*list_counted_days(call, day, clock_time, old)}
        if days and is_of_other:
            days.add(date.fromisoformat(counted[0]))
    if not is_on_own and at == f"{old:%H:%M}":
        _require_own_hour(call, days or {counted[0]}, old, service)
    return name_time(args, any_of(sorted(days)) if days else counted[0], at, part_of_day)


def _require_own_hour(
    call: CallContext, days: Collection[date | str | None], old: datetime, service: ServiceRequest
) -> None:
    """Raise the question whether "gleiche Zeit" means the appointment's hour, or another hour that was offered or refused."""
    named, zone = call.named_last, service.rules.zone
    if named is None or named.naming is not Naming.OFFERED or named.lists_since:
        return
    starts = {named.refused} if named.refused else {*named.starts}
    clocks = {f"{each.astimezone(zone):%H:%M}" for each in starts if each}
    if len(clocks) != 1 or clocks == {f"{old:%H:%M}"}:
        return
    words = min(map(str, days))
    span = find_open_span(words)
    near = read_near(list_days_since(call, zone), span, (words, None, None), call, zone) if span else ()
    readings = [
        each
        for day in [*sorted(map(str, days)), *sorted({str(each.start.date()) for each in near})]
        for clock in (f"{old:%H:%M}", *clocks)
        for each in understand_parts(day, clock, None, at=call.started_at, zone=zone).candidates
    ]
    raise ask_readings(keep_open_readings(Understanding.of(readings), service).candidates, call, zone)


def _put_other_week(
    args: Mapping[str, Any], call: CallContext, old: datetime, service: ServiceRequest
) -> Mapping[str, Any] | None:
    """Return the arguments of "nächsten Samstag" with the Saturday a week after the old start, if that start is on the coming
    Saturday; else None. With another time of day, the caller is asked which of both Saturdays is meant.
    """
    zone, parts = service.rules.zone, read_parts(args)
    if not names_next_weekday(parts[0] or parts[1] or ""):
        return None
    said = understand_parts(*parts, at=call.started_at, zone=zone).candidates
    if old.date() not in {each.start.date() for each in said}:
        return None
    days = {each.start.date() for each in (*said, *_list_weeks_after(old, parts, zone))} - {old.date()}
    if said[0].end is None and old not in {each.start for each in said}:
        days.add(old.date())
    return name_days(args, call, zone, lambda: service, days, asks=True) if days else None


def _list_weeks_after(old: datetime, parts: Sequence[str | None], zone: ZoneInfo) -> list[Candidate]:
    """Return the readings of the words, said at the old start, that are whole weeks after it. "Morgen" or a date has none."""
    found = understand_parts(*parts, at=old, zone=zone).candidates
    return [each for each in found if (each.start.date() - old.date()).days in _WEEKS]


async def require_other_start(
    ctx: BookingContext, call: CallContext, args: Mapping[str, Any], appointment: Appointment, service: ServiceRequest
) -> None:
    """Raise the question whether the appointment's present start is meant, if the words for the new time ("in einer Woche") may
    mean just that. If this call booked or moved the appointment, the request is a repetition, and nothing is asked.
    """
    zone, parts = service.rules.zone, read_parts(args)
    later = _list_weeks_after(appointment.starts_at.astimezone(zone), parts, zone)
    if not later or appointment.call_id == call.call_id or holds_iso_day(parts):
        return
    async with ctx.pool.acquire() as conn:
        former = await list_former_starts(conn, ctx.tenant, call.call_id)
    if any(each.appointment_id == appointment.id for each in former):
        return
    raise ask_readings([exact_at(appointment.starts_at.astimezone(zone)), *later], call, zone)


def understand_new_time(
    args: Mapping[str, Any], call: CallContext, appointment: Appointment, service: ServiceRequest
) -> Understanding | None:
    """Return the readings of the new time; None if none was said. A time alone ("lieber um vier") keeps the appointment's day,
    in whatever argument it is, unless other days were offered or asked about since the appointment was named.

    If one text has two times, the appointment's present one is the old time ("von zehn auf elf"). Raises `ClarificationNeeded`
    if the new time is not clear.
    """
    args = _drop_own_time(args, appointment.starts_at.astimezone(service.rules.zone))
    args = _drop_own_bound(args, call, appointment.starts_at.astimezone(service.rules.zone))
    call = after_request(call, service.rules.zone)
    parts = read_parts(args)
    if is_after_list(call) and find_open_span(parts[0] or parts[1] or ""):
        args = _put_on_listed_day(args, call, appointment, service)
    elif list_days_since(call, service.rules.zone):
        args = put_on_named_day(call, args, service.rules.zone, lambda: service, own=appointment)
    date, clock_time, _ = parts = read_parts(args)
    if (clock_time and not date and not holds_day(clock_time)) or (any(parts) and not names_day(parts)):
        day = appointment.starts_at.astimezone(service.rules.zone).date()
        parts = put_on_day(day, parts)
        args = dict(zip(("date", "time", "part_of_day"), parts, strict=True))
    near = _read_near(args, call, appointment, service)
    try:
        understood = parse_time(args, call, service)
    except ClarificationNeeded:
        if not near:  # "Dienstag, den 12." can be a day of the appointment's month only
            raise
        understood = Understanding()
    if understood is None:
        return None
    if not near:
        own = appointment.starts_at.astimezone(service.rules.zone)
        return add_later_readings(understood, parts, call, own, service)
    candidates = dict.fromkeys([*understood.candidates, *near])
    return keep_open_readings(Understanding.of(candidates), service)


def _put_on_listed_day(
    args: Mapping[str, Any], call: CallContext, appointment: Appointment, service: ServiceRequest
) -> Mapping[str, Any]:
    """Return the arguments with the listed day that a weekday means, unless that is the appointment's present start."""
    zone = service.rules.zone
    put = put_on_named_day(call, args, zone, lambda: service)
    is_own = understand_parts(*read_parts(put), at=call.started_at, zone=zone).exact == appointment.starts_at
    return args if is_own else put


def _drop_own_time(args: Mapping[str, Any], own: datetime) -> Mapping[str, Any]:
    """Return the arguments with only the new time in each text that has both the appointment's present time (`own`) and the new
    one.

    If a request is repeated after its move, the appointment's present time is the new time in that text.
    """
    for name in ("start", "date", "time"):
        pairs = list_replaced_times(read_text(args, name) or "")
        args = next(({**args, name: new} for old, new in pairs if _is_own(old, own) or _is_own(new, own)), args)
    return args


def _drop_own_bound(args: Mapping[str, Any], call: CallContext, own: datetime) -> Mapping[str, Any]:
    """Return the arguments with the end of a range as the new time, if it begins at the appointment's present start (`own`), and
    the caller has said "von zehn auf elf" or "auf elf": `{from_time, to_time}`.
    """
    day, zone = read_text(args, "date") or own.date().isoformat(), ZoneInfo(str(own.tzinfo))
    for name in ("time", "part_of_day"):
        text = read_text(args, name)
        found = understand_parts(day, text, None, at=call.started_at, zone=zone).candidates if text else ()
        if len(found) != 1 or found[0].start != own or found[0].end is None:
            continue
        new = found[0].end.astimezone(zone).time()
        to_hours = [split_new_time(fold(words))[1] for words in call.utterances]
        is_named = any(words and list_only_hour(words, call.started_at) == [new] for words in to_hours)
        if is_named or replaces_hour(call.said_since_change or "", own.time(), new, call.started_at):
            return {**args, name: None, "time": f"{new:%H:%M}"}
    return args


async def name_old_time(
    ctx: BookingContext, conn: Connection, call: CallContext, args: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return the arguments with the old time as `appointment_date`, if one text names both the old and the new time, and one of
    several appointments is at the old time. A repeated request names the changed appointment's present time as the new one.
    """
    if any(read_text(args, name) for name in ("appointment_id", "appointment_date", "appointment_time")):
        return args
    pairs = [pair for name in ("start", "date", "time") for pair in list_replaced_times(read_text(args, name) or "")]
    own = await list_own_appointments(ctx, conn, call, args) if pairs else ()
    named, zone = call.named_last, ZoneInfo(ctx.config().time_zone)
    changed = named.starts if named is not None and named.naming is Naming.CHANGED else ()
    starts = [each.starts_at.astimezone(zone) for each in own]
    found = [old for old, _ in pairs if any(_is_own(old, each) for each in starts)]
    found += [new for _, new in pairs if any(each in changed and _is_own(new, each) for each in starts)]
    return {**args, "appointment_date": found[0]} if found and len(own) > 1 else args


def drop_present_time(args: Mapping[str, Any], call: CallContext, own: datetime) -> Mapping[str, Any]:
    """Return a move's arguments without a `start` that is the appointment's present one (`own`, local), if `date` or `time`
    means another time. Texts of an earlier request that was answered with this start do not count: models keep them.

    If both the arguments for the appointment and those for the new time mean the present start, return them with this `start`.
    """
    start, beside, zone = read_text(args, "start"), {**args, "start": None}, ZoneInfo(str(own.tzinfo))
    if start is None:
        return name_start(args, own) if _names_own_twice(args, call, own) else args
    alone = understand_start(start, None, at=call.started_at, zone=zone, longest=timedelta())
    is_day = holds_iso_day((start,)) and read_text(args, "date") is not None
    if not any(each.contains(own) and (each.end is None or is_day) for each in alone.candidates):
        return args
    kept = frozenset[str]().union(*(each.texts for each in call.earlier if own in each.starts))
    parts = read_parts(
        beside | {name: None for name in ("date", "time", "part_of_day") if read_text(args, name) in kept}
    )
    if not any(parts):
        return args
    if counted_words(beside) is not None:
        return beside
    on_day = parts if names_day(parts) else put_on_day(own.date(), parts)
    read = [understand_parts(*on_day, at=at, zone=zone) for at in _list_origins(call, own)]
    if any(each.contains(own) for understood in read for each in understood.candidates):
        return name_start(args, own)
    return args if read[0].refused is Refusal.NOT_UNDERSTOOD else beside


def _list_origins(call: CallContext, own: datetime) -> tuple[datetime, datetime]:
    """Return the two moments that a weekday may count from: the start of the call, the minute before the appointment's week."""
    return call.started_at, minute_before(own.date(), Grain.WEEK, ZoneInfo(str(own.tzinfo)))


def _names_own_twice(args: Mapping[str, Any], call: CallContext, own: datetime) -> bool:
    """Return True if both the arguments for the appointment and those for the new time mean the appointment's present start. A
    weekday may be that of the appointment's week if both name it.
    """
    day, clock, part_of_day = read_parts(args)
    named, clock_then = read_text(args, "appointment_date"), read_text(args, "appointment_time")
    if day is None or named is None or part_of_day or counted_words(args) is not None or is_relative_day(day):
        return False
    origins = _list_origins(call, own)
    is_named = any(_may_be(own, named, clock_then, at) for at in origins)
    is_same = fold(day) == fold(named)
    return is_named and any(_may_be(own, day, clock, at) for at in (origins if is_same else origins[:1]))


def _may_be(own: datetime, day: str, clock_time: str | None, at: datetime) -> bool:
    """Return whether the words, said at `at`, may mean exactly the appointment's start."""
    candidates = understand_parts(day, clock_time, None, at=at, zone=ZoneInfo(str(own.tzinfo))).candidates
    return any(each.end is None and each.start == own for each in candidates)


def _is_own(text: str, own: datetime) -> bool:
    """Return True if a text means the appointment's present day or time, read as if said before the appointment's week."""
    day, clock_time = (text, None) if holds_day(text) else (own.date().isoformat(), text)
    before = minute_before(own.date(), Grain.WEEK, ZoneInfo(str(own.tzinfo)))
    candidates = understand_parts(day, clock_time, None, at=before, zone=ZoneInfo(str(own.tzinfo))).candidates
    return any(each.contains(own) for each in candidates)


def _read_near(
    args: Mapping[str, Any], call: CallContext, appointment: Appointment, service: ServiceRequest
) -> Sequence[Candidate]:
    """Return the readings of a weekday in the week of the appointment, or of a day of the month in its month.

    If an appointment in January is moved to "Donnerstag" or "den 7.", both days may be meant, and the caller is asked.
    """
    zone, (date, clock_time, _) = service.rules.zone, read_parts(args)
    span = find_open_span(date or clock_time or "")
    if span is None:
        return ()
    before = minute_before(appointment.starts_at.astimezone(zone).date(), span, zone)
    if before <= call.started_at:
        return ()
    try:
        understood = parse_time(args, replace(call, started_at=before), service)
    except ClarificationNeeded:
        return ()
    return understood.candidates if understood else ()
