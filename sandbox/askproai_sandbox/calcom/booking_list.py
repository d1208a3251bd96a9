"""The list of bookings of API v2: filters, order and pages (docs/vendors/calcom.md)."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from aiohttp import web

from askproai_sandbox.calcom import requests
from askproai_sandbox.calcom.account import Account, Booking
from askproai_sandbox.calcom.bookings import VERSION
from askproai_sandbox.calcom.server import Server, ok
from askproai_sandbox.simulator import Refusal

_LOOK_BACK = timedelta(hours=1)  # a booking that began earlier is not "upcoming", although it may not have ended


def _ahead(b: Booking, now: datetime) -> bool:
    return b.start >= now - _LOOK_BACK and b.end >= now


# The values of the filter are not those of a booking's status. Recurring bookings are not simulated.
STATUS_FILTERS: Mapping[str, Callable[[Booking, datetime], bool]] = {
    "upcoming": lambda b, now: b.live and _ahead(b, now),
    "recurring": lambda _booking, _now: False,
    "past": lambda b, now: b.live and b.end <= now,
    "cancelled": lambda b, _now: not b.live,
    "unconfirmed": lambda b, now: b.status == "pending" and _ahead(b, now),
}
_NEWEST_FIRST = {"past", "cancelled"}


class BookingList:
    """The handler of `GET /v2/bookings`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        server.serve("GET", "/v2/bookings", "list-bookings", self._list, version=VERSION)

    async def _list(self, request: web.Request, account: Account) -> web.Response:
        query = requests.parse(requests.BookingsQuery, request.query)
        statuses, event_types = _statuses(query), self._known_event_types(query, account)
        now = self._server.clock.now()
        rows = [
            b for b in self._server.listed(request, account.bookings.values())
            if (not statuses or any(STATUS_FILTERS[name](b, now) for name in statuses))
            and (not event_types or b.event_type.id in event_types)
            and _is_within(b, query) and _has_attendee(b, query) and query.booking_uid in {None, b.uid}
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


def _statuses(query: requests.BookingsQuery) -> list[str]:
    """Return the names of a query's status filters; empty without any. Raises Refusal for an unknown name."""
    names = [] if query.status is None else [name.strip() for name in query.status.split(",")]
    if set(names) - STATUS_FILTERS.keys():
        raise requests.invalid("status", f"Invalid status. Allowed are {', '.join(STATUS_FILTERS)}")
    return names


def _is_within(b: Booking, query: requests.BookingsQuery) -> bool:
    """Return True if a booking is within all time filters of a query, both ends included."""
    bounds = (
        (b.start, query.after_start, None), (b.end, None, query.before_end),
        (b.created, query.after_created_at, query.before_created_at),
        (b.updated, query.after_updated_at, query.before_updated_at),
    )  # fmt: skip
    return all(
        (first is None or value >= requests.utc(first)) and (last is None or value <= requests.utc(last))
        for value, first, last in bounds
    )


def _has_attendee(b: Booking, query: requests.BookingsQuery) -> bool:
    """Return True if an attendee has the query's mail address and name. An unencoded + in the address arrives as a space."""
    email = None if query.attendee_email is None else "+".join(query.attendee_email.split()).casefold()
    return any(
        email in {None, attendee["email"].casefold()} and query.attendee_name in {None, attendee["name"]}
        for attendee in b.attendees
    )


def _event_type_ids(query: requests.BookingsQuery) -> set[int]:
    texts = (query.event_type_ids or "").split(",") if query.event_type_ids else []
    if not all(text.strip().isdigit() for text in texts):
        raise requests.invalid("eventTypeIds", "each value in eventTypeIds must be a number")
    return {*map(int, texts), *([] if query.event_type_id is None else [query.event_type_id])}


def _ordered(rows: list[Booking], query: requests.BookingsQuery) -> list[Booking]:
    """Return the bookings ordered by the query's first sort parameter; by start without any, past bookings newest first."""
    orders: tuple[tuple[requests.Order | None, Callable[[Booking], datetime]], ...] = (
        (query.sort_start, lambda b: b.start), (query.sort_end, lambda b: b.end),
        (query.sort_created, lambda b: b.created), (query.sort_updated_at, lambda b: b.updated),
    )  # fmt: skip
    order, key = next(((order, key) for order, key in orders if order), (None, orders[0][1]))
    newest_first = order == "desc" or (order is None and query.status in _NEWEST_FIRST)
    return sorted(rows, key=lambda b: (key(b), b.id), reverse=newest_first)
