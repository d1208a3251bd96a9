"""Rows of `audit_log`, which can be added and read, but never changed."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from askproai_core.database import Connection, Pool
from askproai_runtime.book.actor import DeskRequest


async def record_audit(
    pool: "Pool | Connection", tenant: str, *, actor: str, action: str, detail: Mapping[str, Any], correlation_id: str
) -> None:
    """Add an entry to the audit log. `detail` holds ids and times, and nothing that a customer said."""
    await pool.execute(
        "INSERT INTO audit_log (tenant, actor, action, detail, correlation_id) VALUES ($1, $2, $3, $4::jsonb, $5)",
        tenant, actor, action, msgspec.json.encode(detail).decode(), correlation_id,
    )  # fmt: skip


async def record_desk_change(
    conn: Connection, tenant: str, desk: DeskRequest, action: str, correlation_id: str, **detail: object
) -> None:
    """Record a change by the desk, in the transaction of the change. The user's name is only claimed by the sender."""
    claimed = {"token": "admin", "claimed_by": desk.by, "request": str(desk.request_id)}
    facts = {name: str(value) if isinstance(value, UUID) else value for name, value in detail.items()}
    await record_audit(
        conn, tenant, actor="desk", action=action, detail=claimed | facts, correlation_id=correlation_id
    )  # fmt: skip
