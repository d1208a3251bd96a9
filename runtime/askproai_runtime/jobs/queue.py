"""Every SQL statement of the queue. A job's event follows it in the same statement, so that the two never tell different stories.

All names carry the tenant: row security would hide other rows anyway, but the indexes begin with it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from askproai_runtime.jobs.types import Job, JobKind, JobSettings, Priority, QueueSnapshot, StaleClaim
from askproai_runtime.store import Connection, Pool

UPPER = (Priority.CRITICAL, Priority.HIGH, Priority.DEFAULT)
LOWER = (Priority.LOW, Priority.MAINTENANCE)

# For one job that we hold: `{change}` is what becomes of it, `{event}` what becomes of its event.
_RELEASE = """
WITH job AS (
    UPDATE jobs SET lease_until = NULL, worker = NULL, {change}
    WHERE tenant = $1 AND id = $2 AND claim_no = $3 AND state = 'running'
    RETURNING state, attempts, event_id, last_error
), event AS (
    UPDATE webhook_events e SET {event} FROM job WHERE e.tenant = $1 AND e.id = job.event_id
)
SELECT state FROM job
"""

_FINISH = _RELEASE.format(
    change="state = 'done', finished_at = clock_timestamp(), last_error = NULL",
    event="status = 'processed', processed_at = clock_timestamp(), error = NULL",
)

# $4 the error, $5 the wait before the next try; none: it is dead.
_FAIL = _RELEASE.format(
    change="""last_error = $4, state = CASE WHEN $5::interval IS NULL THEN 'dead' ELSE 'ready' END,
              finished_at = CASE WHEN $5::interval IS NULL THEN clock_timestamp() END,
              run_at = coalesce(clock_timestamp() + $5::interval, run_at)""",
    event="status = CASE job.state WHEN 'dead' THEN 'dead' ELSE 'failed' END, error = job.last_error",
)

_RUN_AGAIN = _RELEASE.format(
    change="state = 'ready', attempts = attempts - 1, run_at = $4, last_error = $5",
    event="status = 'received', attempts = job.attempts",
)

_LANE = """
    SELECT picked.id FROM unnest({priorities}::text[]) AS lane (priority) CROSS JOIN LATERAL (
        SELECT j.id FROM jobs j
        WHERE j.tenant = $1 AND j.state = 'ready' AND j.priority = lane.priority AND j.run_at <= now()
        ORDER BY j.run_at, j.id LIMIT {room} FOR UPDATE SKIP LOCKED
    ) picked LIMIT {room}"""

# Attempts are counted and the fence is raised here, before any handler runs: a job that kills its worker must come to an end.
# A lane's priorities are tried in the order given: the lateral join runs once for each, and LIMIT ends it, so that no row is
# locked which is not claimed. The lower lane gets what the upper one leaves ($8: free slots in all).
_CLAIM = """
WITH upper_lane AS MATERIALIZED ({upper}
), lower_lane AS MATERIALIZED ({lower}
), claimed AS (
    UPDATE jobs j SET state = 'running', attempts = j.attempts + 1, claim_no = j.claim_no + 1, worker = $2,
                      lease_until = clock_timestamp() + $3
    FROM (SELECT id FROM upper_lane UNION ALL SELECT id FROM lower_lane) chosen
    WHERE j.tenant = $1 AND j.id = chosen.id
    RETURNING j.id, j.kind, j.priority, j.attempts, j.claim_no, j.event_id, j.appointment_id, j.correlation_id
), event AS (
    UPDATE webhook_events e SET status = 'processing', attempts = claimed.attempts
    FROM claimed WHERE e.tenant = $1 AND e.id = claimed.event_id
)
SELECT * FROM claimed
""".format(  # noqa: S608  constants of this module
    upper=_LANE.format(priorities="$4", room="$5"),
    lower=_LANE.format(priorities="$6", room="least($7, $8 - (SELECT count(*) FROM upper_lane))"),
)

# Those that come back are still ours.
_RENEW = """
UPDATE jobs j SET lease_until = clock_timestamp() + $4
FROM unnest($2::bigint[], $3::integer[]) AS held (id, claim_no)
WHERE j.tenant = $1 AND j.id = held.id AND j.claim_no = held.claim_no AND j.state = 'running'
RETURNING j.id
"""

_GIVE_BACK = """
WITH given AS (
    UPDATE jobs j SET state = 'ready', attempts = j.attempts - 1, run_at = clock_timestamp(), lease_until = NULL, worker = NULL
    FROM unnest($2::bigint[], $3::integer[]) AS held (id, claim_no)
    WHERE j.tenant = $1 AND j.id = held.id AND j.claim_no = held.claim_no AND j.state = 'running'
    RETURNING j.id, j.event_id, j.attempts
), event AS (
    UPDATE webhook_events e SET status = 'received', attempts = given.attempts
    FROM given WHERE e.tenant = $1 AND e.id = given.event_id
)
SELECT id FROM given
"""

# Jobs whose worker is gone. The lost try counts; the next one comes at once, because the lease was waiting enough.
_SWEEP = """
WITH lost AS MATERIALIZED (
    SELECT id FROM jobs WHERE tenant = $1 AND state = 'running' AND lease_until < now()
    ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED
), swept AS (
    UPDATE jobs j SET lease_until = NULL, worker = NULL, claim_no = j.claim_no + 1, run_at = clock_timestamp(),
        state = CASE WHEN j.attempts > $2 THEN 'dead' ELSE 'ready' END,
        finished_at = CASE WHEN j.attempts > $2 THEN clock_timestamp() END,
        last_error = 'its worker ended or hung in the middle of try ' || j.attempts
    FROM lost WHERE j.tenant = $1 AND j.id = lost.id
    RETURNING j.id, j.state, j.event_id, j.last_error
), event AS (
    UPDATE webhook_events e SET status = CASE swept.state WHEN 'dead' THEN 'dead' ELSE 'failed' END, error = swept.last_error
    FROM swept WHERE e.tenant = $1 AND e.id = swept.event_id
)
SELECT id, state FROM swept
"""

# Three parts, so that each reads its own partial index and none counts the jobs that are done.
_SNAPSHOT = """
SELECT priority, 'ready' AS state, count(*) AS size,
       extract(epoch FROM clock_timestamp() - min(run_at))::float8 AS oldest
