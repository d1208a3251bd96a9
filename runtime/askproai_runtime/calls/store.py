"""The statements of `calls`, of the event that a job carries out, and of the audit."""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from askproai_core.database import Connection, Pool
from askproai_runtime.calls.row import CallRow

# The commit need not wait for the disk: should the server die in the next half second, effects and job are undone together,
# and the job runs again (measured: 1.6 times as many jobs). Not so the claim before, nor the acknowledgement of the event.
_EVENT = """
SELECT source, event_type, payload, correlation_id, received_at FROM webhook_events,
       LATERAL set_config('synchronous_commit', 'off', true) WHERE tenant = $1 AND id = $2
"""

# Makes the row or locks it, in one statement: two events of one call may be carried out at once, and take turns here.
_LOCK = """
INSERT INTO calls (tenant, call_id, status, correlation_id) VALUES ($1, $2, 'registered', $3)
ON CONFLICT (tenant, call_id) DO UPDATE SET updated_at = clock_timestamp()
RETURNING status, branch, agent_id, direction, from_number, to_number, started_at, ended_at, analyzed_at,
          disconnection_reason, transcript, transcript_truncated, analysis
"""
_UPDATE = """
UPDATE calls SET status = $3, branch = $4, agent_id = $5, direction = $6, from_number = $7, to_number = $8,
    started_at = $9, ended_at = $10, analyzed_at = $11, disconnection_reason = $12, transcript = $13,
    transcript_truncated = $14, analysis = $15::jsonb, updated_at = clock_timestamp()
WHERE tenant = $1 AND call_id = $2
"""

# Two hours is the longest call that Retell allows: what is older lost its call_ended.
_ACTIVE = """
SELECT count(*) FROM calls WHERE tenant = $1 AND status = 'ongoing' AND started_at > clock_timestamp() - interval '2 hours'
"""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    source: str
    event_type: str
    payload: bytes
    correlation_id: str
    received_at: datetime


async def load_event(connection: Connection, tenant: str, event_id: int) -> StoredEvent | None:
    row = await connection.fetchrow(_EVENT, tenant, event_id)
    return None if row is None else StoredEvent(**row)


async def note_event(connection: Connection, tenant: str, event_id: int, note: str) -> None:
    """Say why an event ended as processed without being acted on, or what was left out."""
    await connection.execute(
        "UPDATE webhook_events SET note = $3 WHERE tenant = $1 AND id = $2", tenant, event_id, note
    )


async def lock_call(connection: Connection, tenant: str, call_id: str, correlation_id: str) -> CallRow:
    """Give the call's row, locked to the end of the transaction; an unknown call gets one."""
    row = await connection.fetchrow(_LOCK, tenant, call_id, correlation_id)
    assert row is not None, "inserted or updated"
    values = dict(row)
    values["analysis"] = None if row["analysis"] is None else msgspec.json.decode(row["analysis"])
    return CallRow(**values)


async def save_call(connection: Connection, tenant: str, call_id: str, row: CallRow) -> None:
    analysis = None if row.analysis is None else msgspec.json.encode(row.analysis).decode()
    await connection.execute(
        _UPDATE, tenant, call_id, row.status, row.branch, row.agent_id, row.direction, row.from_number, row.to_number,
        row.started_at, row.ended_at, row.analyzed_at, row.disconnection_reason, row.transcript,
        row.transcript_truncated, analysis,
    )  # fmt: skip


async def count_active_calls(pool: Pool, tenant: str) -> int:
    """Give how many calls are being spoken now, as far as events told us."""
    return int(await pool.fetchval(_ACTIVE, tenant))


async def audit_unroutable(pool: Pool, tenant: str, action: str, agent_id: str | None, correlation_id: str) -> None:
    """Write down who was refused (N2): the agent, and never a caller's number."""
    detail = msgspec.json.encode({"reason": "unroutable", "agent_id": agent_id}).decode()
    await pool.execute(
        "INSERT INTO audit_log (tenant, actor, action, detail, correlation_id) VALUES ($1, 'retell', $2, $3::jsonb, $4)",
        tenant, action, detail, correlation_id,
    )  # fmt: skip
