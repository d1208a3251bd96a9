"""What a calendar's answer changes in our book."""

from datetime import timedelta

from askproai_core.database import Connection
from askproai_runtime.booking import changes
from askproai_runtime.booking.ledger import Appointment
from askproai_runtime.booking.turns import move_key
from askproai_runtime.calendars import Confirmed


async def confirm(conn: Connection, tenant: str, made: Appointment, stands: Confirmed) -> bool:
    """Write that a pending appointment stands in the calendar, and end its waiting sync job; if it is only requested there,
    it stays pending. False: it was changed here meanwhile and is not what stands there; the uid is kept to find it by.
    """
    if made.was_starts_at is not None:
        await changes.lock_people(conn, tenant, made.id)
    done = await conn.fetchval(
        """WITH made AS (
               UPDATE appointments SET status = CASE WHEN $5 THEN status ELSE 'confirmed' END, external_id = $4,
                   external_updated_at = coalesce($6, external_updated_at), error = NULL, version = version + 1,
                   was_starts_at = NULL, was_ends_at = NULL, was_place = NULL, updated_at = clock_timestamp()
               WHERE tenant = $1 AND id = $2 AND version = $3 AND status = 'pending_sync' RETURNING id),
           retired AS (
               UPDATE jobs SET state = 'done', finished_at = clock_timestamp() WHERE tenant = $1
               AND appointment_id IN (SELECT id FROM made) AND kind = 'calendar-sync' AND state = 'ready')
           SELECT true FROM made""",
        tenant, made.id, made.version, stands.uid, stands.pending, stands.changed_at,
    )  # fmt: skip
    if done:
        if made.was_starts_at is not None:
            await changes.stand_on_newest(conn, tenant, made.id)
        return True
    same = await conn.fetchval(
        """UPDATE appointments SET external_id = coalesce($3, external_id) WHERE tenant = $1 AND id = $2
           RETURNING starts_at = $4 AND was_starts_at IS NULL AND (status = 'confirmed' OR status = 'pending_sync' AND $5)""",
        tenant, made.id, stands.uid, made.starts_at, stands.pending,
    )  # fmt: skip
    return bool(same)  # another process wrote the same before


async def give_back(conn: Connection, tenant: str, made: Appointment, reason: str, refusal: timedelta) -> bool:
    """Free what the provider says is taken, do not offer that person and span again for a while, end its waiting sync job.
    False when it must stay: it was changed, or a caller was told meanwhile that it stands.
    """
    await changes.lock_people(conn, tenant, made.id)  # who tells a caller holds this lock, too: see the saga's `_write`
    done = await conn.fetchval(
        """WITH lost AS (
               UPDATE appointments SET status = 'failed', error = $4, version = version + 1, updated_at = clock_timestamp()
               WHERE tenant = $1 AND id = $2 AND version = $3 AND status = 'pending_sync' AND NOT EXISTS (
                   SELECT 1 FROM call_actions WHERE tenant = $1 AND appointment_id = $2 AND state = 'done')
               RETURNING id, starts_at, ends_at),
           freed AS (
               UPDATE claims SET state = 'released' WHERE tenant = $1 AND appointment_id IN (SELECT id FROM lost)
               AND state = 'booked' RETURNING resource_id),
           retired AS (
               UPDATE jobs SET state = 'done', finished_at = clock_timestamp() WHERE tenant = $1
               AND appointment_id IN (SELECT id FROM lost) AND kind = 'calendar-sync' AND state = 'ready')
           INSERT INTO refusals (tenant, resource_id, starts_at, ends_at, until, reason)
           SELECT $1, freed.resource_id, lost.starts_at, lost.ends_at, clock_timestamp() + $5, $4 FROM lost, freed
           RETURNING true""",
        tenant, made.id, made.version, reason, refusal,
    )  # fmt: skip
    return bool(done)


