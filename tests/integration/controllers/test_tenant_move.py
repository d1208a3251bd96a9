"""One tenant moves to another cluster and database by `askproai tenant export` and `import`.

There are two API servers, two databases and two operators, and the providers that both of them use.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import redis.asyncio
from click.testing import Result
from typer.testing import CliRunner

from askproai_cli.main import app
from askproai_cli.tenant_move import Destination, archive, import_tenant
from askproai_core.api_resource import ADOPT_DATA, ADOPT_FROM
from askproai_core.data_keys import DATA_KEYS
from askproai_core.kube import HttpTransport, read_access
from askproai_operator import resources
from askproai_operator.grants import Subject, SubjectKind
from askproai_runtime.encryption import BodyCipher, Place
from askproai_sandbox.cluster import ControlPlane, KubeClient
from askproai_sandbox.postgres import EmbeddedPostgres
from askproai_sandbox.redis import EmbeddedRedis
from tests.integration.conftest import CRDS
from tests.worlds.clock import FixedClock
from tests.worlds.databases import Database, TenantStore, fresh_database
from tests.worlds.operator_environment import RunningOperator, TenantNamespace, running_operator
from tests.worlds.tenant_books import Books, read_books
from tests.worlds.tenant_reconciles import rows
from tests.worlds.tenant_rows import connected, fill
from tests.worlds.waiting import SOON, eventually

pytestmark = [pytest.mark.usefixtures("clear_faults"), pytest.mark.nightly]
NAME = "salon-mueller"
SAID = b'{"event": "call_ended", "said": "Bitte einen Termin"}'


@pytest.fixture(scope="module")
async def operator(
    control_plane: ControlPlane, crds: None, module_database: Database, valkey: EmbeddedRedis
) -> AsyncIterator[RunningOperator]:
    """The operator of the cluster that the tenant leaves. Its tenants encrypt."""
    async with running_operator(control_plane, module_database, valkey, encrypt_bodies=True) as running:
        yield running


@pytest.fixture(scope="module")
async def other_plane(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ControlPlane]:
    async with ControlPlane(tmp_path_factory.mktemp("other-plane")) as plane:
        await plane.kubectl("apply", "--server-side", "-f", str(CRDS))
        await plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(CRDS))
        yield plane


@pytest.fixture(scope="module")
async def other_database(postgres: EmbeddedPostgres) -> AsyncIterator[Database]:
    async with fresh_database(postgres) as fresh:
        yield fresh


@pytest.fixture(scope="module")
async def other_operator(
    operator: RunningOperator,
    other_plane: ControlPlane,
    other_database: Database,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[RunningOperator]:
    """The operator of the cluster to which the tenant moves: another installation, with the same Retell and Cal.com."""
    server = EmbeddedRedis(tmp_path_factory.mktemp("other-valkey"))
    await server.start()
    async with running_operator(
        other_plane, other_database, server, installation_id="inst-2", providers=operator.provided, encrypt_bodies=True
    ) as running:
        yield running
    await server.remove()


@pytest.fixture
async def moved(
    namespace: TenantNamespace, other_operator: RunningOperator, other_plane: ControlPlane
) -> AsyncIterator[TenantNamespace]:
    """The tenant's namespace in the other cluster, which does not have it yet."""
    async with KubeClient(other_plane.kubeconfig) as client:
        yield TenantNamespace(
            other_operator, client, namespace.name, namespace.retell_key, namespace.calcom_key, namespace.number
        )


@pytest.fixture(autouse=True)
def quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Derive keys cheaply: the usual cost is for an attacker's guesses."""
    monkeypatch.setattr(archive, "_derive", lambda passphrase, salt: (passphrase.encode() + salt).ljust(32)[:32])


