"""The SQL statements about calls: their list with the outcome of each, and the timeline of one."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import asyncpg
import msgspec

from askproai_core.database import Pool
from askproai_runtime.intake import EVENTS_OF_CALL

Row = asyncpg.Record

# The outcome of a call, the first that applies: from its appointments and actions, since function records may be missing.
# By subselects of one row: for EXISTS, PostgreSQL may read all appointments of the tenant once instead of those of a page's calls.
_OUTCOME: Final = """
CASE WHEN (SELECT true FROM appointments a WHERE a.tenant = c.tenant AND a.call_id = c.call_id
           AND a.status NOT IN ('held', 'failed') LIMIT 1) THEN 'booked'
     WHEN (SELECT true FROM call_actions x WHERE x.tenant = c.tenant AND x.call_id = c.call_id AND x.state = 'done'
           AND x.key LIKE 'move|%' LIMIT 1) THEN 'moved'
     WHEN (SELECT true FROM call_actions x WHERE x.tenant = c.tenant AND x.call_id = c.call_id AND x.state = 'done'
           AND x.key LIKE 'cancel|%' LIMIT 1) THEN 'cancelled'
     WHEN (SELECT true FROM {messages} m WHERE m.tenant = c.tenant AND m.call_id = c.call_id LIMIT 1) THEN 'message'
     WHEN (SELECT true FROM {waitlist} w WHERE w.tenant = c.tenant AND w.call_id = c.call_id LIMIT 1) THEN 'waiting'
     WHEN c.status IN ('registered', 'ongoing') AND c.ended_at IS NULL
          AND coalesce(c.started_at, c.updated_at) > now() - interval '2 hours' THEN 'ongoing'
     WHEN c.disconnection_reason = 'call_transfer' THEN 'transferred'
     WHEN (SELECT true FROM appointments a WHERE a.tenant = c.tenant AND a.call_id = c.call_id AND a.status = 'failed' LIMIT 1)
          OR (SELECT true FROM {requests} f WHERE f.tenant = c.tenant AND f.call_id = c.call_id
              AND f.outcome IN ('failed', 'busy', 'too_slow', 'refused', 'not_bookable') LIMIT 1) THEN 'failed'
     WHEN (SELECT true FROM {requests} f WHERE f.tenant = c.tenant AND f.call_id = c.call_id LIMIT 1) THEN 'nothing'
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
  AND ($6::text IS NULL OR outcome = $6)
