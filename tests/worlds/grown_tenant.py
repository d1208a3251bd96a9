"""The rows of a tenant after a year or more, written by SQL: a million events take minutes, ten thousand a second."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import asyncpg

from tests.worlds.databases import TenantStore

# Tables that grow with the number of calls.
GROWING: Final = (
    "webhook_events",
    "jobs",
    "calls",
    "appointments",
    "claims",
    "customers",
    "call_actions",
    "function_requests",
    "provider_calls",
    "audit_log",
    "notifications",
)
_PAYLOAD_BYTES = 1500
_KEPT = timedelta(days=30)  # spec.retention: raw bodies, transcripts, and what was asked


@dataclass(frozen=True, slots=True)
class Size:
    """The number of a tenant's rows. A call has three events."""

    events: int
    appointments: int
    customers: int

    @property
    def calls(self) -> int:
        return self.events // 3


_YEAR, _BOOK, _TO_COME = timedelta(days=365), timedelta(days=960), timedelta(days=30)

# $1: the tenant, $2: how many, $3: the span over which they are spread, $4: how long a text is kept.
_CALLS = """
INSERT INTO calls (tenant, call_id, branch, agent_id, direction, from_number, to_number, status, started_at, ended_at, analyzed_at,
                   disconnection_reason, transcript, analysis, correlation_id, updated_at)
SELECT $1, 'call_grown_' || n, 'mitte', 'agent_1', 'inbound', '+4930' || lpad((n % 10000)::text, 7, '0'), '+4930900000', 'ended',
       at, at + interval '2 min', at + interval '3 min', 'user_hangup',
       CASE WHEN at > now() - $4::interval THEN repeat('User: Einen Haarschnitt am Freitag, bitte. ', 40) END,
       CASE WHEN at > now() - $4::interval THEN '{"call_successful": true}'::jsonb END, 'corr-' || n, at + interval '3 min'
FROM (SELECT n, now() - interval '5 min' - n * ($3::interval / $2) AS at FROM generate_series(1, $2::integer) n) c
"""
# The oldest first, as they came. One in 5,000 is a dead letter.
_EVENTS = """
INSERT INTO webhook_events (tenant, source, event_id, event_type, payload, status, attempts, correlation_id, received_at,
                            processed_at)
SELECT $1, 'retell', 'call_grown_' || n || ':' || kind, kind,
       CASE WHEN at > now() - $4::interval THEN convert_to(rpad(md5(n::text || kind), $5, md5(n::text)), 'UTF8') ELSE '' END,
       CASE WHEN (n + part) % 5000 = 0 THEN 'dead' ELSE 'processed' END, 1, 'corr-' || n, at, at + interval '20 ms'
FROM (SELECT n, part, (ARRAY['call_started', 'call_ended', 'call_analyzed'])[part] AS kind,
             now() - interval '5 min' - n * ($3::interval / $2) + part * interval '1 min' AS at
      FROM generate_series($2::integer, 1, -1) n, generate_series(1, 3) part) e
"""
_EVENT_JOBS = """
INSERT INTO jobs (tenant, kind, priority, state, attempts, claim_no, run_at, event_id, correlation_id, created_at, finished_at)
SELECT tenant, 'webhook-event', 'critical', CASE status WHEN 'dead' THEN 'dead' ELSE 'done' END, 1, 1, received_at, id,
       correlation_id, received_at, processed_at
FROM webhook_events WHERE tenant = $1 ORDER BY id
"""
_CUSTOMERS = """
INSERT INTO customers (tenant, phone, name)
SELECT $1, '+4930' || lpad(n::text, 7, '0'), 'Petra Müller ' || n FROM generate_series(1, $2::integer) n
"""
# $3: the resources, $4 and $5: over how long they are spread, and how much of it is to come, $6: the customers.
_APPOINTMENTS = """
INSERT INTO appointments (tenant, branch, service, staff, customer_id, customer_name, starts_at, ends_at, status, call_id, caller,
                          correlation_id, created_at, updated_at)
SELECT $1, r.branch, 'haarschnitt', r.staff, c.id, c.name, a.at, a.at + interval '30 min',
       CASE WHEN a.n % 12 = 0 THEN 'cancelled' ELSE 'confirmed' END, 'call_grown_' || a.n, c.phone, 'corr-' || a.n,
       least(a.at, now()) - interval '5 days' - a.n * interval '1 s', least(a.at, now()) - interval '5 days' - a.n * interval '1 s'
FROM (SELECT n, ($3::bigint[])[1 + n % cardinality($3)] AS resource_id, date_trunc('hour', now()) + $5::interval
             - (n / cardinality($3)) * date_trunc('minute', $4::interval * cardinality($3) / $2) AS at
      FROM generate_series(1, $2::integer) n) a
JOIN resources r ON r.tenant = $1 AND r.id = a.resource_id
JOIN customers c ON c.tenant = $1 AND c.phone = '+4930' || lpad((1 + a.n % $6::integer)::text, 7, '0')
"""
_CLAIMS = """
INSERT INTO claims (tenant, appointment_id, resource_id, blocks, state)
SELECT a.tenant, a.id, r.id, tstzrange(a.starts_at, a.ends_at, '[)'),
       CASE a.status WHEN 'cancelled' THEN 'released' ELSE 'booked' END
FROM appointments a JOIN resources r ON r.tenant = a.tenant AND r.branch = a.branch AND r.staff = a.staff
WHERE a.tenant = $1
"""
_ACTIONS = """
INSERT INTO call_actions (tenant, call_id, key, state, lease_until, appointment_id, created_at)
SELECT a.tenant, a.call_id, k.key || a.id, 'done', a.created_at, CASE WHEN k.key = 'book|' THEN a.id END, a.created_at
FROM appointments a, unnest(ARRAY['book|', 'request|1', 'request|2']) AS k (key) WHERE a.tenant = $1
"""
_FUNCTION_REQUESTS = """
INSERT INTO function_requests (tenant, call_id, at, function, arguments, outcome, answer, duration_ms, correlation_id)
SELECT a.tenant, a.call_id, a.created_at, f.name,
       CASE WHEN a.created_at > now() - $2::interval THEN '{"service": "Haarschnitt"}'::jsonb END,
       f.outcome, CASE WHEN a.created_at > now() - $2::interval THEN 'Am Freitag um zehn.' END, 12, a.correlation_id
FROM appointments a, (VALUES ('check_availability', 'offered'), ('book_appointment', 'confirmed')) AS f (name, outcome)
WHERE a.tenant = $1
"""
_SYNC_JOBS = """
INSERT INTO jobs (tenant, kind, priority, state, attempts, claim_no, run_at, appointment_id, correlation_id, created_at,
                  finished_at)
SELECT tenant, 'calendar-sync', 'high', 'done', 1, 1, created_at, id, correlation_id, created_at, created_at + interval '1 s'
FROM appointments WHERE tenant = $1
"""
_PROVIDER_CALLS = """
INSERT INTO provider_calls (tenant, at, provider, operation, method, endpoint, status, outcome, duration_ms, correlation_id)
SELECT tenant, created_at, 'calcom', 'book', 'POST', '/v2/bookings', 201, 'ok', 50, correlation_id
FROM appointments WHERE tenant = $1
"""
_AUDIT = """
INSERT INTO audit_log (tenant, at, actor, action, correlation_id)
SELECT tenant, created_at, 'admin', 'appointment.booked', correlation_id FROM appointments WHERE tenant = $1
"""
_NOTIFICATIONS = """
INSERT INTO notifications (tenant, kind, subject, recipient, channel, appointment_id, starts_at, state, created_at, finished_at,
                           correlation_id)
SELECT tenant, 'booked', id || '/1', 'customer', 'Email', id, starts_at, 'sent', created_at, created_at, correlation_id
FROM appointments WHERE tenant = $1
"""


