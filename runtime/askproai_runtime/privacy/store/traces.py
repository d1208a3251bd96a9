"""The SQL that finds the stored data of one caller, as `Traces`."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from askproai_core.database import Connection
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.branch_numbers import regions_of
from askproai_runtime.calls.texts import read_said
from askproai_runtime.encryption import ENCRYPTED_HEX, BodyCipher, DataKeyMissing, DecryptionError
from askproai_runtime.intake import decrypt_body
from askproai_runtime.privacy.store.parameters import number_parameters
from askproai_runtime.privacy.traces import LONGEST_CALL, REFERENCE, StoredBody, Traces, names_person, own_events

_LONGEST = f"make_interval(secs => {int(LONGEST_CALL.total_seconds())})"

_CUSTOMER = "SELECT id, email FROM customers WHERE tenant = $1 AND phone = $2"
# A call that was going on at that time counts as later: a request is refused during a known call.
_CALLS = f"""
SELECT call_id FROM calls WHERE tenant = $1 AND coalesce(started_at, updated_at) < $3
  AND CASE WHEN direction = 'outbound' THEN to_number ELSE from_number END = $2
  AND (ended_at <= $3 OR status IN ('not_connected', 'ended', 'error') AND ended_at IS NULL
       OR coalesce(started_at, updated_at) < $3 - {_LONGEST})
UNION SELECT call_id FROM messages WHERE tenant = $1 AND caller = $2 AND created_at < $3
UNION SELECT call_id FROM waitlist WHERE tenant = $1 AND caller = $2 AND created_at < $3
UNION SELECT call_id FROM verifications WHERE tenant = $1 AND caller = $2 AND at < $3
UNION SELECT call_id FROM appointments WHERE tenant = $1 AND caller = $2 AND created_at < $3 AND call_id <> ''
UNION SELECT reference FROM erased_references WHERE tenant = $1 AND erasure = $4 AND kind = 'call'
"""  # noqa: S608  a constant
_APPOINTMENTS = """
SELECT id, external_id, attendee_email, coalesce(customer_id = $3, customer_id IS NULL) AS own
FROM appointments WHERE tenant = $1 AND created_at < $4 AND (caller = $2 OR customer_id = $3) ORDER BY id
"""
_REFERENCED_BOOKINGS = "SELECT reference FROM erased_references WHERE tenant = $1 AND erasure = $2 AND kind = 'booking'"
# An address that other customers share is not erased.
_EMAILS_OF_OTHERS = """
SELECT lower(c.email) AS email FROM customers c WHERE c.tenant = $1 AND lower(c.email) = ANY($2) AND c.phone <> $3
UNION SELECT lower(a.attendee_email) FROM appointments a
WHERE a.tenant = $1 AND lower(a.attendee_email) = ANY($2) AND a.id <> ALL($4)
"""
# Bodies of the remote calendar and unprocessed bodies of Retell are searched, since nothing else says whose they are. Retell's
# processed bodies, nearly all stored rows, are found by the number of their call, and not read.
_LISTED = """
SELECT id, is_own FROM webhook_events e, LATERAL (SELECT split_part(event_id, ':', 1) AS call_id) c,
    LATERAL (SELECT source = 'retell' AND c.call_id = ANY($2) AS is_own) o
WHERE tenant = $1 AND source IN ('retell', 'calcom') AND payload <> '' AND received_at < $3 AND (
    is_own OR NOT (source = 'retell' AND status = 'processed'
                   AND EXISTS (SELECT FROM calls WHERE calls.tenant = $1 AND calls.call_id = c.call_id
                               AND (from_number IS NOT NULL OR to_number IS NOT NULL))))
ORDER BY id
"""
# Encrypted bodies ($6 is their beginning) are all returned.
_BODIES = """
SELECT id, source, event_id, payload FROM webhook_events WHERE tenant = $1 AND id = ANY($2) AND (
    id = ANY($3) OR EXISTS (SELECT FROM unnest($4::bytea[]) AS sought WHERE position(sought IN payload) > 0)
    OR source = 'calcom' AND EXISTS (SELECT FROM unnest($5::bytea[]) AS sought WHERE position(sought IN payload) > 0)
    OR starts_with(encode(substr(payload, 1, 8), 'hex'), $6))
