"""A host, a number or a provider's key belongs to the object to which it was granted, not to the older object."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from askproai_core.api_resource import ADOPT_FROM, ADOPT_WEBHOOK
from askproai_operator import resources
from askproai_operator.api import Key
from askproai_operator.providers import ensure_calcom_webhook
from tests.worlds.granted_hosts import new_host
from tests.worlds.operator_environment import TenantNamespace
from tests.worlds.waiting import SOON, eventually, until


def exposed_at(host: str, prefix: str = "") -> dict[str, Any]:
    return {"exposure": {"host": host, "ingress": {}} | ({"pathPrefix": prefix} if prefix else {})}


async def wait_until_older(created: dict[str, Any]) -> None:
    """Wait until a new object counts as younger: creation times are in whole seconds."""
    since = datetime.fromisoformat(created["metadata"]["creationTimestamp"])
    await eventually(lambda: datetime.now(UTC) - since > timedelta(seconds=1), SOON, "another second")


async def routed_hosts(namespace: TenantNamespace) -> list[str]:
    found = await namespace.get("Ingress")
    return [rule["host"] for rule in found["spec"]["rules"]] if found else []


async def wait_for_route(namespace: TenantNamespace, host: str) -> None:
    await until(lambda: routed_hosts(namespace), lambda found: found == [host], f"the route of {host}")


async def test_older_tenant_is_refused_a_younger_tenants_host(namespace, other_namespace):
    host = new_host()
    await namespace.write_secret()
    await wait_until_older(await namespace.create("Tenant"))
    await namespace.wait_until_ready()
    await other_namespace.open_salon(spec=exposed_at(host))
    await namespace.edit(exposed_at(host))
    reported = await namespace.wait_for_condition("Exposed", "False", "HostClaimedTwice")
    assert other_namespace.name not in reported["message"], "the other tenant may belong to somebody else"
    assert await namespace.get("Ingress") is None
    assert await routed_hosts(other_namespace) == [host]
    await other_namespace.wait_until_ready()


async def test_older_branch_is_refused_a_younger_branchs_number(namespace, other_namespace):
    await wait_until_older(await namespace.create("Branch"))
    await namespace.wait_for_condition("NumbersValid", "True", kind="Branch", name="mitte")
    await other_namespace.create("Branch")
    await other_namespace.wait_for_condition("NumbersValid", "True", kind="Branch", name="mitte")
    numbers = [{"number": namespace.number}, {"number": other_namespace.number}]
    await namespace.edit({"phoneNumbers": numbers}, "Branch", "mitte")
    reported = await namespace.wait_for_condition(
        "NumbersValid", "False", "NumberClaimedTwice", kind="Branch", name="mitte"
    )
    assert other_namespace.number in reported["message"]
    assert other_namespace.name not in reported["message"]
    assert (await namespace.get("Branch", "mitte"))["status"]["phoneNumbers"] == [namespace.number]
    other_namespace.operator.queue.add(Key("Branch", other_namespace.name, "mitte"))
    await eventually(lambda: not other_namespace.operator.queue._processing, SOON, "the end of its reconcile")
    assert (await other_namespace.get("Branch", "mitte"))["status"]["phoneNumbers"] == [other_namespace.number]


async def test_older_tenant_is_refused_a_younger_tenants_key(namespace, other_namespace):
    await namespace.write_secret()
    await wait_until_older(await namespace.create("Tenant"))
    await namespace.wait_until_ready()
    await other_namespace.open_salon()
    await namespace.write_secret(**{"retell-api-key": other_namespace.retell_key})
    reported = await namespace.wait_for_condition("CredentialsValid", "False", "CredentialsShared")
    assert "Retell" in reported["message"]
    await other_namespace.wait_until_ready()


async def test_no_annotation_removes_the_webhook_of_a_neighbour(namespace, other_namespace):
    """An editor of a Tenant may write `adopt-webhook`, and may know the neighbour's key or have one of the same Cal.com user."""
    await namespace.create_salon()
    url = (await namespace.wait_until_ready())["status"]["webhookUrls"]["calcom"]
    other_namespace.calcom_key = namespace.calcom_key
    await other_namespace.write_secret()
    await other_namespace.create("Tenant", annotations={ADOPT_WEBHOOK: url, ADOPT_FROM: url.rpartition("/")[2]})
    await other_namespace.wait_for_condition("CredentialsValid", "False", "CredentialsShared")
    assert namespace.calcom_webhooks() == [url]


