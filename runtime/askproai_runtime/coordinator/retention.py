"""Forgets what a tenant need not keep (Tenant `spec.retention`), in small batches; never what still has to be done.

After `rawEventDays` the raw bodies go, after `transcriptDays` what was said, after `callDays` the rows. Appointments and
customers are the salon's book: they go with `dataPolicy: Erase` or an erasure, not by age.
"""

import asyncpg

from askproai_runtime.coordinator.duty import Desk, in_batches

_TENANTS = "SELECT tenant, raw_event_days, transcript_days, call_days FROM tenants ORDER BY tenant"
# One tenant at a time, so that a statement reads one tenant's rows only and ends in its time, however many tenants there are.
_OLD = "SELECT o.ctid FROM {table} o WHERE o.tenant = $2 AND o.{since} < now() - make_interval(days => $3) {still} LIMIT $1"
_DECIDED = "AND {row}.status IN ('processed', 'dead')"


def _delete(table: str, since: str, still: str = "") -> str:
    """`still` is looked at again in the row that goes: somebody may have written it meanwhile."""
    old = _OLD.format(table=table, since=since, still=still.format(row="o"))
    return f"DELETE FROM {table} x WHERE x.ctid = ANY (ARRAY ({old})) {still.format(row='x')}"  # noqa: S608  our own names


def _empty(table: str, since: str, change: str, still: str) -> str:
    old = _OLD.format(table=table, since=since, still=still) + " FOR NO KEY UPDATE SKIP LOCKED"
    return f"UPDATE {table} x SET {change} WHERE x.ctid = ANY (ARRAY ({old}))"  # noqa: S608  our own names


# Which days of the tenant's count, and what they end.
STATEMENTS = (
    # A body stays while its event has still to be done; a dead one's, until a redrive or until its days are over.
    (
        "raw_event_days",
        _empty("webhook_events", "received_at", "payload = ''", _DECIDED.format(row="o") + " AND o.payload <> ''"),
    ),
    (
        "transcript_days",
        _empty(
            "calls",
            "updated_at",
            "transcript = NULL, analysis = NULL",
            "AND (o.transcript IS NOT NULL OR o.analysis IS NOT NULL)",
        ),
    ),
    ("call_days", _delete("calls", "updated_at")),
    ("call_days", _delete("webhook_events", "received_at", _DECIDED)),  # with their jobs
    ("call_days", _delete("jobs", "finished_at", "AND {row}.appointment_id IS NOT NULL AND {row}.state = 'done'")),
    ("call_days", _delete("call_actions", "created_at", "AND {row}.lease_until < now()")),
    ("call_days", _delete("audit_log", "at")),
    ("raw_event_days", _delete("provider_calls", "at")),
    ("raw_event_days", _delete("refusals", "until")),
)


async def forget(desk: Desk) -> int:
    """Run every statement for every tenant until nothing old is left."""
    return sum([await _forget(desk, tenant) for tenant in await desk.pool.fetch(_TENANTS)])


async def _forget(desk: Desk, tenant: asyncpg.Record) -> int:
    return sum([await in_batches(desk, sql, tenant["tenant"], tenant[days]) for days, sql in STATEMENTS])
