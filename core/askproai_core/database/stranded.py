"""Appointments to come that the tenant's configuration, as it is now, has no staff member for."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

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


def encode_declared(declared: DeclaredStaff) -> str:
    """Return it as the JSON that `list_stranded` takes."""
    return msgspec.json.encode({"members": list(declared.members), "away": list(declared.away)}).decode()


async def list_stranded(conn: Connection, declared: Mapping[str, str]) -> Mapping[str, Sequence[Stranded]]:
    """Return the appointments to come whose staff member is not declared or is away, by staff member, the earliest first.

    `declared` is who is declared, encoded, by tenant; so is the result. Reads a tenant's next 5000 rows in the order of an index,
    so that its rows cost no other tenant time, whatever they are. The bound of two years keeps out times that Python does not have.
    """
    rows = await conn.fetch(
        """SELECT t.tenant, s.* FROM unnest($1::text[], $2::jsonb[]) t (tenant, declared) CROSS JOIN LATERAL (
               WITH coming AS (
                   SELECT branch, staff, status, starts_at, ends_at FROM appointments
                   WHERE tenant = t.tenant AND starts_at BETWEEN now() AND now() + interval '2 years'
                   ORDER BY starts_at LIMIT $3),
               members AS MATERIALIZED (
                   SELECT m ->> 0 AS branch, m ->> 1 AS staff FROM jsonb_array_elements(t.declared -> 'members') m),
               away AS MATERIALIZED (
                   SELECT w ->> 0 AS branch, w ->> 1 AS staff, (w ->> 2)::timestamptz AS first, (w ->> 3)::timestamptz AS last
                   FROM jsonb_array_elements(t.declared -> 'away') w)
               SELECT substring(c.branch FROM '^[a-z0-9.-]{1,63}$') AS branch, substring(c.staff FROM '^[a-z0-9-]{1,63}$') AS staff,
                      m.staff IS NULL AS gone, count(*) AS appointments, min(c.starts_at) AS first
               FROM coming c LEFT JOIN members m USING (branch, staff)
               WHERE c.status IN ('confirmed', 'pending_sync') AND (m.staff IS NULL OR EXISTS (
                   SELECT FROM away w
                   WHERE (w.branch, w.staff) = (c.branch, c.staff) AND w.first < c.ends_at AND w.last > c.starts_at))
               GROUP BY 1, 2, 3 ORDER BY first, staff LIMIT $4) s
           ORDER BY t.tenant, s.first, s.staff""",
        list(declared), list(declared.values()), _ROWS_READ, _GROUPS,
    )  # fmt: skip
    found: dict[str, list[Stranded]] = defaultdict(list)
    for tenant, *values in rows:
        found[tenant].append(Stranded(*values))
    return found
