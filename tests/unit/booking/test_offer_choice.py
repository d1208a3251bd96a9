"""The starts that are offered, and the days that are read for them."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import msgspec
import pytest

from askproai_core.tenant_config import Weekday
from askproai_core.tenant_config.branches import Absence
from askproai_runtime.availability.search import find_choice, find_closest
from askproai_runtime.availability.slots import BusySpan, SlotQuery, Span
from tests.worlds.opening_salon import ANNA, BERLIN, MEHMET, hours, local, rules, span


async def test_only_days_with_possibly_closer_starts_are_read() -> None:
    absent = msgspec.structs.replace(ANNA, absences=(Absence(first=date(2026, 11, 27), last=date(2026, 11, 27)),))
    weekdays = tuple(day for day in Weekday if day is not Weekday.SUN)
    both = rules(absent, MEHMET, opening=(hours("09:00", "18:00", *weekdays),), minimum_notice_minutes=60)
    read: list[date] = []

    async def read_busy(window: Span) -> dict[int, list[BusySpan]]:
        read.append((window.start + timedelta(hours=12)).astimezone(BERLIN).date())
        return {}

    now, first = local("2026-11-26T23:00"), local("2026-11-26T23:30")
    query = SlotQuery(now, first, local("2026-12-10T00:00"), "anna", limit=2)
    found = await find_closest(both, read_busy, query)
    assert [(slot.start, slot.staff) for slot in found] == [
        (local("2026-11-28T09:00"), "anna"),
        (local("2026-11-28T10:00"), "anna"),
    ]
    assert read == [date(2026, 11, 28)], (
        "the notice leaves nothing of Thursday, she is absent on Friday, and Sunday cannot be closer"
    )
    assert await find_closest(both, read_busy, replace(query, limit=None)) == []
    assert await find_closest(both, read_busy, replace(query, end=first)) == []


@pytest.mark.parametrize(
    ("taken", "first", "end", "closest_to", "offered"),
    [
        # A day: the first start, one in its other half, and one at its end, on the hour.
        ([], "2026-11-26T00:00", "2026-11-27T00:00", None, ["26T09:00", "26T13:00", "26T17:00"]),
        # Half a day: from its beginning to its end.
        ([], "2026-11-26T12:00", "2026-11-26T18:00", None, ["26T12:00", "26T15:00", "26T17:00"]),
        ([], "2026-11-26T09:00", "2026-11-26T12:00", None, ["26T09:00", "26T10:00", "26T11:00"]),
        ([("26", "12:00", "13:00")], "2026-11-26T12:00", "2026-11-26T18:00", None, ["26T13:00", "26T15:00", "26T17:00"]),
        # Starts whose stays overlap are offered once.
        ([("26", "16:00", "18:00")], "2026-11-26T14:00", "2026-11-26T16:00", None, ["26T14:00", "26T15:00"]),
        # A taken time: the closest start, another one on that day, and one at that time on the next day.
        (
            [("26", "14:00", "15:00")],
            "2026-11-24T00:00", "2026-12-03T00:00", "2026-11-26T14:00", ["26T13:00", "26T15:00", "27T14:00"],
        ),
        # Several days: both halves of the first, and the next day.
        ([], "2026-11-23T00:00", "2026-11-28T00:00", None, ["23T09:00", "23T13:00", "24T09:00"]),
        # The next day is booked out: the day before.
        (
            [("26", "14:00", "15:00"), ("27", "09:00", "18:00")],
            "2026-11-24T00:00", "2026-12-03T00:00", "2026-11-26T14:00", ["26T13:00", "26T15:00", "25T14:00"],
        ),
        ([("26", "11:00", "18:00")], "2026-11-26T00:00", "2026-11-27T00:00", None, ["26T09:00", "26T10:00"]),
        # All stays overlap: the earliest and the latest start.
        ([("26", "10:30", "18:00")], "2026-11-26T00:00", "2026-11-27T00:00", None, ["26T09:00", "26T09:30"]),
        ([("26", "10:00", "18:00")], "2026-11-26T00:00", "2026-11-27T00:00", None, ["26T09:00"]),
        ([("26", "09:00", "18:00")], "2026-11-26T00:00", "2026-11-27T00:00", None, []),
    ],
)  # fmt: skip
async def test_offers_span_a_choice_of_times(taken, first, end, closest_to, offered: list[str]) -> None:
    every_day = (hours("09:00", "18:00"),)
    of_anna = rules(ANNA, opening=every_day, duration_minutes=60, slot_step_minutes=15)
    busy = [span(f"2026-11-{day}", begins, ends) for day, begins, ends in taken]
    read: list[Span] = []

    async def read_busy(window: Span) -> dict[int, list[BusySpan]]:
        read.append(window)
        return {1: busy}

    query = SlotQuery(
        local("2026-11-20T00:00"), local(first), local(end), "anna", local(closest_to) if closest_to else None, 3
    )
    found = await find_choice(of_anna, read_busy, query)
    assert [f"{slot.start.astimezone(BERLIN):%dT%H:%M}" for slot in found.slots] == offered
    assert len(read) == len(set(read))  # no day is read twice


async def test_choice_before_long_weekend_spans_three_separate_days() -> None:
    """A quarter of an hour before the last start of Saturday; Sunday and Monday are closed."""
    weekdays = (Weekday.TUE, Weekday.WED, Weekday.THU, Weekday.FRI)
    opening = (hours("09:00", "18:00", *weekdays), hours("09:00", "14:00", Weekday.SAT))
    of_anna = rules(ANNA, opening=opening, duration_minutes=60, slot_step_minutes=15)

    async def read_busy(window: Span) -> dict[int, list[BusySpan]]:
        return {}

    now = local("2026-11-21T12:45")
    found = await find_choice(of_anna, read_busy, SlotQuery(now, now, local("2026-12-05T00:00"), "anna", None, 3))
    offered = [f"{slot.start.astimezone(BERLIN):%dT%H:%M}" for slot in found.slots]
    assert offered == ["21T12:45", "24T12:45", "25T12:45"]


@pytest.mark.parametrize("minutes", [15, 20, 45, 60, 90, 150])
@pytest.mark.parametrize("step", [5, 10, 15, 30])
@pytest.mark.parametrize(
    ("first", "end"), [("08:00", "20:00"), ("12:00", "18:00"), ("09:00", "12:00"), ("14:00", "16:00")]
)
async def test_no_two_offers_of_a_day_overlap(minutes: int, step: int, first: str, end: str) -> None:
    of_anna = rules(ANNA, opening=(hours("09:00", "18:00"),), duration_minutes=minutes, slot_step_minutes=step)

    async def read_busy(window: Span) -> dict[int, list[BusySpan]]:
        return {1: [span("2026-11-26", "11:20", "11:50")]}

    query = SlotQuery(
        local("2026-11-20T00:00"), local(f"2026-11-26T{first}"), local(f"2026-11-26T{end}"), "anna", None, 3
    )
    found = await find_choice(of_anna, read_busy, query)
    slots = sorted(found.slots, key=lambda slot: slot.start)
    if len(slots) > 2 or minutes < 60:  # of longer ones all may overlap
        assert all(earlier.end <= later.start for earlier, later in pairwise(slots))
    every = await find_closest(of_anna, read_busy, replace(query, limit=500))
    assert found.has_more == (len(every) > len(slots))
