"""Every SQL statement of the table `tasks`. All times are the database's, because the clocks of pods differ."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from askproai_core.database import Connection, Pool
from askproai_runtime.tasks.types import StaleRun, TaskSettings, Watermark

_LONGEST_ERROR = 1_000

# Reads what is due, and locks nothing.
_LOOK = """
SELECT name, due_at <= now() AND (lease_until IS NULL OR lease_until < now()) AS is_due,
       extract(epoch FROM now() - coalesce(last_finished_at, created_at))::float8 AS age_seconds
FROM tasks WHERE tenant = $1 AND name = ANY($2) ORDER BY due_at
"""

# A failure is counted, and the next run delayed, before the handler runs: a task that kills its worker must not kill all
# workers without a pause.
_CLAIM = """
WITH due AS (
    SELECT name, least($4::interval * 2 ^ least(failures, 20), $5::interval) AS wait FROM tasks
    WHERE tenant = $1 AND name = $2 AND due_at <= now() AND (lease_until IS NULL OR lease_until < now())
    FOR UPDATE SKIP LOCKED
)
UPDATE tasks t SET claim_no = t.claim_no + 1, failures = t.failures + 1, worker = $3, lease_until = clock_timestamp() + $6,
                   due_at = clock_timestamp() + due.wait
FROM due WHERE t.tenant = $1 AND t.name = due.name
RETURNING t.claim_no, t.requests, t.failures, t.watermark
"""

# Extends the lease of one run. A statement for two rows could deadlock with a run that holds one row and requests the other.
_RENEW = """
UPDATE tasks SET lease_until = clock_timestamp() + $4
WHERE tenant = $1 AND name = $2 AND claim_no = $3 RETURNING true
"""

# Ends a run with its result. A task that was requested during the run is due at once, since the run may have missed the reason.
_FINISH = """
UPDATE tasks SET lease_until = NULL, worker = NULL, failures = 0, last_error = NULL, last_finished_at = clock_timestamp(),
                 watermark = $4, due_at = clock_timestamp() + CASE WHEN requests = $5 THEN $6 ELSE interval '0' END
