"""The SQL about calls, function records, copies of requests for a shadow, signed requests, known callers, and refused requests."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from askproai_core.database import Connection, Pool
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.calls.texts import CallTexts, read_call_texts, store_call_texts, store_said
from askproai_runtime.encryption import BodyCipher

# Inserts the rows or locks them, in one statement: two events of one call may be processed at once, and this lock serialises
# them. In the order of their ids, or two workers that process events of the same calls could wait for each other.
_LOCK = """
INSERT INTO calls (tenant, call_id, status, correlation_id)
SELECT $1, call_id, 'registered', correlation_id FROM unnest($2::text[], $3::text[]) AS c (call_id, correlation_id)
ORDER BY call_id
ON CONFLICT (tenant, call_id) DO UPDATE SET updated_at = clock_timestamp()
RETURNING call_id, status, branch, agent_id, direction, from_number, to_number, started_at, ended_at, analyzed_at,
          disconnection_reason, transcript, transcript_truncated, analysis
"""
# `_LOCK` has locked every row, so each is updated, and the empty correlation id is never used. An UPDATE would be a join, which
# without statistics reads all calls of the tenant.
_UPDATE = """
INSERT INTO calls (tenant, call_id, correlation_id, status, branch, agent_id, direction, from_number, to_number, started_at,
                   ended_at, analyzed_at, disconnection_reason, transcript, transcript_truncated, analysis)
SELECT $1, n.call_id, '', n.status, n.branch, n.agent_id, n.direction, n.from_number, n.to_number, n.started_at,
       n.ended_at, n.analyzed_at, n.disconnection_reason, n.transcript, n.transcript_truncated, n.analysis::jsonb
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::timestamptz[],
            $10::timestamptz[], $11::timestamptz[], $12::text[], $13::text[], $14::boolean[], $15::text[])
    AS n (call_id, status, branch, agent_id, direction, from_number, to_number, started_at, ended_at, analyzed_at,
          disconnection_reason, transcript, transcript_truncated, analysis)
ON CONFLICT (tenant, call_id) DO UPDATE SET
    status = EXCLUDED.status, branch = EXCLUDED.branch, agent_id = EXCLUDED.agent_id, direction = EXCLUDED.direction,
    from_number = EXCLUDED.from_number, to_number = EXCLUDED.to_number, started_at = EXCLUDED.started_at,
    ended_at = EXCLUDED.ended_at, analyzed_at = EXCLUDED.analyzed_at, disconnection_reason = EXCLUDED.disconnection_reason,
    transcript = EXCLUDED.transcript, transcript_truncated = EXCLUDED.transcript_truncated, analysis = EXCLUDED.analysis,
    updated_at = clock_timestamp()
"""

# Two hours is the longest call that Retell allows: an older call lost its call_ended.
_COUNT_ACTIVE = """
SELECT count(*) FROM calls WHERE tenant = $1 AND status = 'ongoing' AND started_at > clock_timestamp() - interval '2 hours'
"""

# A function that was on its way when the caller hung up may still be carried out. The second of two concurrent
# claims waits for the commit of the first. It reads no answer then, since `answer` is from the statement's snapshot.
_CLAIM_REQUEST = """
WITH over AS (
    SELECT 1 FROM calls WHERE tenant = $1 AND call_id = $2 AND ended_at < clock_timestamp() - interval '1 minute'
), claimed AS (
    INSERT INTO call_actions (tenant, call_id, key, state, lease_until)
    SELECT $1, $2, $3, 'in_flight', clock_timestamp() + $4 WHERE NOT EXISTS (SELECT FROM over)
    ON CONFLICT DO NOTHING RETURNING 1
)
SELECT EXISTS (SELECT FROM over) AS over, EXISTS (SELECT FROM claimed) AS claimed,
       (SELECT answer FROM call_actions WHERE tenant = $1 AND call_id = $2 AND key = $3) AS answer
"""
_GET_REQUEST = """
SELECT answer, lease_until > clock_timestamp() AS running FROM call_actions WHERE tenant = $1 AND call_id = $2 AND key = $3
"""
_STORE_ANSWER = """
UPDATE call_actions SET answer = $4::jsonb, state = 'done', lease_until = clock_timestamp()
WHERE tenant = $1 AND call_id = $2 AND key = $3
"""

# Retell's own events may come later, or never. They share the row, and none of them overwrites a branch with NULL.
_SET_BRANCH = """
INSERT INTO calls (tenant, call_id, branch, status, correlation_id) VALUES ($1, $2, $3, 'registered', $4)
ON CONFLICT (tenant, call_id) DO UPDATE SET branch = EXCLUDED.branch, updated_at = clock_timestamp()
"""

_LAST_BRANCH = """
SELECT a.branch FROM customers c JOIN appointments a ON a.tenant = c.tenant AND a.customer_id = c.id
WHERE c.tenant = $1 AND c.phone = $2 AND a.status IN ('confirmed', 'pending_sync', 'no_show')
ORDER BY a.created_at DESC LIMIT 1
"""

_KNOWN_CALLER = """
SELECT c.name, coming.starts_at, coming.branch, past.branch AS last_branch, coalesce(coming.requested, false) AS requested,
       coming.pending_event_type
