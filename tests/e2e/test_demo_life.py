"""Life after the demo's scenario: hours change, databases restart, tenants come and go, and nothing is written needlessly."""

import asyncio
import hashlib
import hmac
import json
import os
import signal
import time

import aiohttp
import pytest
import yaml

from askproai_core.clock import SystemClock
from askproai_sandbox.calcom import CalcomSimulator
from askproai_sandbox.example_tenant import EXAMPLES, SALON, load_manifests
from askproai_sandbox.retell import RetellSimulator
from askproai_sandbox.simulator import serve
from tests.e2e.conftest import fetch

QUIET_SECONDS = int(os.environ.get("ASKPROAI_QUIET_SECONDS", "90"))  # longer than one resync of everything
PRAXIS_NUMBER = "+492217654321"
WEDNESDAY = 2


def signed(
    event: str, call_id: str, key: str = SALON.retell_key, to_number: str = SALON.number
) -> tuple[bytes, dict[str, str]]:
    """Sign an event as Retell does (docs/vendors/retell.md); independent of runtime and sandbox on purpose."""
    call = {"call_id": call_id, "agent_id": "unknown", "to_number": to_number, "from_number": "+4915100000000"}
    body = json.dumps({"event": event, "call": call | {"direction": "inbound", "call_status": "ongoing"}}).encode()
    stamp = str(int(time.time() * 1000))
    digest = hmac.new(key.encode(), body + stamp.encode(), hashlib.sha256).hexdigest()
    return body, {"x-retell-signature": f"v={stamp},d={digest}", "Content-Type": "application/json"}


async def send(demo, body: bytes, headers: dict[str, str]) -> tuple[int, dict]:
    url = f"{demo.state.runtimeUrls[SALON.tenant]}/webhooks/retell"
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as answer:
        return answer.status, await answer.json()


async def test_a_duplicate_is_answered_already_processed_and_a_forged_event_401(demo):
    """Neither changes anything."""
    body, headers = signed("call_started", "call_dup_1")
    first_status, first = await send(demo, body, headers)
    again_status, again = await send(demo, body, headers)
    assert (first_status, first["status"]) == (200, "accepted")
    assert (again_status, again["status"], again["id"]) == (200, "already_processed", first["id"])
    forged_status, _ = await send(demo, body.replace(b"dup_1", b"dup_2"), headers)
    assert forged_status == 401
    stored = await demo.rows("SELECT event_id FROM webhook_events WHERE event_id LIKE 'call_dup_%'")
    assert stored == [{"event_id": "call_dup_1:call_started"}]


async def test_changed_opening_hours_take_effect_within_5_seconds_and_no_pod_restarts(demo):
    """Changed opening hours must not restart a pod that is on a call."""
    (day,) = await demo.open_days(1, WEDNESDAY)
    request = {"service": "Haarschnitt", "date": day.isoformat(), "time": "15:00"}

    async def offered() -> bool:
        slots = (await demo.ask(SALON.number, **request))["slots"]
        return any(slot["start"].startswith(f"{day}T15:00") for slot in slots)

    before = demo.state.pids["pods"]
    assert await offered()
    hours = [{"days": ["Wed"], "opens": "09:00", "closes": "12:00"}]
    patch = json.dumps({"spec": {"openingHours": hours}})
    started = time.monotonic()
    await demo.kubectl("patch", "branch", "mitte", "-n", SALON.namespace, "--type=merge", "-p", patch)

    async def closed() -> bool:
        return not any([await offered() for _ in range(2)])  # both pods are asked in turn

    await demo.until(closed, 5, "the new hours in every pod")
    assert time.monotonic() - started < 5
    assert demo.state.pids["pods"] == before
    await demo.kubectl("apply", "-f", str(EXAMPLES / "salon.yaml"))


