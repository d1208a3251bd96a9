"""The two statements of the intake: insert event and job together; look at a duplicate, and re-arm its job if it lost it.

An event is acknowledged only when the first has committed. Both take many events, because a flush is many (flush.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from askproai_core.database import Pool
from askproai_runtime.intake.events import Incoming
from askproai_runtime.jobs import Priority

log = structlog.get_logger(__name__)

# In a transaction of its own by itself: one statement. Its rows come sorted by key, so that two pods that store the same events
# wait for each other in one order and never in a circle.
_INSERT = """
WITH incoming AS (
    SELECT * FROM unnest($3::text[], $4::text[], $5::text[], $6::bytea[], $7::text[])
        AS i (source, event_id, event_type, payload, correlation_id)
), stored AS (
    INSERT INTO webhook_events (tenant, source, event_id, event_type, payload, correlation_id)
    SELECT $1, source, event_id, event_type, payload, correlation_id FROM incoming
    ON CONFLICT (tenant, source, event_id) DO NOTHING
    RETURNING id, source, event_id, correlation_id
), queued AS (
    INSERT INTO jobs (tenant, kind, priority, event_id, correlation_id)
    SELECT $1, 'webhook-event', $2, id, correlation_id FROM stored
)
SELECT id, source, event_id, correlation_id FROM stored
"""

# Contract §3: only an event that is not yet decided, and has no live job, is armed again. Alive is a job that is ready, its
# retry in five minutes included, or running within its lease. A worker may be finishing at this moment: both rows are locked,
# the job first as everybody does, and what the finisher committed is looked at again before anything is changed.
_REARM = """
WITH wanted AS (
    SELECT * FROM unnest($3::text[], $4::text[]) AS w (source, event_id)
), twin AS (
    SELECT e.id, e.source, e.event_id, e.correlation_id, e.status
    FROM wanted w JOIN webhook_events e ON e.tenant = $1 AND e.source = w.source AND e.event_id = w.event_id
), lost AS (
    SELECT j.id FROM wanted w
    JOIN webhook_events e ON e.tenant = $1 AND e.source = w.source AND e.event_id = w.event_id
    JOIN jobs j ON j.tenant = $1 AND j.event_id = e.id
    WHERE e.status IN ('received', 'processing', 'failed')
      AND (j.state IN ('done', 'dead') OR j.state = 'running' AND j.lease_until <= clock_timestamp())
    ORDER BY j.id FOR NO KEY UPDATE OF j, e
), rearmed AS (
    UPDATE jobs j SET state = 'ready', run_at = clock_timestamp(), claim_no = j.claim_no + 1, lease_until = NULL,
                      worker = NULL, finished_at = NULL
    FROM lost WHERE j.tenant = $1 AND j.id = lost.id
    RETURNING j.event_id
), replaced AS (
    INSERT INTO jobs (tenant, kind, priority, event_id, correlation_id)
    SELECT $1, 'webhook-event', $2, t.id, t.correlation_id FROM twin t
    WHERE t.status IN ('received', 'processing', 'failed')
      AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.tenant = $1 AND j.event_id = t.id)
    ON CONFLICT DO NOTHING
    RETURNING event_id
)
SELECT id, source, event_id, correlation_id,
       id IN (SELECT event_id FROM rearmed UNION ALL SELECT event_id FROM replaced) AS armed
FROM twin
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """Where an event stands. `id` and `correlation_id` are the first delivery's."""

    id: int
    correlation_id: str
    duplicate: bool


class EventStore:
    """Stores events of one tenant."""

    def __init__(self, pool: Pool, tenant: str) -> None:
        self._pool = pool
        self._tenant = tenant

    async def write(self, events: Sequence[Incoming]) -> list[Stored]:
        """Store all in one commit; give each one's row, in order. Raises what asyncpg raises."""
        first: dict[tuple[str, str], Incoming] = {}
        for event in events:  # twins may share a flush: the later ones are duplicates of the first
            first.setdefault((event.source, event.event_id), event)
        columns = [
            (*key, event.event_type, event.payload, event.correlation_id)
            for key, event in sorted(first.items(), key=lambda item: item[0])
        ]
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(_INSERT, self._tenant, Priority.CRITICAL, *zip(*columns, strict=True))
            stored = {(row["source"], row["event_id"]): row for row in rows}
            fresh = frozenset(stored)
            known = [column[:2] for column in columns if column[:2] not in fresh]
            if known:
                twins = await connection.fetch(_REARM, self._tenant, Priority.CRITICAL, *zip(*known, strict=True))
                for row in twins:
                    stored[row["source"], row["event_id"]] = row
                    if row["armed"]:
                        log.info("event.rearmed", source=row["source"], id=row["id"])
        if len(stored) < len(first):
            raise LookupError(
                "an event was neither new nor there: retention removed it meanwhile, its sender sends again"
            )
        answers = []
        for event in events:
            key = (event.source, event.event_id)
            row, duplicate = stored[key], key not in fresh or first[key] is not event
            answers.append(Stored(row["id"], row["correlation_id"], duplicate))
        return answers
