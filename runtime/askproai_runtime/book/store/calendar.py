"""Changes of our rows by the remote calendar's answers and events.

Each change of an appointment raises its `version`. A function that records an answer gets the row as it was read before the
request. It applies the answer only if the version is still the same: otherwise the answer is about an outdated appointment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from askproai_core.database import Connection, Pool
from askproai_runtime.availability.slots import EventTypeLink
from askproai_runtime.book.appointments import Appointment, Status
from askproai_runtime.book.store.actions import move_key
from askproai_runtime.book.store.claims import book_newest_place, lock_resources_of, restore_place
from askproai_runtime.calendars import Confirmed, RemoteBooking


async def mark_confirmed(conn: Connection, tenant: str, appointment: Appointment, confirmed: Confirmed) -> bool:
    """Mark a pending appointment as confirmed by the calendar and complete its queued sync job.

    If the remote booking awaits acceptance, the appointment stays pending. Returns False if the appointment was changed here
    since it was read, and differs from the calendar's booking; the remote uid is stored anyway, for later lookups.
    """
    if appointment.was_starts_at is not None:
        await lock_resources_of(conn, tenant, appointment.id)
    done = await conn.fetchval(
        """WITH confirmed AS (
               UPDATE appointments SET status = CASE WHEN $5 THEN status ELSE 'confirmed' END, external_id = $4,
                   external_updated_at = coalesce($6, external_updated_at), error = NULL, version = version + 1,
                   was_starts_at = NULL, was_ends_at = NULL, was_place = NULL, updated_at = clock_timestamp()
               WHERE tenant = $1 AND id = $2 AND version = $3 AND status = 'pending_sync' RETURNING id),
           completed AS (
               UPDATE jobs SET state = 'done', finished_at = clock_timestamp() WHERE tenant = $1
               AND appointment_id IN (SELECT id FROM confirmed) AND kind = 'calendar-sync' AND state = 'ready')
           SELECT true FROM confirmed""",
        tenant, appointment.id, appointment.version, confirmed.uid, confirmed.pending, confirmed.changed_at,
    )  # fmt: skip
    if done:
        if appointment.was_starts_at is not None:
            await book_newest_place(conn, tenant, appointment.id)
        return True
    same = await conn.fetchval(
        """UPDATE appointments SET external_id = coalesce($3, external_id) WHERE tenant = $1 AND id = $2
           RETURNING starts_at = $4 AND was_starts_at IS NULL AND (status = 'confirmed' OR status = 'pending_sync' AND $5)""",
        tenant, appointment.id, confirmed.uid, appointment.starts_at, confirmed.pending,
    )  # fmt: skip
    return bool(same)  # another process has confirmed the same before


async def mark_failed(conn: Connection, tenant: str, appointment: Appointment, reason: str, refusal: timedelta) -> bool:
    """Give up a pending appointment that the calendar refuses: free its time and complete its queued sync job.

    The staff member is not offered at that time again for the duration of `refusal`. Returns False if the appointment must
    stay: it was changed, or a repeated request was answered meanwhile that it is booked. That answer is given under the same
    lock of the staff member (`booking.py: _write_appointments`), so it cannot come between check and change.
    """
    await lock_resources_of(conn, tenant, appointment.id)
    done = await conn.fetchval(
        """WITH lost AS (
               UPDATE appointments SET status = 'failed', error = $4, version = version + 1, updated_at = clock_timestamp()
               WHERE tenant = $1 AND id = $2 AND version = $3 AND status = 'pending_sync' AND NOT EXISTS (
                   SELECT 1 FROM call_actions WHERE tenant = $1 AND appointment_id = $2 AND state = 'done')
               RETURNING id, starts_at, ends_at),
           freed AS (
               UPDATE claims SET state = 'released' WHERE tenant = $1 AND appointment_id IN (SELECT id FROM lost)
               AND state = 'booked' RETURNING resource_id),
           completed AS (
               UPDATE jobs SET state = 'done', finished_at = clock_timestamp() WHERE tenant = $1
               AND appointment_id IN (SELECT id FROM lost) AND kind = 'calendar-sync' AND state = 'ready')
           INSERT INTO refusals (tenant, resource_id, starts_at, ends_at, until, reason)
           SELECT $1, freed.resource_id, lost.starts_at, lost.ends_at, clock_timestamp() + $5, $4 FROM lost, freed
           RETURNING true""",
        tenant, appointment.id, appointment.version, reason, refusal,
    )  # fmt: skip
    return bool(done) or await _is_next(conn, tenant, appointment, Status.FAILED, appointment.starts_at)


async def _is_next(
    conn: Connection, tenant: str, appointment: Appointment, status: Status | None, starts_at: datetime | None
) -> bool:
    """Return whether an earlier run, whose answer was lost, has committed this change.

    Then the version is higher by one, and status (any if None) and start are those of the change.
    """
    return bool(
        await conn.fetchval(
            """SELECT version = $3 + 1 AND status = coalesce($4, status) AND starts_at = $5 FROM appointments
               WHERE tenant = $1 AND id = $2""",
            tenant, appointment.id, appointment.version, status, starts_at,
        )
    )  # fmt: skip


async def revert_move(
    conn: Connection, tenant: str, appointment: Appointment, reason: str, refusal: timedelta, *, was_confirmed: bool
) -> bool:
    """Move an appointment back to its old time, which was kept blocked for it: the calendar refuses the move.

    `was_confirmed`: the calendar certainly has the booking at the old time, so the appointment becomes confirmed and its queued
    sync job is completed. Returns False when the move must stay: the appointment was changed, or meanwhile a repeated request
    was answered that it is moved (under the lock of the staff member, too: `moving.py: _write_move`).
    """
    await lock_resources_of(conn, tenant, appointment.id)
    done = await conn.fetchval(
        """UPDATE appointments SET starts_at = was_starts_at, ends_at = was_ends_at, was_starts_at = NULL, was_ends_at = NULL,
               was_place = NULL, status = CASE WHEN $5 THEN 'confirmed' ELSE status END, error = CASE WHEN $5 THEN NULL ELSE $4 END,
               version = version + 1, updated_at = clock_timestamp()
           WHERE tenant = $1 AND id = $2 AND version = $3 AND status = 'pending_sync' AND was_starts_at IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM call_actions WHERE tenant = $1 AND appointment_id = $2 AND key = $6 AND state = 'done')
           RETURNING true""",
        tenant, appointment.id, appointment.version, reason, was_confirmed, move_key(appointment.id, appointment.starts_at),
    )  # fmt: skip
    if not done:
        return await _is_next(conn, tenant, appointment, None, appointment.was_starts_at)
    await conn.execute(
        """INSERT INTO refusals (tenant, resource_id, starts_at, ends_at, until, reason)
           SELECT $1, resource_id, $3, $4, clock_timestamp() + $5, $6 FROM claims
           WHERE tenant = $1 AND appointment_id = $2 AND place > 0 ORDER BY place DESC, id LIMIT 1""",
        tenant, appointment.id, appointment.starts_at, appointment.ends_at, refusal, reason,
    )  # fmt: skip
    await restore_place(conn, tenant, appointment.id, appointment.was_place)
    if was_confirmed:
        await conn.execute(
            """UPDATE jobs SET state = 'done', finished_at = clock_timestamp()
               WHERE tenant = $1 AND appointment_id = $2 AND kind = 'calendar-sync' AND state = 'ready'""",
            tenant, appointment.id,
        )  # fmt: skip
    return True


async def record_error(conn: Connection, tenant: str, appointment: Appointment, error: str) -> bool:
    """Store an appointment's error for a person to read. Returns False if the appointment was changed or confirmed since."""
    done = await conn.execute(
        "UPDATE appointments SET error = $4 WHERE tenant = $1 AND id = $2 AND version = $3 AND status <> 'confirmed'",
        tenant, appointment.id, appointment.version, error,
    )  # fmt: skip
    return done == "UPDATE 1"


