"""Bookings by API v1 (docs/vendors/calcom.md): the same bookings, with numeric ids, no envelope, and the key in the query."""

from typing import Any

from aiohttp import web

from askproai_sandbox.calcom import requests
from askproai_sandbox.calcom.account import Account, Booking
from askproai_sandbox.calcom.bookings import Bookings
from askproai_sandbox.calcom.hosts import iso
from askproai_sandbox.calcom.server import Server
from askproai_sandbox.simulator import Refusal, json_body

_CODES = {  # by the beginning of v2's message
    "User either already has booking": "no_available_users_found_error",
    "The event type can't be booked": "booking_time_out_of_bounds_error",
}


class BookingsV1:
    """Handlers of /v1/bookings."""

    def __init__(self, server: Server, bookings: Bookings) -> None:
        self._server, self._bookings = server, bookings
        server.serve_v1("POST", "/v1/bookings", "create-booking-v1", self._create)
        server.serve_v1("GET", "/v1/bookings", "list-bookings-v1", self._list)
        server.serve_v1("DELETE", "/v1/bookings/{id}/cancel", "cancel-booking-v1", self._cancel)

    async def _create(self, request: web.Request, client: Account) -> web.Response:
        body = requests.parse(requests.BookingBodyV1, await json_body(request))
        try:
            booking = await self._bookings.create(body.as_v2(), client)
        except Refusal as refusal:
            code = next((code for text, code in _CODES.items() if refusal.message.startswith(text)), None)
            raise (Refusal(400, code) if code else refusal) from None
        return web.json_response(_body(booking))

    async def _list(self, request: web.Request, account: Account) -> web.Response:
        query = requests.parse(requests.BookingsQueryV1, request.query)
        rows = [
            _body(b) for b in self._server.listed(request, account.bookings.values())
            if (query.date_from is None or b.start >= requests.utc(query.date_from))
            and (query.date_to is None or b.end <= requests.utc(query.date_to))
        ]  # fmt: skip
        return web.json_response({"bookings": rows})

    async def _cancel(self, request: web.Request, account: Account) -> web.Response:
        number = request.match_info["id"]
        booking = next((b for b in account.bookings.values() if str(b.id) == number), None)
        if booking is None:
            raise Refusal(404, "Booking not found")
        await self._bookings.cancel(account, booking, "")
        return web.json_response({"message": "Booking cancelled successfully."})


def _body(b: Booking) -> dict[str, Any]:
    attendee = {"name": b.attendee["name"], "email": b.attendee["email"], "timeZone": b.attendee["timeZone"]}
    return {
        "id": b.id, "uid": b.uid, "title": b.title, "eventTypeId": b.event_type.id, "status": b.status.upper(),
        "startTime": iso(b.start), "endTime": iso(b.end), "attendees": [attendee], "metadata": b.metadata,
    }  # fmt: skip
