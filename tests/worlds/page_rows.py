"""Rows of one call and all its parts as a page shows them, with texts of the caller."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

from tests.worlds.databases import TenantStore

CALLER, NAME, ILLNESS = "+4915155500088", "Zacharias Kanarienvogel", "Bandscheibenvorfall"


class Book(Protocol):
    """A tenant's rows: its pod, or its part of a database. `db` is a superuser's connection."""

    @property
    def store(self) -> TenantStore: ...
    @property
    def db(self) -> Any: ...


async def add_call(pod: Book) -> str:
    """Add an ongoing call; return its id."""
    call_id = f"call_{uuid4().hex}"
    await pod.db.execute(
        "INSERT INTO calls (tenant, call_id, status, started_at, correlation_id) VALUES ($1, $2, 'ongoing', now(), $2)",
        pod.store.tenant, call_id,
    )  # fmt: skip
    return call_id


async def seed(pod: Book, name: str, text: str) -> dict[str, str]:
    """Write the rows themselves, as if an attacker's texts had passed every check before."""
    call, tenant, db = f"call_{uuid4().hex}", pod.store.tenant, pod.db
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    await db.execute(
        """INSERT INTO calls (tenant, call_id, branch, direction, from_number, to_number, status, started_at, transcript,
                              disconnection_reason, correlation_id)
           VALUES ($1, $2, 'mitte', 'inbound', $3, '+49301234567', 'ended', $4, $5, $6, $2)""",
        tenant, call, CALLER, start, f"{name}: {text}", text[:40],
    )  # fmt: skip
    appointment = await db.fetchval(
        """INSERT INTO appointments (tenant, branch, service, staff, customer_name, starts_at, ends_at, status, call_id, caller,
                                     notes, error, correlation_id)
           VALUES ($1, 'mitte', 'haarschnitt', 'anna', $2, $3, $4, 'confirmed', $5, $6, $7, $8, $5) RETURNING id::text""",
        tenant, name, start, start + timedelta(minutes=30), call, CALLER, text, "calendar error",
    )  # fmt: skip
    await db.execute(
        """INSERT INTO function_requests (tenant, call_id, at, function, arguments, outcome, cause, answer, duration_ms,
                                          correlation_id)
           VALUES ($1, $2, $3, 'book_appointment', $4::jsonb, 'failed', 'TimeoutError in book', $5, 12, $2)""",
        tenant, call, start, json.dumps({"customer_name": name, "notes": text}), text,
    )  # fmt: skip
    await db.execute(
        """INSERT INTO messages (tenant, call_id, key, branch, caller, name, text, recipient, call_back, correlation_id)
           VALUES ($1, $2, 'k', 'mitte', $3, $4, $5, $5, $5, $2)""",
        tenant, call, CALLER, name[:80], text[:200],
    )  # fmt: skip
    await db.execute(
        """INSERT INTO waitlist (tenant, call_id, key, branch, service, spans, requested, since, until, name, phone, correlation_id)
           VALUES ($1, $2, $2, 'mitte', 'haarschnitt', '[]', 'am Freitag', $3, $4, $5, $6, $2)""",
        tenant, call, start, start + timedelta(days=3), name[:80], CALLER,
    )  # fmt: skip
    await db.execute(
        """INSERT INTO notifications (tenant, kind, subject, recipient, channel, appointment_id, state, error, correlation_id)
           VALUES ($1, 'confirmation', $2, 'customer', 'Email', $3::text::uuid, 'dead', 'refused', $2)""",
        tenant, call, appointment,
    )  # fmt: skip
    await db.execute(
        """INSERT INTO jobs (tenant, kind, priority, state, last_error, correlation_id, appointment_id)
           VALUES ($1, 'calendar-sync', 'default', 'dead', 'calendar is away', $2, $3::text::uuid)""",
        tenant, call, appointment,
    )  # fmt: skip
    message = await db.fetchval("SELECT id::text FROM messages WHERE tenant = $1 AND call_id = $2", tenant, call)
    block = str(uuid4())
    await db.execute(
        """INSERT INTO refusals (tenant, resource_id, starts_at, ends_at, until, reason, block_id)
           VALUES ($1, $2, $3, $4, 'infinity', $5, $6::text::uuid)""",
        tenant,
        pod.store.resources["mitte", "mehmet", 1],
        start + timedelta(hours=1),
        start + timedelta(hours=2),
        text[:200],
        block,
    )
    return {"calls": call, "appointments": appointment, "messages": message, "blocks": block}


def filled(path: str, seeded: dict[str, str]) -> str:
    return path.replace("{id}", seeded.get(path.split("/")[1], ""))
