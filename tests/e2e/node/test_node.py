"""The product on a real node, from `helm install` to nothing left. The steps build on each other, in this order."""

import asyncio
import hashlib
import hmac
import json
import shutil
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from askproai_sandbox.caller import CallRecord
from askproai_sandbox.example_tenant import EXAMPLES, SALON
from tests.e2e.node.cluster import SYSTEM, holder, kill, kubectl, objects, pods, run, starts, until
from tests.e2e.node.site import CHART, OTHERS, PLURALS, Site
from tests.e2e.test_leaders_killed import EXPIRED_HOLD, OF_THE_HOLD

pytestmark = pytest.mark.timeout(300)
WEB = f"{SALON.namespace}-web"
TENANT = ("tenants.askproai.de", SALON.namespace, "-n", SALON.namespace)


async def test_helm_install_gives_two_of_each_of_which_one_leads(site: Site):
    notes = await site.helm()
    assert "kubectl get askproai -A" in notes
    for component in ("operator", "coordinator"):
        names = {pod["metadata"]["name"] for pod in await pods(SYSTEM, component)}
        assert len(names) == 2
        await until(partial(_led_by, component, names), 20, f"a leader of the {component}")


async def _led_by(component: str, names: set[str]) -> bool:
    return (await holder(component)).partition("_")[0] in names


async def test_the_example_becomes_ready_in_a_namespace_that_holds_pods_to_restricted(site: Site, record_property):
    began = time.monotonic()
    await kubectl("apply", "-f", str(EXAMPLES / "salon.yaml"))
    await site.ready()
    record_property("Ready after", f"{time.monotonic() - began:.1f} s")
    assert len(await pods(SALON.namespace, "web")) == 2


async def test_a_caller_books_and_both_books_hold_the_appointment(site: Site):
    friday, name = (
        "Guten Tag, einen Haarschnitt am Freitag um halb drei, bitte.",
        "Ja, gern. Mein Name ist Erika Muster.",
    )
    record = await site.call(friday, name)
    assert record.errors == []
    assert record.answers("book_appointment")[0]["success"] is True
    (row,) = await site.rows("SELECT status, external_id FROM appointments WHERE status <> 'held'")
    assert (row["status"], bool(row["external_id"])) == ("confirmed", True)
    await until(lambda: _none(site.unfinished), 30, "every event of the call to be processed")


async def test_the_other_examples_live_beside_it_and_leave_nothing(site: Site, record_property):
    began = time.monotonic()
    for other in OTHERS:
        await site.import_number(other.number, other.key)
        await kubectl("apply", "-f", str(EXAMPLES / other.file))
    for other in OTHERS:
        await site.ready(other.namespace)
    record_property("Ready after", f"{time.monotonic() - began:.1f} s")
    practice, hotline = OTHERS
    wish = "Ich hätte gern einen Haarschnitt am Freitag um zehn."
    name = "Ja, gern, mein Name ist Jonas Köhler."
    await site.call("Ich brauche einen Termin für Sprechstunde am Donnerstag um zehn.", name, to=practice.number)
    await site.call(wish, "In Pankow, bitte.", name, to=hotline.number)
    found = await site.rows("SELECT branch, status FROM appointments WHERE tenant <> $1", SALON.tenant)
    assert {(row["branch"], row["status"]) for row in found} == {("praxis", "confirmed"), ("pankow", "confirmed")}
    await until(lambda: _none(site.unfinished), 30, "every event of the calls to be processed")
    await kubectl("delete", "namespace", *(other.namespace for other in OTHERS), "--timeout=180s")
    for other in OTHERS:
        workspace = await site.workspace(other.key)
        assert (workspace["agents"], workspace["llms"]) == ({}, {})


async def test_changed_opening_hours_are_in_force_within_10_seconds_and_nothing_restarts(site: Site, record_property):
    """Without the nudge the kubelet takes up to 90 s to look at a mounted ConfigMap."""
    before = starts(await pods(SALON.namespace, "web"))
    wish = f"{free_starts()[0][:10]}T15:00"
    assert await _offers(site, wish)
    hours = [{"days": ["Wed"], "opens": "09:00", "closes": "12:00"}]
    patch = json.dumps({"spec": {"openingHours": hours}})
    began = time.monotonic()
    await kubectl("patch", "branch", "mitte", "-n", SALON.namespace, "--type=merge", "-p", patch)

    async def closed() -> bool:
        return not any([await _offers(site, wish) for _ in range(4)])  # by chance each pod is asked

    await until(closed, 120, "the new hours in every pod")
    record_property("in force after", f"{time.monotonic() - began:.1f} s")
    assert time.monotonic() - began < 10
    assert starts(await pods(SALON.namespace, "web")) == before
    await kubectl("apply", "-f", str(EXAMPLES / "salon.yaml"))
    await until(lambda: _offers(site, wish), 120, "the old hours again")


