"""A tenant's data keys are made once and kept: without a key its bodies are no longer readable."""

import base64
from collections.abc import AsyncIterator

import asyncpg
import pytest

from askproai_core.data_keys import DATA_KEYS, DataKeys, decode_data_keys, encode_data_keys
from askproai_operator import resources
from askproai_operator.controllers.tenant.kept_keys import kept_name
from askproai_operator.store import admin
from askproai_sandbox.cluster import ControlPlane
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.databases import Database
from tests.worlds.operator_environment import RunningOperator, TenantNamespace, running_operator
from tests.worlds.tenant_reconciles import rows
from tests.worlds.waiting import SOON, eventually, until

pytestmark = [pytest.mark.usefixtures("clear_faults"), pytest.mark.nightly]
SECRET = "salon-mueller-data-keys"


@pytest.fixture(scope="module")
async def operator(
    control_plane: ControlPlane, crds: None, module_database: Database, valkey: EmbeddedRedis
) -> AsyncIterator[RunningOperator]:
    """An operator whose tenants encrypt."""
    async with running_operator(control_plane, module_database, valkey, encrypt_bodies=True) as running:
        yield running


async def keys_of(namespace: TenantNamespace) -> DataKeys:
    return decode_data_keys((await namespace.secret_data(SECRET)).get(DATA_KEYS, "{}"))


async def start(namespace: TenantNamespace) -> DataKeys:
    """Create the salon, and return its keys."""
    await namespace.open_salon("Branch", "Tenant")
    await namespace.wait_for_condition("BodiesEncrypted", "True", "Pending")
    return await keys_of(namespace)


async def encrypts(namespace: TenantNamespace) -> bool:
    return bool((await namespace.config()).get("encrypt_bodies"))


async def store_encrypted(namespace: TenantNamespace, database: Database) -> None:
    """Store an event that begins as an encrypted one: the operator reads only the beginning."""
    insert = """INSERT INTO webhook_events (tenant, source, event_id, event_type, payload, correlation_id)
                VALUES ($1, 'retell', 'call_1:call_ended', 'call_ended', $2, 'c') RETURNING id"""
    await rows(database, insert, namespace.tenant, b"\0enc1p" + bytes(60))


async def test_repeated_reconciles_make_one_data_key(namespace):
    keys = await start(namespace)
    assert len(keys.keys) == 1
    copy = (await namespace.secret_data("salon-mueller-teardown"))[DATA_KEYS]
    assert decode_data_keys(copy).keys == keys.keys, "the reconcile that made the key writes the condition at its end"
    assert await encrypts(namespace)
    for _ in range(2):
        await namespace.reconcile_again()
    namespace.operator.context.kube._applied.clear()  # as after a restart
    await namespace.reconcile_again()
    assert await keys_of(namespace) == keys


async def test_slow_count_of_encrypted_rows_prevents_no_key(namespace, monkeypatch):
    """The query only decides whether a condition must warn; no Tenant waits for it."""

    async def canceled(*_: object) -> bool:
        raise asyncpg.QueryCanceledError("canceling statement due to statement timeout")

    monkeypatch.setattr(admin, "has_encrypted_rows", canceled)
    assert len((await start(namespace)).keys) == 1


async def test_rotate_annotation_adds_a_data_key_once(namespace):
    keys = await start(namespace)
    await namespace.annotate("rotate-data-key", "2026-11-24")
    after = await until(lambda: keys_of(namespace), lambda found: len(found.keys) > 1, "the new key")
    await namespace.reconcile_again()
    assert await keys_of(namespace) == after
    assert after.keys[0] == keys.keys[0]
    assert len(after.keys) == 2


async def test_deleted_secret_reports_the_lost_data_key(namespace, module_database):
    keys = await start(namespace)
    await store_encrypted(namespace, module_database)
    await namespace.reconcile_again()
    await namespace.client.delete(namespace.path("Secret", SECRET))
    lost = await namespace.wait_for_condition("BodiesEncrypted", "False", "DataKeyLost")
    assert f"restore Secret {SECRET} from your backup" in lost["message"]
    after = await keys_of(namespace)
    assert after.keys[0].id != keys.keys[0].id
    assert await encrypts(namespace), "with the new key"
    await namespace.wait_for_condition("Ready", "True")

    async def is_forgotten() -> bool:
        copy = (await namespace.secret_data("salon-mueller-teardown")).get(DATA_KEYS, "")
        await namespace.reconcile_again()
        return keys.keys[0].key not in copy

    await eventually(is_forgotten, SOON, "the copy for the deletion to go")


async def test_restored_data_key_secret_is_used_again(namespace, module_database):
    keys = await start(namespace)
    await store_encrypted(namespace, module_database)
    await namespace.client.delete(namespace.path("Secret", SECRET))
    await namespace.wait_for_condition("BodiesEncrypted", "False", "DataKeyLost")
    after = await keys_of(namespace)
    restored = encode_data_keys(DataKeys((*keys.keys, *after.keys)))
    await namespace.client.merge(namespace.path("Secret", SECRET), {"stringData": {DATA_KEYS: restored}})
    await namespace.wait_for_condition("BodiesEncrypted", "True", "Pending")
    assert [each.id for each in (await keys_of(namespace)).keys] == [each.id for each in (*keys.keys, *after.keys)]


