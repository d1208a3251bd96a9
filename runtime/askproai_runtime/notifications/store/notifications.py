"""Every SQL statement of notifications: the outbox, due rows, and the appointments for the schedule."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from askproai_core.database import Connection, Pool
from askproai_core.tracing import current_traceparent
from askproai_runtime.input_values import plain_name
from askproai_runtime.notifications.types import (
    AppointmentFacts,
    Kind,
    NewNotification,
    Recipient,
    State,
    StoredNotification,
)

_LONGEST_ERROR = 500
TRACEPARENT = "traceparent"  # in `content`

_INSERT = """
INSERT INTO notifications (tenant, kind, subject, recipient, channel, correlation_id, appointment_id, starts_at, content)
SELECT $1, n.kind, n.subject, n.recipient, n.channel, n.correlation_id, n.appointment_id, n.starts_at, n.content
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::timestamptz[], $9::jsonb[])
     AS n (kind, subject, recipient, channel, correlation_id, appointment_id, starts_at, content)
ON CONFLICT DO NOTHING
"""

# Each channel is read separately: the rows of an unavailable channel must not fill the list.
_DUE = """
SELECT id FROM notifications
WHERE tenant = $1 AND channel = $2 AND state IN ('waiting', 'sending') AND due_at <= clock_timestamp()
ORDER BY due_at, created_at LIMIT $3
"""

_REDRIVEN_BY = "SELECT answer FROM call_actions WHERE tenant = $1 AND call_id = $2 AND key = $3"

_REDRIVE = """
WITH dead AS MATERIALIZED (
    SELECT id, error FROM notifications WHERE tenant = $1 AND state = 'dead' AND ($2::uuid IS NULL OR id = $2)
      AND NOT EXISTS (SELECT 1 FROM call_actions WHERE tenant = $1 AND call_id = $6 AND key = $7)
    ORDER BY created_at LIMIT $3 FOR UPDATE
), again AS (
    UPDATE notifications n SET state = 'waiting', attempts = 0, due_at = clock_timestamp(), finished_at = NULL
    FROM dead WHERE n.tenant = $1 AND n.id = dead.id RETURNING n.id, dead.error
), audit AS (
    INSERT INTO audit_log (tenant, actor, action, detail, correlation_id)
    SELECT $1, 'admin', 'notification.redriven',
           jsonb_build_object('notification', id, 'error', error, 'claimed_by', $5::text), $4 FROM again
), request AS (
    INSERT INTO call_actions (tenant, call_id, key, state, lease_until, answer)
    SELECT $1, $6, $7, 'done', clock_timestamp(), jsonb_agg(id) FROM again
    WHERE $6::text IS NOT NULL HAVING count(*) > 0
)
SELECT id::text FROM again
"""

_APPOINTMENT = """a.id AS appointment_id, a.branch, a.service, a.staff, a.starts_at AS begins_at, a.ends_at, a.status, a.version,
    a.customer_name, a.attendee_email, coalesce(c.phone, a.caller) AS phone, a.notes"""

# With LIMIT, PostgreSQL looks up each customer by the key. Otherwise it would read all customers.
_CUSTOMER = """LEFT JOIN LATERAL (
    SELECT k.phone FROM customers k WHERE k.tenant = a.tenant AND k.id = a.customer_id LIMIT 1) c ON true"""

_OPTED_OUT = """EXISTS (
    SELECT 1 FROM reminder_opt_outs o WHERE o.tenant = $1 AND o.since IS NOT NULL
    AND o.address IN (lower(a.attendee_email), coalesce(c.phone, a.caller)))"""
_OFFERED_TO_OPTED_OUT = """EXISTS (
    SELECT 1 FROM reminder_opt_outs o WHERE o.tenant = $1 AND o.since IS NOT NULL AND o.address = n.content ->> 'phone')"""
_OFFER_OPEN = """n.kind = 'offer' AND EXISTS (
    SELECT 1 FROM waitlist_offers w WHERE w.tenant = $1 AND w.id = (n.content ->> 'offer')::bigint AND w.state = 'open')"""

# True if a daily list was attempted before this change, and had the appointment at its start as of then ($3 is the tenant's
# zone). The attempt ended at `finished_at`, or its outcome is unknown.
_LISTED = """EXISTS (
    SELECT FROM notifications list JOIN notifications at ON at.tenant = $1 AND at.appointment_id = n.appointment_id
        AND list.subject = to_char(at.starts_at AT TIME ZONE $3, 'YYYY-MM-DD')
    WHERE list.tenant = $1 AND list.kind = 'daily_list' AND list.recipient = n.recipient AND list.channel = n.channel
      AND list.attempts > 0 AND list.created_at < n.created_at
      AND at.recipient = n.recipient AND at.channel = n.channel AND at.kind IN ('booked', 'moved')
      AND at.created_at < least(n.created_at, list.finished_at) AND NOT EXISTS (
          SELECT FROM notifications later WHERE later.tenant = $1 AND later.appointment_id = n.appointment_id
          AND later.recipient = n.recipient AND later.channel = n.channel AND later.kind IN ('booked', 'moved')
          AND later.created_at > at.created_at AND later.created_at < list.created_at))"""
# True if the booking before a move or cancellation was to be announced, and no attempted message has named it.
_NEVER_ANNOUNCED = f"""n.kind IN ('moved', 'cancelled') AND coalesce((
    SELECT bool_or(before.kind = 'booked') AND max(before.attempts) = 0 FROM notifications before
    WHERE before.tenant = $1 AND before.appointment_id = n.appointment_id AND before.recipient = n.recipient
    AND before.channel = n.channel AND before.kind IN ('booked', 'moved', 'reminder') AND before.created_at < n.created_at), false)
    AND NOT {_LISTED}"""  # noqa: S608  a constant of this module

_READ = f"""
SELECT n.id, n.kind, n.recipient, n.channel, n.starts_at, n.content, n.state, n.attempts, n.created_at, n.correlation_id,
       {_APPOINTMENT}, {_OPTED_OUT} OR {_OFFERED_TO_OPTED_OUT} AS opted_out, {_OFFER_OPEN} AS offer_open, EXISTS (
           SELECT 1 FROM notifications later WHERE later.tenant = $1 AND later.appointment_id = n.appointment_id
           AND later.recipient = n.recipient AND later.channel = n.channel AND later.kind IN ('booked', 'moved')
           AND later.created_at > n.created_at AND later.starts_at = a.starts_at) AS overtaken, {_NEVER_ANNOUNCED} AS unannounced
