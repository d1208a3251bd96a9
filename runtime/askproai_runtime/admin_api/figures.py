"""The endpoint of a tenant's figures: booking success in the last 30 days, and requests to providers in the last hour."""

from datetime import date

import msgspec

from askproai_core.database.tenant_figures import BookingCounts
from askproai_runtime.admin_api.endpoint import Endpoint
from askproai_runtime.admin_api.request import ApiRequest
from askproai_runtime.admin_api.store.figures import list_days_of_bookings, list_provider_requests


class DayOfBookings(msgspec.Struct, frozen=True):
    """Callers' booking requests on one local day: `booked` led to appointments, `failed` gave callers no useful answer."""

    day: date
    booked: int
    failed: int


class ProviderRequests(msgspec.Struct, frozen=True):
    """Requests to one provider in the last hour, without those for free times, which are only in the metrics.

    An error is a request without an answer, or with the status 401, 403, 429 or 5xx.
    """

    provider: str
    requests: int
    average_ms: int
    longest_ms: int
    errors: int


class Figures(msgspec.Struct, frozen=True):
    """The figures of the local days with booking requests in the last 30 times 24 hours.

    `days` has them, the oldest first. `booked_percent` and `budget_percent` are over all these days, and null if nobody has
    tried. The budget is the unused share of the failures that the `target_percent` of the Tenant (`spec.slo`) allows.
    """

    days: list[DayOfBookings]
    target_percent: str
    booked_percent: str | None
    budget_percent: str | None
    providers: list[ProviderRequests]
    zone: str


async def show(request: ApiRequest) -> Figures:
    pool, tenant = request.process.pool, request.process.tenant
    days = await list_days_of_bookings(pool, tenant, request.zone.key)
    providers = await list_provider_requests(pool, tenant)
    month = BookingCounts(sum(each.booked for each in days.values()), sum(each.failed for each in days.values()))
    target = request.config.booking_target_percent
    return Figures(
        days=[DayOfBookings(day, each.booked, each.failed) for day, each in days.items()],
        target_percent=f"{target.normalize():f}",
        booked_percent=month.booked_percent,
        budget_percent=month.budget_percent(target),
        providers=[
            ProviderRequests(
                row["provider"], row["requests"], round(row["average_ms"]), row["longest_ms"], row["errors"]
            )
            for row in providers
        ],
        zone=request.zone.key,
    )


ENDPOINTS = (
    Endpoint(
        "GET", "/figures", "How bookings went in the last 30 days, and how providers answered in the last hour", Figures,
        lambda request, _: show(request),
    ),
)  # fmt: skip
