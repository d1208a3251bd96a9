"""The SQL that finds and erases what is stored of one caller, and the table of erasures.

A statement takes the tenant and the traces by the names in braces (`_fill`). Migration 0019 lets a pod delete rows only while an
erasure is open.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

from askproai_core.database import Connection, Pool
from askproai_runtime.privacy.traces import SHORTEST_REFERENCE, StoredBody, Traces, own_events

# Retell ends a call after two hours; one of which no end came is over.
_LONGEST_CALL = "interval '130 minutes'"

_CUSTOMER = "SELECT id, email FROM customers WHERE tenant = $1 AND phone = $2"
_CALLS = """
SELECT call_id FROM calls WHERE tenant = $1 AND coalesce(started_at, 'epoch') < $3
  AND CASE WHEN direction = 'outbound' THEN to_number ELSE from_number END = $2
UNION SELECT call_id FROM messages WHERE tenant = $1 AND caller = $2 AND created_at < $3
UNION SELECT call_id FROM waitlist WHERE tenant = $1 AND caller = $2 AND created_at < $3
UNION SELECT call_id FROM verifications WHERE tenant = $1 AND caller = $2 AND at < $3
UNION SELECT call_id FROM appointments WHERE tenant = $1 AND caller = $2 AND created_at < $3 AND call_id <> ''
UNION SELECT reference FROM erased_references WHERE tenant = $1 AND erasure = $4 AND kind = 'call'
"""
_APPOINTMENTS = """
SELECT id, external_id, attendee_email, coalesce(customer_id = $3, customer_id IS NULL) AS own
FROM appointments WHERE tenant = $1 AND created_at < $4 AND (caller = $2 OR customer_id = $3) ORDER BY id
"""
_REFERENCED_BOOKINGS = "SELECT reference FROM erased_references WHERE tenant = $1 AND erasure = $2 AND kind = 'booking'"
# Of a family's shared address the others' mails and their wish for no reminders stay.
_EMAILS_OF_OTHERS = """
SELECT lower(c.email) AS email FROM customers c WHERE c.tenant = $1 AND lower(c.email) = ANY($2) AND c.phone <> $3
UNION SELECT lower(a.attendee_email) FROM appointments a
WHERE a.tenant = $1 AND lower(a.attendee_email) = ANY($2) AND a.id <> ALL($4)
"""
# A search through the bodies of the tenant: rare, and what was never processed is found in no other way.
_BODIES = """
SELECT id, source, event_id, payload FROM webhook_events
WHERE tenant = $1 AND source IN ('retell', 'calcom') AND payload <> '' AND received_at < $5 AND (
    source = 'retell' AND split_part(event_id, ':', 1) = ANY($2)
    OR EXISTS (SELECT FROM unnest($3::bytea[]) AS sought WHERE position(sought IN payload) > 0)
    OR source = 'calcom' AND EXISTS (SELECT FROM unnest($4::bytea[]) AS sought WHERE position(sought IN payload) > 0))
ORDER BY id
"""
_IS_CALL_GOING_ON = f"""
SELECT EXISTS (SELECT FROM calls WHERE tenant = $1 AND call_id = ANY($2) AND status NOT IN ('not_connected', 'ended', 'error')
    AND coalesce(started_at, updated_at) > clock_timestamp() - {_LONGEST_CALL})
"""  # noqa: S608  a constant
_TO_COME = """
SELECT id FROM appointments WHERE tenant = $1 AND id = ANY($2) AND status IN ('confirmed', 'pending_sync')
AND starts_at > clock_timestamp() ORDER BY starts_at
"""
# Whose visit is still to come, or whose change Cal.com has yet to be told, which needs who it is.
_KEPT = """(
    a.status = 'held' OR a.status IN ('confirmed', 'pending_sync') AND a.ends_at > clock_timestamp()
    OR EXISTS (SELECT FROM jobs j WHERE j.tenant = a.tenant AND j.appointment_id = a.id AND j.kind = 'calendar-sync'
               AND j.state IN ('ready', 'running')))
"""
_LEFT = f"SELECT count(*) FROM appointments a WHERE a.tenant = $1 AND a.id = ANY($2) AND {_KEPT}"  # noqa: S608  a constant

# In this order: notifications are found by what they are about, and a customer goes when no appointment names it any more.
_ERASE: Final[Mapping[str, str]] = {
    "notifications": """
