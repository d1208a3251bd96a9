"""Rows of `messages`, open and done."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from askproai_core.database import Connection, Pool
from askproai_runtime.book.messages import Message, NewMessage

OF_CALLER = "said:"  # the prefix of the keys of callers' messages; the other rows are notes of ours for the team

_COLUMNS = """id, call_id, branch, caller, name, phone, recipient, text, call_back, call_back_from, call_back_until, correlation_id,
    created_at, done_at, done_by, note"""

# The same message again changes nothing. The counts are those of the statement's snapshot: messages of several calls that come at
# the same moment may be one or two more.
_LEAVE = f"""
INSERT INTO messages AS m (tenant, call_id, key, branch, caller, name, phone, recipient, text, call_back, call_back_from,
                           call_back_until, correlation_id)
SELECT $1, $2, $3, coalesce(nullif($4, ''), (SELECT branch FROM calls WHERE tenant = $1 AND call_id = $2)),
       $5, $6, $7, $8, $9, $10, $11, $12, $13
WHERE EXISTS (SELECT 1 FROM messages WHERE tenant = $1 AND call_id = $2 AND key = $3)
   OR (SELECT count(*) FROM messages WHERE tenant = $1 AND call_id = $2) < $14
      AND (SELECT count(*) FROM messages WHERE tenant = $1 AND created_at > clock_timestamp() - interval '1 hour'
           AND caller IS NOT DISTINCT FROM $5) < $15
ON CONFLICT (tenant, call_id, key) DO UPDATE SET name = m.name
RETURNING {_COLUMNS}
"""  # noqa: S608  constants
# A row, since a pod takes no advisory lock (docs/decisions/0035-sessions-are-watched.md).
_LOCK_CALL = """
INSERT INTO call_actions (tenant, call_id, key, state, lease_until) VALUES ($1, $2, 'messages', 'done', clock_timestamp())
ON CONFLICT (tenant, call_id, key) DO UPDATE SET state = 'done'
"""
_OF_CALL = f"""
SELECT {_COLUMNS} FROM messages WHERE tenant = $1 AND call_id = $2 AND starts_with(key, '{OF_CALLER}') ORDER BY created_at, id
"""  # noqa: S608  constants
_AMEND = f"""
UPDATE messages SET name = $3, phone = $4, recipient = $5, text = $6, call_back = $7, call_back_from = $8, call_back_until = $9
WHERE tenant = $1 AND id = $2 AND done_at IS NULL RETURNING {_COLUMNS}
"""  # noqa: S608  constants

# The oldest open message is first; among the others, the last done.
_LIST_OPEN = f"""
SELECT {_COLUMNS} FROM messages
WHERE tenant = $1 AND done_at IS NULL AND ($2::timestamptz IS NULL OR created_at >= $2)
  AND ($3::timestamptz IS NULL OR (created_at, id) > ($3, $4::uuid))
ORDER BY created_at, id LIMIT $5
"""  # noqa: S608  constants
_LIST_DONE = f"""
SELECT {_COLUMNS} FROM messages
WHERE tenant = $1 AND done_at IS NOT NULL AND ($2::timestamptz IS NULL OR done_at >= $2)
  AND ($3::timestamptz IS NULL OR (done_at, id) < ($3, $4::uuid))
ORDER BY done_at DESC, id DESC LIMIT $5
"""  # noqa: S608  constants
_BETWEEN = f"SELECT {_COLUMNS} FROM messages WHERE tenant = $1 AND id BETWEEN $2 AND $3 LIMIT 2"  # noqa: S608  constants
_DONE = f"""
UPDATE messages SET done_at = clock_timestamp(), done_by = $3, note = nullif($4, '')
WHERE tenant = $1 AND id = $2 AND done_at IS NULL RETURNING {_COLUMNS}
"""  # noqa: S608  constants
_COUNT_OPEN = "SELECT count(*) FROM messages WHERE tenant = $1 AND done_at IS NULL"


async def insert_message(
    conn: Connection, tenant: str, message: NewMessage, per_call: int, per_hour: int
) -> Message | None:
    """Store a message, and return it; None if the call, or the number within an hour, has reached its limit.

    A repeated message of the call, with the same key, returns the stored row.
    """
    new = message
    row = await conn.fetchrow(
        _LEAVE, tenant, new.call_id, new.key, new.branch, new.caller, new.name, new.phone, new.recipient, new.text,
        new.call_back, new.call_back_from, new.call_back_until, new.correlation_id, per_call, per_hour,
    )  # fmt: skip
    return Message(**row) if row else None


async def lock_messages(conn: Connection, tenant: str, call_id: str) -> None:
    """Lock the messages of a call until the end of the transaction, since the next one may amend them."""
    await conn.execute(_LOCK_CALL, tenant, call_id)


async def list_call_messages(conn: "Pool | Connection", tenant: str, call_id: str) -> list[Message]:
    """Return the messages that a caller has left in a call, the oldest first."""
    return [Message(**row) for row in await conn.fetch(_OF_CALL, tenant, call_id)]


async def amend_message(conn: Connection, tenant: str, new: Message) -> Message | None:
    """Write a caller's additions and corrections to a message, and return it; None if somebody has dealt with it by now."""
    row = await conn.fetchrow(
        _AMEND, tenant, new.id, new.name, new.phone, new.recipient, new.text, new.call_back, new.call_back_from,
        new.call_back_until,
    )  # fmt: skip
    return Message(**row) if row else None


async def list_messages(
    pool: Pool, tenant: str, *, done: bool, since: datetime | None, after: Sequence[object] | None, limit: int
) -> list[Message]:
    """Return the open messages, the oldest first, or with `done` the done ones, the last done first; from `since` on if set.

    `after`: `created_at`, or `done_at`, and id of the last message of the page before.
    """
    statement = _LIST_DONE if done else _LIST_OPEN
    rows = await pool.fetch(statement, tenant, since, *(after or (None, None)), limit)
    return [Message(**row) for row in rows]


async def list_messages_between(pool: "Pool | Connection", tenant: str, first: UUID, last: UUID) -> list[Message]:
    """Return up to two messages whose ids are between `first` and `last`, both included."""
    return [Message(**row) for row in await pool.fetch(_BETWEEN, tenant, first, last)]


async def mark_done(conn: Connection, tenant: str, message_id: UUID, by: str, note: str) -> Message | None:
    """Mark a message as done, and return it. Returns None if it is done already, or if there is no such message."""
    row = await conn.fetchrow(_DONE, tenant, message_id, by, note)
    return Message(**row) if row else None


async def count_open_messages(pool: Pool, tenant: str) -> int:
    """Return how many messages nobody has dealt with."""
    return int(await pool.fetchval(_COUNT_OPEN, tenant))
