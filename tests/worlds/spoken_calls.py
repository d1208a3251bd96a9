"""Calls with a transcript: each request contains all earlier words and answers, as Retell passes them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from dataclasses import replace as replace_call
from pathlib import Path
from random import randrange
from typing import Any
from uuid import uuid4

from msgspec.structs import replace

from askproai_core.tenant_config.config import RateLimits
from askproai_sandbox.example_tenant import NUMBER
from tests.worlds.compiled_salon import compile_example
from tests.worlds.databases import Database
from tests.worlds.tenant_pod import TenantPod, next_friday, open_pod, running_web

PEOPLE = (("mitte", "anna", 1), ("mitte", "mehmet", 1))
CUT, COLOR, BEARD = "Haarschnitt", "Färben", "Bartschnitt"


@dataclass
class SpokenCall:
    """One call from a number without earlier calls."""

    pod: TenantPod
    number: str | None = field(default_factory=lambda: f"+49151{randrange(10**7, 10**8)}")
    call_id: str = field(default_factory=lambda: f"call_{uuid4().hex}")
    transcript: list[dict[str, Any]] = field(default_factory=list)
    to_number: str = NUMBER

    def say(self, words: str) -> None:
        self.transcript.append({"role": "user", "content": words})

    async def ask(self, name: str, args: dict[str, Any]) -> dict[str, Any]:
        """Call a function, and let the agent say the answer."""
        fields: dict[str, Any] = {
            "from_number": self.number,
            "to_number": self.to_number,
            "transcript_with_tool_calls": self.transcript,
        }
        reply = await self.pod.function(name, self.call_id, args, **fields)
        assert reply.status == 200, reply
        invocation = {"tool_call_id": f"tool_call_{uuid4().hex}"}
        asked = {"role": "tool_call_invocation", **invocation, "name": name, "arguments": json.dumps(args)}
        self.transcript.append(asked)
        self.transcript.append({"role": "tool_call_result", **invocation, "content": json.dumps(reply.body)})
        self.transcript.append({"role": "agent", "content": reply.body["message"]})
        return reply.body

    async def ask_at_once(self, *requests: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
        """Call several functions in one turn of the model, without each other's answers."""
        before, bodies = list(self.transcript), []
        for name, args in requests:
            spoken = replace_call(self, transcript=list(before))
            bodies.append(await spoken.ask(name, args))
            self.transcript += spoken.transcript[len(before) :]
        return bodies

    async def live(self, *, of_number: bool = False) -> list[tuple[str, str, str, str]]:
        """Return the bookings of this call, or of its number, by time: service, clock time, staff member and name of each."""
        rows = await self.pod.db.fetch(
            """SELECT service, to_char(starts_at AT TIME ZONE 'Europe/Berlin', 'HH24:MI') AS at, staff, customer_name AS name
               FROM appointments WHERE CASE WHEN $2 THEN caller = $3 ELSE call_id = $1 END
               AND status IN ('confirmed', 'pending_sync') ORDER BY starts_at, created_at""",
            self.call_id, of_number, self.number,
        )  # fmt: skip
        return [(row["service"], row["at"], row["staff"], row["name"]) for row in rows]


@asynccontextmanager
async def open_spoken_salon(database: Database, folder: Path) -> AsyncIterator[TenantPod]:
    """Open the pod of a salon with three services, which admits any number of requests."""
    async with open_pod(database, folder, "salon", PEOPLE) as pod:
        store = pod.store
        config = compile_example(
            "salon.yaml", resource_ids=store.resources, tenant=store.tenant, path_prefix="/salon/salon"
        )
        (cut,) = config.services
        color = replace(cut, name="faerben", display_name=COLOR, spoken_names=("Coloring",))
        beard = replace(cut, name="bart", display_name=BEARD, spoken_names=())
        limits = RateLimits(webhooks_per_second=0, functions_per_second=0)
        pod.write_config(replace(config, services=(cut, color, beard), rate_limits=limits))
        async with running_web(pod, worker_port=9):
            yield pod


async def empty_book(pod: TenantPod) -> None:
    """Delete all bookings and callers."""
    tables = "refusals waitlist messages verifications call_actions calls appointments customers"
    for table in tables.split():
        await pod.db.execute(f"DELETE FROM {table} WHERE tenant = $1", pod.store.tenant)


def friday_at(pod: TenantPod, clock: str = "14:00", **more: Any) -> dict[str, Any]:
    """Return the arguments for Petra Lange's haircut on the first open Friday that is at least a week ahead."""
    day = next_friday(pod, 10).date().isoformat()
    return {"service": CUT, "date": day, "time": clock, "customer_name": "Petra Lange"} | more
