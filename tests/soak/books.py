"""The books after a storm: our tables, Cal.com's bookings, Redis and the logs, read as they are, without the product's code."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from askproai_sandbox.redis import EmbeddedRedis
from tests.soak.history import seconds


@dataclass(frozen=True, slots=True)
class Appointment:
    """A row of `appointments`."""

    tenant: str
    id: str
    staff: str
    start: float
    end: float
    status: str
    call_id: str = ""
    customer: str = ""
    remote: bool = True  # it belongs into Cal.com, too
    external_id: str | None = None
    created_at: float = 0.0

    @property
    def live(self) -> bool:
        return self.status in ("confirmed", "pending_sync")


@dataclass(frozen=True, slots=True)
class Booking:
    """A booking of Cal.com's. A moved booking is cancelled, and its successor names it in `moved_from`."""

    tenant: str
    uid: str
    staff: str
    start: float
    end: float
    live: bool
    created: float
    updated: float
    request_id: str | None = None
    moved_from: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A row of `webhook_events`."""

    tenant: str
    id: int
    source: str
    payload: bytes
    status: str
    processed_at: float | None


@dataclass
class Books:
    """The final state. `texts`: owner, place and content of all that can be read; it must have no other owner's data."""

    appointments: list[Appointment] = field(default_factory=list)
    bookings: list[Booking] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    calls: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)  # by tenant and call id
    billing: dict[str, str] = field(default_factory=dict)  # the subscription's status by tenant
    overlapping_claims: list[tuple[str, str]] = field(default_factory=list)  # tenant, and both appointments
    texts: list[tuple[str, str, str]] = field(default_factory=list)
    canaries: dict[str, tuple[str, ...]] = field(default_factory=dict)  # by tenant: texts that only its data contain
    teams: frozenset[str] = frozenset()  # tenants whose event type is a team's
    chosen_hosts: frozenset[str] = frozenset()  # tenants whose free times are a team's: Cal.com chooses the host


_TABLES = (
    "customers", "calls", "appointments", "claims", "refusals", "call_actions", "jobs", "provider_calls", "audit_log", "billing",
    "resources",
)  # fmt: skip
_OVERLAPS = """
SELECT a.tenant, a.appointment_id || ' ' || b.appointment_id AS both FROM claims a JOIN claims b
ON a.resource_id = b.resource_id AND a.id < b.id AND a.blocks && b.blocks
WHERE a.state = 'booked' AND b.state = 'booked'
"""


async def read_tables(db: "asyncpg.Connection[asyncpg.Record]") -> Books:
    """Read our tables with a superuser's connection."""
    books = Books()
    for row in await db.fetch("SELECT * FROM appointments ORDER BY created_at"):
        appointment = Appointment(
            row["tenant"], str(row["id"]), row["staff"], row["starts_at"].timestamp(), row["ends_at"].timestamp(), row["status"],
            row["call_id"] or "", row["customer_name"], row["event_type_id"] is not None, row["external_id"],
            row["created_at"].timestamp(),
        )  # fmt: skip
        books.appointments.append(appointment)
    for row in await db.fetch("SELECT * FROM webhook_events ORDER BY id"):
        processed_at = row["processed_at"].timestamp() if row["processed_at"] else None
        event = Event(row["tenant"], row["id"], row["source"], row["payload"], row["status"], processed_at)
        books.events.append(event)
        books.texts.append((row["tenant"], f"webhook_events {row['id']}", row["payload"].decode(errors="replace")))
    for table in _TABLES:
        for row in await db.fetch(f"SELECT tenant, to_jsonb(t)::text AS text FROM {table} t"):
            books.texts.append((row["tenant"], table, row["text"]))
    for row in await db.fetch("SELECT tenant, call_id, status, analyzed_at FROM calls"):
        books.calls[row["tenant"], row["call_id"]] = dict(row)
    books.billing = {row["tenant"]: row["status"] for row in await db.fetch("SELECT tenant, status FROM billing")}
    books.overlapping_claims = [(row["tenant"], row["both"]) for row in await db.fetch(_OVERLAPS)]
    return books


def read_calcom(
    books: Books, accounts: Mapping[str, Any], tenants: Mapping[str, str], staff: Mapping[tuple[str, str], str]
) -> None:
    """Add the bookings of a dump of the simulator; `tenants` are the tenants by API key, `staff` by tenant and name of the host."""
    for key, account in accounts.items():
        tenant = tenants[key]
        for b in account["bookings"]:
            start, end, created, updated = (
                seconds(b[name]) or 0.0 for name in ("start", "end", "createdAt", "updatedAt")
            )
            live, request_id = b["status"] in ("accepted", "pending"), b["metadata"].get("requestId")
            times, host = (start, end, live, created, updated), b["hosts"][0]["name"]
            books.bookings.append(
                Booking(tenant, b["uid"], staff[tenant, host], *times, request_id, b.get("rescheduledFromUid"))
            )
            books.texts.append((tenant, "Cal.com's booking", json.dumps(b, ensure_ascii=False)))


async def read_redis(books: Books, redis: EmbeddedRedis) -> None:
    """Add every key and its value; the owner is in the key."""
    async with redis.admin() as admin:
        async for key in admin.scan_iter(count=1000):
            read = {
                "string": admin.get,
                "hash": admin.hgetall,
                "set": admin.smembers,
                "list": lambda k: admin.lrange(k, 0, -1),
            }
            kind = await admin.type(key)
            value = await read[kind](key) if kind in read else kind
            books.texts.append((key.split(":")[1], "Redis", f"{key} {value}"))


def read_logs(books: Books, directory: Path, owners: Mapping[str, str]) -> None:
    """Add the logs; `owners` are the tenants by name of the process, "" for one that serves all."""
    for name, text in logs(directory, owners):
        books.texts.append((owners[name], f"log of {name}", text))


def logs(directory: Path, owners: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in owners:
        file = directory / f"{name}.log"
        for line in file.read_text(errors="replace").splitlines() if file.exists() else ():
            yield name, line
