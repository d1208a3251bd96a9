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

from askproai_core.database import Connection, Pool
from askproai_runtime.booking.availability import BusySpan, Claims, Span

T = TypeVar("T")


class Status(StrEnum):
    """The states of an appointment (contract §8); LIVE ones are promised to a customer."""

    HELD = "held"
    CONFIRMED = "confirmed"
    PENDING_SYNC = "pending_sync"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"
    FAILED = "failed"


class CancelledBy(StrEnum):
    """Whose wish it was: what a caller cancelled is taken back from the calendar, what was cancelled there may return."""

    CALLER = "caller"
    CALENDAR = "calendar"


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
    external_updated_at: datetime | None = None
    was_starts_at: datetime | None = None  # set while the calendar has not agreed to a move
    was_ends_at: datetime | None = None
    was_place: int | None = None
    cancelled_by: str | None = None
    cancel_reason: str | None = None
    caller: str | None = None
    version: int = 1
    action: str | None = None
    settled: bool = True  # nobody is at it now
    read_at: datetime | None = None  # by the database's clock
    # Written, and not read again here:
    customer_id: UUID | None = None
    notes: str | None = None
    generation: int = 1

    @property
    def live(self) -> bool:
        return self.status in LIVE

    @property
    def requested(self) -> bool:
        """Say whether it stands in the calendar as wanted, but waits there for somebody's yes."""
        return self.status == Status.PENDING_SYNC and self.external_id is not None and self.was_starts_at is None


@dataclass(frozen=True, slots=True)
class Place:
    """When and with whom an appointment stands, and which of the person's rows it blocks when; `units` as of now."""

    staff: str
    starts_at: datetime
    ends_at: datetime
    claims: Claims
    units: int


READ = """SELECT a.id, a.branch, a.service, a.staff, a.starts_at, a.ends_at, a.status, coalesce(a.call_id, '') AS call_id,
    a.correlation_id, a.customer_name, c.phone, a.attendee_email, a.event_type_id, a.external_id, a.external_updated_at,
    a.was_starts_at, a.was_ends_at, a.was_place, a.cancelled_by, a.cancel_reason, a.caller, a.version, act.key AS action,
    coalesce(act.state = 'done' OR act.lease_until <= clock_timestamp(), true) AS settled, clock_timestamp() AS read_at
    FROM appointments a LEFT JOIN customers c ON c.tenant = a.tenant AND c.id = a.customer_id
    LEFT JOIN call_actions act ON act.tenant = a.tenant AND act.appointment_id = a.id AND act.key LIKE 'book|%' """


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


async def clear_way(
    conn: Connection, tenant: str, resources: Sequence[int], call_id: str, *, also_of: UUID | None = None
) -> None:
    """Lock these people, then delete the call's own hold, and expired ones of these people; their claims go with them.

    Rows are locked in id order, without which overlapping writers deadlock; the people of the own hold and of the
    appointment `also_of`, too.
    """
    await conn.execute(
        """SELECT id FROM resources
           WHERE tenant = $1 AND (id = ANY($2) OR id IN (
               SELECT c.resource_id FROM claims c JOIN appointments a ON a.tenant = c.tenant AND a.id = c.appointment_id
               WHERE a.tenant = $1 AND (a.call_id = $3 AND a.status = 'held' OR a.id = $4)))
           ORDER BY id FOR UPDATE""",
        tenant, list(resources), call_id, also_of,
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
    conn: Connection,
    tenant: str,
    resources: Sequence[int],
    start: datetime,
    end: datetime,
    call_id: str,
    ignoring: UUID | None = None,
) -> dict[int, list[BusySpan]]:
    """Read what blocks these people in [start, end), all of them in one query: booked, held for other calls, or refused
    by the provider a moment ago. Scalars, not range operators: under row security those cannot use an index.

    `ignoring` is an appointment that is to be moved, and so is not in its own way.
    """
    rows = await conn.fetch(
        """SELECT c.resource_id, c.block_start AS starts_at, c.block_end AS ends_at, c.units FROM claims c
           WHERE c.tenant = $1 AND c.resource_id = ANY($2) AND c.block_end > $3 AND c.block_start < $4
             AND c.appointment_id IS DISTINCT FROM $6
             AND (c.state = 'booked' OR c.state = 'held' AND c.expires_at > clock_timestamp() AND NOT EXISTS (
                  SELECT 1 FROM appointments a WHERE a.tenant = $1 AND a.id = c.appointment_id AND a.call_id = $5))
           UNION ALL
           SELECT r.resource_id, r.starts_at, r.ends_at, 1::smallint FROM refusals r
           WHERE r.tenant = $1 AND r.resource_id = ANY($2) AND r.ends_at > $3 AND r.starts_at < $4
             AND r.until > clock_timestamp()""",
        tenant, list(resources), start, end, call_id, ignoring,
    )  # fmt: skip
    taken: dict[int, list[BusySpan]] = defaultdict(list)
    for row in rows:
        taken[row["resource_id"]].append(BusySpan(row["starts_at"], row["ends_at"], row["units"]))
    return taken