async def grow(db: asyncpg.Connection, store: TenantStore, size: Size) -> None:
    """Write `size` rows for a tenant in one transaction. `db` is a superuser's connection.

    Foreign keys are not checked row by row: each row refers to rows of earlier statements.
    """
    tenant, resources = store.tenant, list(store.resources.values())
    async with db.transaction():
        await db.execute("SET LOCAL session_replication_role = replica")
        await db.execute(_CALLS, tenant, size.calls, _YEAR, _KEPT)
        await db.execute(_EVENTS, tenant, size.calls, _YEAR, _KEPT, _PAYLOAD_BYTES)
        await db.execute(_EVENT_JOBS, tenant)
        await db.execute(_CUSTOMERS, tenant, size.customers)
        await db.execute(_APPOINTMENTS, tenant, size.appointments, resources, _BOOK, _TO_COME, size.customers)
        for statement in (_CLAIMS, _ACTIONS, _SYNC_JOBS, _PROVIDER_CALLS, _AUDIT, _NOTIFICATIONS):
            await db.execute(statement, tenant)
        await db.execute(_FUNCTION_REQUESTS, tenant, _KEPT)


async def leave_to_us(db: asyncpg.Connection) -> None:
    """Disable autovacuum for the growing tables, so that only the caller decides when they have statistics."""
    for table in GROWING:
        await db.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
