"""Reads the progress that tenants' workers record of their periodic tasks: the poll, the audit, channels that cannot send.

A tenant's role may write anything there, so nothing relies on these records.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import asyncpg
import msgspec

from askproai_core.audit_state import CALENDAR_AUDIT, decode_audit_state
from askproai_core.database import Connection
from askproai_core.notification_state import NOTIFICATIONS, NotificationState
from askproai_core.poll_state import CALENDAR_POLL, PollState
from askproai_core.tenant_config import NotificationChannel

# A single failure is not reported: a waiting notification is retried after a minute.
_FAILURES = 2


class PollProgress(msgspec.Struct, frozen=True):
    """The progress of the poll for remote changes. `age` is the time since it last succeeded, or since the task was made."""

    age: timedelta
    error: str | None = None
    taken_in: int = 0
    is_importing: bool = False


class AuditProgress(msgspec.Struct, frozen=True):
    """The progress of the audit, which compares both books. `age` is the time since its last success, or since its creation."""

    age: timedelta
    differences: int = 0
    oldest: datetime | None = None
    compared_at: datetime | None = None


async def read_polls(conn: Connection, tenants: Sequence[str]) -> Mapping[str, PollProgress]:
    """Return by tenant the progress of the polls for remote changes; tenants whose poll has not begun are left out."""
    rows = await _read_tasks(conn, tenants, CALENDAR_POLL)
    return {row["tenant"]: _poll_progress(row["watermark"], _age(row), row["last_error"]) for row in rows}


async def read_audits(conn: Connection, tenants: Sequence[str]) -> Mapping[str, AuditProgress]:
    """Return by tenant the progress of the audits, which compare both books; tenants whose audit has not begun are left out."""
    rows = await _read_tasks(conn, tenants, CALENDAR_AUDIT)
    return {row["tenant"]: _audit_progress(row["watermark"], _age(row)) for row in rows}


async def read_failing_channels(
    conn: Connection, tenants: Sequence[str]
) -> Mapping[str, Mapping[NotificationChannel, str]]:
    """Return by tenant and channel why the workers cannot send notifications; channels that work are left out."""
    rows = await _read_tasks(conn, tenants, NOTIFICATIONS)
    return {row["tenant"]: _failing_channels(row["watermark"]) for row in rows}


async def _read_tasks(conn: Connection, tenants: Sequence[str], name: str) -> Sequence[asyncpg.Record]:
    return await conn.fetch(
        """SELECT tenant, watermark, last_error, least(greatest(extract(epoch FROM clock_timestamp()
                  - coalesce(last_finished_at, created_at)), 0), 1e9)::float8 AS seconds
           FROM tasks WHERE tenant = ANY($1) AND name = $2""",
        tenants, name,
    )  # fmt: skip


def _age(row: asyncpg.Record) -> timedelta:
    return timedelta(seconds=row["seconds"])


def _poll_progress(watermark: str, age: timedelta, error: str | None) -> PollProgress:
    """Return the progress of a poll from its row. `watermark` is JSON that may hold anything: the tenant's role writes it."""
    try:
        accounts = msgspec.json.decode(watermark, type=PollState).accounts.values()
    except msgspec.DecodeError:
        return PollProgress(age, error)
    taken_in = sum(each.taken_in + (each.importing.taken_in if each.importing else 0) for each in accounts)
    return PollProgress(age, error, taken_in, any(each.importing is not None for each in accounts))


def _audit_progress(watermark: str, age: timedelta) -> AuditProgress:
    """Return the progress of an audit from its row. `watermark` is JSON that may hold anything."""
    state = decode_audit_state(watermark)
    oldest = min((each.since for each in state.differences), default=None)
    return AuditProgress(age, len(state.differences), oldest, state.compared_at)


def _failing_channels(watermark: str) -> dict[NotificationChannel, str]:
    """Return why channels have failed twice or more and send nothing, by channel; {} if `watermark` is not the expected JSON."""
    try:
        away = msgspec.json.decode(watermark, type=NotificationState).away
    except msgspec.DecodeError:
        return {}
    return {channel: each.reason for channel, each in away.items() if each.failures >= _FAILURES}
