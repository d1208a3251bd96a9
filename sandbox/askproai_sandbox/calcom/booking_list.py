"""The list of bookings of API v2: filters, order and pages (docs/vendors/calcom.md)."""

from aiohttp import web

from askproai_sandbox.calcom import requests
from askproai_sandbox.calcom.account import Account, Booking
from askproai_sandbox.calcom.bookings import VERSION
from askproai_sandbox.calcom.server import Server, ok
from askproai_sandbox.simulator import Refusal


class BookingList:
    """The handler of `GET /v2/bookings`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        server.serve("GET", "/v2/bookings", "list-bookings", self._list, version=VERSION)

    async def _list(self, request: web.Request, account: Account) -> web.Response:
        query = requests.parse(requests.BookingsQuery, request.query)
        event_types = self._known_event_types(query, account)
        rows = [
            b for b in self._server.listed(request, account.bookings.values())
            if (not event_types or b.event_type.id in event_types) and _is_within(b, query)
        ]  # fmt: skip
        rows = _ordered(rows, query)
        take, skip = query.take, query.skip
        page = rows[skip : skip + take]
        total = len(rows) + (int(self._server.settings["estimated_total"]) if len(page) == take else 0)
        remaining = max(0, total - skip - len(page))
        return ok([b.body() for b in page], pagination={
            "totalItems": total, "remainingItems": remaining, "returnedItems": len(page), "itemsPerPage": take,
            "currentPage": skip // take + 1, "totalPages": -(-total // take), "hasNextPage": remaining > 0,
            "hasPreviousPage": skip > 0,
        })  # fmt: skip

    def _known_event_types(self, query: requests.BookingsQuery, account: Account) -> set[int]:
        """Return those event types of a query that exist; empty for a query without event types. Raises Refusal if none exists."""
        wanted = _event_type_ids(query)
        known = {number for number in wanted if self._server.find_event_type(number, account)}
        if wanted and not known:
            raise Refusal(400, "The requested event-types do not exist.")
        return known


def _is_within(b: Booking, query: requests.BookingsQuery) -> bool:
    """Return True if a booking is within all time filters of a query, both ends included."""
    bounds = (
        (b.start, query.after_start), (b.created, query.after_created_at), (b.updated, query.after_updated_at)
    )  # fmt: skip
    is_in_time = query.before_end is None or b.end <= requests.utc(query.before_end)
    return is_in_time and all(first is None or value >= requests.utc(first) for value, first in bounds)


def _event_type_ids(query: requests.BookingsQuery) -> set[int]:
    texts = (query.event_type_ids or "").split(",") if query.event_type_ids else []
    if not all(text.strip().isdigit() for text in texts):
        raise requests.invalid("eventTypeIds", "each value in eventTypeIds must be a number")
    return {*map(int, texts), *([] if query.event_type_id is None else [query.event_type_id])}


def _ordered(rows: list[Booking], query: requests.BookingsQuery) -> list[Booking]:
    """Return the bookings ordered by the query's sort parameter; by start without one."""
    if query.sort_updated_at:
        return sorted(rows, key=lambda b: (b.updated, b.id), reverse=query.sort_updated_at == "desc")
    return sorted(rows, key=lambda b: (b.start, b.id), reverse=query.sort_start == "desc")
