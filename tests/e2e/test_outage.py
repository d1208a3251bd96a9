"""Cal.com fails under a running tenant and comes back: the states of the circuit breaker, as callers and operators see them."""

import asyncio
import json
import os
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest
import yaml

from askproai_core.clock import SystemClock
from askproai_sandbox.caller import play_call
from tests.worlds.running_demo import Demo, fetch, providers_of_practice, second_tenant
from tests.worlds.waiting import eventually

pytestmark = pytest.mark.nightly

NAME, NUMBER, KEY = "praxis-kern", "+492217654322", "demo_kern"
TENANT = f"{NAME}.{NAME}"
ASKPROAI = Path(sys.executable).with_name("askproai")
BOOKING_ROUTES = ("create-booking", "list-bookings", "get-booking", "cancel-booking")
OPEN_SECONDS = 60  # as in production: no setting shortens it
QUICK = (
    "ASKPROAI_CALENDAR_SYNC_DELAY_SECONDS=20",  # late enough that only calls meet the outage
    "ASKPROAI_CALENDAR_QUIET_SECONDS=1",
)
PROBE_MS = 2_500  # less than the timeout of a call to Cal.com


@pytest.fixture(scope="module")
async def providers():
    """Yield the URLs of a Retell and a Cal.com of the practice's own."""
    async with providers_of_practice(KEY, NUMBER) as urls:
        yield urls


@pytest.fixture(scope="module")
async def practice(demo: Demo, providers, tmp_path_factory: pytest.TempPathFactory):
    """Yield the second example under another name, with one pod and short waits, except for the circuit's."""
    retell, calcom = providers
    tmp_path = tmp_path_factory.mktemp("practice")
    text = second_tenant(retell, calcom).replace("praxis-weber", NAME).replace("0221 7654321", "0221 7654322")
    documents = list(yaml.safe_load_all(text.replace("demo_praxis", KEY)))
    tenant = next(document for document in documents if document["kind"] == "Tenant")
    tenant["spec"]["runtime"] = {"web": {"minReplicas": 1}}
    manifest = tmp_path / "praxis.yaml"
    manifest.write_text(yaml.safe_dump_all(documents))
    await demo.kubectl("apply", "-f", str(manifest))
    await demo.wait_until_ready(NAME)
    await demo.kubectl("set", "env", f"deployment/{NAME}-web", "-n", NAME, *QUICK)
    await demo.kubectl("rollout", "status", f"deployment/{NAME}-web", "-n", NAME, "--timeout=180s")
    (tmp_path / ".demo").symlink_to(demo.directory)  # where the command looks for a demo
    yield Practice(demo, retell, calcom, tmp_path)
    await demo.kubectl("delete", "namespace", NAME, "--timeout=120s")


class Practice:
    """The tenant under test, its callers and its providers."""

    def __init__(self, demo: Demo, retell: str, calcom: str, folder: Path) -> None:
        self._demo, self._retell, self._calcom, self._folder = demo, retell, calcom, folder
        today = (
            SystemClock().now().astimezone(ZoneInfo("Europe/Berlin")).replace(hour=8, minute=0, second=0, microsecond=0)
        )
        self._day = today + timedelta(days=7 + (1 - today.weekday()) % 7)  # a Tuesday

    async def book(self, number: int) -> dict[str, Any]:
        """Let a caller book, and return the function's answer."""
        start = (self._day + timedelta(minutes=30 * number)).isoformat()
        args = {"service": "Sprechstunde", "start": start, "customer_name": "Jonas Köhler"}
        calls = [{"name": "book_appointment", "args": args}]
        caller = f"+4915112345{number:03}"
        record = await play_call(self._retell, NUMBER, ["Guten Tag"], args=calls, from_number=caller)
        assert record.errors == []
        (step,) = [step for step in record.steps if step.name == "book_appointment"]
        assert step.answer["success"], step.answer
        assert step.answer["message"].startswith("Der Termin ist eingetragen: Dienstag, den ")
        return step.answer

    async def inject_fault(self, kind: str, **options: Any) -> None:
        """Let every route for bookings at Cal.com fail in this way, until `clear_faults`."""
        faults = [{"operation": operation, "fault": kind, "count": None, **options} for operation in BOOKING_ROUTES]
        await fetch(f"{self._calcom}/_sim/faults", "POST", json=faults)

    async def clear_faults(self) -> None:
        await fetch(f"{self._calcom}/_sim/faults", "DELETE")

    async def requests(self) -> list[dict[str, Any]]:
        """Return the requests of the practice's pod to Cal.com about bookings, in order."""
        entries = (await fetch(f"{self._calcom}/_sim/journal"))["entries"]
        return [entry for entry in entries if entry["operation"] in BOOKING_ROUTES]

    async def bookings(self) -> list[str]:
        state = await fetch(f"{self._calcom}/_sim/state")
        return [b["uid"] for b in state["accounts"][f"cal_{KEY}"]["bookings"] if b["status"] == "accepted"]

    async def appointments(self) -> list[dict[str, Any]]:
        sql = "SELECT status, external_id FROM appointments WHERE tenant = $1 AND status <> 'held'"
        return await self._demo.rows(sql, TENANT)

    async def circuits(self, *command: str) -> dict[str, str]:
        """Run `askproai circuits` as an operator of the platform does, and return the state by provider."""
        process = await asyncio.create_subprocess_exec(
            str(ASKPROAI), "circuits", *command, "-t", TENANT, "-o", "json", cwd=self._folder, stdout=-1,
            env={**os.environ, "KUBECONFIG": self._demo.state.kubeconfig},
        )  # fmt: skip
        out, _ = await process.communicate()
        assert process.returncode == 0
        return {row["provider"]: row["state"] for row in json.loads(out)["circuits"]}

    async def metric(self) -> str:
        """Return the state of Cal.com's circuit according to the metrics."""
        (pod,) = self._demo.state.podUrls[TENANT]
        async with (
            aiohttp.ClientSession() as session,
            session.get(pod.replace(":8080", ":9090") + "/metrics") as response,
        ):
            lines = (await response.text()).splitlines()
        states = [line for line in lines if line.startswith("askproai_circuit_state") and 'provider="calcom"' in line]
        (line,) = [line for line in states if line.endswith(" 1.0")]
        return line.partition('state="')[2].partition('"')[0]