@pytest.mark.nightly
async def test_running_tenant_with_shared_key_loses_webhook(namespace, other_namespace):
    """As after an upgrade from a release with shared keys: this Tenant must get no more of the other's bookings."""
    await namespace.open_salon()
    await other_namespace.create_salon()
    urls = (await other_namespace.wait_until_ready())["status"]["webhookUrls"]
    context = namespace.operator.context
    client = context.providers.calcom(context.settings.calcom_base_url, namespace.calcom_key)
    await ensure_calcom_webhook(client, urls["calcom"], ["BOOKING_CREATED"], "whs")
    await other_namespace.write_secret(**{"calcom-api-key": namespace.calcom_key})
    await other_namespace.wait_for_condition("WebhooksRegistered", "False", "CredentialsShared")
    assert urls["calcom"] not in namespace.calcom_webhooks()
    assert len(namespace.calcom_webhooks()) == 1
    assert await other_namespace.get("Deployment", "salon-mueller-web") is not None, "its pods go on serving callers"
    await other_namespace.write_secret(**{"calcom-api-key": f"{other_namespace.calcom_key}-new"})
    await other_namespace.wait_until_ready()


@pytest.mark.nightly
async def test_paused_tenant_without_its_hosts_grant_loses_route(namespace, other_namespace):
    """A pause keeps the operator from working on an object; it is no way to keep a stranger's host."""
    host = new_host()
    await namespace.open_salon(spec=exposed_at(host))
    ingress = await namespace.get("Ingress")
    await namespace.edit({"exposure": None})
    await namespace.wait_until_gone("Ingress")
    await other_namespace.create_salon(spec=exposed_at(host))
    await wait_for_route(other_namespace, host)
    await namespace.annotate("paused")
    await namespace.wait_for_condition("Paused", "True")
    restored = {"metadata": {name: ingress["metadata"][name] for name in ("name", "labels", "ownerReferences")}}
    await namespace.client.create(resources.INGRESSES.path(namespace.name), restored | {"spec": ingress["spec"]})
    await namespace.edit(exposed_at(host))  # as after a restore: object and route exist, another object has the grant
    await namespace.wait_until_gone("Ingress")
    assert await routed_hosts(other_namespace) == [host]


@pytest.mark.parametrize(
    ("host", "text"), [("voice.example", "leave exposure.host out"), ("fleet.example", "fleet's page")]
)
async def test_platforms_host_belongs_to_no_tenant(namespace, host, text):
    """Otherwise somebody could take the path of a tenant that does not exist yet."""
    await namespace.create_salon(spec=exposed_at(host, "/some-namespace/some-tenant"))
    reported = await namespace.wait_for_condition("Exposed", "False", "HostReserved")
    assert text in reported["message"]
    assert await namespace.get("Ingress") is None


async def test_deletion_passes_the_host_on_after_its_route(namespace, other_namespace):
    host = new_host()
    await namespace.open_salon(spec=exposed_at(host))
    await other_namespace.create_salon(spec=exposed_at(host))
    await other_namespace.wait_for_condition("Exposed", "False", "HostClaimedTwice")
    await namespace.client.delete(namespace.path("Tenant"))
    await wait_for_route(other_namespace, host)
    assert await namespace.get("Ingress") is None
    await other_namespace.wait_until_ready()


async def test_deleted_branch_releases_its_number(namespace, other_namespace):
    await namespace.create("Branch")
    await namespace.wait_for_condition("NumbersValid", "True", kind="Branch", name="mitte")
    other_namespace.number = namespace.number
    await other_namespace.create("Branch")
    await other_namespace.wait_for_condition("NumbersValid", "False", "NumberClaimedTwice", kind="Branch", name="mitte")
    await namespace.client.delete(namespace.path("Branch", "mitte"))
    await other_namespace.wait_for_condition("NumbersValid", "True", kind="Branch", name="mitte")
    assert (await other_namespace.get("Branch", "mitte"))["status"]["phoneNumbers"] == [namespace.number]


async def test_number_holder_gets_event_about_another_requester(namespace, other_namespace):
    await namespace.create("Branch")
    await namespace.wait_for_condition("NumbersValid", "True", kind="Branch", name="mitte")
    other_namespace.number = namespace.number
    await other_namespace.create("Branch")
    await namespace.wait_for_event("Warning", "WantedByAnother")
    found = await namespace.operator.context.kube.list(resources.EVENTS, namespace.name)
    assert not any(other_namespace.name in event["message"] for event in found)
