"""The SQL statements of the page: change marks of the shown data, counts of waiting work, and logins and logouts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from askproai_core.database import Pool
from askproai_runtime.admin_api.store.failures import HAS_FAILED_APPOINTMENT

# A mark is the number of rows and the sum of their times of change: it changes with every change, in whichever order the rows
# commit. The greatest id would miss a row that commits after one with a greater id. The rows are those of an index, from $2 on:
# yesterday.
_PULSE: Final = f"""
SELECT (SELECT row(count(*), sum(extract(epoch FROM c.updated_at)))::text FROM calls c WHERE c.tenant = $1
        AND CASE WHEN c.started_at IS NULL THEN 'epoch' ELSE c.started_at END >= $2) AS calls,
       (SELECT count(*)::text FROM function_requests f WHERE f.tenant = $1 AND f.at >= $2) AS functions,
       (SELECT row(count(*), sum(extract(epoch FROM a.updated_at)))::text FROM appointments a WHERE a.tenant = $1
        AND a.starts_at >= $2 AND a.starts_at < $2 + interval '16 days') AS appointments,
       (SELECT row(count(*), sum(extract(epoch FROM r.starts_at)))::text FROM refusals r WHERE r.tenant = $1
        AND r.block_id IS NOT NULL) AS blocks,
       (SELECT row(count(*), sum(l.id))::text FROM audit_log l WHERE l.tenant = $1 AND l.at >= $2
        AND l.action NOT IN ('call.read', 'list.read')) AS changes,
       (SELECT count(*) FROM messages m WHERE m.tenant = $1 AND m.done_at IS NULL) AS open_messages,
       (SELECT count(*) FROM messages m WHERE m.tenant = $1 AND m.created_at >= $2) AS new_messages,
       (SELECT count(*) FROM waitlist w WHERE w.tenant = $1 AND w.state = 'waiting') AS waiting,
       (SELECT count(*) FROM waitlist w WHERE w.tenant = $1 AND w.created_at >= $2) AS new_waiting,
       (SELECT count(*) FROM waitlist_offers o WHERE o.tenant = $1 AND o.state = 'open') AS offers,
       (SELECT count(*) FROM jobs j WHERE j.tenant = $1 AND j.state = 'dead') AS dead_jobs,
       (SELECT count(*) FROM notifications n WHERE n.tenant = $1 AND n.state = 'dead') AS dead_notifications,
       (SELECT count(*) FROM function_requests f WHERE f.tenant = $1 AND f.at >= $3
        AND f.outcome IN ('failed', 'busy', 'too_slow', 'refused', 'not_bookable')
        AND NOT ({HAS_FAILED_APPOINTMENT.format(since="$3")}))
       + (SELECT count(*) FROM appointments a WHERE a.tenant = $1 AND a.starts_at >= $3 AND a.status = 'failed'
          AND a.updated_at >= $3) AS failed
"""  # noqa: S608  our own text

_RECORD: Final = """
INSERT INTO audit_log (tenant, actor, action, detail, correlation_id) VALUES ($1, 'page', $2, $3::jsonb, $4)
"""
# Anybody with an account at the issuer can cause refusals at any rate: each person gets one entry in 15 minutes.
_RECORD_REFUSAL: Final = """
INSERT INTO audit_log (tenant, actor, action, detail, correlation_id)
SELECT $1, 'page', 'page.login_refused', $2::jsonb, $3 WHERE NOT EXISTS (
    SELECT FROM audit_log l WHERE l.tenant = $1 AND l.at > clock_timestamp() - interval '15 minutes'
    AND l.action = 'page.login_refused' AND l.detail @> jsonb_build_object('issuer', $4::text, 'subject', $5::text))
"""
_HAS_ENDED: Final = """
SELECT EXISTS (SELECT 1 FROM audit_log WHERE tenant = $1 AND correlation_id = $2 AND action = 'page.logout')
"""


class Pulse(msgspec.Struct, frozen=True):
    """Counts of waiting work, and for each kind of data a change mark: a text that differs after each change of its rows."""

    failed: int = 0
    open_messages: int = 0
    waiting: int = 0
    dead: int = 0
    marks: dict[str, str] = {}


class PulseStore:
    """One tenant's `Pulse` and page sessions, read and written with that tenant's own database role."""

    def __init__(self, pool: Pool, tenant: str) -> None:
        self._pool, self._tenant = pool, tenant

    async def get_pulse(self, yesterday: datetime, failed_since: datetime) -> Pulse:
        """Return the counts, and the change marks of rows from `yesterday` on. Failures are counted from `failed_since` on."""
        row = await self._pool.fetchrow(_PULSE, self._tenant, yesterday, failed_since)
        assert row is not None, "a statement of subselects has one row"
        marks = {
            "calls": f"{row['calls']} {row['functions']}",
            "appointments": f"{row['appointments']} {row['blocks']} {row['functions']} {row['changes']}",
            "messages": f"{row['open_messages']} {row['new_messages']}",
            "waitlist": f"{row['waiting']} {row['new_waiting']} {row['offers']}",
            "dead": f"{row['dead_jobs']} {row['dead_notifications']}",
            "failed": f"{row['failed']}",
        }
        dead = row["dead_jobs"] + row["dead_notifications"]
        return Pulse(row["failed"], row["open_messages"], row["waiting"], dead, marks)

    async def record_session(self, action: str, session: str, detail: Mapping[str, str | None]) -> None:
        """Record a login (`page.login`) or logout (`page.logout`) in the audit log, under the session's id."""
        await self._pool.execute(_RECORD, self._tenant, action, msgspec.json.encode(detail).decode(), session)

    async def record_refusal(self, issuer: str, subject: str, name: str, correlation_id: str) -> None:
        """Record a refused login in the audit log (`page.login_refused`), at most once in 15 minutes for each person."""
        detail = {"role": None, "issuer": issuer, "subject": subject, "claimed_by": name}
        text = msgspec.json.encode(detail).decode()
        await self._pool.execute(_RECORD_REFUSAL, self._tenant, text, correlation_id, issuer, subject)

    async def has_ended(self, session: str) -> bool:
        """Return True if a session was ended at any pod, by its logout or by the owner."""
        return bool(await self._pool.fetchval(_HAS_ENDED, self._tenant, session))
