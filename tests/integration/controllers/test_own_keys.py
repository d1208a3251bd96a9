"""Event types in a staff member's own Cal.com account, from the manifest to the pods' config and Cal.com's webhooks."""

import uuid
from typing import Any

import pytest

from askproai_operator.api import SecretKeyRef
from askproai_operator.credentials import own_key_file
from askproai_sandbox.calcom.account import EventType
from tests.worlds.operator_environment import NAME, TenantNamespace
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

ANNAS = {"name": "annas", "key": "key"}
FILE = own_key_file(SecretKeyRef(**ANNAS))
OWN = {"staff": "anna", "eventTypeId": 2001, "apiKeySecretRef": ANNAS}
MEHMETS = {"staff": "mehmet", "eventTypeId": 1002}
CONFIG, TEARDOWN, WEB, SERVICE = f"{NAME}-config", f"{NAME}-teardown", f"{NAME}-web", "haarschnitt"


def new_key() -> str:
    return f"cal_{uuid.uuid4().hex[:8]}"


async def write_annas(namespace: TenantNamespace, key: str, *, permitted: bool = True) -> None:
    await namespace.create_secret("annas", {"key": key}, permitted=permitted)


def add_event_types(namespace: TenantNamespace, annas_key: str) -> None:
    fields = {"lengthInMinutes": 45, "afterEventBuffer": 10, "slotInterval": 15}
    accounts = namespace.operator.calcom.account_of
    accounts(namespace.calcom_key).event_types[1002] = EventType.create(1002, "mehmet", fields)
    accounts(annas_key).event_types[2001] = EventType.create(2001, "anna", fields)


async def own_event_types(namespace: TenantNamespace) -> list[dict[str, Any]]:
    """Return the own event types in the pods' config, without their booking fields."""
    config = await namespace.config()
    links = [link for service in config.get("services", []) for link in service.get("own_event_types", [])]
    return [{name: value for name, value in link.items() if name != "booking_fields"} for link in links]


async def mounted(namespace: TenantNamespace) -> list[dict[str, Any]]:
    """Return the projections of the own key in the pods' template."""
    live = await namespace.get("Deployment", WEB)
    if live is None:
        return []
    volumes = live["spec"]["template"]["spec"]["volumes"]
    (sources,) = [volume["projected"]["sources"] for volume in volumes if "projected" in volume]
    return [each["secret"] for each in sources if each.get("secret", {}).get("items", [{}])[0].get("path") == FILE]


async def create_salon(namespace: TenantNamespace, *event_types: dict[str, Any]) -> None:
    await namespace.create_salon("Branch")
    await namespace.create("ServiceOffering", spec={"calcom": {"eventTypes": list(event_types)}})
    await namespace.create("Tenant")


async def wait_until_linked(namespace: TenantNamespace) -> None:
    async def is_linked() -> bool:
        expected = [{"staff": "anna", "event_type_id": 2001, "credential": FILE}]
        return await own_event_types(namespace) == expected

    await eventually(is_linked, SOON, "the own event type in the config")


async def open_salon(namespace: TenantNamespace) -> str:
    """Create a salon in which Anna has a key of her own, wait until pods use it, and return the key."""
    key = new_key()
    await write_annas(namespace, key)
    add_event_types(namespace, key)
    await create_salon(namespace, OWN, MEHMETS)
    await wait_until_linked(namespace)
    return key


async def test_own_key_is_mounted_and_its_webhook_registered(namespace):
    key = await open_salon(namespace)
    tenant = await namespace.wait_until_ready()
    assert await mounted(namespace) == [{"name": "annas", "items": [{"key": "key", "path": FILE}], "optional": True}]
    assert (await namespace.secret_data(TEARDOWN))[FILE] == key
    url = tenant["status"]["webhookUrls"]["calcom"]
    assert (namespace.calcom_webhooks(key), namespace.calcom_webhooks()) == ([url], [url])
    linked = await namespace.wait_for_condition("CalendarLinked", "True", kind="ServiceOffering", name=SERVICE)
    assert linked["message"] == "2 event types fit"
    assert key not in str(await namespace.get("ConfigMap", CONFIG)) + str(await namespace.get("Deployment", WEB))


async def test_forbidden_secret_is_not_mounted_until_permitted(namespace):
    key = new_key()
    await write_annas(namespace, key, permitted=False)
    add_event_types(namespace, key)
    await create_salon(namespace, OWN, MEHMETS)
    reported = await namespace.wait_for_condition(
        "CalendarLinked", "False", "SecretNotPermitted", kind="ServiceOffering", name=SERVICE
    )
    assert "event type 2001 of anna" in reported["message"]
    await namespace.wait_until_ready()
    await namespace.reconcile_again()
    assert (await mounted(namespace), await own_event_types(namespace), namespace.calcom_webhooks(key)) == ([], [], [])
    assert FILE not in await namespace.secret_data(TEARDOWN)
    permit = {"metadata": {"labels": {"askproai.de/use": "true"}}}
    await namespace.client.merge(namespace.path("Secret", "annas"), permit)
    await wait_until_linked(namespace)
    await namespace.wait_for_condition("CalendarLinked", "True", kind="ServiceOffering", name=SERVICE)


