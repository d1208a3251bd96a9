"""The SQL that reads what is stored of one caller, for a document."""

from typing import Any, Final

import asyncpg
import msgspec

from askproai_core.database import Connection
from askproai_runtime.privacy.traces import Traces, written

# The columns that say something to a person, each list by time. What is booked for another customer is without that customer.
_LISTS: Final = {
    "appointments": """
SELECT id::text, branch, service, staff, starts_at, ends_at, status, customer_name AS name, attendee_email AS email, notes,
       birth_date::text, cancel_reason, external_id AS calcom_booking, created_at AS booked_at, id = ANY($3) AS for_somebody_else
FROM appointments WHERE tenant = $1 AND id = ANY($2 || $3) ORDER BY starts_at
""",
    "calls": """
SELECT call_id, direction, from_number, to_number, branch, started_at, ended_at, status, transcript, transcript_truncated,
       analysis::text
FROM calls WHERE tenant = $1 AND call_id = ANY($4) ORDER BY started_at
""",
    "requests_in_calls": """
SELECT call_id, at, function, arguments::text, outcome, answer FROM function_requests
WHERE tenant = $1 AND call_id = ANY($4) ORDER BY at
""",
    "messages": """
SELECT name, phone, recipient AS for_whom, text, call_back, created_at AS left_at, done_at, note FROM messages
WHERE tenant = $1 AND (caller = $5 OR call_id = ANY($4) OR phone = $5 AND caller IS NULL) ORDER BY created_at
""",
    "waiting_list": """
SELECT name, phone, branch, service, staff, requested, until, state, created_at AS joined_at, ended_at FROM waitlist
WHERE tenant = $1 AND phone = $5 ORDER BY created_at
""",
    "notifications": """
SELECT kind, recipient, channel, state, starts_at AS of_appointment_at, content::text, created_at, finished_at FROM notifications
WHERE tenant = $1 AND (appointment_id = ANY($2) OR content::text ~ $8) ORDER BY created_at
""",
    "no_reminders_to": """
SELECT address, since FROM reminder_opt_outs WHERE tenant = $1 AND (lower(address) = ANY($6) OR address = $5)
""",
    "attempts_to_prove_who_it_is": """
SELECT at, call_id FROM verifications WHERE tenant = $1 AND (caller = $5 OR call_id = ANY($4)) ORDER BY at
""",
    "events": """
SELECT source, event_type, received_at, status,
       CASE WHEN status <> 'processed' THEN payload END AS body
FROM webhook_events WHERE tenant = $1 AND id = ANY($7) ORDER BY received_at
""",
}
_CUSTOMER: Final = "SELECT name, phone, email, created_at AS since FROM customers WHERE tenant = $1 AND id = $2"
_JSON: Final = ("analysis", "arguments", "content")
_OF_ANOTHER: Final = ("name", "email", "notes", "birth_date", "cancel_reason", "calcom_booking")


async def read_caller(
    conn: Connection, tenant: str, traces: Traces
) -> tuple[dict[str, Any] | None, dict[str, list[dict[str, Any]]]]:
    """Return the customer of a number, and the lists of what else is stored, each by time."""
    customer = await conn.fetchrow(_CUSTOMER, tenant, traces.customer)
    return dict(customer) if customer else None, {name: await _list(conn, tenant, name, traces) for name in _LISTS}


async def _list(conn: Connection, tenant: str, name: str, traces: Traces) -> list[dict[str, Any]]:
    values = (
        tenant, list(traces.appointments), list(traces.booked_for_others), list(traces.calls), traces.number,
        list(traces.emails), list(traces.events), written(traces.number),
    )  # fmt: skip
    types = ("text", "uuid[]", "uuid[]", "text[]", "text", "text[]", "bigint[]", "text")
    statement = _LISTS[name]
    used = [number for number in range(1, len(values) + 1) if f"${number}" in statement]
    for place, number in enumerate(used, start=1):
        statement = statement.replace(f"${number}", f"${place}::{types[number - 1]}")
    rows = await conn.fetch(statement, *(values[number - 1] for number in used))
    return [_readable(row) for row in rows]


def _readable(row: asyncpg.Record) -> dict[str, Any]:
    """Return a row with its JSON as values, and without another person."""
    values = dict(row)
    for name in _JSON:
        if values.get(name) is not None:
            values[name] = msgspec.json.decode(values[name])
    if values.get("body") is not None:  # as it came: nobody has checked that it is text
        values["body"] = values["body"].decode(errors="replace")
    if values.get("for_somebody_else"):
        values |= dict.fromkeys(_OF_ANOTHER)
    return values
