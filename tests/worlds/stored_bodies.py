"""Bodies of events as a busy tenant has them, written by its own role."""

import asyncpg

NUMBER = "+4915155500077"
OTHER = "+493012345678"
# PostgreSQL cannot compress hexadecimal digits well. They are no real transcript; only the length counts.
_CALLS = """
WITH added AS (
    INSERT INTO calls (tenant, call_id, status, direction, from_number, started_at, ended_at, correlation_id)
    SELECT $1, 'call_' || n, 'ended', 'inbound', $4, now() - interval '1 hour', now() - interval '1 hour', 'c'
    FROM generate_series($5::int, $5::int + $2::int - 1) n RETURNING call_id
)
INSERT INTO webhook_events (tenant, source, event_id, event_type, payload, correlation_id, status)
SELECT $1, 'retell', call_id || ':call_ended', 'call_ended', convert_to(format('{"event": "call_ended", "call": {"call_id": "%s",
    "direction": "inbound", "from_number": "%s", "transcript": "%s"}}', call_id, $4::text, (
        SELECT string_agg(encode(sha256((call_id || i)::bytea), 'hex'), '') FROM generate_series(1, $3::int / 64) i)), 'UTF8'),
    'c', 'processed' FROM added
"""
_CALL = """
INSERT INTO calls (tenant, call_id, status, direction, from_number, ended_at, correlation_id)
VALUES ($1, $2, 'ended', 'inbound', $3, now(), 'c')
"""
_EVENT = """
INSERT INTO webhook_events (tenant, source, event_id, event_type, payload, correlation_id, status)
VALUES ($1, $2, $3 || ':call_ended', 'call_ended', $4, 'c', $5) RETURNING id
"""


async def add_calls(conn: asyncpg.Connection, tenant: str, calls: int, length: int, begin: int = 1) -> None:
    """Add ended calls from another number, each with a transcript of `length` characters."""
    await conn.execute(_CALLS, tenant, calls, length, OTHER, begin)


async def add_call(
    conn: asyncpg.Connection, tenant: str, call_id: str, source: str, status: str, *, has_row: bool, caller: str = OTHER
) -> int:
    """Add one event that names `NUMBER` and is no JSON, and maybe the row of its call; return its id."""
    if has_row:
        await conn.execute(_CALL, tenant, call_id, caller)
    event: int = await conn.fetchval(_EVENT, tenant, source, call_id, f"not JSON: {NUMBER}".encode(), status)
    return event
