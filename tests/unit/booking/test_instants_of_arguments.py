"""A booking is at an instant that its arguments can mean, in the branch's zone, or there is none."""

from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from askproai_core.tenant_config import Language
from askproai_runtime.booking import CallContext
from askproai_runtime.booking.request import parse_booking_request
from askproai_runtime.booking.types import ClarificationNeeded
from askproai_runtime.calls.arguments import read_arguments
from askproai_runtime.sentences import speaking
from tests.worlds.compiled_salon import salon_config

BERLIN = ZoneInfo("Europe/Berlin")
CALL = CallContext("call_1", "mitte", None, datetime(2026, 11, 26, 9, tzinfo=UTC), "corr")
CONFIG = salon_config()
Days, Times = frozenset[date], frozenset[time]


def at(text: str) -> Times:
    return frozenset(time.fromisoformat(each) for each in text.split())


def on(text: str) -> Days:
    return frozenset(date.fromisoformat(f"2026-{each}") for each in text.split())


# What each value can mean to a person who reads it; a value with no meaning of its own says nothing of day or time.
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
    "14:00–15:00": at(""), "vormittags": at(""), "afternoon": at(""), "1430": at("14:30"), "10:00Z": at("10:00 11:00"),
    "10:00+01:00": at("10:00"), "-09:00": at("09:00"), "+01:00": at(""), "1796378400": at(""), "3:30": at("03:30 15:30"),
}  # fmt: skip
STARTS: dict[Any, frozenset[tuple[date, time]]] = {
    "2026-12-11T10:00:00+01:00": frozenset({(date(2026, 12, 11), time(10))}),
    "2026-12-11T10:00": frozenset({(date(2026, 12, 11), time(10))}),
    "2026-12-11T10:00:00Z": frozenset({(date(2026, 12, 11), time(10)), (date(2026, 12, 11), time(11))}),
    "2026-12-11T08:00-09:00": frozenset({(date(2026, 12, 11), time(8))}),
    "2026-12-11 10:00-11:00": frozenset({(date(2026, 12, 11), time(10))}),
    "2026-12-11T10:00:00-05:00": frozenset({(date(2026, 12, 11), time(10)), (date(2026, 12, 11), time(16))}),
}
EMPTY = [None, "", "null", "{{date}}", "unbekannt", "egal", "[REDACTED]"]
PARTS: dict[Any, range] = {
    "vormittags": range(3, 13), "morning": range(3, 13), "nachmittags": range(12, 19), "PM": range(12, 24), "abends": range(16, 24),
    "evening": range(16, 24),
}  # fmt: skip


def wrap(value: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from([value, [value], {"value": value}])


def pick(values: dict[Any, Any], empty: list[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.sampled_from([*values]).flatmap(wrap), st.sampled_from(empty))


def plain(value: Any) -> Any:
    """Return the value in a list or an object of one."""
    if isinstance(value, list):
        return value[0]
    return value["value"] if isinstance(value, dict) else value


def can_mean(start: datetime, args: dict[str, Any]) -> bool:
    """Return whether a local start is one that each value, by itself, can mean; a model's empty value means nothing."""
    day, clock = start.date(), start.time()
    stated = STARTS.get(plain(args["start"]))
    if stated is not None and (day, clock) not in stated:
        return False
    date_said, time_said, part = (plain(args[name]) for name in ("date", "time", "part_of_day"))
    if date_said in DAYS and day not in DAYS[date_said]:
        return False
    halves = {clock, time((clock.hour + 12) % 24, clock.minute)} if part in PARTS else {clock}
    if time_said in TIMES and halves.isdisjoint(TIMES[time_said]) and not (stated and not TIMES[time_said]):
        return False
    return part not in PARTS or clock.hour in PARTS[part]


@pytest.mark.parametrize("language", list(Language))
@given(
    args=st.fixed_dictionaries(
        {
            "date": pick(DAYS, EMPTY),
            "time": pick(TIMES, EMPTY),
            "part_of_day": st.one_of(st.sampled_from(EMPTY), st.sampled_from([*PARTS])),
            "start": st.one_of(st.sampled_from(EMPTY), pick(STARTS, EMPTY)),
        }
    )
)
@settings(max_examples=400, deadline=None)
def test_bookings_are_at_an_instant_of_their_arguments(language: Language, args: dict[str, Any]) -> None:
    values = read_arguments("book_appointment", args | {"customer_name": "Petra Müller"}).values
    with speaking(language):
        try:
            request = parse_booking_request(CONFIG, CALL, values, ())
        except ClarificationNeeded:
            return
    start = request.start.astimezone(BERLIN)
    assert can_mean(start, args), f"{start} of {values}"
