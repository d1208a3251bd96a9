"""Calls, and the timeline of one: what happened in it, found by its id and by the correlation ids of what it caused."""

from datetime import UTC, datetime

import msgspec

from askproai_core.http_server import Problem
from askproai_runtime.admin_api.endpoint import PAGE, ApiRequest, Endpoint, next_cursor
from askproai_runtime.admin_api.store import AdminApiStore

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # sort key of a call whose start is unknown


class CallEntry(msgspec.Struct, frozen=True):
    """A call, without phone numbers and without the transcript."""

    call_id: str
    branch: str | None
    direction: str | None
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    disconnection_reason: str | None
    appointments: int


class CallPage(msgspec.Struct, frozen=True):
    calls: list[CallEntry]
    next: str | None


class TimelineEntry(msgspec.Struct, frozen=True):
    """One thing that happened. `what` is event, job, action, appointment, provider or audit."""

    at: datetime
    what: str
    name: str
    outcome: str
    duration_ms: int | None
    detail: str | None
    correlation_id: str


class Timeline(msgspec.Struct, frozen=True):
    call: CallEntry | None
    moments: list[TimelineEntry]
    zone: str


class Calls:
    """The endpoints of one tenant's calls."""

    def __init__(self, store: AdminApiStore) -> None:
        self._store = store

    def endpoints(self) -> tuple[Endpoint, ...]:
        return (
            Endpoint("GET", "/calls", "Calls, newest first", CallPage, self.list_page, PAGE),
            Endpoint("GET", "/calls/{call_id}/timeline", "What happened in a call, in order", Timeline, self.timeline),
        )

    async def list_page(self, request: ApiRequest) -> CallPage:
        limit, after = request.limit(), request.cursor(datetime, str)
        rows = await self._store.list_calls(after=after, limit=limit)
        entries = [msgspec.convert(dict(row), CallEntry) for row in rows]
        if len(entries) < limit:
            return CallPage(entries, None)
        return CallPage(entries, next_cursor(entries[-1].started_at or _EPOCH, entries[-1].call_id))

    async def timeline(self, request: ApiRequest) -> Timeline:
        call, rows = await self._store.get_timeline(request.path["call_id"])
        if call is None and not rows:
            raise Problem(404, "Not Found", "There is no such call; `GET calls` lists them")
        return Timeline(
            None if call is None else msgspec.convert(dict(call), CallEntry),
            [msgspec.convert(dict(row), TimelineEntry) for row in rows],
            request.zone.key,
        )
