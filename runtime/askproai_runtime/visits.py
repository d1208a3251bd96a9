"""Visits of several services, one after another with one staff member: a visit is a service, composed of its parts.

Its name joins the names of its services in the order in which they are done, as `waschen+schneiden`: no name of Kubernetes has
a `+`. Offers, claims, moves and lists then treat a visit as any other service, and its appointment is one row. Pure; the words
between display names are in the language of the call.
"""

from collections.abc import Sequence
from decimal import Decimal

from askproai_core.tenant_config import Service, TenantConfig
from askproai_core.tenant_config.services import Segment, StaffOverride
from askproai_core.tenant_config.vocabulary import SegmentKind
from askproai_runtime.sentences import say

MOST_SERVICES = 5  # of one visit
_AND = "+"


def list_parts(name: str) -> list[str]:
    """Return the names of the services in the name of a visit. For a single service, the list has only its name."""
    return name.split(_AND)


def has_several(name: str) -> bool:
    """Return whether a name has several services, as a visit's does."""
    return _AND in name


def find_by_name(config: TenantConfig, name: str, branch: str | None = None) -> Service | None:
    """Return the service or visit with the name in an appointment, if `branch` (None: any branch) offers it, else None.

    A visit is offered only if all of its parts are.
    """
    offered = {each.name: each for each in config.services if branch is None or each.branch in {None, branch}}
    names = list_parts(name)
    if not offered.keys() >= set(names):
        return None
    parts = [offered[each] for each in names]
    return parts[0] if len(parts) == 1 else compose_visit(config, parts)


def compose_visit(config: TenantConfig, parts: Sequence[Service]) -> Service:
    """Return two or more services, one after another, as one service. Its length and price are their sums.

    Starts are on the grid of the first service; the strictest notice and horizon count. The longest buffers are at both ends:
    in between, the staff member goes on with the same customer. One person does all parts, and is booked for none of them at
    the remote calendar, where a booking is of one event type. If the customer waits, staff members with an own length for a
    part are excluded: the wait would be at another time with each staff member.
    """
    waits = any(segment.kind is SegmentKind.WAIT for part in parts for segment in part.segments)
    segments = [segment for part in parts for segment in part.segments or (Segment(minutes=part.duration_minutes),)]
    names = [part.display_name for part in parts]
    return Service(
        name=_AND.join(part.name for part in parts),
        display_name=f"{', '.join(names[:-1])} {say().and_word} {names[-1]}",
        branch=next((part.branch for part in parts if part.branch is not None), None),
        duration_minutes=sum(part.duration_minutes for part in parts),
        segments=tuple(segments) if waits else (),
        buffer_before_minutes=max(part.buffer_before_minutes for part in parts),
        buffer_after_minutes=max(part.buffer_after_minutes for part in parts),
        price_amount=_sum_prices(parts),
        price_currency=parts[0].price_currency,
        free_of_charge=all(part.free_of_charge for part in parts),
        preparation=" ".join(dict.fromkeys(part.preparation for part in parts if part.preparation)),
        slot_step_minutes=parts[0].slot_step_minutes,
        minimum_notice_minutes=max(part.minimum_notice_minutes for part in parts),
        booking_horizon_days=min(part.booking_horizon_days for part in parts),
        capacity=min(part.capacity for part in parts),
        staff={branch: _list_able(config, parts, branch) for branch in parts[0].staff},
        staff_overrides=tuple(_override(parts, each) for each in sorted(_list_overridden(parts))),
    )


def _list_overridden(parts: Sequence[Service]) -> set[str]:
    return {each.staff for part in parts for each in part.staff_overrides}


def _override(parts: Sequence[Service], staff: str) -> StaffOverride:
    """Return the length and the price of a visit with this staff member: the sums of the parts as this staff member does them."""
    own = [part.done_by(staff) for part in parts]
    minutes = sum(part.duration_minutes for part in own)
    is_free = all(part.free_of_charge for part in own)
    return StaffOverride(staff, minutes, _sum_prices(own), parts[0].price_currency, is_free)


def same_services(first: str, second: str) -> bool:
    """Return whether two names have the same services, in any order."""
    return canonical_name(first) == canonical_name(second)


def share_services(first: str, second: str) -> bool:
    """Return whether the two names have a service in common."""
    return not set(list_parts(first)).isdisjoint(list_parts(second))


def canonical_name(name: str) -> str:
    """Return the name of a visit with its services sorted, so that their order does not matter."""
    return _AND.join(sorted(list_parts(name)))


def _sum_prices(parts: Sequence[Service]) -> str:
    """Return the total price as a decimal number: 0 (no price is stated) if one is unknown or in another currency."""
    amounts = [Decimal(part.price_amount) for part in parts if not part.free_of_charge]
    one_currency = len({part.price_currency for part in parts}) == 1
    return str(sum(amounts)) if amounts and all(amounts) and one_currency else "0.00"


def _list_able(config: TenantConfig, parts: Sequence[Service], branch: str) -> tuple[str, ...]:
    """Return the ids of the staff members of a branch who do all parts, and are booked for none at the remote calendar. If a
    part has a wait, only those without an own length count.
    """
    waits = any(part.wait_spans for part in parts)
    own_length = {each.staff for part in parts for each in part.staff_overrides if waits and each.duration_minutes}
    is_remote = config.calendar.provider.is_remote
    booked_there = {
        link.staff for part in parts if is_remote and part.capacity == 1 for link in part.linked_event_types
    }
    return tuple(
        staff
        for staff in parts[0].staff[branch]
        if staff not in booked_there | own_length and all(staff in part.staff.get(branch, ()) for part in parts)
    )