FROM customers c
LEFT JOIN LATERAL (SELECT a.starts_at, a.branch,
                          a.status = 'pending_sync' AND a.external_id IS NOT NULL AND a.was_starts_at IS NULL AS requested,
                          CASE WHEN a.status = 'pending_sync' THEN a.event_type_id END AS pending_event_type
                   FROM appointments a
                   WHERE a.tenant = c.tenant AND a.customer_id = c.id AND a.status IN ('confirmed', 'pending_sync')
                     AND a.starts_at > $3 ORDER BY a.starts_at LIMIT 1) coming ON true
LEFT JOIN LATERAL (SELECT a.branch FROM appointments a
                   WHERE a.tenant = c.tenant AND a.customer_id = c.id
                     AND a.status IN ('confirmed', 'pending_sync', 'no_show') ORDER BY a.created_at DESC LIMIT 1) past ON true
WHERE c.tenant = $1 AND c.phone = $2
"""

# A call is listed from its first function on, even without events. Returns the number of calls without an earlier function.
_INSERT = """
WITH record AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset($2::jsonb) AS r (
        call_id text, at timestamptz, function text, arguments jsonb, outcome text, cause text, answer text,
        duration_ms integer, appointment_id uuid, correlation_id text, direction text, from_number text, to_number text,
        started_at timestamptz)
), first AS (
    SELECT DISTINCT ON (call_id) * FROM record r WHERE NOT EXISTS (
        SELECT FROM function_requests f WHERE f.tenant = $1 AND f.call_id = r.call_id)
    ORDER BY call_id, at
), call AS (
    INSERT INTO calls (tenant, call_id, status, direction, from_number, to_number, started_at, correlation_id)
    SELECT $1, call_id, 'registered', direction, from_number, to_number, started_at, correlation_id FROM first
    ON CONFLICT DO NOTHING
), written AS (
    INSERT INTO function_requests (tenant, call_id, at, function, arguments, outcome, cause, answer, duration_ms,
                                   appointment_id, correlation_id, track)
    SELECT $1, call_id, at, function, arguments, outcome, cause, answer, duration_ms, appointment_id, correlation_id, $3
    FROM record
)
SELECT count(*) FROM first
"""
# The number of waiting copies is bounded. A trigger prevents copies of refused calls.
_INSERT_COPY = """
WITH waiting AS (SELECT count(*) < $10 AS has_room FROM shadow_requests WHERE tenant = $1), added AS (
    INSERT INTO shadow_requests (tenant, at, answered_at, call_id, function, outcome, named_ids, correlation_id, body)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 FROM waiting WHERE has_room
)
SELECT has_room FROM waiting
"""

# Later stages win. The list is open: an unknown status of Retell's counts as an ongoing call.
_STAGES = {"registered": 0, "ongoing": 1, "not_connected": 2, "ended": 3, "error": 4}


def call_stage(status: str) -> int:
    """Return the stage of a status: a number that rises during a call. From `not_connected` on, the call is over."""
    return _STAGES.get(status, _STAGES["ongoing"])


@dataclass(frozen=True, slots=True)
class CallRow:
    """The columns of the table `calls` that events fill.

    `transcript_is_final`: the transcript is from the end of the call, and not from a turn during it. `unreadable` is the stored
    transcript and analysis if they cannot be decrypted; later texts replace it.
    """

    status: str = "registered"
    branch: str | None = None
    agent_id: str | None = None
    direction: str | None = None
    from_number: str | None = None
    to_number: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    analyzed_at: datetime | None = None
    disconnection_reason: str | None = None
    transcript: str | None = None
    transcript_truncated: bool = False
    transcript_is_final: bool = False
    analysis: dict[str, Any] | None = None
    unreadable: dict[str, Any] | None = None

    @property
    def over(self) -> bool:
        """Return True if the call has ended or was never connected."""
        return call_stage(self.status) >= call_stage("not_connected")


@dataclass(frozen=True, slots=True)
class KnownCaller:
    """A customer with this phone number: name, next appointment, if any, and branch of the last booking. Branches are names.

    `requested`: the next appointment needs a confirmation at the remote calendar, now or once the appointment is there.
    """

    name: str
    starts_at: datetime | None
    branch: str | None
    last_branch: str | None
    requested: bool = False


async def lock_calls(
    conn: Connection, tenant: str, correlation_ids: Mapping[str, str], cipher: BodyCipher
) -> dict[str, CallRow]:
    """Return the rows of calls by id, locked until the transaction ends. An unknown call gets a row with its correlation id."""
    rows = await conn.fetch(_LOCK, tenant, list(correlation_ids), list(correlation_ids.values()))
    calls = {}
    for row in rows:
        values = dict(row)
        call_id = values.pop("call_id")
        texts = read_call_texts(cipher, call_id, values.pop("transcript"), values.pop("analysis"))
        calls[call_id] = CallRow(
            **values, transcript=texts.transcript, transcript_is_final=texts.is_final, analysis=texts.analysis,
            unreadable=texts.unreadable,
        )  # fmt: skip
    return calls


async def save_calls(conn: Connection, tenant: str, calls: Mapping[str, CallRow], cipher: BodyCipher) -> None:
    """Write all columns of the calls that `lock_calls` returned, after changes."""
    columns = [
        (
            call_id, row.status, row.branch, row.agent_id, row.direction, row.from_number, row.to_number, row.started_at,
            row.ended_at, row.analyzed_at, row.disconnection_reason, transcript, row.transcript_truncated, analysis,
        )
        for call_id, row in calls.items()
        for texts in [CallTexts(row.transcript, row.analysis, row.unreadable, row.transcript_is_final)]
        for transcript, analysis in [store_call_texts(cipher, call_id, texts)]
    ]  # fmt: skip
    await conn.execute(_UPDATE, tenant, *zip(*columns, strict=True))


async def count_active_calls(pool: Pool, tenant: str) -> int:
    """Return the number of ongoing calls according to events. Calls that began more than two hours ago do not count."""
    return int(await pool.fetchval(_COUNT_ACTIVE, tenant))


class RequestState(StrEnum):
    """The answer to a claim of a signed request: whether the request is to be carried out."""

    NEW = "new"
    CALL_OVER = "call_over"  # the call ended more than a minute ago, as far as its events have reported it
    SEEN = "seen"  # another request with the same signature was carried out, or is now


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """The identity of a signed request of a call. If the same body is signed at another time, it is another request."""

    tenant: str
    call_id: str
    signature: str

    @property
    def key(self) -> str:
        return f"request|{hashlib.sha256(self.signature.encode()).hexdigest()}"


async def claim_request(
    pool: Pool, request: SignedRequest, lease: timedelta
) -> tuple[RequestState, dict[str, Any] | None]:
    """Claim the right to carry out a request, which only the first claim gets. Also return its stored answer, or None."""
    row = await pool.fetchrow(_CLAIM_REQUEST, request.tenant, request.call_id, request.key, lease)
    assert row is not None
    state = RequestState.NEW if row["claimed"] else RequestState.CALL_OVER if row["over"] else RequestState.SEEN
    return state, _decode_answer(row["answer"])


async def get_request(pool: Pool, request: SignedRequest) -> tuple[bool, dict[str, Any] | None]:
    """Return True if a claimed request may still be running, and its stored answer (None without one)."""
    row = await pool.fetchrow(_GET_REQUEST, request.tenant, request.call_id, request.key)
    return (row["running"], _decode_answer(row["answer"])) if row is not None else (False, None)


async def store_answer(pool: Pool, request: SignedRequest, answer: dict[str, Any]) -> None:
    """Store the answer of a claimed request, for repetitions of the same request."""
    text = msgspec.json.encode(answer).decode()
    await pool.execute(_STORE_ANSWER, request.tenant, request.call_id, request.key, text)


def _decode_answer(text: str | None) -> dict[str, Any] | None:
    return msgspec.json.decode(text, type=dict[str, Any]) if text is not None else None


async def get_call_branch(conn: Connection, tenant: str, call_id: str) -> str | None:
    """Return the branch that was found earlier in this call; None if none was."""
    name: str | None = await conn.fetchval(
        "SELECT branch FROM calls WHERE tenant = $1 AND call_id = $2", tenant, call_id
    )
    return name


async def set_call_branch(conn: Connection, tenant: str, call_id: str, branch: str, correlation_id: str) -> None:
    """Store the branch for the rest of the call, for `get_call_branch`."""
    await conn.execute(_SET_BRANCH, tenant, call_id, branch, correlation_id)


async def get_last_branch(conn: Connection, tenant: str, caller: str | None) -> str | None:
    """Return the branch of the last booking by a caller's number; None for an unknown caller or if `caller` is None (withheld)."""
    if caller is None:
        return None
    name: str | None = await conn.fetchval(_LAST_BRANCH, tenant, caller)
    return name


