"""Stored events and dead jobs: to look at, and to do again once what was wrong is mended (Q3)."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
import structlog

from askproai_core.database import Pool
from askproai_core.http_server import Problem
from askproai_runtime.admin_api.endpoint import PAGE, Endpoint, Param, Query, next_cursor
from askproai_runtime.intake import Source

log = structlog.get_logger(__name__)

_JOB = "job:"  # a job without an event, such as a calendar-sync, is named by itself
_MOST_AT_ONCE = 1000


class Status(StrEnum):
    RECEIVED = "received"
    PROCESSING = "processing"
    PROCESSED = "processed"
    FAILED = "failed"
    DEAD = "dead"


class EventRow(msgspec.Struct, frozen=True):
    """`id` is the event's, or `job:<id>` of a job without an event, which is listed when it is dead."""

    id: str
    source: Source
    event_id: str
    type: str
    status: Status
    attempts: int
    correlation_id: str
    received_at: datetime
    error: str | None


class EventPage(msgspec.Struct, frozen=True):
    events: list[EventRow]
    next: str | None


class Try(msgspec.Struct, frozen=True):
    """What became of the job; one for each event."""

    id: int
    priority: str
    state: str
    attempts: int
    run_at: datetime
    finished_at: datetime | None
    last_error: str | None


class EventDetail(msgspec.Struct, frozen=True):
    """One event. `payload_bytes` is the size of the stored body, 0 once it was dropped by age; its text is not told here."""

    event: EventRow
    processed_at: datetime | None
    note: str | None
    payload_bytes: int
    appointment_id: str | None
    job: Try | None


class Redriven(msgspec.Struct, frozen=True):
    redriven: list[str]


_ROWS = """
SELECT * FROM (
    SELECT id::text AS id, source, event_id, event_type AS type, status, attempts, correlation_id, received_at, error
    FROM webhook_events WHERE tenant = $1
    UNION ALL
    SELECT 'job:' || id, kind, appointment_id::text, kind, 'dead', attempts, correlation_id, created_at, last_error
    FROM jobs WHERE tenant = $1 AND state = 'dead' AND event_id IS NULL
) event
WHERE ($2::text IS NULL OR status = $2) AND ($3::text IS NULL OR source = $3) AND ($4::text IS NULL OR type = $4)
  AND ($5::timestamptz IS NULL OR received_at >= $5) AND ($6::timestamptz IS NULL OR (received_at, id) < ($6, $7))
ORDER BY received_at DESC, id DESC LIMIT $8
"""

_DETAIL = """
SELECT e.id::text AS id, e.source, e.event_id, e.event_type AS type, e.status, e.attempts, e.correlation_id, e.received_at,
       e.error, e.processed_at, e.note, length(e.payload) AS payload_bytes, NULL::uuid AS appointment_id, j.id AS job_id,
       j.priority, j.state, j.attempts AS job_attempts, j.run_at, j.finished_at, j.last_error
FROM webhook_events e LEFT JOIN jobs j ON j.tenant = e.tenant AND j.event_id = e.id
WHERE e.tenant = $1 AND e.id = $2
"""

_JOB_DETAIL = """
SELECT 'job:' || id AS id, kind AS source, appointment_id::text AS event_id, kind AS type,
       CASE state WHEN 'dead' THEN 'dead' WHEN 'done' THEN 'processed' WHEN 'running' THEN 'processing' ELSE 'received' END
       AS status, attempts, correlation_id, created_at AS received_at, last_error AS error, finished_at AS processed_at,
       NULL AS note, 0 AS payload_bytes, appointment_id, id AS job_id, priority, state, attempts AS job_attempts, run_at,
       finished_at, last_error
FROM jobs WHERE tenant = $1 AND id = $2 AND event_id IS NULL
"""

# Dead ones only, each with all its tries again, in one statement: the job's fence rises, so that nobody late can end it, and the
# audit says who was redriven from what. A body that was dropped by age cannot be processed again.
_REDRIVE = """
WITH dead AS MATERIALIZED (
    SELECT id FROM jobs WHERE tenant = $1 AND state = 'dead' AND {which} ORDER BY id LIMIT $3 FOR UPDATE
), job AS (
    UPDATE jobs j SET state = 'ready', attempts = 0, claim_no = j.claim_no + 1, run_at = clock_timestamp(), finished_at = NULL
    FROM dead WHERE j.tenant = $1 AND j.id = dead.id
    RETURNING j.id, j.event_id, j.correlation_id, j.last_error
), event AS (
    UPDATE webhook_events e SET status = 'received', attempts = 0, processed_at = NULL, error = NULL
    FROM job WHERE e.tenant = $1 AND e.id = job.event_id
), audit AS (
    INSERT INTO audit_log (tenant, actor, action, detail, correlation_id)
    SELECT $1, 'admin', 'event.redriven', jsonb_build_object('job', id, 'event', event_id, 'error', last_error), correlation_id
    FROM job
)
SELECT coalesce(event_id::text, 'job:' || id) FROM job
"""
_HAS_BODY = "EXISTS (SELECT 1 FROM webhook_events e WHERE e.tenant = $1 AND e.id = jobs.event_id AND e.payload <> '')"
_REDRIVE_EVENT = _REDRIVE.format(which=f"event_id = $2 AND {_HAS_BODY}")
_REDRIVE_JOB = _REDRIVE.format(which="id = $2 AND event_id IS NULL")
_REDRIVE_ALL = _REDRIVE.format(which=f"created_at < $2 AND (event_id IS NULL OR {_HAS_BODY})")


