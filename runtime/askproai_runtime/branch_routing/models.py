"""What each business model chooses: where a call goes, what is free for it, and how it is booked (B5).

Values in a table, so that a model is read in one line. Skills are part of the one engine: who can do a service is compiled
into it, so a matrix of services, people and branches needs no engine of its own.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from askproai_core.phone_numbers import Route
from askproai_core.tenant_config import BusinessModel, TenantConfig
from askproai_runtime.booking import Answer, BookingService, CallContext
from askproai_runtime.branch_routing.branch import Found, Hints, Unclear, find_branch

Act = Callable[[BookingService, CallContext, Mapping[str, Any]], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Model:
    """The strategies of one business model."""

    routing: Callable[[TenantConfig, Route, Hints], Found | Unclear]
    availability: Act
    booking: Act


def own_branch(config: TenantConfig, route: Route, hints: Hints) -> Found | Unclear:
    """Stay at the branch that was rung, unless the caller names another one; then stay there."""
    return find_branch(config, replace(hints, pressed="", known=hints.known or route.branch, last=None))


def found_in_call(config: TenantConfig, route: Route, hints: Hints) -> Found | Unclear:
    """Find the branch in the call. One that has an agent of its own beside the hotline is its callers' branch."""
    return own_branch(config, route, hints) if route.branch else find_branch(config, hints)


async def times_at_branch(booking: BookingService, call: CallContext, args: Mapping[str, Any]) -> Answer:
    """Offer the times of the people there who have the skills."""
    return await booking.check_availability(call, args)


async def book_at_branch(booking: BookingService, call: CallContext, args: Mapping[str, Any]) -> Answer:
    """Book with one of the people there who have the skills."""
    return await booking.book_appointment(call, args)


_HOTLINE = Model(found_in_call, times_at_branch, book_at_branch)
MODELS: Mapping[BusinessModel, Model] = {
    BusinessModel.SIMPLE: Model(own_branch, times_at_branch, book_at_branch),
    BusinessModel.MULTI_BRANCH_HOTLINE: _HOTLINE,
    BusinessModel.COMPLEX_SERVICE_MATRIX: _HOTLINE,
}
