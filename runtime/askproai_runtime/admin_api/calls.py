"""Calls, and what happened in one, in order of time: by its id, and by the correlation ids of what it did (O3)."""

from datetime import UTC, datetime

import msgspec

from askproai_core.database import Pool
from askproai_core.http_server import Problem
from askproai_runtime.admin_api.endpoint import PAGE, Endpoint, Query, next_cursor

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # of a call whose start was never told


class CallRow(msgspec.Struct, frozen=True):
    """A call, without numbers and without what was said."""

    call_id: str
    branch: str | None
    direction: str | None
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    disconnection_reason: str | None
    appointments: int


class CallPage(msgspec.Struct, frozen=True):
    calls: list[CallRow]
    next: str | None


class Moment(msgspec.Struct, frozen=True):
    """One thing that happened. `what` is event, job, action, appointment, provider or audit."""

    at: datetime
    what: str
    name: str
    outcome: str
    duration_ms: int | None
    detail: str | None
    correlation_id: str


class Timeline(msgspec.Struct, frozen=True):
    call: CallRow | None
    moments: list[Moment]


_CALL = """
SELECT c.call_id, c.branch, c.direction, c.status, c.started_at, c.ended_at, c.disconnection_reason,
       (SELECT count(*) FROM appointments a WHERE a.tenant = c.tenant AND a.call_id = c.call_id AND a.status <> 'held')
       AS appointments
FROM calls c WHERE c.tenant = $1
"""
_PAGE = f"""{_CALL} AND ($2::timestamptz IS NULL OR (coalesce(c.started_at, 'epoch'), c.call_id) < ($2, $3))
ORDER BY coalesce(c.started_at, 'epoch') DESC, c.call_id DESC LIMIT $4
"""

# An event's id begins with its call's: a range of the unique index, since ';' follows ':'.
_MOMENTS = """
WITH event AS MATERIALIZED (
    SELECT * FROM webhook_events WHERE tenant = $1 AND source = 'retell' AND event_id >= $2 || ':' AND event_id < $2 || ';'
), appointment AS MATERIALIZED (
    SELECT * FROM appointments WHERE tenant = $1 AND call_id = $2
), story AS MATERIALIZED (
    SELECT correlation_id FROM event UNION SELECT correlation_id FROM appointment
    UNION SELECT correlation_id FROM calls WHERE tenant = $1 AND call_id = $2
)
SELECT received_at AS at, 'event' AS what, event_type AS name, status AS outcome,
       (extract(epoch FROM processed_at - received_at) * 1000)::int AS duration_ms, coalesce(error, note) AS detail, correlation_id
FROM event
UNION ALL
SELECT created_at, 'appointment', service || ' · ' || staff || ' · ' || to_char(starts_at, 'YYYY-MM-DD"T"HH24:MI:SSOF'), status,
       (extract(epoch FROM updated_at - created_at) * 1000)::int, error, correlation_id
FROM appointment
UNION ALL
SELECT a.created_at, 'action', split_part(a.key, '|', 1), a.state, NULL, a.appointment_id::text, $2
FROM call_actions a WHERE a.tenant = $1 AND a.call_id = $2
UNION ALL
SELECT j.created_at, 'job', j.kind, j.state, (extract(epoch FROM j.finished_at - j.created_at) * 1000)::int, j.last_error,
       j.correlation_id
FROM jobs j WHERE j.tenant = $1 AND j.appointment_id IN (SELECT id FROM appointment)
UNION ALL
SELECT p.at, 'provider', p.provider || ' ' || p.method || ' ' || p.endpoint, p.outcome || coalesce(' ' || p.status, ''),
       p.duration_ms, NULL, p.correlation_id
FROM provider_calls p WHERE p.tenant = $1 AND p.correlation_id IN (SELECT correlation_id FROM story)
UNION ALL
SELECT l.at, 'audit', l.action, l.actor, NULL, l.detail::text, l.correlation_id
FROM audit_log l WHERE l.tenant = $1 AND l.correlation_id IN (SELECT correlation_id FROM story)
ORDER BY at LIMIT 1000
"""


class Calls:
    """The calls of one tenant, asked with the tenant's own role."""

    def __init__(self, pool: Pool, tenant: str) -> None:
        self._pool, self._tenant = pool, tenant

    def endpoints(self) -> tuple[Endpoint, ...]:
        return (
            Endpoint("GET", "/calls", "Calls, newest first", CallPage, self.page, PAGE),
            Endpoint("GET", "/calls/{call_id}/timeline", "What happened in a call, in order", Timeline, self.timeline),
        )

    async def page(self, query: Query) -> CallPage:
        limit, after = query.limit(), query.cursor(datetime, str) or [None, None]
        rows = [
            msgspec.convert(dict(row), CallRow) for row in await self._pool.fetch(_PAGE, self._tenant, *after, limit)
        ]
        if len(rows) < limit:
            return CallPage(rows, None)
        return CallPage(rows, next_cursor(rows[-1].started_at or _EPOCH, rows[-1].call_id))

    async def timeline(self, query: Query) -> Timeline:
        call_id = query.path["call_id"]
        async with self._pool.acquire() as connection:
            row = await connection.fetchrow(f"{_CALL} AND c.call_id = $2", self._tenant, call_id)
            moments = [
                msgspec.convert(dict(one), Moment) for one in await connection.fetch(_MOMENTS, self._tenant, call_id)
            ]
        if row is None and not moments:
            raise Problem(404, "Not Found", "There is no such call; `GET calls` lists them")
        return Timeline(None if row is None else msgspec.convert(dict(row), CallRow), moments)
