"""The forms of the tenant's page, and the rows that they change."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from tests.worlds.page_visitor import Visitor, hidden
from tests.worlds.private_desk import BERLIN, book
from tests.worlds.tenant_pod import TenantPod, next_friday

DEAD_JOB = """INSERT INTO jobs (tenant, kind, priority, state, last_error, attempts, correlation_id, appointment_id)
    VALUES ($1, 'calendar-sync', 'default', 'dead', 'calendar is away', 8, 'c', $2::text::uuid) RETURNING id"""

DEAD_NOTIFICATION = """INSERT INTO notifications (tenant, kind, subject, recipient, channel, appointment_id, state, error,
                                                     correlation_id)
    VALUES ($1, 'confirmation', $2, 'customer', 'Email', $3::text::uuid, 'dead', 'refused', 'c') RETURNING id::text"""

LOGIN = """INSERT INTO audit_log (tenant, actor, action, detail, correlation_id)
    VALUES ($1, 'page', 'page.login', '{"token": "reader", "claimed_by": "Gast"}', $2) RETURNING correlation_id"""

MESSAGE = """INSERT INTO messages (tenant, call_id, key, branch, caller, name, text, correlation_id)
    VALUES ($1, $2, 'k', 'mitte', '+4915155500088', 'Petra', 'Bitte zurückrufen', $2) RETURNING id::text"""


async def seed(pod: TenantPod, week: int) -> dict[str, str]:
    """Return for each action the id of its object, on an open Friday that no other test uses."""
    appointment = await book(pod, next_friday(pod, 10, week))
    tenant, db = pod.store.tenant, pod.db
    await db.execute(
        "UPDATE jobs SET state = 'done' WHERE tenant = $1 AND appointment_id = $2::text::uuid", tenant, appointment
    )
    block = await db.fetchval(
        """INSERT INTO refusals (tenant, resource_id, starts_at, ends_at, until, reason, block_id)
           VALUES ($1, $2, $3, $4, 'infinity', '', gen_random_uuid()) RETURNING block_id::text""",
        tenant, pod.store.resources["mitte", "mehmet", 1], next_friday(pod, 8, week), next_friday(pod, 9, week),
    )  # fmt: skip
    return {
        "/appointments/{id}/cancel": appointment,
        "/appointments/{id}/move": appointment,
        "/appointments/{id}/attendance": await add_begun(pod),
        "/blocks/new": "",
        "/pause": "",
        "/blocks/{id}/remove": block,
        "/messages/{id}/done": await db.fetchval(MESSAGE, tenant, f"call_{uuid4().hex}"),
        "/dead-letters/events/{id}/redrive": f"job:{await db.fetchval(DEAD_JOB, tenant, appointment)}",
        "/dead-letters/notifications/{id}/redrive": await db.fetchval(
            DEAD_NOTIFICATION, tenant, uuid4().hex, appointment
        ),
        "/sessions/{id}/end": await db.fetchval(LOGIN, tenant, uuid4().hex),
    }


def fields_of(pod: TenantPod, path: str, week: int) -> dict[str, str]:
    """Return the values that a person enters."""
    day, soon = next_friday(pod, 0, week).date().isoformat(), datetime.now(BERLIN) + timedelta(minutes=10)
    return {
        "/appointments/{id}/cancel": {"reason": "krank"},
        "/appointments/{id}/move": {"day": day, "time": "14:00", "staff": ""},
        "/appointments/{id}/attendance": {"no_show": "true"},
        "/blocks/new": {"who": "mitte/mehmet", "day": day, "time": "12:00", "last_time": "13:00", "reason": "Zahnarzt"},
        "/pause": {"last_day": soon.date().isoformat(), "last_time": f"{soon:%H:%M}", "reason": "Wasserschaden"},
        "/messages/{id}/done": {"note": "angerufen"},
    }.get(path, {})


async def state_of(pod: TenantPod) -> Mapping[str, Any]:
    """Return the state that actions change."""
    statements = {
        "appointments": "SELECT id::text, status, starts_at, version FROM appointments WHERE tenant = $1 ORDER BY id",
        "blocks": "SELECT block_id::text, until FROM refusals WHERE tenant = $1 ORDER BY id",
        "messages": "SELECT id::text, done_by, note FROM messages WHERE tenant = $1 ORDER BY id",
        "jobs": "SELECT id, state, claim_no FROM jobs WHERE tenant = $1 ORDER BY id",
        "notifications": "SELECT id::text, state FROM notifications WHERE tenant = $1 ORDER BY id",
        "sessions": "SELECT correlation_id FROM audit_log WHERE tenant = $1 AND action = 'page.logout' ORDER BY id",
        "audit": "SELECT action, detail FROM audit_log WHERE tenant = $1 AND actor <> 'page' AND action <> 'list.read' ORDER BY id",
    }
    return {name: [tuple(row) for row in await pod.db.fetch(sql, pod.store.tenant)] for name, sql in statements.items()}


async def audit(pod: TenantPod, request_id: str = "") -> list[tuple[str, dict[str, Any]]]:
    rows = await pod.db.fetch(
        "SELECT action, detail FROM audit_log WHERE tenant = $1 AND actor <> 'page' AND action <> 'list.read' ORDER BY id",
        pod.store.tenant,
    )
    entries = [(row["action"], json.loads(row["detail"])) for row in rows]
    return [each for each in entries if not request_id or each[1].get("request") == request_id]


async def add_begun(pod: TenantPod) -> str:
    """Add an appointment that has begun, and return its id."""
    appointment: str = await pod.db.fetchval(
        """INSERT INTO appointments (tenant, branch, service, staff, customer_name, starts_at, ends_at, status, correlation_id)
           VALUES ($1, 'mitte', 'haarschnitt', 'anna', 'P', now() - interval '1 hour', now() + interval '1 hour', 'confirmed', 'c')
           RETURNING id::text""", pod.store.tenant,
    )  # fmt: skip
    return appointment


async def token_of(visitor: Visitor) -> str:
    return hidden((await visitor.get("/week"))[1])
