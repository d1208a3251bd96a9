"""Rows of `call_actions`: the actions of each call, done or in flight. `idempotency.py` explains their use."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from askproai_core.database import Connection

_EMAIL_QUESTION = "ask_email"
# The column `appointment_id` of a question is empty, because a question changes no appointment.
_QUESTION = "ask_to_cancel"
_WHICH = "ask_which"
_FORMER_START, _COUNTED = "former_start", "counted"
_NAMED_HASH_LENGTH = 16
NO_APPOINTMENT = UUID(int=0)  # passed to `record_which` for a question about a request without an appointment


@dataclass(frozen=True, slots=True)
class CancelQuestion:
    """The question whether to cancel an appointment that begins at `starts_at`; `age` is by the database's clock."""

    appointment_id: UUID
    starts_at: datetime
    age: timedelta


def move_key(appointment_id: UUID, start: datetime) -> str:
    """Return the key of the action that moves this appointment to `start`."""
    return f"move|{appointment_id}|{start.astimezone(UTC).isoformat()}"


async def try_claim_action(
    conn: Connection, tenant: str, call_id: str, key: str, start: datetime, lease: timedelta, *, again: bool
) -> int | None:
    """Claim an action of a call. Returns the generation of the claim; None if the action cannot be claimed.

    An action can be claimed if it was never claimed, or if the lease of an unfinished request has ended. With `again`, a done
    action can be claimed if its appointment is not live at `start` any more.
    """
    generation: int | None = await conn.fetchval(
        """INSERT INTO call_actions AS act (tenant, call_id, key, state, lease_until)
           VALUES ($1, $2, $3, 'in_flight', clock_timestamp() + $5)
           ON CONFLICT (tenant, call_id, key) DO UPDATE SET state = 'in_flight', lease_until = excluded.lease_until,
               generation = act.generation + 1
           WHERE act.state = 'in_flight' AND act.lease_until <= clock_timestamp()
              OR $6 AND act.state = 'done' AND NOT EXISTS (
                  SELECT 1 FROM appointments a WHERE a.tenant = $1 AND a.id = act.appointment_id
                  AND a.status IN ('confirmed', 'pending_sync') AND a.starts_at = $4)
           RETURNING generation""",
        tenant, call_id, key, start, lease, again,
    )  # fmt: skip
    return generation


async def update_action(
    conn: Connection,
    tenant: str,
    call_id: str,
    key: str,
    generation: int,
    appointment_id: UUID | None,
    lease: timedelta | None,
) -> None:
    """Record the appointment of a claimed action, unless it is None, and the new lease. With `lease` None, the action is done.

    A lease of zero without an appointment lets the next request claim the action: a refusal is never stored. Nothing changes if
    another request has claimed the action since.
    """
    await conn.execute(
        """UPDATE call_actions SET appointment_id = coalesce($5, appointment_id),
               state = CASE WHEN $6::interval IS NULL THEN 'done' ELSE 'in_flight' END,
               lease_until = clock_timestamp() + coalesce($6, interval '0')
           WHERE tenant = $1 AND call_id = $2 AND key = $3 AND generation = $4 AND state = 'in_flight'""",
        tenant, call_id, key, generation, appointment_id, lease,
    )  # fmt: skip


async def is_action_done(conn: Connection, tenant: str, call_id: str, key: str) -> bool:
    """Return whether the action is done. False while it is in flight or was never claimed."""
    state = await conn.fetchval(
        "SELECT state FROM call_actions WHERE tenant = $1 AND call_id = $2 AND key = $3", tenant, call_id, key
    )
    return bool(state == "done")


async def is_action_attached(conn: Connection, tenant: str, call_id: str, key: str) -> bool:
    """Return whether the action has an appointment."""
    query = "SELECT appointment_id IS NOT NULL FROM call_actions WHERE tenant = $1 AND call_id = $2 AND key = $3"
    return bool(await conn.fetchval(query, tenant, call_id, key))


async def detach_action(conn: Connection, tenant: str, call_id: str, key: str, generation: int) -> None:
    """Remove the appointment of a claimed action, unless another request has claimed the action since."""
    await conn.execute(
        """UPDATE call_actions SET appointment_id = NULL
           WHERE tenant = $1 AND call_id = $2 AND key = $3 AND generation = $4 AND state = 'in_flight'""",
        tenant, call_id, key, generation,
    )  # fmt: skip