async def clear_error(conn: Connection, tenant: str, appointment_id: UUID) -> None:
    """Delete an appointment's error, since the calendar is as desired. The version rises: errors of earlier reads are refused."""
    await conn.execute(
        "UPDATE appointments SET error = NULL, version = version + 1 WHERE tenant = $1 AND id = $2",
        tenant, appointment_id,
    )  # fmt: skip


async def begin_attempt(conn: Connection, tenant: str, appointment: Appointment, quiet_period: timedelta) -> bool:
    """Record that a POST to the calendar is about to be made, so that a crash after the POST cannot hide it.

    Returns False if the appointment was changed, or was read less than `quiet_period` after the last attempt, whose booking the
    lookup in the calendar may then have missed.
    """
    done = await conn.execute(
        """UPDATE appointments SET updated_at = clock_timestamp() WHERE tenant = $1 AND id = $2 AND version = $3
           AND updated_at + $4 <= $5""",
        tenant, appointment.id, appointment.version, quiet_period, appointment.read_at,
    )  # fmt: skip
    return done == "UPDATE 1"


async def lock_unchanged(conn: Connection, tenant: str, appointment: Appointment) -> bool:
    """Lock the appointment until the transaction ends, and return whether it is unchanged since it was read."""
    version = await conn.fetchval(
        "SELECT version FROM appointments WHERE tenant = $1 AND id = $2 FOR UPDATE", tenant, appointment.id
    )
    return bool(version == appointment.version)