WHERE tenant = $1 AND name = $2 AND claim_no = $3 RETURNING true
"""

# Ends a run without a result. $6 is 1 if this is no failure, else 0.
_FAIL = """
UPDATE tasks SET lease_until = NULL, worker = NULL, failures = failures - $6, last_error = $4, due_at = clock_timestamp() + $5
WHERE tenant = $1 AND name = $2 AND claim_no = $3 RETURNING true
"""


@dataclass(frozen=True, slots=True)
class KnownTask:
    """A task's row without its watermark. `age_seconds` is the time since the task's last success, or since it was added."""

    name: str
    is_due: bool
    age_seconds: float


@dataclass(frozen=True, slots=True)
class ClaimedTask:
    """One claim of a task. `claim_no` is the fence, `requests` is how often the task had been requested when it was claimed."""

    name: str
    claim_no: int
    requests: int
    failures: int  # this run included
    watermark: Watermark


async def request_soon(conn: "Connection | Pool", tenant: str, name: str) -> None:
    """Make a task due now, in the caller's transaction. If the task is running, it runs once more after this run.

    The task's row is locked until the end of the transaction, so request it last. A worker finds it within half a minute.
    """
    await conn.execute(
        """UPDATE tasks SET requests = requests + 1, due_at = least(due_at, clock_timestamp())
           WHERE tenant = $1 AND name = $2""",
        tenant, name,
    )  # fmt: skip


async def request_unless_failed(conn: "Connection | Pool", tenant: str, name: str) -> None:
    """Make a task due now as `request_soon` does, unless its last run failed: then its wait continues. Called at each start."""
    await conn.execute(
        """UPDATE tasks SET requests = requests + 1, due_at = least(due_at, clock_timestamp())
           WHERE tenant = $1 AND name = $2
             AND failures <= CASE WHEN lease_until IS NULL THEN 0 ELSE 1 END  -- a run counts as a failure until its end""",
        tenant, name,
    )  # fmt: skip


class TaskStore:
    """One tenant's tasks, as a worker uses them. Every method runs one statement in a transaction of its own."""

    def __init__(self, pool: Pool, lease_pool: Pool, tenant: str, worker: str, settings: TaskSettings) -> None:
        self._pool, self._lease_pool, self._tenant, self._worker = pool, lease_pool, tenant, worker
        self._settings = settings

    async def add(self, names: Collection[str], within: timedelta) -> None:
        """Add the tasks that have no row yet. Each is due at a random time within `within` from now."""
        await self._pool.execute(
            """INSERT INTO tasks (tenant, name, due_at)
               SELECT $1, name, clock_timestamp() + random() * $3::interval FROM unnest($2::text[]) AS name
               ON CONFLICT DO NOTHING""",
            self._tenant, list(names), within,
        )  # fmt: skip

    async def look(self, names: Collection[str]) -> list[KnownTask]:
        """Return these tasks, each with a flag that is True if the task is due. The task that is due longest comes first."""
        return [KnownTask(*row) for row in await self._pool.fetch(_LOOK, self._tenant, list(names))]

    async def claim(self, name: str) -> ClaimedTask | None:
        """Claim a due task. Return None if it is not due any more, because another worker was faster."""
        settings = self._settings
        row = await self._pool.fetchrow(
            _CLAIM, self._tenant, name, self._worker, settings.retry, settings.longest_retry, settings.lease
        )
        return ClaimedTask(name, **(dict(row) | {"watermark": json.loads(row["watermark"])})) if row else None

    async def renew(self, tasks: Sequence[ClaimedTask]) -> list[bool]:
        """Extend the leases, each in a statement of its own. Return for each task True if its claim is still ours."""
        claims = [(self._tenant, task.name, task.claim_no, self._settings.lease) for task in tasks]
        return [bool(await self._lease_pool.fetchval(_RENEW, *claim)) for claim in claims]

    async def save(self, task: ClaimedTask, watermark: Watermark) -> None:
        """Store a watermark as a run's progress, after which earlier failures of the task no longer count. Raises `StaleRun`."""
        saved = await self._pool.fetchval(
            """UPDATE tasks SET watermark = $4, failures = 1, due_at = clock_timestamp() + $5
               WHERE tenant = $1 AND name = $2 AND claim_no = $3 RETURNING true""",
            self._tenant, task.name, task.claim_no, json.dumps(watermark), self._settings.retry,
        )  # fmt: skip
        _require_ours(saved, task)

    async def check(self, conn: Connection, *, task: ClaimedTask) -> None:
        """Lock the claim of a run until the end of the caller's transaction. Raises `StaleRun` if another worker has the task."""
        ours = await conn.fetchval(
            "SELECT true FROM tasks WHERE tenant = $1 AND name = $2 AND claim_no = $3 FOR UPDATE",
            self._tenant, task.name, task.claim_no,
        )  # fmt: skip
        _require_ours(ours, task)

    async def finish(self, task: ClaimedTask, watermark: Watermark, after: timedelta) -> None:
        """End a successful run. The task is due again after `after`, or now if requested during the run. Raises `StaleRun`."""
        text = json.dumps(watermark)
        args = (self._tenant, task.name, task.claim_no, text, task.requests, after)
        _require_ours(await self._pool.fetchval(_FINISH, *args), task)

    async def fail(self, task: ClaimedTask, error: str, wait: timedelta, *, innocent: bool = False) -> None:
        """End a run that failed; the task is due after `wait`. `innocent`: count no failure. Raises `StaleRun`."""
        args = (self._tenant, task.name, task.claim_no, error[:_LONGEST_ERROR], wait, int(innocent))
        _require_ours(await self._pool.fetchval(_FAIL, *args), task)


def _require_ours(done: object, task: ClaimedTask) -> None:
    if not done:
        raise StaleRun(f"task {task.name} was claimed by another worker after claim {task.claim_no}")
