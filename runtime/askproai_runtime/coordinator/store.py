"""Every SQL statement of the coordinator. They see all tenants; the schema grants exactly these tables and columns.

The statements that change rows take a limit as `$1` and skip locked rows: transactions are short and delay nobody. Statements
that may not lock rows wait for a locked row until `lock_timeout`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

import asyncpg

from askproai_core.database import Pool
from askproai_core.provider_names import Provider

_NO_ID = UUID(int=0)


class Aged(StrEnum):
    """The data that age: an appointment loses its customer, and a customer is deleted."""

    APPOINTMENTS = "appointments"
    CUSTOMERS = "customers"


@dataclass(frozen=True, slots=True)
class Position:
    """The time and id of the last row that a run has examined. The default is a position before the first row."""

    at: datetime = datetime(1, 1, 1, tzinfo=UTC)
    id: UUID = _NO_ID


_TENANT_NAMES = "SELECT tenant FROM tenants"
# The last two are null until the operator has written them.
_TENANT_RETENTION = """
SELECT tenant, raw_event_days, transcript_days, call_days, appointment_days, customer_days
FROM tenants ORDER BY tenant
"""

# The tenants that have called a provider lately. Tenants with an open circuit do not call: the function's caller adds them.
_PROVIDER_USE = """
SELECT t.tenant, CASE $1 WHEN 'retell' THEN t.retell_base_url ELSE t.calcom_base_url END AS base_url,
       EXISTS (SELECT 1 FROM provider_calls c
               WHERE c.tenant = t.tenant AND c.at > clock_timestamp() - interval '10 minutes' AND c.provider = $1) AS active