async def test_config_names_own_keys_after_all_pods_mount(namespace):
    key = new_key()
    add_event_types(namespace, key)
    await create_salon(namespace, OWN, MEHMETS)
    await namespace.wait_for_condition(
        "CalendarLinked", "False", "SecretNotFound", kind="ServiceOffering", name=SERVICE
    )
    await namespace.wait_until_ready()
    await namespace.reconcile_again()
    assert await own_event_types(namespace) == []
    await write_annas(namespace, key)
    await wait_until_linked(namespace)
    live = await namespace.get("Deployment", WEB)
    assert live["metadata"]["annotations"]["askproai.de/own-keys"] == FILE
    assert live["status"]["observedGeneration"] == live["metadata"]["generation"]


async def test_another_tenants_key_is_refused_and_stays_registered(namespace, other_namespace):
    key = await open_salon(namespace)
    await write_annas(other_namespace, key)
    add_event_types(other_namespace, key)
    await create_salon(other_namespace, OWN, MEHMETS)
    reported = await other_namespace.wait_for_condition(
        "CalendarLinked", "False", "CredentialsShared", kind="ServiceOffering", name=SERVICE
    )
    assert namespace.name not in reported["message"]
    await other_namespace.wait_until_ready()
    await other_namespace.reconcile_again()
    assert (await mounted(other_namespace), await own_event_types(other_namespace)) == ([], [])
    assert len(namespace.calcom_webhooks(key)) == 1


async def test_another_tenants_own_key_is_refused(namespace, other_namespace):
    await create_salon(namespace, MEHMETS)
    await namespace.wait_until_ready()
    await write_annas(other_namespace, namespace.calcom_key)
    add_event_types(other_namespace, new_key())
    await create_salon(other_namespace, OWN, MEHMETS)
    await other_namespace.wait_for_condition(
        "CalendarLinked", "False", "CredentialsShared", kind="ServiceOffering", name=SERVICE
    )
    assert len(namespace.calcom_webhooks()) == 1


async def test_removed_own_key_loses_webhook_mount_and_grant(namespace, other_namespace):
    key = await open_salon(namespace)
    without = {"spec": {"calcom": {"eventTypes": [MEHMETS]}}}
    await namespace.client.merge(namespace.path("ServiceOffering", SERVICE), without)
    await eventually(lambda: namespace.calcom_webhooks(key) == [], SOON, "the webhook to be removed")

    async def is_forgotten() -> bool:
        return FILE not in await namespace.secret_data(TEARDOWN) and await mounted(namespace) == []

    await eventually(is_forgotten, SOON, "the key to be forgotten")
    assert await own_event_types(namespace) == []
    await write_annas(other_namespace, key)
    add_event_types(other_namespace, key)
    await create_salon(other_namespace, OWN, MEHMETS)
    await wait_until_linked(other_namespace)


async def test_deleted_tenant_leaves_no_webhook_in_any_account(namespace):
    """Also without the Secrets, which a namespace's deletion removes first."""
    key = await open_salon(namespace)
    for secret in ("annas", "providers"):
        await namespace.client.delete(namespace.path("Secret", secret))
    await namespace.client.delete(namespace.path("Tenant"))
    await namespace.wait_until_gone("Tenant")
    assert (namespace.calcom_webhooks(key), namespace.calcom_webhooks()) == ([], [])


@pytest.mark.parametrize("broken", ["revoked", "gone"])
async def test_later_failing_key_stops_only_its_event_type(namespace, broken):
    """The pods go on refusing that event type: in our own book alone it would be offered when it is taken at Cal.com."""
    await open_salon(namespace)
    if broken == "revoked":
        await namespace.client.merge(namespace.path("Secret", "annas"), {"stringData": {"key": "no_such_key"}})
        reason = "CredentialsInvalid"
    else:
        await namespace.client.delete(namespace.path("Secret", "annas"))
        reason = "SecretNotFound"
    await namespace.wait_for_condition("CalendarLinked", "False", reason, kind="ServiceOffering", name=SERVICE)
    closed = {"spec": {"holidays": {"country": "DE", "subdivision": "BE", "closed": ["2026-12-31"]}}}
    await namespace.client.merge(namespace.path("Branch", "mitte"), closed)
    config = await namespace.wait_for(
        "ConfigMap", CONFIG, lambda live: live and "2026-12-31" in live["data"]["tenant.json"], "the edit to be applied"
    )
    assert FILE in config["data"]["tenant.json"]
    await namespace.wait_for_condition("CredentialsValid", "True")
    assert len(await mounted(namespace)) == 1


async def test_key_in_a_renamed_secret_keeps_its_webhook(namespace):
    key = await open_salon(namespace)
    await namespace.create_secret("anna", {"k": key})
    renamed = {"name": "anna", "key": "k"}
    entries, last = namespace.operator.calcom.journal.entries, key[-4:]
    assert [each for each in entries if (each["key"], each["method"]) == (last, "DELETE")] == []
    edit = {"spec": {"calcom": {"eventTypes": [OWN | {"apiKeySecretRef": renamed}, MEHMETS]}}}
    await namespace.client.merge(namespace.path("ServiceOffering", SERVICE), edit)

    async def is_renamed() -> bool:
        links = await own_event_types(namespace)
        assert [link["event_type_id"] for link in links] == [2001], "never booked in our own book alone meanwhile"
        return links[0]["credential"] == own_key_file(SecretKeyRef(**renamed))

    await eventually(is_renamed, SOON, "the new file")
    await namespace.reconcile_again()
    assert [each for each in entries if (each["key"], each["method"]) == (last, "DELETE")] == []
    assert len(namespace.calcom_webhooks(key)) == 1