DELETE FROM notifications n WHERE n.tenant = {tenant} AND n.created_at < {until} AND (
    n.appointment_id = ANY({appointments})
    OR position({digits} IN n.content::text) > 0
    OR n.subject LIKE 'message/%' AND split_part(n.subject, '/', 2) IN (
        SELECT m.id::text FROM messages m WHERE m.tenant = {tenant} AND (m.caller = {number} OR m.call_id = ANY({calls})))
    OR n.subject LIKE 'waitlist/%' AND split_part(n.subject, '/', 2) IN (
        SELECT o.id::text FROM waitlist_offers o JOIN waitlist w ON w.tenant = o.tenant AND w.id = o.entry_id
        WHERE o.tenant = {tenant} AND (w.phone = {number} OR w.call_id = ANY({calls}))))
""",
    "messages": """
DELETE FROM messages WHERE tenant = {tenant} AND created_at < {until}
AND (caller = {number} OR call_id = ANY({calls}) OR phone = {number} AND caller IS NULL)
""",
    "messages_of_others": """
UPDATE messages SET phone = NULL WHERE tenant = {tenant} AND created_at < {until} AND phone = {number}
""",
    "waitlist": """
DELETE FROM waitlist WHERE tenant = {tenant} AND created_at < {until} AND (phone = {number} OR call_id = ANY({calls}))
""",
    "waitlist_of_others": """
UPDATE waitlist SET caller = NULL WHERE tenant = {tenant} AND created_at < {until} AND caller = {number}
""",
    "verifications": """
DELETE FROM verifications WHERE tenant = {tenant} AND at < {until} AND (caller = {number} OR call_id = ANY({calls}))
""",
    "function_requests": "DELETE FROM function_requests WHERE tenant = {tenant} AND call_id = ANY({calls})",
    "call_actions": """
DELETE FROM call_actions WHERE tenant = {tenant} AND created_at < {until}
AND (call_id = ANY({calls}) OR appointment_id = ANY({appointments}) OR position({digits} IN answer::text) > 0)
""",
    "calls": "DELETE FROM calls WHERE tenant = {tenant} AND call_id = ANY({calls})",
    "events": "DELETE FROM webhook_events WHERE tenant = {tenant} AND id = ANY({events})",
    "opt_outs": """
DELETE FROM reminder_opt_outs WHERE tenant = {tenant} AND (lower(address) = ANY({emails}) OR address = {number})
""",
    "appointments": f"""
UPDATE appointments a SET customer_id = NULL, customer_name = '', caller = NULL, attendee_email = NULL, notes = NULL,
                          birth_date = NULL, cancel_reason = NULL
WHERE a.tenant = {{tenant}} AND a.id = ANY({{appointments}}) AND NOT {_KEPT}
""",  # noqa: S608  a constant
    "appointments_of_others": """
UPDATE appointments SET caller = NULL WHERE tenant = {tenant} AND id = ANY({booked_for_others}) AND status <> 'held'
""",
    "customers": """
DELETE FROM customers c WHERE c.tenant = {tenant} AND c.id = {customer} AND c.created_at < {until} AND NOT EXISTS (
    SELECT FROM appointments a WHERE a.tenant = c.tenant AND a.customer_id = c.id)
""",
}

_OPEN = """
INSERT INTO erasures AS e (tenant, id, caller, requested_at, changed_at) VALUES ($1, $2, $3, $4, $4)
ON CONFLICT DO NOTHING
"""
_FIND = """
SELECT {columns} FROM erasures WHERE tenant = $1 AND (id = $2 OR state = 'open' AND caller = $3)
ORDER BY id = $2 DESC LIMIT 1
"""
_COLUMNS = "id, caller, state, evidence, error, requested_at, changed_at, finished_at"
_REFER = """
INSERT INTO erased_references (tenant, kind, reference, erasure)
SELECT $1, $2, reference, $3 FROM unnest($4::text[]) AS reference ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure. `caller` is None once it is done. `evidence`: how many rows were erased, by table, and what of the vendors."""

    id: UUID
    caller: str | None
    state: str
    evidence: dict[str, int]
    error: str | None
    requested_at: datetime
    changed_at: datetime
    finished_at: datetime | None

    @property
    def is_open(self) -> bool:
        return self.state == "open"


async def find_traces(
    conn: Connection, tenant: str, number: str, until: datetime, erasure: UUID | None = None
) -> Traces:
    """Return what is stored of a number, of before `until`; with `erasure` also what that one has found before."""
    customer = await conn.fetchrow(_CUSTOMER, tenant, number)
    customer_id: UUID | None = customer["id"] if customer else None
    calls = {row["call_id"] for row in await conn.fetch(_CALLS, tenant, number, until, erasure)}
    rows = await conn.fetch(_APPOINTMENTS, tenant, number, customer_id, until)
    own = [row for row in rows if row["own"]]
    known = [row["reference"] for row in await conn.fetch(_REFERENCED_BOOKINGS, tenant, erasure)]
    uids = {row["external_id"] for row in own if row["external_id"]} | {str(row["id"]) for row in own} | {*known}
    bookings = sorted(uid for uid in uids if len(uid) >= SHORTEST_REFERENCE)
    emails = {row["attendee_email"] for row in own} | {customer["email"] if customer else None}
    lowered = sorted({email.lower() for email in emails if email})
    shared = await conn.fetch(_EMAILS_OF_OTHERS, tenant, lowered, number, [row["id"] for row in own])
    alone = sorted({*lowered} - {row["email"] for row in shared})
    digits = number.removeprefix("+").encode()
    sought = [uid.encode() for uid in (*bookings, *alone)]
    found = [
        StoredBody(*row)
        for row in await conn.fetch(_BODIES, tenant, sorted(calls), [digits], sought, _much_later(until))
    ]
    events, reported = own_events(found, number, calls, until)
    return Traces(
        number, until, customer_id, tuple(alone), tuple(sorted(calls | reported)), tuple(row["id"] for row in own),
        tuple(row["id"] for row in rows if not row["own"]), tuple(bookings), tuple(events),
    )  # fmt: skip


def _much_later(until: datetime) -> datetime:
    """Return the end of the span in which events of what was before `until` may come: Retell and Cal.com repeat for hours."""
    return until + timedelta(days=30)


async def is_call_going_on(conn: Connection, tenant: str, traces: Traces) -> bool:
    """Return whether one of the caller's calls has not ended, as far as its events have reported it."""
    return bool(await conn.fetchval(_IS_CALL_GOING_ON, tenant, list(traces.calls)))


