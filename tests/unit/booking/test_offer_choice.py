"""Which starts are offered, and which days are read for them."""

from dataclasses import replace
from datetime import date, timedelta

import msgspec
import pytest

from askproai_core.tenant_config import Absence, Weekday
from askproai_runtime.booking.search import find_choice, find_closest
from askproai_runtime.booking.slots import BusySpan, SlotQuery, Span
from tests.worlds.opening_salon import ANNA, BERLIN, MEHMET, hours, local, rules, span


async def test_only_the_days_that_may_have_a_closer_start_are_read_and_no_day_off() -> None:
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
        # A day: the first start, an hour or more later, and one in its other half.
        ([], "2026-11-26T00:00", "2026-11-27T00:00", None, ["26T09:00", "26T10:00", "26T13:00"]),
        # A time that is taken: the closest, then on that day, then at that time on the next day.
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
        # Nothing else is free: neighbours, rather than fewer offers.
        ([("26", "10:30", "18:00")], "2026-11-26T00:00", "2026-11-27T00:00", None, ["26T09:00", "26T09:15", "26T09:30"]),
        ([("26", "11:00", "18:00")], "2026-11-26T00:00", "2026-11-27T00:00", None, ["26T09:00", "26T09:15", "26T10:00"]),
        ([("26", "10:00", "18:00")], "2026-11-26T00:00", "2026-11-27T00:00", None, ["26T09:00"]),
        ([("26", "09:00", "18:00")], "2026-11-26T00:00", "2026-11-27T00:00", None, []),
    ],
)  # fmt: skip
async def test_offers_are_a_choice(taken, first, end, closest_to, offered: list[str]) -> None:
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


async def test_a_choice_late_before_a_long_weekend_is_of_three_days_and_no_neighbours() -> None:
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