async def bind_request(conn: Connection, tenant: str, call_id: str, change: str, **content: str | None) -> bool:
    """Store the content of a desk request, once for each id and kind of change. Returns False if other content is stored
    already.

    A concurrent request with the same id waits until the transaction ends.
    """
    same = await conn.fetchval(
        """INSERT INTO call_actions AS act (tenant, call_id, key, state, lease_until, answer)
           VALUES ($1, $2, 'request|' || $3, 'done', clock_timestamp(), $4::jsonb)
           ON CONFLICT (tenant, call_id, key) DO UPDATE SET lease_until = act.lease_until
           RETURNING answer = $4::jsonb""",
        tenant, call_id, change, msgspec.json.encode(content).decode(),
    )  # fmt: skip
    return bool(same)


def cancel_key(appointment_id: UUID) -> str:
    """Return the key of the action that cancels this appointment."""
    return f"cancel|{appointment_id}"


def attendance_key(appointment_id: UUID) -> str:
    """Return the key of the action that marks whether the customer of this appointment came."""
    return f"attendance|{appointment_id}"


async def record_done(conn: Connection, tenant: str, call_id: str, key: str, appointment_id: UUID) -> None:
    """Record that the call has done an action that needs no claim: the appointment's status makes it idempotent."""
    await conn.execute(
        """INSERT INTO call_actions (tenant, call_id, key, state, lease_until, appointment_id)
           VALUES ($1, $2, $3, 'done', clock_timestamp(), $4) ON CONFLICT DO NOTHING""",
        tenant, call_id, key, appointment_id,
    )  # fmt: skip


async def list_cancelled_appointments(conn: Connection, tenant: str, call_id: str) -> list[UUID]:
    """Return the ids of the appointments that this call has cancelled, the latest cancellation last."""
    rows = await conn.fetch(
        """SELECT appointment_id FROM call_actions WHERE tenant = $1 AND call_id = $2 AND key LIKE 'cancel|%'
           AND appointment_id IS NOT NULL ORDER BY created_at""",
        tenant, call_id,
    )  # fmt: skip
    return [row["appointment_id"] for row in rows]


