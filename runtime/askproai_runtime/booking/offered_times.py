"""Words for a time that are said after offers: of a time of day the days are those of the offers, of a weekday the week is."""

import re
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
    Candidate,
    Grain,
    Understanding,
    count_from,
    find_open_span,
    fold,
    understand_parts,
)
from askproai_runtime.sentences import format_spoken

_NO_TIME: Final[Mapping[str, None]] = {"start": None, "date": None, "time": None, "part_of_day": None}
_PLACES: Final[Mapping[str, int]] = {
    "erst": 0, "first": 0, "zweit": 1, "second": 1, "dritt": 2, "third": 2, "viert": 3, "fourth": 3, "letzt": -1, "last": -1,
}  # fmt: skip
# "Am zweiten" is a day of the month, and "den zweiten" may be one: it is an offer where a start is asked for, or is said to be one.
_OFFER = r" (?:termin|vorschlag|zeit|uhrzeit|moeglichkeit|option|one|slot|time|appointment)"
_PLACE = re.compile(
    rf"(?:der|die|das|den|the) (?P<place>{'|'.join(_PLACES)})(?:e[nrms]?)?(?P<offer>{_OFFER})?(?:,? (?:bitte|please))?"
)

_DIGIT = re.compile(r"[1-9]\.?")


def put_on_offer(
    config: TenantConfig, call: CallContext, args: Mapping[str, Any], own: Collection[datetime] = ()
) -> Mapping[str, Any]:
    """Return the arguments with the `start` of the offer that they mean; as they are where none is meant.

    Raises `ClarificationNeeded` where the words fit several offers, or only a day in another week than that of all offers. A time
    of the call's `own` appointments is no offer any more.
    """
    zone = ZoneInfo(config.time_zone)
    args = _count_from_offers(call, _put_on_place(call, args, zone), zone, books=True)
    parts = read_parts(args)
    named = (offer[0] for offer in call.offered)
    starts = {slot.start for slot in named if slot.branch == call.branch and slot.start >= call.started_at}
    if not starts or not any(parts) or holds_iso_day(parts):
        return args
    span = find_open_span(parts[0] or parts[1] or "")
    if span is None and names_day(parts):
        return args
    days = sorted({start.astimezone(zone).date() for start in starts})
    if span is None:
        meant = exact_starts(read_on(days, parts, call, zone)) & starts
        return _with_start(args, call, zone, meant) if meant else keep_offered_days(config, call, args)
    plain = understand_parts(*parts, at=call.started_at, zone=zone).candidates
    near = read_near(days, span, parts, call, zone)
    at_plain, at_near = exact_starts(plain), exact_starts(near)
    if not at_plain.isdisjoint(own):
        return args
    for offered in (set(call.offered_last), starts):
        if at_plain & offered:
            return args
        if meant := at_near & offered:
            return _with_start(args, call, zone, meant)
    read = {candidate.start.astimezone(zone).date() for candidate in plain}
    is_elsewhere = {first_day(day, span) for day in read}.isdisjoint(first_day(day, span) for day in days)
    if read and is_elsewhere and at_near - at_plain:
        service = parse_service_request(config, call, args)
        kept = [keep_open_readings(Understanding.of(each), service).candidates for each in (plain, near)]
        raise ask_readings([*kept[0], *kept[1]], call, zone)
    return args


def keep_offered_days(
    config: TenantConfig, call: CallContext, args: Mapping[str, Any], service: str | None = None
) -> Mapping[str, Any]:
    """Return the arguments of a search with the days that they leave out: those of the last offers ("um drei?", "bei Julia?").

    A weekday alone is that of the week of these offers, and a day of the month that of their month. A search that says nothing of a
    time keeps the days only where it is about another person or another `service` than the offers.
    """
    zone = ZoneInfo(config.time_zone)
    args = _count_from_offers(call, _put_on_place(call, args, zone), zone)
    parts, days = read_parts(args), _days_of_offers(call, zone)
    if not days or holds_iso_day(parts):
        return args
    if not names_day(parts):
        is_other = service is not None and service not in _services_of_offers(call)
        if not (any(parts) or read_text(args, "staff") or is_other):
            return args
        of_day = put_on_day(days[0], parts)[1:]
        return name_time(args, " oder ".join(map(date.isoformat, days)), *of_day)
    said = parts[0] or parts[1] or ""
    span = find_open_span(said)
    if span is None or len({first_day(day, span) for day in days}) != 1:
        return args
    near = {each.start.date() for each in read_near(days, span, (said, None, None), call, zone)}
    if len(near) != 1:
        return args
    return name_time(args, near.pop().isoformat(), *parts[1:])