class Mover:
    """The commands of a person who moves a tenant, at one cluster or the other."""

    def __init__(self, folder: Path) -> None:
        self.file, self.passphrase = folder / "salon.askproai", folder / "passphrase"
        self.passphrase.write_text("correct horse battery\n")

    async def run(self, plane: ControlPlane, *arguments: str) -> Result:
        common = ("--kubeconfig", str(plane.kubeconfig), "--passphrase-file", str(self.passphrase))
        return await asyncio.to_thread(CliRunner().invoke, app, ["tenant", *arguments, *common])

    async def export(self, plane: ControlPlane, namespace: TenantNamespace, dsn: str, *more: str) -> Result:
        return await self.run(plane, "export", "-t", namespace.tenant, "--to", str(self.file), "--dsn", dsn, *more)

    async def import_(self, plane: ControlPlane, dsn: str, *more: str) -> Result:
        return await self.run(
            plane, "import", str(self.file), "--dsn", dsn, "--operator-namespace", "default", "--suspended", *more
        )


@pytest.fixture
def mover(tmp_path: Path) -> Mover:
    return Mover(tmp_path)


async def at_retell(namespace: TenantNamespace, method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {namespace.retell_key}"}
    async with (
        aiohttp.ClientSession(raise_for_status=True, headers=headers) as session,
        session.request(method, namespace.operator.settings.retell_base_url + path, json=body) as response,
    ):
        return await response.json()


def workspace(namespace: TenantNamespace) -> dict[str, Any]:
    found: dict[str, Any] = namespace.operator.retell.dump()["workspaces"][namespace.retell_key]
    return found


async def books_of(database: Database, namespace: TenantNamespace) -> Books:
    async with connected(database.superuser_dsn) as conn:
        return await read_books(conn, namespace.tenant)


def cipher_of(namespace: TenantNamespace, keys: str) -> BodyCipher:
    later = FixedClock(datetime.now(UTC) + timedelta(hours=1))  # when all pods have the key
    return BodyCipher(namespace.tenant, lambda: keys, lambda: True, later)


async def open_salon(namespace: TenantNamespace, database: Database, **tenant: Any) -> None:
    """Have a suspended salon with an agent, its number, and rows in every table, one of them encrypted."""
    number = {"phone_number": namespace.number, "termination_uri": "sip.example"}
    await namespace.create_salon("Branch")
    await namespace.create("ServiceOffering", spec={"calcom": None})
    live = await namespace.create("Tenant", spec=tenant)
    await namespace.wait_until_ready()
    await at_retell(namespace, "POST", "/import-phone-number", number)
    await namespace.create("RetellAgent")
    await namespace.wait_for_condition("Ready", "True", "Suspended", kind="RetellAgent", name="mitte")
    await namespace.operator.context.redis.publish_durability()  # as the operator does at each resync
    key = namespace.tenant
    dsn = (await namespace.secret_data(f"{NAME}-runtime"))["DATABASE_URL"]
    found = await rows(database, "SELECT branch, staff, unit, id FROM resources WHERE tenant = $1", key)
    ids = {(row["branch"], row["staff"], row["unit"]): row["id"] for row in found}
    await fill(TenantStore(key, live["metadata"]["uid"], "", dsn, ids))
    keys = (await namespace.secret_data(f"{NAME}-data-keys"))[DATA_KEYS]
    body = cipher_of(namespace, keys).encrypt(Place.EVENT, "retell/call_9:call_ended", SAID)
    assert SAID not in body
    async with connected(dsn) as conn:
        await conn.execute(
            """INSERT INTO webhook_events (tenant, source, event_id, event_type, payload, status, correlation_id)
               VALUES ($1, 'retell', 'call_9:call_ended', 'call_ended', $2, 'dead', 'c')""",
            key, body,
        )  # fmt: skip
        await conn.execute(
            """INSERT INTO jobs (tenant, kind, priority, event_id, state, attempts, last_error, correlation_id)
               SELECT tenant, 'webhook-event', 'high', id, 'dead', 5, 'no answer', 'c' FROM webhook_events
               WHERE event_id = 'call_9:call_ended'"""
        )


async def broken_off_imports(mover: Mover, plane: ControlPlane, database: Database, moved: TenantNamespace) -> int:
    """Repeat the import, interrupted one write later each time; return the number of interrupted imports.

    The data keys always come before the rows: otherwise a Tenant from git could make new keys for the rows.
    """
    for allowed in range(20):
        left = iter(range(allowed))

        def before_write(left: Any = left) -> None:
            if next(left, None) is None:
                raise ConnectionAbortedError

        async with HttpTransport(partial(read_access, plane.kubeconfig), before_write=before_write) as transport:
            try:
                await import_tenant(
                    transport, Destination(database.dsn, "default", suspended=True), mover.file, "correct horse battery"
                )
            except ConnectionAbortedError:
                has_rows = any((await books_of(database, moved)).values())
                for suffix in ("data-keys", "admin") if has_rows else ():
                    assert await moved.get("Secret", f"{NAME}-{suffix}") is not None
                continue
        return allowed
    raise AssertionError("the import does not end")


async def test_moved_tenant_has_everything_exactly_once(
    namespace, moved, mover, control_plane, other_plane, module_database, other_database, valkey
):
    await open_salon(namespace, module_database, dataPolicy="Erase")
    before, token = await books_of(module_database, namespace), await namespace.secret_data(f"{NAME}-admin")
    (agent,), (llm,) = workspace(namespace)["agents"], workspace(namespace)["llms"]
    bound = workspace(namespace)["numbers"][namespace.number]["inbound_agents"]
    assert [entry["agent_id"] for entry in bound] == [agent]
    (former_webhook,) = namespace.calcom_webhooks()

    exported = await mover.export(
        control_plane, namespace, module_database.dsn, "--redis-url", valkey.admin_url, "--with-credentials"
    )
    assert exported.exit_code == 0, exported.output
    assert b"Erika" not in mover.file.read_bytes()
    await namespace.reconcile_again()
    await namespace.wait_for_condition("DatabaseReady", "False", "DataOwnedByOther")
    assert await broken_off_imports(mover, other_plane, other_database, moved) >= 6
    imported = await mover.import_(other_plane, other_database.dsn)
    assert imported.exit_code == 0, imported.output
    assert "created nothing" in imported.output

    await moved.wait_until_ready()
    await moved.wait_for_condition("Ready", "True", "Suspended", kind="RetellAgent", name="mitte")
    await moved.wait_for_event("Normal", "DataAdopted")
    assert await books_of(other_database, moved) == before
    assert await moved.secret_data(f"{NAME}-admin") == token, "links in sent mails, and whoever has the token"
    keys = (await moved.secret_data(f"{NAME}-data-keys"))[DATA_KEYS]
    stored = await rows(
        other_database,
        "SELECT payload FROM webhook_events WHERE tenant = $1 AND event_id = 'call_9:call_ended'",
        moved.tenant,
    )
    assert cipher_of(moved, keys).decrypt(Place.EVENT, "retell/call_9:call_ended", stored[0]["payload"]) == SAID
    assert ([*workspace(moved)["agents"]], [*workspace(moved)["llms"]]) == ([agent], [llm]), "taken over, not made"
    status = (await moved.get("RetellAgent", "mitte"))["status"]
    assert (status["agentId"], status["phoneNumbers"]) == (agent, [moved.number])
    tenant = await moved.get("Tenant")
    assert moved.calcom_webhooks() == [tenant["status"]["webhookUrls"]["calcom"]] != [former_webhook]
    grant = Subject(SubjectKind.NUMBER, moved.number).name
    assert await moved.operator.context.kube.get(resources.CONFIG_MAPS, "default", grant) is not None

    remote = json.dumps([workspace(moved), moved.calcom_webhooks()], sort_keys=True)
    for kind, name in (
        ("RetellAgent", "mitte"),
        ("ServiceOffering", "haarschnitt"),
        ("Branch", "mitte"),
        ("Tenant", NAME),
    ):
        await namespace.client.delete(namespace.path(kind, name))
    await namespace.wait_until_gone("Tenant")
    assert json.dumps([workspace(moved), moved.calcom_webhooks()], sort_keys=True) == remote, "of the destination now"
    assert set(map(len, (await books_of(module_database, namespace)).values())) == {0}, "dataPolicy Erase"
    assert await books_of(other_database, moved) == before


async def test_tenant_still_booking_or_acknowledging_is_not_exported(
    namespace, mover, control_plane, module_database, valkey
):
    await open_salon(namespace, module_database)
    redis_url = ("--redis-url", valkey.admin_url)

    async def refusal(*more: str) -> str:
        refused = await mover.export(control_plane, namespace, module_database.dsn, *more)
        assert refused.exit_code == 1, refused.output
        assert not mover.file.exists()
        return refused.output

    assert "give --redis-url" in await refusal()
    other = ("--redis-url", f"{valkey.admin_url.rstrip('/')}/1")
    assert "it is not the installation's" in await refusal(*other)
    pod = {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "late", "labels": {"askproai.de/tenant": NAME}},
        "spec": {"containers": [{"name": "web", "image": "x"}]},
    }  # fmt: skip
    pods = resources.PODS.path(namespace.name)
    await namespace.client.create(pods, pod)
    assert "its pods late have not ended yet" in await refusal(*redis_url)
    await namespace.client.delete(f"{pods}/late", {"gracePeriodSeconds": 0})
    async with redis.asyncio.from_url(valkey.admin_url) as client:
        await client.xadd(f"askproai:{namespace.name}.{NAME}:spool", {"e": "x"})
        assert "1 acknowledged events wait in Redis" in await refusal(*redis_url)
        await client.rename(
            f"askproai:{namespace.name}.{NAME}:spool", f"askproai:{namespace.name}.{NAME}:spool:unstorable"
        )
        assert "1 acknowledged events that the database did not take" in await refusal(*redis_url)
        await client.delete(f"askproai:{namespace.name}.{NAME}:spool:unstorable")
    await namespace.edit({"suspend": False})
    assert "it is not suspended" in await refusal(*redis_url)
    owner = await rows(module_database, "SELECT uid FROM tenants WHERE tenant = $1", namespace.tenant)
    assert ":" not in owner[0]["uid"], "a refused export takes nothing from the tenant"