FROM notifications n
LEFT JOIN appointments a ON a.tenant = n.tenant AND a.id = n.appointment_id
{_CUSTOMER}
WHERE n.tenant = $1 AND n.id = $2 AND n.state IN ('waiting', 'sending') FOR UPDATE OF n
"""  # noqa: S608  constants of this module

_BEGIN = "UPDATE notifications SET state = 'sending', attempts = attempts + 1 WHERE tenant = $1 AND id = $2"

# Only sendings that this attempt began are ended: `attempts` is the fence.
_END = """
UPDATE notifications SET state = $4, error = $5, due_at = clock_timestamp() + coalesce($6, interval '0'),
       finished_at = CASE WHEN $4 = 'waiting' THEN NULL ELSE clock_timestamp() END
WHERE tenant = $1 AND id = $2 AND attempts = $3 AND state IN ('waiting', 'sending')
"""

_LIVE_BETWEEN = f"""
SELECT {_APPOINTMENT}, {_OPTED_OUT} AS opted_out, a.updated_at, EXISTS (
           SELECT 1 FROM notifications n WHERE n.tenant = $1 AND n.appointment_id = a.id AND n.kind = 'reminder'
           AND n.starts_at = a.starts_at) AS reminded
FROM appointments a {_CUSTOMER}
WHERE a.tenant = $1 AND a.starts_at >= $2 AND a.starts_at < $3 AND a.status IN ('confirmed', 'pending_sync')
ORDER BY a.starts_at, a.id
"""  # noqa: S608  constants of this module

# As it was booked, whatever the segments of its service are now; units of one staff member are blocked at the same times.
_WORK = """
SELECT DISTINCT a.id, greatest(c.block_start, a.starts_at) AS first, least(c.block_end, a.ends_at) AS last
FROM appointments a JOIN claims c ON c.tenant = a.tenant AND c.appointment_id = a.id
WHERE a.tenant = $1 AND a.id = ANY ($2) AND c.block_start < a.ends_at AND c.block_end > a.starts_at
  AND c.place = (SELECT max(place) FROM claims WHERE tenant = $1 AND appointment_id = a.id)