@dataclass(frozen=True, slots=True)
class BlockingBooking:
    """The remote booking of an appointment that is cancelled or failed here. `uid` is None if the answer to its POST was lost."""

    appointment_id: UUID
    uid: str | None
    event_type_id: int
    starts_at: datetime
    ends_at: datetime


async def list_blocking_bookings(conn: Connection, tenant: str, appointment: Appointment) -> list[BlockingBooking]:
    """Return up to three remote bookings that may block `appointment` in the calendar.

    They are of the same staff member, cancelled or failed here, and wait for the sync job that cancels them there. The hour
    around the appointment allows for buffers.
    """
    rows = await conn.fetch(
        """SELECT id AS appointment_id, external_id AS uid, event_type_id, starts_at, ends_at FROM appointments a
           WHERE tenant = $1 AND branch = $2 AND staff = $3 AND id <> $6
           AND status IN ('cancelled', 'failed') AND event_type_id IS NOT NULL AND starts_at > $4::timestamptz - interval '1 day'
           AND starts_at < $5::timestamptz + interval '1 hour' AND ends_at > $4::timestamptz - interval '1 hour'
           AND EXISTS (SELECT 1 FROM jobs j WHERE j.tenant = $1 AND j.appointment_id = a.id AND j.state <> 'done')
           ORDER BY updated_at DESC LIMIT 3""",
        tenant, appointment.branch, appointment.staff, appointment.starts_at, appointment.ends_at, appointment.id,
    )  # fmt: skip
    return [BlockingBooking(**row) for row in rows]


async def find_local_appointment(conn: Connection, tenant: str, remote: RemoteBooking) -> UUID | None:
    """Return the id of our appointment for a remote booking; None if there is none."""
    return next(iter(await list_local_appointments(conn, tenant, remote)), None)


async def list_local_appointments(conn: Connection, tenant: str, remote: RemoteBooking) -> list[UUID]:
    """Return the ids of our appointments for a remote booking, by our request id and by its present and former uids.

    There is one, except for a moment while two workers follow a booking that moves. The first is the one with our request id,
    else the one that a caller is about to move, else the one with the current uid.
    """
    rows = await conn.fetch(
        """SELECT id FROM appointments WHERE tenant = $1 AND (id = $2 OR external_id = ANY($3))
           ORDER BY id = $2 DESC NULLS LAST, (status = 'pending_sync' AND was_starts_at IS NOT NULL) DESC,
               external_id = $4 DESC NULLS LAST, status IN ('confirmed', 'pending_sync') DESC, created_at, id LIMIT 20""",
        tenant, remote.request_id, list(remote.uids), remote.uid,
    )  # fmt: skip
    return [row["id"] for row in rows]


async def list_known(pool: Pool, tenant: str, remotes: Sequence[RemoteBooking]) -> set[str]:
    """Return the current uids of the remote bookings for which our book has an appointment: with the booking's uid, or with its
    request id as the appointment's id.

    A moved booking keeps its request id. That id counts only if the appointment has no uid: otherwise the appointment has a
    later booking.
    """
    rows = await pool.fetch(
        """SELECT r.uid FROM unnest($2::text[], $3::uuid[], $4::boolean[]) AS r (uid, request_id, is_moved) WHERE EXISTS (
               SELECT 1 FROM appointments a WHERE a.tenant = $1 AND a.external_id = r.uid) OR EXISTS (
               SELECT 1 FROM appointments a WHERE a.tenant = $1 AND a.id = r.request_id
               AND (a.external_id IS NULL OR NOT r.is_moved))""",
        tenant, [each.uid for each in remotes], [each.request_id for each in remotes],
        [each.moved_to is not None for each in remotes],
    )  # fmt: skip
    return {row["uid"] for row in rows}


async def find_conflicting_uid(pool: Pool, tenant: str, remote: RemoteBooking) -> str | None:
    """Return the uid of the appointment with this booking's request id, if that uid belongs to another booking; else None."""
    found: str | None = await pool.fetchval(
        "SELECT external_id FROM appointments WHERE tenant = $1 AND id = $2 AND external_id <> ALL($3)",
        tenant, remote.request_id, list(remote.uids),
    )  # fmt: skip
    return found


async def find_event_type(pool: Pool, tenant: str, uid: str) -> int | None:
    """Return the event type id of the appointment whose remote booking has this uid; None if there is none."""
    found: int | None = await pool.fetchval(
        "SELECT event_type_id FROM appointments WHERE tenant = $1 AND external_id = $2", tenant, uid
    )
    return found


