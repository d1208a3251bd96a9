"""What a person sees: a manifest is applied, a German caller rings, and the appointment stands in both books.

Each step is checked as it is shown; a demo that does not hold ends with an error.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from askproai_sandbox.caller import CallRecord, play_call
from askproai_sandbox.cluster import eventually, kubectl
from askproai_sandbox.demo.state import read_state
from askproai_sandbox.example_tenant import SALON, seed_simulators

READY = timedelta(seconds=90)
SAY = (
    "Guten Tag, ich hätte gern einen Haarschnitt am Freitag um halb drei.",
    "Ja, gern. Mein Name ist Erika Mustermann.",
)


class ScenarioError(AssertionError):
    """The demo did not do what it promises."""


@dataclass(slots=True)
class DemoResult:
    """Everything that the demo shows, for the report and for its test."""

    call: CallRecord
    resources: str = ""
    appointments: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    calcom_bookings: list[dict[str, Any]] = field(default_factory=list)
    agents: int = 0
    llms: int = 0
    bindings: list[dict[str, Any]] = field(default_factory=list)
    webhooks: list[str] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)


class Scenario:
    """Plays the demo against a stage that runs; `say` tells people what happens."""

    def __init__(self, directory: Path, examples: Path, *, kill: bool, say: Callable[[str], None] = print) -> None:
        """Take the demo's directory, for its state as it is at each moment, and the folder of the manifests."""
        self._directory = directory
        self._state = read_state(directory)
        self._kubeconfig = Path(self._state.kubeconfig)
        self._examples = examples
        self._kill = kill
        self._say = say

    async def play(self) -> DemoResult:
        """Play it to the end. Raises StoryError when something is not as promised."""
        await seed_simulators(self._state.retellUrl, self._state.calcomUrl)
        self._say("kubectl apply -f examples/salon.yaml")
        await kubectl(self._kubeconfig, "apply", "-f", str(self._examples / "salon.yaml"))
        await self._until_ready()
        killing = asyncio.create_task(self._kill_worker()) if self._kill else None
        self._say(f"a caller rings {SALON.number}")
        call = await play_call(self._state.retellUrl, SALON.number, SAY)
        outcome = DemoResult(call, killed=await killing if killing else [])
        await self._look(outcome)
        self._check(outcome)
        return outcome

    async def _until_ready(self) -> None:
        self._say("waiting until everything is Ready")
        kinds = ("tenants.askproai.de", "branches", "serviceofferings", "retellagents")
        for kind in kinds:
            wait = (
                "wait",
                "--for=condition=Ready",
                "--all",
                "-n",
                SALON.namespace,
                f"--timeout={READY.seconds}s",
                kind,
            )
            await kubectl(self._kubeconfig, *wait)

    async def _kill_worker(self) -> list[str]:
        """Kill a worker with -9 while the call is on: the one that has its first event in hand, else the first one."""
        connection = await asyncpg.connect(self._state.postgresDsn)
        try:
            took = "SELECT coalesce(worker, 'nobody any more') FROM jobs WHERE tenant = $1 AND attempts > 0 ORDER BY id LIMIT 1"
            worker = await eventually(
                lambda: connection.fetchval(took, SALON.tenant),
                timedelta(seconds=30),
                "the call's first event",
                every=0.002,
            )
        finally:
            await connection.close()
        pods = read_state(self._directory).pids["pods"]
        workers = sorted(name for name in pods if name.startswith(f"{SALON.namespace}/") and name.endswith("/worker"))
        victim = next((name for name in workers if worker.endswith(f":{pods[name]}")), workers[0])
        os.kill(pods[victim], signal.SIGKILL)
        self._say(f"killed with -9 during the call: {victim} (process {pods[victim]})")
        return [victim]

    async def _look(self, outcome: DemoResult) -> None:
        """Look into both books, at Retell's side, and at what kubectl says."""
        connection = await asyncpg.connect(self._state.postgresDsn)
        try:
            unfinished = (
                "SELECT count(*) = 0 FROM webhook_events WHERE tenant = $1 AND status NOT IN ('processed', 'dead')"
            )
            done = lambda: connection.fetchval(unfinished, SALON.tenant)  # noqa: E731
            await eventually(done, timedelta(seconds=60), "the call's events to be processed")
            outcome.appointments = [
                dict(row)
                for row in await connection.fetch(
                    "SELECT id, staff, service, starts_at, ends_at, status, external_id, customer_name FROM appointments"
                    " WHERE tenant = $1 AND status <> 'held' ORDER BY created_at",
                    SALON.tenant,
                )
            ]
            outcome.events = [
                dict(row)
                for row in await connection.fetch(
                    "SELECT source, event_type, status, attempts FROM webhook_events WHERE tenant = $1 ORDER BY received_at",
                    SALON.tenant,
                )
            ]
        finally:
            await connection.close()
        await self._look_outside(outcome)
        outcome.resources = await kubectl(
            self._kubeconfig, "get", "tenants.askproai.de,branches,serviceofferings,retellagents", "-A"
        )

    async def _look_outside(self, outcome: DemoResult) -> None:
        """Ask the providers as anybody with the key could."""
        retell, calcom = self._state.retellUrl, self._state.calcomUrl
        bearer = {"Authorization": f"Bearer {SALON.retell_key}"}
        async with aiohttp.ClientSession(raise_for_status=True) as session:
            async with session.post(f"{retell}/v2/list-agents", json={}, headers=bearer) as answer:
                outcome.agents = len((await answer.json())["items"])
            async with session.get(f"{retell}/v2/list-retell-llms", headers=bearer) as answer:
                outcome.llms = len((await answer.json())["items"])
            async with session.get(f"{retell}/v2/list-phone-numbers", headers=bearer) as answer:
                outcome.bindings = [
                    a for number in (await answer.json())["items"] for a in number.get("inbound_agents") or ()
                ]
            bearer = {"Authorization": f"Bearer {SALON.calcom_key}", "cal-api-version": "2024-08-13"}
            async with session.get(f"{calcom}/v2/bookings", headers=bearer) as answer:
                outcome.calcom_bookings = (await answer.json())["data"]
            async with session.get(f"{calcom}/v2/webhooks", headers=bearer) as answer:
                outcome.webhooks = [hook["subscriberUrl"] for hook in (await answer.json())["data"]]

    def _check(self, outcome: DemoResult) -> None:
        """Hold the demo to its promises."""
        promises = {
            "the call has no failed step": not outcome.call.errors,
            "one appointment stands in PostgreSQL, confirmed": [a["status"] for a in outcome.appointments]
            == ["confirmed"],
            "the same appointment stands at Cal.com": [b["uid"] for b in outcome.calcom_bookings]
            == [a["external_id"] for a in outcome.appointments],
            "one agent and one LLM exist at Retell": (outcome.agents, outcome.llms) == (1, 1),
            "the number is bound once, to a pinned version": len(outcome.bindings) == 1
            and isinstance(outcome.bindings[0].get("agent_version"), int),
            "Cal.com has our webhook once": len(outcome.webhooks) == 1,
            "the call's three events were stored and processed": {
                event["event_type"]: event["status"] for event in outcome.events if event["source"] == "retell"
            }
            == dict.fromkeys(("call_started", "call_ended", "call_analyzed"), "processed"),
        }
        if self._kill:
            promises["the worker was killed while the call was on"] = bool(outcome.killed)
        broken = [promise for promise, holds in promises.items() if not holds]
        if broken:
            raise ScenarioError("; ".join(f"not true: {promise}" for promise in broken) + f"\n{outcome}")
