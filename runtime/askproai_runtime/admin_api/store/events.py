"""The SQL statements of the private API about appointments, events, dead jobs, the audit log and provider calls.

Each reads or changes one tenant's rows, with that tenant's own database role.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, NamedTuple

import asyncpg
import msgspec

from askproai_core.database import Pool

Row = asyncpg.Record

# A generic plan can look up these bounds in the index. It would use `$2 IS NULL OR …` and, under row security, `coalesce` as
# filters only. `least` and `greatest` ignore nulls.
_MOST_COUNTED: Final = 250  # appointments; after some years a business has tens of thousands
_COUNT_APPOINTMENTS: Final = """
SELECT count(*) FROM (SELECT FROM appointments WHERE tenant = $1
  AND starts_at >= greatest($2::timestamptz, '-infinity') AND starts_at < least($3::timestamptz, 'infinity')
  AND ($4::text[] IS NULL OR branch = ANY ($4)) AND ($5::text[] IS NULL OR staff = ANY ($5))
  AND ($6::text IS NULL OR status = $6) LIMIT $7) counted
"""

_APPOINTMENTS: Final = """
SELECT id::text AS id, branch, service, staff, starts_at AS start, ends_at AS end, status, customer_name, call_id, external_id,
       correlation_id, error, CASE status WHEN 'cancelled' THEN updated_at END AS cancelled_at, notes
FROM appointments WHERE tenant = $1
  AND starts_at >= greatest($2::timestamptz, $7::timestamptz, '-infinity') AND starts_at < least($3::timestamptz, 'infinity')
  AND ($4::text[] IS NULL OR branch = ANY ($4)) AND ($5::text[] IS NULL OR staff = ANY ($5)) AND ($6::text IS NULL OR status = $6)
  AND ($7 IS NULL OR (starts_at, id) > ($7, $8::uuid))
ORDER BY starts_at, appointments.id LIMIT $9
"""

_PLACES: Final = "SELECT DISTINCT branch, staff FROM appointments WHERE tenant = $1 ORDER BY branch, staff"

# Each half is read in the order of an index, as far as the page needs it. Under row security a comparison of rows does not
# bound the scan of an index, so the time has its own bound. A status can be rare: the generic plan of PostgreSQL 15 and 16
# finds its rows by the index only if the status is compared unconditionally.
_PAGE_OF: Final = """
SELECT * FROM ({rows}) event
WHERE {of_status} AND ($3::text IS NULL OR source = $3) AND ($4::text IS NULL OR type = $4)
  AND received_at BETWEEN greatest($5::timestamptz, '-infinity') AND least($6::timestamptz, 'infinity')
  AND ($6 IS NULL OR (received_at, id) < ($6, $7))
ORDER BY received_at DESC, id DESC LIMIT $8
"""
_STORED: Final = """
    SELECT id::text AS id, source, event_id, event_type AS type, status, attempts, correlation_id, received_at, error,
           CASE source WHEN 'retell' THEN split_part(event_id, ':', 1) END AS call_id
    FROM webhook_events WHERE tenant = $1
"""
_DEAD_JOBS: Final = """
    SELECT 'job:' || id AS id, kind AS source, appointment_id::text AS event_id, kind AS type, 'dead' AS status, attempts,
           correlation_id, created_at AS received_at, last_error AS error,
           (SELECT a.call_id FROM appointments a WHERE a.tenant = jobs.tenant AND a.id = jobs.appointment_id) AS call_id
    FROM jobs WHERE tenant = $1 AND state = 'dead' AND event_id IS NULL
"""
_PAGE: Final = f"""
SELECT * FROM (({_PAGE_OF.replace("{rows}", _STORED)}) UNION ALL ({_PAGE_OF.replace("{rows}", _DEAD_JOBS)})) event
ORDER BY received_at DESC, id DESC LIMIT $8
"""  # noqa: S608  constants
_EVENTS: Final = _PAGE.format(of_status="$2::text IS NULL")
_EVENTS_OF_STATUS: Final = _PAGE.format(of_status="status = $2::text")

_EVENT: Final = """
SELECT e.id::text AS id, e.source, e.event_id, e.event_type AS type, e.status, e.attempts, e.correlation_id, e.received_at,
       e.error, e.processed_at, e.note, length(e.payload) AS payload_bytes, NULL::uuid AS appointment_id, j.id AS job_id,
       j.priority, j.state, j.attempts AS job_attempts, j.run_at, j.finished_at, j.last_error,
       CASE e.source WHEN 'retell' THEN split_part(e.event_id, ':', 1) END AS call_id
FROM webhook_events e LEFT JOIN jobs j ON j.tenant = e.tenant AND j.event_id = e.id
WHERE e.tenant = $1 AND e.id = $2
"""

_JOB: Final = """
SELECT 'job:' || id AS id, kind AS source, appointment_id::text AS event_id, kind AS type,
       CASE state WHEN 'dead' THEN 'dead' WHEN 'done' THEN 'processed' WHEN 'running' THEN 'processing' ELSE 'received' END
       AS status, attempts, correlation_id, created_at AS received_at, last_error AS error, finished_at AS processed_at,
       NULL AS note, 0 AS payload_bytes, appointment_id, id AS job_id, priority, state, attempts AS job_attempts, run_at,
       finished_at, last_error,
       (SELECT a.call_id FROM appointments a WHERE a.tenant = jobs.tenant AND a.id = jobs.appointment_id) AS call_id
