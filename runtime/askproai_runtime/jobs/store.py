"""Every SQL statement of the queue. A job's event is updated in the same statement as the job, so the two never disagree.

Every statement filters by tenant: row-level security would hide other rows anyway, but the indexes begin with the tenant.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from askproai_core.database import Connection, Pool
from askproai_core.tracing import current_traceparent
from askproai_runtime.jobs.types import Job, JobKind, JobSettings, Priority, StaleClaim
from askproai_runtime.metrics import Waiting

URGENT = (Priority.CRITICAL, Priority.HIGH, Priority.DEFAULT)
BACKGROUND = (Priority.LOW, Priority.MAINTENANCE)

# Ends one claim that we hold: `{change}` are the new columns of the job, `{event}` those of its event.
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

# Ends a claim whose work is done.
_FINISH = _RELEASE.format(
    change="state = 'done', finished_at = clock_timestamp(), last_error = NULL",
    event="status = 'processed', processed_at = clock_timestamp(), error = NULL",
)

# Ends many claims as _FINISH ends one; $4 are the notes of their events. Fewer rows than claims mean that a claim is not ours.
_FINISH_ALL = """
WITH held AS (
    SELECT * FROM unnest($2::bigint[], $3::integer[], $4::text[]) AS h (id, claim_no, note)
), job AS (
    UPDATE jobs j SET lease_until = NULL, worker = NULL, state = 'done', finished_at = clock_timestamp(), last_error = NULL
    FROM held h WHERE j.tenant = $1 AND j.id = h.id AND j.claim_no = h.claim_no AND j.state = 'running'
    RETURNING j.event_id, h.note
), event AS (
    UPDATE webhook_events e SET status = 'processed', processed_at = clock_timestamp(), error = NULL,
                                note = coalesce(job.note, e.note)
    FROM job WHERE e.tenant = $1 AND e.id = job.event_id
)
SELECT count(*) FROM job
"""

# Ends a claim whose attempt has failed. $4: the error. $5: the wait before the next attempt; NULL makes the job a dead letter.
_FAIL = _RELEASE.format(
    change="""last_error = $4, state = CASE WHEN $5::interval IS NULL THEN 'dead' ELSE 'ready' END,
              finished_at = CASE WHEN $5::interval IS NULL THEN clock_timestamp() END,
              run_at = coalesce(clock_timestamp() + $5::interval, run_at)""",
    event="status = CASE job.state WHEN 'dead' THEN 'dead' ELSE 'failed' END, error = job.last_error",
)

# Ends a claim whose attempt does not count. $4: when the job is due again. $5: the reason.
_RUN_AGAIN = _RELEASE.format(
    change="state = 'ready', attempts = attempts - 1, run_at = $4, last_error = $5",
    event="status = 'received', attempts = job.attempts",
)

_LANE = """
    SELECT picked.id FROM unnest({priorities}::text[]) AS lane (priority) CROSS JOIN LATERAL (
        SELECT j.id FROM jobs j
        WHERE j.tenant = $1 AND j.state = 'ready' AND j.priority = lane.priority AND j.run_at <= now() AND j.kind = ANY ($9)
        ORDER BY j.run_at, j.id LIMIT {limit} FOR UPDATE SKIP LOCKED
    ) picked LIMIT {limit}"""

# The attempt is counted and `claim_no` raised here, before any handler runs: a job that kills its worker must come to an end. A
# lane's priorities are tried in the given order: the lateral join runs once for each and stops at LIMIT, so that no row is
# locked without being claimed. Only known kinds ($9) are claimed: after a rollback, others wait for the release that wrote
# them. The background lane gets the slots that the urgent one leaves ($8: free slots in total).
_CLAIM = """
WITH urgent_lane AS MATERIALIZED ({urgent}
), background_lane AS MATERIALIZED ({background}
), claimed AS (
    UPDATE jobs j SET state = 'running', attempts = j.attempts + 1, claim_no = j.claim_no + 1, worker = $2,
                      lease_until = clock_timestamp() + $3
    FROM (SELECT id FROM urgent_lane UNION ALL SELECT id FROM background_lane) chosen
    WHERE j.tenant = $1 AND j.id = chosen.id
    RETURNING j.id, j.kind, j.priority, j.attempts, j.claim_no, j.event_id, j.appointment_id, j.correlation_id,
              j.traceparent, clock_timestamp() - j.created_at AS age
), event AS (
    UPDATE webhook_events e SET status = 'processing', attempts = claimed.attempts
    FROM claimed WHERE e.tenant = $1 AND e.id = claimed.event_id
)
SELECT * FROM claimed
""".format(  # noqa: S608  constants of this module
    urgent=_LANE.format(priorities="$4", limit="$5"),
    background=_LANE.format(priorities="$6", limit="least($7, $8 - (SELECT count(*) FROM urgent_lane))"),
)
# Extends the leases of the claims that are still ours, and returns their jobs.
_RENEW = """
UPDATE jobs j SET lease_until = clock_timestamp() + $4
FROM unnest($2::bigint[], $3::integer[]) AS held (id, claim_no)
WHERE j.tenant = $1 AND j.id = held.id AND j.claim_no = held.claim_no AND j.state = 'running'
RETURNING j.id
"""

# Releases jobs whose worker is gone. The lost attempt counts; the next is due at once, after the wait of the lease.
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
    RETURNING j.id, j.kind, j.state, j.event_id, j.last_error
), event AS (
    UPDATE webhook_events e SET status = CASE swept.state WHEN 'dead' THEN 'dead' ELSE 'failed' END, error = swept.last_error
    FROM swept WHERE e.tenant = $1 AND e.id = swept.event_id
)
SELECT kind, state FROM swept
"""

