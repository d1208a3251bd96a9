"""Groups: each offer can be booked for everybody in the group, and no offer of the slow oracle is missing.

`ASKPROAI_CASES=10000 .venv/bin/python -m pytest tests/unit/availability/test_group_oracle.py --timeout 3600` compares so many;
two of three are on a day of a clock change.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import islice, product

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from askproai_core.tenant_config import Service
from askproai_runtime.availability.group_times import GroupTimes, Plan, find_plan
from askproai_runtime.availability.slots import BusySpan, Claims, ServiceRules, SlotQuery
from tests.worlds.availability_oracle import (
    MINUTE,
    SEGMENTS,
    cases,
    minutes_with,
    open_all_day,
    oracle,
    overrides,
    waiting_minutes,
    works,
)
from tests.worlds.cases import cases as how_many

pytestmark = pytest.mark.random_cases
CASES, FEWER = how_many(24, 300), how_many(12, 300)
Busy = dict[int, list[BusySpan]]
Case = tuple[ServiceRules, Busy, SlotQuery]
Part = tuple[ServiceRules, str, datetime]  # who is served by whom, and when


@st.composite
def groups(draw: st.DrawFn) -> Case:
    """Return a case with one to three companions: each has the caller's service, or another one that not everybody does."""
    rules, busy, query = draw(cases())
    if draw(st.integers(0, 3)):
        rules = open_all_day(rules)
        query = replace(query, now=query.first - timedelta(days=1))
    staff = [member.id for member in rules.branch.staff]
    companions = []
    for number in range(draw(st.integers(1, 3))):
        if draw(st.booleans()):
            companions.append(rules)
            continue
        segments = draw(st.sampled_from(SEGMENTS))
        service = Service(
            name=f"s{number}", display_name="S", segments=segments,
            duration_minutes=sum(segment.minutes for segment in segments) or draw(st.sampled_from([5, 10, 30, 45])),
            slot_step_minutes=draw(st.sampled_from([15, 20, 30, 60])),
            buffer_before_minutes=draw(st.sampled_from([0, 0, 5])), buffer_after_minutes=draw(st.sampled_from([0, 10])),
            minimum_notice_minutes=draw(st.sampled_from([0, 60])), booking_horizon_days=draw(st.sampled_from([1, 90])),
            capacity=draw(st.sampled_from([n for n in (1, 2, 3, 4) if rules.service.capacity % n == 0])),
            staff_overrides=() if segments else overrides(draw, staff),
            staff={"b": tuple(member for member in staff if draw(st.integers(0, 5)))},
        )  # fmt: skip
        companions.append(ServiceRules.of(rules.zone, rules.branch, service))
    first = rules if draw(st.booleans()) else replace(rules, staff_members=rules.staff_members[:1])
    return replace(first, companions=tuple(companions)), busy, replace(query, staff=None)


def blocked_minutes(rules: ServiceRules, staff: str, at: datetime) -> set[datetime]:
    """Return the minutes in which an appointment takes a staff member's time, buffers included."""
    service, waits = rules.service, waiting_minutes(rules.service)
    last = minutes_with(service, staff) + service.buffer_after_minutes
    return {at + n * MINUTE for n in range(-service.buffer_before_minutes, last) if n not in waits}


