"""The SQL of the fleet's page: how many jobs each tenant has, and nothing of their content."""

from dataclasses import dataclass

from askproai_core.database import Pool

# Each part by an index of its own, with the tenant as the first column.
_JOBS = """
SELECT tenant, sum(waiting)::integer AS waiting, sum(dead)::integer AS dead FROM (
    SELECT tenant, count(*) AS waiting, 0 AS dead FROM jobs WHERE state = 'ready' AND run_at <= now() GROUP BY tenant
    UNION ALL SELECT tenant, 0, count(*) FROM jobs WHERE state = 'dead' GROUP BY tenant
) counted GROUP BY tenant
"""


@dataclass(frozen=True, slots=True)
class TenantJobs:
    """How many jobs of a tenant could run now and wait for a worker, and how many have used up their attempts."""

    waiting: int = 0
    dead: int = 0


async def count_jobs(pool: Pool) -> dict[str, TenantJobs]:
    """Return the jobs by tenant; tenants without any are absent."""
    return {row["tenant"]: TenantJobs(row["waiting"], row["dead"]) for row in await pool.fetch(_JOBS)}