async def test_postgres_restarts_and_no_acknowledged_event_is_lost(demo):
    """Every event that was answered with 200 is stored, whenever the server died."""
    acknowledged: list[str] = []
    refused = 0
    killed = False
    for number in range(150):
        body, headers = signed("call_started", f"call_restart_{number}")
        status, _ = await send(demo, body, headers)
        if status == 200:
            acknowledged.append(f"call_restart_{number}:call_started")
        else:
            assert status == 503, "the sender still owns it"
            refused += 1
        if number == 50 and not killed:
            killed = True
            os.kill(demo.state.pids["postgres"], signal.SIGKILL)
        await asyncio.sleep(0.05)
    assert refused > 0, "no request met the restart: the test proves nothing"

    async def accepts_again() -> bool:
        body, headers = signed("call_started", "call_restart_last")
        return (await send(demo, body, headers))[0] == 200

    await demo.until(accepts_again, 30, "the database to be used again")
    rows = await demo.rows("SELECT event_id FROM webhook_events WHERE event_id LIKE 'call_restart_%'")
    assert set(acknowledged) <= {row["event_id"] for row in rows}
    unfinished = "SELECT count(*) AS n FROM webhook_events WHERE status IN ('received', 'processing', 'failed')"

    async def all_done() -> bool:
        return (await demo.rows(unfinished))[0]["n"] == 0

    await demo.until(all_done, 60, "every stored event to be processed")


def second_tenant(retell_url: str, calcom_url: str) -> str:
    """Return the second example as YAML, with servers of its own and a calendar at Cal.com."""
    objects = load_manifests("second-tenant.yaml")
    secret, tenant = objects["Secret"][0], objects["Tenant"][0]
    secret["stringData"] |= {"calcom-api-key": "cal_demo_praxis", "calcom-webhook-secret": "praxis-hook-secret"}
    ref = {"name": secret["metadata"]["name"]}
    tenant["spec"]["retell"]["baseUrl"] = retell_url
    tenant["spec"]["calendar"] = {
        "provider": "Calcom",
        "calcom": {
            "apiKeySecretRef": ref | {"key": "calcom-api-key"},
            "webhookSecretRef": ref | {"key": "calcom-webhook-secret"},
            "baseUrl": calcom_url,
        },
    }
    offering = objects["ServiceOffering"][0]["spec"]
    offering["calcom"] = {"eventTypes": [{"staff": "dr-weber", "eventTypeId": 2001}]}
    return yaml.safe_dump_all([document for documents in objects.values() for document in documents])


@pytest.fixture
async def servers():
    """Yield the URLs of a Retell and a Cal.com of the second tenant's own."""
    clock = SystemClock()
    async with serve(RetellSimulator(clock)) as retell, serve(CalcomSimulator(clock)) as calcom:
        bearer = {"Authorization": "Bearer key_demo_praxis"}
        number = {"phone_number": PRAXIS_NUMBER, "termination_uri": "praxis.sip.example"}
        await fetch(f"{retell}/import-phone-number", "POST", json=number, headers=bearer)
        event_type = {"key": "cal_demo_praxis", "id": 2001, "title": "Sprechstunde", "slug": "s", "lengthInMinutes": 20}
        await fetch(f"{calcom}/_sim/event-types", "POST", json=event_type)
        yield retell, calcom