async def _offers(site: Site, start: str) -> bool:
    """Whether a call of its own is offered that time."""
    wish = {"service": "Haarschnitt", "date": start[:10], "time": start[11:]}
    record = await site.call("Guten Tag", args=[{"name": "check_availability", "args": wish}])
    assert record.errors == []
    return any(slot["start"].startswith(start) for slot in record.answers("check_availability")[0]["slots"])


async def _none(count: Callable[[], Awaitable[int]]) -> bool:
    return await count() == 0


def free_starts() -> list[str]:
    """Give starts that no two bookings share: hourly, on Wednesdays from the one after next."""
    day = datetime.now(UTC).date() + timedelta(days=7)
    day += timedelta(days=(2 - day.weekday()) % 7)
    hours = ("09:00", "10:00", "11:00", "12:00", "13:00", "14:00", "15:00", "16:00")
    days = (day + timedelta(weeks=week) for week in range(12))
    wanted = [f"{each.isoformat()}T{hour}:00+01:00" for each in days for hour in hours]
    return [start for start in wanted if start[5:10] not in {"12-23", "12-30"}]


def signed(call_id: str) -> tuple[bytes, dict[str, str]]:
    """Sign an event as Retell does (retell.md §6)."""
    call = {"call_id": call_id, "agent_id": "unknown", "to_number": SALON.number, "from_number": "+4915100000000"}
    body = json.dumps({"event": "call_started", "call": call | {"direction": "inbound", "call_status": "ongoing"}})
    stamp = str(int(time.time() * 1000))
    digest = hmac.new(SALON.retell_key.encode(), (body + stamp).encode(), hashlib.sha256).hexdigest()
    return body.encode(), {"x-retell-signature": f"v={stamp},d={digest}", "Content-Type": "application/json"}


async def test_a_rolling_restart_under_calls_loses_no_request(site: Site, record_property):
    """Calls that book, and twenty events a second, while every pod is replaced: each request is answered with 200, once."""
    over = asyncio.Event()
    records: list[CallRecord] = []
    sent: list[tuple[str, int]] = []
    starts_left = free_starts()[1:]

    async def callers(number: int) -> None:
        while not over.is_set() and starts_left:
            args = {"service": "Haarschnitt", "start": starts_left.pop(0), "customer_name": f"Anrufer {number}"}
            caller = f"+49151{len(starts_left):08}"
            records.append(
                await site.call("Hallo", from_number=caller, args=[{"name": "book_appointment", "args": args}])
            )
            await asyncio.sleep(0.4)

    async def events(session: aiohttp.ClientSession) -> None:
        while not over.is_set():
            body, headers = signed(f"call_rolling_{len(sent)}")
            url = f"{site.entrance}/{SALON.namespace}/{SALON.namespace}/webhooks/retell"
            async with session.post(url, data=body, headers=headers) as answer:
                sent.append((f"call_rolling_{len(sent)}:call_started", answer.status))
            await asyncio.sleep(0.05)

    old = {pod["metadata"]["name"] for pod in await pods(SALON.namespace, "web")}
    site.refused.clear()
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        for number in range(2):
            group.create_task(callers(number))
        group.create_task(events(session))
        await kubectl("rollout", "restart", f"deployment/{WEB}", "-n", SALON.namespace)
        await kubectl("rollout", "status", f"deployment/{WEB}", "-n", SALON.namespace, "--timeout=120s")
        await until(lambda: _gone(old), 60, "the old pods to end")
        over.set()
    record_property("calls", len(records))
    record_property("events", len(sent))
    assert site.refused == []
    assert [error for one in records for error in one.errors] == []
    assert [status for _, status in sent if status != 200] == []
    assert not old & {pod["metadata"]["name"] for pod in await pods(SALON.namespace, "web")}
    booked = [answer["appointment_id"] for one in records for answer in one.answers("book_appointment")]
    kept = await site.rows("SELECT id::text FROM appointments WHERE status IN ('confirmed', 'pending_sync')")
    assert set(booked) <= {row["id"] for row in kept}
    assert len(set(booked)) == len(records) >= 3
    await until(lambda: _none(site.unfinished), 60, "every acknowledged event to be processed")
    stored = {row["event_id"] for row in await site.rows("SELECT event_id FROM webhook_events")}
    assert {event for event, _ in sent} <= stored


async def _gone(names: set[str]) -> bool:
    found = await objects("pods", "-n", SALON.namespace)
    return not names & {pod["metadata"]["name"] for pod in found}


async def test_the_operators_leader_is_killed_and_another_works_within_20_seconds(site: Site, record_property):
    first, token = await holder("operator"), f"after-{time.time_ns()}"
    record_property("by", await kill("operator", first))
    began = time.monotonic()
    await kubectl("annotate", *TENANT, f"askproai.de/reconcile-at={token}", "--overwrite")

    async def worked() -> bool:
        return await kubectl("get", *TENANT, "-o", "jsonpath={.status.lastReconcileToken}") == token

    await until(worked, 60, "another replica to reconcile")
    record_property("works after", f"{time.monotonic() - began:.1f} s")
    assert time.monotonic() - began < 20
    assert await holder("operator") != first


