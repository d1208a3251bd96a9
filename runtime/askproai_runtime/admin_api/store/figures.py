"""The SQL statements of a tenant's figures: results of booking requests, and of requests to providers."""

from collections.abc import Mapping
from datetime import date
from typing import Final

import asyncpg

from askproai_core.database import Pool
from askproai_core.database.tenant_figures import BookingCounts, read_days_of_bookings

# No answer, a refused key, too many requests, or an error of the provider. Any other 4xx is an answer, such as "taken".
_ERRORS: Final = "p.status IS NULL OR p.status IN (401, 403, 429) OR p.status >= 500"
# One tenant's own login may insert any number of rows.
_MOST_REQUESTS: Final = 20_000
_PROVIDERS: Final = f"""
SELECT r.provider, count(*) AS requests, avg(r.duration_ms)::float8 AS average_ms, max(r.duration_ms) AS longest_ms,
       count(*) FILTER (WHERE r.is_error) AS errors
FROM (SELECT p.provider, p.duration_ms, {_ERRORS} AS is_error FROM provider_calls p
      WHERE p.tenant = $1 AND p.at > now() - interval '1 hour' ORDER BY p.at DESC LIMIT $2) r
GROUP BY r.provider ORDER BY r.provider
"""  # noqa: S608  constants of this module


async def list_days_of_bookings(pool: Pool, tenant: str, zone: str) -> Mapping[date, BookingCounts]:
    """Return the counts of bookings in the last 30 days by local day in `zone`, oldest first. Days without a request are left
    out.

    Raises StatementTimeout.
    """
    async with pool.acquire() as conn:
        return await read_days_of_bookings(conn, tenant, zone)


async def list_provider_requests(pool: Pool, tenant: str) -> list[asyncpg.Record]:
    """Return for each provider the requests of the last hour: `provider`, `requests`, `average_ms`, `longest_ms`, `errors`."""
    return await pool.fetch(_PROVIDERS, tenant, _MOST_REQUESTS)