async def test_a_second_tenant_with_servers_of_its_own_books_and_is_deleted_without_a_trace(demo, servers, tmp_path):
    """It becomes Ready without one refused request, although two creates break in the middle; then it is deleted completely."""
    retell, calcom = servers
    faults = [
        {"operation": "create-llm", "fault": "timeout-after-commit", "seconds": 11},
        {"operation": "create-agent", "fault": "error-after-commit"},
    ]
    await fetch(f"{retell}/_sim/faults", "POST", json=faults)
    manifest = tmp_path / "praxis.yaml"
    manifest.write_text(second_tenant(retell, calcom))
    await demo.kubectl("apply", "-f", str(manifest))
    for kind in ("tenants.askproai.de", "branches", "serviceofferings", "retellagents"):
        await demo.kubectl("wait", "--for=condition=Ready", "--all", "-n", "praxis-weber", "--timeout=120s", kind)
    for provider in (retell, calcom):
        journal = (await fetch(f"{provider}/_sim/journal"))["entries"]
        bad = [
            e
            for e in journal
            if e["status"] and 400 <= e["status"] < 500 and (e["status"], e["method"]) != (404, "GET")
        ]
        assert bad == []
    workspace = (await fetch(f"{retell}/_sim/state"))["workspaces"]["key_demo_praxis"]
    assert (len(workspace["agents"]), len(workspace["llms"])) == (1, 1)
    agent = json.loads(await demo.kubectl("get", "retellagent", "praxis", "-n", "praxis-weber", "-o", "json"))
    synced = next(c for c in agent["status"]["conditions"] if c["type"] == "Synced")
    assert (synced["status"], synced["reason"]) == ("True", "AsDeclared")
    record = await fetch(
        f"{retell}/_sim/calls",
        "POST",
        json={
            "to_number": PRAXIS_NUMBER,
            "say": [
                "Ich brauche einen Termin für Sprechstunde am Donnerstag um zehn.",
                "Ja, gern, mein Name ist Jonas Köhler.",
            ],
        },
    )
    assert [step for step in record["steps"] if step.get("error")] == []
    booked = (
        "SELECT status, external_id FROM appointments WHERE tenant = 'praxis-weber.praxis-weber' AND status <> 'held'"
    )
    (appointment,) = await demo.rows(booked)
    assert (appointment["status"], bool(appointment["external_id"])) == ("confirmed", True)
    await demo.kubectl("delete", "namespace", "praxis-weber", "--timeout=120s")
    workspace = (await fetch(f"{retell}/_sim/state"))["workspaces"]["key_demo_praxis"]
    assert (workspace["agents"], workspace["llms"]) == ({}, {})
    assert (
        "inbound_agents" not in workspace["numbers"][PRAXIS_NUMBER]
        or not workspace["numbers"][PRAXIS_NUMBER]["inbound_agents"]
    )
    hooks = await fetch(f"{calcom}/v2/webhooks", headers={"Authorization": "Bearer cal_demo_praxis"})
    assert hooks["data"] == []


READS = frozenset(
    "list-agents get-agent get-llm list-llms get-number list-numbers list-agent-versions list-voices me get-event-type"
    " list-event-types list-webhooks list-slots list-bookings get-booking".split()
)


async def test_after_the_same_manifest_is_applied_again_nothing_is_written(demo):
    """No write to the tenant's objects and none at the providers, for longer than one resync of everything."""
    await demo.kubectl("apply", "-f", str(EXAMPLES / "salon.yaml"))
    for kind in ("tenants.askproai.de", "branches", "serviceofferings", "retellagents"):
        await demo.kubectl("wait", "--for=condition=Ready", "--all", "-n", SALON.namespace, "--timeout=60s", kind)

    async def settled() -> bool:
        before = await _versions(demo)
        await asyncio.sleep(5)
        return await _versions(demo) == before

    await demo.until(settled, 60, "the end of the changes that earlier tests caused")
    before, journals = await _versions(demo), await _journals(demo)
    await demo.kubectl("apply", "-f", str(EXAMPLES / "salon.yaml"))
    await asyncio.sleep(QUIET_SECONDS)
    assert await _versions(demo) == before
    since = {provider: max((entry["seq"] for entry in entries), default=0) for provider, entries in journals.items()}
    later = {
        provider: [e for e in entries if e["seq"] > since[provider]]
        for provider, entries in (await _journals(demo)).items()
    }
    assert any(later.values()), "no read either: the resync does not run"
    assert [e for entries in later.values() for e in entries if e["operation"] not in READS] == []


async def _versions(demo) -> dict[str, str]:
    """Return the resourceVersion of each of the tenant's objects."""
    kinds = "tenants.askproai.de,branches,serviceofferings,retellagents,deployments,replicasets,pods,services,configmaps,secrets"
    items = json.loads(await demo.kubectl("get", kinds, "-n", SALON.namespace, "-o", "json"))["items"]
    return {f"{o['kind']}/{o['metadata']['name']}": o["metadata"]["resourceVersion"] for o in items}


async def _journals(demo) -> dict[str, list[dict]]:
    urls = {"retell": demo.state.retellUrl, "calcom": demo.state.calcomUrl}
    return {provider: (await fetch(f"{url}/_sim/journal"))["entries"] for provider, url in urls.items()}