def _put_on_place(call: CallContext, args: Mapping[str, Any], zone: ZoneInfo) -> Mapping[str, Any]:
    """Return the arguments with the `start` of the offer that they number: "der zweite", "the first one".

    Raises `ClarificationNeeded` where the last answer has not named as many, and where `start` is a digit: of an offer, or an hour.
    """
    said = {name: text for name in _NO_TIME if (text := read_text(args, name))}
    name = "start" if "start" in said else next(iter(said), "")
    if name == "start" and call.offered_last and _DIGIT.fullmatch(said["start"]):
        raise _ask_which(call.offered_last, call, zone)
    found = _PLACE.fullmatch(fold(said.get(name, "")))
    if found is None or not call.offered_last or not (name == "start" or (found["offer"] and len(said) == 1)):
        return args
    place, offered = _PLACES[found["place"]], call.offered_last
    return _with_start(args, call, zone, offered[place:][:1] or offered)


def _count_from_offers(
    call: CallContext, args: Mapping[str, Any], zone: ZoneInfo, *, books: bool = False
) -> Mapping[str, Any]:
    """Return the arguments with a time that is counted from the offers ("am nächsten Tag") as it is without them.

    It is counted from each offered day where that day itself is meant, or the caller `books`: who means one of several is asked.
    Else it is counted from the last one. Where it depends on which of several offered clock times is meant, it is left as it is.
    """
    (day, clock, part_of_day), days = read_parts(args), _days_of_offers(call, zone)
    if not days or not (day or clock):
        return args
    clocks = {start.astimezone(zone).time() for start in call.offered_last}
    counted = {each: {count_from(day, clock, datetime.combine(each, at, zone)) for at in clocks} for each in days}
    found = {each: next(iter(results)) for each, results in counted.items() if len(results) == 1}
    dates = {each: result[0] or "" for each, result in found.items() if result is not None}
    if dates.keys() != set(days):
        return args
    is_shifted = dates[days[-1]] != days[-1].isoformat()
    named = dates.values() if books or not is_shifted else [dates[days[-1]]]
    result = found[days[-1]]
    at = result[1] if result else None
    return name_time(args, " oder ".join(dict.fromkeys(named)), at, part_of_day)


def _days_of_offers(call: CallContext, zone: ZoneInfo) -> list[date]:
    return sorted({start.astimezone(zone).date() for start in call.offered_last})


def _services_of_offers(call: CallContext) -> set[str]:
    latest = {offer[0].start: offer[0].service for offer in call.offered}
    return {latest[start] for start in call.offered_last if start in latest}


def name_time(
    args: Mapping[str, Any], date: str | None, time: str | None, part_of_day: str | None
) -> Mapping[str, Any]:
    """Return the arguments with another time."""
    return {**args, **_NO_TIME, "date": date, "time": time, "part_of_day": part_of_day}


def _with_start(
    args: Mapping[str, Any], call: CallContext, zone: ZoneInfo, meant: Collection[datetime]
) -> Mapping[str, Any]:
    if len(meant) > 1:
        meant = set(meant) & set(call.offered_last) or meant
    if len(meant) == 1:
        (start,) = meant
        return {**args, **_NO_TIME, "start": start.astimezone(zone).isoformat()}
    raise _ask_which(meant, call, zone)


def _ask_which(meant: Iterable[datetime], call: CallContext, zone: ZoneInfo) -> ClarificationNeeded:
    readings = {start.astimezone(zone): format_spoken(start, zone, call.started_at) for start in sorted(meant)}
    return ask_readings(
        [Candidate(start, None, Grain.MINUTE, reading) for start, reading in readings.items()], call, zone
    )


def ask_readings(candidates: Iterable[Candidate], call: CallContext, zone: ZoneInfo) -> ClarificationNeeded:
    """Return the question which of the readings is meant."""
    readings = tuple(dict.fromkeys(candidates))
    return ClarificationNeeded(
        candidate_question(readings, zone, call.started_at), candidates=candidate_fields(readings)
    )


def exact_starts(candidates: Iterable[Candidate]) -> set[datetime]:
    """Return the starts, in UTC, of the candidates that are one minute."""
    return {candidate.start.astimezone(UTC) for candidate in candidates if candidate.end is None}


def read_on(
    days: Iterable[date], parts: tuple[str | None, str | None, str | None], call: CallContext, zone: ZoneInfo
) -> list[Candidate]:
    """Return what a time of day means on each of the days."""
    return [
        candidate
        for day in days
        for candidate in understand_parts(*put_on_day(day, parts), at=call.started_at, zone=zone).candidates
    ]


def read_near(
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
