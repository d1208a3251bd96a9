"""Refusals of strangers are written down (N2): an agent or number that is not the tenant's."""

import msgspec

from askproai_runtime.store import Pool

UNROUTABLE = "unroutable"

_INSERT = """
INSERT INTO audit_log (tenant, actor, action, detail, correlation_id) VALUES ($1, 'retell', $2, $3::jsonb, $4)
"""


async def audit_unroutable(pool: Pool, tenant: str, *, action: str, agent_id: str | None, correlation_id: str) -> None:
    """Write who was refused: the agent, and never a caller's number."""
    detail = msgspec.json.encode({"reason": UNROUTABLE, "agent_id": agent_id}).decode()
    await pool.execute(_INSERT, tenant, action, detail, correlation_id)