async def find_known_caller(pool: Pool, config: TenantConfig, caller: str, now: datetime) -> KnownCaller | None:
    """Return the customer with this number and their next appointment after `now`; None if no customer has the number."""
    row = await pool.fetchrow(_KNOWN_CALLER, config.tenant, caller, now)
    if row is None:
        return None
    requested = row["requested"] or config.needs_confirmation(row["pending_event_type"])
    return KnownCaller(row["name"], row["starts_at"], row["branch"], row["last_branch"], requested)


async def audit_refusal(pool: Pool, tenant: str, action: str, agent_id: str | None, correlation_id: str) -> None:
    """Record in the audit log that a request was refused, with the id of its agent. The caller's number is never recorded."""
    detail = msgspec.json.encode({"reason": "unroutable", "agent_id": agent_id}).decode()
    await pool.execute(
        "INSERT INTO audit_log (tenant, actor, action, detail, correlation_id) VALUES ($1, 'retell', $2, $3::jsonb, $4)",
        tenant, action, detail, correlation_id,
    )  # fmt: skip


class FunctionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The record of one request of a call function. `arguments` are the agent's, bounded; `answer` is said to the caller."""

    call_id: str
    at: datetime
    function: str
    arguments: dict[str, Any]
    outcome: str
    cause: str | None
    answer: str | None
    duration_ms: int
    appointment_id: str | None
    correlation_id: str
    direction: str | None
    from_number: str | None
    to_number: str | None
    started_at: datetime | None


