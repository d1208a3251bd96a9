"""Rows of `appointments`, holds included. To insert, move or cancel one, a transaction holds the locks of its staff members."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from askproai_core.database import Connection
from askproai_runtime.availability.slots import Claims, Span
from askproai_runtime.book.appointments import Appointment, CancelledBy, NamedSlot
from askproai_runtime.book.store.claims import Placement, claim_arrays, move_claims, newest_place, release_claims
from askproai_runtime.book.store.offers import KEEP_OFFERS

_COLUMNS = """SELECT a.id, a.branch, a.service, a.staff, a.starts_at, a.ends_at, a.status, coalesce(a.call_id, '') AS call_id,
    a.correlation_id, a.customer_name, c.phone, a.attendee_email, a.event_type_id, a.external_id, a.external_updated_at,
    a.was_starts_at, a.was_ends_at, a.was_place, a.cancelled_by, a.cancel_reason, a.caller, a.version, a.error, a.notes,
    a.offers,
    coalesce(act.actions, '{}') AS actions, coalesce(act.settled, true) AS settled, clock_timestamp() AS read_at,
    clock_timestamp() - a.created_at AS age, a.updated_at"""
_FROM = """
    FROM appointments a LEFT JOIN customers c ON c.tenant = a.tenant AND c.id = a.customer_id
    LEFT JOIN LATERAL (
        SELECT array_agg(x.key) AS actions,
            bool_and(x.state = 'done' OR x.lease_until <= clock_timestamp()) AS settled FROM call_actions x
        WHERE x.tenant = a.tenant AND x.appointment_id = a.id AND x.key LIKE 'book|%') act ON true """
_SELECT = f"{_COLUMNS}{_FROM}"
# The appointments of a caller ($2) and of a call ($3).
_OWN = """({row}.call_id = $3 OR {row}.caller = $2
    OR {row}.customer_id = (SELECT own.id FROM customers own WHERE own.tenant = $1 AND own.phone = $2))"""
_UPCOMING = f"""{_COLUMNS},
    ARRAY(SELECT DISTINCT o.customer_name FROM appointments o WHERE o.tenant = $1
          AND o.status IN ('confirmed', 'pending_sync', 'no_show') AND {_OWN.format(row="o")}) AS names_of_number {_FROM}
    WHERE a.tenant = $1 AND a.starts_at > $4 AND a.status IN ('confirmed', 'pending_sync') AND {_OWN.format(row="a")}
    ORDER BY a.starts_at, a.created_at"""  # noqa: S608  constants


async def get_appointment(
    conn: Connection, tenant: str, appointment_id: UUID, *, lock: bool = False
) -> Appointment | None:
    """Return an appointment, or None. With `lock` nobody else can change it until the transaction ends."""
    query = _SELECT + "WHERE a.tenant = $1 AND a.id = $2" + (" FOR UPDATE OF a" if lock else "")
    row = await conn.fetchrow(query, tenant, appointment_id)
    return Appointment(**row) if row else None


async def list_appointments_between(conn: Connection, tenant: str, first: UUID, last: UUID) -> list[Appointment]:
    """Return up to two appointments, no holds, whose ids are between `first` and `last`, both included."""
    query = f"{_SELECT} WHERE a.tenant = $1 AND a.id BETWEEN $2 AND $3 AND a.status <> 'held' LIMIT 2"
    return [Appointment(**row) for row in await conn.fetch(query, tenant, first, last)]


async def list_call_appointments(conn: Connection, tenant: str, call_id: str) -> list[Appointment]:
    """Return a call's live appointments, and its last hold, expired or not."""
    rows = await conn.fetch(
        _SELECT
        + """ WHERE a.tenant = $1 AND a.call_id = $2
           AND a.status IN ('held', 'confirmed', 'pending_sync') ORDER BY a.created_at""",
        tenant, call_id,
    )  # fmt: skip
    return [Appointment(**row) for row in rows]