async def list_to_come(conn: Connection, tenant: str, traces: Traces) -> list[UUID]:
    """Return the caller's appointments that have not begun and are not cancelled, the next one first."""
    return [row["id"] for row in await conn.fetch(_TO_COME, tenant, list(traces.appointments))]


async def open_erasure(conn: Connection, tenant: str, erasure_id: UUID, number: str, now: datetime) -> Erasure:
    """Return the open erasure of a number, or the one of that id; a new one if there is neither."""
    await conn.execute(_OPEN, tenant, erasure_id, number, now)
    row = await conn.fetchrow(_FIND.format(columns=_COLUMNS), tenant, erasure_id, number)
    assert row is not None, "it was there, or was inserted"
    return _to_erasure(row)


async def erase_rows(conn: Connection, tenant: str, erasure: UUID, traces: Traces) -> dict[str, int]:
    """Erase what was found, after noting the calls and bookings that must not come back. Return how many rows, by table.

    Only tables of which something was erased are in it.
    """
    await conn.execute(_REFER, tenant, "call", erasure, list(traces.calls))
    await conn.execute(_REFER, tenant, "booking", erasure, list(traces.bookings))
    counts = {}
    for name, statement in _ERASE.items():
        count = int((await conn.execute(*_fill(statement, tenant, traces))).rpartition(" ")[2])
        if count:
            counts[name] = count
    return counts


async def count_left(conn: Connection, tenant: str, traces: Traces) -> int:
    """Return how many of the caller's appointments still say who the caller is: to come, or with a job for Cal.com."""
    return int(await conn.fetchval(_LEFT, tenant, list(traces.appointments)))


async def list_erasures(pool: Pool, tenant: str, *, only_open: bool = False, limit: int = 100) -> list[Erasure]:
    """Return the erasures, newest first."""
    rows = await pool.fetch(
        f"""SELECT {_COLUMNS} FROM erasures WHERE tenant = $1 AND (state = 'open' OR NOT $2)
            ORDER BY requested_at DESC, id LIMIT $3""",  # noqa: S608  a constant
        tenant, only_open, limit,
    )  # fmt: skip
    return [_to_erasure(row) for row in rows]


async def get_erasure(conn: Connection, tenant: str, erasure_id: UUID) -> Erasure:
    """Return an erasure of this id, which there must be."""
    row = await conn.fetchrow(f"SELECT {_COLUMNS} FROM erasures WHERE tenant = $1 AND id = $2", tenant, erasure_id)  # noqa: S608  a constant
    assert row is not None, "pods delete no erasure, and the coordinator only old ones"
    return _to_erasure(row)


async def lock_erasure(conn: Connection, tenant: str, erasure_id: UUID) -> Erasure | None:
    """Return an erasure, locked to the end of the transaction; None if it is not open."""
    row = await conn.fetchrow(
        f"SELECT {_COLUMNS} FROM erasures WHERE tenant = $1 AND id = $2 AND state = 'open' FOR UPDATE",  # noqa: S608  a constant
        tenant, erasure_id,
    )  # fmt: skip
    return _to_erasure(row) if row else None


