"""The SQL that erases the rows of one caller.

Each statement has `{tenant}` and fields of `Traces` as parameters. Migration 0017 lets a pod delete rows only while an erasure
is open.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from uuid import UUID

from askproai_core.database import Connection
from askproai_runtime.privacy.store.parameters import number_parameters
from askproai_runtime.privacy.traces import Traces

# An appointment that is held, to come or going on keeps its name: the remote calendar may still report a change of it.
_STILL_COUNTS = "(a.status = 'held' OR a.status IN ('confirmed', 'pending_sync') AND a.ends_at > clock_timestamp())"
# An appointment also keeps its name until the remote calendar has its change, which needs the name.
_KEPT = f"""(
    {_STILL_COUNTS}
    OR EXISTS (SELECT FROM jobs j WHERE j.tenant = a.tenant AND j.appointment_id = a.id AND j.kind = 'calendar-sync'
               AND j.state IN ('ready', 'running')))
"""
_COUNTING = f"""
SELECT a.id, a.external_id FROM appointments a WHERE a.tenant = $1 AND a.id = ANY($2) AND {_STILL_COUNTS}
"""  # noqa: S608  a constant
_LEFT = f"SELECT count(*) FROM appointments a WHERE a.tenant = $1 AND a.id = ANY($2) AND {_KEPT}"  # noqa: S608  a constant

# The order matters: notifications are found by their subject, and a customer is deleted once no appointment refers to it.
ERASING: Final[Mapping[str, str]] = {
    "notifications": """
DELETE FROM notifications n WHERE n.tenant = {tenant} AND n.created_at < {until} AND (
    n.appointment_id = ANY({appointments})
    OR n.content::text ~ {number_pattern}
    OR n.subject LIKE 'message/%' AND split_part(n.subject, '/', 2) IN (
        SELECT m.id::text FROM messages m WHERE m.tenant = {tenant} AND (m.caller = {number} OR m.call_id = ANY({calls})))
    OR n.subject LIKE 'waitlist/%' AND split_part(n.subject, '/', 2) IN (
        SELECT o.id::text FROM waitlist_offers o JOIN waitlist w ON w.tenant = o.tenant AND w.id = o.entry_id
        WHERE o.tenant = {tenant} AND w.phone = {number}))
""",
    "messages": """
DELETE FROM messages WHERE tenant = {tenant} AND created_at < {until}
AND (caller = {number} OR call_id = ANY({calls}) OR phone = {number} AND caller IS NULL)
""",
    "messages_of_others": """
UPDATE messages SET phone = NULL, name = '' WHERE tenant = {tenant} AND created_at < {until} AND phone = {number}
""",
    "waitlist": """
DELETE FROM waitlist WHERE tenant = {tenant} AND created_at < {until} AND phone = {number}
""",
    "waitlist_of_others": """
UPDATE waitlist SET caller = NULL WHERE tenant = {tenant} AND created_at < {until} AND caller = {number}
""",
    "verifications": """
DELETE FROM verifications WHERE tenant = {tenant} AND at < {until} AND (caller = {number} OR call_id = ANY({calls}))
""",
    # Another caller's free text stays with that call, and is deleted by age (decision 97).
    "function_requests_of_others": """
UPDATE function_requests SET arguments = NULL, answer = NULL, cause = NULL WHERE tenant = {tenant} AND id = ANY({said_by_others})
""",
    "function_requests": "DELETE FROM function_requests WHERE tenant = {tenant} AND call_id = ANY({calls})",
    "call_actions": """
DELETE FROM call_actions WHERE tenant = {tenant} AND created_at < {until}
AND (call_id = ANY({calls}) OR appointment_id = ANY({appointments}) OR answer::text ~ {number_pattern} OR key IN (
    SELECT 'ask_email|' || encode(sha256(convert_to(email, 'UTF8')), 'hex') FROM unnest({emails}) AS email))
""",
    "shadow_requests": "DELETE FROM shadow_requests WHERE tenant = {tenant} AND call_id = ANY({calls})",
    "calls": "DELETE FROM calls WHERE tenant = {tenant} AND call_id = ANY({calls})",
    # An unprocessed event of the remote calendar stays: its booking must still block its time here.
    "events": """
DELETE FROM webhook_events WHERE tenant = {tenant} AND id = ANY({events})
AND (source <> 'calcom' OR status NOT IN ('received', 'processing', 'failed'))
""",
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

# The shadow's copy of the book is a separate tenant, whose rows this role cannot reach.
_ERASE_FROM_SHADOW: Final = "SELECT erase_from_shadow({number}, {calls}, {appointments})"
_REFER = """
INSERT INTO erased_references (tenant, kind, reference, erasure)
SELECT $1, $2, reference, $3 FROM unnest($4::text[]) AS reference ON CONFLICT DO NOTHING
"""

# The answers to all callers are emptied, since each may name the person; the coordinator would empty them anyway. The answer to
# a repeated request is that it is in progress.
_EMPTY_ANSWERS: Final = """
UPDATE call_actions SET answer = NULL WHERE tenant = {tenant} AND created_at < {until}
AND answer IS NOT NULL AND key LIKE 'request|%' AND call_id NOT LIKE 'desk:%'
"""


async def erase_rows(conn: Connection, tenant: str, erasure: UUID, traces: Traces) -> dict[str, int]:
    """Record the calls and bookings whose data must not be stored again, and erase the caller's rows. Return numbers by table.

    Tables without erased rows are absent.
    """
    await conn.execute(_REFER, tenant, "call", erasure, list(traces.calls))
    # This lock comes first: a booking that is being written ends before it, and the later statements see that booking.
    await conn.execute("SELECT FROM customers WHERE tenant = $1 AND id = $2 FOR UPDATE", tenant, traces.customer)
    counting = await conn.fetch(_COUNTING, tenant, list(traces.appointments))
    kept = {row["id"] for row in counting}
    reports = {str(row["id"]) for row in counting} | {row["external_id"] for row in counting}
    await conn.execute(_REFER, tenant, "booking", erasure, [each for each in traces.bookings if each not in reports])
    # An appointment that ends at this moment is left to the next pass. References are recorded first, since nameless rows are
    # not found again.
    in_shadow = await conn.fetchval(*number_parameters(_ERASE_FROM_SHADOW, tenant, traces))
    counts = {"shadow": int(in_shadow)} if in_shadow else {}
    traces = replace(traces, appointments=tuple(each for each in traces.appointments if each not in kept))
    await conn.execute(*number_parameters(_EMPTY_ANSWERS, tenant, traces))
    for name, statement in ERASING.items():
        count = int((await conn.execute(*number_parameters(statement, tenant, traces))).rpartition(" ")[2])
        if count:
            counts[name] = count
    return counts


async def count_left(conn: Connection, tenant: str, traces: Traces) -> int:
    """Return how many of the caller's appointments still need a name: holds, and those not over or with an open sync job."""
    return int(await conn.fetchval(_LEFT, tenant, list(traces.appointments)))
