"""The events of a storm, seen from outside: requests, answers, people's changes at Cal.com, faults. No logic of the product.

All times are Unix seconds of this machine's clock, which PostgreSQL uses as well.
"""

import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

FOREVER = float("inf")
FREE_TIMES = 45.0  # in a storm: `History.free_times`


@dataclass(frozen=True, slots=True)
class Answer:
    """A call function that a caller's agent called. `status` None: no answer came."""

    tenant: str
    call_id: str
    caller: str | None
    function: str
    args: dict[str, Any]
    asked_at: float
    answered_at: float
    status: int | None
    body: dict[str, Any]
    customer: str = ""

    @property
    def message(self) -> str:
        return str(self.body.get("message", ""))


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook that was sent once. `stray`: it was sent to a tenant that it is not for, which must refuse it."""

    source: str
    tenant: str
    event: str
    body: bytes
    sent_at: float
    answered_at: float
    status: int | None
    reply: dict[str, Any]
    stray: bool = False

    @property
    def content(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.body)
        return content

    @property
    def acknowledged(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Change:
    """An act of a person at Cal.com: `create`, `move`, `cancel`, or `reassign` from the host `was_staff`.

    `uid` is the booking's uid before the act, `new_uid` its uid afterwards.
    """

    tenant: str
    action: str
    uid: str
    new_uid: str
    start: float | None
    began_at: float
    ended_at: float
    was_staff: str = ""


ILLNESS = "Bandscheibenvorfall"  # the note of each absence: nobody but Cal.com may keep it


@dataclass(slots=True)
class BusyTime:
    """A person's entry beside bookings: an event of a linked calendar, about which Cal.com sends nothing, or an absence.

    `begins` to `ends`, a span of `staff`'s time, was there from `entered_at` to `removed_at`. A change is an entry of its own.
    `event`, of an absence: its uuid and first day, by which its webhook is found.
    """

    tenant: str
    staff: str
    begins: float
    ends: float
    entered_at: float
    what: str
    event: tuple[str, str] = ("", "")
    removed_at: float = FOREVER


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that the storm broke, or an end of a process that nobody ordered."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter as it was found after the storm, before it was redriven."""

    tenant: str
    job: int
    kind: str
    cause: str
    at: float


@dataclass
class History:
    """Everything in the order of its end. `free_times`: for how many seconds the tenants take as known what Cal.com has free."""

    answers: list[Answer] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    busy_times: list[BusyTime] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    stuck: list[tuple[str, str]] = field(default_factory=list)  # tenant, and what did not end
    free_times: float = FREE_TIMES

    def fault(self, text: str) -> None:
        self.faults.append(Fault(time.time(), text))

    def lines_about(self, tenant: str, words: set[str], starts_at: float, ends_at: float) -> list[str]:
        """Return the entries about one of `words` (ids, uids), and the faults in between, in order, to read an interleaving."""
        found: list[tuple[float, str]] = []
        for a in self.answers:
            text = json.dumps({"args": a.args, "answer": a.body}, ensure_ascii=False)
            if a.tenant == tenant and (a.call_id in words or any(word in text for word in words)):
                span = f"{a.function} in {a.call_id}, asked {clock(a.asked_at)}"
                found.append((a.answered_at, f"{span}: {a.status} {text}"))
        found += [
            (d.answered_at, f"{d.source} {d.event}, sent {clock(d.sent_at)}: {d.status} {d.reply}")
            for d in self.deliveries
            if d.tenant == tenant and any(word.encode() in d.body for word in words)
        ]
        found += [
            (c.ended_at, f"a person at Cal.com: {c.action} {c.uid} -> {c.new_uid} at {clock(c.start)}")
            for c in self.changes
            if c.tenant == tenant and words & {c.uid, c.new_uid}
        ]
        found += [(f.at, f"fault: {f.text}") for f in self.faults if starts_at - 5 <= f.at <= ends_at + 5]
        return [f"{clock(at)} {text}" for at, text in sorted(found)]


def clock(at: float | None) -> str:
    """Return a time to read: a moment of the storm, or the start of an appointment."""
    if at is None:
        return "-"
    return "never" if at == FOREVER else datetime.fromtimestamp(at, UTC).strftime("%d.%m. %H:%M:%S.%f")[:-3]


def seconds(iso: Any) -> float | None:
    """Return an ISO time with a zone in Unix seconds; None if it is none."""
    try:
        return datetime.fromisoformat(iso).timestamp()
    except (TypeError, ValueError):
        return None
