"""Allocate a staff member's resources to an appointment, or find that too few are free. Pure."""

from collections.abc import Sequence
from datetime import datetime
from itertools import chain, pairwise

from askproai_core.tenant_config import Staff
from askproai_runtime.availability.opening_hours import EpochSpan, merge_spans
from askproai_runtime.availability.slots import Busy, BusySpan, Claims, ServiceRules, Span, utc_span

_SHARES = 27_720  # one staff member, in shares that every number of units up to 12 divides


def allocate_visit(rules: ServiceRules, staff: str, busy: Busy, start: datetime) -> Claims | None:
    """Return the claims of an appointment at `start`, for all spans that it blocks; None if a span has too few free resources."""
    staff_member, capacity = rules.staff_member(staff), rules.service.capacity
    parts = [allocate_claims(staff_member, capacity, busy, span) for span in rules.blocked_spans(start, staff)]
    return None if None in parts else sorted(chain(*filter(None, parts)), key=lambda claim: (claim[0], claim[1].start))


def add_claims(busy: Busy, claims: Claims, units: int) -> dict[int, Sequence[BusySpan]]:
    """Return the busy spans of resources with `claims` added. `units` is the staff member's number of units."""
    more = dict(busy)
    for resource_id, span in claims:
        more[resource_id] = [*more.get(resource_id, ()), BusySpan(span.start, span.end, units)]
    return more


def allocate_claims(staff_member: Staff, capacity: int, busy: Busy, blocked: Span) -> Claims | None:
    """Return the claims for `blocked`: at each instant as many resources as one appointment takes; None if too few are free.

    An appointment may change its resources within the span (they are units of one staff member): otherwise free units that do
    not line up would be lost.
    """
    first, last = int(blocked.start.timestamp()), int(blocked.end.timestamp())
    if full_spans(staff_member, capacity, busy, (first, last)):
        return None
    count = staff_member.units // capacity
    taken = {r: [span.seconds for span in busy.get(r, ())] for r in staff_member.resource_ids[: staff_member.units]}
    inner = {at for spans in taken.values() for span in spans for at in span if first < at < last}
    claims: Claims = []
    open_since: dict[int, int] = {}
    for start, end in pairwise(sorted({first, last, *inner})):
        free = [r for r, spans in taken.items() if not any(a < end and start < b for a, b in spans)]
        free.sort(key=lambda resource_id: resource_id not in open_since)  # a resource is kept as long as it is free
        for resource_id in open_since.keys() - set(free[:count]):
            claims.append((resource_id, utc_span(open_since.pop(resource_id), start)))
        for resource_id in free[:count]:
            open_since.setdefault(resource_id, start)
    claims += ((resource_id, utc_span(start, last)) for resource_id, start in open_since.items())
    return sorted(claims, key=lambda claim: (claim[0], claim[1].start))


def full_spans(staff_member: Staff, capacity: int, busy: Busy, within: EpochSpan) -> list[EpochSpan]:
    """Return the spans in which a staff member cannot take one more appointment of a service with this `capacity`.

    Only claims that overlap `within` are considered, so each of the returned spans overlaps `within`.

    Two limits apply. One is the share of the staff member that is taken, by the number of units at the time of each claim. The
    other is the number of resources that can be claimed now. The two limits differ only until the appointments from before a
    change of capacities are over.
    """
    first, last = within
    claims = [
        (resource_id, span)
        for resource_id in staff_member.resource_ids
        for span in busy.get(resource_id, ())
        if span.seconds[0] < last and first < span.seconds[1]
    ]
    if capacity == 1:  # any claim is in the way
        return merge_spans([span.seconds for _, span in claims])
    claimable = staff_member.resource_ids[: staff_member.units]
    max_shares, max_claimed = _SHARES - _SHARES // capacity, staff_member.units - staff_member.units // capacity
    # The change in taken shares and taken claimable resources at each instant.
    changes: dict[int, tuple[int, int]] = {}
    for resource_id, span in claims:
        is_claimable, share = resource_id in claimable, _SHARES // span.units
        for at, sign in zip(span.seconds, (1, -1), strict=True):
            shares, claimed = changes.get(at, (0, 0))
            changes[at] = shares + sign * share, claimed + sign * is_claimable
    full: list[EpochSpan] = []
    shares = claimed = 0
    full_since: int | None = None
    for at in sorted(changes):
        shares, claimed = shares + changes[at][0], claimed + changes[at][1]
        if shares > max_shares or claimed > max_claimed:
            full_since = at if full_since is None else full_since
        elif full_since is not None:
            full.append((full_since, at))
            full_since = None
    return full
