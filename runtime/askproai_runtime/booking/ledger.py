"""Every SQL statement of the booking room. The truth about double booking is `claims_no_overlap` (design §3.3).

Expiry is compared with the database's `clock_timestamp()`, after the lock: pods' clocks differ, one database's does not.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

import asyncpg
import stamina

from askproai_runtime.booking.availability import Span
from askproai_runtime.store import Connection, Pool

T = TypeVar("T")


class Status(StrEnum):
    """The states of an appointment that this room writes (contract §8); LIVE ones are promised to a customer."""

    HELD = "held"
    CONFIRMED = "confirmed"
    PENDING_SYNC = "pending_sync"


LIVE = frozenset({Status.CONFIRMED, Status.PENDING_SYNC})
# Whom a lock let in late can meet a hold that expired a moment ago, or the hold of its own call's twin.
_RACES = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.ExclusionViolationError,
    asyncpg.UniqueViolationError,
)


@dataclass(frozen=True, slots=True)
class Appointment:
    """A row of `appointments`, with the phone of its customer, and which action of its call made it."""

    id: UUID
    branch: str
    service: str
    staff: str
    starts_at: datetime
    ends_at: datetime
    status: str
    call_id: str
    correlation_id: str
    customer_name: str = ""
    phone: str | None = None
    attendee_email: str | None = None
    event_type_id: int | None = None
    external_id: str | None = None
    version: int = 1
    action: str | None = None
    settled: bool = True  # nobody is at it now
    # Written, and not read again here:
    caller: str | None = None
    customer_id: UUID | None = None
    notes: str | None = None
    generation: int = 1

    @property
    def live(self) -> bool:
        return self.status in LIVE


_READ = """SELECT a.id, a.branch, a.service, a.staff, a.starts_at, a.ends_at, a.status, coalesce(a.call_id, '') AS call_id,
    a.correlation_id, a.customer_name, c.phone, a.attendee_email, a.event_type_id, a.external_id, a.version,
    act.key AS action, coalesce(act.state = 'done' OR act.lease_until <= clock_timestamp(), true) AS settled
    FROM appointments a LEFT JOIN customers c ON c.tenant = a.tenant AND c.id = a.customer_id
    LEFT JOIN call_actions act ON act.tenant = a.tenant AND act.appointment_id = a.id """


async def transact(pool: Pool, work: Callable[[Connection], Awaitable[T]]) -> T:
    """Run a transaction, a few times if it loses races. Raises `asyncpg.ExclusionViolationError` when the span stays taken,
    `asyncpg.LockNotAvailableError` after `lock_timeout`.
    """
    async for attempt in stamina.retry_context(
        on=_RACES, attempts=4, timeout=2.0, wait_initial=0.01, wait_max=0.2, wait_jitter=0.05
    ):
        with attempt:
            async with pool.acquire() as conn, conn.transaction():
                return await work(conn)
    raise AssertionError("stamina ends by a result or by the last error")


async def clear_way(conn: Connection, tenant: str, resources: Sequence[int], call_id: str) -> None:
    """Lock these people, then delete the call's own hold, and expired ones of these people; their claims go with them.

    Rows are locked in id order, without which overlapping writers deadlock; the own hold's person, too.
    """
    await conn.execute(
        """SELECT id FROM resources
           WHERE tenant = $1 AND (id = ANY($2) OR id IN (
               SELECT c.resource_id FROM claims c JOIN appointments a ON a.tenant = c.tenant AND a.id = c.appointment_id
               WHERE a.tenant = $1 AND a.call_id = $3 AND a.status = 'held'))
           ORDER BY id FOR UPDATE""",
        tenant, list(resources), call_id,
    )  # fmt: skip
    await conn.execute(
        """DELETE FROM appointments a
           WHERE a.tenant = $1 AND a.status = 'held' AND (a.call_id = $3 OR EXISTS (
               SELECT 1 FROM claims c WHERE c.tenant = $1 AND c.appointment_id = a.id AND c.resource_id = ANY($2)
               AND c.state = 'held' AND c.expires_at <= clock_timestamp()))""",
        tenant, list(resources), call_id,
    )  # fmt: skip


async def release_hold(conn: Connection, tenant: str, call_id: str) -> None:
    """Free what is held for a call: its end was seen. Safe to run again."""
    await conn.execute(
        "DELETE FROM appointments WHERE tenant = $1 AND call_id = $2 AND status = 'held'", tenant, call_id
    )


async def busy(
    conn: Connection, tenant: str, resources: Sequence[int], start: datetime, end: datetime, call_id: str
) -> dict[int, list[Span]]:
    """Read what blocks these people in [start, end), all of them in one query: booked, held for other calls, or refused
    by the provider a moment ago. Scalars, not range operators: under row security those cannot use an index.
    """
    rows = await conn.fetch(
        """SELECT c.resource_id, c.block_start AS starts_at, c.block_end AS ends_at FROM claims c
           WHERE c.tenant = $1 AND c.resource_id = ANY($2) AND c.block_end > $3 AND c.block_start < $4
             AND (c.state = 'booked' OR c.state = 'held' AND c.expires_at > clock_timestamp() AND NOT EXISTS (
                  SELECT 1 FROM appointments a WHERE a.tenant = $1 AND a.id = c.appointment_id AND a.call_id = $5))
           UNION ALL
           SELECT r.resource_id, r.starts_at, r.ends_at FROM refusals r
           WHERE r.tenant = $1 AND r.resource_id = ANY($2) AND r.ends_at > $3 AND r.starts_at < $4
             AND r.until > clock_timestamp()""",
        tenant, list(resources), start, end, call_id,
    )  # fmt: skip
    spans: dict[int, list[Span]] = defaultdict(list)
    for row in rows:
        spans[row["resource_id"]].append(Span(row["starts_at"], row["ends_at"]))
    return spans


async def holds_left(
    conn: Connection, tenant: str, resource_id: int, day: Span, caller: str | None, per_day: int, per_caller: int
) -> bool:
    """Say whether one more hold is allowed for this person on this day, and for this caller."""
    held = await conn.fetchrow(
        """SELECT count(*) FILTER (WHERE c.resource_id = $2 AND c.block_end > $3 AND c.block_start < $4) AS of_day,
                  count(*) FILTER (WHERE a.caller = $5) AS of_caller
           FROM appointments a JOIN claims c ON c.tenant = a.tenant AND c.appointment_id = a.id
           WHERE a.tenant = $1 AND a.status = 'held' AND c.expires_at > clock_timestamp()""",
        tenant, resource_id, day.start, day.end, caller,
    )  # fmt: skip
    return held is not None and held["of_day"] < per_day and held["of_caller"] < per_caller


async def insert(
    conn: Connection, tenant: str, made: Appointment, resource_id: int, blocks: Span, hold: timedelta | None = None
) -> None:
    """Write an appointment and its claim, for the time of `hold` or for good. `ExclusionViolationError`: it is taken."""
    await conn.execute(
        """WITH a AS (
               INSERT INTO appointments (tenant, id, branch, service, staff, starts_at, ends_at, status, call_id, caller,
                   correlation_id, customer_id, customer_name, event_type_id, attendee_email, notes, generation)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) RETURNING id)
           INSERT INTO claims (tenant, appointment_id, resource_id, blocks, state, expires_at)
           SELECT $1, a.id, $18, tstzrange($19, $20, '[)'),
                  CASE WHEN $21::interval IS NULL THEN 'booked' ELSE 'held' END, clock_timestamp() + $21 FROM a""",
        tenant, made.id, made.branch, made.service, made.staff, made.starts_at, made.ends_at, made.status, made.call_id,
        made.caller, made.correlation_id, made.customer_id, made.customer_name, made.event_type_id, made.attendee_email,
        made.notes, made.generation, resource_id, blocks.start, blocks.end, hold,
    )  # fmt: skip


async def customer(conn: Connection, tenant: str, phone: str, name: str, email: str | None) -> UUID:
    """Give the customer of a number. A name once known stays: a number belongs to a family, an appointment to a person."""
    found: UUID = await conn.fetchval(
        """INSERT INTO customers AS c (tenant, phone, name, email) VALUES ($1, $2, $3, $4)
           ON CONFLICT (tenant, phone) DO UPDATE SET name = coalesce(nullif(c.name, ''), excluded.name),
               email = coalesce(excluded.email, c.email), updated_at = clock_timestamp()
           RETURNING id""",
        tenant, phone, name, email,
    )  # fmt: skip
    return found


async def appointment(conn: Connection, tenant: str, appointment_id: UUID) -> Appointment | None:
    row = await conn.fetchrow(_READ + "WHERE a.tenant = $1 AND a.id = $2", tenant, appointment_id)
    return Appointment(**row) if row else None


async def of_call(conn: Connection, tenant: str, call_id: str) -> list[Appointment]:
    """Give what a call has: its appointments, and what it was last offered, expired or not."""
    live = "AND a.status IN ('held', 'confirmed', 'pending_sync') ORDER BY a.created_at"
    return [
        Appointment(**row)
        for row in await conn.fetch(f"{_READ} WHERE a.tenant = $1 AND a.call_id = $2 {live}", tenant, call_id)
    ]


async def confirm(conn: Connection, tenant: str, made: Appointment, uid: str | None, *, requested: bool) -> bool:
    """Write that a pending appointment stands in the calendar, and end its waiting sync job; if it is only requested there,
    it stays pending. False: it was changed here meanwhile and is not what stands there; the uid is kept to cancel it by.
    """
    done = await conn.fetchval(
        """WITH made AS (
               UPDATE appointments SET status = CASE WHEN $5 THEN status ELSE 'confirmed' END, external_id = $4,
                   error = NULL, version = version + 1, updated_at = clock_timestamp()
               WHERE tenant = $1 AND id = $2 AND version = $3 AND status = 'pending_sync' RETURNING id),
           retired AS (
               UPDATE jobs SET state = 'done', finished_at = clock_timestamp() WHERE tenant = $1
               AND appointment_id IN (SELECT id FROM made) AND kind = 'calendar-sync' AND state = 'ready')
           SELECT true FROM made""",
        tenant, made.id, made.version, uid, requested,
    )  # fmt: skip
    if done:
        return True
    other = await conn.execute(
        """UPDATE appointments SET external_id = coalesce(external_id, $3)
           WHERE tenant = $1 AND id = $2 AND external_id IS DISTINCT FROM $3""",
        tenant, made.id, uid,
    )  # fmt: skip
    return other == "UPDATE 0"  # another process wrote the same before


async def give_back(conn: Connection, tenant: str, made: Appointment, reason: str, refusal: timedelta) -> bool:
    """Free what the provider says is taken, do not offer that person and span again for a while, end its waiting sync job.
    False when it must stay: it was changed, or a caller was told meanwhile that it stands.
    """
    await conn.execute(  # who tells a caller holds this lock, too: see the saga's `_write`
        """SELECT 1 FROM resources WHERE tenant = $1 AND id IN (
               SELECT resource_id FROM claims WHERE tenant = $1 AND appointment_id = $2) ORDER BY id FOR UPDATE""",
        tenant, made.id,
    )  # fmt: skip
    done = await conn.fetchval(
        """WITH lost AS (
               UPDATE appointments SET status = 'failed', error = $4, version = version + 1, updated_at = clock_timestamp()
               WHERE tenant = $1 AND id = $2 AND version = $3 AND status = 'pending_sync' AND NOT EXISTS (
                   SELECT 1 FROM call_actions WHERE tenant = $1 AND appointment_id = $2 AND state = 'done')
               RETURNING id, starts_at, ends_at),
           freed AS (
               UPDATE claims SET state = 'released' WHERE tenant = $1 AND appointment_id IN (SELECT id FROM lost)
               RETURNING resource_id),
           retired AS (
               UPDATE jobs SET state = 'done', finished_at = clock_timestamp() WHERE tenant = $1
               AND appointment_id IN (SELECT id FROM lost) AND kind = 'calendar-sync' AND state = 'ready')
           INSERT INTO refusals (tenant, resource_id, starts_at, ends_at, until, reason)
           SELECT $1, freed.resource_id, lost.starts_at, lost.ends_at, clock_timestamp() + $5, $4 FROM lost, freed
           RETURNING true""",
        tenant, made.id, made.version, reason, refusal,
    )  # fmt: skip
    return bool(done)


async def cancelled_near(conn: Connection, tenant: str, made: Appointment) -> list[str]:
    """Give what of the same person was cancelled here and may still stand in the calendar where `made` is to stand.

    The hour is for buffers: what is cancelled here is wanted there in no case.
    """
    rows = await conn.fetch(
        """SELECT external_id FROM appointments WHERE tenant = $1 AND branch = $2 AND staff = $3 AND status = 'cancelled'
           AND external_id IS NOT NULL AND starts_at > $4::timestamptz - interval '1 day'
           AND starts_at < $5::timestamptz + interval '1 hour' AND ends_at > $4::timestamptz - interval '1 hour'
           ORDER BY updated_at DESC LIMIT 3""",
        tenant, made.branch, made.staff, made.starts_at, made.ends_at,
    )  # fmt: skip
    return [row["external_id"] for row in rows]


async def note_error(conn: Connection, tenant: str, appointment_id: UUID, error: str) -> None:
    """Keep on the appointment what a person must know; it stays pending."""
    await conn.execute(
        "UPDATE appointments SET error = $3 WHERE tenant = $1 AND id = $2 AND status = 'pending_sync'",
        tenant, appointment_id, error,
    )  # fmt: skip


async def begin_attempt(conn: Connection, tenant: str, made: Appointment, quiet: timedelta) -> bool:
    """Write before a POST that one is made, so that a crash cannot hide it. False when the last one is too young for
    another, or the appointment was changed.
    """
    done = await conn.execute(
        """UPDATE appointments SET updated_at = clock_timestamp() WHERE tenant = $1 AND id = $2 AND version = $3
           AND status = 'pending_sync' AND updated_at + $4 <= clock_timestamp()""",
        tenant, made.id, made.version, quiet,
    )  # fmt: skip
    return done == "UPDATE 1"


async def take_turn(
    conn: Connection, tenant: str, call_id: str, key: str, start: datetime, lease: timedelta
) -> int | None:
    """Take the right to do an action of a call: it was never done, its holder died, or its appointment is gone or moved.

    Gives the generation; None: it is done and stands, or somebody is doing it now.
    """
    generation: int | None = await conn.fetchval(
        """INSERT INTO call_actions AS act (tenant, call_id, key, state, lease_until)
           VALUES ($1, $2, $3, 'in_flight', clock_timestamp() + $5)
           ON CONFLICT (tenant, call_id, key) DO UPDATE SET state = 'in_flight', lease_until = excluded.lease_until,
               generation = act.generation + 1
           WHERE act.state = 'in_flight' AND act.lease_until <= clock_timestamp()
              OR act.state = 'done' AND NOT EXISTS (
                  SELECT 1 FROM appointments a WHERE a.tenant = $1 AND a.id = act.appointment_id
                  AND a.status IN ('confirmed', 'pending_sync') AND a.starts_at = $4)
           RETURNING generation""",
        tenant, call_id, key, start, lease,
    )  # fmt: skip
    return generation


async def set_turn(
    conn: Connection, tenant: str, call_id: str, key: str, generation: int, made: UUID | None, lease: timedelta | None
) -> None:
    """Write what an action has made so far, and how long it may still take; None: it is done.

    Nothing made and no time left gives it up to the next who asks: a refusal is never stored.
    """
    await conn.execute(
        """UPDATE call_actions SET appointment_id = coalesce($5, appointment_id),
               state = CASE WHEN $6::interval IS NULL THEN 'done' ELSE 'in_flight' END,
               lease_until = clock_timestamp() + coalesce($6, interval '0')
           WHERE tenant = $1 AND call_id = $2 AND key = $3 AND generation = $4 AND state = 'in_flight'""",
        tenant, call_id, key, generation, made, lease,
    )  # fmt: skip
