"""At debug level neither the operator nor the coordinator logs who called, what was said, or a key.

The logs of a tenant's own pods: tests/integration/web/test_canary.py.
"""

import base64
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import pytest

from askproai_operator import resources
from askproai_operator.orphans import LABEL
from askproai_sandbox.cluster import Child, spawn
from tests.load.scale import salons
from tests.load.scale.environment import SYSTEM, ScaleEnvironment, open_environment
from tests.worlds.databases import TenantStore
from tests.worlds.fleet_page_environment import TOKEN
from tests.worlds.page_rows import CALLER, ILLNESS, NAME, seed
from tests.worlds.page_visitor import visiting
from tests.worlds.waiting import SOON, eventually

pytestmark = [pytest.mark.control_plane, pytest.mark.processes, pytest.mark.nightly]
SALON = salons.salon(1)
# PostgreSQL's errors quote the row that broke a rule, and so do texts made from the error.
BREAK = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE check_violation USING MESSAGE = 'row violates a rule', DETAIL = 'Failing row contains ' || OLD::text;
END $$;
CREATE TRIGGER refuse BEFORE UPDATE OR DELETE ON calls FOR EACH ROW EXECUTE FUNCTION refuse();
CREATE TRIGGER refuse BEFORE DELETE ON appointments FOR EACH ROW EXECUTE FUNCTION refuse();
"""


@dataclass(frozen=True)
class Rows:
    """A tenant's rows in the operator's database; `db` is a superuser's connection."""

    store: TenantStore
    db: Any


async def plant(env: ScaleEnvironment) -> asyncpg.Connection:
    """Write a caller's rows for the tenant that the operator has made: old ones, which the coordinator has to empty, too.

    Return the connection of a superuser.
    """
    db = await asyncpg.connect(env.postgres.superuser_dsn.removesuffix("postgres") + "askproai")
    rows = await db.fetch("SELECT id, branch, staff, unit FROM resources WHERE tenant = $1", SALON.tenant)
    units = {(row["branch"], row["staff"], row["unit"]): row["id"] for row in rows}
    await seed(Rows(TenantStore(SALON.tenant, "", "", "", units), db), NAME, ILLNESS)
    await db.execute(
        "UPDATE calls SET started_at = now() - interval '1000 days', updated_at = now() - interval '1000 days'"
    )
    await db.execute(
        """WITH hold AS (
               INSERT INTO appointments (tenant, branch, service, staff, customer_name, caller, starts_at, ends_at, status,
                                         correlation_id)
               VALUES ($1, 'mitte', 'haarschnitt', 'anna', $2, $3, now(), now() + interval '1 hour', 'held', 'c') RETURNING *)
           INSERT INTO claims (tenant, appointment_id, resource_id, blocks, state, expires_at)
           SELECT $1, id, $4, tstzrange(starts_at, ends_at), 'held', now() - interval '1 hour' FROM hold""",
        SALON.tenant, NAME, CALLER, units["mitte", "anna", 1],
    )  # fmt: skip
    return db


async def secret_values(env: ScaleEnvironment, namespace: str) -> dict[str, str]:
    """Return what the Secrets of a namespace hold, by Secret and key."""
    found = (await env.client.get(resources.SECRETS.path(namespace)))["items"]
    return {
        f"{each['metadata']['name']}/{key}": base64.b64decode(value).decode(errors="replace")
        for each in found
        for key, value in (each.get("data") or {}).items()
    }


@asynccontextmanager
async def running_coordinator(env: ScaleEnvironment, folder: Path) -> AsyncIterator[Child]:
    """Run the coordinator at debug level with the Secret that the operator wrote; all its tasks run periodically."""
    values = await secret_values(env, SYSTEM)
    for name in ("DATABASE_URL", "REDIS_URL"):
        (folder / name).write_text(values[f"askproai-coordinator/{name}"])
    (folder / "FLEET_TOKEN").write_text(TOKEN)
    settings = {
        "KUBECONFIG": env.plane.kubeconfig_of("scale"), "NAMESPACE": SYSTEM, "CREDENTIALS_DIR": folder, "LOG_LEVEL": "debug",
        "BIND_ADDRESS": "127.0.0.1", "HEALTH_PORT": 0, "FLEET_PAGE_PORT": 0, "SWEEP_SECONDS": 0.2, "COUNT_SECONDS": 0.2,
        "CIRCUIT_SECONDS": 0.2, "RETENTION_SECONDS": 0.5,
    }  # fmt: skip
    environment = os.environ | {f"ASKPROAI_{name}": str(value) for name, value in settings.items()}
    command = [Path(sys.executable).with_name("askproai-runtime"), "coordinator"]
    child = await spawn("coordinator", command, directory=folder, environment=environment)
    try:
        await eventually(lambda: entries(child, "lease.acquired"), SOON, "the coordinator to lead")
        yield child
    finally:
        await child.stop()