async def insert_function_records(
    pool: Pool, tenant: str, records: Sequence[FunctionRecord], cipher: BodyCipher, track: str = ""
) -> int:
    """Insert function records. Return the number of calls without an earlier record. `track` is the name of a canary's trial."""
    rows = msgspec.json.encode([_encrypted(cipher, record) for record in records]).decode()
    return int(await pool.fetchval(_INSERT, tenant, rows, track or None))


def _encrypted(cipher: BodyCipher, record: FunctionRecord) -> FunctionRecord:
    """Return a record with its answer and arguments encrypted together in `arguments`, or unchanged if `cipher` has no key."""
    stored = store_said(cipher, record.call_id, record.at, record.function, record.arguments, record.answer)
    return record if stored is None else msgspec.structs.replace(record, arguments=stored, answer=None)


@dataclass(frozen=True, slots=True)
class CopiedRequest:
    """A copy of a call function's request: its body as received, the time of its answer, and the answer's outcome and ids."""

    at: datetime
    answered_at: datetime
    call_id: str
    function: str
    outcome: str
    named_ids: tuple[UUID, ...]
    correlation_id: str
    body: bytes


async def insert_copied_request(pool: Pool, tenant: str, request: CopiedRequest, *, most_rows: int) -> bool:
    """Insert a copied request, unless `most_rows` copies wait already. Return True if it was inserted."""
    has_room = await pool.fetchval(
        _INSERT_COPY, tenant, request.at, request.answered_at, request.call_id, request.function, request.outcome,
        request.named_ids, request.correlation_id, request.body, most_rows,
    )  # fmt: skip
    return bool(has_room)


async def list_copied_requests(pool: Pool, tenant: str) -> list[tuple[int, CopiedRequest]]:
    """Return the copied requests that wait, with their row ids, in order of arrival. Their bodies are as stored."""
    rows = await pool.fetch(
        """SELECT id, at, answered_at, call_id, function, outcome, named_ids, correlation_id, body FROM shadow_requests
           WHERE tenant = $1 ORDER BY at, id""",
        tenant,
    )
    return [
        (
            row["id"],
            CopiedRequest(
                row["at"], row["answered_at"], row["call_id"], row["function"], row["outcome"], tuple(row["named_ids"]),
                row["correlation_id"], row["body"],
            ),
        )
        for row in rows
    ]  # fmt: skip


async def delete_copied_request(pool: Pool, tenant: str, row_id: int) -> bool:
    """Delete a copied request by its row id. Return True if it existed."""
    deleted = "DELETE FROM shadow_requests WHERE tenant = $1 AND id = $2 RETURNING true"
    return bool(await pool.fetchval(deleted, tenant, row_id))