async def test_secret_without_keys_is_neither_changed_nor_copied(namespace, kube_client):
    """The copies are the last that somebody could restore."""
    keys = await start(namespace)
    await namespace.client.merge(namespace.path("Secret", SECRET), {"stringData": {DATA_KEYS: "half of it"}})
    await namespace.wait_for_condition("BodiesEncrypted", "False", "DataKeysUnreadable")
    assert (await namespace.secret_data(SECRET))[DATA_KEYS] == "half of it"
    await namespace.wait_for_condition("Ready", "True")
    await namespace.reconcile_again()
    copy = (await namespace.secret_data("salon-mueller-teardown"))[DATA_KEYS]
    assert decode_data_keys(copy).keys == keys.keys
    await namespace.recreate()
    kept = resources.SECRETS.path("default", kept_name(namespace.tenant))
    stored = base64.b64decode((await kube_client.get(kept))["data"][DATA_KEYS]).decode()
    assert decode_data_keys(stored).keys == keys.keys


async def test_only_a_returning_tenant_gets_its_data_keys(namespace, kube_client):
    keys = await start(namespace)
    # Writes the copy for the deletion.
    await namespace.reconcile_again()
    await namespace.recreate()
    kept = resources.SECRETS.path("default", kept_name(namespace.tenant))
    assert (await kube_client.get(kept))["data"]

    await namespace.write_strangers_secret()
    await namespace.create("Branch")
    await namespace.create("Tenant")
    await namespace.wait_for_condition("DatabaseReady", "False", "DataOwnedByOther")
    assert await keys_of(namespace) == DataKeys()
    await namespace.client.delete(namespace.path("Tenant"))
    await namespace.wait_until_gone("Tenant")

    await namespace.recreate()
    assert [each.id for each in (await start(namespace)).keys] == [each.id for each in keys.keys]
    namespace_kept = await namespace.operator.context.kube.get(
        resources.SECRETS, "default", kept_name(namespace.tenant)
    )
    assert namespace_kept is None, "else a key that is destroyed would come back"


async def test_returning_tenant_has_keys_even_without_encrypted_rows(namespace, monkeypatch):
    """Its rows are still encrypted, and its events that wait would become dead letters."""
    keys = await start(namespace)
    await namespace.reconcile_again()
    await namespace.recreate()
    monkeypatch.setitem(vars(namespace.operator.context.settings), "encrypt_bodies", False)
    await namespace.create_salon("Branch", "Tenant")
    await namespace.wait_for_condition("BodiesEncrypted", "True", "NotRequested")
    assert [each.id for each in (await keys_of(namespace)).keys] == [each.id for each in keys.keys]
    assert not await encrypts(namespace)


async def test_deleted_recreated_tenant_destroys_no_retained_rows_key(namespace, kube_client):
    """Neither by `dataPolicy: Erase`, nor by keys of its own: the rows are another's."""
    keys = await start(namespace)
    await namespace.reconcile_again()
    await namespace.recreate()
    kept = resources.SECRETS.path("default", kept_name(namespace.tenant))
    before = (await kube_client.get(kept))["data"]
    for policy in ("Erase", "Retain"):
        await namespace.write_strangers_secret()
        own = {"metadata": {"name": SECRET, "namespace": namespace.name}, "stringData": {DATA_KEYS: "of a stranger"}}
        await namespace.client.create(resources.SECRETS.path(namespace.name), {"kind": "Secret", **own})
        await namespace.create("Branch")
        await namespace.create("Tenant", spec={"dataPolicy": policy})
        await namespace.wait_for_condition("DatabaseReady", "False", "DataOwnedByOther")
        await namespace.client.delete(namespace.path("Tenant"))
        await namespace.wait_until_gone("Tenant")
        assert (await kube_client.get(kept))["data"] == before, policy
        await namespace.recreate()
    assert [each.id for each in (await start(namespace)).keys] == [each.id for each in keys.keys]


async def test_data_keys_are_erased_with_their_rows(namespace):
    await start(namespace)
    await namespace.edit({"dataPolicy": "Erase"})
    await namespace.client.delete(namespace.path("Tenant"))
    await namespace.wait_until_gone("Tenant")
    await namespace.wait_until_gone("Secret", SECRET)
    kube = namespace.operator.context.kube
    assert await kube.get(resources.SECRETS, "default", kept_name(namespace.tenant)) is None


async def test_orphan_ledger_contains_no_data_keys(namespace):
    """An object that a deletion could not remove needs the providers' keys, and no others."""
    await start(namespace)
    await namespace.reconcile_again()
    assert DATA_KEYS in await namespace.secret_data("salon-mueller-teardown")
    namespace.operator.inject_fault(namespace.operator.calcom, "list-webhooks", "error-before-commit", 50)
    await namespace.client.delete(namespace.path("Tenant"))
    await namespace.wait_until_gone("Tenant")
    entries = await namespace.orphans()
    assert entries
    assert not any(DATA_KEYS in entry["data"] for entry in entries)
