"""Visits of several services: the offers are those of the oracle, which knows single services only, and can be claimed in full.

`ASKPROAI_CASES=10000 .venv/bin/python -m pytest tests/unit/availability/test_visit_oracle.py --timeout 3600` compares so many;
two of three are on a day of a clock change.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from askproai_core.tenant_config import Service, TenantConfig
from askproai_runtime.availability.allocation import allocate_visit
from askproai_runtime.availability.free_slots import free_slots
from askproai_runtime.availability.slots import BusySpan, ServiceRules, SlotQuery
from askproai_runtime.visits import compose_visit
from tests.worlds.availability_oracle import (
    MINUTE,
    SEGMENTS,
    cases,
    minutes_with,
    open_all_day,
    oracle,
    overrides,
    waiting_minutes,
)
from tests.worlds.cases import cases as how_many

pytestmark = pytest.mark.random_cases
CASES = how_many(30, 600)
Case = tuple[ServiceRules, dict[int, list[BusySpan]], SlotQuery, Sequence[Service]]


@st.composite
def visits(draw: st.DrawFn) -> Case:
    """Return a case with the services of a visit; not everybody does each of them."""
    rules, busy, query = draw(cases())
    if draw(st.integers(0, 3)):  # a visit is long: most cases are open all day, so that there is something to offer
        rules = open_all_day(rules)
        query = replace(query, now=query.first - timedelta(days=1))
    staff = [member.id for member in rules.branch.staff]
    parts = []
    for number in range(draw(st.integers(2, 4))):
        segments = draw(st.sampled_from(SEGMENTS))
        part = Service(
            name=f"s{number}", display_name="S", segments=segments,
            duration_minutes=sum(segment.minutes for segment in segments) or draw(st.sampled_from([5, 10, 30, 45])),
            slot_step_minutes=draw(st.sampled_from([15, 20, 30, 60])),
            buffer_before_minutes=draw(st.sampled_from([0, 0, 5])), buffer_after_minutes=draw(st.sampled_from([0, 10])),
            minimum_notice_minutes=draw(st.sampled_from([0, 60, 600])), booking_horizon_days=draw(st.sampled_from([1, 1, 90])),
            capacity=draw(st.sampled_from([n for n in (1, 2, 3, 4) if rules.service.capacity % n == 0])),
            staff_overrides=() if segments else overrides(draw, staff),
        )  # fmt: skip
        able = tuple(member for member in staff if draw(st.integers(0, 5)))
        parts.append(msgspec.structs.replace(part, staff={"b": able}))
    visit = compose_visit(TenantConfig(tenant="a.b", display_name="A"), parts)
    return ServiceRules.of(rules.zone, rules.branch, visit), busy, query, parts


@settings(max_examples=CASES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(visits())
def test_visit_offers_match_the_oracle_and_are_bookable(case: Case) -> None:
    rules, busy, query, parts = case
    slots = free_slots(rules, busy, query)
    event(f"offers: {min(len(slots), 1)}")
    assert [(s.start, s.staff) for s in slots] == sorted(oracle(rules, busy, query, parts=parts))
    waits = waiting_minutes(*parts)
    for slot in slots[:5]:
        minutes = sum(minutes_with(part, slot.staff) for part in parts)
        assert slot.end - slot.start == minutes * MINUTE
        staff_member, blocked = rules.staff_member(slot.staff), rules.blocked_span(slot.start, slot.staff)
        claims = allocate_visit(rules, slot.staff, busy, slot.start)
        assert claims is not None
        for minute in range(int((blocked.end - blocked.start) / MINUTE)):
            at = blocked.start + minute * MINUTE
            claimed = [r for r, span in claims if span.start <= at < span.end]
            needed = max(staff_member.units // part.capacity for part in parts)
            assert len(claimed) == len(set(claimed)) == (0 if (at - slot.start) // MINUTE in waits else needed)
        for resource_id, span in claims:
            assert blocked.start <= span.start < span.end <= blocked.end
            assert all(span.end <= other.start or other.end <= span.start for other in busy.get(resource_id, ()))
