"""Finds future appointments that nobody can keep: the tenant's present manifests have no staff member or service for them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import msgspec

from askproai_core.database import Connection

_ROWS_READ = 5000  # the next ones of a tenant
_GROUPS = 100


@dataclass(frozen=True, slots=True)
class DeclaredWork:
    """Declared work: `members` as (branch, staff), `services` as (branch, service), `away` as (branch, staff, start, end)."""

    members: Collection[tuple[str, str]]
    away: Collection[tuple[str, str, datetime, datetime]]
    services: Collection[tuple[str, str]]


class StrandedBy(StrEnum):
    """The reason why nobody would keep an appointment: staff member GONE, service NOT_OFFERED, or AWAY; the first that applies."""

    GONE = "gone"  # its staff member is not declared
    NOT_OFFERED = "not_offered"  # its branch does not offer its service
    AWAY = "away"  # its staff member is absent, or the branch is closed


@dataclass(frozen=True, slots=True)
class Stranded:
    """Future appointments of one staff member that nobody can keep, for one reason. If NOT_OFFERED, also of one service.

    `first` is the earliest start. Branch, staff or service is None if the row's value is no valid Kubernetes name; service is
    also None for the other reasons.
    """

    branch: str | None
    staff: str | None
    why: StrandedBy
    appointments: int
    first: datetime
    service: str | None = None


def encode_declared(declared: DeclaredWork) -> str:
    """Return the declared work as the JSON that `list_stranded` takes."""
    return msgspec.json.encode(declared).decode()


async def list_stranded(conn: Connection, declared: Mapping[str, str]) -> Mapping[str, Sequence[Stranded]]:
    """Return future appointments, earliest first, whose staff member or service is undeclared, or whose staff member is absent.

    `declared` maps tenants to `encode_declared` texts; the result is by tenant, too. Reads a tenant's next 5000 rows in the
    order of an index, so that its rows cost no other tenant time; only starts within two years, since Python cannot represent
    every time that a row may have.
    """
    rows = await conn.fetch(
        """SELECT t.tenant, s.* FROM unnest($1::text[], $2::jsonb[]) t (tenant, declared) CROSS JOIN LATERAL (
               WITH coming AS (
                   SELECT branch, service, staff, status, starts_at, ends_at FROM appointments
                   WHERE tenant = t.tenant AND starts_at BETWEEN now() AND now() + interval '2 years'
                   ORDER BY starts_at LIMIT $3),
               members AS MATERIALIZED (
                   SELECT m ->> 0 AS branch, m ->> 1 AS staff FROM jsonb_array_elements(t.declared -> 'members') m),
               offered AS MATERIALIZED (
                   SELECT o ->> 0 AS branch, o ->> 1 AS service FROM jsonb_array_elements(t.declared -> 'services') o),
               away AS MATERIALIZED (
                   SELECT w ->> 0 AS branch, w ->> 1 AS staff, (w ->> 2)::timestamptz AS first, (w ->> 3)::timestamptz AS last
                   FROM jsonb_array_elements(t.declared -> 'away') w),
               known AS MATERIALIZED (  -- a visit of several services, as a+b, if each of them is offered
                   SELECT branch, service FROM offered UNION
                   SELECT v.branch, v.service FROM (SELECT DISTINCT branch, service FROM coming WHERE service LIKE '%+%') v
                   WHERE NOT EXISTS (SELECT FROM unnest(string_to_array(v.service, '+')) part
                                     WHERE NOT EXISTS (SELECT FROM offered o WHERE (o.branch, o.service) = (v.branch, part)))),
               judged AS (
                   SELECT c.*,
                          CASE WHEN m.staff IS NULL THEN 'gone' WHEN k.service IS NULL THEN 'not_offered' ELSE 'away' END AS why
                   FROM coming c LEFT JOIN members m USING (branch, staff) LEFT JOIN known k USING (branch, service)
                   WHERE c.status IN ('confirmed', 'pending_sync') AND (m.staff IS NULL OR k.service IS NULL OR EXISTS (
                       SELECT FROM away w
                       WHERE (w.branch, w.staff) = (c.branch, c.staff) AND w.first < c.ends_at AND w.last > c.starts_at)))
               SELECT substring(branch FROM '^[a-z0-9.-]{1,63}$') AS branch, substring(staff FROM '^[a-z0-9-]{1,63}$') AS staff,
                      why, count(*) AS appointments, min(starts_at) AS first,
                      CASE why WHEN 'not_offered' THEN substring(service FROM '^[a-z0-9.+-]{1,253}$') END AS service
               FROM judged GROUP BY 1, 2, 3, 6 ORDER BY first, staff, service LIMIT $4) s
           ORDER BY t.tenant, s.first, s.staff, s.service""",
        list(declared), list(declared.values()), _ROWS_READ, _GROUPS,
    )  # fmt: skip
    found: dict[str, list[Stranded]] = defaultdict(list)
    for tenant, branch, staff, why, *values in rows:
        found[tenant].append(Stranded(branch, staff, StrandedBy(why), *values))
    return found