FROM tenants t
"""

_DEAD_JOBS = "SELECT tenant, count(*) AS jobs FROM jobs WHERE state = 'dead' GROUP BY tenant"
_OLDEST_JOBS = """
SELECT tenant, priority, greatest(0, extract(epoch FROM clock_timestamp() - min(run_at)))::float8 AS seconds
FROM jobs WHERE state = 'ready' AND isfinite(run_at) GROUP BY tenant, priority
"""

# Uses neither the operators nor the index of the exclusion constraint. Counts claims that begin before an earlier claim of the same
# resource has ended; a branch's resource and its person's count as one. Claims that ended before yesterday were counted earlier.
_DOUBLE_BOOKINGS = """
SELECT tenant, count(*) AS claims FROM (
    SELECT c.tenant, c.block_start, max(c.block_end) OVER (
        PARTITION BY c.tenant, r.id ORDER BY c.block_start, c.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS earlier
    FROM (SELECT o.tenant, o.id AS own_id, coalesce(o.person_row, o.id) AS id FROM resources o) r
    JOIN claims c ON c.tenant = r.tenant AND c.resource_id = r.own_id AND c.block_end > now() - interval '1 day'
    WHERE c.state IN ('held', 'booked') AND (c.state = 'booked' OR c.expires_at > now())
) claim WHERE block_start < earlier GROUP BY tenant
"""

# One tenant at a time, so that no tenant waits for another's rows.
_TENANTS_WITH_EXPIRED_HOLDS = (
    "SELECT DISTINCT tenant FROM claims WHERE state = 'held' AND expires_at <= now() ORDER BY tenant"
)

# Resources first, in id order, as bookings lock them (book/store/appointments.py). Resources that a booking has locked now are
# left for the next run: we never wait, and so never deadlock. `now()` is the beginning of the transaction and can be looked up
# in an index; a hold that had expired by then has expired.
_LOCK_EXPIRED = """
SELECT id FROM resources WHERE tenant = $2 AND id IN (
    SELECT resource_id FROM claims WHERE tenant = $2 AND state = 'held' AND expires_at <= now() LIMIT $1)
ORDER BY id FOR UPDATE SKIP LOCKED
"""

# The condition is checked again under the locks, which shows the changes of a booking that held them before.
_DELETE_EXPIRED_HOLDS = """
DELETE FROM appointments a USING (
    SELECT h.tenant, h.id FROM appointments h
    WHERE h.status = 'held' AND (h.tenant, h.id) IN (
        SELECT c.tenant, c.appointment_id FROM claims c
        WHERE c.resource_id = ANY ($1) AND c.state = 'held' AND c.expires_at <= now())
      AND NOT EXISTS (
        SELECT 1 FROM claims o WHERE o.tenant = h.tenant AND o.appointment_id = h.id
        AND (o.resource_id <> ALL($1) OR o.state <> 'held' OR o.expires_at > now()))
    FOR UPDATE SKIP LOCKED
) expired WHERE a.tenant = expired.tenant AND a.id = expired.id AND a.status = 'held'
"""

# $1: how long a job must have been stuck. An event that waits for a retry is listed, too, though it needs nothing.
_TENANTS_WITH_STUCK_WORK = """
SELECT tenant FROM tenants t WHERE EXISTS (
        SELECT 1 FROM webhook_events e WHERE e.tenant = t.tenant AND e.status IN ('received', 'processing', 'failed')
          AND e.received_at <= now() - $1::interval)
    OR EXISTS (
        SELECT 1 FROM jobs j WHERE j.tenant = t.tenant AND j.kind = 'calendar-sync' AND j.state = 'running'
          AND j.lease_until <= now() - $1::interval)
ORDER BY tenant
"""

# $2: how long a job must have been stuck, $3: the tenant. One conditional UPDATE raises `claim_no` and keeps `attempts`. It
# locks the job before the event, as all code does, and skips locked rows.
_REARM_EVENT_JOBS = """
UPDATE jobs j SET state = 'ready', run_at = clock_timestamp(), claim_no = j.claim_no + 1, lease_until = NULL, worker = NULL,
                  finished_at = NULL
FROM (
    SELECT l.tenant, l.id FROM webhook_events e JOIN jobs l ON l.tenant = e.tenant AND l.event_id = e.id
    WHERE e.tenant = $3 AND e.status IN ('received', 'processing', 'failed') AND e.received_at <= now() - $2::interval
      AND (l.state = 'running' AND l.lease_until <= now() - $2::interval
           OR l.state IN ('done', 'dead') AND coalesce(l.finished_at, l.created_at) <= now() - $2::interval)
    ORDER BY l.id LIMIT $1 FOR NO KEY UPDATE OF l, e SKIP LOCKED
) lost WHERE j.tenant = lost.tenant AND j.id = lost.id
"""

# Jobs without an event are re-armed only if their worker is lost: a finished calendar sync needs no second one.
_REARM_CALENDAR_SYNCS = """
UPDATE jobs j SET state = 'ready', run_at = clock_timestamp(), claim_no = j.claim_no + 1, lease_until = NULL, worker = NULL
FROM (
    SELECT l.tenant, l.id FROM jobs l
    WHERE l.tenant = $3 AND l.kind = 'calendar-sync' AND l.state = 'running' AND l.lease_until <= now() - $2::interval
    ORDER BY l.id LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
) lost WHERE j.tenant = lost.tenant AND j.id = lost.id
"""

_ADD_MISSING_JOBS = """
INSERT INTO jobs (tenant, kind, priority, event_id, correlation_id)
SELECT e.tenant, 'webhook-event', 'critical', e.id, e.correlation_id
FROM webhook_events e
WHERE e.tenant = $3 AND e.status IN ('received', 'processing', 'failed') AND e.received_at <= now() - $2::interval
  AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.tenant = e.tenant AND j.event_id = e.id)