async def find_last_staff(conn: Connection, tenant: str, caller: str, branch: str) -> str | None:
    """Return the id of the staff member of a caller's last booking in a branch; None for an unknown caller."""
    staff: str | None = await conn.fetchval(
        """SELECT a.staff FROM customers c JOIN appointments a ON a.tenant = c.tenant AND a.customer_id = c.id
           WHERE c.tenant = $1 AND c.phone = $2 AND a.branch = $3 AND a.status IN ('confirmed', 'pending_sync', 'no_show')
           ORDER BY a.created_at DESC LIMIT 1""",
        tenant, caller, branch,
    )  # fmt: skip
    return staff


async def get_desk_appointment(conn: Connection, tenant: str, call_id: str) -> Appointment | None:
    """Return the appointment that a desk request has booked, whatever happened to it since; None if there is none.

    A failed appointment, which the calendar has refused, is returned only if there is no other.
    """
    row = await conn.fetchrow(
        _SELECT
        + "WHERE a.tenant = $1 AND a.call_id = $2 ORDER BY a.status = 'failed', a.created_at DESC LIMIT 1",
        tenant, call_id,
    )  # fmt: skip
    return Appointment(**row) if row else None


async def list_upcoming_appointments(
    conn: Connection, tenant: str, caller: str | None, call_id: str, now: datetime
) -> list[Appointment]:
    """Return all live upcoming appointments of this call and of the caller's number, by start; a withheld number has none.
    There is no limit: names and times are compared afterwards, and a missing appointment would be denied.
    """
    rows = await conn.fetch(_UPCOMING, tenant, caller, call_id, now)
    return list({row["id"]: Appointment(**row) for row in rows}.values())


async def insert_appointment(
    conn: Connection, tenant: str, appointment: Appointment, claims: Claims, units: int, hold: timedelta | None = None
) -> None:
    """Insert an appointment and its claims; `hold`: for this time only. Raises `ExclusionViolationError` if a span is taken."""
    await conn.execute(
        f"""WITH a AS (
               INSERT INTO appointments (tenant, id, branch, service, staff, starts_at, ends_at, status, call_id, caller,
                   correlation_id, customer_id, customer_name, event_type_id, attendee_email, notes, generation, offers)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, nullif($9, ''), $10, $11, $12, $13, $14, $15, $16, $17,
                       $23) RETURNING id),
           kept AS ({KEEP_OFFERS.format(tenant="$1", call_id="$9", offers="$23")})
           INSERT INTO claims (tenant, appointment_id, resource_id, blocks, state, expires_at, units)
           SELECT $1, a.id, claim.row, tstzrange(claim.first, claim.last, '[)'),
                  CASE WHEN $21::interval IS NULL THEN 'booked' ELSE 'held' END, clock_timestamp() + $21, $22
           FROM a, unnest($18::bigint[], $19::timestamptz[], $20::timestamptz[]) AS claim (row, first, last)""",  # noqa: S608  constants
        tenant, appointment.id, appointment.branch, appointment.service, appointment.staff, appointment.starts_at,
        appointment.ends_at, appointment.status, appointment.call_id, appointment.caller, appointment.correlation_id,
        appointment.customer_id, appointment.customer_name, appointment.event_type_id, appointment.attendee_email,
        appointment.notes, appointment.generation, *claim_arrays(claims), hold, units, appointment.offers,
    )  # fmt: skip


async def upsert_customer(conn: Connection, tenant: str, phone: str, name: str, email: str | None) -> UUID:
    """Return the id of the customer of a phone number, new or known. A known name or address stays: a family shares a number, a
    number can be forged, and an appointment has a name and an address of its own.
    """
    customer_id: UUID = await conn.fetchval(
        """INSERT INTO customers AS c (tenant, phone, name, email) VALUES ($1, $2, $3, $4)
           ON CONFLICT (tenant, phone) DO UPDATE SET name = coalesce(nullif(c.name, ''), excluded.name),
               email = coalesce(c.email, excluded.email), updated_at = clock_timestamp()
           RETURNING id""",
        tenant, phone, name, email,
    )  # fmt: skip
    return customer_id