class Events:
    """The events of one tenant, asked with the tenant's own role."""

    def __init__(self, pool: Pool, tenant: str) -> None:
        self._pool, self._tenant = pool, tenant

    def endpoints(self) -> tuple[Endpoint, ...]:
        filters = (
            Param("status", "Only these", Status),
            Param("source", "Only from there", Source),
            Param("type", "Only of this type, such as call_ended"),
            Param("since", "Received then or later"),
        )
        return (
            Endpoint("GET", "/events", "Stored events, newest first", EventPage, self.page, (*filters, *PAGE)),
            Endpoint("GET", "/events/{id}", "One event and its job", EventDetail, self.show),
            Endpoint("POST", "/events/{id}/redrive", "Do a dead one again, with all its tries", Redriven, self.redrive),
            Endpoint(
                "POST",
                "/events/redrive",
                f"Do all dead ones again, {_MOST_AT_ONCE} at a time",
                Redriven,
                self.redrive_all,
            ),
        )

    async def page(self, query: Query) -> EventPage:
        after = query.cursor(datetime, str) or [None, None]
        limit = query.limit()
        rows = await self._pool.fetch(
            _ROWS, self._tenant, query.choice("status", Status), query.choice("source", Source), query.text("type"),
            query.instant("since"), *after, limit,
        )  # fmt: skip
        events = [msgspec.convert(dict(row), EventRow) for row in rows]
        return EventPage(events, next_cursor(events[-1].received_at, events[-1].id) if len(events) == limit else None)

    async def show(self, query: Query) -> EventDetail:
        number, statement = _named(query.path["id"], _DETAIL, _JOB_DETAIL)
        row = await self._pool.fetchrow(statement, self._tenant, number)
        if row is None:
            raise _unknown()
        return _detail(dict(row))

    async def redrive(self, query: Query) -> Redriven:
        number, statement = _named(query.path["id"], _REDRIVE_EVENT, _REDRIVE_JOB)
        async with self._pool.acquire() as connection, connection.transaction():
            done = [row[0] for row in await connection.fetch(statement, self._tenant, number, 1)]
        if not done:
            seen = await self.show(query)
            if (
                seen.event.status is Status.DEAD
                and seen.payload_bytes == 0
                and seen.job
                and seen.appointment_id is None
            ):
                raise Problem(
                    409, "Body Dropped", "Its body was dropped by age (retention.rawEventDays): nothing is left to do"
                )
            raise Problem(409, "Not Dead", f"Its status is {seen.event.status}: only dead ones are redriven")
        log.warning("event.redriven", events=done)
        return Redriven(done)

    async def redrive_all(self, _query: Query) -> Redriven:
        async with self._pool.acquire() as connection, connection.transaction():
            until = await connection.fetchval("SELECT clock_timestamp()")
            rows = await connection.fetch(_REDRIVE_ALL, self._tenant, until, _MOST_AT_ONCE)
        log.warning("event.redriven", count=len(rows))
        return Redriven([row[0] for row in rows])


def _named(text: str, of_event: str, of_job: str) -> tuple[int, str]:
    number = text.removeprefix(_JOB)
    if not (number.isascii() and number.isdigit() and len(number) < 19):  # noqa: PLR2004  of a bigint
        raise _unknown()
    return int(number), of_job if text.startswith(_JOB) else of_event


def _unknown() -> Problem:
    return Problem(404, "Not Found", "There is no such event; `GET events` lists them")


def _detail(row: dict[str, Any]) -> EventDetail:
    job = row["job_id"] and Try(
        row["job_id"],
        row["priority"],
        row["state"],
        row["job_attempts"],
        row["run_at"],
        row["finished_at"],
        row["last_error"],
    )
    appointment = row["appointment_id"] and str(row["appointment_id"])
    event = msgspec.convert({name: row[name] for name in EventRow.__struct_fields__}, EventRow)
    return EventDetail(event, row["processed_at"], row["note"], row["payload_bytes"], appointment, job)