def entries(child: Child, event: str) -> list[dict[str, Any]]:
    lines = [line for line in child.log.read_text().splitlines() if line.startswith("{")]
    return [entry for entry in map(json.loads, lines) if entry["event"] == event]


@dataclass(frozen=True)
class CoordinatorsPage:
    """The fleet's page of a coordinator's process."""

    private_url: str
    page_url: str = ""


async def use_fleet_page(coordinator: Child) -> str:
    """Open each view, and one that does not exist, and be refused. Return what the page has shown."""
    port = entries(coordinator, "coordinator.started")[0]["page_port"]
    async with visiting(CoordinatorsPage(f"http://127.0.0.1:{port}")) as visitor:
        assert await visitor.log_in(f"{NAME} {CALLER}") == 403, "a token that somebody has mixed up"
        assert await visitor.log_in(TOKEN, "Karin") == 303
        tenant = f"/tenants/{SALON.namespace}/{SALON.namespace}"

        async def shown() -> str | None:
            status, text, _ = await visitor.get(tenant)
            return text if status == 200 else None

        seen = await eventually(shown, SOON, "the tenant on the fleet's page")
        for path in ("/", f"/?q={CALLER[1:]}", "/?rows=all", "/tenants/none/none"):
            seen += (await visitor.get(path))[1].replace(CALLER[1:], "")  # the search text is in its field
        return seen


async def delete_with_rows_that_cannot_go(env: ScaleEnvironment, path: str) -> None:
    """Delete the Tenant with its rows, and wait until the operator has recorded that it cannot erase them."""
    await env.client.merge(path, {"spec": {"dataPolicy": "Erase"}})
    await env.client.delete(resources.AGENTS.path(SALON.namespace, "mitte"))
    await env.client.delete(path)

    async def on_record() -> bool:
        found = (await env.client.get(resources.SECRETS.path(SYSTEM)))["items"]
        return any(LABEL in (each["metadata"].get("labels") or {}) for each in found)

    await eventually(on_record, 2 * SOON, "the rows on record as left behind", 0.2)


@pytest.fixture
def coordinators_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "coordinator"
    folder.mkdir()
    return folder


async def test_planted_secret_is_in_no_output(tmp_path, coordinators_folder):
    outputs: dict[str, str] = {}
    async with open_environment(tmp_path, lambda _: None, durable=False) as env:
        await salons.seed([1], env.urls["retell"], env.urls["calcom"])
        operator = await env.start_operator(
            "operator", ASKPROAI_LOG_LEVEL="DEBUG", ASKPROAI_DELETION_BUDGET_SECONDS="2"
        )
        await salons.apply(env.client, [1])
        path = resources.TENANTS.path(SALON.namespace, SALON.namespace)

        async def is_ready() -> bool:
            conditions = ((await env.client.get(path)).get("status") or {}).get("conditions") or ()
            return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

        await eventually(is_ready, 2 * SOON, "the Tenant", 0.2)
        values = await secret_values(env, SALON.namespace) | await secret_values(env, SYSTEM)
        db = await plant(env)
        await db.execute(BREAK)
        async with running_coordinator(env, coordinators_folder) as coordinator:
            await eventually(
                lambda: {each["duty"] for each in failed(coordinator)} >= {"retention", "holds"}, SOON, "failures"
            )
            outputs["the fleet's page"] = await use_fleet_page(coordinator)
            outputs["coordinator's metrics"] = await metrics_of(entries(coordinator, "coordinator.started")[0]["port"])
            await delete_with_rows_that_cannot_go(env, path)
        outputs["operator's metrics"] = await metrics_of(operator.port)
        for name, child in (("operator", operator.child), ("coordinator", coordinator)):
            outputs[f"log of the {name}"] = child.log.read_text()
        assert '"level": "debug"' in outputs["log of the operator"], "the coordinator logs nothing at that level"
        kinds = ("tenants.askproai.de", "branches", "serviceofferings", "retellagents", "configmaps", "events")
        outputs["objects"] = await env.plane.kubectl("get", ",".join(kinds), "-A", "-o", "yaml")
        await db.close()
    needles = {
        *NAME.split(),
        CALLER[3:],
        ILLNESS,
        TOKEN,
        "scale-admin",
        *chain.from_iterable(map(keys_in, values.values())),
    }
    assert len(needles) > 10
    found = [(where, needle) for where, text in outputs.items() for needle in sorted(needles) if needle in text]
    assert found == []


def failed(coordinator: Child) -> list[dict[str, Any]]:
    return (
        entries(coordinator, "duty.failed")
        + entries(coordinator, "duty.tenant_failed")
        + entries(coordinator, "duty.put_off")
    )


async def metrics_of(port: int) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as answer:
        return await answer.text()


def keys_in(value: str) -> set[str]:
    """Return the keys in a value of a Secret, such as a URL's password, but no names, numbers or addresses."""
    url = urlsplit(value)
    if url.scheme.startswith(("http", "postgres", "redis")):
        return {url.password} if url.password else set()
    return {value} if len(value) >= 12 and value.isprintable() else set()