async def add_evidence(
    conn: Connection, tenant: str, erasure: Erasure, counts: Mapping[str, int], now: datetime
) -> dict[str, int]:
    """Add numbers of erased rows to an erasure that this transaction has locked or made, and return their sums."""
    if not counts:
        return erasure.evidence
    sums = dict(erasure.evidence)
    for name, count in counts.items():
        sums[name] = sums.get(name, 0) + count
    await conn.execute(
        "UPDATE erasures SET evidence = $3::jsonb, changed_at = $4 WHERE tenant = $1 AND id = $2",
        tenant, erasure.id, _json(sums), now,
    )  # fmt: skip
    return sums


async def record_wait(pool: "Pool | Connection", tenant: str, erasure_id: UUID, reason: str | None) -> None:
    """Store what an erasure waits for."""
    await pool.execute(
        "UPDATE erasures SET error = $3 WHERE tenant = $1 AND id = $2 AND error IS DISTINCT FROM $3",
        tenant, erasure_id, reason and reason[:500],
    )  # fmt: skip


async def finish_erasure(conn: Connection, tenant: str, erasure_id: UUID, now: datetime) -> None:
    """Mark an erasure as done, and forget the number."""
    await conn.execute(
        """UPDATE erasures SET state = 'done', caller = NULL, error = NULL, finished_at = $3
           WHERE tenant = $1 AND id = $2""",
        tenant, erasure_id, now,
    )  # fmt: skip


async def list_calls_at_retell(pool: Pool, tenant: str, erasure_id: UUID) -> list[str]:
    """Return the calls of an erasure that Retell may still have."""
    rows = await pool.fetch(
        """SELECT reference FROM erased_references
           WHERE tenant = $1 AND erasure = $2 AND kind = 'call' AND deleted_at IS NULL ORDER BY reference""",
        tenant, erasure_id,
    )  # fmt: skip
    return [row["reference"] for row in rows]


async def mark_deleted(pool: Pool, tenant: str, call_id: str) -> None:
    """Note that Retell has a call no more."""
    await pool.execute(
        """UPDATE erased_references SET deleted_at = clock_timestamp()
           WHERE tenant = $1 AND kind = 'call' AND reference = $2""",
        tenant, call_id,
    )  # fmt: skip


async def count_deleted_calls(conn: Connection, tenant: str, erasure_id: UUID) -> int:
    """Return how many calls of an erasure Retell has no more."""
    return int(
        await conn.fetchval(
            """SELECT count(*) FROM erased_references
               WHERE tenant = $1 AND erasure = $2 AND kind = 'call' AND deleted_at IS NOT NULL""",
            tenant, erasure_id,
        )
    )  # fmt: skip


async def list_at_calcom(conn: Connection, tenant: str, erasure_id: UUID) -> list[str]:
    """Return the uids of an erasure's bookings that Cal.com has or had: its API removes nobody from a booking."""
    rows = await conn.fetch(
        """SELECT a.external_id FROM erased_references r
           JOIN appointments a ON a.tenant = r.tenant AND a.id::text = r.reference
           WHERE r.tenant = $1 AND r.erasure = $2 AND r.kind = 'booking' AND a.external_id IS NOT NULL ORDER BY 1""",
        tenant, erasure_id,
    )  # fmt: skip
    return [row["external_id"] for row in rows]


async def record_audit(
    pool: "Pool | Connection", tenant: str, actor: str, action: str, detail: Mapping[str, Any], correlation_id: str
) -> None:
    """Add an entry to the audit log. `detail` has ids and numbers of rows, never who the caller is."""
    await pool.execute(
        "INSERT INTO audit_log (tenant, actor, action, detail, correlation_id) VALUES ($1, $2, $3, $4::jsonb, $5)",
        tenant, actor, action, _json(detail), correlation_id,
    )  # fmt: skip


def _fill(statement: str, tenant: str, traces: Traces) -> tuple[Any, ...]:
    """Return a statement with numbered parameters in the place of names, and their values."""
    values: dict[str, tuple[Any, str]] = {
        "tenant": (tenant, "text"), "until": (traces.until, "timestamptz"), "number": (traces.number, "text"),
        "digits": (traces.number.removeprefix("+"), "text"), "customer": (traces.customer, "uuid"),
        "calls": (list(traces.calls), "text[]"), "appointments": (list(traces.appointments), "uuid[]"),
        "booked_for_others": (list(traces.booked_for_others), "uuid[]"), "events": (list(traces.events), "bigint[]"),
        "emails": (list(traces.emails), "text[]"),
    }  # fmt: skip
    used = [name for name in values if f"{{{name}}}" in statement]
    places = {name: f"${number}::{values[name][1]}" for number, name in enumerate(used, start=1)}
    return statement.format(**places), *(values[name][0] for name in used)


def _to_erasure(row: asyncpg.Record) -> Erasure:
    return Erasure(**(dict(row) | {"evidence": msgspec.json.decode(row["evidence"], type=dict[str, int])}))


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
