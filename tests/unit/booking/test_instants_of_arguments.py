"""An instant that is read from arguments is, in the branch's zone, one of their possible meanings."""

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from askproai_core.languages import Language
from askproai_runtime.conversation.arguments.reading import read_arguments
from askproai_runtime.conversation.requested_services import parse_service_request
from askproai_runtime.conversation.requested_times import parse_time
from askproai_runtime.conversation.spoken_booking import parse_booking_request
from askproai_runtime.conversation.types import CallContext, ClarificationNeeded
from askproai_runtime.sentences import speaking
from askproai_runtime.spoken_times import Candidate, exact_at
from tests.worlds.cases import cases
from tests.worlds.compiled_salon import salon_config

ZONES = ("Europe/Berlin", "Europe/London", "America/New_York", "Asia/Kolkata")
CONFIGS = {zone: salon_config(time_zone=zone) for zone in ZONES}
BOOK, MOVE, WAIT = "book_appointment", "reschedule_appointment", "join_waitlist"
Days: TypeAlias = frozenset[date]
Times: TypeAlias = frozenset[time]


def at(text: str) -> Times:
    return frozenset(time.fromisoformat(each) for each in text.split())


def on(text: str) -> Days:
    return frozenset(date.fromisoformat(f"2026-{each}") for each in text.split())


# The meanings of each value to a human reader. A value without a meaning alone names neither day nor time.
DAYS: dict[Any, Days] = {
    "2026-12-11": on("12-11"), "11.12.2026": on("12-11"), "2026/12/11": on("12-11"), "11/12/2026": on("12-11 11-12"),
    "12-11-2026": on("12-11 11-12"), "Freitag": on("11-27 12-04 12-11"), "morgen": on("11-27"), "2026-12-11T00:00:00": on("12-11"),
    "2026-12-10T23:00:00.000Z": on("12-10 12-11"), "Friday": on("11-27 12-04 12-11"), "tomorrow": on("11-27"),
    "am 11.": on("12-11"),
}  # fmt: skip
TIMES: dict[Any, Times] = {
    "10:00": at("10:00"), "14,30": at("14:30"), "14h30": at("14:30"), "2:30 PM": at("14:30"), 14: at("14:00"),
    "halb drei": at("14:30"),
    "half past two": at("14:30"), "T09:00:00": at("09:00"), "9": at("09:00 21:00"), "08:00-09:00": at(""), "10-11": at(""),
    "14:00–15:00": at(""), "vormittags": at(""), "afternoon": at(""), "1430": at("14:30"), "10:00Z": at("05:00 10:00 11:00 15:30"),
    "10:00+01:00": at("10:00"), "-09:00": at(""), "+01:00": at(""), "1796378400": at(""), "3:30": at("03:30 15:30"),
    "08:00": at("08:00"), "0800": at("08:00"), "10:30:00": at("10:30"), "8 Uhr": at("08:00 20:00"), "acht": at("08:00 20:00"),
    "7:30": at("07:30 19:30"), "08:00 abends": at("08:00 20:00"),
}  # fmt: skip
HOURS: dict[Any, frozenset[tuple[time, time]]] = {
    "08:00-09:00": frozenset({(time(8), time(9))}), "14:00–15:00": frozenset({(time(14), time(15))}),
    "10-11": frozenset({(time(10), time(11)), (time(22), time(23))}),
}  # fmt: skip
STARTS = (
    "2026-12-11T10:00:00+01:00", "2026-12-11T10:00", "2026-12-11T10:00:00Z", "2026-12-11T08:00-09:00",
    "2026-12-11 10:00-11:00", "2026-12-11T10:00:00-05:00", "2026-12-11T10:00:00+05:30",
)  # fmt: skip
INSTANTS = ("2026-12-10T23:00:00.000Z",)  # of DAYS, each with a time of its own: 04:30 on the 11th in Asia/Kolkata
EMPTY = [None, "", "null", "{{date}}", "unbekannt", "egal", "[REDACTED]"]
PARTS: dict[Any, range] = {
    "vormittags": range(3, 13), "morning": range(3, 13), "nachmittags": range(12, 19), "PM": range(12, 24), "abends": range(16, 24),
    "evening": range(16, 24),
}  # fmt: skip