def can_serve(parts: Sequence[Part], busy: Busy) -> bool:
    """Return whether there is room for all parts, minute by minute: every staff member has as many shares as there are."""
    for staff in {staff for _, staff, _ in parts}:
        own = [(rules, blocked_minutes(rules, staff, at)) for rules, by, at in parts if by == staff]
        member = own[0][0].staff_member(staff)
        for minute in set().union(*(minutes for _, minutes in own)):
            now = [rules.service.capacity for rules, minutes in own if minute in minutes]
            taken = [(r, s) for r in member.resource_ids for s in busy.get(r, ()) if s.start <= minute < s.end]
            shares = sum((Fraction(1, s.units) for _, s in taken), Fraction(0)) + sum(Fraction(1, c) for c in now)
            free = len(set(member.resource_ids[: member.units]) - {r for r, _ in taken})
            if shares > 1 or free < sum(member.units // c for c in now):
                return False
    return True


def starts_of(rules: ServiceRules, busy: Busy, query: SlotQuery) -> dict[str, set[datetime]]:
    """Return when each staff member is free for one of the people, by the oracle."""
    found: dict[str, set[datetime]] = {}
    for at, staff in oracle(replace(rules, companions=()), busy, query):
        found.setdefault(staff, set()).add(at)
    return found


def expected(rules: ServiceRules, busy: Busy, query: SlotQuery) -> tuple[set[datetime], set[datetime]]:
    """Return the starts at which all can be served at one time, and those from which on one staff member serves them in a row.

    The latter only where everybody is served alone.
    """
    later = replace(query, end=query.end + timedelta(days=1))
    free = [starts_of(each, busy, query if n == 0 else later) for n, each in enumerate(rules.people)]
    together, row = set(), set()
    for at in set().union(*free[0].values()):
        able = [[staff for staff, starts in each.items() if at in starts] for each in free]
        choices = ([(r, s, at) for r, s in zip(rules.people, chosen, strict=True)] for chosen in product(*able))
        if any(can_serve(parts, busy) for parts in choices):
            together.add(at)
        if all(each.service.capacity == 1 for each in rules.people):
            row |= {at for staff in free[0] if _in_a_row(rules, staff, at, free)}
    return together, row


def _in_a_row(rules: ServiceRules, staff: str, at: datetime, free: Sequence[dict[str, set[datetime]]]) -> bool:
    first, *others = rules.people
    if at not in free[0].get(staff, set()):
        return False
    before = first
    for each, starts in zip(others, free[1:], strict=True):
        buffers = before.service.buffer_after_minutes + each.service.buffer_before_minutes
        end = at + (minutes_with(before.service, staff) + buffers) * MINUTE
        at = _first_on_grid(each, end)
        if at not in starts.get(staff, set()):
            return False
        before = each
    return True


def _first_on_grid(rules: ServiceRules, at: datetime) -> datetime:
    while True:
        wall = at.astimezone(rules.zone)
        if not (wall.hour * 60 + wall.minute) % rules.service.slot_step_minutes and not wall.fold:
            return at  # a doubled hour is offered once
        at += MINUTE


def assert_can_be_booked(rules: ServiceRules, busy: Busy, plan: Plan) -> None:
    slots = [slot for slot, _ in plan]
    assert len(slots) == len(rules.people)
    for each, slot in zip(rules.people, slots, strict=True):
        assert slot.end - slot.start == minutes_with(each.service, slot.staff) * MINUTE
        assert slot.staff in {member.id for member in each.staff_members}
        member = each.staff_member(slot.staff)
        assert all(works(member, slot.start + n * MINUTE, each) for n in range(minutes_with(each.service, slot.staff)))
    assert can_serve([(r, slot.staff, slot.start) for r, slot in zip(rules.people, slots, strict=True)], busy)
    claimed: Claims = []
    for each, (slot, claims) in zip(rules.people, plan, strict=True):
        member, minutes = each.staff_member(slot.staff), blocked_minutes(each, slot.staff, slot.start)
        for minute in minutes:
            mine = [r for r, span in claims if span.start <= minute < span.end]
            assert len(mine) == len(set(mine)) == member.units // each.service.capacity
        for resource_id, span in claims:
            others = [*busy.get(resource_id, ()), *(s for r, s in claimed if r == resource_id)]
            assert all(span.end <= other.start or other.end <= span.start for other in others)
        claimed += claims


def assert_nobody_waits(rules: ServiceRules, plan: Plan) -> None:
    """Assert that everybody begins with the first, or as soon as somebody before is done."""
    for number in range(1, len(plan)):
        own, slot = rules.people[number], plan[number][0]
        ends = []
        for done, (before, _) in enumerate(plan[:number]):
            buffers = rules.people[done].service.buffer_after_minutes + own.service.buffer_before_minutes
            ends += [_first_on_grid(own, before.end), _first_on_grid(own, before.end + buffers * MINUTE)]
        assert slot.start in {plan[0][0].start, *ends}


@settings(max_examples=CASES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(groups())
def test_group_offers_are_bookable_and_complete(case: Case) -> None:
    rules, busy, query = case
    times = GroupTimes(rules, busy, query, "de")
    for _ in times.read_free():
        pass
    together, row = expected(rules, busy, query)
    found: set[datetime] = set()
    in_a_row: set[datetime] = set()
    for start in times.starts:
        if plan := times.find_together(start):
            found.add(plan[0][0].start)
            assert {slot.start for slot, _ in plan} == {plan[0][0].start}
            assert_can_be_booked(rules, busy, plan)
        if plan := times.find_in_a_row(start):
            in_a_row.add(plan[0][0].start)
            assert_can_be_booked(rules, busy, plan)
            assert_nobody_waits(rules, plan)
    event(f"together: {bool(found)}, in a row: {bool(in_a_row - found)}")
    assert found == together
    assert in_a_row >= row


@settings(max_examples=FEWER, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(groups())
def test_agreed_group_is_planned_again(case: Case) -> None:
    """A staff member who becomes free after the offer does not change the times that the caller has agreed to."""
    rules, busy, query = case
    times = GroupTimes(rules, busy, query, "de")
    for _ in times.read_free():
        pass
    plans = (plan for s in times.starts for plan in (times.find_in_a_row(s), times.find_together(s)) if plan)
    for plan in islice(plans, 4):
        slots = [slot for slot, _ in plan]
        for still_busy in (busy, {}):
            again = find_plan(rules, still_busy, SlotQuery.at(slots[0].start, query.now, None), "de", slots)
            assert again is not None
            assert [slot for slot, _ in again] == slots
            assert_can_be_booked(rules, still_busy, again)


@settings(max_examples=FEWER, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(groups(), st.data())
def test_busy_staff_member_never_changes_agreed_group_times(case: Case, data: st.DataObject) -> None:
    rules, busy, query = case
    times = GroupTimes(rules, busy, query, "de")
    for _ in times.read_free():
        pass
    plan = next((plan for s in times.starts if (plan := times.find_in_a_row(s))), None)
    if plan is None:
        return
    resource_id, span = data.draw(st.sampled_from([claim for _, claims in plan for claim in claims]))
    busier = {**busy, resource_id: [*busy.get(resource_id, ()), BusySpan(span.start, span.end)]}
    offered = [slot for slot, _ in plan]
    again = find_plan(rules, busier, SlotQuery.at(offered[0].start, query.now, None), "de", offered)
    event(f"others can: {again is not None}")
    if again is not None:
        assert [slot.start for slot, _ in again] == [slot.start for slot, _ in plan]
        assert_can_be_booked(rules, busier, again)
