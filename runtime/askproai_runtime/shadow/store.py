"""The SQL of the replay to a shadow. It only reads the live tenant's rows, except that it deletes copies of replayed requests."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from askproai_core.database import Pool
from askproai_core.shadow_findings import SHADOW_COMPARED, ShadowFindings
from askproai_runtime.shadow.compare import CHANGES, BookRow

_ROWS: Final = """
SELECT a.id, a.call_id, a.branch, a.service, a.staff, a.starts_at, a.status, a.updated_at AS changed_at,
       a.event_type_id IS NOT NULL AND (
           SELECT count(DISTINCT r.staff) > 1 FROM claims c JOIN resources r ON r.tenant = c.tenant AND r.id = c.resource_id
           WHERE c.tenant = a.tenant AND c.appointment_id = a.id) AS changed_staff
FROM appointments a WHERE a.tenant = $1 AND (a.call_id = ANY($2) OR a.id = ANY($3))
"""
_CHANGED: Final = "SELECT id FROM appointments WHERE tenant = $1 AND updated_at > $2 AND status <> 'held'"
# One snapshot with its time: the copy contains exactly the changes that were committed before.
_COPY: Final = "SELECT copy_live_book($1), statement_timestamp()"
# Quiet means that no function was answered a moment ago, and none that changes the book is running. Function records are
# written a moment after the answer, so actions and holds are checked, too.
_IS_QUIET: Final = """
SELECT NOT EXISTS (SELECT FROM function_requests WHERE tenant = $1 AND at > clock_timestamp() - $2::interval - interval '8 s'
                   AND at + duration_ms * interval '1 ms' > clock_timestamp() - $2::interval)
   AND NOT EXISTS (SELECT FROM call_actions WHERE tenant = $1 AND (
                       state = 'in_flight' AND lease_until > clock_timestamp() OR created_at > clock_timestamp() - $2::interval))
   AND NOT EXISTS (SELECT FROM appointments WHERE tenant = $1 AND status = 'held' AND created_at > clock_timestamp() - $2::interval)
"""
_NOT_COPIED: Final = """
SELECT DISTINCT call_id FROM function_requests
WHERE tenant = $1 AND call_id = ANY($2) AND at > $3 AND function = ANY($4) AND NOT correlation_id = ANY($5)
  AND outcome NOT IN ('repeated', 'call_over')
"""
_OUTCOMES: Final = """
SELECT call_id, outcome FROM function_requests WHERE tenant = $1 AND call_id = ANY($2) AND function = ANY($3) ORDER BY at, id
"""


async def copy_live_book(shadow: Pool, *, anew: bool) -> tuple[dict[str, int], datetime]:
    """Make the shadow's rows equal to the live rows (`anew`: write all). Return changes by table, and the time of the copy."""
    async with shadow.acquire() as conn, conn.transaction(isolation="repeatable_read"):
        row = await conn.fetchrow(_COPY, anew)
        assert row is not None
    return msgspec.json.decode(row[0], type=dict[str, int]), row[1]


async def copy_live_appointments(shadow: Pool, chosen: Collection[UUID], instead_of: Collection[UUID]) -> None:
    """Copy the live appointments `chosen` (ids) into the shadow, and delete the shadow's appointments `instead_of` (ids)."""
    await shadow.execute("SELECT copy_live_appointments($1, $2)", list(chosen), list(instead_of))


async def is_quiet(live: Pool, tenant: str, pause: timedelta) -> bool:
    """Return True if no call function is running, and in the last `pause` none was answered and no hold was made."""
    return bool(await live.fetchval(_IS_QUIET, tenant, pause))


async def list_calls_not_copied(
    live: Pool, tenant: str, calls: Collection[str], since: datetime, correlation_ids: Collection[str]
) -> set[str]:
    """Return the calls that changed the live book by a request without a copy to replay, because the copy was dropped."""
    rows = await live.fetch(_NOT_COPIED, tenant, list(calls), since, list(CHANGES), list(correlation_ids))
    return {row["call_id"] for row in rows}


async def list_changed(pool: Pool, tenant: str, since: datetime) -> set[UUID]:
    """Return the ids of the appointments that changed since `since`, without holds."""
    return {row["id"] for row in await pool.fetch(_CHANGED, tenant, since)}


async def read_book(pool: Pool, tenant: str, calls: Collection[str], ids: Collection[UUID]) -> list[BookRow]:
    """Return the appointments made in these calls, and the appointments with these ids."""
    return [BookRow(**row) for row in await pool.fetch(_ROWS, tenant, list(calls), list(ids))]


async def read_outcomes(shadow: Pool, tenant: str, calls: Collection[str]) -> dict[str, list[str]]:
    """Return the outcomes of the shadow's call functions that change bookings, by call, in order."""
    found: dict[str, list[str]] = {}
    for row in await shadow.fetch(_OUTCOMES, tenant, list(calls), list(CHANGES)):
        found.setdefault(row["call_id"], []).append(row["outcome"])
    return found


async def read_provider_outcomes(live: Pool, tenant: str, correlation_id: str) -> list[tuple[str, int | None, str]]:
    """Return the answers of the remote calendar during one call function: operation, HTTP status and outcome, in order."""
    rows = await live.fetch(
        "SELECT operation, status, outcome FROM provider_calls WHERE tenant = $1 AND correlation_id = $2 ORDER BY id",
        tenant, correlation_id,
    )  # fmt: skip
    return [(row["operation"].removesuffix(":own-key"), row["status"], row["outcome"]) for row in rows]


async def read_free_times(
    live: Pool, tenant: str, event_type_id: int, host_id: int, days: Sequence[str]
) -> list[tuple[str, list[tuple[datetime, datetime]], int]]:
    """Return for each day with known free times: the day, its free ranges, and the length of one booking in seconds."""
    table, of_host = ("host_free_times", "AND host_id = $4") if host_id else ("free_times", "AND $4 = 0")
    rows = await live.fetch(
        f"""SELECT day::text, slot_seconds, ARRAY(SELECT lower(r) FROM unnest(free) r) AS starts,
                   ARRAY(SELECT upper(r) FROM unnest(free) r) AS ends
            FROM {table} WHERE tenant = $1 AND event_type_id = $2 AND day = ANY($3::text[]::date[]) AND read_at IS NOT NULL
            {of_host}""",  # noqa: S608  our own names
        tenant, event_type_id, list(days), host_id,
    )  # fmt: skip
    return [(row["day"], list(zip(row["starts"], row["ends"], strict=True)), row["slot_seconds"] or 0) for row in rows]


async def store_findings(shadow: Pool, tenant: str, findings: ShadowFindings) -> None:
    """Store the findings in the shadow's audit log, where the operator reads them."""
    await shadow.execute(
        """INSERT INTO audit_log (tenant, actor, action, detail, correlation_id)
           VALUES ($1, 'shadow', $2, $3::jsonb, gen_random_uuid()::text)""",
        tenant, SHADOW_COMPARED, msgspec.json.encode(findings).decode(),
    )  # fmt: skip