async def get_customer_name(conn: Connection, tenant: str, phone: str) -> str | None:
    """Return the customer name that is stored for a phone number; None for an unknown number."""
    name: str | None = await conn.fetchval("SELECT name FROM customers WHERE tenant = $1 AND phone = $2", tenant, phone)
    return name or None


@dataclass(frozen=True, slots=True)
class BookingCounts:
    """How many appointments were booked by telephone, cancelled ones included.

    `of_call` counts the call's, `of_caller` those of the calling number within 24 hours, `anonymous` those of all callers
    without a number of their own within an hour. A call either has a number or is anonymous, so one of the last two is 0.
    """

    of_call: int
    of_caller: int  # within 24 hours
    anonymous: int  # within an hour, by all callers who show no number of their own


# An appointment that was booked within a day starts later than a day ago: an index finds it by this bound. Each count has an
# index of its own, except the count of anonymous calls, which are rare: it reads all appointments to come.
_BOOKED = """SELECT count(*) FROM appointments WHERE tenant = $1 AND starts_at > $4 AND call_id NOT LIKE 'desk:%'
    AND status IN ('confirmed', 'pending_sync', 'cancelled', 'no_show')"""
_COUNT_BOOKINGS = f"""
SELECT ({_BOOKED} AND call_id = $2) AS of_call,
       CASE WHEN $5 THEN 0 ELSE ({_BOOKED} AND caller = $3 AND created_at > clock_timestamp() - interval '1 day') END AS of_caller,
       CASE WHEN $5 THEN ({_BOOKED} AND caller IS NULL AND created_at > clock_timestamp() - interval '1 hour')
            ELSE 0 END AS anonymous
"""


async def count_bookings(
    conn: Connection, tenant: str, call_id: str, caller: str | None, now: datetime
) -> BookingCounts:
    """Count the bookings that limit the next one. The counts are exact under a lock that every booking of the tenant takes.

    A call without a `caller` is anonymous.
    """
    (row,) = await conn.fetch(_COUNT_BOOKINGS, tenant, call_id, caller, now - timedelta(days=1), caller is None)
    return BookingCounts(**row)


async def release_holds(conn: Connection, tenant: str, call_ids: Sequence[str]) -> None:
    """Delete the holds of calls that have ended. Safe to run again.

    A locked hold is skipped: it is being booked or removed; if neither happens, it expires. Waiting for it while other holds are
    deleted could be a deadlock with a caller's booking. With `ARRAY` the inner query runs once, whatever the plan; with `IN` it ran
    again for each hold of the tenant until there were statistics.
    """
    await conn.execute(
        """DELETE FROM appointments WHERE tenant = $1 AND id = ANY (ARRAY(
               SELECT id FROM appointments WHERE tenant = $1 AND call_id = ANY ($2) AND status = 'held'
               FOR UPDATE SKIP LOCKED))""",
        tenant, call_ids,
    )  # fmt: skip


async def release_declined(conn: Connection, tenant: str, call_id: str, declined: Iterable[NamedSlot]) -> None:
    """Delete a call's holds of slots that the caller does not want; its other holds stay. A locked hold is skipped."""
    slots = list(declined)
    await conn.execute(
        """DELETE FROM appointments WHERE tenant = $1 AND id = ANY (ARRAY(
               SELECT id FROM appointments WHERE tenant = $1 AND call_id = $2 AND status = 'held'
                   AND (branch, service, staff, starts_at) IN (
                       SELECT * FROM unnest($3::text[], $4::text[], $5::text[], $6::timestamptz[]))
               FOR UPDATE SKIP LOCKED))""",
        tenant, call_id, [slot.branch for slot in slots], [slot.service for slot in slots], [slot.staff for slot in slots],
        [slot.start for slot in slots],
    )  # fmt: skip


