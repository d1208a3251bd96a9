"""The SQL statements about calls: lists of calls with outcomes, the content of one call, and timelines (`timelines.py`)."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from askproai_core.database import Pool
from askproai_runtime.admin_api.store.reads import record_read
from askproai_runtime.admin_api.store.timelines import OF_APPOINTMENT, OF_CALL, OF_CORRELATION

Row = asyncpg.Record

# The first outcome that applies. It is read from appointments and actions, since function records may be missing.
# Subselects of one row read only the appointments of the page's calls: for EXISTS, PostgreSQL may read all of the tenant's.
_OUTCOME: Final = """
CASE WHEN (SELECT true FROM appointments a WHERE a.tenant = c.tenant AND a.call_id = c.call_id
           AND a.status NOT IN ('held', 'failed') LIMIT 1) THEN 'booked'
     WHEN (SELECT true FROM call_actions x WHERE x.tenant = c.tenant AND x.call_id = c.call_id AND x.state = 'done'
           AND x.key LIKE 'move|%' LIMIT 1) THEN 'moved'
     WHEN (SELECT true FROM call_actions x WHERE x.tenant = c.tenant AND x.call_id = c.call_id AND x.state = 'done'
           AND x.key LIKE 'cancel|%' LIMIT 1) THEN 'cancelled'
     WHEN (SELECT true FROM messages m WHERE m.tenant = c.tenant AND m.call_id = c.call_id LIMIT 1) THEN 'message'
     WHEN (SELECT true FROM waitlist w WHERE w.tenant = c.tenant AND w.call_id = c.call_id LIMIT 1) THEN 'waiting'
     WHEN c.status IN ('registered', 'ongoing') AND c.ended_at IS NULL
          AND coalesce(c.started_at, c.updated_at) > now() - interval '2 hours' THEN 'ongoing'
     WHEN c.disconnection_reason = 'call_transfer' THEN 'transferred'
     WHEN (SELECT true FROM appointments a WHERE a.tenant = c.tenant AND a.call_id = c.call_id AND a.status = 'failed' LIMIT 1)
          OR (SELECT true FROM function_requests f WHERE f.tenant = c.tenant AND f.call_id = c.call_id
              AND f.outcome IN ('failed', 'busy', 'too_slow', 'refused', 'not_bookable') LIMIT 1) THEN 'failed'
     WHEN (SELECT true FROM function_requests f WHERE f.tenant = c.tenant AND f.call_id = c.call_id LIMIT 1) THEN 'nothing'
     ELSE 'no_function' END
"""
# A caller who withholds the number dials one of ours; a web call has no number at all.
_CALLER: Final = """
CASE WHEN c.from_number IS NULL AND c.to_number IS NOT NULL AND c.direction IS DISTINCT FROM 'outbound' THEN 'anonymous'
     ELSE c.from_number END
"""
_CALL: Final = """
SELECT CASE WHEN c.started_at IS NULL THEN 'epoch' ELSE c.started_at END AS sorted_by, c.call_id, c.branch,
       c.direction, c.status, c.started_at, c.ended_at, c.disconnection_reason, {caller} AS from_number,
       (extract(epoch FROM c.ended_at - c.started_at))::bigint AS seconds,
       (SELECT count(*) FROM appointments a WHERE a.tenant = c.tenant AND a.call_id = c.call_id AND a.status <> 'held')
       AS appointments, {outcome} AS outcome, c.transcript_truncated
FROM calls c WHERE c.tenant = $1
""".replace("{outcome}", _OUTCOME).replace("{caller}", _CALLER)
# In the order of the index calls_newest, so that a page reads no more than it shows. That needs a statement without volatile
# functions, and a condition on `sorted_by` alone: under row security a comparison of rows does not bound the scan of an index.
_LIST: Final = """
SELECT * FROM ({calls}) call
WHERE sorted_by BETWEEN greatest($4::timestamptz, '-infinity') AND least($2::timestamptz, 'infinity')
  AND ($2 IS NULL OR (sorted_by, call_id) < ($2, $3)) AND ($5::text IS NULL OR from_number = $5)
  AND ($6::text[] IS NULL OR outcome = ANY ($6))