ORDER BY e.id LIMIT $1
ON CONFLICT DO NOTHING
"""

REARM_STATEMENTS = (_REARM_EVENT_JOBS, _REARM_CALENDAR_SYNCS, _ADD_MISSING_JOBS)

# $2: the tenant, $3: its days. One tenant at a time, so that a statement reads the rows of one tenant only and ends in time,
# however many tenants there are.
_OLD_ROWS = """
SELECT o.ctid FROM {table} o WHERE o.tenant = $2 AND o.{since} < now() - make_interval(days => $3) {condition} LIMIT $1"""
_FINISHED = "AND {row}.state IN ('sent', 'dropped', 'dead')"
_HAS_TEXT = f"{_FINISHED.format(row='o')} AND o.content <> '{{}}'"
# A job that did the work of an earlier dead letter of its appointment stays as long as that one: else the appointment never ages.
_SETTLED = """AND {row}.appointment_id IS NOT NULL AND {row}.state = 'done' AND NOT EXISTS (
    SELECT FROM jobs d WHERE d.tenant = {row}.tenant AND d.appointment_id = {row}.appointment_id
    AND d.id < {row}.id AND d.state = 'dead')"""
_DECIDED = "AND {row}.status IN ('processed', 'dead')"
_HAS_BODY = f"{_DECIDED.format(row='o')} AND o.payload <> ''"
# A notice keeps out the texts of its call; a refusal is needed until Retell has deleted its copy.
_NOTICE_OVER = """AND ({row}.refused_at IS NULL OR {row}.deleted_at IS NOT NULL) AND NOT EXISTS (
    SELECT FROM calls c WHERE c.tenant = {row}.tenant AND c.call_id = {row}.call_id)"""


# Rows are locked only in tables that the coordinator may update: PostgreSQL demands that right for a lock.
_SKIP_LOCKED = " FOR UPDATE SKIP LOCKED"


def _delete(table: str, since: str, condition: str = "", lock: str = "") -> str:
    """Return a DELETE of a table's old rows. It checks `condition` again for each row, as rows may change meanwhile."""
    old = _OLD_ROWS.format(table=table, since=since, condition=condition.format(row="o")) + lock
    return f"DELETE FROM {table} x WHERE x.ctid = ANY (ARRAY ({old})) {condition.format(row='x')}"  # noqa: S608  our own names


def _clear(table: str, since: str, *columns: str) -> str:
    """Return an UPDATE that sets columns of old rows to NULL."""
    change = ", ".join(f"{column} = NULL" for column in columns)
    condition = " OR ".join(f"o.{column} IS NOT NULL" for column in columns)
    return _empty(table, since, change, f"AND ({condition})")


def _empty(table: str, since: str, change: str, condition: str) -> str:
    """Return an UPDATE that empties old rows, starting with the newest of the old rows.

    If it started with the oldest, each statement would first read all rows that were emptied before, which stay in the table.
    """
    order = f"{condition} ORDER BY o.{since} DESC"
    old = _OLD_ROWS.format(table=table, since=since, condition=order) + " FOR NO KEY UPDATE SKIP LOCKED"
    return f"UPDATE {table} x SET {change} WHERE x.ctid = ANY (ARRAY ({old}))"  # noqa: S608  our own names


# A signature is valid for five minutes before and after its time. Afterwards no repeated request needs the answer. The row
# stays, so that no request is carried out twice.
EMPTY_ANSWERS = """
UPDATE call_actions a SET answer = NULL FROM (
    SELECT o.tenant, o.call_id, o.key FROM call_actions o
    WHERE answer IS NOT NULL AND key LIKE 'request|%' AND call_id NOT LIKE 'desk:%' AND created_at < now() - interval '10 minutes'
    ORDER BY created_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
) old WHERE a.tenant = old.tenant AND a.call_id = old.call_id AND a.key = old.key
"""

