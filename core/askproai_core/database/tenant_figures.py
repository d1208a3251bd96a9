"""Count the calls of many tenants, and their callers' successful bookings, with one statement.

Each tenant's rows are counted in a LATERAL subquery, as in `tenant_states.py`: whatever the number of tenants, two index
ranges are read for each. The number of rows read for each tenant is limited; beyond it, only the newest count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Final

import asyncpg

from askproai_core.database.pool import Connection, StatementTimeout

_DAY: Final = timedelta(days=1)
_MONTH: Final = timedelta(days=30)
_HUNDRED: Final = Decimal(100)
_TENTH: Final = Decimal("0.1")
# Rows of a tenant that one count reads, the newest: its login may insert any number, and one tenant's rows must not take up the
# statement's time, in which others are counted, too. With ten requests a call this is 2,000 calls in a day, 10,000 in a month.
_MOST_OF_A_DAY: Final = 20_000
_MOST_OF_A_MONTH: Final = 100_000
# Outcomes that count as failures, as a list of SQL. A taken time, a limit, or a question to the caller is no failure. Bookings
# that the remote calendar refused have failed, as in `askproai_bookings_total`: the caller heard that nothing is booked, and can
# do nothing about it.
FAILURES: Final = "'failed', 'busy', 'too_slow', 'refused'"
# The function is compared after the limit, because a login may insert rows of any function.
_COUNTS: Final = f"""count(*) FILTER (WHERE r.outcome = 'booked') AS booked,
                    count(*) FILTER (WHERE r.outcome IN ({FAILURES})) AS failed
             FROM (SELECT n.at, n.function, n.outcome FROM function_requests n WHERE n.tenant = t.tenant
                     AND n.at > now() - $2::interval ORDER BY n.at DESC LIMIT $3) r
             WHERE r.function = 'book_appointment'"""  # noqa: S608  our own text
_BOOKINGS: Final = f"SELECT {_COUNTS}"
_DAYS_OF_BOOKINGS: Final = f"SELECT (r.at AT TIME ZONE $4)::date AS day, {_COUNTS} GROUP BY 1"
# As the index `calls_newest` has it.
_BEGAN = "CASE WHEN n.started_at IS NULL THEN 'epoch'::timestamptz ELSE n.started_at END"


@dataclass(frozen=True, slots=True)
class BookingCounts:
    """Counts of callers' booking requests by outcome: booked, or failed (no answer that helps the caller)."""

    booked: int = 0
    failed: int = 0

    @property
    def decided(self) -> int:
        """Return the number of requests that were booked or failed."""
        return self.booked + self.failed

    @property
    def booked_percent(self) -> str | None:
        """Return the percentage of requests that were booked, with one decimal; None if no request was booked or failed."""
        return _percent(Decimal(self.booked), Decimal(self.decided))

    def budget_percent(self, success_percent: Decimal) -> str | None:
        """Return the percentage left of the failures that the target `success_percent` allows, with one decimal.

        "0.0" means that the budget is used up, by however much; None means that no request was booked or failed.
        """
        if self.decided and not self.failed:
            return _percent(Decimal(1), Decimal(1))
        allowed = self.decided * (_HUNDRED - success_percent) / _HUNDRED
        left = max(allowed - self.failed, Decimal(0))
        return _percent(left, allowed or Decimal(self.decided))


@dataclass(frozen=True, slots=True)
class TenantFigures:
    """A tenant's figures for the last 24 hours: calls that began, and bookings by callers."""

    calls: int = 0
    bookings: BookingCounts = BookingCounts()


async def read_figures(conn: Connection, tenants: Sequence[str]) -> Mapping[str, TenantFigures]:
    """Return the figures of the last 24 hours by tenant; all zero for a tenant without a row. Raises StatementTimeout."""
    rows = await _fetch(
        conn,
        f"""SELECT t.tenant, c.calls, b.booked, b.failed FROM unnest($1::text[]) t (tenant)
           CROSS JOIN LATERAL (
               SELECT count(*) AS calls FROM (
                   SELECT FROM calls n WHERE n.tenant = t.tenant AND {_BEGAN} > now() - $2::interval
                   ORDER BY {_BEGAN} DESC LIMIT $3) r) c
           CROSS JOIN LATERAL ({_BOOKINGS}) b""",  # noqa: S608  our own text
        tenants, _DAY, _MOST_OF_A_DAY,
    )  # fmt: skip
    return {tenant: TenantFigures(calls, BookingCounts(*bookings)) for tenant, calls, *bookings in rows}


async def read_month_of_bookings(conn: Connection, tenants: Sequence[str]) -> Mapping[str, BookingCounts]:
    """Return the counts of callers' bookings in the last 30 days by tenant, without records older than `callDays`.

    Raises StatementTimeout.
    """
    rows = await _fetch(
        conn,
        f"SELECT t.tenant, b.* FROM unnest($1::text[]) t (tenant) CROSS JOIN LATERAL ({_BOOKINGS}) b",  # noqa: S608  our own text
        tenants, _MONTH, _MOST_OF_A_MONTH,
    )  # fmt: skip
    return {tenant: BookingCounts(*bookings) for tenant, *bookings in rows}


async def read_days_of_bookings(conn: Connection, tenant: str, zone: str) -> Mapping[date, BookingCounts]:
    """Return the counts of one tenant's bookings in the last 30 days, by day in the time zone `zone`, oldest first. Raises
    StatementTimeout. A day without a booking request is left out.
    """
    statement = f"SELECT b.* FROM unnest($1::text[]) t (tenant) CROSS JOIN LATERAL ({_DAYS_OF_BOOKINGS}) b ORDER BY 1"  # noqa: S608
    rows = await _fetch(conn, statement, [tenant], _MONTH, _MOST_OF_A_MONTH, zone)
    return {day: counts for day, *values in rows if (counts := BookingCounts(*values)).decided}


def _percent(part: Decimal, whole: Decimal) -> str | None:
    """Return `part` of `whole` as a percentage with one decimal, rounded down: 100.0 means all. None if `whole` is 0."""
    return str((part * _HUNDRED / whole).quantize(_TENTH, ROUND_FLOOR)) if whole else None


async def _fetch(conn: Connection, sql: str, *values: object) -> list[asyncpg.Record]:
    try:
        return await conn.fetch(sql, *values)
    except asyncpg.QueryCanceledError as error:
        raise StatementTimeout(f"counting took too long: {error}") from error
