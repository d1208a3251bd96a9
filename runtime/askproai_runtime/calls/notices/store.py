"""The SQL of the table `call_notices`, and the statements that empty the texts of a call whose caller refused storage.

After a refusal, triggers prevent the storage of such texts.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from askproai_core.database import Connection, Pool
from askproai_runtime.intake import EVENTS_OF_CALL

# Known values stay: events come in any order, and none empties a value that another has reported.
_RECORD: Final = """
INSERT INTO call_notices AS n (tenant, call_id, agent_version, greeting, announces_ai, heard_ai, storage)
SELECT $1, c.* FROM unnest($2::text[], $3::bigint[], $4::text[], $5::boolean[], $6::boolean[], $7::text[]) c
ORDER BY 2
ON CONFLICT (tenant, call_id) DO UPDATE SET
    agent_version = coalesce(n.agent_version, EXCLUDED.agent_version), greeting = coalesce(n.greeting, EXCLUDED.greeting),
    announces_ai = coalesce(n.announces_ai, EXCLUDED.announces_ai), heard_ai = coalesce(EXCLUDED.heard_ai, n.heard_ai),
    storage = coalesce(EXCLUDED.storage, n.storage)
"""
_REFUSE: Final = """
INSERT INTO call_notices AS n (tenant, call_id, refused_at) VALUES ($1, $2, clock_timestamp())
ON CONFLICT (tenant, call_id) DO UPDATE SET refused_at = coalesce(n.refused_at, EXCLUDED.refused_at)
"""
# The row of the call is locked as by its events: an event that is being processed ends before, or begins afterwards.
_EMPTY_CALL: Final = """
INSERT INTO calls (tenant, call_id, status, correlation_id) VALUES ($1, $2, 'registered', $3)
ON CONFLICT (tenant, call_id) DO UPDATE SET transcript = NULL, analysis = NULL, transcript_truncated = false,
    updated_at = clock_timestamp()
"""
# Neither the row's existence nor its age changes: this is repeated while Retell does not answer, and retention goes by age.
_EMPTY_TEXTS: Final = """
UPDATE calls SET transcript = NULL, analysis = NULL, transcript_truncated = false WHERE tenant = $1 AND call_id = $2
AND (transcript IS NOT NULL OR analysis IS NOT NULL)
"""
_EMPTY_RECORDS: Final = """
UPDATE function_requests SET arguments = NULL, answer = NULL, cause = NULL WHERE tenant = $1 AND call_id = $2
AND (arguments IS NOT NULL OR answer IS NOT NULL OR cause IS NOT NULL)
"""
# The trigger `keep_no_body` empties the body of each updated row.
_EMPTY_EVENTS: Final = f"""
UPDATE webhook_events SET status = status
WHERE tenant = $1 AND {EVENTS_OF_CALL} AND status IN ('processed', 'dead') AND payload <> ''
"""  # noqa: S608  a constant
# The copy that was being written when the caller refused. Triggers delete or prevent all other copies.
_DELETE_COPIES: Final = "DELETE FROM shadow_requests WHERE tenant = $1 AND call_id = $2"
# A call without a reported end is over after `$2`. A call within `$3` of its refusal waits: its texts may still be written.
_TO_DELETE: Final = """
SELECT n.call_id, coalesce(c.status IN ('not_connected', 'ended', 'error'), false)
       AND n.refused_at <= clock_timestamp() - $3::interval OR n.refused_at < clock_timestamp() - $2::interval AS is_over
FROM call_notices n LEFT JOIN calls c ON c.tenant = n.tenant AND c.call_id = n.call_id
WHERE n.tenant = $1 AND n.refused_at IS NOT NULL AND n.deleted_at IS NULL AND n.call_id > $4 ORDER BY n.call_id LIMIT 100
"""


@dataclass(frozen=True, slots=True)
class CallNotice:
    """The known facts about the notice of a call. A field that is None is not known.

    `greeting` is the hash of the first sentence of the agent version that answered, `announces_ai` whether it announces an AI,
    and `heard_ai` whether the agent's first words in the transcript do. `storage` is the data that Retell keeps.
    """

    call_id: str
    agent_version: int | None = None
    greeting: str | None = None
    announces_ai: bool | None = None
    heard_ai: bool | None = None
    storage: str | None = None

    @property
    def says_something(self) -> bool:
        return (self.agent_version, self.heard_ai, self.storage) != (None, None, None)


async def record_notices(conn: Connection, tenant: str, notices: Sequence[CallNotice]) -> None:
    """Store call notices, at most one for each call. A field that is None leaves the stored value unchanged."""
    if not notices:
        return
    columns = [(n.call_id, n.agent_version, n.greeting, n.announces_ai, n.heard_ai, n.storage) for n in notices]
    await conn.execute(_RECORD, tenant, *zip(*columns, strict=True))


async def refuse_storage(conn: Connection, tenant: str, call_id: str, correlation_id: str) -> None:
    """Store, in the transaction of `conn`, that the caller refuses storage of the call, and empty the call's stored texts.

    The row of the call is locked first, as its events lock it before its notice.
    """
    await conn.execute(_EMPTY_CALL, tenant, call_id, correlation_id)
    await conn.execute(_REFUSE, tenant, call_id)
    await conn.execute(_EMPTY_RECORDS, tenant, call_id)
    await conn.execute(_EMPTY_EVENTS, tenant, call_id)


async def empty_texts(conn: Connection, tenant: str, call_id: str) -> None:
    """Empty a refused call's transcript, analysis, function records and bodies of decided events; delete its copied requests."""
    for statement in (_EMPTY_TEXTS, _EMPTY_RECORDS, _EMPTY_EVENTS, _DELETE_COPIES):
        await conn.execute(statement, tenant, call_id)


async def iterate_refused_calls(
    pool: Pool, tenant: str, longest: timedelta, quiet: timedelta
) -> AsyncIterator[tuple[str, bool]]:
    """Yield the id of each refused call that Retell may still have, and True if it is over and was refused `quiet` ago.

    A call without a reported end is over when it was refused `longest` ago. Reads pages of all calls: no call delays others.
    """
    after = ""
    while True:
        rows = await pool.fetch(_TO_DELETE, tenant, longest, quiet, after)
        for row in rows:
            yield row["call_id"], row["is_over"]
        if not rows:
            return
        after = rows[-1]["call_id"]


async def mark_refused_deleted(pool: Pool, tenant: str, call_id: str) -> None:
    """Record that Retell no longer has a refused call."""
    await pool.execute(
        "UPDATE call_notices SET deleted_at = clock_timestamp() WHERE tenant = $1 AND call_id = $2", tenant, call_id
    )