# The field of Tenant `spec.retention` whose days count, and the statement that they trigger.
RETENTION_STATEMENTS = (
    # A body is kept while its event has to be processed. A dead event keeps its body until a redrive or until its days are over.
    ("raw_event_days", _empty("webhook_events", "received_at", "payload = ''", _HAS_BODY)),
    ("transcript_days", _clear("calls", "updated_at", "transcript", "analysis")),
    ("call_days", _delete("calls", "updated_at", lock=_SKIP_LOCKED)),
    ("call_days", _delete("webhook_events", "received_at", _DECIDED, _SKIP_LOCKED)),  # their jobs with them
    ("call_days", _delete("jobs", "finished_at", _SETTLED, _SKIP_LOCKED)),
    ("call_days", _delete("call_actions", "created_at", "AND {row}.lease_until < now()")),
    ("call_days", _delete("audit_log", "at")),
    ("raw_event_days", _delete("provider_calls", "at")),
    ("raw_event_days", _delete("refusals", "until")),  # removed blocks, too
    ("call_days", _delete("refusals", "ends_at", "AND {row}.until = 'infinity'")),  # blocks that were never removed
    # The arguments and answers are emptied with the transcript; the row is deleted with the call.
    ("transcript_days", _clear("function_requests", "at", "arguments", "answer")),
    ("call_days", _delete("function_requests", "at", lock=_SKIP_LOCKED)),
    # A done message is deleted after as many days as a transcript; an open one with its call.
    ("transcript_days", _delete("messages", "done_at")),
    ("call_days", _delete("messages", "created_at")),
    ("transcript_days", _delete("waitlist", "ended_at")),  # their offers with them
    ("call_days", _delete("waitlist", "created_at")),
    ("call_days", _delete("waitlist_offers", "offered_at")),
    ("raw_event_days", _delete("freed_times", "freed_at")),
    ("raw_event_days", _delete("verifications", "at")),
    # Copies of messages and waiting callers are deleted with the transcripts, even if their rows stay longer.
    ("transcript_days", _empty("notifications", "created_at", "content = '{}'", _HAS_TEXT)),
    ("call_days", _delete("notifications", "created_at", _FINISHED, _SKIP_LOCKED)),
    ("call_days", _delete("erasures", "recorded_at", "AND {row}.state = 'done'")),  # a time that no pod can write
    ("call_days", _delete("erased_references", "erased_at")),  # nobody repeats an event after that
    ("raw_event_days", _delete("free_times", "day")),
    ("raw_event_days", _delete("host_free_times", "day")),
    ("call_days", _delete("call_notices", "at", _NOTICE_OVER)),
)