ORDER BY sorted_by DESC, call_id DESC LIMIT $7
"""
_CALLS: Final = _LIST.replace("{calls}", _CALL)

# Retell sends the events of a call side by side: those of one second are in the order in which the call had them.
# A calendar sync belongs to the call that made the appointment, and to the one that moved or cancelled it.
_TIMELINE: Final = """
WITH event AS MATERIALIZED (
    SELECT * FROM webhook_events WHERE tenant = $1 AND {events_of_call}
), appointment AS MATERIALIZED (
    SELECT * FROM appointments WHERE tenant = $1 AND call_id = $2
), action AS MATERIALIZED (
    SELECT * FROM call_actions WHERE tenant = $1 AND call_id = $2 AND key NOT LIKE 'request|%'
), request AS MATERIALIZED (
    SELECT * FROM {requests} r WHERE tenant = $1 AND call_id = $2
), message AS MATERIALIZED (
    SELECT * FROM {messages} m WHERE tenant = $1 AND call_id = $2
), waiting AS MATERIALIZED (
    SELECT * FROM {waitlist} w WHERE tenant = $1 AND call_id = $2
), correlated AS MATERIALIZED (
    SELECT correlation_id FROM event UNION SELECT correlation_id FROM appointment UNION SELECT correlation_id FROM request
    UNION SELECT correlation_id FROM calls WHERE tenant = $1 AND call_id = $2
)
SELECT moment.* FROM (
SELECT e.received_at AS at, 'event' AS what, e.event_type AS name, e.status AS outcome,
       (extract(epoch FROM e.processed_at - e.received_at) * 1000)::bigint AS duration_ms, coalesce(e.error, e.note) AS detail,
       e.correlation_id, NULL::jsonb AS arguments, NULL AS answer, NULL AS appointment_id, NULL::timestamptz AS starts_at,
       CASE j.state WHEN 'ready' THEN j.run_at END AS next_try_at, NULL AS notes
FROM event e LEFT JOIN jobs j ON j.tenant = e.tenant AND j.event_id = e.id
UNION ALL
SELECT at, 'function', function, outcome, duration_ms, cause, correlation_id, arguments, answer, appointment_id::text,
       NULL, NULL, NULL
FROM request
UNION ALL
SELECT created_at, 'appointment', service || ' · ' || staff, status, (extract(epoch FROM updated_at - created_at) * 1000)::bigint,
       error, correlation_id, NULL, NULL, id::text, starts_at, NULL, notes
FROM appointment
UNION ALL
SELECT created_at, 'message', CASE WHEN call_back IS NULL THEN 'message' ELSE 'call back' END,
       CASE WHEN done_at IS NULL THEN 'open' ELSE 'done' END, NULL, NULL, correlation_id, NULL, text,
       NULL, call_back_from, NULL, NULL
FROM message
UNION ALL
SELECT created_at, 'waitlist', service || coalesce(' · ' || staff, ''), state,
       NULL, requested, correlation_id, NULL, NULL, NULL, NULL, NULL, NULL
FROM waiting
UNION ALL
SELECT created_at, 'action', split_part(key, '|', 1), state, NULL, NULL, $2, NULL, NULL, appointment_id::text, NULL, NULL, NULL
FROM action
UNION ALL
SELECT j.created_at, 'job', j.kind, j.state, (extract(epoch FROM j.finished_at - j.created_at) * 1000)::bigint, j.last_error,
       j.correlation_id, NULL, NULL, j.appointment_id::text, NULL, CASE j.state WHEN 'ready' THEN j.run_at END, NULL
FROM (
    SELECT appointment_id, min(since) AS since FROM (
        SELECT id AS appointment_id, timestamptz '-infinity' AS since FROM appointment
        UNION ALL SELECT appointment_id, (SELECT min(created_at) FROM action) FROM action) changed GROUP BY appointment_id
) changed CROSS JOIN LATERAL (
    SELECT * FROM jobs WHERE tenant = $1 AND appointment_id = changed.appointment_id OFFSET 0
) j WHERE coalesce(j.finished_at, 'infinity') >= changed.since
UNION ALL
SELECT n.created_at, 'notification', n.kind || ' · ' || n.recipient || ' · ' || n.channel, n.state,
       (extract(epoch FROM n.finished_at - n.created_at) * 1000)::bigint, n.error, n.correlation_id, NULL, NULL,
       n.appointment_id::text, NULL, CASE WHEN n.state IN ('waiting', 'sending') THEN n.due_at END, NULL
FROM {notifications} n WHERE n.tenant = $1
     AND n.appointment_id IN (SELECT id FROM appointment UNION SELECT appointment_id FROM action)
UNION ALL
SELECT p.at, 'provider', p.provider || ' ' || p.method || ' ' || p.endpoint, p.outcome || coalesce(' ' || p.status, ''),
       p.duration_ms, NULL, p.correlation_id, NULL, NULL, NULL, NULL, NULL, NULL
FROM provider_calls p WHERE p.tenant = $1 AND p.correlation_id IN (SELECT correlation_id FROM correlated)
UNION ALL
SELECT l.at, 'audit', l.action, l.actor, NULL, l.detail::text, l.correlation_id, NULL, NULL, NULL, NULL, NULL, NULL
FROM audit_log l WHERE l.tenant = $1 AND l.correlation_id IN (SELECT correlation_id FROM correlated)
) moment
ORDER BY date_trunc('second', at),
         CASE WHEN what <> 'event' THEN 1 WHEN name = 'call_started' THEN 0 WHEN name = 'call_ended' THEN 2
              WHEN name = 'call_analyzed' THEN 3 ELSE 1 END, at
LIMIT 1000
""".replace("{events_of_call}", EVENTS_OF_CALL)

_CONTENT: Final = _CALL.replace("c.transcript_truncated\n", "c.transcript_truncated, c.transcript, c.analysis\n")
# A page with a call that goes on reads it anew after each turn: the same reading is one entry for a quarter of an hour.
_RECORD_READ: Final = """
INSERT INTO audit_log (tenant, actor, action, detail, correlation_id)
SELECT $1, 'desk', 'call.read', $2::jsonb, $3 WHERE NOT EXISTS (
    SELECT FROM audit_log l WHERE l.tenant = $1 AND l.at > now() - interval '15 minutes' AND l.action = 'call.read'
    AND l.detail = $2::jsonb)
"""

_NOTICE: Final = """
SELECT agent_version, greeting, announces_ai, heard_ai, storage, refused_at, deleted_at FROM call_notices
WHERE tenant = $1 AND call_id = $2
"""

_CALL_IDS: Final = "SELECT call_id FROM calls WHERE tenant = $1 AND starts_with(call_id, $2) ORDER BY call_id LIMIT 2"

# Earlier schemas lack the newest tables, and a pod may run on one until the operator has migrated.
_NO_MESSAGES: Final = """
(SELECT '' AS tenant, '' AS call_id, now() AS created_at, NULL::timestamptz AS done_at, '' AS text, '' AS call_back,
        NULL::timestamptz AS call_back_from, '' AS correlation_id WHERE false)
