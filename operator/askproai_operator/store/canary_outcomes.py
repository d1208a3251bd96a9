"""Counts failing callers on canaries and on the tenants' other pods, for many tenants by one statement.

A caller counts once, however often the agent asks again within the call. Only failures of ours count, as in
`tenant_figures.py`: a taken time, a closed day and a question to the caller are answers of a good version, too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from askproai_core.database import Connection, StatementTimeout
from askproai_core.database.tenant_figures import FAILURES

_BEFORE: Final = timedelta(days=7)
# Rows of a tenant that one count reads, the newest: its login may insert any number. With ten requests a call this is 2,000 calls.
_MOST: Final = 20_000
_ID: Final = 200  # characters of a call's id, Retell's have a quarter of it; longer ones would be compared at length
_STATEMENT: Final = f"""
SELECT t.tenant, c.* FROM unnest($1::text[], $2::text[], $3::timestamptz[]) t (tenant, track, since)
CROSS JOIN LATERAL (
    SELECT d.part, count(*) AS callers, count(*) FILTER (WHERE d.failed) AS failed_callers,
           count(*) FILTER (WHERE d.booked OR d.booking_failed) AS bookings,
           count(*) FILTER (WHERE d.booking_failed) AS failed_bookings
    FROM (
        SELECT CASE WHEN r.track IS NOT NULL THEN 'canary' WHEN r.at >= t.since THEN 'others' ELSE 'before' END AS part,
               r.call, bool_or(r.outcome IN ({FAILURES})) AS failed,
               bool_or(r.function = 'book_appointment' AND r.outcome = 'booked') AS booked,
               bool_or(r.function = 'book_appointment' AND r.outcome IN ({FAILURES})) AS booking_failed
        FROM (SELECT n.at, left(n.call_id, {_ID}) AS call, n.function, n.outcome, n.track FROM function_requests n
              WHERE n.tenant = t.tenant AND n.at > t.since - $4::interval ORDER BY n.at DESC LIMIT $5) r
        WHERE r.track IS NULL OR r.track = t.track
        GROUP BY 1, 2) d
    GROUP BY d.part) c"""  # noqa: S608  our own text


@dataclass(frozen=True, slots=True)
class Trial:
    """A canary's trial: the tenant, the `track` that the canary's pods record, and when the trial began."""

    tenant: str
    track: str
    since: datetime


@dataclass(frozen=True, slots=True)
class CallerCounts:
    """The callers whom some pods answered (`callers`) and decided a booking for (`bookings`), and the failed ones of each."""

    callers: int = 0
    failed_callers: int = 0
    bookings: int = 0
    failed_bookings: int = 0


@dataclass(frozen=True, slots=True)
class CanaryOutcomes:
    """The counts of callers on the canary, on the other pods in the same time, and on all pods in the week before the trial."""

    canary: CallerCounts = CallerCounts()
    others: CallerCounts = CallerCounts()
    before: CallerCounts = CallerCounts()


async def read_canary_outcomes(conn: Connection, trials: Sequence[Trial]) -> Mapping[str, CanaryOutcomes]:
    """Return the counts of callers by tenant; zeros for a tenant without any. Raises StatementTimeout."""
    columns = ([each.tenant for each in trials], [each.track for each in trials], [each.since for each in trials])
    try:
        rows = await conn.fetch(_STATEMENT, *columns, _BEFORE, _MOST)
    except asyncpg.QueryCanceledError as error:
        raise StatementTimeout(f"counting took too long: {error}") from error
    counts = {(tenant, part): CallerCounts(*values) for tenant, part, *values in rows}
    parts = ("canary", "others", "before")
    return {
        each.tenant: CanaryOutcomes(*(counts.get((each.tenant, part), CallerCounts()) for part in parts))
        for each in trials
    }
