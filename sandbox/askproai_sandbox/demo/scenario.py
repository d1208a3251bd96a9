"""The demo's scenario: a manifest is applied, a German caller rings, and the appointment is in both calendars.

The output is also checked: a demo that does not do what it promises ends with an error.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from askproai_sandbox.caller import CallRecord, play_call
from askproai_sandbox.cluster import eventually, kubectl, write_atomically
from askproai_sandbox.demo.state import read_state
from askproai_sandbox.example_tenant import SALON, seed_simulators

READY_TIMEOUT = timedelta(seconds=90)
_WAITING_REPORTS = timedelta(seconds=5)
_PROCESSED_WITHIN = timedelta(seconds=150)  # a killed worker's lease lasts 30 s; jobs are retried after 10 s
_SYNCED_WITHIN = timedelta(minutes=6)  # after five, an unanswered request to Cal.com is looked up
_SYNCED = "SELECT count(*) = 0 FROM appointments WHERE tenant = $1 AND status = 'pending_sync'"
SENTENCES = (
    "Guten Tag, ich hätte gern einen Haarschnitt am kommenden Freitag um halb drei.",
    "Ja, gern. Mein Name ist Erika Mustermann.",
)
# The function calls of a language model after each sentence. If that Friday is a holiday, the first offer is for another day.
FUNCTIONS = (
    {
        "name": "check_availability",
        "args": {"service": "Haarschnitt", "date": "kommenden Freitag", "time": "halb drei"},
    },
    {
        "name": "book_appointment",
        "args": {"service": "Haarschnitt", "customer_name": "Erika Mustermann", "start": "{offer.1}"},
    },
)


class ScenarioError(AssertionError):
    """The demo did not do what it promises; the message names each broken promise."""


@dataclass(slots=True)
class DemoResult:
    """All facts that the demo shows, for the report and its test: rows as selected, objects as the providers return them."""

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
    """Plays the demo in a running environment."""

    def __init__(self, directory: Path, examples: Path, *, kill: bool, report: Callable[[str], None] = print) -> None:
        """`directory` has the demo's state file, `examples` the manifests. With `kill`, a worker is killed during the call."""
        self._directory = directory
        self._state = read_state(directory)
        self._kubeconfig = Path(self._state.kubeconfig)
        self._examples = examples
        self._kill = kill
        self._report = report

    async def play(self) -> DemoResult:
        """Play the scenario to its end. Raises ScenarioError if the demo breaks a promise."""
        await seed_simulators(self._state.retellUrl, self._state.calcomUrl)
        self._report("kubectl apply -f examples/salon.yaml")
        await kubectl(self._kubeconfig, "apply", "-f", str(self._examples / "salon.yaml"))
        await self._send_mails_to_the_catcher()
        await self._wait_until_ready()
        killing = asyncio.create_task(self._kill_worker()) if self._kill else None
        self._report(f"a caller rings {SALON.number}")
        call = await play_call(self._state.retellUrl, SALON.number, SENTENCES, args=FUNCTIONS)
        result = DemoResult(call, killed=await killing if killing else [])
        await self._observe(result)
        self._check(result)
        return result

    async def _send_mails_to_the_catcher(self) -> None:
        """Add notifications to the salon, with the mail server of this demo. The example cannot name its port."""
        template = Path(__file__).with_name("notifications.yaml").read_text("utf-8")
        patch = self._directory / "notifications.yaml"
        write_atomically(patch, template.replace("<smtp-port>", str(self._state.smtpPort)))
        tenant = ("tenants.askproai.de", SALON.tenant.rpartition(".")[2], "-n", SALON.namespace)
        await kubectl(self._kubeconfig, "patch", *tenant, "--type=merge", "--patch-file", str(patch))

    async def _wait_until_ready(self) -> None:
        self._report("waiting until everything is Ready")
        kinds = ("tenants.askproai.de", "branches", "serviceofferings", "retellagents")
        for kind in kinds:
            timeout = f"--timeout={READY_TIMEOUT.seconds}s"
            flags = ("--for=condition=Ready", "--all", "-n", SALON.namespace, timeout)
            await kubectl(self._kubeconfig, "wait", *flags, kind)

    async def _kill_worker(self) -> list[str]:
        """Kill a worker with -9 during the call: the worker that processes the call's first event, else any. Return its name."""
        connection = await asyncpg.connect(self._state.postgresDsn)
        try:
            first_job = (
                "SELECT coalesce(worker, 'nobody any more') FROM jobs"
                " WHERE tenant = $1 AND attempts > 0 ORDER BY id LIMIT 1"
            )
            worker = await eventually(
                lambda: connection.fetchval(first_job, SALON.tenant),
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
        self._report(f"killed with -9 during the call: {victim} (process {pods[victim]})")
        return [victim]

    async def _observe(self, result: DemoResult) -> None:
        """Wait until the call's events are processed. Then fetch both calendars, Retell's objects and kubectl's table."""
        connection = await asyncpg.connect(self._state.postgresDsn)
        try:
            all_finished = (
                "SELECT count(*) = 0 FROM webhook_events WHERE tenant = $1 AND status NOT IN ('processed', 'dead')"
            )
            processed = partial(connection.fetchval, all_finished, SALON.tenant)
            waiting = asyncio.create_task(self._report_waiting()) if self._kill else None
            try:
                await eventually(processed, _PROCESSED_WITHIN, "the call's events to be processed")
            finally:
                if waiting:
                    waiting.cancel()
                    await asyncio.gather(waiting, return_exceptions=True)
            synced = partial(connection.fetchval, _SYNCED, SALON.tenant)
            if not await synced():
                self._report("Cal.com did not answer in time: the booking is looked for there five minutes later")
                await eventually(synced, _SYNCED_WITHIN, "the appointment to be at Cal.com", every=0.5)
            result.appointments = [
                dict(row)
                for row in await connection.fetch(
                    "SELECT id, staff, service, starts_at, ends_at, status, external_id, customer_name FROM appointments"
                    " WHERE tenant = $1 AND status <> 'held' ORDER BY created_at",
                    SALON.tenant,
                )
            ]
            result.events = [
                dict(row)
                for row in await connection.fetch(
                    "SELECT source, event_type, status, attempts FROM webhook_events WHERE tenant = $1 ORDER BY received_at",
                    SALON.tenant,
                )
            ]
        finally:
            await connection.close()
        await self._observe_providers(result)
        result.resources = await kubectl(
            self._kubeconfig, "get", "tenants.askproai.de,branches,serviceofferings,retellagents", "-A"
        )

    async def _report_waiting(self) -> None:
        """Report, every few seconds, for how long the killed worker's lease still keeps its event from other workers."""
        connection = await asyncpg.connect(self._state.postgresDsn)
        seconds_left = (
            "SELECT extract(epoch FROM max(lease_until) - clock_timestamp())::int FROM jobs"
            " WHERE tenant = $1 AND state = 'running'"
        )
        try:
            while True:
                left = await connection.fetchval(seconds_left, SALON.tenant)
                if left and left > 0:
                    self._report(f"another worker takes the killed one's event over when its lease ends: {left} s more")
                await asyncio.sleep(_WAITING_REPORTS.total_seconds())
        finally:
            await connection.close()

    async def _observe_providers(self, result: DemoResult) -> None:
        """Fetch objects from the providers' public APIs, as anybody with the keys could."""
        retell, calcom = self._state.retellUrl, self._state.calcomUrl
        bearer = {"Authorization": f"Bearer {SALON.retell_key}"}
        async with aiohttp.ClientSession(raise_for_status=True) as session:
            async with session.post(f"{retell}/v2/list-agents", json={}, headers=bearer) as answer:
                result.agents = len((await answer.json())["items"])
            async with session.get(f"{retell}/v2/list-retell-llms", headers=bearer) as answer:
                result.llms = len((await answer.json())["items"])
            async with session.get(f"{retell}/v2/list-phone-numbers", headers=bearer) as answer:
                result.bindings = [
                    a for number in (await answer.json())["items"] for a in number.get("inbound_agents") or ()
                ]
            bearer = {"Authorization": f"Bearer {SALON.calcom_key}", "cal-api-version": "2024-08-13"}
            async with session.get(f"{calcom}/v2/bookings", headers=bearer) as answer:
                result.calcom_bookings = (await answer.json())["data"]
            async with session.get(f"{calcom}/v2/webhooks", headers=bearer) as answer:
                result.webhooks = [hook["subscriberUrl"] for hook in (await answer.json())["data"]]

    def _check(self, result: DemoResult) -> None:
        """Check that the demo kept its promises. Raises ScenarioError with the broken ones."""
        promises = {
            "the call has no failed step": not result.call.errors,
            "one appointment is in PostgreSQL, confirmed": [a["status"] for a in result.appointments] == ["confirmed"],
            "the same appointment is at Cal.com": [b["uid"] for b in result.calcom_bookings]
            == [a["external_id"] for a in result.appointments],
            "one agent and one LLM exist at Retell": (result.agents, result.llms) == (1, 1),
            "the number is bound once, to a pinned version": len(result.bindings) == 1
            and isinstance(result.bindings[0].get("agent_version"), int),
            "Cal.com has our webhook once": len(result.webhooks) == 1,
            "the call's three events were stored and processed": {
                event["event_type"]: event["status"] for event in result.events if event["source"] == "retell"
            }
            == dict.fromkeys(("call_started", "call_ended", "call_analyzed"), "processed"),
        }
        if self._kill:
            promises["the worker was killed while the call was on"] = bool(result.killed)
        broken = [promise for promise, holds in promises.items() if not holds]
        if broken:
            raise ScenarioError("; ".join(f"not true: {promise}" for promise in broken) + f"\n{result}")
