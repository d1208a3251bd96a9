"""What only all tenants' rows together show: dead letters, jobs that nobody takes, and the audit of double bookings."""

from askproai_runtime.coordinator.duty import Desk

_TENANTS = "SELECT tenant FROM tenants"
_DEAD = "SELECT tenant, count(*) AS jobs FROM jobs WHERE state = 'dead' GROUP BY tenant"
_OLDEST = """
SELECT tenant, priority, greatest(0, extract(epoch FROM clock_timestamp() - min(run_at)))::float8 AS seconds
FROM jobs WHERE state = 'ready' GROUP BY tenant, priority
"""

# Without the constraint's own operators and index: it counts claims that begin before an earlier one of the same person ended.
# What ended before yesterday was counted when it had not.
_DOUBLE = """
SELECT tenant, count(*) AS claims FROM (
    SELECT c.tenant, c.block_start, max(c.block_end) OVER (
        PARTITION BY c.tenant, c.resource_id ORDER BY c.block_start, c.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS earlier
    FROM resources r JOIN claims c ON c.tenant = r.tenant AND c.resource_id = r.id AND c.block_end > now() - interval '1 day'
    WHERE c.state IN ('held', 'booked') AND (c.state = 'booked' OR c.expires_at > now())
) claim WHERE block_start < earlier GROUP BY tenant
"""


async def count(desk: Desk) -> int:
    """Show the counts, 0 included, so that an alert can tell "none" from "nobody looked"."""
    none = dict.fromkeys([row["tenant"] for row in await desk.pool.fetch(_TENANTS)], 0)
    desk.metrics.dead_letters(none | {row["tenant"]: row["jobs"] for row in await desk.pool.fetch(_DEAD)})
    desk.metrics.double_bookings(none | {row["tenant"]: row["claims"] for row in await desk.pool.fetch(_DOUBLE)})
    oldest = await desk.pool.fetch(_OLDEST)
    desk.metrics.oldest({(row["tenant"], row["priority"]): row["seconds"] for row in oldest})
    return 0