async def is_up_to_date(pool: Pool, tenant: str, uid: str, starts_at: datetime) -> bool:
    """Return whether a confirmed appointment that was booked here has this uid and start: then an event about it is no news.
    Most events only report our own changes, and the remote calendar counts every request. Always False for an imported
    appointment: this event's job may have added it, and must read the booking again.
    """
    found = await pool.fetchval(
        """SELECT true FROM appointments WHERE tenant = $1 AND external_id = $2 AND starts_at = $3 AND status = 'confirmed'
           AND call_id IS NOT NULL""",
        tenant, uid, starts_at,
    )  # fmt: skip
    return bool(found)


async def record_remote_uid(conn: Connection, tenant: str, appointment_id: UUID, remote: RemoteBooking) -> None:
    """Store the uid of the appointment's remote booking, and when that booking last changed."""
    await conn.execute(
        "UPDATE appointments SET external_id = $3, external_updated_at = $4 WHERE tenant = $1 AND id = $2",
        tenant, appointment_id, remote.uid, remote.changed_at,
    )  # fmt: skip


async def record_uid(conn: Connection, tenant: str, appointment_id: UUID, uid: str | None) -> None:
    """Store the uid of a remote booking that must be undone, so that the sync job finds it. Nothing changes if `uid` is None."""
    await conn.execute(
        "UPDATE appointments SET external_id = coalesce($3, external_id) WHERE tenant = $1 AND id = $2",
        tenant, appointment_id, uid,
    )  # fmt: skip


async def forget_uid(conn: Connection, tenant: str, appointment_id: UUID, uid: str) -> None:
    """Forget the uid of a booking that was cancelled to be made anew: its cancellation must not count as the appointment's."""
    await conn.execute(
        "UPDATE appointments SET external_id = NULL WHERE tenant = $1 AND id = $2 AND external_id = $3",
        tenant, appointment_id, uid,
    )  # fmt: skip


async def detach_from_calendar(conn: Connection, tenant: str, appointment_id: UUID, kept: UUID) -> None:
    """Remove the uid of a cancelled appointment: the remote booking now belongs to the appointment `kept`."""
    await conn.execute(
        "UPDATE appointments SET external_id = NULL, error = $3 WHERE tenant = $1 AND id = $2",
        tenant, appointment_id, f"its booking in the calendar is that of appointment {kept}",
    )  # fmt: skip


async def record_remote_move(
    conn: Connection, tenant: str, appointment_id: UUID, remote: RemoteBooking, link: EventTypeLink
) -> None:
    """Store service and staff member of a moved remote booking. An appointment that was cancelled there becomes live again."""
    await conn.execute(
        """UPDATE appointments SET external_id = $3, external_updated_at = $4, branch = $5, service = $6, staff = $7,
               event_type_id = $8, cancelled_by = NULL, status = CASE WHEN $9 THEN 'pending_sync' ELSE 'confirmed' END
           WHERE tenant = $1 AND id = $2""",
        tenant, appointment_id, remote.uid, remote.changed_at, link.rules.branch.name, link.rules.service.name,
        link.staff_member.id, remote.event_type_id, remote.pending,
    )  # fmt: skip


async def mark_no_show(
    conn: Connection, tenant: str, appointment: Appointment, changed_at: datetime | None, *, no_show: bool
) -> None:
    """Store that the customer did not come, or that this was a mistake. The past time of the appointment stays blocked."""
    status = Status.NO_SHOW if no_show else Status.CONFIRMED
    await conn.execute(
        """UPDATE appointments SET status = $3, external_updated_at = coalesce($4, external_updated_at), version = version + 1,
               updated_at = clock_timestamp() WHERE tenant = $1 AND id = $2""",
        tenant, appointment.id, status.value, changed_at,
    )  # fmt: skip


async def outdate_running_sync(conn: Connection, tenant: str, appointment_id: UUID) -> None:
    """Raise the version of an appointment whose sync job is running: the job's reading of the calendar is outdated, so it must
    run once more. A queued job is left alone: it has read nothing yet. The transaction must have locked the appointment.
    """
    await conn.execute(
        """UPDATE appointments SET version = version + 1 WHERE tenant = $1 AND id = $2 AND EXISTS (
               SELECT 1 FROM jobs j WHERE j.tenant = $1 AND j.appointment_id = $2 AND j.kind = 'calendar-sync'
               AND j.state = 'running')""",
        tenant, appointment_id,
    )  # fmt: skip


async def read_sync_state(conn: Connection, tenant: str, appointment_id: UUID) -> str | None:
    """Return the state of an appointment's newest sync job; None if it has none."""
    state: str | None = await conn.fetchval(
        """SELECT state FROM jobs WHERE tenant = $1 AND appointment_id = $2 AND kind = 'calendar-sync'
           ORDER BY id DESC LIMIT 1""",
        tenant, appointment_id,
    )  # fmt: skip
    return state
