"""No caller's request keeps the event loop busy, even for the largest tenant that the CRDs allow, at its horizon."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from askproai_core.tenant_config import Branch, Service, Staff, Weekday
from askproai_core.tenant_config.branches import Hours
from askproai_runtime.availability import free_slots as availability
from askproai_runtime.availability import group_times, search
from askproai_runtime.availability.free_slots import free_slots, free_starts
from askproai_runtime.availability.group_times import GroupTimes
from askproai_runtime.availability.slots import BusySpan, ServiceRules, SlotQuery, Span
from askproai_runtime.book.context import BookingSettings
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.conversation import offer_choice
from askproai_runtime.conversation.offer_choice import choose_offer
from askproai_runtime.spoken_times import understand

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
PEOPLE, HORIZON_DAYS = 60, 730
SETTINGS = BookingSettings()
DAYS = 2 * SETTINGS.look_ahead.days + 1  # local days that a search around an exact time touches

HOURS = (Hours(days=tuple(Weekday), opens=time(8), closes=time(20)),)
STAFF = tuple(Staff(id=f"p{n}", display_name=f"P{n}", resource_ids=(n,)) for n in range(PEOPLE))
RULES = ServiceRules(
    BERLIN,
    Branch(name="mitte", display_name="Mitte", opening_hours=HOURS, staff=STAFF),
    Service(
        name="schnitt", display_name="Schnitt", duration_minutes=45, slot_step_minutes=1, booking_horizon_days=HORIZON_DAYS
    ),
    STAFF,
)  # fmt: skip


@pytest.mark.parametrize("phrase", ["in 729 Tagen um 03:00", "in 20 Tagen um 03:00", "morgen um 21:00", "in 700 Tagen"])
async def test_offer_search_examines_few_days_and_starts(phrase: str, monkeypatch) -> None:
    """Neither the horizon nor the number of free starts counts: days around the requested one, a few starts of each person."""
    days, slots = 0, 0

    def count_days(day, step, zone):
        nonlocal days
        days += 1
        return real_grid(day, step, zone)

    def count_slots(*args: object) -> list[int]:
        nonlocal slots
        found = free_starts(*args)  # type: ignore[arg-type]
        slots += len(found)
        return found

    async def nobody_is_busy(_span: Span) -> dict:
        return {}

    real_grid = availability.grid_starts
    monkeypatch.setattr(availability, "grid_starts", count_days)
    monkeypatch.setattr(search, "free_starts", count_slots)
    understood = understand(phrase, at=NOW, zone=BERLIN)
    chosen = await choose_offer(ServiceRequest(RULES, None), nobody_is_busy, NOW, understood, SETTINGS)
    assert len(chosen.slots) == SETTINGS.offers
    assert days <= DAYS + 4  # the day itself, before, and to name what is in the way
    of_a_choice = (SETTINGS.offers - 1) * PEOPLE  # one start of each person for each offer after the first
    assert slots <= 2 * PEOPLE * (SETTINGS.offers + 1) + of_a_choice  # one more, to know whether there are others


async def test_booked_out_persons_days_are_read_once() -> None:
    """Neither that person's times nor anybody else's are free: both searches go over the same days."""
    read: list[Span] = []

    async def everybody_is_busy(span: Span) -> dict[int, list[BusySpan]]:
        read.append(span)
        return {n: [BusySpan(span.start, span.end)] for n in range(PEOPLE)}

    understood = understand("am 11. Dezember um 14:30", at=NOW, zone=BERLIN)
    chosen = await choose_offer(ServiceRequest(RULES, "p0"), everybody_is_busy, NOW, understood, SETTINGS)
    assert chosen.slots == []
    assert len(read) == len(set(read)) <= DAYS


async def test_bounded_search_offers_another_person_at_exact_time(monkeypatch) -> None:
    """Another person who is free at the requested time is offered, even if the search for a choice takes too long."""
    monkeypatch.setattr(offer_choice, "EXTRA_SECONDS", 0)

    async def all_but_one_are_busy(span: Span) -> dict[int, list[BusySpan]]:
        return {n: [BusySpan(span.start, span.end)] for n in range(PEOPLE) if n != 7}

    understood = understand("am 11. Dezember um 14:30", at=NOW, zone=BERLIN)
    request = ServiceRequest(RULES, "p0")
    chosen = await choose_offer(request, all_but_one_are_busy, NOW, understood, SETTINGS)
    assert [(slot.start, slot.staff) for slot in chosen.slots] == [(understood.candidates[0].start, "p7")]


@pytest.mark.parametrize("hour", [3, 8, 12, 19, 23])
@pytest.mark.parametrize("count", [1, 3])
def test_each_persons_closest_starts_are_among_all_starts(hour: int, count: int) -> None:
    """The limit leaves out only starts that nobody would be offered: the closest starts and their free people stay."""
    first = datetime(2026, 11, 27, tzinfo=BERLIN)
    target = first.replace(hour=hour, minute=7)
    busy = {n: [BusySpan(first + timedelta(hours=8 + n % 9), first + timedelta(hours=11 + n % 9))] for n in range(6)}
    staff = STAFF[:6]
    rules = ServiceRules(BERLIN, RULES.branch, RULES.service, staff)
    span = NOW, first, first + timedelta(days=1)
    everything = free_slots(rules, busy, SlotQuery(*span))
    starts = sorted({slot.start for slot in everything}, key=lambda start: (abs(start - target), start))[:count]
    limited = free_slots(rules, busy, SlotQuery(*span, closest_to=target, limit=count))
    assert len(limited) <= count * len(staff)
    assert [slot for slot in limited if slot.start in starts] == [slot for slot in everything if slot.start in starts]


async def test_group_reads_each_staff_member_twice_a_day(monkeypatch) -> None:
    """One read is for the first person, one for all companions. Nothing is planned if nobody is free for the first one."""
    reads, plans = 0, 0

    def count_reads(*args: object) -> list[int]:
        nonlocal reads
        reads += 1
        return free_starts(*args)  # type: ignore[arg-type]

    def count_plans(self: GroupTimes, start: int) -> None:
        nonlocal plans
        plans += 1

    async def free_for_one(span: Span) -> dict[int, list[BusySpan]]:
        """Leave each person two possible starts, different ones for everybody."""
        begin = {n: span.start + timedelta(minutes=10 * n) for n in range(PEOPLE)}
        ends = {n: at + timedelta(minutes=46) for n, at in begin.items()}
        return {n: [BusySpan(span.start, begin[n]), BusySpan(ends[n], span.end)] for n in range(1, PEOPLE)}

    monkeypatch.setattr(group_times, "free_starts", count_reads)
    monkeypatch.setattr(GroupTimes, "find_in_a_row", count_plans)
    rules = replace(RULES, companions=(RULES,) * 3, staff_members=STAFF[1:])
    understood = understand("am 11. Dezember um 14:30", at=NOW, zone=BERLIN)
    chosen = await choose_offer(ServiceRequest(rules, None), free_for_one, NOW, understood, SETTINGS)
    assert chosen.slots == []
    assert reads <= 2 * PEOPLE * DAYS
    assert plans <= 2 * PEOPLE * DAYS, "the day has 720 starts"
