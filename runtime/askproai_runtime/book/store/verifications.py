"""Rows of `verifications`, and the birth dates of appointments, which are compared here and never read."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from askproai_core.database import Connection


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to prove an appointment by a birth date, and how many wrong attempts there were, this attempt included until
    it proves right. `of_call` counts the call's attempts. Beside it either `of_number` (the calling number's, within 24
    hours) or `of_others` (of all calls without a known number, within an hour) is counted; the other of the two is 0.
    """

    id: int
    of_call: int
    of_number: int  # within 24 hours
    of_others: int  # within an hour, by all callers whose number is withheld or unknown


# A number is known if a customer has it, or an appointment was booked from it.
_BEGIN = """
INSERT INTO verifications (tenant, call_id, caller)
SELECT $1, $2, CASE WHEN EXISTS (SELECT FROM customers WHERE tenant = $1 AND phone = $3)
                      OR EXISTS (SELECT FROM appointments WHERE tenant = $1 AND caller = $3 AND status <> 'held') THEN $3 END
RETURNING id, caller
"""
_COUNT = """
SELECT count(*) FILTER (WHERE call_id = $2) AS of_call,
       count(*) FILTER (WHERE caller = $3 AND at > clock_timestamp() - interval '1 day') AS of_number,
       count(*) FILTER (WHERE $3::text IS NULL AND caller IS NULL AND at > clock_timestamp() - interval '1 hour') AS of_others
FROM verifications WHERE tenant = $1 AND appointments = '{}' AND at > clock_timestamp() - interval '1 day'
"""
_MATCHING = """
SELECT a.id, a.customer_name FROM appointments a LEFT JOIN customers c ON c.tenant = a.tenant AND c.id = a.customer_id
WHERE a.tenant = $1 AND (a.starts_at > $2 AND a.status IN ('confirmed', 'pending_sync') OR a.id = ANY ($5))
  AND (a.birth_date = $3 OR (a.birth_date IS NULL AND $4::text IN (a.caller, c.phone)))
ORDER BY a.starts_at LIMIT 200
"""


async def begin_attempt(conn: Connection, tenant: str, call_id: str, caller: str | None) -> Attempt:
    """Count an attempt before it is checked. The count is committed first, so that each of many concurrent attempts is counted."""
    row = await conn.fetchrow(_BEGIN, tenant, call_id, caller)
    assert row is not None
    counts = await conn.fetchrow(_COUNT, tenant, call_id, row["caller"])
    assert counts is not None
    return Attempt(row["id"], **counts)


async def complete_attempt(conn: Connection, tenant: str, attempt: Attempt, appointments: Collection[UUID]) -> None:
    """Record the appointments for which the attempt was right; it no longer counts as a wrong one."""
    await conn.execute(
        "UPDATE verifications SET appointments = $3 WHERE tenant = $1 AND id = $2",
        tenant, attempt.id, list(appointments),
    )  # fmt: skip


async def list_matching(
    conn: Connection, tenant: str, now: datetime, birth_date: date, caller: str | None, proven: Collection[UUID]
) -> list[tuple[UUID, str]]:
    """Return the id and the customer's name of each live upcoming appointment with a birth date.

    An appointment without a birth date counts if it was booked from or for the calling number: such callers were not asked for
    one. An appointment that the call has `proven` counts even if it is no longer live: repeating a right answer is not wrong.
    """
    rows = await conn.fetch(_MATCHING, tenant, now, birth_date, caller, list(proven))
    return list({row["id"]: (row["id"], row["customer_name"]) for row in rows}.values())


async def list_verified(conn: Connection, tenant: str, call_id: str) -> Sequence[UUID]:
    """Return the appointments that the call has proven by name and birth date."""
    rows = await conn.fetch(
        "SELECT DISTINCT unnest(appointments) AS id FROM verifications WHERE tenant = $1 AND call_id = $2",
        tenant,
        call_id,
    )
    return [row["id"] for row in rows]


async def has_birth_date(conn: Connection, tenant: str, appointment_id: UUID, birth_date: date) -> bool:
    """Return whether this birth date is stored for the appointment's customer."""
    query = "SELECT EXISTS (SELECT FROM appointments WHERE tenant = $1 AND id = $2 AND birth_date = $3)"
    return bool(await conn.fetchval(query, tenant, appointment_id, birth_date))


async def set_birth_date(conn: Connection, tenant: str, appointment_id: UUID, birth_date: date) -> None:
    """Store the birth date of an appointment's customer, in the transaction that writes the appointment."""
    await conn.execute(
        "UPDATE appointments SET birth_date = $3 WHERE tenant = $1 AND id = $2", tenant, appointment_id, birth_date
    )
