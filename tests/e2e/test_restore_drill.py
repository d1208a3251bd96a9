"""A whole installation is lost and restored, as docs/install.md says: from a dump, the saved Secrets and grants, and git.

Everything of Kubernetes, PostgreSQL and Redis is deleted; objects at Retell and Cal.com stay, as after a real loss.
"""

import asyncio
import base64
import json
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
import redis.asyncio
import yaml

from askproai_sandbox.demo.environment import PROJECT
from askproai_sandbox.demo.run import end_demo
from askproai_sandbox.example_tenant import SALON
from askproai_sandbox.postgres import EmbeddedPostgres
from tests.worlds.running_demo import Demo, apply_with_number, fetch, play
from tests.worlds.waiting import eventually

pytestmark = pytest.mark.nightly

PRACTICE, PRACTICE_KEY, PRACTICE_NUMBER = "praxis-weber.praxis-weber", "key_demo_praxis", "+492217654321"
NAMESPACES = ("salon-mueller", "praxis-weber")
KINDS = ("tenants.askproai.de", "branches", "serviceofferings", "retellagents")
FILES = ("salon.yaml", "second-tenant.yaml")
# Fields that a cluster sets itself; docs/install.md removes them by jq
OF_THE_CLUSTER = ("resourceVersion", "managedFields", "creationTimestamp", "finalizers", "ownerReferences", "uid")
BOOKED = """SELECT tenant, branch, service, staff, customer_name, starts_at, ends_at, status, external_id, call_id
            FROM appointments WHERE status <> 'held' ORDER BY tenant, starts_at, staff"""

EVENTS = "SELECT tenant, source, event_id, payload, status FROM webhook_events ORDER BY tenant, source, event_id"


@pytest.fixture
async def lost_demo(tmp_path: Path) -> AsyncIterator[Demo]:
    directory = tmp_path / "demo"
    outcome, text = await play(directory, keep=True, kill=False)
    yield Demo(directory, outcome, text)
    await asyncio.shield(end_demo(directory))


