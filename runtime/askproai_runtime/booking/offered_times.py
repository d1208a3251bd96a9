"""A weekday or a clock time alone, said after times were offered: it is that of an offer, in the week of the offers."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from askproai_core.tenant_config import TenantConfig
from askproai_runtime.booking.answers import candidate_fields, candidate_question
from askproai_runtime.booking.request import (
    first_day,
    holds_iso_day,
    keep_open_readings,
    minute_before,
    names_day,
    parse_service_request,
    put_on_day,
    read_parts,
    read_text,
)
from askproai_runtime.booking.types import CallContext, ClarificationNeeded
from askproai_runtime.german_dates import (
    Argument,
    Candidate,
    Grain,
    Understanding,
    find_open_span,
    find_part_argument,
    understand_parts,
)
from askproai_runtime.sentences import format_spoken

_NO_TIME: Final[Mapping[str, None]] = {"start": None, "date": None, "time": None, "part_of_day": None}


def put_on_offer(
    config: TenantConfig, call: CallContext, args: Mapping[str, Any], own: Collection[datetime] = ()
) -> Mapping[str, Any]:
    """Return the arguments with the `start` of the offer that they mean; as they are where none is meant.

    Raises `ClarificationNeeded` where the words fit several offers, or only a day in another week than that of all offers. A time
    of the call's `own` appointments is no offer any more.
    """
    zone, parts = ZoneInfo(config.time_zone), read_parts(args)
    starts = {start for branch, start in call.offered if branch == call.branch and start >= call.started_at}
    if not starts or not any(parts) or holds_iso_day(parts):
        return args
    span = find_open_span(parts[0] or parts[1] or "")
    if span is None and names_day(parts):
        return args
    days = sorted({start.astimezone(zone).date() for start in starts})
    if span is None:
        meant = _exact(_read_on(days, parts, call, zone)) & starts
        return _with_start(args, call, zone, meant) if meant else keep_offered_day(config, call, args)
    plain = understand_parts(*parts, at=call.started_at, zone=zone).candidates
    near = _read_near(days, span, parts, call, zone)
    at_plain, at_near = _exact(plain), _exact(near)
    if not at_plain.isdisjoint(own):
        return args
    for offered in (call.offered_last, starts):
        if at_plain & offered:
            return args
        if meant := at_near & offered:
            return _with_start(args, call, zone, meant)
    read = {candidate.start.astimezone(zone).date() for candidate in plain}
    is_elsewhere = {first_day(day, span) for day in read}.isdisjoint(first_day(day, span) for day in days)
    if read and is_elsewhere and at_near - at_plain:
        service = parse_service_request(config, call, args)
        kept = [keep_open_readings(Understanding.of(each), service).candidates for each in (plain, near)]
        raise _ask([*kept[0], *kept[1]], call, zone)
    return args


def keep_offered_day(config: TenantConfig, call: CallContext, args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the arguments of a search with the day that they leave out: the only one of the last offers ("um drei?").

    A weekday alone is that of the week of these offers.
    """
    zone, parts = ZoneInfo(config.time_zone), read_parts(args)
    days = {start.astimezone(zone).date() for start in call.offered_last}
    if not days or holds_iso_day(parts):
        return args
    if not names_day(parts):
        is_about_day = len(days) == 1 and (any(parts) or read_text(args, "staff"))
        return {**args, **_NO_TIME, **_named(put_on_day(days.pop(), parts))} if is_about_day else args
    weeks = {first_day(day, Grain.WEEK) for day in days}
    if len(weeks) != 1 or not parts[0] or find_part_argument(parts[0]) is not Argument.DATE:
        return args
    if find_open_span(parts[0]) is not Grain.WEEK:
        return args
    near = {each.start.date() for each in _read_near(days, Grain.WEEK, (parts[0], None, None), call, zone)}
    return {**args, **_NO_TIME, **_named((near.pop().isoformat(), *parts[1:]))} if len(near) == 1 else args


def _named(parts: tuple[str | None, str | None, str | None]) -> dict[str, str | None]:
    return dict(zip(("date", "time", "part_of_day"), parts, strict=True))


def _with_start(
    args: Mapping[str, Any], call: CallContext, zone: ZoneInfo, meant: Collection[datetime]
) -> Mapping[str, Any]:
    if len(meant) > 1:
        meant = set(meant) & call.offered_last or meant
    if len(meant) == 1:
        (start,) = meant
        return {**args, **_NO_TIME, "start": start.astimezone(zone).isoformat()}
    readings = {start.astimezone(zone): format_spoken(start, zone, call.started_at) for start in sorted(meant)}
    raise _ask([Candidate(start, None, Grain.MINUTE, reading) for start, reading in readings.items()], call, zone)


def _ask(candidates: Iterable[Candidate], call: CallContext, zone: ZoneInfo) -> ClarificationNeeded:
    readings = tuple(dict.fromkeys(candidates))
    return ClarificationNeeded(
        candidate_question(readings, zone, call.started_at), candidates=candidate_fields(readings)
    )


def _exact(candidates: Iterable[Candidate]) -> set[datetime]:
    return {candidate.start.astimezone(UTC) for candidate in candidates if candidate.end is None}


def _read_on(
    days: Iterable[date], parts: tuple[str | None, str | None, str | None], call: CallContext, zone: ZoneInfo
) -> list[Candidate]:
    """Return what a time of day means on each of the days."""
    return [
        candidate
        for day in days
        for candidate in understand_parts(*put_on_day(day, parts), at=call.started_at, zone=zone).candidates
    ]


def _read_near(
    days: Iterable[date],
    span: Grain,
    parts: tuple[str | None, str | None, str | None],
    call: CallContext,
    zone: ZoneInfo,
) -> list[Candidate]:
    """Return what the words mean in the week, or the month, of each of the days."""
    anchors = sorted({minute_before(day, span, zone) for day in days})
    return [
        candidate
        for before in anchors
        for candidate in understand_parts(*parts, at=max(before, call.started_at), zone=zone).candidates
    ]