FROM jobs WHERE tenant = $1 AND state = 'ready' GROUP BY priority
UNION ALL
SELECT priority, 'running', count(*), NULL FROM jobs WHERE tenant = $1 AND state = 'running' GROUP BY priority
UNION ALL
SELECT priority, 'dead', count(*), NULL FROM jobs WHERE tenant = $1 AND state = 'dead' GROUP BY priority
"""


async def enqueue(
    conn: Connection,
    tenant: str,
    kind: JobKind,
    priority: Priority,
    *,
    correlation_id: str,
    event_id: int | None = None,
    appointment_id: UUID | None = None,
    run_at: datetime | None = None,
) -> None:
    """Add a job in the caller's transaction. A second live one for the same event or appointment is not added."""
    await conn.execute(
        """INSERT INTO jobs (tenant, kind, priority, correlation_id, event_id, appointment_id, run_at)
           VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, clock_timestamp())) ON CONFLICT DO NOTHING""",
        tenant, kind.value, priority.value, correlation_id, event_id, appointment_id, run_at,
    )  # fmt: skip


async def finish(conn: Connection, tenant: str, job: Job) -> None:
    """End the job as done, inside the handler's own transaction with its effects.

    Raises StaleClaim if another has claimed it since; let it pass, so that the effects roll back.
    """
    if await conn.fetchval(_FINISH, tenant, job.id, job.claim_no) is None:
        raise StaleClaim(f"job {job.id} was claimed by another after claim {job.claim_no}")
    job.finished = True


@dataclass(frozen=True, slots=True)
class Room:
    """How many more jobs a worker can take: of critical, high and default; of the others; in all."""

    upper: int
    lower: int
    total: int


def room_left(running: Iterable[Job], settings: JobSettings) -> Room:
    """Neither lane may take the slots that are reserved for the other, so neither can keep it waiting."""
    upper = lower = 0
    for job in running:
        if job.priority in UPPER:
            upper += 1
        else:
            lower += 1
    most, free = settings.slots - settings.reserved, settings.slots - upper - lower
    return Room(upper=max(0, min(most - upper, free)), lower=max(0, min(most - lower, free)), total=free)


class Queue:
    """One tenant's queue, as a worker uses it. Every method is one statement in a transaction of its own."""

    def __init__(self, pool: Pool, tenant: str, worker: str, settings: JobSettings) -> None:
        self._pool = pool
        self._tenant = tenant
        self._worker = worker
        self._settings = settings

    async def claim(self, room: Room) -> list[Job]:
        """Take what may run, most urgent first."""
        rows = await self._pool.fetch(
            _CLAIM, self._tenant, self._worker, self._settings.lease,
            [p.value for p in UPPER], room.upper, [p.value for p in LOWER], room.lower, room.total,
        )  # fmt: skip
        rank = list(Priority)
        return sorted((_job(dict(row)) for row in rows), key=lambda job: (rank.index(job.priority), job.id))

    async def fail(self, job: Job, error: str, wait: timedelta | None) -> bool:
        """Set a failed try down: another one after `wait`, or, without, dead. False when the job is not ours any more."""
        state = await self._pool.fetchval(_FAIL, self._tenant, job.id, job.claim_no, error, wait)
        return state is not None

    async def run_again(self, job: Job, at: datetime, reason: str) -> bool:
        """Put the job back without counting the try."""
        return await self._pool.fetchval(_RUN_AGAIN, self._tenant, job.id, job.claim_no, at, reason) is not None

    async def renew(self, jobs: Sequence[Job]) -> set[int]:
        """Lengthen the leases; give the ids that are still ours."""
        rows = await self._pool.fetch(_RENEW, self._tenant, *_claims(jobs), self._settings.lease)
        return {row["id"] for row in rows}

    async def give_back(self, jobs: Sequence[Job]) -> set[int]:
        """Return unfinished jobs at shutdown; the tries do not count. Give the ids that were ours."""
        rows = await self._pool.fetch(_GIVE_BACK, self._tenant, *_claims(jobs))
        return {row["id"] for row in rows}

    async def sweep(self) -> tuple[int, int]:
        """Take jobs from workers that are gone; give how many are ready again, and how many died of it."""
        rows = await self._pool.fetch(_SWEEP, self._tenant, len(self._settings.retries))
        dead = sum(row["state"] == "dead" for row in rows)
        return len(rows) - dead, dead

    async def snapshot(self) -> QueueSnapshot:
        rows = await self._pool.fetch(_SNAPSHOT, self._tenant)
        return QueueSnapshot(
            sizes={(row["priority"], row["state"]): row["size"] for row in rows},
            oldest_seconds={row["priority"]: max(row["oldest"], 0.0) for row in rows if row["oldest"] is not None},
        )


def _claims(jobs: Sequence[Job]) -> tuple[list[int], list[int]]:
    return [job.id for job in jobs], [job.claim_no for job in jobs]


def _job(row: dict[str, Any]) -> Job:
    return Job(**row | {"kind": JobKind(row["kind"]), "priority": Priority(row["priority"])})
