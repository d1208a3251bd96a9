"""A stand-in for Cal.com, at the address in the shadow's config: it answers as Cal.com has answered the live version.

It sends nothing. A change is accepted unless Cal.com refused it to the live version. Its free times are the ones that the live
version has read.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4
from zoneinfo import ZoneInfo

from aiohttp import web

from askproai_core.database import Pool
from askproai_runtime.lenient_json import read_json
from askproai_runtime.shadow.store import read_free_times

_TAKEN: Final = "User either already has booking at this time or is not available"
_MOST_DAYS: Final = 62
_NO_FREE_TIMES: Final = "the live version does not know the free times of these days"


@dataclass(slots=True)
class FrozenCalendar:
    """Answers the shadow's requests to Cal.com. Before each request is replayed, `expect` sets the answers to its changes."""

    live: Pool
    tenant: str
    _expected: dict[str, deque[tuple[int | None, str]]] = field(default_factory=lambda: defaultdict(deque))

    def expect(self, outcomes: Iterable[tuple[str, int | None, str]]) -> None:
        """Set the answers to the next changes: operation, HTTP status and outcome, as Cal.com answered the live version."""
        self._expected.clear()
        for operation, status, outcome in outcomes:
            self._expected[operation].append((status, outcome))

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/v2/bookings", self._create)
        app.router.add_post("/v2/bookings/{uid}/{change}", self._change)
        app.router.add_get("/v2/bookings", self._list)
        app.router.add_get("/v2/slots", self._slots)
        return app

    async def _create(self, request: web.Request) -> web.Response:
        body = await _read(request)
        metadata = body.get("metadata") or {}
        return self._answer("create-booking", {"uid": f"shadow-{uuid4()}", "status": "accepted", "metadata": metadata})

    async def _change(self, request: web.Request) -> web.Response:
        operations = {"reschedule": "move-booking", "cancel": "cancel-booking", "mark-absent": "mark-absent"}
        operation = operations.get(request.match_info["change"])
        if operation is None:
            return _refuse(HTTPStatus.NOT_FOUND, "there is no such request")
        uid = f"shadow-{uuid4()}" if operation == "move-booking" else request.match_info["uid"]
        return self._answer(operation, {"uid": uid, "status": "accepted"})

    async def _list(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "success", "data": []})

    async def _slots(self, request: web.Request) -> web.Response:
        try:
            event_type, host = int(request.query["eventTypeId"]), int(request.query.get("rrHostSubsetIds", 0))
            zone = ZoneInfo(request.query["timeZone"])
            first, last = (_local_day(request.query[name], zone) for name in ("start", "end"))
        except (KeyError, ValueError):
            return _refuse(HTTPStatus.BAD_REQUEST, "eventTypeId, start, end and timeZone are needed")
        days = [str(first + timedelta(days=n)) for n in range(min((last - first).days + 1, _MOST_DAYS))]
        known = await read_free_times(self.live, self.tenant, event_type, host, days)
        if len(known) < len(days):  # 422 opens no circuit
            return _refuse(HTTPStatus.UNPROCESSABLE_ENTITY, _NO_FREE_TIMES)
        data = {day: [slot for span in spans for slot in _slots_of(*span, seconds)] for day, spans, seconds in known}
        return web.json_response({"status": "success", "data": data})

    def _answer(self, operation: str, booking: dict[str, Any]) -> web.Response:
        """Return the answer to a change: success, or the error with which Cal.com refused the change to the live version."""
        status, outcome = self._expected[operation].popleft() if self._expected[operation] else (None, "confirmed")
        match outcome:
            case "taken":
                return _refuse(HTTPStatus.BAD_REQUEST, _TAKEN)
            case "refused":
                refused = status if status and status >= HTTPStatus.BAD_REQUEST else HTTPStatus.UNPROCESSABLE_ENTITY
                return _refuse(refused, "Cal.com refused this to the live version")
            case "unknown" | "unavailable":
                return web.Response(status=HTTPStatus.BAD_GATEWAY)
        return web.json_response({"status": "success", "data": booking}, status=HTTPStatus.CREATED)


async def _read(request: web.Request) -> dict[str, Any]:
    try:
        return read_json(await request.read(), dict[str, Any])
    except (ValueError, asyncio.IncompleteReadError):
        return {}


def _local_day(text: str, zone: ZoneInfo) -> date:
    return datetime.fromisoformat(text).astimezone(zone).date()


def _slots_of(start: datetime, end: datetime, seconds: int) -> list[dict[str, str]]:
    """Return consecutive slots, each as long as a booking, that cover the free range from `start` to `end`."""
    length = timedelta(seconds=seconds) or end - start
    starts = [start + n * length for n in range((end - start) // length)] or [start]
    if starts[-1] + length < end:
        starts.append(end - length)
    return [{"start": _utc(each), "end": _utc(min(each + length, end))} for each in starts]


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _refuse(status: int, message: str) -> web.Response:
    return web.json_response({"status": "error", "error": {"message": message}}, status=status)