async def record_former_start(
    conn: Connection, tenant: str, call_id: str, key: str, start: datetime, counted: str | None
) -> None:
    """Record the former start of an action's moved appointment, so that a repeated request with that start is recognized.

    `counted` are the caller's words if they named the new time relative to that start ("eine Stunde später"); stored as a hash.
    """
    former = {_FORMER_START: start.astimezone(UTC), _COUNTED: counted and hash_words(counted)}
    await conn.execute(
        "UPDATE call_actions SET answer = $4::jsonb WHERE tenant = $1 AND call_id = $2 AND key = $3",
        tenant, call_id, key, msgspec.json.encode(former).decode(),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class FormerStart:
    """An appointment's start before a move to `new_start`. `counted` is the hash of words like "eine Stunde später", or None."""

    appointment_id: UUID
    start: datetime
    new_start: datetime
    counted: str | None


async def list_former_starts(conn: Connection, tenant: str, call_id: str) -> list[FormerStart]:
    """Return the starts that appointments had before this call moved them."""
    rows = await conn.fetch(
        """SELECT split_part(key, '|', 2)::uuid AS appointment_id, split_part(key, '|', 3)::timestamptz AS new_start,
                  (answer ->> $3)::timestamptz AS start, answer ->> $4 AS counted
           FROM call_actions WHERE tenant = $1 AND call_id = $2 AND key LIKE 'move|%' AND answer ? $3""",
        tenant, call_id, _FORMER_START, _COUNTED,
    )  # fmt: skip
    return [FormerStart(row["appointment_id"], row["start"], row["new_start"], row["counted"]) for row in rows]


def hash_words(words: str) -> str:
    """Return the hash of a caller's words, by which the same words are recognized."""
    return hashlib.sha256(words.encode()).hexdigest()[:_NAMED_HASH_LENGTH]


async def record_email_question(conn: Connection, tenant: str, call_id: str, address: str) -> None:
    """Record that the caller is asked now whether an e-mail address is understood correctly."""
    await conn.execute(
        """INSERT INTO call_actions (tenant, call_id, key, state, lease_until)
           VALUES ($1, $2, $3, 'done', clock_timestamp())
           ON CONFLICT (tenant, call_id, key) DO UPDATE SET lease_until = excluded.lease_until""",
        tenant, call_id, _email_key(address),
    )  # fmt: skip


async def get_email_question_age(conn: Connection, tenant: str, call_id: str, address: str) -> timedelta | None:
    """Return how long ago the caller was last asked to confirm this e-mail address; None if never."""
    age: timedelta | None = await conn.fetchval(
        """SELECT clock_timestamp() - lease_until FROM call_actions WHERE tenant = $1 AND call_id = $2 AND key = $3""",
        tenant, call_id, _email_key(address),
    )  # fmt: skip
    return age


def _email_key(address: str) -> str:
    """Return the key of the question about an address, with a hash of the address: these rows outlive callers' words."""
    return f"{_EMAIL_QUESTION}|{hashlib.sha256(address.casefold().encode()).hexdigest()}"


async def record_question(
    conn: Connection, tenant: str, call_id: str, appointment_id: UUID, starts_at: datetime
) -> None:
    """Record that the caller is asked now whether to cancel the appointment that begins at `starts_at`."""
    await conn.execute(
        """INSERT INTO call_actions (tenant, call_id, key, state, lease_until)
           VALUES ($1, $2, $3, 'done', clock_timestamp())
           ON CONFLICT (tenant, call_id, key) DO UPDATE SET lease_until = excluded.lease_until""",
        tenant, call_id, f"{_QUESTION}|{appointment_id}|{starts_at.astimezone(UTC).isoformat()}",
    )  # fmt: skip


async def get_last_question(
    conn: Connection, tenant: str, call_id: str, about: UUID | None = None
) -> CancelQuestion | None:
    """Return the call's last question whether to cancel an appointment; with `about`, the last one about that appointment.

    None if a booking or a move of the call has ended since. A change in flight does not count: if it moves the appointment in
    question, the start will differ.
    """
    row = await conn.fetchrow(
        """SELECT question.key, clock_timestamp() - question.lease_until AS age FROM call_actions question
           WHERE question.tenant = $1 AND question.call_id = $2 AND starts_with(question.key, $3)
             AND NOT EXISTS (
                 SELECT 1 FROM call_actions since WHERE since.tenant = $1 AND since.call_id = $2
                 AND split_part(since.key, '|', 1) IN ('book', 'move')
                 AND since.lease_until BETWEEN question.lease_until AND clock_timestamp())
           ORDER BY question.lease_until DESC LIMIT 1""",
        tenant, call_id, f"{_QUESTION}|{about}|" if about else f"{_QUESTION}|",
    )  # fmt: skip
    if row is None:
        return None
    _, appointment_id, starts_at = row["key"].split("|")
    return CancelQuestion(UUID(appointment_id), datetime.fromisoformat(starts_at), row["age"])


async def record_which(
    conn: Connection, tenant: str, call_id: str, appointment_id: UUID, starts_at: datetime, named: str
) -> timedelta | None:
    """Record the question whether the caller, who has named the time `named`, means the appointment at `starts_at`.

    Returns the time since the first such question, by the database's clock; None if this is the first. A caller who names yet
    another time is asked anew.
    """
    named_hash = hashlib.sha256(named.encode()).hexdigest()[:_NAMED_HASH_LENGTH]
    age: timedelta | None = await conn.fetchval(
        """INSERT INTO call_actions AS act (tenant, call_id, key, state, lease_until)
           VALUES ($1, $2, $3, 'done', clock_timestamp())
           ON CONFLICT (tenant, call_id, key) DO UPDATE SET state = 'done'
           RETURNING CASE WHEN act.xmax <> 0 THEN clock_timestamp() - act.lease_until END""",
        tenant, call_id, f"{_WHICH}|{appointment_id}|{starts_at.astimezone(UTC).isoformat()}|{named_hash}",
    )  # fmt: skip
    return age