ORDER BY sorted_by DESC, call_id DESC LIMIT $7
"""
_CALLS: Final = _LIST.replace("{calls}", _CALL)

_CONTENT: Final = _CALL.replace("c.transcript_truncated\n", "c.transcript_truncated, c.transcript, c.analysis\n")
_NOTICE: Final = """
SELECT agent_version, greeting, announces_ai, heard_ai, storage, refused_at, deleted_at FROM call_notices
WHERE tenant = $1 AND call_id = $2
"""

_CALL_IDS: Final = "SELECT call_id FROM calls WHERE tenant = $1 AND starts_with(call_id, $2) ORDER BY call_id LIMIT 2"

_APPOINTMENT_IDS: Final = """
SELECT id::text AS id FROM appointments WHERE tenant = $1 AND id BETWEEN $2 AND $3 AND status <> 'held' ORDER BY id LIMIT 2
"""


class CallStore:
    """One tenant's calls, read with that tenant's own database role."""

    def __init__(self, pool: Pool, tenant: str) -> None:
        self._pool, self._tenant = pool, tenant
        self._listing = asyncio.Lock()

    async def list_calls(
        self, *, since: datetime | None, caller: str | None, outcomes: Sequence[str] | None, after: Sequence[Any] | None, limit: int
    ) -> list[Row]:  # fmt: skip
        """Return calls, newest first. `caller` is E.164, or `anonymous` for withheld numbers.

        `outcomes` restricts the list to calls with one of these outcomes. `after` is start (the epoch if unknown) and id of the
        previous page's last call; None for the first page.

        Runs one query at a time: a rare outcome is searched for among all calls, and callers wait for the same connections.
        """
        async with self._listing:
            return await self._fetch(_CALLS, *(after or (None, None)), since, caller, outcomes, limit)

    async def get_timeline(self, call_id: str) -> tuple[Row | None, list[Row]]:
        """Return a call with its texts (None if the call is not stored), and up to 1,000 entries of its timeline, oldest first."""
        calls = await self._fetch(f"{_CONTENT} AND c.call_id = $2", call_id)
        return calls[0] if calls else None, await self._fetch(OF_CALL, call_id)

    async def get_timeline_of_appointment(self, appointment_id: str) -> list[Row]:
        """Return up to 1,000 timeline entries about an appointment, oldest first, from all calls and requests that changed it."""
        return await self._fetch(OF_APPOINTMENT, appointment_id)

    async def get_timeline_of_correlation(self, correlation_id: str) -> list[Row]:
        """Return up to 1,000 timeline entries with this correlation id, oldest first."""
        return await self._fetch(OF_CORRELATION, correlation_id)

    async def list_appointment_ids(self, first: UUID, last: UUID) -> list[str]:
        """Return the ids of up to two appointments from the id `first` to the id `last`, both included. Holds are left out."""
        return [row["id"] for row in await self._fetch(_APPOINTMENT_IDS, first, last)]

    async def get_content(self, call_id: str) -> Row | None:
        """Return the row of a call with its transcript and analysis; None if the call is not stored."""
        rows = await self._fetch(f"{_CONTENT} AND c.call_id = $2", call_id)
        return rows[0] if rows else None

    async def get_notice(self, call_id: str) -> Row | None:
        """Return the row of a call's call notice; None if none is stored."""
        return await self._pool.fetchrow(_NOTICE, self._tenant, call_id)

    async def record_read(
        self, call_id: str, parts: Sequence[str], claimed_by: str | None, correlation_id: str
    ) -> None:
        """Record in the audit log that somebody reads `parts` of a call, at most once in 15 minutes for the same reader.

        Raises the errors of asyncpg; the call must then not be shown.
        """
        detail = {"token": "admin", "claimed_by": claimed_by, "call": call_id, "parts": parts}
        await record_read(self._pool, self._tenant, "call.read", detail, correlation_id)

    async def list_call_ids(self, beginning: str) -> list[str]:
        """Return up to two call ids that begin with `beginning`."""
        return [row["call_id"] for row in await self._fetch(_CALL_IDS, beginning)]

    async def _fetch(self, statement: str, *values: Any) -> list[Row]:
        return await self._pool.fetch(statement, self._tenant, *values)
