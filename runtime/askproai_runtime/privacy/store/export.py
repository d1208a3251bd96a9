"""The SQL that reads one caller's stored data for the document of an export."""

from typing import Any, Final

import msgspec

from askproai_core.database import Connection
from askproai_runtime.calls.texts import read_call_texts, read_said
from askproai_runtime.encryption import BodyCipher, DecryptionError
from askproai_runtime.intake import decrypt_body
from askproai_runtime.notifications.recipients import is_made_up
from askproai_runtime.privacy.store.parameters import number_parameters
from askproai_runtime.privacy.traces import Traces

# The columns that matter to a person; lists are ordered by time. A booking for somebody else omits that customer.
_LISTS: Final = {
    "appointments": """
SELECT id::text, branch, service, staff, starts_at, ends_at, status, customer_name AS name, attendee_email AS email, notes,
       birth_date::text, cancel_reason, external_id AS calcom_booking, created_at AS booked_at,
       id = ANY({booked_for_others}) AS for_somebody_else
FROM appointments WHERE tenant = {tenant} AND id = ANY({appointments} || {booked_for_others}) ORDER BY starts_at
""",
    "calls": """
SELECT call_id, direction, from_number, to_number, branch, started_at, ended_at, status, transcript, transcript_truncated,
       analysis::text
FROM calls WHERE tenant = {tenant} AND call_id = ANY({calls}) ORDER BY started_at
""",
    "requests_in_calls": """
SELECT call_id, at, function, arguments::text, outcome, answer FROM function_requests
WHERE tenant = {tenant} AND call_id = ANY({calls}) ORDER BY at
""",
    "messages": """
SELECT name, phone, recipient AS for_whom, text, call_back, call_back_from, call_back_until,
       created_at AS left_at, done_at, note
FROM messages
WHERE tenant = {tenant} AND (caller = {number} OR call_id = ANY({calls}) OR phone = {number} AND caller IS NULL) ORDER BY created_at
""",
    "waiting_list": """
SELECT name, phone, branch, service, staff, requested, until, state, created_at AS joined_at, ended_at FROM waitlist
WHERE tenant = {tenant} AND phone = {number} ORDER BY created_at
""",
    "notifications": """
SELECT kind, recipient, channel, state, starts_at AS of_appointment_at, content::text, created_at, finished_at FROM notifications
WHERE tenant = {tenant} AND (appointment_id = ANY({appointments}) OR content::text ~ {number_pattern}) ORDER BY created_at
""",
    "no_reminders_to": """
SELECT address, since FROM reminder_opt_outs WHERE tenant = {tenant} AND (lower(address) = ANY({emails}) OR address = {number})
""",
    "attempts_to_prove_who_it_is": """
SELECT at, call_id FROM verifications WHERE tenant = {tenant} AND (caller = {number} OR call_id = ANY({calls})) ORDER BY at
""",
    "events": """
SELECT source, event_id, event_type, received_at, status,
       CASE WHEN status <> 'processed' THEN payload END AS body
FROM webhook_events WHERE tenant = {tenant} AND id = ANY({events}) ORDER BY received_at
""",
}
_CUSTOMER: Final = "SELECT name, phone, email, created_at AS since FROM customers WHERE tenant = $1 AND id = $2"
_NOTICES: Final = """
SELECT call_id, CASE coalesce(heard_ai, announces_ai) WHEN true THEN 'given' WHEN false THEN 'not_given' END AS ai_notice,
       storage AS retell_keeps, refused_at
FROM call_notices WHERE tenant = $1 AND call_id = ANY($2)
"""
_JSON: Final = ("content",)
_OF_ANOTHER: Final = ("name", "email", "notes", "birth_date", "cancel_reason", "calcom_booking")


async def read_caller(
    conn: Connection, tenant: str, traces: Traces, cipher: BodyCipher
) -> tuple[dict[str, Any] | None, dict[str, list[dict[str, Any]]]]:
    """Return the customer with this number (or None), and lists of the other stored data by name, each ordered by time."""
    customer = await conn.fetchrow(_CUSTOMER, tenant, traces.customer)
    lists = {name: await _list(conn, tenant, name, traces, cipher) for name in _LISTS}
    await _add_notices(conn, tenant, lists["calls"])
    return _without_made_up(dict(customer)) if customer else None, lists


async def _add_notices(conn: Connection, tenant: str, calls: list[dict[str, Any]]) -> None:
    """Add to each call its call notice: whether the caller heard it, and whether the caller refused storage. null: unknown."""
    rows = await conn.fetch(_NOTICES, tenant, [call["call_id"] for call in calls])
    found = {row["call_id"]: row for row in rows}
    for call in calls:
        row = found.get(call["call_id"])
        call |= {name: row[name] if row else None for name in ("ai_notice", "retell_keeps", "refused_at")}


async def _list(conn: Connection, tenant: str, name: str, traces: Traces, cipher: BodyCipher) -> list[dict[str, Any]]:
    rows = await conn.fetch(*number_parameters(_LISTS[name], tenant, traces))
    return [_readable(_decrypted(name, dict(row), cipher)) for row in rows]


def _decrypted(name: str, values: dict[str, Any], cipher: BodyCipher) -> dict[str, Any]:
    """Return a row with its texts decrypted. If decryption fails, the texts are null and `not_readable` is true."""
    try:
        if name == "calls":
            texts = read_call_texts(cipher, values["call_id"], values["transcript"], values["analysis"])
            values |= {"transcript": texts.transcript, "analysis": texts.analysis}
            values |= {"not_readable": True} if texts.unreadable else {}
        elif name == "requests_in_calls":
            columns = (values[each] for each in ("call_id", "at", "function", "arguments", "answer"))
            values["arguments"], values["answer"] = read_said(cipher, *columns)
        elif name == "events":
            source, event_id = values["source"], values.pop("event_id")
            values["body"] = values["body"] and decrypt_body(cipher, source, event_id, values["body"])
    except DecryptionError:
        values |= {each: None for each in ("arguments", "answer", "body") if each in values} | {"not_readable": True}
    return values


def _readable(values: dict[str, Any]) -> dict[str, Any]:
    """Return a row with its JSON columns decoded, and without the data of other people."""
    for name in _JSON:
        if isinstance(values.get(name), str):
            values[name] = msgspec.json.decode(values[name])
    if values.get("body") is not None:  # raw, so it need not be text
        values["body"] = values["body"].decode(errors="replace")
    if values.get("for_somebody_else"):
        values |= dict.fromkeys(_OF_ANOTHER)
    return _without_made_up(values)


def _without_made_up(values: dict[str, Any]) -> dict[str, Any]:
    """Return a row without an e-mail address that we made up for the remote calendar, because it is not the caller's data."""
    if isinstance(email := values.get("email"), str) and is_made_up(email):
        return values | {"email": None}
    return values
