"""The branch of one call: what the database remembers of call and caller, the model's routing, and what is kept of it."""

from dataclasses import replace

from askproai_core.database import Connection, Pool
from askproai_core.phone_numbers import Route
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.booking import CallContext
from askproai_runtime.branch_routing.branch import Found, Hints, Unclear
from askproai_runtime.branch_routing.models import MODELS

_REMEMBERED = "SELECT branch FROM calls WHERE tenant = $1 AND call_id = $2"
_LAST = """
SELECT a.branch FROM customers c JOIN appointments a ON a.tenant = c.tenant AND a.customer_id = c.id
WHERE c.tenant = $1 AND c.phone = $2 AND a.status IN ('confirmed', 'pending_sync', 'no_show')
ORDER BY a.created_at DESC LIMIT 1
"""
# Retell's own events may come later, or never: the row is theirs as well, and none of them overwrites a branch with nothing.
_KEEP = """
INSERT INTO calls (tenant, call_id, branch, status, correlation_id) VALUES ($1, $2, $3, 'registered', $4)
ON CONFLICT (tenant, call_id) DO UPDATE SET branch = EXCLUDED.branch, updated_at = clock_timestamp()
"""


async def branch_of_call(
    pool: Pool, config: TenantConfig, route: Route, call: CallContext, hints: Hints
) -> Found | Unclear:
    """Give the call's branch, or the question to ask. Once found it stays for the call, until the caller names another.

    `hints` are what the request itself says; what the database knows is added here. Raises what asyncpg raises.
    """
    routing = MODELS[config.business_model].routing
    if len(config.branches) == 1:
        return routing(config, route, hints)
    async with pool.acquire() as connection:
        known = await connection.fetchval(_REMEMBERED, config.tenant, call.call_id)
        asks = not route.branch and (known is None or hints.said)
        last = await _last_branch(connection, config.tenant, call.caller) if asks else None
        found = routing(config, route, replace(hints, known=known, last=last))
        if isinstance(found, Found) and found.branch.name != (known or route.branch):
            await connection.execute(_KEEP, config.tenant, call.call_id, found.branch.name, call.correlation_id)
    return found


async def _last_branch(connection: Connection, tenant: str, caller: str | None) -> str | None:
    """Give where this caller booked last; None for a withheld number and a stranger."""
    if caller is None:
        return None
    name: str | None = await connection.fetchval(_LAST, tenant, caller)
    return name
