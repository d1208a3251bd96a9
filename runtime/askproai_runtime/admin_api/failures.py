"""Failed bookings with their reasons: an error of ours, a refusal of the remote calendar, or nothing bookable there."""

from datetime import datetime

import msgspec

from askproai_runtime.admin_api.endpoint import Endpoint
from askproai_runtime.admin_api.parameters import PAGE, Param, Parameters
from askproai_runtime.admin_api.request import ApiRequest
from askproai_runtime.admin_api.store.failures import list_failures


class FailedBooking(msgspec.Struct, frozen=True):
    """One failed booking. `function` is the call function that failed; null if the remote calendar refused the appointment.

    `reason` says why, without names of people.
    """

    at: datetime
    call_id: str | None
    function: str | None
    outcome: str
    reason: str | None
    appointment_id: str | None
    service: str | None
    staff: str | None
    starts_at: datetime | None
    correlation_id: str


class FailedBookingList(msgspec.Struct, frozen=True):
    failures: list[FailedBooking]
    zone: str


async def list_all(request: ApiRequest, since: datetime, limit: int) -> FailedBookingList:
    rows = await list_failures(request.process.pool, request.process.tenant, since, limit)
    return FailedBookingList([request.entry(FailedBooking, row) for row in rows], request.zone.key)


def _since(given: Parameters) -> datetime:
    since = given.instant("since")
    assert since is not None, "it is required"
    return since


ENDPOINTS = (
    Endpoint(
        "GET", "/failed-bookings", "Bookings that failed and their reason, newest first", FailedBookingList,
        lambda request, given: list_all(request, _since(given), given.limit()),
        (Param("since", "Failed then or later; a day or a local time", required=True), PAGE[0]),
    ),
)  # fmt: skip