async def take_back(
    conn: Connection, tenant: str, made: Appointment, reason: str, refusal: timedelta, *, stands: bool
) -> bool:
    """Undo a move that the calendar refuses: the old place was kept for it. `stands`: the calendar has it there, for certain.

    False when the move must stay: it was changed, or a caller was told meanwhile that it is done.
    """
    await changes.lock_people(conn, tenant, made.id)  # who tells a caller holds this lock, too: see `move.py`
    done = await conn.fetchval(
        """UPDATE appointments SET starts_at = was_starts_at, ends_at = was_ends_at, was_starts_at = NULL, was_ends_at = NULL,
               was_place = NULL, status = CASE WHEN $5 THEN 'confirmed' ELSE status END, error = CASE WHEN $5 THEN NULL ELSE $4 END,
               version = version + 1, updated_at = clock_timestamp()
           WHERE tenant = $1 AND id = $2 AND version = $3 AND status = 'pending_sync' AND was_starts_at IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM call_actions WHERE tenant = $1 AND appointment_id = $2 AND key = $6 AND state = 'done')
           RETURNING true""",
        tenant, made.id, made.version, reason, stands, move_key(made.id, made.starts_at),
    )  # fmt: skip
    if not done:
        return False
    await conn.execute(
        """INSERT INTO refusals (tenant, resource_id, starts_at, ends_at, until, reason)
           SELECT $1, resource_id, $3, $4, clock_timestamp() + $5, $6 FROM claims
           WHERE tenant = $1 AND appointment_id = $2 AND place > 0 ORDER BY place DESC, id LIMIT 1""",
        tenant, made.id, made.starts_at, made.ends_at, refusal, reason,
    )  # fmt: skip
    await changes.release(conn, tenant, made.id)
    await conn.execute(  # copies: the highest number is where it stands
        """INSERT INTO claims (tenant, appointment_id, resource_id, blocks, state, units, place)
           SELECT tenant, appointment_id, resource_id, blocks, 'booked', units,
                  (SELECT max(place) + 1 FROM claims WHERE tenant = $1 AND appointment_id = $2)
           FROM claims WHERE tenant = $1 AND appointment_id = $2 AND place = $3""",
        tenant, made.id, made.was_place,
    )  # fmt: skip
    if stands:
        await conn.execute(
            """UPDATE jobs SET state = 'done', finished_at = clock_timestamp()
               WHERE tenant = $1 AND appointment_id = $2 AND kind = 'calendar-sync' AND state = 'ready'""",
            tenant, made.id,
        )  # fmt: skip
    return True


async def cancelled_near(conn: Connection, tenant: str, made: Appointment) -> list[str]:
    """Give what of the same person was cancelled here and still stands in the calendar where `made` is to stand, because the
    job that takes it back has yet to come to it. The hour is for buffers.
    """
    rows = await conn.fetch(
        """SELECT external_id FROM appointments a WHERE tenant = $1 AND branch = $2 AND staff = $3 AND status = 'cancelled'
           AND external_id IS NOT NULL AND starts_at > $4::timestamptz - interval '1 day'
           AND starts_at < $5::timestamptz + interval '1 hour' AND ends_at > $4::timestamptz - interval '1 hour'
           AND EXISTS (SELECT 1 FROM jobs j WHERE j.tenant = $1 AND j.appointment_id = a.id AND j.state <> 'done')
           ORDER BY updated_at DESC LIMIT 3""",
        tenant, made.branch, made.staff, made.starts_at, made.ends_at,
    )  # fmt: skip
    return [row["external_id"] for row in rows]


async def note_error(conn: Connection, tenant: str, made: Appointment, error: str) -> bool:
    """Keep on the appointment what a person must know; its status stays. False when it was changed: it is of no use then."""
    done = await conn.execute(
        "UPDATE appointments SET error = $4 WHERE tenant = $1 AND id = $2 AND version = $3 AND status <> 'confirmed'",
        tenant, made.id, made.version, error,
    )  # fmt: skip
    return done == "UPDATE 1"


async def begin_attempt(conn: Connection, tenant: str, made: Appointment, quiet: timedelta) -> bool:
    """Write before a POST that one is made, so that a crash cannot hide it. False when the last one was too young for
    another when the appointment was read, since the look there that followed may have missed it, or when it was changed.
    """
    done = await conn.execute(
        """UPDATE appointments SET updated_at = clock_timestamp() WHERE tenant = $1 AND id = $2 AND version = $3
           AND updated_at + $4 <= $5""",
        tenant, made.id, made.version, quiet, made.read_at,
    )  # fmt: skip
    return done == "UPDATE 1"


async def unchanged(conn: Connection, tenant: str, made: Appointment) -> bool:
    """Say whether it is still as it was read, and keep it so to the end of the transaction."""
    version = await conn.fetchval(
        "SELECT version FROM appointments WHERE tenant = $1 AND id = $2 FOR UPDATE", tenant, made.id
    )
    return bool(version == made.version)
