"""The queries of the audit of the remote calendar: appointments to compare, and the differences that it has found."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from askproai_core.audit_state import CALENDAR_AUDIT, AuditState, decode_audit_state
from askproai_core.database import Connection, Pool
from askproai_runtime.availability.slots import EventTypeLink, Span
from askproai_runtime.book.store.claims import list_booked_claims
from askproai_runtime.calendar_sync.differences import Compared
from askproai_runtime.jobs import JobKind

_SELECT = """SELECT a.id, a.status, a.starts_at, a.ends_at, a.event_type_id, a.external_id,
    a.status = 'pending_sync' OR a.updated_at > clock_timestamp() - $2::interval OR EXISTS (
        SELECT 1 FROM jobs j WHERE j.tenant = a.tenant AND j.appointment_id = a.id AND j.state <> 'done') AS in_flight
    FROM appointments a WHERE a.tenant = $1 """


async def list_confirmed_between(
    pool: Pool,
    tenant: str,
    event_types: Collection[int],
    begins: datetime,
    ends: datetime | None,
    grace: timedelta,
    limit: int,
) -> list[Compared]:
    """Return the first `limit` confirmed appointments of these event types that start in [`begins`, `ends`), by start.

    `ends` None: the span has no end. An appointment changed within `grace` is in flight.
    """
    rows = await pool.fetch(
        _SELECT
        + """AND a.status = 'confirmed' AND a.starts_at >= $3 AND ($4::timestamptz IS NULL OR a.starts_at < $4)
             AND a.event_type_id = ANY($5) ORDER BY a.starts_at, a.id LIMIT $6""",
        tenant, grace, begins, ends, list(event_types), limit,
    )  # fmt: skip
    return [Compared(**row) for row in rows]


async def list_matching(
    pool: Pool, tenant: str, uids: Collection[str], ids: Collection[UUID], grace: timedelta
) -> list[Compared]:
    """Return the appointments, no holds, whose remote booking has one of `uids` or whose own id is in `ids`."""
    rows = await pool.fetch(
        _SELECT + "AND (a.external_id = ANY($3) OR a.id = ANY($4)) AND a.status <> 'held' ORDER BY a.created_at DESC",
        tenant, grace, list(uids), list(ids),
    )  # fmt: skip
    return [Compared(**row) for row in rows]


async def list_overlapping_appointments(
    pool: Pool, tenant: str, link: EventTypeLink, visit: Span, ignoring: UUID | None
) -> Sequence[UUID]:
    """Return the ids of the appointments that overlap `visit` for the staff member of `link`, ordered by id."""
    async with pool.acquire() as conn:
        resources = link.staff_member.resource_ids
        claims = await list_booked_claims(conn, tenant, resources, visit, visit, ignoring)
    return sorted({claim.appointment_id for claim in claims if claim.promised})


async def read_audit(conn: "Pool | Connection", tenant: str) -> tuple[AuditState, datetime | None]:
    """Return the audit's state, and the time of its last successful run (None before the first one)."""
    row = await conn.fetchrow(
        "SELECT watermark, last_finished_at FROM tasks WHERE tenant = $1 AND name = $2", tenant, CALENDAR_AUDIT
    )
    return (decode_audit_state(row["watermark"]), row["last_finished_at"]) if row else (AuditState(), None)


async def count_waiting(pool: Pool, tenant: str) -> int:
    """Return how many appointments have a change that the remote calendar does not have yet; dead letters do not count."""
    return int(
        await pool.fetchval(
            """SELECT count(*) FROM jobs
               WHERE tenant = $1 AND appointment_id IS NOT NULL AND state IN ('ready', 'running') AND kind = $2""",
            tenant, JobKind.CALENDAR_SYNC,
        )
    )  # fmt: skip


async def count_differences(pool: Pool, tenant: str) -> dict[str, int]:
    """Return the number of known differences by `sort`; a sort without differences is absent."""
    rows = await pool.fetch(
        """SELECT d #>> '{}' AS sort, count(*)::int AS number
           FROM tasks t, jsonb_path_query(t.watermark, '$.differences[*].sort') AS d
           WHERE t.tenant = $1 AND t.name = $2 GROUP BY 1""",
        tenant, CALENDAR_AUDIT,
    )  # fmt: skip
    return {row["sort"]: row["number"] for row in rows}
