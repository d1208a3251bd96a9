"""Every SQL statement of the booking room. The truth about double booking is `claims_no_overlap` (design §3.3).

Expiry is compared with the database's `clock_timestamp()`, after the lock: pods' clocks differ, one database's does not.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from askproai_runtime.booking.availability import Slot, Span
from askproai_runtime.store import Connection


class Status(StrEnum):
    """The states of an appointment that this room writes (contract §8); LIVE ones are promised to a customer."""

    HELD = "held"
    CONFIRMED = "confirmed"
    PENDING_SYNC = "pending_sync"
    FAILED = "failed"


LIVE = frozenset({Status.CONFIRMED, Status.PENDING_SYNC})


@dataclass(frozen=True, slots=True)
class Appointment:
    """A row of `appointments`, with the phone of its customer."""

    id: UUID
    branch: str
    service: str
    staff: str
    starts_at: datetime
    ends_at: datetime
    status: str
    version: int
    customer_name: str
    phone: str | None
    attendee_email: str | None
    event_type_id: int | None
    external_id: str | None
    call_id: str
    correlation_id: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """An appointment to write, with what it blocks. `hold` makes it a held one that ends by itself."""

    id: UUID
    branch: str
    service: str
    slot: Slot
    blocks: Span
    status: Status
    call_id: str
    caller: str | None
    correlation_id: str
    customer_id: UUID | None = None
    customer_name: str = ""
    event_type_id: int | None = None
    attendee_email: str | None = None
    notes: str | None = None
    generation: int = 1
    hold: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to do an action now. `appointment_id`: what an earlier holder of it had already made."""

    generation: int
    appointment_id: UUID | None


async def lock(conn: Connection, tenant: str, resources: Sequence[int], call_id: str) -> None:
    """Lock the people's rows in id order, without which overlapping writers deadlock; the call's own hold's row, too,
    because that hold is about to be deleted.
    """
    await conn.execute(
        """SELECT id FROM resources
           WHERE tenant = $1 AND (id = ANY($2) OR id IN (
               SELECT c.resource_id FROM claims c JOIN appointments a ON a.tenant = c.tenant AND a.id = c.appointment_id
               WHERE a.tenant = $1 AND a.call_id = $3 AND a.status = 'held'))
           ORDER BY id FOR UPDATE""",
        tenant, list(resources), call_id,
    )  # fmt: skip


async def clear_way(conn: Connection, tenant: str, resources: Sequence[int], call_id: str) -> None:
    """Delete the call's own hold, and the expired ones of these people; their claims go with them."""
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
    conn: Connection, tenant: str, slot: Slot, day: Span, caller: str | None, per_day: int, per_caller: int
) -> bool:
    """Say whether one more hold is allowed for this person on this day, and for this caller."""
    held = await conn.fetchrow(
        """SELECT count(*) FILTER (WHERE c.resource_id = $2 AND c.block_end > $3 AND c.block_start < $4) AS of_day,
                  count(*) FILTER (WHERE a.caller = $5) AS of_caller
           FROM appointments a JOIN claims c ON c.tenant = a.tenant AND c.appointment_id = a.id
           WHERE a.tenant = $1 AND a.status = 'held' AND c.expires_at > clock_timestamp()""",
        tenant, slot.resource_id, day.start, day.end, caller,
    )  # fmt: skip
    return held is not None and held["of_day"] < per_day and held["of_caller"] < per_caller