# The condition of the index `appointments_of_persons`, so that an aged appointment is not read again.
_OF_A_PERSON = """
(customer_id IS NOT NULL OR customer_name <> '' OR caller IS NOT NULL OR attendee_email IS NOT NULL OR notes IS NOT NULL
 OR birth_date IS NOT NULL OR cancel_reason IS NOT NULL)
"""
# $1: the limit, $2: the tenant, $3: its days, $4 and $5: end and id of the last examined row. The oldest comes first. An
# appointment keeps its customer while a notification is to be sent, or a change is not in the calendar yet or refused: a job
# that is not done, unless a later job has replaced a dead one. Each row is examined once in a run; locked rows are skipped.
_AGE_APPOINTMENTS = f"""
WITH candidate AS MATERIALIZED (
    SELECT id, ends_at FROM appointments o
    WHERE o.tenant = $2 AND o.ends_at < now() - make_interval(days => $3) AND {_OF_A_PERSON}
      AND o.ends_at >= $4 AND (o.ends_at, o.id) > ($4, $5)
    ORDER BY ends_at, id LIMIT $1
), waiting AS MATERIALIZED (
    SELECT c.id FROM candidate c WHERE EXISTS (
        SELECT FROM jobs j WHERE j.tenant = $2 AND j.appointment_id = c.id AND j.state <> 'done' AND NOT (
            j.state = 'dead' AND EXISTS (
                SELECT FROM jobs l WHERE l.tenant = $2 AND l.appointment_id = c.id AND l.id > j.id AND l.state = 'done')))
    OR EXISTS (
        SELECT FROM notifications n WHERE n.tenant = $2 AND n.appointment_id = c.id AND n.state IN ('waiting', 'sending'))
), locked AS MATERIALIZED (
    SELECT o.id FROM appointments o WHERE o.tenant = $2 AND o.id IN (SELECT id FROM candidate EXCEPT SELECT id FROM waiting)
      AND o.status <> 'held' AND o.ends_at < now() - make_interval(days => $3)
    FOR NO KEY UPDATE SKIP LOCKED
), changed AS (
    UPDATE appointments a SET customer_id = NULL, customer_name = '', caller = NULL, attendee_email = NULL, notes = NULL,
                              birth_date = NULL, cancel_reason = NULL
    FROM locked WHERE a.tenant = $2 AND a.id = locked.id RETURNING a.id
), recorded AS (
    INSERT INTO audit_log (tenant, actor, action, detail, correlation_id)
    SELECT $2, 'coordinator', 'appointments.aged', jsonb_build_object('appointments', count(*), 'days', $3::integer), $6
    FROM changed HAVING count(*) > 0
)
SELECT (SELECT count(*) FROM changed) AS changed, c.ends_at, c.id FROM candidate c ORDER BY ends_at DESC, id DESC LIMIT 1
"""  # noqa: S608  our own names
# The same for customers. `updated_at` is the last booking by their number. If a booking is being made for a customer, the row
# is locked, or the foreign key refuses the deletion. Each subselect of one row probes an index: for EXISTS, PostgreSQL may read
# all calls of the tenant.
_AGE_CUSTOMERS = """
WITH candidate AS MATERIALIZED (
    SELECT id, phone, updated_at FROM customers o
    WHERE o.tenant = $2 AND o.updated_at < now() - make_interval(days => $3)
      AND o.updated_at >= $4 AND (o.updated_at, o.id) > ($4, $5)
    ORDER BY updated_at, id LIMIT $1
), unnamed AS MATERIALIZED (
    SELECT c.id FROM candidate c
    WHERE (SELECT true FROM appointments a WHERE a.tenant = $2 AND a.customer_id = c.id LIMIT 1) IS NULL
      AND (SELECT true FROM appointments a WHERE a.tenant = $2 AND a.caller = c.phone LIMIT 1) IS NULL
      AND (SELECT true FROM calls l WHERE l.tenant = $2
           AND CASE WHEN l.direction = 'outbound' THEN l.to_number ELSE l.from_number END = c.phone
           AND l.updated_at >= now() - make_interval(days => $3) LIMIT 1) IS NULL
      AND c.phone NOT IN (
        SELECT number FROM messages m, unnest(ARRAY[m.phone, m.caller]) AS number WHERE m.tenant = $2 AND number IS NOT NULL
        AND (m.done_at IS NULL OR m.created_at >= now() - make_interval(days => $3)))
      AND c.phone NOT IN (
        SELECT number FROM waitlist w, unnest(ARRAY[w.phone, w.caller]) AS number WHERE w.tenant = $2 AND number IS NOT NULL
        AND (w.state = 'waiting' OR w.created_at >= now() - make_interval(days => $3)))
), locked AS MATERIALIZED (
    SELECT o.id FROM customers o WHERE o.tenant = $2 AND o.id IN (SELECT id FROM unnamed)
      AND o.updated_at < now() - make_interval(days => $3)
    FOR UPDATE SKIP LOCKED
), changed AS (
    DELETE FROM customers x USING locked WHERE x.tenant = $2 AND x.id = locked.id RETURNING x.id
), recorded AS (
    INSERT INTO audit_log (tenant, actor, action, detail, correlation_id)
    SELECT $2, 'coordinator', 'customers.aged', jsonb_build_object('customers', count(*), 'days', $3::integer), $6
    FROM changed HAVING count(*) > 0
)
SELECT (SELECT count(*) FROM changed) AS changed, c.updated_at, c.id FROM candidate c ORDER BY updated_at DESC, id DESC LIMIT 1
"""