def wrap(value: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from([value, [value], {"value": value}])


def pick(values: Iterable[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.sampled_from([*values]).flatmap(wrap), st.sampled_from(EMPTY))


def plain(value: Any) -> Any:
    """Return the value, taken out of a list or an object with only this value."""
    if isinstance(value, list):
        return value[0]
    return value["value"] if isinstance(value, dict) else value


def is_start(written: str, found: datetime) -> bool:
    """Return whether a full date and time can mean a local time: as written, converted from its offset, or within its hours."""
    local = found.replace(tzinfo=None)
    if hours := re.fullmatch(r"(.{10}).(\d\d:\d\d)-(\d\d:\d\d)", written):
        return f"{hours[1]}T{hours[2]}" <= local.isoformat()[:16] < f"{hours[1]}T{hours[3]}"
    stated = datetime.fromisoformat(written)
    return local == stated.replace(tzinfo=None) or (stated.tzinfo is not None and found == stated)


def can_mean(found: Candidate, args: dict[str, Any]) -> bool:
    """Return whether each value alone can mean these local times; a model's empty value means nothing."""
    day, clock = found.start.date(), found.start.time()
    date_said, time_said, part, start = (plain(args[name]) for name in ("date", "time", "part_of_day", "start"))
    if found.end is not None:
        stated = HOURS.get(time_said) if start in EMPTY and found.daily is None else None
        return stated is None or (clock, found.end.time()) in stated
    if start in STARTS and not is_start(start, found.start):
        return False
    if date_said in DAYS and day not in DAYS[date_said]:
        return False
    if time_said in TIMES and clock not in TIMES[time_said]:
        is_stated = start in STARTS or (date_said in INSTANTS and is_start(date_said, found.start))
        if TIMES[time_said] or not is_stated:
            return False
    return part not in PARTS or clock.hour in PARTS[part]


def find_times(function: str, zone: str, call: CallContext, args: dict[str, Any]) -> Sequence[Candidate]:
    """Return the booked start, or the times of a move or a waiting list entry; none if the caller is asked."""
    values, config = read_arguments(function, args).values, CONFIGS[zone]
    try:
        if function == BOOK:
            start = parse_booking_request(config, call, values, ()).start
            return [exact_at(start.astimezone(ZoneInfo(zone)))]
        understood = parse_time(values, call, parse_service_request(config, call, values))
    except ClarificationNeeded:
        return ()
    return () if understood is None or understood.ambiguous or understood.unclear else understood.candidates


@pytest.mark.random_cases
@pytest.mark.parametrize("function", [BOOK, MOVE, WAIT])
@pytest.mark.parametrize("language", list(Language))
@given(
    args=st.fixed_dictionaries(
        {
            "date": pick(DAYS),
            "time": pick(TIMES),
            "part_of_day": st.one_of(st.sampled_from(EMPTY), st.sampled_from([*PARTS])),
            "start": st.one_of(st.sampled_from(EMPTY), pick(STARTS)),
        }
    ),
    old=st.fixed_dictionaries({"appointment_date": pick(DAYS), "appointment_time": pick(TIMES)}),
    zone=st.sampled_from(ZONES),
    hour=st.sampled_from([0, 10, 23]),
)
@settings(max_examples=cases(50, 1000), deadline=None)
def test_understood_arguments_lie_in_the_branchs_zone(
    language: Language, function: str, args: dict[str, Any], old: dict[str, Any], zone: str, hour: int
) -> None:
    """The call is on 26 November in the branch's zone, which is the 25th or the 27th in UTC."""
    began = datetime(2026, 11, 26, hour, 30, tzinfo=ZoneInfo(zone))
    said = args | {"customer_name": "Petra Müller"} | (old if function == MOVE else {})
    with speaking(language):
        found = find_times(function, zone, CallContext("call_1", "mitte", None, began, "corr"), said)
    for each in found:
        assert can_mean(each, args), f"{each.start} - {each.end} of {said}"