ORDER BY first
"""


@dataclass(frozen=True, slots=True)
class UpcomingAppointment:
    """A live appointment and its last change; whether its customer already has a reminder, and whether they opted out."""

    facts: AppointmentFacts
    updated_at: datetime
    opted_out: bool
    reminded: bool


async def insert_notifications(conn: "Connection | Pool", tenant: str, rows: Sequence[NewNotification]) -> None:
    """Insert the notifications that do not exist yet, each with its trace's context if the trace is recorded."""
    traceparent = current_traceparent()
    trace = {TRACEPARENT: traceparent} if traceparent else {}
    await conn.execute(
        _INSERT, tenant,
        [row.kind.value for row in rows], [row.subject for row in rows], [row.recipient.value for row in rows],
        [row.channel.value for row in rows], [row.correlation_id for row in rows], [row.appointment_id for row in rows],
        [row.starts_at for row in rows], [json.dumps(row.content | trace) for row in rows],
    )  # fmt: skip


async def read_texts(conn: Connection, tenant: str, subjects: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the contents of the notifications of kind `text` with these subjects, keyed by subject."""
    rows = await conn.fetch(
        "SELECT subject, content FROM notifications WHERE tenant = $1 AND kind = 'text' AND subject = ANY ($2::text[])",
        tenant, list(subjects),
    )  # fmt: skip
    return {row["subject"]: json.loads(row["content"]) for row in rows}


class MessageTimes(NamedTuple):
    """The time at which a message was left, and the understood time to call back; `call_back_until` None: an exact time."""

    created_at: datetime
    call_back_from: datetime | None
    call_back_until: datetime | None


async def read_message_times(conn: Connection, tenant: str, message_id: UUID) -> MessageTimes:
    """Return the times of a message whose row is locked in the transaction of `conn`."""
    row = await conn.fetchrow(
        "SELECT created_at, call_back_from, call_back_until FROM messages WHERE tenant = $1 AND id = $2",
        tenant,
        message_id,
    )
    assert row is not None, "the caller's transaction has stored it"
    return MessageTimes(row["created_at"], row["call_back_from"], row["call_back_until"])


async def list_due(pool: Pool, tenant: str, channel: str, limit: int) -> list[UUID]:
    """Return the due notifications of a channel, the earliest due first."""
    return [row["id"] for row in await pool.fetch(_DUE, tenant, channel, limit)]


async def list_other_due(pool: Pool, tenant: str, channels: Sequence[str]) -> list[UUID]:
    """Return the due notifications of channels that are not in `channels`, since they are not configured any more."""
    rows = await pool.fetch(
        """SELECT id FROM notifications WHERE tenant = $1 AND channel <> ALL ($2) AND state IN ('waiting', 'sending')
           AND due_at <= clock_timestamp() ORDER BY due_at LIMIT 100""",
        tenant, list(channels),
    )  # fmt: skip
    return [row["id"] for row in rows]


async def lock_notification(
    conn: Connection, tenant: str, notification_id: UUID, zone: ZoneInfo
) -> StoredNotification | None:
    """Return a waiting notification with its appointment as it is now, locked until the end of the transaction; None if it no
    longer waits.

    `zone` is the tenant's time zone, in which a daily list has its day.
    """
    row = await conn.fetchrow(_READ, tenant, notification_id, zone.key)
    if row is None:
        return None
    recipient = Recipient(row["recipient"])
    # For a business that was not notified of the booking, a moved appointment is new. Its customer knows both times.
    is_new = row["unannounced"] and row["kind"] == Kind.MOVED and recipient is Recipient.BUSINESS
    return StoredNotification(
        id=row["id"],
        kind=Kind.BOOKED if is_new else row["kind"],
        recipient=recipient,
        channel=row["channel"],
        starts_at=row["starts_at"],
        content=json.loads(row["content"]),
        state=State(row["state"]),
        attempts=row["attempts"],
        created_at=row["created_at"],
        correlation_id=row["correlation_id"],
        appointment=_facts(row) if row["appointment_id"] is not None else None,
        overtaken=row["overtaken"],
        opted_out=row["opted_out"],
        offer_open=row["offer_open"],
        unannounced=row["unannounced"],
    )


async def begin_attempt(conn: Connection, tenant: str, notification_id: UUID) -> None:
    """Record that an attempt is about to begin."""
    await conn.execute(_BEGIN, tenant, notification_id)


async def end_attempt(
    conn: "Connection | Pool",
    tenant: str,
    notification_id: UUID,
    attempts: int,
    state: State,
    error: str | None = None,
    wait: timedelta | None = None,
) -> None:
    """Record the outcome of an attempt, unless another attempt has begun since. The next attempt is due after `wait`, if any."""
    shortened = error[:_LONGEST_ERROR] if error else None
    await conn.execute(_END, tenant, notification_id, attempts, state.value, shortened, wait)


async def list_appointments_between(
    pool: Pool, tenant: str, first: datetime, last: datetime
) -> list[UpcomingAppointment]:
    """Return the live appointments that start in [first, last), ordered by start."""
    rows = await pool.fetch(_LIVE_BETWEEN, tenant, first, last)
    return [UpcomingAppointment(_facts(row), row["updated_at"], row["opted_out"], row["reminded"]) for row in rows]


async def read_work(pool: Pool, tenant: str, appointments: Sequence[AppointmentFacts]) -> list[AppointmentFacts]:
    """Return the appointments with their `work`: the spans that they block of their staff members, without buffers."""
    work = defaultdict[UUID, list[tuple[datetime, datetime]]](list)
    for row in await pool.fetch(_WORK, tenant, [each.id for each in appointments]):
        work[row["id"]].append((row["first"], row["last"]))
    return [replace(each, work=tuple(work[each.id])) for each in appointments]


def _facts(row: asyncpg.Record) -> AppointmentFacts:
    """Return a row's appointment, with a cleaned customer name: anybody can type any name for any remote booking."""
    return AppointmentFacts(
        row["appointment_id"], row["branch"], row["service"], row["staff"], row["begins_at"], row["ends_at"], row["status"],
        row["version"], plain_name(row["customer_name"]), row["attendee_email"], row["phone"], row["notes"],
    )  # fmt: skip


async def measure_notifications(pool: Pool, tenant: str) -> tuple[int, float]:
    """Return the number of dead notifications, and the age in seconds of the oldest unsent notification with an attempt."""
    row = await pool.fetchrow(
        """SELECT (SELECT count(*) FROM notifications WHERE tenant = $1 AND state = 'dead') AS dead,
                  coalesce((SELECT extract(epoch FROM clock_timestamp() - min(created_at)) FROM notifications
                            WHERE tenant = $1 AND state IN ('waiting', 'sending') AND attempts > 0), 0)::float8 AS oldest""",
        tenant,
    )
    return (row["dead"], row["oldest"]) if row else (0, 0.0)


async def list_notifications(
    pool: Pool, tenant: str, *, state: str | None, after: Sequence[Any] | None, limit: int
) -> list[asyncpg.Record]:
    """Return notifications (with `state`: in this state), newest first. `after`: time and id of the previous page's last one."""
    at, last = after or (None, None)
    return list(
        await pool.fetch(
            """SELECT id::text, kind, recipient, channel, state, attempts, error, created_at, due_at, finished_at,
                      appointment_id::text, correlation_id
               FROM notifications WHERE tenant = $1 AND ($2::text IS NULL OR state = $2)
                 AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
               ORDER BY created_at DESC, id DESC LIMIT $5""",
            tenant, state, at, last, limit,
        )
    )  # fmt: skip


async def redrive_notifications(
    pool: Pool,
    tenant: str,
    only: UUID | None,
    limit: int,
    correlation_id: str,
    claimed_by: str | None = None,
    request: str | None = None,
) -> list[str]:
    """Make dead notifications due again, with all their attempts: the one with id `only`, or up to `limit`. Return their ids.

    Each is decided anew: a notification that is no longer needed is dropped. The audit log records each with its last error and
    the name that the sender claims. `request` is the `call_id` of a desk request: if the request is repeated, nothing is
    redriven, and the ids of the first time are returned.
    """
    # As with events, one and all have different keys; an event with the same id is another change.
    key = "request|redrive-notifications" if only is None else "request|redrive"
    rows: Sequence[asyncpg.Record] = ()
    try:
        rows = await pool.fetch(_REDRIVE, tenant, only, limit, correlation_id, claimed_by, request, key)
    except asyncpg.UniqueViolationError:  # a concurrent request for another notification has bound the id
        if request is None:
            raise
    if rows or request is None:
        return [row["id"] for row in rows]
    before = await pool.fetchval(_REDRIVEN_BY, tenant, request, key)
    return [] if before is None else list(json.loads(before))