async def delete_overlapping_holds(conn: Connection, tenant: str, resources: tuple[int, ...], span: Span) -> None:
    """Delete the holds of every call that overlap `span` on `resources`."""
    await conn.execute(
        """DELETE FROM appointments a WHERE a.tenant = $1 AND a.status = 'held' AND EXISTS (
               SELECT 1 FROM claims c WHERE c.tenant = $1 AND c.appointment_id = a.id AND c.resource_id = ANY($2)
               AND c.block_end > $3 AND c.block_start < $4)""",
        tenant, list(resources), span.start, span.end,
    )  # fmt: skip


async def move_appointment(
    conn: Connection, tenant: str, appointment: Appointment, placement: Placement, *, ask_calendar: bool
) -> None:
    """Move an appointment, perhaps to another staff member. With `ask_calendar` it becomes pending, and its old time stays
    blocked until the calendar accepts the move.
    """
    kept = (appointment.was_place or await newest_place(conn, tenant, appointment.id)) if ask_calendar else None
    await move_claims(conn, tenant, appointment.id, placement, kept)
    await conn.execute(
        """UPDATE appointments SET starts_at = $3, ends_at = $4, version = version + 1, updated_at = clock_timestamp(),
               status = CASE WHEN $5 THEN 'pending_sync' ELSE 'confirmed' END, error = NULL, was_place = $6, staff = $7,
               was_starts_at = CASE WHEN $5 THEN coalesce(was_starts_at, starts_at) END,
               was_ends_at = CASE WHEN $5 THEN coalesce(was_ends_at, ends_at) END
           WHERE tenant = $1 AND id = $2""",
        tenant, appointment.id, placement.starts_at, placement.ends_at, ask_calendar, kept, placement.staff,
    )  # fmt: skip


async def correct_appointment(conn: Connection, tenant: str, appointment: Appointment, former_name: str) -> None:
    """Write an appointment's name, e-mail address, note and, if set, customer. The version stays: time and staff do not change.

    A customer who has the `former_name` and was created with this appointment is renamed, too, unless the customer has another
    appointment with that name.
    """
    await conn.execute(
        """WITH renamed AS (
               UPDATE customers c SET name = $3, updated_at = clock_timestamp() FROM appointments a
               WHERE a.tenant = $1 AND a.id = $2 AND c.tenant = $1 AND c.id = a.customer_id AND c.name = $7 AND $3 <> $7
                   AND c.created_at > a.created_at - interval '1 minute'
                   AND NOT EXISTS (SELECT FROM appointments o WHERE o.tenant = $1 AND o.customer_id = c.id AND o.id <> $2
                                   AND o.customer_name = $7))
           UPDATE appointments SET customer_name = $3, attendee_email = $4, notes = $5,
               customer_id = coalesce($6, customer_id), updated_at = clock_timestamp()
           WHERE tenant = $1 AND id = $2""",
        tenant, appointment.id, appointment.customer_name, appointment.attendee_email, appointment.notes,
        appointment.customer_id, former_name,
    )  # fmt: skip


async def extend_appointment(conn: Connection, tenant: str, appointment: Appointment, placement: Placement) -> None:
    """Set an appointment's end and staff member to those of its booking in the calendar. The version stays."""
    await move_claims(conn, tenant, appointment.id, placement, appointment.was_place)
    await conn.execute(
        "UPDATE appointments SET ends_at = $3, staff = $4 WHERE tenant = $1 AND id = $2",
        tenant, appointment.id, placement.ends_at, placement.staff,
    )  # fmt: skip


async def mark_cancelled(
    conn: Connection, tenant: str, appointment: Appointment, cancelled_by: CancelledBy, reason: str | None
) -> None:
    """Cancel an appointment and free its time at once.

    Its claims stay as history: their times help to find its booking in the calendar, if its uid is not known here.
    """
    await release_claims(conn, tenant, appointment.id)
    await conn.execute(
        """UPDATE appointments SET status = 'cancelled', cancelled_by = $3, cancel_reason = $4, version = version + 1,
               error = NULL, updated_at = clock_timestamp(), was_place = NULL, was_starts_at = NULL, was_ends_at = NULL
           WHERE tenant = $1 AND id = $2""",
        tenant, appointment.id, cancelled_by.value, reason,
    )  # fmt: skip
