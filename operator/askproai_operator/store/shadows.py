"""Rows of shadows: each is a tenant of its own, with a copy of a tenant's book, and the differences that its replays found.

A shadow's role can access the shadow's own rows, and the function `copy_live_book` copies its tenant's rows into them
(docs/decisions/0126-shadows.md). The admin's login makes a shadow, reads its findings, and erases it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import msgspec

from askproai_core.database import Connection
from askproai_core.shadow_findings import SHADOW_COMPARED, ShadowDifference
from askproai_operator.store.tenant_tables import TENANT_TABLES, uid_of_owner

_SUFFIX: Final = ":shadow"  # no name of Kubernetes has a colon
_WAITS_FOR_REPLAY: Final = timedelta(minutes=10)  # an older request is not replayed any more
_ENSURE_RESOURCES: Final = """
WITH added AS (
    INSERT INTO resources (tenant, branch, staff, unit, active)
    SELECT $2, l.branch, l.staff, l.unit, l.active FROM resources l
    WHERE l.tenant = $1 AND NOT EXISTS (SELECT FROM resources s WHERE s.tenant = $2
                                        AND (s.branch, s.staff, s.unit) = (l.branch, l.staff, l.unit))
    ORDER BY l.id
    RETURNING id, branch, staff, unit
), own AS (
    SELECT id, branch, staff, unit FROM resources WHERE tenant = $2 UNION ALL SELECT * FROM added
)
SELECT l.id AS live, own.id AS shadow FROM resources l JOIN own USING (branch, staff, unit) WHERE l.tenant = $1
"""

_TOTALS: Final = """
SELECT count(*) > 0 AS has_begun, coalesce(sum((detail ->> 'compared')::bigint), 0)::bigint AS compared,
       coalesce(sum((detail ->> 'not_compared')::bigint), 0)::bigint AS not_compared,
       (SELECT count(DISTINCT d ->> 'call_id') FROM audit_log a, jsonb_array_elements(a.detail -> 'differences') d
        WHERE a.tenant = $1 AND a.action = $2) AS calls_that_differ
FROM audit_log WHERE tenant = $1 AND action = $2
"""
_NEWEST_DIFFERENCES: Final = """
SELECT difference FROM (
    SELECT DISTINCT ON (d ->> 'call_id') d::text AS difference, a.id
    FROM audit_log a, jsonb_array_elements(a.detail -> 'differences') d
    WHERE a.tenant = $1 AND a.action = $2 ORDER BY d ->> 'call_id', a.id DESC) each
ORDER BY id DESC LIMIT $3
"""


@dataclass(frozen=True, slots=True)
class ShadowResults:
    """The counts of all comparisons of a shadow; `differences` are its newest calls that differ, the newest first, up to a
    limit.

    `has_begun`: its book was copied once, and callers' requests since then are replayed.
    """

    has_begun: bool
    compared: int
    not_compared: int
    calls_that_differ: int
    differences: tuple[ShadowDifference, ...]


def shadow_name(tenant: str) -> str:
    """Return the tenant key under which the rows of a tenant's shadow are stored."""
    return f"{tenant}{_SUFFIX}"


async def ensure_shadow_resources(conn: Connection, tenant: str) -> Mapping[int, int]:
    """Add a row of the shadow for each of the tenant's resources, and return the shadow's resource ids by the tenant's."""
    await conn.execute(
        "UPDATE tenants SET shadow_of = $2 WHERE tenant = $1 AND shadow_of IS DISTINCT FROM $2",
        shadow_name(tenant),
        tenant,
    )
    rows = await conn.fetch(_ENSURE_RESOURCES, tenant, shadow_name(tenant))
    return {row["live"]: row["shadow"] for row in rows}


async def read_shadow_results(conn: Connection, tenant: str, limit: int) -> ShadowResults:
    """Return a shadow's results so far. Requests not replayed within ten minutes are deleted: they hold callers' words."""
    await conn.execute(
        "DELETE FROM shadow_requests WHERE tenant = $1 AND answered_at < clock_timestamp() - $2::interval",
        tenant, _WAITS_FOR_REPLAY,
    )  # fmt: skip
    key = shadow_name(tenant), SHADOW_COMPARED
    totals = await conn.fetchrow(_TOTALS, *key)
    assert totals is not None
    newest = [
        msgspec.json.decode(row["difference"], type=ShadowDifference)
        for row in await conn.fetch(_NEWEST_DIFFERENCES, *key, limit)
    ]
    return ShadowResults(**totals, differences=tuple(newest))


async def has_shadow(conn: Connection, tenant: str, uid: str | None, role: str) -> bool:
    """Return True if rows, requests to replay, or the role of a tenant's shadow exist. With `uid`, only of that Tenant's
    shadow.

    The `role` may exist alone: it was made while another process deleted the rows.
    """
    owners = "SELECT uid FROM tenants WHERE tenant = ANY($1) ORDER BY tenant = $2 LIMIT 1"  # the shadow's own row first
    owner: str | None = await conn.fetchval(owners, [tenant, shadow_name(tenant)], tenant)
    if uid is not None and owner is not None and uid_of_owner(owner) != uid:
        return False
    left = """SELECT EXISTS (SELECT FROM tenants WHERE tenant = $1) OR EXISTS (SELECT FROM shadow_requests WHERE tenant = $2)
        OR EXISTS (SELECT FROM pg_roles WHERE rolname = $3)"""
    return bool(await conn.fetchval(left, shadow_name(tenant), tenant, role))


async def delete_shadow_rows(conn: Connection, tenant: str) -> None:
    """Delete all rows of a tenant's shadow, and the requests that wait to be replayed."""
    await delete_rows(conn, shadow_name(tenant))
    await conn.execute("DELETE FROM shadow_requests WHERE tenant = $1", tenant)


async def delete_rows(conn: Connection, tenant: str) -> None:
    """Delete all rows of a tenant, its row in `tenants` last."""
    for table in TENANT_TABLES:
        await conn.execute(f"DELETE FROM {table} WHERE tenant = $1", tenant)  # noqa: S608  our own names