async def test_the_coordinators_leader_is_killed_and_another_sweeps_within_20_seconds(site: Site, record_property):
    first = await holder("coordinator")
    record_property("by", await kill("coordinator", first))
    await site.rows(EXPIRED_HOLD, SALON.tenant)

    async def swept() -> bool:
        return await site.rows(OF_THE_HOLD) == []

    record_property("works after", f"{await until(swept, 20, 'the sweep of another replica'):.1f} s")
    assert await holder("coordinator") != first


async def test_nothing_was_forbidden_to_operator_and_coordinator_and_nothing_broke(site: Site):
    """All of it ran under the chart's roles: a right that is missing would stand in these logs.

    What is refused in a namespace that goes is no matter of rights.
    """
    for component in ("operator", "coordinator"):
        await kubectl("rollout", "status", f"deployment/askproai-{component}", "-n", SYSTEM, "--timeout=60s")
        said = ""
        for pod in await pods(SYSTEM, component):
            said += await kubectl("logs", "-n", SYSTEM, pod["metadata"]["name"])
            if starts([pod])[f"{pod['metadata']['name']}/{component}"]:
                said += await kubectl("logs", "-n", SYSTEM, pod["metadata"]["name"], "--previous")
        lines = [line for line in said.splitlines() if "because it is being terminated" not in line]
        bad = [line for line in lines if "forbidden" in line.lower() or "Traceback" in line]
        assert said
        assert bad == []


async def test_helm_upgrade_changes_crds(site: Site, tmp_path: Path):
    chart = tmp_path / "askproai"
    shutil.copytree(CHART, chart)
    crd = chart / "templates" / "crds" / "tenants.yaml"
    text = crd.read_text("utf-8")
    crd.write_text(text.replace("    - apt\n", "    - apt\n    - apte2e\n"), "utf-8")
    await site.helm(chart=chart)
    names = "jsonpath={.spec.names.shortNames}"
    assert json.loads(await kubectl("get", "crd", "tenants.askproai.de", "-o", names)) == ["apt", "apte2e"]
    await site.helm()
    assert json.loads(await kubectl("get", "crd", "tenants.askproai.de", "-o", names)) == ["apt"]


async def test_helm_uninstall_keeps_crds_and_tenants_and_callers_go_on_booking(site: Site):
    before = starts(await pods(SALON.namespace, "web"))
    await run("helm", "uninstall", "askproai", "-n", SYSTEM, "--wait")
    assert await pods(SYSTEM, "operator") == []
    for plural in PLURALS:
        assert await objects(f"{plural}.askproai.de", "-A") != []
    start = free_starts()[0]
    wish = {"service": "Haarschnitt", "start": start, "customer_name": "Ohne Operator"}
    record = await site.call("Hallo", from_number="+4915199999999", args=[{"name": "book_appointment", "args": wish}])
    assert record.errors == []
    assert record.answers("book_appointment")[0]["success"] is True
    assert starts(await pods(SALON.namespace, "web")) == before


async def test_a_new_install_takes_over_what_was_kept_and_writes_nothing_at_retell(site: Site):
    before = {pod["metadata"]["uid"] for pod in await pods(SALON.namespace, "web")}
    agents = await site.workspace()
    await site.helm()
    note = f"askproai.de/reconcile-at={time.time_ns()}"
    await kubectl("annotate", "retellagent", "mitte", "-n", SALON.namespace, note, "--overwrite")
    token = note.partition("=")[2]

    async def seen() -> bool:
        agent = json.loads(await kubectl("get", "retellagent", "mitte", "-n", SALON.namespace, "-o", "json"))
        return bool(agent["status"].get("lastReconcileToken") == token)

    await until(seen, 60, "the new operator to reconcile the agent")
    await site.ready()
    assert {pod["metadata"]["uid"] for pod in await pods(SALON.namespace, "web")} == before
    assert await site.workspace() == agents


async def test_a_deleted_namespace_leaves_nothing_at_the_providers(site: Site):
    await kubectl("delete", "namespace", SALON.namespace, "--timeout=120s")
    workspace = await site.workspace()
    assert (workspace["agents"], workspace["llms"]) == ({}, {})
    assert not workspace["numbers"][SALON.number].get("inbound_agents")
    assert await site.hooks() == []


async def test_the_chart_without_keep_removes_everything_it_made(site: Site):
    await site.helm("--set", "crds.keep=false")
    await run("helm", "uninstall", "askproai", "-n", SYSTEM, "--wait", "--cascade", "foreground")
    everywhere = "crd,clusterrole,clusterrolebinding,validatingadmissionpolicy,validatingadmissionpolicybinding"
    left = [one["metadata"]["name"] for one in await objects(everywhere) if "askproai" in one["metadata"]["name"]]
    assert left == []
    release = await objects("all,role,rolebinding,pdb,networkpolicy", "-n", SYSTEM)
    assert [f"{one['kind']}/{one['metadata']['name']}" for one in release] == []