async def holds_left(
    conn: Connection, tenant: str, person: Sequence[int], day: Span, caller: str | None, per_day: int, per_caller: int
) -> bool:
    """Say whether one more hold is allowed for this person on this day, and for this caller."""
    held = await conn.fetchrow(
        """SELECT count(DISTINCT a.id) FILTER (WHERE c.resource_id = ANY($2) AND c.block_end > $3 AND c.block_start < $4) AS of_day,
                  count(DISTINCT a.id) FILTER (WHERE a.caller = $5) AS of_caller
           FROM appointments a JOIN claims c ON c.tenant = a.tenant AND c.appointment_id = a.id
           WHERE a.tenant = $1 AND a.status = 'held' AND c.expires_at > clock_timestamp()""",
        tenant, list(person), day.start, day.end, caller,
    )  # fmt: skip
    return held is not None and held["of_day"] < per_day and held["of_caller"] < per_caller


async def insert(
    conn: Connection, tenant: str, made: Appointment, claims: Claims, units: int, hold: timedelta | None = None
) -> None:
    """Write an appointment and its claims, for the time of `hold` or for good. `ExclusionViolationError`: it is taken."""
    await conn.execute(
        """WITH a AS (
               INSERT INTO appointments (tenant, id, branch, service, staff, starts_at, ends_at, status, call_id, caller,
                   correlation_id, customer_id, customer_name, event_type_id, attendee_email, notes, generation)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, nullif($9, ''), $10, $11, $12, $13, $14, $15, $16, $17) RETURNING id)
           INSERT INTO claims (tenant, appointment_id, resource_id, blocks, state, expires_at, units)
           SELECT $1, a.id, claim.row, tstzrange(claim.first, claim.last, '[)'),
                  CASE WHEN $21::interval IS NULL THEN 'booked' ELSE 'held' END, clock_timestamp() + $21, $22
           FROM a, unnest($18::bigint[], $19::timestamptz[], $20::timestamptz[]) AS claim (row, first, last)""",
        tenant, made.id, made.branch, made.service, made.staff, made.starts_at, made.ends_at, made.status, made.call_id,
        made.caller, made.correlation_id, made.customer_id, made.customer_name, made.event_type_id, made.attendee_email,
        made.notes, made.generation, *columns(claims), hold, units,
    )  # fmt: skip


def columns(claims: Claims) -> tuple[list[int], list[datetime], list[datetime]]:
    """Give claims as the arrays that a statement unnests."""
    return [row for row, _ in claims], [span.start for _, span in claims], [span.end for _, span in claims]


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


async def appointment(conn: Connection, tenant: str, appointment_id: UUID, *, lock: bool = False) -> Appointment | None:
    """Give an appointment; with `lock` nobody else changes it before the transaction ends."""
    query = READ + "WHERE a.tenant = $1 AND a.id = $2" + (" FOR UPDATE OF a" if lock else "")
    row = await conn.fetchrow(query, tenant, appointment_id)
    return Appointment(**row) if row else None


async def of_call(conn: Connection, tenant: str, call_id: str) -> list[Appointment]:
    """Give what a call has: its appointments, and what it was last offered, expired or not."""
    live = "AND a.status IN ('held', 'confirmed', 'pending_sync') ORDER BY a.created_at"
    return [
        Appointment(**row)
        for row in await conn.fetch(f"{READ} WHERE a.tenant = $1 AND a.call_id = $2 {live}", tenant, call_id)
    ]