# Three parts, so that each reads its own partial index and none counts the finished jobs.
_SNAPSHOT = """
SELECT priority, 'ready' AS state, count(*) AS jobs,
       greatest(0, extract(epoch FROM clock_timestamp() - min(run_at)))::float8 AS oldest_seconds
FROM jobs WHERE tenant = $1 AND state = 'ready' GROUP BY priority
UNION ALL
SELECT priority, 'running', count(*), NULL FROM jobs WHERE tenant = $1 AND state = 'running' GROUP BY priority
UNION ALL
SELECT priority, 'dead', count(*), NULL FROM jobs WHERE tenant = $1 AND state = 'dead' GROUP BY priority
"""

_ADD = """
INSERT INTO jobs (tenant, kind, priority, correlation_id, event_id, appointment_id, run_at, traceparent)
VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, clock_timestamp()), $8) ON CONFLICT DO NOTHING
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
    """Add a job in the caller's transaction, due at `run_at`, or at once if that is None.

    An event or appointment has at most one live job. A second one for an event is not added. For an appointment the waiting job
    is brought forward instead, since it does whatever the appointment needs when it runs.
    """
    columns = kind.value, priority.value, correlation_id, event_id, appointment_id, run_at, current_traceparent()
    added = await conn.execute(_ADD, tenant, *columns)
    if added == "INSERT 0 0" and appointment_id is not None:
        await conn.execute(
            """UPDATE jobs SET run_at = least(run_at, coalesce($3, clock_timestamp()))
               WHERE tenant = $1 AND appointment_id = $2 AND state = 'ready'""",
            tenant, appointment_id, run_at,
        )  # fmt: skip


async def finish(conn: Connection, tenant: str, job: Job) -> None:
    """Mark the job as done, in the handler's own transaction together with its effects.

    Raises StaleClaim if another worker has since claimed the job. Let it propagate, so that the effects roll back.
    """
    if await conn.fetchval(_FINISH, tenant, job.id, job.claim_no) is None:
        raise StaleClaim(f"job {job.id} was claimed by another worker after claim {job.claim_no}")
    job.finished = True


async def require_claim(conn: Connection, tenant: str, job: Job) -> None:
    """Lock the job's claim until the end of the handler's transaction. Call it before effects that precede `finish` in that
    transaction.

    Raises StaleClaim if another worker has since claimed the job. Let it propagate, so that the effects roll back.
    """
    ours = await conn.fetchval(
        "SELECT true FROM jobs WHERE tenant = $1 AND id = $2 AND claim_no = $3 AND state = 'running' FOR UPDATE",
        tenant, job.id, job.claim_no,
    )  # fmt: skip
    if not ours:
        raise StaleClaim(f"job {job.id} was claimed by another worker after claim {job.claim_no}")


async def finish_events(conn: Connection, tenant: str, jobs: Sequence[tuple[Job, str | None]]) -> None:
    """Mark the jobs of events as done and store the events' notes, in the transaction that writes the effects of the events.

    Raises StaleClaim if another worker has since claimed one of the jobs. Let it propagate, so that all effects roll back.
    """
    ids, claims, notes = zip(*((job.id, job.claim_no, note) for job, note in jobs), strict=True)
    if await conn.fetchval(_FINISH_ALL, tenant, ids, claims, notes) != len(jobs):
        raise StaleClaim("one of these jobs was claimed by another worker")
    for job, _ in jobs:
        job.finished = True


async def snapshot(conn: "Connection | Pool", tenant: str) -> list[Waiting]:
    """Return the numbers of ready, running and dead jobs for each priority, with the age of the oldest."""
    return [Waiting(*row) for row in await conn.fetch(_SNAPSHOT, tenant)]


class JobStore:
    """One tenant's jobs, as a worker uses them. Every method runs one statement in a transaction of its own."""

    def __init__(self, pool: Pool, lease_pool: Pool, tenant: str, worker: str, settings: JobSettings) -> None:
        self._pool, self._lease_pool, self._tenant, self._worker = pool, lease_pool, tenant, worker
        self._settings = settings

    async def claim(self, conn: Connection, running: Iterable[Job]) -> tuple[list[Job], bool]:
        """Claim jobs that may run beside the jobs `running`. Return them, most urgent first, and True if more may be waiting.

        Urgent and background jobs each have reserved slots, so that neither kind can starve the other. The caller acquires the
        connection first: handlers wait for the same connection, and each handler that ends meanwhile frees a slot, so that
        under load one statement claims many jobs.
        """
        running_urgent = [job.priority in URGENT for job in running]
        lane_limit = self._settings.slots - self._settings.reserved
        free_slots = self._settings.slots - len(running_urgent)
        urgent_limit = max(0, min(lane_limit - sum(running_urgent), free_slots))
        background_limit = max(0, min(lane_limit - (len(running_urgent) - sum(running_urgent)), free_slots))
        if not urgent_limit and not background_limit:
            return [], True
        rows = await conn.fetch(
            _CLAIM, self._tenant, self._worker, self._settings.lease,
            [p.value for p in URGENT], urgent_limit, [p.value for p in BACKGROUND], background_limit, free_slots,
            [kind.value for kind in JobKind],
        )  # fmt: skip
        jobs = [
            Job(**dict(row) | {"kind": JobKind(row["kind"]), "priority": Priority(row["priority"])}) for row in rows
        ]
        urgent = sum(job.priority in URGENT for job in jobs)
        maybe_more = urgent >= urgent_limit or len(jobs) - urgent >= background_limit or len(jobs) >= free_slots
        rank = list(Priority)
        return sorted(jobs, key=lambda job: (rank.index(job.priority), job.id)), maybe_more

    async def fail(self, job: Job, error: str, wait: timedelta | None) -> bool:
        """Record a failed attempt. Retry after `wait`; None makes a dead letter. Return False if the claim is no longer ours."""
        state = await self._pool.fetchval(_FAIL, self._tenant, job.id, job.claim_no, error, wait)
        return state is not None

    async def run_again(self, job: Job, at: datetime, reason: str) -> bool:
        """Return the job to the queue, due at `at`, without counting the attempt. Return False if the claim is no longer ours."""
        return await self._pool.fetchval(_RUN_AGAIN, self._tenant, job.id, job.claim_no, at, reason) is not None

    async def renew(self, jobs: Sequence[Job]) -> list[bool]:
        """Extend the leases. Return for each job True if no other worker has claimed it, even if it is finished by now."""
        claims = [job.id for job in jobs], [job.claim_no for job in jobs]
        rows = await self._lease_pool.fetch(_RENEW, self._tenant, *claims, self._settings.lease)
        renewed = {row["id"] for row in rows}
        return [job.id in renewed or job.finished for job in jobs]

    async def sweep(self, conn: "Connection | Pool") -> tuple[int, list[JobKind]]:
        """Release jobs of lost workers. Return the number made ready again, and the kind of each that became a dead letter."""
        rows = await conn.fetch(_SWEEP, self._tenant, len(self._settings.retries))
        dead = [JobKind(row["kind"]) for row in rows if row["state"] == "dead"]
        return len(rows) - len(dead), dead