# Appointments come first: a customer is deleted once no appointment refers to it.
AGEING_STATEMENTS = (
    ("appointment_days", Aged.APPOINTMENTS, _AGE_APPOINTMENTS),
    ("customer_days", Aged.CUSTOMERS, _AGE_CUSTOMERS),
)


async def list_tenants(pool: Pool) -> list[str]:
    return [row["tenant"] for row in await pool.fetch(_TENANT_NAMES)]


async def list_retention(pool: Pool) -> list[asyncpg.Record]:
    """Return each tenant's retention: `tenant`, `raw_event_days`, `transcript_days`, `call_days`, `appointment_days` and
    `customer_days`. The last two are None until the operator has written them.
    """
    return await pool.fetch(_TENANT_RETENTION)


async def list_provider_use(pool: Pool, provider: Provider) -> list[asyncpg.Record]:
    """Return a row for each tenant: `tenant`, `base_url`, and `active` (the tenant called the provider in the last 10 minutes)."""
    return await pool.fetch(_PROVIDER_USE, provider.value)


async def count_dead_jobs(pool: Pool) -> dict[str, int]:
    """Return the number of dead letters by tenant. Tenants without a dead letter are absent."""
    return {row["tenant"]: row["jobs"] for row in await pool.fetch(_DEAD_JOBS)}


async def count_double_bookings(pool: Pool) -> dict[str, int]:
    """Return by tenant the number of claims that overlap an earlier claim on the same resource or person. Zeros are left out."""
    return {row["tenant"]: row["claims"] for row in await pool.fetch(_DOUBLE_BOOKINGS)}


async def measure_oldest_jobs(pool: Pool) -> dict[tuple[str, ...], float]:
    """Return the seconds since the oldest ready job became due, by tenant and priority."""
    return {(row["tenant"], row["priority"]): row["seconds"] for row in await pool.fetch(_OLDEST_JOBS)}


async def list_tenants_with_expired_holds(pool: Pool) -> list[str]:
    return [row["tenant"] for row in await pool.fetch(_TENANTS_WITH_EXPIRED_HOLDS)]


async def list_tenants_with_stuck_work(pool: Pool, stuck: timedelta) -> list[str]:
    """Return the tenants with events or sync jobs that perhaps no worker has had for the time `stuck`."""
    return [row["tenant"] for row in await pool.fetch(_TENANTS_WITH_STUCK_WORK, stuck)]


async def delete_expired_holds(pool: Pool, limit: int, tenant: str) -> int:
    """Delete the expired holds on the resources of up to `limit` expired claims of a tenant. Return how many."""
    async with pool.acquire() as conn, conn.transaction():
        resources = [row["id"] for row in await conn.fetch(_LOCK_EXPIRED, limit, tenant)]
        return _affected(await conn.execute(_DELETE_EXPIRED_HOLDS, resources)) if resources else 0


async def change_rows(pool: Pool, statement: str, limit: int, *values: object) -> int:
    """Run one of this module's statements for at most `limit` rows. Return the number of changed rows."""
    return _affected(await pool.execute(statement, limit, *values))


async def age_rows(
    pool: Pool, statement: str, limit: int, tenant: str, days: int, after: Position, correlation_id: str
) -> tuple[int, Position | None]:
    """Run one of `AGEING_STATEMENTS` for at most `limit` rows after a position.

    Return the number of aged rows, and the position of the last examined row, or None if there was none.
    """
    row = await pool.fetchrow(statement, limit, tenant, days, after.at, after.id, correlation_id)
    return (int(row[0]), Position(row[1], row[2])) if row else (0, None)


def _affected(command_tag: str) -> int:
    """Return the number of rows in PostgreSQL's answer, such as `DELETE 3` or `INSERT 0 3`."""
    return int(command_tag.rpartition(" ")[2])