class Drill:
    """The steps of a loss and of its restore."""

    def __init__(self, demo: Demo, folder: Path) -> None:
        self.demo, self.dump = demo, folder / "askproai.dump"
        self.postgres = EmbeddedPostgres(demo.directory / "postgres").binaries
        self.superuser = demo.state.postgresDsn
        server = urlsplit(self.superuser).netloc.rpartition("@")[2]
        self.admin = f"postgresql://askproai_admin:demo-admin@{server}/askproai"
        self.nightly = f"postgresql://nightly:n@{server}/askproai"
        self.saved: list[dict[str, Any]] = []

    async def back_up(self) -> None:
        """Save what belongs together: the database, Secrets and grants. The custom resources are in git."""
        await self._sql("CREATE ROLE nightly LOGIN PASSWORD 'n' IN ROLE askproai_backup")
        dump = ("--role=askproai_backup", "--enable-row-security", "-Fc", "-f", str(self.dump), self.nightly)
        await run(self.postgres / "pg_dump", *dump)
        for namespace in NAMESPACES:
            self.saved += await self._objects("secrets", "-n", namespace)
        self.saved += await self._objects("configmaps", "-n", "askproai-system", "-l", "askproai.de/grant")
        for saved in self.saved:
            for name in OF_THE_CLUSTER:
                saved["metadata"].pop(name, None)

    async def grants(self) -> dict[str, Any]:
        """Return who holds which host, number and key, without the UIDs, which are new after a restore."""
        found = await self._objects("configmaps", "-n", "askproai-system", "-l", "askproai.de/grant")
        kept = [json.loads(each["metadata"]["annotations"]["askproai.de/grant-holders"]) for each in found]
        return {
            f"{each['kind']} {each['value']}": [{**holder, "uid": ""} for holder in each["holders"]] for each in kept
        }

    async def lose(self) -> None:
        """Delete everything of Kubernetes, PostgreSQL and Redis, while the operator does not run."""
        self._signal_operator(signal.SIGSTOP)
        for namespace in NAMESPACES:
            for kind in (*KINDS, "secrets"):
                for each in await self._objects(kind, "-n", namespace):
                    name = each["metadata"]["name"]
                    patch = ("--type=merge", "-p", '{"metadata": {"finalizers": null}}')
                    await self.demo.kubectl("patch", kind, name, "-n", namespace, *patch)
            await self.demo.kubectl("delete", "namespace", namespace, "--timeout=60s")
        await self.demo.kubectl("delete", "secrets,leases", "--all", "-n", "askproai-system")
        await self.demo.kubectl("delete", "configmaps", "-l", "askproai.de/grant", "-n", "askproai-system")
        await self._sql("DROP DATABASE askproai WITH (FORCE)", database="postgres")
        roles = "SELECT rolname FROM pg_roles WHERE rolname LIKE 'askproai_t_%' OR rolname IN ('nightly', 'askproai_coordinator')"
        for role in await self._sql(roles, database="postgres"):
            await self._sql(f'DROP ROLE "{role["rolname"]}"', database="postgres")
        async with redis.asyncio.from_url(self.demo.state.redisUrl) as client:
            await client.flushall()
            own = urlsplit(self.demo.state.redisUrl).username
            for user in map(as_text, await client.acl_users()):
                if user not in {own, "default"}:
                    await client.acl_deluser(user)

    async def restore(self) -> None:
        """Follow "The order of a restore", until everything is Ready."""
        await self._sql("CREATE DATABASE askproai OWNER askproai_admin", database="postgres")
        await run(Path(sys.executable).with_name("askproai-runtime"), "migrate", "roles", "--dsn", self.admin)
        await run(self.postgres / "pg_restore", "--no-owner", "--role=askproai_owner", "-d", self.admin, str(self.dump))
        await run(self.postgres / "psql", self.admin, "-c", "SET ROLE askproai_owner", "-c", "ANALYZE")
        namespaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in NAMESPACES]
        await self._apply([*namespaces, *self.saved])
        self._signal_operator(signal.SIGKILL)  # the demo starts it again, as an installed chart does
        for file in FILES:
            await self.demo.kubectl("apply", "--server-side", "-f", str(PROJECT / "examples" / file))
        for namespace in NAMESPACES:
            await self.demo.wait_until_ready(namespace)

    def _signal_operator(self, number: signal.Signals) -> None:
        for pid in self.demo.state.pids["operator"]:
            os.kill(pid, number)

    async def _objects(self, *arguments: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(await self.demo.kubectl("get", *arguments, "-o", "json"))["items"]
        return found

    async def _apply(self, objects: list[dict[str, Any]]) -> None:
        file = self.dump.with_suffix(".yaml")
        file.write_text(yaml.safe_dump_all(objects))
        await self.demo.kubectl("apply", "--server-side", "-f", str(file))

    async def _sql(self, statement: str, database: str = "askproai") -> list[asyncpg.Record]:
        connection = await asyncpg.connect(re.sub(r"/\w+$", f"/{database}", self.superuser))
        try:
            found: list[asyncpg.Record] = await connection.fetch(statement)
            return found
        finally:
            await connection.close()


def as_text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


async def run(program: Path, *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()


async def remote_objects(demo: Demo) -> dict[str, Any]:
    """Return what the two tenants have at Retell and Cal.com, that must be the same before and after."""
    workspaces = (await fetch(f"{demo.state.retellUrl}/_sim/state"))["workspaces"]
    of_salon = (await fetch(f"{demo.state.calcomUrl}/_sim/state"))["accounts"][SALON.calcom_key]
    keys = (SALON.retell_key, PRACTICE_KEY)
    return {
        "agents": sorted(agent for key in keys for agent in workspaces[key]["agents"]),
        "llms": sorted(llm for key in keys for llm in workspaces[key]["llms"]),
        "numbers": {
            number: fields.get("inbound_agents")
            for key in keys
            for number, fields in workspaces[key]["numbers"].items()
        },
        "webhooks": len(of_salon["webhooks"]),
    }


async def book(demo: Demo, number: str, day: Any, hour: int, name: str) -> None:
    """Book by a call; a booking that its answer acknowledges must not be lost."""
    args = {"start": f"{day:%Y-%m-%d}T{hour:02}:00", "customer_name": name}
    record = await demo.call(number, "Guten Tag", args=[{"name": "book_appointment", "args": args}])
    (answer,) = record.answers("book_appointment")
    assert answer["success"], answer


def token_of(saved: list[dict[str, Any]], secret: str) -> str:
    (found,) = (each for each in saved if each["metadata"]["name"] == secret)
    return base64.b64decode(found["data"]["token"]).decode()


@pytest.mark.timeout(600)
async def test_lost_installation_is_restored_from_its_backups(lost_demo: Demo, tmp_path, capsys) -> None:
    demo = lost_demo
    await apply_with_number(demo, PROJECT / "examples" / FILES[1], "praxis-weber", PRACTICE_KEY, PRACTICE_NUMBER)
    (day,) = await demo.open_days(1, 3)
    await book(demo, SALON.number, day, 10, "Gisela Kunert")
    await book(demo, PRACTICE_NUMBER, day, 9, "Gregor Patzelt")
    drill = Drill(demo, tmp_path)
    await drill.back_up()
    saved, events, grants = await demo.rows(BOOKED), await demo.rows(EVENTS), await drill.grants()
    assert events, "there are events to lose"
    await book(demo, SALON.number, day, 12, "Sabine Kunert")
    await book(demo, PRACTICE_NUMBER, day, 11, "Stefan Patzelt")
    remote = await remote_objects(demo)

    await drill.lose()
    began = time.monotonic()
    await drill.restore()
    ready = time.monotonic() - began
    await book(demo, SALON.number, day, 14, "Erna Danner")
    answered = time.monotonic() - began

    assert await remote_objects(demo) == remote, "everything at the providers is taken over, and nothing is made twice"
    after = await demo.rows(BOOKED)
    assert [row for row in saved if row not in after] == []
    kept = await demo.rows(EVENTS)
    assert [row for row in events if row not in kept] == [], "each event of the dump is there, and as far as it was"
    assert await drill.grants() == grants, "hosts, numbers and keys are of those who had them"

    async def returned() -> list[dict[str, Any]]:
        return [row for row in await demo.rows(BOOKED) if row["customer_name"] == "Sabine Kunert"]

    assert len(await eventually(returned, 240, "the booking that only Cal.com still has", every=1)) == 1
    back = time.monotonic() - began
    names = [row["customer_name"] for row in await demo.rows(BOOKED)]
    assert "Stefan Patzelt" not in names, "the local calendar is as old as the dump: its recovery point"
    assert demo.state.adminTokens[SALON.tenant] == token_of(drill.saved, "salon-mueller-admin"), "the token goes on"
    with capsys.disabled():
        sys.stdout.write(
            f"\nrestore: all Ready after {ready:.1f} s, the first call booked after {answered:.1f} s,"
            f" what only Cal.com still had is here after {back:.1f} s\n"
        )