def time_of(entry: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["time"])


async def test_outage_bookings_appear_once_in_both_calendars(demo, practice: Practice) -> None:
    first = await practice.book(0)
    assert first["status"] == "confirmed"
    assert await practice.circuits("list") == {"retell": "closed", "calcom": "closed"}

    before = len(await practice.requests())
    await practice.inject_fault("down")
    for number in range(1, 6):
        if number == 5:
            assert (await practice.circuits("list"))["calcom"] == "closed", "four failures are no outage"
        answer = await practice.book(number)
        assert answer["status"] == "pending_sync"
    assert (await practice.circuits("list"))["calcom"] == "open"
    assert await practice.metric() == "open"
    answer = await practice.book(6)
    assert answer["status"] == "pending_sync"
    failed = (await practice.requests())[before:]
    assert [entry["status"] for entry in failed] == [503] * 5, (
        "five opened the circuit, and the sixth caller's request was never sent"
    )

    await practice.clear_faults()
    await practice.inject_fault("slow", ms=PROBE_MS, count=1)

    async def probed() -> bool:
        return len(await practice.requests()) > before + 5

    await eventually(probed, OPEN_SECONDS + 30, "a probe")
    answer = await practice.book(7)
    probe_ends = time_of((await practice.requests())[before + 5]) + timedelta(milliseconds=PROBE_MS)
    assert answer["status"] == "pending_sync" or SystemClock().now() > probe_ends, "while it runs no other one is sent"

    async def all_confirmed() -> bool:
        return {row["status"] for row in await practice.appointments()} == {"confirmed"}

    await eventually(all_confirmed, 60, "calendar-sync to create every booking at Cal.com")
    last, probe, after = (time_of(entry) for entry in (await practice.requests())[before + 4 : before + 7])
    assert OPEN_SECONDS <= (probe - last).total_seconds() < OPEN_SECONDS + 20
    assert (after - probe).total_seconds() * 1000 >= PROBE_MS, "one probe, and the other requests wait for its answer"
    uids = [row["external_id"] for row in await practice.appointments()]
    assert len(uids) == 8
    assert sorted(uids) == sorted(await practice.bookings()), "each booking once"
    creates = [entry for entry in await practice.requests() if entry["operation"] == "create-booking"]
    assert [entry["status"] for entry in creates].count(201) == 8, "no booking was created twice and cancelled again"
    await practice.clear_faults()

    answer = await practice.book(17)
    assert answer["status"] == "confirmed"
    assert (await practice.circuits("list"))["calcom"] == "closed"
    assert await practice.metric() == "closed"


async def test_an_operator_closes_a_circuit_by_hand(practice: Practice) -> None:
    await practice.inject_fault("down")
    for number in range(12, 17):
        await practice.book(number)
    assert (await practice.circuits("list"))["calcom"] == "open"
    await practice.clear_faults()
    assert await practice.circuits("reset", "calcom") == {"calcom": "closed"}
    answer = await practice.book(18)
    assert answer["status"] == "confirmed"
