"""The SQL of the fleet's page: the numbers of each tenant's jobs, without their content."""

from dataclasses import dataclass

from askproai_core.database import Pool

# Each part uses an index of its own, with the tenant as the first column.
_JOBS = """
SELECT tenant, sum(waiting)::integer AS waiting, sum(dead)::integer AS dead FROM (
    SELECT tenant, count(*) AS waiting, 0 AS dead FROM jobs WHERE state = 'ready' AND run_at <= now() GROUP BY tenant
    UNION ALL SELECT tenant, 0, count(*) FROM jobs WHERE state = 'dead' GROUP BY tenant
) counted GROUP BY tenant
"""


@dataclass(frozen=True, slots=True)
class TenantJobs:
    """The number of a tenant's jobs that are due and wait for a worker, and the number of dead ones."""

    waiting: int = 0
    dead: int = 0


async def count_jobs(pool: Pool) -> dict[str, TenantJobs]:
    """Return the numbers of due and dead jobs by tenant. Tenants without such jobs are absent."""
    return {row["tenant"]: TenantJobs(row["waiting"], row["dead"]) for row in await pool.fetch(_JOBS)}