FROM jobs WHERE tenant = $1 AND id = $2 AND event_id IS NULL
"""

# Redrive dead letters with all their attempts, in one statement. `claim_no` rises, so that no late worker can finish the job.
# The audit log says who redrove what, and why it had died. A body that was dropped by age cannot be processed again. A request
# with an id ($5) stores its redriven letters in `call_actions`: if it is repeated, it redrives none that has died again.
# Requests for one letter and for all letters have different keys there.
_REDRIVE: Final = """
WITH dead AS MATERIALIZED (
    SELECT id FROM jobs WHERE tenant = $1 AND state = 'dead' AND {condition}
      AND NOT EXISTS (SELECT 1 FROM call_actions WHERE tenant = $1 AND call_id = $5::text AND key = '{key}')
    ORDER BY id LIMIT $3 FOR UPDATE
), job AS (
    UPDATE jobs j SET state = 'ready', attempts = 0, claim_no = j.claim_no + 1, run_at = clock_timestamp(), finished_at = NULL
    FROM dead WHERE j.tenant = $1 AND j.id = dead.id
    RETURNING j.id, j.event_id, j.correlation_id, j.last_error
), event AS (
    UPDATE webhook_events e SET status = 'received', attempts = 0, processed_at = NULL, error = NULL
    FROM job WHERE e.tenant = $1 AND e.id = job.event_id
), audit AS (
    INSERT INTO audit_log (tenant, actor, action, detail, correlation_id)
    SELECT $1, 'admin', 'event.redriven',
           jsonb_build_object('job', id, 'event', event_id, 'error', last_error, 'claimed_by', $4::text), correlation_id
    FROM job
), request AS (
    INSERT INTO call_actions (tenant, call_id, key, state, lease_until, answer)
    SELECT $1, $5, '{key}', 'done', clock_timestamp(), jsonb_agg(coalesce(event_id::text, 'job:' || id))
    FROM job WHERE $5 IS NOT NULL HAVING count(*) > 0
)
SELECT coalesce(event_id::text, 'job:' || id) FROM job
"""
_HAS_BODY: Final = (
    "EXISTS (SELECT 1 FROM webhook_events e WHERE e.tenant = $1 AND e.id = jobs.event_id AND e.payload <> '')"
)
# An appointment has one live job (index jobs_one_live_per_appointment), which does whatever the appointment needs. So only the
# newest dead job is redriven, and only while no job is live.
_IS_NEWEST: Final = """NOT EXISTS (SELECT 1 FROM jobs o WHERE o.tenant = $1 AND o.appointment_id = jobs.appointment_id
        AND (o.state IN ('ready', 'running') OR o.state = 'dead' AND o.id > jobs.id))"""
_ONE, _ALL = "request|redrive", "request|redrive-events"
_REDRIVE_EVENT: Final = _REDRIVE.format(condition=f"event_id = $2 AND {_HAS_BODY}", key=_ONE)
_REDRIVE_JOB: Final = _REDRIVE.format(condition=f"id = $2 AND event_id IS NULL AND {_IS_NEWEST}", key=_ONE)
_REDRIVE_ALL: Final = _REDRIVE.format(
    condition=f"created_at < $2 AND ({_HAS_BODY} OR event_id IS NULL AND {_IS_NEWEST})", key=_ALL
)
_MAX_RACES: Final = 3
_REDRIVEN_BY: Final = "SELECT answer FROM call_actions WHERE tenant = $1 AND call_id = $2 AND key = $3"

_AUDIT: Final = """
SELECT id::text AS id, at, actor, action, detail, correlation_id FROM audit_log WHERE tenant = $1
  AND ($2::timestamptz IS NULL OR (at, id) < ($2, $3::text::bigint)) ORDER BY at DESC, audit_log.id DESC LIMIT $4
