"""Words for a time that are said after a booking of the call: its day and its week are meant, or asked about."""

from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from askproai_core.database import DATABASE_UNAVAILABLE
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.booking.offered_times import ask_readings, exact_starts, name_time, read_near, read_on
from askproai_runtime.booking.request import (
    holds_iso_day,
    keep_open_readings,
    names_day,
    parse_service_request,
    read_parts,
)
from askproai_runtime.booking.store.appointments import Appointment, list_call_appointments
from askproai_runtime.booking.types import BookingContext, CallContext
from askproai_runtime.german_dates import Understanding, count_from, find_open_span, understand_parts

log = structlog.get_logger(__name__)


async def search_on_booked(ctx: BookingContext, call: CallContext, args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the arguments of a search as `put_on_booked` does; as they are while the database is away."""
    parts = read_parts(args)
    if not any(parts) or holds_iso_day(parts):
        return args
    try:
        async with ctx.pool.acquire() as conn:
            appointments = await list_call_appointments(conn, ctx.tenant, call.call_id)
    except DATABASE_UNAVAILABLE as error:
        consequence = "a weekday is that of this week, whatever the call has booked"
        log.warning("bookings.not_read", error=type(error).__name__, call_id=call.call_id, consequence=consequence)
        return args
    return put_on_booked(ctx.config(), call, args, appointments)


def put_on_booked(
    config: TenantConfig, call: CallContext, args: Mapping[str, Any], appointments: Iterable[Appointment]
) -> Mapping[str, Any]:
    """Return the arguments with the day of the live `appointments` of the call where they name it: "am selben Tag".

    Raises `ClarificationNeeded` where a weekday or a day of the month is another one in the week or the month of these, and where
    a time of day alone may be on their day. The last offers count beside them, and a time of these offers is meant.
    """
    zone, parts = ZoneInfo(config.time_zone), read_parts(args)
    own = {each.starts_at.astimezone(UTC) for each in appointments if each.live}
    if not own or not any(parts) or holds_iso_day(parts):
        return args
    offered = set(call.offered_last)
    local = sorted(start.astimezone(zone) for start in own | offered)
    days = list(dict.fromkeys(start.date() for start in local))
    span = find_open_span(parts[0] or parts[1] or "")
    if span is None and names_day(parts):
        counted = {start: count_from(parts[0], parts[1], start) for start in local}
        named = {each for start, each in counted.items() if each and each[0] == start.date().isoformat()}
        clocks = {clock for _, clock in named}
        if None in counted.values() or len(named) != len(days) or len(clocks) != 1:
            return args
        return name_time(args, " oder ".join(map(str, days)), clocks.pop(), parts[2])
    if span is None:
        near = read_on(days, parts, call, zone)
        is_on_offers = days == sorted({start.astimezone(zone).date() for start in offered})
        if not near or is_on_offers or exact_starts(near) & (own | offered):
            return args
        service = parse_service_request(config, call, args)
        raise ask_readings(keep_open_readings(Understanding.of(near), service).candidates, call, zone)
    plain = understand_parts(*parts, at=call.started_at, zone=zone).candidates
    near = read_near(days, span, parts, call, zone)
    at_plain = exact_starts(plain)
    if at_plain & (own | offered) or exact_starts(near) & offered:
        return args
    if not plain or {each.start.date() for each in near} <= {each.start.date() for each in plain}:
        return args
    service = parse_service_request(config, call, args)
    kept = [keep_open_readings(Understanding.of(each), service).candidates for each in (plain, near)]
    raise ask_readings(sorted({*kept[0], *kept[1]}, key=lambda each: each.start), call, zone)
