"""What is stored of one caller, as a document for that person (Art. 15 and 20 GDPR): everything, and nobody else's."""

from datetime import datetime
from typing import Any, Final

import asyncpg
import msgspec

from askproai_core.clock import Clock
from askproai_core.database import Connection, Pool
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.privacy.store import find_traces, record_audit
from askproai_runtime.privacy.traces import Traces

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
WHERE tenant = $1 AND (phone = $5 OR call_id = ANY($4)) ORDER BY created_at
""",
    "notifications": """
SELECT kind, recipient, channel, state, starts_at AS of_appointment_at, content::text, created_at, finished_at FROM notifications
WHERE tenant = $1 AND (appointment_id = ANY($2) OR position(ltrim($5, '+') IN content::text) > 0) ORDER BY created_at
""",
    "no_reminders_to": """
SELECT address, since FROM reminder_opt_outs WHERE tenant = $1 AND (lower(address) = ANY($6) OR address = $5)
""",
    "attempts_to_prove_who_it_is": """
SELECT at, call_id FROM verifications WHERE tenant = $1 AND (caller = $5 OR call_id = ANY($4)) ORDER BY at
""",
    "events": """
SELECT source, event_type, received_at, status,
       CASE WHEN status <> 'processed' THEN convert_from(payload, 'UTF8') END AS body
FROM webhook_events WHERE tenant = $1 AND id = ANY($7) ORDER BY received_at
""",
}
_CUSTOMER: Final = "SELECT name, phone, email, created_at AS since FROM customers WHERE tenant = $1 AND id = $2"
_JSON: Final = ("analysis", "arguments", "content")
_OF_ANOTHER: Final = ("name", "email", "notes", "birth_date", "cancel_reason", "calcom_booking")


class CallerExport(msgspec.Struct, frozen=True):
    """All that is stored of a number, as of `created_at`. Times have the tenant's offset.

    `appointments` that the number booked `for_somebody_else` are without that person. `events` are what Retell and Cal.com have
    reported: of those that were processed all is in the other lists, of the others the `body` is here. `elsewhere` says who else
    has data of the caller.
    """

    created_at: datetime
    tenant: str
    business: str
    caller: str
    customer: dict[str, Any] | None
    appointments: list[dict[str, Any]]
    calls: list[dict[str, Any]]
    requests_in_calls: list[dict[str, Any]]
    messages: list[dict[str, Any]]
    waiting_list: list[dict[str, Any]]
    notifications: list[dict[str, Any]]
    no_reminders_to: list[dict[str, Any]]
    attempts_to_prove_who_it_is: list[dict[str, Any]]
    events: list[dict[str, Any]]
    elsewhere: list[str]
    zone: str


async def export_caller(
    pool: Pool, config: TenantConfig, clock: Clock, number: str, claimed_by: str, correlation_id: str
) -> CallerExport:
    """Return what is stored of a number (E.164). That somebody reads it is recorded before; where that fails, nobody does."""
    async with pool.acquire() as conn, conn.transaction(isolation="repeatable_read"):
        traces = await find_traces(conn, config.tenant, number, clock.now())
        detail = {"token": "admin", "claimed_by": claimed_by, "calls": len(traces.calls)}
        await record_audit(conn, config.tenant, "desk", "caller.exported", detail, correlation_id)
        customer = await conn.fetchrow(_CUSTOMER, config.tenant, traces.customer)
        lists = {name: await _list(conn, config.tenant, name, traces) for name in _LISTS}
    return CallerExport(
        created_at=clock.now(), tenant=config.tenant, business=config.display_name, caller=number,
        customer=dict(customer) if customer else None, elsewhere=_elsewhere(config), zone=config.time_zone, **lists,
    )  # fmt: skip


async def _list(conn: Connection, tenant: str, name: str, traces: Traces) -> list[dict[str, Any]]:
    values = (
        tenant, list(traces.appointments), list(traces.booked_for_others), list(traces.calls), traces.number,
        list(traces.emails), list(traces.events),
    )  # fmt: skip
    types = ("text", "uuid[]", "uuid[]", "text[]", "text", "text[]", "bigint[]")
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
    if values.get("for_somebody_else"):
        values |= dict.fromkeys(_OF_ANOTHER)
    return values


def _elsewhere(config: TenantConfig) -> list[str]:
    """Return who else has data of callers, in English: the person who hands the document out knows the details."""
    found = ["Retell: the call as the agent's storage setting says, until its retention ends"]
    if config.calendar.provider != "Local":
        found.append("Cal.com: name, number, e-mail address and notes of each booking")
    if config.notifications is not None:
        found.append("the business' mailbox and systems: what notifications have brought there")
    return [*found, "the telephone company: numbers and times of calls", "backups of the database"]