async def insert(conn: Connection, tenant: str, entry: Entry) -> None:
    """Write an appointment and its claim. Raises `asyncpg.ExclusionViolationError` when the span is taken."""
    await conn.execute(
        """WITH a AS (
               INSERT INTO appointments (tenant, id, branch, service, staff, starts_at, ends_at, status, call_id, caller,
                   correlation_id, customer_id, customer_name, event_type_id, attendee_email, notes, generation)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) RETURNING id)
           INSERT INTO claims (tenant, appointment_id, resource_id, blocks, state, expires_at)
           SELECT $1, a.id, $18, tstzrange($19, $20, '[)'),
                  CASE WHEN $21::interval IS NULL THEN 'booked' ELSE 'held' END, clock_timestamp() + $21 FROM a""",
        tenant, entry.id, entry.branch, entry.service, entry.slot.staff, entry.slot.start, entry.slot.end, entry.status,
        entry.call_id, entry.caller, entry.correlation_id, entry.customer_id, entry.customer_name, entry.event_type_id,
        entry.attendee_email, entry.notes, entry.generation, entry.slot.resource_id, entry.blocks.start,
        entry.blocks.end, entry.hold,
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


_APPOINTMENT = """SELECT a.id, a.branch, a.service, a.staff, a.starts_at, a.ends_at, a.status, a.version,
    a.customer_name, c.phone, a.attendee_email, a.event_type_id, a.external_id, coalesce(a.call_id, '') AS call_id,
    a.correlation_id, a.updated_at
    FROM appointments a LEFT JOIN customers c ON c.tenant = a.tenant AND c.id = a.customer_id """


async def appointment(conn: Connection, tenant: str, appointment_id: UUID) -> Appointment | None:
    row = await conn.fetchrow(_APPOINTMENT + "WHERE a.tenant = $1 AND a.id = $2", tenant, appointment_id)
    return Appointment(**row) if row else None


async def own_hold(conn: Connection, tenant: str, call_id: str) -> Appointment | None:
    """Give what was last offered to the call, expired or not."""
    row = await conn.fetchrow(
        _APPOINTMENT + "WHERE a.tenant = $1 AND a.call_id = $2 AND a.status = 'held'", tenant, call_id
    )
    return Appointment(**row) if row else None


async def confirm(conn: Connection, tenant: str, made: Appointment, uid: str | None) -> bool:
    """Make a pending appointment a confirmed one; False when somebody changed it meanwhile."""
    done = await conn.execute(
        """UPDATE appointments SET status = 'confirmed', external_id = $4, error = NULL, version = version + 1,
               updated_at = clock_timestamp()
           WHERE tenant = $1 AND id = $2 AND version = $3 AND status = 'pending_sync'""",
        tenant, made.id, made.version, uid,
    )  # fmt: skip
    return done == "UPDATE 1"


async def give_back(conn: Connection, tenant: str, made: Appointment, reason: str, refusal: timedelta) -> None:
    """Free what the provider says is taken, and do not offer that person and span again for a while."""
    await conn.execute(
        """WITH lost AS (
               UPDATE appointments SET status = 'failed', error = $4, version = version + 1, updated_at = clock_timestamp()
               WHERE tenant = $1 AND id = $2 AND version = $3 AND status = 'pending_sync' RETURNING id, starts_at, ends_at),
           freed AS (
               UPDATE claims SET state = 'released' WHERE tenant = $1 AND appointment_id IN (SELECT id FROM lost)
               RETURNING resource_id)
           INSERT INTO refusals (tenant, resource_id, starts_at, ends_at, until, reason)
           SELECT $1, freed.resource_id, lost.starts_at, lost.ends_at, clock_timestamp() + $5, $4 FROM lost, freed""",
        tenant, made.id, made.version, reason, refusal,
    )  # fmt: skip


async def keep_uid(conn: Connection, tenant: str, appointment_id: UUID, uid: str | None) -> None:
    """Keep where an appointment stands elsewhere although it is no longer wanted here, so that it can be cancelled there."""
    await conn.execute(
        "UPDATE appointments SET external_id = $3 WHERE tenant = $1 AND id = $2 AND external_id IS NULL",
        tenant, appointment_id, uid,
    )  # fmt: skip


async def note_error(conn: Connection, tenant: str, appointment_id: UUID, error: str) -> None:
    """Keep on the appointment what a person must know; it stays pending."""
    await conn.execute(
        "UPDATE appointments SET error = $3 WHERE tenant = $1 AND id = $2 AND status = 'pending_sync'",
        tenant, appointment_id, error,
    )  # fmt: skip


async def mark_attempt(conn: Connection, tenant: str, made: Appointment) -> bool:
    """Say before a POST that one is made, so that a crash cannot hide it; False when it is not wanted any more."""
    done = await conn.execute(
        """UPDATE appointments SET updated_at = clock_timestamp()
           WHERE tenant = $1 AND id = $2 AND version = $3 AND status = 'pending_sync'""",
        tenant, made.id, made.version,
    )  # fmt: skip
    return done == "UPDATE 1"


async def quiet_left(conn: Connection, tenant: str, made: Appointment, quiet: timedelta) -> timedelta:
    """Give how long the last attempt is too young for another."""
    left: timedelta = await conn.fetchval(
        "SELECT updated_at + $3 - clock_timestamp() FROM appointments WHERE tenant = $1 AND id = $2",
        tenant, made.id, quiet,
    )  # fmt: skip
    return left


async def retire_job(conn: Connection, tenant: str, appointment_id: UUID) -> None:
    """End the waiting calendar-sync of an appointment that needs it no more; a running one sees that by itself."""
    await conn.execute(
        """UPDATE jobs SET state = 'done', finished_at = clock_timestamp()
           WHERE tenant = $1 AND appointment_id = $2 AND kind = 'calendar-sync' AND state = 'ready'""",
        tenant, appointment_id,
    )  # fmt: skip


async def take_turn(
    conn: Connection, tenant: str, call_id: str, key: str, start: datetime, lease: timedelta
) -> Turn | None:
    """Take the right to do an action of a call: it was never done, its holder died, or its appointment is gone or moved.

    None: it is done and stands, or somebody is doing it now.
    """
    row = await conn.fetchrow(
        """INSERT INTO call_actions AS act (tenant, call_id, key, state, lease_until)
           VALUES ($1, $2, $3, 'in_flight', clock_timestamp() + $5)
           ON CONFLICT (tenant, call_id, key) DO UPDATE SET state = 'in_flight', lease_until = excluded.lease_until,
               generation = act.generation + 1,
               appointment_id = (SELECT a.id FROM appointments a WHERE a.tenant = $1 AND a.id = act.appointment_id
                                 AND a.status IN ('confirmed', 'pending_sync') AND a.starts_at = $4)
           WHERE act.state = 'in_flight' AND act.lease_until <= clock_timestamp()
              OR act.state = 'done' AND NOT EXISTS (
                  SELECT 1 FROM appointments a WHERE a.tenant = $1 AND a.id = act.appointment_id
                  AND a.status IN ('confirmed', 'pending_sync') AND a.starts_at = $4)
           RETURNING generation, appointment_id""",
        tenant, call_id, key, start, lease,
    )  # fmt: skip
    return Turn(**row) if row else None


async def done_action(conn: Connection, tenant: str, call_id: str, key: str) -> Appointment | None:
    """Give the appointment of a finished action."""
    row = await conn.fetchrow(
        _APPOINTMENT
        + """JOIN call_actions act ON act.tenant = a.tenant AND act.appointment_id = a.id
             WHERE act.tenant = $1 AND act.call_id = $2 AND act.key = $3 AND act.state = 'done'""",
        tenant, call_id, key,
    )  # fmt: skip
    return Appointment(**row) if row else None


async def keep_turn(
    conn: Connection,
    tenant: str,
    call_id: str,
    key: str,
    generation: int,
    appointment_id: UUID,
    lease: timedelta,
    *,
    done: bool,
) -> bool:
    """Write which appointment an action makes; `done` when no more is to come. False when the turn was lost to another,
    whose work must not be doubled.
    """
    kept = await conn.execute(
        """UPDATE call_actions SET appointment_id = $5, lease_until = clock_timestamp() + $6,
               state = CASE WHEN $7 THEN 'done' ELSE 'in_flight' END
           WHERE tenant = $1 AND call_id = $2 AND key = $3 AND generation = $4 AND state = 'in_flight'""",
        tenant, call_id, key, generation, appointment_id, lease, done,
    )  # fmt: skip
    return kept == "UPDATE 1"


async def end_turn(conn: Connection, tenant: str, call_id: str, key: str, generation: int, *, done: bool) -> None:
    """Finish an action, or give it up: a refusal is never stored, so its row is only left to the next who asks."""
    await conn.execute(
        """UPDATE call_actions SET state = CASE WHEN $5 THEN 'done' ELSE 'in_flight' END, lease_until = clock_timestamp()
           WHERE tenant = $1 AND call_id = $2 AND key = $3 AND generation = $4 AND state = 'in_flight'""",
        tenant, call_id, key, generation, done,
    )  # fmt: skip
