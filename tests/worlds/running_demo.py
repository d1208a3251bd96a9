"""A running demo, with the same parts and code as `make demo KEEP=1`, and how to call it and send webhooks to it."""

import hashlib
import hmac
import io
import json
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import yaml
from rich.console import Console

from askproai_sandbox.caller import CallRecord, play_call
from askproai_sandbox.cluster import kubectl
from askproai_sandbox.demo import State, read_state
from askproai_sandbox.demo.run import run_demo
from askproai_sandbox.demo.scenario import DemoResult
from askproai_sandbox.example_tenant import SALON, assign_number, load_manifests
from tests.worlds.waiting import eventually

EXPIRED_HOLD = """
    WITH a AS (
        INSERT INTO appointments (tenant, branch, service, staff, starts_at, ends_at, status, correlation_id)
        VALUES ($1, 'mitte', 'haarschnitt', 'anna', '2031-01-07 10:00+01', '2031-01-07 11:00+01', 'held', 'e2e')
        RETURNING id, starts_at, ends_at)
    INSERT INTO claims (tenant, appointment_id, resource_id, blocks, state, expires_at)
    SELECT $1, a.id, (SELECT min(id) FROM resources WHERE tenant = $1), tstzrange(a.starts_at, a.ends_at, '[)'),
           'held', now() FROM a
"""
_SALON = ("tenants.askproai.de", SALON.tenant.partition(".")[2], "-n", SALON.namespace)
SELECT_THE_HOLD = "SELECT 1 FROM appointments WHERE correlation_id = 'e2e'"


@dataclass(frozen=True)
class Demo:
    """A running demo, the outcome of its scenario, and the text that a person saw."""

    directory: Path
    outcome: DemoResult
    text: str

    @property
    def state(self) -> State:
        return read_state(self.directory)

    async def kubectl(self, *arguments: str) -> str:
        return await kubectl(Path(self.state.kubeconfig), *arguments)

    async def wait_for_tenant(self) -> None:
        """Wait until the salon's Tenant is Ready with its present spec."""
        names = ("tenants.askproai.de", "--all", "-n", SALON.namespace)
        await self.kubectl("wait", "--for=condition=Ready", *names, "--timeout=180s")

    async def wait_until_ready(self, namespace: str) -> None:
        """Wait until each of a tenant's objects is Ready."""
        for kind in ("tenants.askproai.de", "branches", "serviceofferings", "retellagents"):
            await self.kubectl("wait", "--for=condition=Ready", "--all", "-n", namespace, "--timeout=120s", kind)

    async def patch_tenant(self, spec: dict[str, Any]) -> None:
        """Merge a change into the spec of the salon's Tenant."""
        await self.kubectl("patch", *_SALON, "--type=merge", "-p", json.dumps({"spec": spec}))

    async def tenant(self) -> dict[str, Any]:
        """Return the salon's Tenant."""
        return dict(json.loads(await self.kubectl("get", *_SALON, "-o", "json")))

    async def ask(self, number: str, **args: Any) -> dict[str, Any]:
        """Ask for free slots in a call of its own, and return the function's answer."""
        calls = [{"name": "check_availability", "args": args}]
        record = await play_call(self.state.retellUrl, number, ["Guten Tag"], args=calls)
        assert record.errors == []
        return record.answers("check_availability")[0]

    async def book(self, start: datetime, name: str, caller: str, **args: str) -> tuple[str, dict[str, Any]]:
        """Book a haircut at the salon in a call of its own. Return the call's id and the function's answer."""
        args |= {"service": "Haarschnitt", "start": start.isoformat(), "customer_name": name}
        calls = [{"name": "book_appointment", "args": args}]
        record = await self.call(SALON.number, "Guten Tag", from_number=caller, args=calls)
        assert record.errors == []
        (answer,) = record.answers("book_appointment")
        return record.call_id, answer

    async def open_days(self, count: int, *weekdays: int) -> list[date]:
        """Return the first open days of the salon that are at least a week ahead, which excludes holidays."""
        days, day = list[date](), datetime.now(UTC).date() + timedelta(days=8)
        for _ in range(60):
            if len(days) < count and day.weekday() in weekdays:
                slots = (await self.ask(SALON.number, service="Haarschnitt", date=day.isoformat()))["slots"]
                days += [day] if any(slot["start"].startswith(day.isoformat()) for slot in slots) else []
            day += timedelta(days=1)
        assert len(days) == count
        return days

    async def call(self, number: str, *say: str, **kwargs: Any) -> CallRecord:
        return await play_call(self.state.retellUrl, number, say, **kwargs)

    async def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Read the database as its superuser."""
        connection = await asyncpg.connect(self.state.postgresDsn)
        try:
            return [dict(row) for row in await connection.fetch(sql, *values)]
        finally:
            await connection.close()


async def apply_with_number(demo: Demo, file: Path, namespace: str, key: str, number: str) -> None:
    """Import a number into a Retell workspace, apply a tenant's manifests, and wait until all is Ready and the number is bound."""
    retell = demo.state.retellUrl
    await assign_number(retell, key, number, move=False)
    await demo.kubectl("apply", "--server-side", "-f", str(file))
    await demo.wait_until_ready(namespace)

    async def bound() -> bool:
        workspace = (await fetch(f"{retell}/_sim/state"))["workspaces"][key]
        return bool(workspace["numbers"][number].get("inbound_agents"))

    await eventually(bound, 60, f"{number} to be bound")


async def fetch(url: str, method: str = "GET", **kwargs: Any) -> Any:
    """Send a request and return the JSON of the response; an error status raises."""
    async with (
        aiohttp.ClientSession(raise_for_status=True) as session,
        session.request(method, url, **kwargs) as response,
    ):
        return await response.json()


async def play(directory: Path, *, keep: bool, kill: bool) -> tuple[DemoResult, str]:
    """Play the demo's scenario, and return its outcome and the text that a person saw."""
    screen = io.StringIO()
    outcome = await run_demo(
        keep=keep, kill=kill, console=Console(file=screen, width=132), directory=directory, dies_with_parent=True
    )
    return outcome, screen.getvalue()


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
