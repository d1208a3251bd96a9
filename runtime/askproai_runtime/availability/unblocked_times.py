"""The times that a removed block sets free: the working hours within it that are still to come, cut into hours. Pure.

A freed time is offered to one person at a time. Cut into hours, a day is offered to several people who wait at once, as if its
appointments had been cancelled one by one; two offers never need the same minute of a person (`waitlist_offers.py`). Whether such
an hour is free (appointments, holds, other blocks, Cal.com) is looked up when it is offered.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from askproai_core.tenant_config import TenantConfig
from askproai_runtime.availability.opening_hours import working_spans
from askproai_runtime.availability.slots import Claims, Span, utc_span

_HOUR = 3600


def list_unblocked_times(config: TenantConfig, blocked: Collection[int], block: Span, now: datetime) -> Claims:
    """Return the hours that a block of `blocked`, the ids of resources, took from those who have one of them, for each of their
    units, by start; without those beyond every service's horizon, which nobody can book yet.
    """
    zone = ZoneInfo(config.time_zone)
    horizon = now + timedelta(days=1 + max((service.booking_horizon_days for service in config.services), default=0))
    first, end = int(max(block.start, now).timestamp()), int(min(block.end, horizon).timestamp())
    found = {
        (at, min(at + _HOUR, until), resource)
        for branch in config.branches
        for member in branch.staff
        if first < end and not set(blocked).isdisjoint(member.resource_ids)
        for opens, closes in working_spans(zone, branch, member, first, end)
        for until in [min(closes, end)]
        for at in range(max(opens, first), until, _HOUR)
        for resource in member.resource_ids[: member.units]
    }
    return [(resource, utc_span(start, stop)) for start, stop, resource in sorted(found)]