async def test_import_is_refused_where_tenant_or_number_exists(
    namespace, moved, mover, control_plane, other_plane, module_database, other_database
):
    await open_salon(namespace, module_database)
    exported = await mover.export(control_plane, namespace, module_database.dsn, "--spool-is-empty")
    assert exported.exit_code == 0, exported.output
    assert "not in the file: the Secrets providers" in exported.output
    here = await mover.import_(control_plane, module_database.dsn)
    assert (here.exit_code, f"has a Tenant {NAME} in namespace" in here.output) == (1, True), here.output

    resident = TenantNamespace(moved.operator, moved.client, f"{moved.name}-b", number=moved.number)
    await moved.client.create("/api/v1/namespaces", {"kind": "Namespace", "metadata": {"name": resident.name}})
    await resident.create_salon("Branch", "Tenant")
    await resident.wait_for_condition("NumbersValid", "True", kind="Branch", name="mitte")
    taken = await mover.import_(other_plane, other_database.dsn)
    assert (taken.exit_code, f"another tenant has {moved.number}" in taken.output) == (1, True), taken.output
    assert await moved.get("Tenant") is None
    assert set(map(len, (await books_of(other_database, moved)).values())) == {0}
    await moved.client.delete(resident.path("Branch", "mitte"))

    async def is_free() -> bool:
        grant = Subject(SubjectKind.NUMBER, moved.number).name
        return await moved.operator.context.kube.get(resources.CONFIG_MAPS, "default", grant) is None

    await eventually(is_free, SOON, "the number to be free")
    imported = await mover.import_(other_plane, other_database.dsn)
    assert imported.exit_code == 0, imported.output
    assert f"create Secret providers in namespace {moved.name}" in imported.output
    await moved.wait_for_condition("CredentialsValid", "False")
    await moved.write_secret()
    await moved.wait_until_ready()


async def test_tenant_from_installation_with_same_id_is_refused(namespace):
    """Both have the same marker at Retell: the deletion at the source, the last step of a move, would delete the agents here."""
    await namespace.write_secret()
    adopting = {ADOPT_DATA: "uid-there:0123456789abcdef", ADOPT_FROM: namespace.operator.context.installation_id}
    await namespace.create("Tenant", annotations=adopting)
    refused = await namespace.wait_for_condition("DatabaseReady", "False")
    assert "another settings.installationId" in refused["message"]