"""
_NO_WAITLIST: Final = """
(SELECT '' AS tenant, '' AS call_id, now() AS created_at, '' AS service, '' AS staff, '' AS state, '' AS requested,
        '' AS correlation_id WHERE false)
"""
_NO_REQUESTS: Final = """
(SELECT '' AS tenant, '' AS call_id, now() AS at, '' AS function, '{}'::jsonb AS arguments, '' AS outcome, '' AS cause,
        '' AS answer, 0 AS duration_ms, NULL::uuid AS appointment_id, '' AS correlation_id WHERE false)
"""
_NO_NOTIFICATIONS: Final = """
(SELECT '' AS tenant, now() AS created_at, '' AS kind, '' AS recipient, '' AS channel, '' AS state, '' AS error,
        '' AS correlation_id, NULL::uuid AS appointment_id, now() AS due_at, NULL::timestamptz AS finished_at WHERE false)
"""
_NEWEST: Final = {
    "{requests}": "function_requests",
    "{notifications}": "notifications",
    "{messages}": "messages",
    "{waitlist}": "waitlist",
}
_BEFORE_MESSAGES: Final = _NEWEST | {"{messages}": _NO_MESSAGES, "{waitlist}": _NO_WAITLIST}
_BEFORE_NOTIFICATIONS: Final = _BEFORE_MESSAGES | {"{notifications}": _NO_NOTIFICATIONS}
_SCHEMAS: Final = (
    _NEWEST,
    _BEFORE_MESSAGES,
    _BEFORE_NOTIFICATIONS,
    _BEFORE_NOTIFICATIONS | {"{requests}": _NO_REQUESTS},
)


class CallStore:
    """One tenant's calls, read with that tenant's own role."""

    def __init__(self, pool: Pool, tenant: str) -> None:
        self._pool, self._tenant = pool, tenant
        self._listing = asyncio.Lock()

    async def list_calls(
        self, *, since: datetime | None, caller: str | None, outcome: str | None, after: Sequence[Any] | None, limit: int
    ) -> list[Row]:  # fmt: skip
        """Return calls, newest first. `caller` is E.164, or `anonymous` for withheld numbers.

        `after`: start (the epoch if unknown) and call id.

        One list at a time: a rare outcome is looked for among all calls, and callers wait for the same connections.
        """
        async with self._listing:
            return await self._fetch(_CALLS, *(after or (None, None)), since, caller, outcome, limit)

    async def get_timeline(self, call_id: str) -> tuple[Row | None, list[Row]]:
        """Return the call with its texts, if it is stored, and up to 1,000 entries of its timeline in order of time."""
        calls = await self._fetch(f"{_CONTENT} AND c.call_id = $2", call_id)
        return calls[0] if calls else None, await self._fetch(_TIMELINE, call_id)

    async def get_content(self, call_id: str) -> Row | None:
        """Return a call with its transcript and analysis; None if it is not stored."""
        rows = await self._fetch(f"{_CONTENT} AND c.call_id = $2", call_id)
        return rows[0] if rows else None

    async def get_notice(self, call_id: str) -> Row | None:
        """Return what a call's caller heard of it; None if nothing is known of it."""
        try:
            return await self._pool.fetchrow(_NOTICE, self._tenant, call_id)
        except asyncpg.UndefinedTableError:  # the schema is still that of an earlier release
            return None

    async def record_read(
        self, call_id: str, parts: Sequence[str], claimed_by: str | None, correlation_id: str
    ) -> None:
        """Record in the audit log that somebody reads what was said in a call, once in a quarter of an hour for the same reader.

        Raises what asyncpg raises: then nobody reads it.
        """
        detail = {"token": "admin", "claimed_by": claimed_by, "call": call_id, "parts": parts}
        text = msgspec.json.encode(detail).decode()
        await self._pool.execute(_RECORD_READ, self._tenant, text, correlation_id)

    async def list_call_ids(self, beginning: str) -> list[str]:
        """Return up to two ids of calls that begin so."""
        return [row["call_id"] for row in await self._fetch(_CALL_IDS, beginning)]

    async def _fetch(self, statement: str, *values: Any) -> list[Row]:
        for tables in _SCHEMAS:
            try:
                return await self._pool.fetch(fill_tables(statement, tables), self._tenant, *values)
            except asyncpg.UndefinedTableError as error:
                missing = error
        raise missing


def fill_tables(statement: str, tables: Mapping[str, str] = _SCHEMAS[0]) -> str:
    """Return a statement with the names of the tables that not every schema has."""
    for name, table in tables.items():
        statement = statement.replace(name, table)
    return statement