"""

# Recent jobs are left out: their booking may still be asking the remote calendar while the caller waits.
_SYNC_NOW: Final = """
WITH due AS (
    UPDATE jobs SET run_at = clock_timestamp()
    WHERE tenant = $1 AND kind = 'calendar-sync' AND state = 'ready' AND run_at > clock_timestamp()
      AND created_at < clock_timestamp() - interval '30 s' RETURNING 1
)
SELECT count(*) FROM due
"""

_LAST_PROVIDER_CALLS: Final = """
SELECT DISTINCT ON (provider) provider, outcome, at FROM provider_calls WHERE tenant = $1 ORDER BY provider, at DESC
"""


class AppointmentFilter(NamedTuple):
    """A filter for appointments that start at or after `start` and before `end`. A field that is None does not filter."""

    start: datetime | None
    end: datetime | None
    branches: Sequence[str] | None
    staff: Sequence[str] | None
    status: str | None


class AdminApiStore:
    """One tenant's rows for the private API. Lists are pages: `after` is the sort key of the previous page's last row."""

    def __init__(self, pool: Pool, tenant: str) -> None:
        self._pool, self._tenant = pool, tenant

    async def list_appointments(
        self, wanted: AppointmentFilter, *, after: Sequence[Any] | None, limit: int
    ) -> list[Row]:
        """Return appointments, ordered by start and id. `after` is start and id (UUID) of the previous page's last appointment."""
        return await self._pool.fetch(_APPOINTMENTS, self._tenant, *wanted, *(after or (None, None)), limit)

    async def count_appointments(self, wanted: AppointmentFilter) -> tuple[int, bool]:
        """Return the number of appointments, counted up to 250, and True if the count reached 250."""
        counted = int(await self._pool.fetchval(_COUNT_APPOINTMENTS, self._tenant, *wanted, _MOST_COUNTED))
        return counted, counted == _MOST_COUNTED

    async def list_places(self) -> list[tuple[str, str]]:
        """Return branch and staff id of each staff member with an appointment, including those no longer declared."""
        return [(row["branch"], row["staff"]) for row in await self._pool.fetch(_PLACES, self._tenant)]

    async def list_events(
        self, *, status: str | None, source: str | None, event_type: str | None, since: datetime | None,
        after: Sequence[Any] | None, limit: int,
    ) -> list[Row]:  # fmt: skip
        """Return events, and dead jobs without an event, newest first. `after` is the last row's time of receipt and id (text)."""
        values = (status, source, event_type, since, *(after or (None, None)), limit)
        statement = _EVENTS if status is None else _EVENTS_OF_STATUS
        return await self._pool.fetch(statement, self._tenant, *values)

    async def get_event(self, event_id: int) -> Row | None:
        """Return an event with its job, or None if it is not stored."""
        return await self._pool.fetchrow(_EVENT, self._tenant, event_id)

    async def get_job(self, job_id: int) -> Row | None:
        """Return a job that has no event, by its id, in the columns of `get_event`; None if there is no such job."""
        return await self._pool.fetchrow(_JOB, self._tenant, job_id)

    async def redrive_event(self, event_id: int, claimed_by: str | None, request: str | None) -> list[str]:
        """Redrive an event's dead job. Return the id of the event, or [] if nothing was redriven. `request` is the `call_id` of
        a desk's request; if the same request is repeated, nothing is redriven.
        """
        return await self._redrive(_REDRIVE_EVENT, event_id, 1, claimed_by, request)

    async def redrive_job(self, job_id: int, claimed_by: str | None, request: str | None) -> list[str]:
        """Redrive a dead job that has no event. Arguments and result are as in `redrive_event`."""
        return await self._redrive(_REDRIVE_JOB, job_id, 1, claimed_by, request)

    async def list_redriven_by(self, request: str) -> list[str]:
        """Return the ids of the event or job that an earlier delivery of the desk's request `request` has redriven."""
        return await self._list_redriven_by(request, _ONE)

    async def redrive_all(self, limit: int, claimed_by: str | None, request: str | None) -> list[str]:
        """Redrive up to `limit` dead jobs created before now, oldest first, and return their ids.

        If several jobs of an appointment are dead, only the newest is redriven; none is while another job of the appointment is
        live. If `request` (as in `redrive_event`) is sent again, return the ids that it redrove before.
        """
        now = await self._pool.fetchval("SELECT clock_timestamp()")
        redriven = await self._redrive(_REDRIVE_ALL, now, limit, claimed_by, request)
        return redriven if redriven or request is None else await self._list_redriven_by(request, _ALL)

    async def list_audit(self, *, after: Sequence[Any] | None, limit: int) -> list[Row]:
        """Return the entries of the audit log, newest first. `after` is time and id (text) of the previous page's last entry."""
        return await self._pool.fetch(_AUDIT, self._tenant, *(after or (None, None)), limit)

    async def make_sync_jobs_due(self) -> int:
        """Make waiting sync jobs due now, and return their number. Jobs created in the last 30 seconds are left unchanged.

        An early attempt does no harm: the job itself waits until an earlier attempt must have appeared in the calendar.
        """
        return int(await self._pool.fetchval(_SYNC_NOW, self._tenant))

    async def list_last_provider_calls(self) -> list[Row]:
        """Return the last request to each provider: `provider`, `outcome`, `at`."""
        return await self._pool.fetch(_LAST_PROVIDER_CALLS, self._tenant)

    async def _list_redriven_by(self, request: str, key: str) -> list[str]:
        answer = await self._pool.fetchval(_REDRIVEN_BY, self._tenant, request, key)
        return [] if answer is None else msgspec.json.decode(answer, type=list[str])

    async def _redrive(self, statement: str, *values: object) -> list[str]:
        for _ in range(_MAX_RACES):
            # A concurrent change can add a job for the appointment: then nothing is redriven, and the next attempt sees that job.
            with suppress(asyncpg.UniqueViolationError):
                return await self._redrive_once(statement, *values)
        return await self._redrive_once(statement, *values)

    async def _redrive_once(self, statement: str, *values: object) -> list[str]:
        return [row[0] for row in await self._pool.fetch(statement, self._tenant, *values)]
