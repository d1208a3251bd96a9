"""The two statements of the intake: insert event and job together; look at a duplicate, and re-arm its job if it lost it.

An event is acknowledged only when the first has committed. Both take many events, because a flush is many (flush.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
import structlog

from askproai_runtime.intake.events import Incoming, Source
from askproai_runtime.jobs import Priority
from askproai_runtime.store import Connection, Pool

log = structlog.get_logger(__name__)

# In a transaction of its own by itself: one statement. Sorted by key, so that two pods that store the same events wait for
# each other in one order and never in a circle.
_INSERT = """
WITH incoming AS (
    SELECT * FROM unnest($2::text[], $3::text[], $4::text[], $5::bytea[], $6::text[], $7::text[])
        AS i (source, event_id, event_type, payload, correlation_id, priority)
), stored AS (
    INSERT INTO webhook_events (tenant, source, event_id, event_type, payload, correlation_id)
    SELECT $1, source, event_id, event_type, payload, correlation_id FROM incoming
    ON CONFLICT (tenant, source, event_id) DO NOTHING
    RETURNING id, source, event_id, correlation_id
), queued AS (
    INSERT INTO jobs (tenant, kind, priority, event_id, correlation_id)
    SELECT $1, 'webhook-event', i.priority, s.id, s.correlation_id
    FROM stored s JOIN incoming i USING (source, event_id)
)
SELECT id, source, event_id, correlation_id FROM stored
"""

# Contract §3: only an event that is not yet decided, and whose job is gone or lost its worker, is armed again. A job that
# waits for its retry is alive. Finishing sets job and event in one transaction, so a job that is done or dead is never
# touched here: the UPDATE sees it again after waiting for that transaction, and its state no longer fits.
_REARM = """
WITH twin AS (
    SELECT e.id, e.source, e.event_id, e.correlation_id, e.status, w.priority
    FROM unnest($2::text[], $3::text[], $4::text[]) AS w (source, event_id, priority)
    JOIN webhook_events e ON e.tenant = $1 AND e.source = w.source AND e.event_id = w.event_id
), rearmed AS (
    UPDATE jobs j
    SET state = 'ready', run_at = clock_timestamp(), claim_no = j.claim_no + 1, lease_until = NULL, worker = NULL
    FROM twin t
    WHERE j.tenant = $1 AND j.event_id = t.id AND t.status IN ('received', 'processing', 'failed')
      AND j.state = 'running' AND j.lease_until <= clock_timestamp()
    RETURNING j.event_id
), replaced AS (
    INSERT INTO jobs (tenant, kind, priority, event_id, correlation_id)
    SELECT $1, 'webhook-event', t.priority, t.id, t.correlation_id FROM twin t
    WHERE t.status IN ('received', 'processing', 'failed')
      AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.tenant = $1 AND j.event_id = t.id)
    ON CONFLICT DO NOTHING
    RETURNING event_id
)
SELECT t.id, t.source, t.event_id, t.correlation_id,
       EXISTS (SELECT 1 FROM rearmed r WHERE r.event_id = t.id)
       OR EXISTS (SELECT 1 FROM replaced r WHERE r.event_id = t.id) AS armed
FROM twin t
"""


class EventVanished(Exception):
    """An event was neither new nor there: retention removed it between the statements. The sender should send it again."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Where an event stands. `id` and `correlation_id` are the first delivery's."""

    id: int
    correlation_id: str
    duplicate: bool


_Key = tuple[str, str]


class EventStore:
    """Stores events of one tenant."""

    def __init__(self, pool: Pool, tenant: str) -> None:
        self._pool = pool
        self._tenant = tenant

    async def write(self, events: Sequence[Incoming]) -> list[Stored]:
        """Store all in one commit; give each one's row, in order. Raises what asyncpg raises, and then nothing is stored."""
        first: dict[_Key, Incoming] = {}
        for event in events:
            first.setdefault(_key(event), event)  # twins may share a flush: the later ones are duplicates of the first
        wanted = [first[key] for key in sorted(first)]
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(_INSERT, self._tenant, *_columns(wanted))
            fresh = {(row["source"], row["event_id"]): row for row in rows}
            known = [event for event in wanted if _key(event) not in fresh]
            twins = await self._look_again(connection, known) if known else {}
        return [_stored(event, first, fresh, twins) for event in events]

    async def _look_again(self, connection: Connection, events: Sequence[Incoming]) -> dict[_Key, asyncpg.Record]:
        sources, ids, _, _, _, priorities = _columns(events)
        rows = await connection.fetch(_REARM, self._tenant, sources, ids, priorities)
        for row in rows:
            if row["armed"]:
                log.info("event.rearmed", source=row["source"], id=row["id"])
        return {(row["source"], row["event_id"]): row for row in rows}


def priority_of(source: Source) -> Priority:
    """Give the queue's priority: what a caller on the line may feel goes first."""
    match source:
        case Source.RETELL:
            return Priority.HIGH
        case Source.CALCOM:
            return Priority.DEFAULT
        case Source.STRIPE:
            return Priority.LOW


def _key(event: Incoming) -> _Key:
    return event.source.value, event.event_id


def _columns(events: Sequence[Incoming]) -> tuple[list[str], list[str], list[str], list[bytes], list[str], list[str]]:
    return (
        [event.source.value for event in events],
        [event.event_id for event in events],
        [event.event_type for event in events],
        [event.payload for event in events],
        [event.correlation_id for event in events],
        [priority_of(event.source).value for event in events],
    )


def _stored(
    event: Incoming,
    first: dict[_Key, Incoming],
    fresh: dict[_Key, asyncpg.Record],
    twins: dict[_Key, asyncpg.Record],
) -> Stored:
    key = _key(event)
    row = fresh.get(key) or twins.get(key)
    if row is None:
        raise EventVanished("The event was removed while it was being stored; send it again")
    return Stored(row["id"], row["correlation_id"], duplicate=key not in fresh or first[key] is not event)
