"""Every SQL statement of the queue. A job's event follows it in the same statement, so that the two never tell different stories.

All names carry the tenant: row security would hide other rows anyway, but the indexes begin with it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from askproai_core.database import Connection, Pool
from askproai_runtime.jobs.types import Job, JobKind, JobSettings, Priority, StaleClaim
from askproai_runtime.metrics import Waiting

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
SELECT priority, 'ready' AS state, count(*) AS jobs,
       greatest(0, extract(epoch FROM clock_timestamp() - min(run_at)))::float8 AS oldest_seconds
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
    """Add a job in the caller's transaction. A second live one for the same event or appointment is not added; but an
    appointment's that waits is brought forward, since it does whatever the appointment then needs.
    """
    added = await conn.execute(
        """INSERT INTO jobs (tenant, kind, priority, correlation_id, event_id, appointment_id, run_at)
           VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, clock_timestamp())) ON CONFLICT DO NOTHING""",
        tenant, kind.value, priority.value, correlation_id, event_id, appointment_id, run_at,
    )  # fmt: skip
    if added == "INSERT 0 0" and appointment_id is not None:
        await conn.execute(
            """UPDATE jobs SET run_at = least(run_at, coalesce($3, clock_timestamp()))
               WHERE tenant = $1 AND appointment_id = $2 AND state = 'ready'""",
            tenant, appointment_id, run_at,
        )  # fmt: skip


async def finish(conn: Connection, tenant: str, job: Job) -> None:
    """End the job as done, inside the handler's own transaction with its effects.

    Raises StaleClaim if another has claimed it since; let it pass, so that the effects roll back.
    """
    if await conn.fetchval(_FINISH, tenant, job.id, job.claim_no) is None:
        raise StaleClaim(f"job {job.id} was claimed by another after claim {job.claim_no}")
    job.finished = True


async def snapshot(pool: Pool, tenant: str) -> list[Waiting]:
    """Give how many jobs are ready, running and dead, by priority."""
    return [Waiting(*row) for row in await pool.fetch(_SNAPSHOT, tenant)]


class Queue:
    """One tenant's queue, as a worker uses it. Every method is one statement in a transaction of its own."""

    def __init__(self, pool: Pool, tenant: str, worker: str, settings: JobSettings) -> None:
        self._pool = pool
        self._tenant = tenant
        self._worker = worker
        self._settings = settings

    async def claim(self, running: Iterable[Job]) -> tuple[list[Job], bool]:
        """Take what may run beside the jobs that do, most urgent first; and whether more may be waiting for the next slot.

        Neither lane may take the slots that are reserved for the other, so neither can keep it waiting. `running` is read
        once the connection is ours: handlers wait for the same one, and each that ends meanwhile leaves a slot, so that
        under load one statement claims many jobs.
        """
        async with self._pool.acquire() as connection:
            busy = [job.priority in UPPER for job in running]
            most, free = self._settings.slots - self._settings.reserved, self._settings.slots - len(busy)
            upper = max(0, min(most - sum(busy), free))
            lower = max(0, min(most - (len(busy) - sum(busy)), free))
            if not upper and not lower:
                return [], True
            rows = await connection.fetch(
                _CLAIM, self._tenant, self._worker, self._settings.lease,
                [p.value for p in UPPER], upper, [p.value for p in LOWER], lower, free,
            )  # fmt: skip
        jobs = [
            Job(**dict(row) | {"kind": JobKind(row["kind"]), "priority": Priority(row["priority"])}) for row in rows
        ]
        taken = sum(job.priority in UPPER for job in jobs)
        more = taken >= upper or len(jobs) - taken >= lower or len(jobs) >= free
        rank = list(Priority)
        return sorted(jobs, key=lambda job: (rank.index(job.priority), job.id)), more

    async def fail(self, job: Job, error: str, wait: timedelta | None) -> bool:
        """Set a failed try down: another one after `wait`, or, without, dead. False when the job is not ours any more."""
        state = await self._pool.fetchval(_FAIL, self._tenant, job.id, job.claim_no, error, wait)
        return state is not None

    async def run_again(self, job: Job, at: datetime, reason: str) -> bool:
        """Put the job back without counting the try."""
        return await self._pool.fetchval(_RUN_AGAIN, self._tenant, job.id, job.claim_no, at, reason) is not None

    async def renew(self, jobs: Sequence[Job]) -> set[int]:
        """Lengthen the leases; give the ids that are still ours."""
        claims = [job.id for job in jobs], [job.claim_no for job in jobs]
        rows = await self._pool.fetch(_RENEW, self._tenant, *claims, self._settings.lease)
        return {row["id"] for row in rows}

    async def sweep(self) -> tuple[int, int]:
        """Take jobs from workers that are gone; give how many are ready again, and how many died of it."""
        rows = await self._pool.fetch(_SWEEP, self._tenant, len(self._settings.retries))
        dead = sum(row["state"] == "dead" for row in rows)
        return len(rows) - dead, dead