ORDER BY id
"""
_REPEATED_FOR = timedelta(days=30)  # providers repeat an event for hours
_AT_ONCE = 200  # bodies or records that one statement searches, so that it ends in time
# An erased call is over. Its row can come back without an end until the next pass, if the record of its last function is
# written after the erasure.
_IS_CALL_GOING_ON = f"""
SELECT EXISTS (
    SELECT FROM calls c WHERE tenant = $1 AND CASE WHEN direction = 'outbound' THEN to_number ELSE from_number END = $2
    AND status NOT IN ('not_connected', 'ended', 'error')
    AND coalesce(started_at, updated_at) > clock_timestamp() - {_LONGEST}
    AND NOT EXISTS (
        SELECT FROM erased_references r WHERE r.tenant = $1 AND r.kind = 'call' AND r.reference = c.call_id)
)
"""  # noqa: S608  a constant
# Calls whose first event is stored, but not processed.
_BEGUN = f"""
SELECT id, source, event_id, payload FROM webhook_events e WHERE e.tenant = $1 AND e.source = 'retell'
AND e.event_type = 'call_started' AND e.status IN ('received', 'processing', 'failed')
AND e.received_at > clock_timestamp() - {_LONGEST} AND NOT EXISTS (
    SELECT FROM webhook_events later WHERE later.tenant = $1 AND later.source = 'retell'
    AND later.event_id = split_part(e.event_id, ':', 1) || ':call_ended')
