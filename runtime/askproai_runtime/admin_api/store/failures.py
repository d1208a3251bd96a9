"""The SQL statement about bookings that failed."""

from datetime import datetime
from typing import Final

import asyncpg

from askproai_core.database import Pool

# True if the calendar refused the appointment of a booking request `f`. The appointment is listed with the reason, so the
# request would be the same failure twice. `{since}` is the parameter of the earliest time.
HAS_FAILED_APPOINTMENT: Final = """f.function = 'book_appointment' AND EXISTS (
    SELECT FROM appointments a WHERE a.tenant = f.tenant AND a.call_id = f.call_id AND a.correlation_id = f.correlation_id
    AND a.status = 'failed' AND a.starts_at >= {since} AND a.updated_at >= {since})"""

# Failed appointments that are over are left out: they fail nobody any more.
_FAILURES: Final = f"""
SELECT * FROM (
    (SELECT f.at, f.call_id, f.function, f.outcome, f.cause AS reason, f.appointment_id::text AS appointment_id, NULL AS service,
            NULL AS staff, NULL::timestamptz AS starts_at, f.correlation_id
     FROM function_requests f WHERE f.tenant = $1 AND f.at >= $2
       AND f.outcome IN ('failed', 'busy', 'too_slow', 'refused', 'not_bookable')
       AND NOT ({HAS_FAILED_APPOINTMENT.format(since="$2")})
     ORDER BY f.at DESC LIMIT $3)
    UNION ALL
    (SELECT a.updated_at, a.call_id, NULL, a.status, a.error, a.id::text, a.service, a.staff, a.starts_at, a.correlation_id
     FROM appointments a WHERE a.tenant = $1 AND a.starts_at >= $2 AND a.status = 'failed' AND a.updated_at >= $2
     ORDER BY a.updated_at DESC LIMIT $3)
) failure ORDER BY at DESC LIMIT $3
"""  # noqa: S608  constants of this module


async def list_failures(pool: Pool, tenant: str, since: datetime, limit: int) -> list[asyncpg.Record]:
    """Return the failed bookings since `since`, newest first."""
    return await pool.fetch(_FAILURES, tenant, since, limit)
