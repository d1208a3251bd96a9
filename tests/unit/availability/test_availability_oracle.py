"""`free_slots` against the simplest possible computation, minute by minute: nothing missing, nothing too much.

The oracle shares no code with `free_slots`. It walks real minutes and reads the wall clock at each, so it knows nothing of
offsets, spans or sweeps; shares of a staff member are fractions.

`ASKPROAI_CASES=10000 .venv/bin/python -m pytest tests/unit/availability/test_availability_oracle.py --timeout 3600` has so
many.
"""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from askproai_core.tenant_config import Branch, Service, Staff, Weekday
from askproai_core.tenant_config.branches import Hours
from askproai_runtime.availability.allocation import allocate_claims, allocate_visit
from askproai_runtime.availability.free_slots import busy_window, free_slots, least_busy_per_start, nearest_slots
from askproai_runtime.availability.obstacles import Obstacle, find_obstacle
from askproai_runtime.availability.search import find_closest
from askproai_runtime.availability.slots import BusySpan, FreeSpans, ServiceRules, SlotQuery, Span, subtract_spans
from tests.worlds.availability_oracle import BERLIN, MINUTE, cases, minutes_of, minutes_with, oracle, waiting_minutes
from tests.worlds.cases import cases as how_many

pytestmark = pytest.mark.random_cases
CASES = how_many(40, 600)