"""  # noqa: S608  a constant
_LISTED_RECORDS = """
SELECT id FROM function_requests WHERE tenant = {tenant} AND at < {until} AND NOT call_id = ANY({calls})
AND (arguments IS NOT NULL OR answer IS NOT NULL) ORDER BY id
"""
_RECORDS = """
SELECT id, appointment_id, call_id, at, function, arguments::text, answer FROM function_requests
WHERE tenant = $1 AND id = ANY($2) ORDER BY id
"""
# Calls that booked, wait or left a message for the person.
_CONCERNED = """
SELECT call_id FROM appointments WHERE tenant = {tenant} AND id = ANY({appointments})
UNION SELECT call_id FROM waitlist WHERE tenant = {tenant} AND phone = {number}
UNION SELECT call_id FROM messages WHERE tenant = {tenant} AND phone = {number}
"""
_OWN_NAMES = """
SELECT lower(customer_name) AS name FROM appointments WHERE tenant = {tenant} AND id = ANY({appointments}) AND customer_name <> ''
UNION SELECT lower(name) FROM customers WHERE tenant = {tenant} AND id = {customer} AND name <> ''
"""
_TO_COME = """
SELECT id FROM appointments WHERE tenant = $1 AND id = ANY($2) AND status IN ('confirmed', 'pending_sync')
AND starts_at > clock_timestamp() ORDER BY starts_at
"""


async def find_traces(
    conn: Connection,
    config: TenantConfig,
    number: str,
    until: datetime,
    cipher: BodyCipher,
    erasure: UUID | None = None,
    set_aside: Sequence[StoredBody] = (),
) -> Traces:
    """Return the traces of a number from before `until`; with `erasure` also those found by it before, and in others' calls.

    `set_aside` are bodies of events that wait in Redis.
    """
    tenant = config.tenant
    customer = await conn.fetchrow(_CUSTOMER, tenant, number)
    customer_id: UUID | None = customer["id"] if customer else None
    calls = {row["call_id"] for row in await conn.fetch(_CALLS, tenant, number, until, erasure)}
    rows = await conn.fetch(_APPOINTMENTS, tenant, number, customer_id, until)
    own = [row for row in rows if row["own"]]
    known = [row["reference"] for row in await conn.fetch(_REFERENCED_BOOKINGS, tenant, erasure)]
    uids = {row["external_id"] for row in own if row["external_id"]} | {str(row["id"]) for row in own} | {*known}
    bookings = sorted(uid for uid in uids if REFERENCE.fullmatch(uid))
    emails = {row["attendee_email"] for row in own} | {customer["email"] if customer else None}
    lowered = sorted({email.lower() for email in emails if email})
    shared = await conn.fetch(_EMAILS_OF_OTHERS, tenant, lowered, number, [row["id"] for row in own])
    alone = sorted({*lowered} - {row["email"] for row in shared})
    digits = number.removeprefix("+").encode()
    sought = [word.encode() for word in (*bookings, *alone)]
    events, reported, unreadable = list[int](), set[str](), list[str]()
    listed = await conn.fetch(_LISTED, tenant, sorted(calls), until + _REPEATED_FOR)
    for begin in range(0, len(listed), _AT_ONCE):
        some = listed[begin : begin + _AT_ONCE]
        some_ids, own_ids = [row["id"] for row in some], [row["id"] for row in some if row["is_own"]]
        bodies = await conn.fetch(_BODIES, tenant, some_ids, own_ids, [digits], sought, ENCRYPTED_HEX)
        found = [_read(cipher, row) for row in bodies]
        ids, more = own_events(config, found, number, calls, until, bookings, alone)
        events += ids
        reported |= more
        unreadable += [each.missing_key for each in found if each.missing_key and each.id not in ids]
    aside, more = own_events(config, set_aside, number, calls, until, bookings, alone)
    reported |= more
    unreadable += [each.missing_key for each in set_aside if each.missing_key and each.id not in aside]
    traces = Traces(
        number=number,
        until=until,
        customer=customer_id,
        emails=tuple(alone),
        calls=tuple(sorted(calls | reported)),
        appointments=tuple(row["id"] for row in own),
        booked_for_others=tuple(row["id"] for row in rows if not row["own"]),
        bookings=tuple(bookings),
        events=tuple(events),
        set_aside=tuple(aside),
        regions=regions_of(config),
        unreadable=tuple(unreadable),
    )
    return await _with_said_by_others(conn, tenant, traces, cipher) if erasure else traces


async def _with_said_by_others(conn: Connection, tenant: str, traces: Traces, cipher: BodyCipher) -> Traces:
    """Add function records of other callers' calls that name the person. All are read: no statement can search encrypted ones."""
    names = {row["name"] for row in await conn.fetch(*number_parameters(_OWN_NAMES, tenant, traces))}
    concerned = {row["call_id"] for row in await conn.fetch(*number_parameters(_CONCERNED, tenant, traces))}
    listed = [row["id"] for row in await conn.fetch(*number_parameters(_LISTED_RECORDS, tenant, traces))]
    found, unreadable = list[int](), [*traces.unreadable]
    for begin in range(0, len(listed), _AT_ONCE):
        for record, appointment, *columns in await conn.fetch(_RECORDS, tenant, listed[begin : begin + _AT_ONCE]):
            is_named = appointment in traces.appointments
            concerns = is_named or columns[0] in concerned
            try:
                said, _ = read_said(cipher, *columns)
                is_named = is_named or names_person(said, traces, names, concerns=concerns)
            except DecryptionError as error:  # of a call that concerns the person, it may name the person
                is_named = concerns
                unreadable += [str(error)] if isinstance(error, DataKeyMissing) and not concerns else []
            found += [record] if is_named else []
    return replace(traces, said_by_others=tuple(found), unreadable=tuple(unreadable))


def _read(cipher: BodyCipher, row: asyncpg.Record) -> StoredBody:
    """Return a stored event's body, decrypted. It is empty if it cannot be decrypted, or was changed or moved."""
    payload, missing_key = b"", None
    try:
        payload = decrypt_body(cipher, row["source"], row["event_id"], row["payload"])
    except DataKeyMissing as error:
        missing_key = str(error)
    except DecryptionError:
        pass
    return StoredBody(row["id"], row["source"], row["event_id"], payload, missing_key)


async def is_call_going_on(conn: Connection, tenant: str, number: str, cipher: BodyCipher) -> bool:
    """Return True if a call of the number is still going on, according to its events."""
    if await conn.fetchval(_IS_CALL_GOING_ON, tenant, number):
        return True
    digits = number.removeprefix("+").encode()
    return any(digits in _read(cipher, row).payload for row in await conn.fetch(_BEGUN, tenant))


async def list_to_come(conn: Connection, tenant: str, traces: Traces) -> list[UUID]:
    """Return the ids of the caller's live appointments that have not begun, the next one first."""
    return [row["id"] for row in await conn.fetch(_TO_COME, tenant, list(traces.appointments))]
