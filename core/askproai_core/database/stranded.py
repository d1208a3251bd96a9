"""Appointments to come that the tenant's configuration, as it is now, has no staff member for."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from askproai_core.database.pool import Connection

_ROWS_READ = 5000  # the next ones of a tenant
_GROUPS = 100


@dataclass(frozen=True, slots=True)
class DeclaredStaff:
    """Who is on the staff, as (branch, staff), and when they are away, as (branch, staff, start, end)."""

    members: Collection[tuple[str, str]]
    away: Collection[tuple[str, str, datetime, datetime]]


@dataclass(frozen=True, slots=True)
class Stranded:
    """Appointments to come of one staff member, who is `gone` from the staff, or away. `first` is the start of the first one.

    Branch and staff are None where the row has what is no name of Kubernetes.
    """

    branch: str | None
    staff: str | None
    gone: bool
    appointments: int
    first: datetime


async def list_stranded(conn: Connection, tenant: str, declared: DeclaredStaff) -> Sequence[Stranded]:
    """Return the appointments to come whose staff member is not declared or is away, by staff member, the earliest first.

    Reads the tenant's next 5000 rows in the order of an index, so that its rows cost no other tenant time, whatever they are. The
    bound of two years keeps out times that Python does not have.
    """
    rows = await conn.fetch(
        """WITH coming AS (
               SELECT branch, staff, status, starts_at, ends_at FROM appointments
               WHERE tenant = $1 AND starts_at BETWEEN clock_timestamp() AND clock_timestamp() + interval '2 years'
               ORDER BY starts_at LIMIT $8),
           members AS (SELECT * FROM unnest($2::text[], $3::text[]) AS m (branch, staff)),
           away AS (SELECT * FROM unnest($4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[])
                    AS w (branch, staff, first, last))
           SELECT substring(c.branch FROM '^[a-z0-9.-]{1,63}$') AS branch, substring(c.staff FROM '^[a-z0-9-]{1,63}$') AS staff,
                  m.staff IS NULL AS gone, count(*) AS appointments, min(c.starts_at) AS first
           FROM coming c LEFT JOIN members m USING (branch, staff)
           WHERE c.status IN ('confirmed', 'pending_sync') AND (m.staff IS NULL OR EXISTS (
               SELECT FROM away w WHERE (w.branch, w.staff) = (c.branch, c.staff) AND w.first < c.ends_at AND w.last > c.starts_at))
           GROUP BY 1, 2, 3 ORDER BY first, staff LIMIT $9""",
        tenant,
        *_columns(declared.members, 2),
        *_columns(declared.away, 4),
        _ROWS_READ,
        _GROUPS,
    )
    return [Stranded(**row) for row in rows]


def _columns(rows: Collection[tuple[object, ...]], width: int) -> list[list[object]]:
    return [[row[index] for row in rows] for index in range(width)]