@settings(max_examples=CASES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(cases())
def test_free_slots_equal_the_oracles_slots(case) -> None:
    rules, busy, query = case
    found = [(slot.start, slot.staff) for slot in free_slots(rules, busy, query)]
    assert found == sorted(found, key=lambda start_and_staff: start_and_staff[0])
    assert set(found) == set(oracle(rules, busy, query))
    assert len(found) == len(set(found))


@st.composite
def remote_times(draw: st.DrawFn, rules: ServiceRules, around: datetime) -> dict[str, FreeSpans]:
    """Return free spans of a remote calendar for some of the staff: apart, on any minute, with a booking length of its own."""
    remote: dict[str, FreeSpans] = {}
    for staff_member in rules.staff_members:
        if not draw(st.booleans()):
            continue
        edges = sorted(draw(st.sets(st.integers(-600, 1500), max_size=8)))
        ends = [int((around + minute * MINUTE).timestamp()) for minute in edges[: len(edges) // 2 * 2]]
        spans = list(zip(ends[::2], ends[1::2], strict=True))
        remote[staff_member.id] = FreeSpans(spans, draw(st.sampled_from([0, 15, 45, 120])) * 60)
    return remote


@settings(max_examples=CASES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.data())
def test_slots_with_remote_calendar_match_the_oracle(data: st.DataObject) -> None:
    rules, busy, query = data.draw(cases())
    remote = data.draw(remote_times(rules, query.first))
    found = [(slot.start, slot.staff) for slot in free_slots(rules, busy, query, remote)]
    assert set(found) == set(oracle(rules, busy, query, remote))
    assert len(found) == len(set(found))

    async def read_busy(span: Span) -> dict[int, list[BusySpan]]:
        return {r: [s for s in spans if s.start < span.end and span.start < s.end] for r, spans in busy.items()}

    async def read_remote(_day: date, _staff: str | None) -> dict[str, FreeSpans]:
        return remote

    everything = least_busy_per_start(free_slots(rules, busy, query, remote), busy, rules)
    closest = asyncio.run(find_closest(rules, read_busy, replace(query, limit=3), read_remote))
    assert closest == nearest_slots(everything, query.first, 3), "the limit counts only what is free there"


@settings(max_examples=CASES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(cases())
def test_every_slot_is_fully_claimable_on_free_resources(case) -> None:
    """Each slot can be booked: at each instant as many resources as an appointment takes are free.

    While the customer waits, none is needed.
    """
    rules, busy, query = case
    waits = waiting_minutes(rules.service)
    for slot in free_slots(rules, busy, query)[:5]:
        staff_member = rules.staff_member(slot.staff)
        assert slot.end - slot.start == minutes_with(rules.service, slot.staff) * MINUTE
        blocked = rules.blocked_span(slot.start, slot.staff)
        claims = allocate_visit(rules, slot.staff, busy, slot.start)
        assert claims is not None
        for minute in range(int((blocked.end - blocked.start) / MINUTE)):
            at = blocked.start + minute * MINUTE
            claimed = [r for r, span in claims if span.start <= at < span.end]
            needed = 0 if (at - slot.start) // MINUTE in waits else staff_member.units // rules.service.capacity
            assert len(claimed) == len(set(claimed)) == needed
            assert set(claimed) <= set(staff_member.resource_ids[: staff_member.units])
        for resource_id, span in claims:
            assert blocked.start <= span.start < span.end <= blocked.end
            assert all(span.end <= other.start or other.end <= span.start for other in busy.get(resource_id, ()))


@settings(max_examples=CASES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(cases(), st.integers(1, 5), st.integers(1, 5), st.none() | st.integers(-600, 7000))
def test_closest_starts_by_day_match_all_days_together(case, count: int, days: int, after: int | None) -> None:
    rules, busy, asked = case
    target = None if after is None else asked.first + after * MINUTE
    query = replace(asked, end=asked.first + timedelta(days=days), closest_to=target)
    everything = least_busy_per_start(free_slots(rules, busy, query), busy, rules)

    async def read_busy(span: Span) -> dict[int, list[BusySpan]]:
        return {r: [s for s in spans if s.start < span.end and span.start < s.end] for r, spans in busy.items()}

    found = asyncio.run(find_closest(rules, read_busy, replace(query, limit=count)))
    assert found == nearest_slots(everything, target or query.first, count)


def test_two_resources_with_unaligned_free_times_make_slot() -> None:
    """Two of two, one after the other: the third fits by changing its resource on the way."""
    at = datetime(2026, 11, 20, 9, tzinfo=UTC)
    staff_member = Staff(id="p", display_name="", resource_ids=(1, 2), units=2)
    service = Service(name="s", display_name="S", capacity=2, duration_minutes=60)
    hour, half = timedelta(hours=1), timedelta(minutes=30)
    busy = {1: [BusySpan(at, at + hour, 2)], 2: [BusySpan(at + hour, at + 2 * hour, 2)]}
    branch = Branch(
        name="b", display_name="", opening_hours=(Hours(days=tuple(Weekday), opens=time(0), closes=time(0)),)
    )
    rules = ServiceRules(BERLIN, branch, service, (staff_member,))
    claims = allocate_claims(staff_member, 2, busy, rules.blocked_span(at + half, "p"))
    assert claims is not None
    assert [(row, span.start - at, span.end - at) for row, span in claims] == [(1, hour, hour + half), (2, half, hour)]


def test_earlier_exclusive_appointment_blocks_after_a_capacity_rise() -> None:
    """Capacity rose from 1 to 4: an earlier appointment still has the staff member alone."""
    at = datetime(2026, 11, 20, 9, tzinfo=UTC)
    staff_member = Staff(id="p", display_name="", resource_ids=(1, 2, 3, 4), units=4)
    blocked = ServiceRules(
        BERLIN, Branch(name="b", display_name=""), Service(name="s", display_name="", capacity=4), (staff_member,)
    ).blocked_span(at, "p")
    assert allocate_claims(staff_member, 4, {1: [BusySpan(at, at + MINUTE, units=1)]}, blocked) is None
    assert allocate_claims(staff_member, 4, {1: [BusySpan(at, at + MINUTE, units=4)]}, blocked) is not None


@settings(max_examples=2 * CASES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(cases(), st.data())
def test_start_is_taken_if_no_rule_forbids_it(case, data: st.DataObject) -> None:
    """A caller who hears "taken" may ask for another time of that kind; any other reason says that no such time is free."""
    rules, _, query = case
    allowed = [slot.start for slot in free_slots(rules, {}, query) if slot.start > query.now]
    anywhere = st.integers(1, 3000).map(lambda minutes: query.now + minutes * MINUTE)
    start = data.draw(anywhere | st.sampled_from(allowed) if allowed else anywhere)
    free = free_slots(rules, {}, SlotQuery.at(start, query.now, query.staff))
    assert {slot.start for slot in free} <= {start}
    assert (find_obstacle(rules, start, query.now, query.staff) is Obstacle.TAKEN) == bool(free)


@settings(max_examples=CASES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(cases())
def test_claims_outside_the_busy_window_change_no_slot(case) -> None:
    rules, busy, query = case
    day = query.first.astimezone(rules.zone).date()
    walls = minutes_of(day, rules.zone)
    of_day = replace(query, first=walls[0][0], end=walls[-1][0] + MINUTE)
    window = busy_window(rules, day)
    read = {r: [s for s in spans if s.start < window.end and window.start < s.end] for r, spans in busy.items()}
    assert free_slots(rules, read, of_day) == free_slots(rules, busy, of_day)


@given(st.integers(1, 60), st.lists(st.tuples(st.integers(-20, 70), st.integers(0, 30)), max_size=6))
def test_subtracting_spans_keeps_each_uncovered_minute_once(length: int, others: list[tuple[int, int]]) -> None:
    first = datetime(2026, 11, 20, 9, tzinfo=UTC)
    covered = [Span(first + a * MINUTE, first + (a + n) * MINUTE) for a, n in others]
    pieces = subtract_spans(Span(first, first + length * MINUTE), covered)
    minutes = [first + n * MINUTE for n in range(-30, 110)]
    rest = [at for at in minutes[30 : 30 + length] if not any(span.start <= at < span.end for span in covered)]
    assert [at for piece in pieces for at in minutes if piece.start <= at < piece.end] == rest
    assert all(piece.start < piece.end for piece in pieces)


def test_appointment_changes_resources_only_if_one_is_taken() -> None:
    at = datetime(2026, 11, 20, 9, tzinfo=UTC)
    half = timedelta(minutes=30)
    staff_member = Staff(id="p", display_name="", resource_ids=(1, 2, 3), units=3)
    blocked = Span(at, at + 3 * half)
    busy = {1: [BusySpan(at, at + half, 3)]}
    assert allocate_claims(staff_member, 3, busy, blocked) == [(2, blocked)], "1 gets free, and 2 is kept"
    busy = {
        1: [BusySpan(at + half, at + 2 * half, 3)],
        2: [BusySpan(at, at + half, 3), BusySpan(at + 2 * half, at + 3 * half, 3)],
        3: [BusySpan(at, at + 3 * half, 3)],
    }
    assert allocate_claims(staff_member, 3, busy, blocked) == [
        (1, Span(at, at + half)),
        (1, Span(at + 2 * half, at + 3 * half)),
        (2, Span(at + half, at + 2 * half)),
    ]


def test_staff_member_is_full_while_all_units_taken() -> None:
    """With four units, one more appointment fits unless all four units are taken."""
    at = datetime(2026, 11, 20, 9, tzinfo=UTC)
    staff_member = Staff(id="p", display_name="", resource_ids=(1, 2, 3, 4), units=4)
    quarter = timedelta(minutes=15)
    busy = {n: [BusySpan(at + n * quarter, at + (n + 4) * quarter, 4)] for n in staff_member.resource_ids}

    def fits(first: int, end: int) -> bool:
        return allocate_claims(staff_member, 4, busy, Span(at + first * quarter, at + end * quarter)) is not None

    assert [fits(n, n + 1) for n in range(9)] == [n != 4 for n in range(9)]
    assert (fits(0, 4), fits(5, 9), fits(3, 5), fits(4, 6), fits(0, 9)) == (True, True, False, False, False)


def test_half_capacity_appointment_needs_half_the_units() -> None:
    at = datetime(2026, 11, 20, 9, tzinfo=UTC)
    staff_member = Staff(id="p", display_name="", resource_ids=(1, 2, 3, 4, 5), units=4)
    blocked = Span(at, at + timedelta(hours=1))
    taken = {n: [BusySpan(blocked.start, blocked.end, 4)] for n in (1, 2, 3)}
    assert allocate_claims(staff_member, 2, {n: taken[n] for n in (1, 2)}, blocked) == [(3, blocked), (4, blocked)]
    assert allocate_claims(staff_member, 2, taken, blocked) is None, "4 alone is half of it, and 5 is claimed no more"


def test_earlier_claims_leave_only_units_that_are_free() -> None:
    """Three of twelve former units are a quarter of a person, but they leave only one of the present four units free."""
    at = datetime(2026, 11, 20, 9, tzinfo=UTC)
    staff_member = Staff(id="p", display_name="", resource_ids=tuple(range(1, 13)), units=4)
    blocked = Span(at, at + timedelta(hours=1))
    small = [BusySpan(blocked.start, blocked.end, 12)]
    assert allocate_claims(staff_member, 2, dict.fromkeys((1, 2, 3), small), blocked) is None
    assert allocate_claims(staff_member, 2, dict.fromkeys((1, 2), small), blocked) == [(3, blocked), (4, blocked)]
    assert allocate_claims(staff_member, 2, dict.fromkeys((5, 6, 7), small), blocked) == [(1, blocked), (2, blocked)]
    later = Span(blocked.end, blocked.end + timedelta(hours=1))
    both = Span(blocked.start, later.end)
    assert allocate_claims(staff_member, 2, dict.fromkeys((1, 2, 3), small), later) == [(1, later), (2, later)]
    assert allocate_claims(staff_member, 2, dict.fromkeys((1, 2, 3), small), both) is None


def test_staff_member_stays_full_while_customers_change() -> None:
    """Two at once from nine to eleven: one stays, the other is followed by a third at ten."""
    at = datetime(2026, 11, 20, 8, tzinfo=UTC)
    hour = timedelta(hours=1)
    staff_member = Staff(id="p", display_name="", resource_ids=(1, 2), units=2)
    opening = (Hours(days=tuple(Weekday), opens=time(8), closes=time(13)),)
    rules = ServiceRules(
        ZoneInfo("UTC"),
        Branch(name="b", display_name="", opening_hours=opening, staff=(staff_member,)),
        Service(name="s", display_name="S", capacity=2, duration_minutes=60, slot_step_minutes=60),
        (staff_member,),
    )
    busy = {
        1: [BusySpan(at + hour, at + 3 * hour, 2)],
        2: [BusySpan(at + hour, at + 2 * hour, 2), BusySpan(at + 2 * hour, at + 3 * hour, 2)],
    }
    found = free_slots(rules, busy, SlotQuery(at - hour, at, at + 5 * hour))
    assert [slot.start - at for slot in found] == [0 * hour, 3 * hour, 4 * hour]
    busy[2] = [BusySpan(at + hour, at + 2 * hour + MINUTE, 2)]  # and nobody follows
    found = free_slots(rules, busy, SlotQuery(at - hour, at, at + 5 * hour))
    assert [slot.start - at for slot in found] == [0 * hour, 3 * hour, 4 * hour]
