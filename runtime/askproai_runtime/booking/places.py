"""Where a booking of the calendar stands in our book: whose it is, which rows it takes, and which row is it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from askproai_core.database import Connection, Pool
from askproai_core.tenant_config import Branch, Service, Staff, TenantConfig
from askproai_runtime.booking.availability import Claims, Rules, Span, without
from askproai_runtime.booking.ledger import Place
from askproai_runtime.calendars import RemoteBooking


@dataclass(frozen=True, slots=True)
class Linked:
    """What an event type stands for."""

    rules: Rules
    person: Staff

    @property
    def staff(self) -> str:
        return self.person.id

    @property
    def branch(self) -> Branch:
        return self.rules.branch

    @property
    def service(self) -> Service:
        return self.rules.service


def linked(config: TenantConfig, event_type_id: int) -> Linked | None:
    """Give what the event type is linked to; None when no service names it, or nobody in our book does it."""
    for service in config.services:
        for link in service.event_types:
            for branch in config.branches:
                able = service.branch in {None, branch.name} and link.staff in service.staff.get(branch.name, ())
                people = tuple(person for person in branch.staff if person.id == link.staff)
                if link.event_type_id == event_type_id and able and people:
                    rules = Rules(ZoneInfo(config.time_zone), branch, service, people)
                    return Linked(rules, people[0])
    return None


async def known(conn: Connection, tenant: str, there: RemoteBooking) -> UUID | None:
    """Give our appointment that the booking is: by our request id, else by a uid that it has or had."""
    found: UUID | None = await conn.fetchval(
        """SELECT id FROM appointments WHERE tenant = $1 AND (id = $2 OR external_id = ANY($3))
           ORDER BY id = $2 DESC NULLS LAST, external_id = $4 DESC LIMIT 1""",
        tenant, there.request_id, list(there.uids), there.uid,
    )  # fmt: skip
    return found


async def named_elsewhere(pool: Pool, tenant: str, there: RemoteBooking) -> str | None:
    """Give by which uid our book knows the appointment that the booking's request id names, if that is none of its own."""
    found: str | None = await pool.fetchval(
        "SELECT external_id FROM appointments WHERE tenant = $1 AND id = $2 AND external_id <> ALL($3)",
        tenant, there.request_id, list(there.uids),
    )  # fmt: skip
    return found


async def stands(pool: Pool, tenant: str, uid: str, starts_at: datetime) -> bool:
    """Say whether our book has it so already: most events only tell us what we did, and Cal.com counts every question."""
    found = await pool.fetchval(
        "SELECT true FROM appointments WHERE tenant = $1 AND external_id = $2 AND starts_at = $3 AND status = 'confirmed'",
        tenant, uid, starts_at,
    )  # fmt: skip
    return bool(found)


async def find(
    conn: Connection, tenant: str, there: RemoteBooking, link: Linked, moving: UUID | None
) -> tuple[Place | None, UUID | None]:
    """Give the rows whose time is free, or who has it. Buffers give way: a person may put bookings side by side there.

    What is only held for a caller gives way, too: it was never promised. `moving` is not in its own way.
    """
    before = timedelta(minutes=link.service.buffer_before_minutes)
    wanted = Span(there.starts_at - before, there.ends_at + timedelta(minutes=link.service.buffer_after_minutes))
    await conn.execute(
        """DELETE FROM appointments a WHERE a.tenant = $1 AND a.status = 'held' AND EXISTS (
               SELECT 1 FROM claims c WHERE c.tenant = $1 AND c.appointment_id = a.id AND c.resource_id = ANY($2)
               AND c.block_end > $3 AND c.block_start < $4)""",
        tenant, list(link.person.resource_ids), wanted.start, wanted.end,
    )  # fmt: skip
    rows = await conn.fetch(
        """SELECT c.resource_id, c.block_start, c.block_end, c.units, a.id, a.was_starts_at IS NOT NULL
                  OR a.starts_at < $6 AND a.ends_at > $5 AS promised
           FROM claims c JOIN appointments a ON a.tenant = c.tenant AND a.id = c.appointment_id
           WHERE c.tenant = $1 AND c.resource_id = ANY($2) AND c.state = 'booked' AND c.block_end > $3 AND c.block_start < $4
             AND a.id IS DISTINCT FROM $7""",
        tenant, list(link.person.resource_ids), wanted.start, wanted.end, there.starts_at, there.ends_at, moving,
    )  # fmt: skip
    promised = [row for row in rows if row["promised"]]
    capacity, units = link.service.capacity, link.person.units
    # One of the two wants the whole person
    alone = [row["id"] for row in promised if capacity == 1 or row["units"] == 1]
    claims: Claims = []
    for unit in link.person.resource_ids[:units]:
        of_unit = [row for row in rows if row["resource_id"] == unit]
        pieces = without(wanted, [Span(row["block_start"], row["block_end"]) for row in of_unit])
        if pieces and not any(row["promised"] for row in of_unit):
            claims.append(
                (unit, max(pieces, key=lambda piece: min(piece.end, there.ends_at) - max(piece.start, there.starts_at)))
            )
    if alone or len(claims) < units // capacity:
        return None, next(iter(alone), next((row["id"] for row in (*promised, *rows)), None))
    return Place(link.staff, there.starts_at, there.ends_at, claims[: units // capacity], units), None


async def left(conn: Connection, tenant: str, appointment_id: UUID) -> list[Span]:
    """Give the times that an appointment had before the one that it has now, buffers included, the last one first."""
    rows = await conn.fetch(
        """SELECT min(block_start) AS first, max(block_end) AS last FROM claims
           WHERE tenant = $1 AND appointment_id = $2 AND place > 0 GROUP BY place ORDER BY place DESC""",
        tenant, appointment_id,
    )  # fmt: skip
    return list(dict.fromkeys(Span(row["first"], row["last"]) for row in rows[1:]))


async def note_uid(conn: Connection, tenant: str, appointment_id: UUID, there: RemoteBooking) -> None:
    """Write by what uid it stands there, and how new that news is."""
    await conn.execute(
        "UPDATE appointments SET external_id = $3, external_updated_at = $4 WHERE tenant = $1 AND id = $2",
        tenant, appointment_id, there.uid, there.changed_at,
    )  # fmt: skip


async def note_move(conn: Connection, tenant: str, appointment_id: UUID, there: RemoteBooking, link: Linked) -> None:
    """Write with whom it stands there now; a booking that was cancelled there and came back is live again."""
    await conn.execute(
        """UPDATE appointments SET external_id = $3, external_updated_at = $4, branch = $5, service = $6, staff = $7,
               event_type_id = $8, cancelled_by = NULL, status = CASE WHEN $9 THEN 'pending_sync' ELSE 'confirmed' END
           WHERE tenant = $1 AND id = $2""",
        tenant, appointment_id, there.uid, there.changed_at, link.branch.name, link.service.name, link.staff, there.event_type_id,
        there.pending,
    )  # fmt: skip
