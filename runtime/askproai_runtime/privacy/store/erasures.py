"""The SQL of erasures, of the references that keep erased data out, and of their audit entries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from askproai_core.database import Connection, Pool

# A second request before the erasure is done extends it to data that has come since.
_OPEN = """
INSERT INTO erasures AS e (tenant, id, caller, requested_at, changed_at) VALUES ($1, $2, $3, $4, $4)
ON CONFLICT (tenant, caller) WHERE state = 'open' DO UPDATE SET requested_at = $4, changed_at = $4
RETURNING {columns}
"""
_COLUMNS = "id, caller, state, evidence, error, requested_at, changed_at, finished_at"


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure. `caller` is None when it is done. `evidence` is the number of erased rows, keyed by table."""

    id: UUID
    caller: str | None
    state: str
    evidence: dict[str, int]
    error: str | None
    requested_at: datetime
    changed_at: datetime
    finished_at: datetime | None

    @property
    def is_open(self) -> bool:
        return self.state == "open"


async def read_time(conn: Connection) -> datetime:
    """Return the database's time: rows have timestamps by this clock, and a pod's clock may be ahead of it."""
    now: datetime = await conn.fetchval("SELECT clock_timestamp()")
    return now


async def find_erasure(conn: Connection, tenant: str, erasure_id: UUID) -> Erasure | None:
    """Return the erasure with this id; None if there is no such erasure."""
    row = await conn.fetchrow(f"SELECT {_COLUMNS} FROM erasures WHERE tenant = $1 AND id = $2", tenant, erasure_id)  # noqa: S608  a constant
    return _to_erasure(row) if row else None


async def open_erasure(conn: Connection, tenant: str, erasure_id: UUID, number: str, now: datetime) -> Erasure:
    """Return the open erasure of a number, or a new erasure with this id. It covers all data from before `now`."""
    row = await conn.fetchrow(_OPEN.format(columns=_COLUMNS), tenant, erasure_id, number, now)
    assert row is not None, "it was inserted or changed"
    return _to_erasure(row)


async def list_erasures(pool: Pool, tenant: str, *, only_open: bool = False) -> list[Erasure]:
    """Return up to 100 erasures, newest first; with `only_open` without the done ones."""
    rows = await pool.fetch(
        f"""SELECT {_COLUMNS} FROM erasures WHERE tenant = $1 AND (state = 'open' OR NOT $2)
            ORDER BY requested_at DESC, id LIMIT 100""",  # noqa: S608  a constant
        tenant, only_open,
    )  # fmt: skip
    return [_to_erasure(row) for row in rows]


async def lock_erasure(conn: Connection, tenant: str, erasure_id: UUID) -> Erasure | None:
    """Return an erasure, locked until the end of the transaction; None if it does not exist or is done."""
    row = await conn.fetchrow(
        f"SELECT {_COLUMNS} FROM erasures WHERE tenant = $1 AND id = $2 AND state = 'open' FOR UPDATE",  # noqa: S608  a constant
        tenant, erasure_id,
    )  # fmt: skip
    return _to_erasure(row) if row else None


async def add_evidence(
    conn: Connection, tenant: str, erasure: Erasure, counts: Mapping[str, int], now: datetime
) -> None:
    """Add numbers of erased rows by table to a locked erasure, and record `now` as its last change. Do nothing without numbers."""
    if not counts:
        return
    sums = dict(erasure.evidence)
    for name, count in counts.items():
        sums[name] = sums.get(name, 0) + count
    await conn.execute(
        "UPDATE erasures SET evidence = $3::jsonb, changed_at = $4 WHERE tenant = $1 AND id = $2",
        tenant, erasure.id, _json(sums), now,
    )  # fmt: skip


async def record_wait(pool: "Connection | Pool", tenant: str, erasure_id: UUID, reason: str | None) -> None:
    """Store why an erasure waits; None clears the reason."""
    await pool.execute(
        "UPDATE erasures SET error = $3 WHERE tenant = $1 AND id = $2 AND error IS DISTINCT FROM $3",
        tenant, erasure_id, reason and reason[:500],
    )  # fmt: skip


async def finish_erasure(conn: Connection, tenant: str, erasure_id: UUID, now: datetime) -> None:
    """Mark an erasure as done, and delete the caller's number from its row."""
    await conn.execute(
        """UPDATE erasures SET state = 'done', caller = NULL, error = NULL, finished_at = $3
           WHERE tenant = $1 AND id = $2""",
        tenant, erasure_id, now,
    )  # fmt: skip


async def list_calls_at_retell(pool: Pool, tenant: str, erasure_id: UUID) -> list[str]:
    """Return the ids of an erasure's calls that Retell may still have."""
    rows = await pool.fetch(
        """SELECT reference FROM erased_references
           WHERE tenant = $1 AND erasure = $2 AND kind = 'call' AND deleted_at IS NULL ORDER BY reference""",
        tenant, erasure_id,
    )  # fmt: skip
    return [row["reference"] for row in rows]


async def mark_deleted(pool: Pool, tenant: str, call_id: str) -> None:
    """Record that Retell no longer has this call of an erasure."""
    await pool.execute(
        """UPDATE erased_references SET deleted_at = clock_timestamp()
           WHERE tenant = $1 AND kind = 'call' AND reference = $2""",
        tenant, call_id,
    )  # fmt: skip


async def count_deleted_calls(conn: Connection, tenant: str, erasure_id: UUID) -> int:
    """Return how many of an erasure's calls Retell no longer has."""
    return int(
        await conn.fetchval(
            """SELECT count(*) FROM erased_references
               WHERE tenant = $1 AND erasure = $2 AND kind = 'call' AND deleted_at IS NOT NULL""",
            tenant, erasure_id,
        )
    )  # fmt: skip


async def list_remote_bookings(conn: Connection, tenant: str, erasure_id: UUID) -> list[str]:
    """Return the uids of an erasure's remote bookings, present and past. No API removes a person from a booking."""
    rows = await conn.fetch(
        """SELECT a.external_id FROM erased_references r
           JOIN appointments a ON a.tenant = r.tenant AND a.id::text = r.reference
           WHERE r.tenant = $1 AND r.erasure = $2 AND r.kind = 'booking' AND a.external_id IS NOT NULL ORDER BY 1""",
        tenant, erasure_id,
    )  # fmt: skip
    return [row["external_id"] for row in rows]


async def list_unwanted(pool: Pool, tenant: str, references: Sequence[str]) -> set[str]:
    """Return the `references` that an erasure has removed, and the calls among them whose caller refused storage."""
    rows = await pool.fetch(
        """SELECT reference FROM erased_references WHERE tenant = $1 AND reference = ANY($2)
           UNION SELECT call_id FROM call_notices WHERE tenant = $1 AND refused_at IS NOT NULL AND call_id = ANY($2)""",
        tenant, references,
    )  # fmt: skip
    return {row["reference"] for row in rows}


async def record_audit(
    conn: Connection, tenant: str, actor: str, action: str, detail: Mapping[str, Any], correlation_id: str
) -> None:
    """Add an entry to the audit log. `detail` has only ids and numbers of rows, so that it does not identify the caller."""
    await conn.execute(
        "INSERT INTO audit_log (tenant, actor, action, detail, correlation_id) VALUES ($1, $2, $3, $4::jsonb, $5)",
        tenant, actor, action, _json(detail), correlation_id,
    )  # fmt: skip


def _to_erasure(row: asyncpg.Record) -> Erasure:
    return Erasure(**(dict(row) | {"evidence": msgspec.json.decode(row["evidence"], type=dict[str, int])}))


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
