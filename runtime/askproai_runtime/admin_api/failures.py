"""Bookings that failed, and why: by an error of ours, by Cal.com, or because nothing can be booked there."""

from datetime import datetime

import msgspec

from askproai_runtime.admin_api.endpoint import PAGE, ApiRequest, Endpoint, Param
from askproai_runtime.admin_api.store import FailureStore


class FailedBooking(msgspec.Struct, frozen=True):
    """One failure: of a call function (`function`), or of an appointment that Cal.com refused (`function` is null).

    `reason` names what was in the way, and nobody.
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


class Failures:
    """The endpoint of one tenant's failed bookings."""

    def __init__(self, store: FailureStore) -> None:
        self._store = store

    def endpoints(self) -> tuple[Endpoint, ...]:
        params = (Param("since", "Failed then or later; a day or a local time", required=True), PAGE[0])
        text = "Bookings that failed and their reason, newest first"
        return (Endpoint("GET", "/failed-bookings", text, FailedBookingList, self.list_all, params),)

    async def list_all(self, request: ApiRequest) -> FailedBookingList:
        since, zone = request.instant("since"), request.zone
        assert since is not None, "it is required"
        rows = await self._store.list_failures(since, request.limit())
        local = [
            dict(row) | {name: row[name] and row[name].astimezone(zone) for name in ("at", "starts_at")} for row in rows
        ]
        return FailedBookingList([msgspec.convert(values, FailedBooking) for values in local], zone.key)
