"""The SQL of the poll of calls: find calls that lack an event, find unknown calls, and close calls without an end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from askproai_core.database import Pool

_OVER = "('not_connected', 'ended', 'error')"  # the list of statuses is open: any other is that of an open call
# The expression of the index calls_newest. A call that only a call function has reported may have no start.
_START = "(CASE WHEN started_at IS NULL THEN 'epoch'::timestamptz ELSE started_at END)"

# Each id is looked up by the whole unique key. Without OFFSET 0, all events of the tenant would be read.
_STORED = """EXISTS (
    SELECT FROM unnest(ARRAY[%s]) AS event (id), LATERAL (
        SELECT FROM webhook_events e WHERE e.tenant = $1 AND e.source = 'retell' AND e.event_id = event.id OFFSET 0) stored)
"""
# A call whose missing event is stored is left out: it waits for the event's job, or if that is a dead letter, for a person.
_INCOMPLETE = f"""
SELECT call_id, began_at, CASE WHEN is_over THEN ended_at END AS ended_at FROM (
    SELECT call_id, ended_at, analyzed_at, status IN {_OVER} AS is_over,
           CASE WHEN started_at IS NULL THEN updated_at ELSE started_at END AS began_at
    FROM calls WHERE tenant = $1 AND ({_START} >= $2 OR {_START} = 'epoch')
) c, LATERAL (SELECT call_id || CASE WHEN is_over THEN ':call_analyzed' ELSE ':call_ended' END AS id) missing
WHERE began_at >= $2 AND (NOT is_over OR ended_at IS NOT NULL AND analyzed_at IS NULL)
  AND NOT {_STORED % "missing.id, missing.id || ':poll'"}
"""  # noqa: S608  constants
_CALL_EVENTS = (
    "call_started", "call_ended", "call_analyzed", "call_started:poll", "call_ended:poll", "call_analyzed:poll",
)  # fmt: skip
_UNKNOWN = f"""
SELECT call_id FROM unnest($2::text[]) AS listed (call_id)
WHERE NOT EXISTS (SELECT FROM calls c WHERE c.tenant = $1 AND c.call_id = listed.call_id)
  AND NOT {_STORED % ", ".join(f"listed.call_id || ':{name}'" for name in _CALL_EVENTS)}
"""  # noqa: S608  constants
# `updated_at` stays: it decides how long the row is kept. Rows are locked in the order of their ids, as events lock them.
_CLOSE = f"""
UPDATE calls SET status = 'ended', disconnection_reason = coalesce(disconnection_reason, $2)
WHERE tenant = $1 AND call_id = ANY (ARRAY(
    SELECT call_id FROM calls WHERE tenant = $1 AND status NOT IN {_OVER} AND (%s) ORDER BY call_id FOR NO KEY UPDATE))
RETURNING call_id
"""  # noqa: S608  constants
_CLOSE_MISSING = _CLOSE % "call_id = $3"
_CLOSE_OLD = _CLOSE % f"{_START} > 'epoch' AND {_START} <= $3 OR {_START} = 'epoch' AND updated_at < $3"


class ClosingReason(StrEnum):
    """The `disconnection_reason` of a call that was closed without a reported end.

    It is in upper case, unlike Retell's. If an event reports the end later, that event replaces this reason and the status.
    """

    NOT_FOUND = "NOT_FOUND_AT_RETELL"
    END_UNKNOWN = "END_UNKNOWN"


@dataclass(frozen=True, slots=True)
class IncompleteCall:
    """A call that lacks an end; if `ended_at` is set, it has an end and lacks an analysis."""

    call_id: str
    began_at: datetime
    ended_at: datetime | None


async def list_incomplete_calls(pool: Pool, tenant: str, since: datetime) -> list[IncompleteCall]:
    """Return the calls that began since `since` and lack an end or an analysis, unless the missing event is stored."""
    return [IncompleteCall(*row) for row in await pool.fetch(_INCOMPLETE, tenant, since)]


async def list_unknown_calls(pool: Pool, tenant: str, call_ids: Sequence[str]) -> set[str]:
    """Return the calls among these that have neither a row nor a stored event."""
    return {row["call_id"] for row in await pool.fetch(_UNKNOWN, tenant, list(call_ids))}


async def close_missing_call(pool: Pool, tenant: str, call_id: str) -> list[str]:
    """Close a call that Retell does not have. Return its id in a list; an empty list if the call was already over."""
    return [row["call_id"] for row in await pool.fetch(_CLOSE_MISSING, tenant, ClosingReason.NOT_FOUND, call_id)]


async def close_old_calls(pool: Pool, tenant: str, until: datetime) -> list[str]:
    """Close calls without an end that began by `until`, or have no start and no event since `until`. Return their ids."""
    rows = await pool.fetch(_CLOSE_OLD, tenant, ClosingReason.END_UNKNOWN, until)
    return [row["call_id"] for row in rows]
