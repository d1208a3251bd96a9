"""How much tenants are called, and how many of their callers' bookings succeed: of many tenants by one statement.

Each tenant's rows are counted in a LATERAL subquery, as in `tenant_states.py`, so that the plan for a thousand is that for one: two
ranges of an index.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from askproai_core.database.pool import Connection

_DAY: Final = timedelta(days=1)
_MONTH: Final = timedelta(days=30)
# Of the records of call functions: a time that was taken, or a question to the caller, is neither.
_BOOKINGS = """SELECT count(*) FILTER (WHERE r.outcome = 'booked') AS booked,
                      count(*) FILTER (WHERE r.outcome IN ('failed', 'busy', 'too_slow')) AS failed
               FROM function_requests r
               WHERE r.tenant = t.tenant AND r.at > now() - $2::interval AND r.function = 'book_appointment'"""


@dataclass(frozen=True, slots=True)
class BookingCounts:
    """What callers' requests to book have come to: an appointment, or no answer that helps them."""

    booked: int = 0
    failed: int = 0

    @property
    def decided(self) -> int:
        """Return how many ended in one of the two ways."""
        return self.booked + self.failed


@dataclass(frozen=True, slots=True)
class TenantFigures:
    """A tenant's last 24 hours: calls that began, and its callers' bookings."""

    calls: int = 0
    bookings: BookingCounts = BookingCounts()


async def read_figures(conn: Connection, tenants: Sequence[str]) -> Mapping[str, TenantFigures]:
    """Return the figures of the last 24 hours by tenant; zeros of those without a row."""
    rows = await conn.fetch(
        f"""SELECT t.tenant, c.calls, b.booked, b.failed FROM unnest($1::text[]) t (tenant)
           CROSS JOIN LATERAL (
               SELECT count(*) AS calls FROM calls c WHERE c.tenant = t.tenant
                 AND CASE WHEN c.started_at IS NULL THEN 'epoch'::timestamptz ELSE c.started_at END > now() - $2::interval) c
           CROSS JOIN LATERAL ({_BOOKINGS}) b""",  # noqa: S608  our own text
        tenants, _DAY,
    )  # fmt: skip
    return {tenant: TenantFigures(calls, BookingCounts(*bookings)) for tenant, calls, *bookings in rows}


async def read_month_of_bookings(conn: Connection, tenants: Sequence[str]) -> Mapping[str, BookingCounts]:
    """Return the bookings of the last 30 days by tenant, as far as their records are kept (`retention.callDays`)."""
    rows = await conn.fetch(
        f"SELECT t.tenant, b.* FROM unnest($1::text[]) t (tenant) CROSS JOIN LATERAL ({_BOOKINGS}) b",  # noqa: S608  our own text
        tenants, _MONTH,
    )  # fmt: skip
    return {tenant: BookingCounts(*bookings) for tenant, *bookings in rows}
