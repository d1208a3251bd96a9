"""Retell and Cal.com keep the former URL until the new one leads to the tenant's pods."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from askproai_operator.api import Key
from askproai_sandbox.cluster import ControlPlane
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.databases import Database
from tests.worlds.operator_environment import RunningOperator, TenantNamespace, running_operator
from tests.worlds.unscheduled_pods import RUNS, make_deployment_ready
from tests.worlds.waiting import SOON, eventually, until

pytestmark = pytest.mark.nightly

TENANT, ALTERNATE = "salon-mueller", "salon-mueller.alternate"
DNS = "has no address: create the DNS record"


class Internet:
    """Which URLs lead to the pods, and how often each was asked."""

    def __init__(self) -> None:
        self.answering: set[str] = set()
        self.asked: list[str] = []
        self.tokens: set[str] = set()

    async def find_problem(self, base_url: str, token: str) -> str | None:
        self.asked.append(base_url)
        self.tokens.add(token)
        return None if base_url in self.answering else DNS


@pytest.fixture(scope="module")
def internet() -> Internet:
    return Internet()


@pytest.fixture(scope="module")
async def operator(
    control_plane: ControlPlane, crds: None, module_database: Database, valkey: EmbeddedRedis, internet: Internet
) -> AsyncIterator[RunningOperator]:
    settings = {"prober": internet, "shared_ingress_class": "nginx"}
    async with running_operator(control_plane, module_database, valkey, **settings) as running:
        yield running


def shared_url(namespace: TenantNamespace) -> str:
    return f"https://voice.example/{namespace.name}/{TENANT}"


def own_url(namespace: TenantNamespace) -> str:
    return f"https://{namespace.name}.example"


async def create_salon(namespace: TenantNamespace, **spec: Any) -> None:
    await namespace.create_salon(spec=RUNS | spec)
    await make_deployment_ready(namespace, "web")


async def urls(namespace: TenantNamespace) -> dict[str, Any]:
    return ((await namespace.get("Tenant")) or {}).get("status", {}).get("webhookUrls") or {}


async def wait_for_url(namespace: TenantNamespace, base: str) -> None:
    url = f"{base}/webhooks/retell"
    await until(lambda: urls(namespace), lambda found: found.get("retell") == url, f"senders to have {url}")


async def hosts(namespace: TenantNamespace) -> dict[str, str]:
    """Return the host of each of the tenant's Ingresses."""
    found = {name: await namespace.get("Ingress", name) for name in (TENANT, ALTERNATE)}
    return {name: ingress["spec"]["rules"][0]["host"] for name, ingress in found.items() if ingress}


async def serving(namespace: TenantNamespace, internet: Internet, **spec: Any) -> None:
    """Create the salon, and wait until senders have its URL on the shared host."""
    internet.answering.add(shared_url(namespace))
    await create_salon(namespace, **spec)
    await wait_for_url(namespace, shared_url(namespace))


async def test_new_tenants_url_is_unregistered_until_it_answers(namespace, internet):
    await namespace.create_salon(spec=RUNS)
    waiting = await namespace.wait_for_condition("Exposed", "False", "Pending")
    assert "as soon as a pod is ready" in waiting["message"]
    assert shared_url(namespace) not in internet.asked
    await make_deployment_ready(namespace, "web")
    failed = await namespace.wait_for_condition("Exposed", "False", "UrlNotAnswering")
    assert failed["message"].startswith(f"{shared_url(namespace)} {DNS}")
    await namespace.wait_for_condition("WebhooksRegistered", "False", "Pending")
    assert (await urls(namespace), namespace.calcom_webhooks()) == ({}, [])
    await namespace.create("Branch")
    await namespace.create("RetellAgent")
    reported = await namespace.wait_for_condition("Synced", "False", "TenantNotReady", kind="RetellAgent", name="mitte")
    assert DNS in reported["message"], "who looks at the agent reads what to do"
    token = (await namespace.secret_data(f"{TENANT}-admin"))["token"]
    assert token in internet.tokens
    internet.answering.add(shared_url(namespace))
    await wait_for_url(namespace, shared_url(namespace))
    await namespace.wait_for_condition("Exposed", "True", "AsDeclared")
    await eventually(lambda: len(namespace.calcom_webhooks()) == 1, SOON, "the webhook at Cal.com")


async def test_former_host_is_used_until_the_new_answers(namespace, internet):
    await serving(namespace, internet)
    before = namespace.calcom_webhooks()
    exposure = {"host": f"{namespace.name}.example", "ingress": {"className": "nginx"}}
    await namespace.edit({"exposure": exposure})
    failed = await namespace.wait_for_condition("Exposed", "False", "UrlNotAnswering")
    for text in (DNS, "no tlsSecretName", f"senders keep {shared_url(namespace)}"):
        assert text in failed["message"]
    await wait_for_url(namespace, shared_url(namespace))
    assert namespace.calcom_webhooks() == before
    assert await hosts(namespace) == {TENANT: "voice.example", ALTERNATE: f"{namespace.name}.example"}
    internet.answering.add(own_url(namespace))
    await wait_for_url(namespace, own_url(namespace))
    expected = [f"{own_url(namespace)}/webhooks/calcom/inst-1"]
    await eventually(lambda: namespace.calcom_webhooks() == expected, SOON, "the move at Cal.com")
    assert len(await hosts(namespace)) == 2, "calls that began before go on with the former URL"
    assert (await namespace.get("Tenant"))["status"]["formerUrl"] == shared_url(namespace)


async def test_former_urls_route_is_repaired_while_served(namespace, internet):
    former = f"{namespace.name}.example"
    internet.answering.add(f"https://{former}")
    annotations = {"cert-manager.io/issuer": "the-former"}
    ingress = {"className": "nginx", "tlsSecretName": "of-the-former", "annotations": annotations}
    await create_salon(namespace, exposure={"host": former, "ingress": ingress})
    await wait_for_url(namespace, f"https://{former}")
    elsewhere = {"host": f"new-{former}", "ingress": {"className": "other", "tlsSecretName": None, "annotations": None}}
    await namespace.edit({"exposure": elsewhere})
    await namespace.wait_for_condition("Exposed", "False", "UrlNotAnswering")
    both = {TENANT: former, ALTERNATE: f"new-{former}"}
    assert await hosts(namespace) == both
    before = await namespace.get("Ingress", TENANT)

    async def is_repaired() -> bool:
        live = await namespace.get("Ingress", TENANT)
        return live is not None and live["spec"] == before["spec"] and await hosts(namespace) == both

    await namespace.client.delete(namespace.path("Ingress", TENANT))
    await eventually(is_repaired, SOON, "the route of the URL that senders have")
    restored = await namespace.get("Ingress", TENANT)
    assert restored["metadata"]["annotations"] == before["metadata"]["annotations"]
    rules = [{**before["spec"]["rules"][0], "host": "elsewhere.example"}]
    await namespace.client.merge(namespace.path("Ingress", TENANT), {"spec": {"rules": rules}})
    await eventually(is_repaired, SOON, "the host of the route that was edited")
    internet.answering.add(f"https://new-{former}")
    await wait_for_url(namespace, f"https://new-{former}")
    for name in both:  # the former URL is served for calls that began with it, and the new one for all others
        await namespace.client.delete(namespace.path("Ingress", name))
    await until(lambda: hosts(namespace), lambda found: {*found.values()} == {*both.values()}, "both routes")
    assert former in str((await namespace.get("Tenant"))["status"]["formerExposure"])


async def test_withdrawn_host_is_no_longer_probed(namespace, internet):
    await serving(namespace, internet)
    exposure = {"host": f"{namespace.name}.example", "ingress": {"className": "nginx"}}
    await namespace.edit({"exposure": exposure})
    await namespace.wait_for_condition("Exposed", "False", "UrlNotAnswering")
    await namespace.edit({"exposure": None})
    await namespace.wait_for_condition("Exposed", "True", "AsDeclared")
    await namespace.wait_until_gone("Ingress", ALTERNATE)
    assert await hosts(namespace) == {TENANT: "voice.example"}
    asked = internet.asked.count(own_url(namespace))
    key = Key("Exposure", namespace.name, TENANT)
    await eventually(lambda: key not in namespace.operator.queue, SOON, "the end of the questions")
    assert internet.asked.count(own_url(namespace)) <= asked + 1


async def test_former_host_stays_granted_while_senders_have_it(namespace, other_namespace, internet):
    host = f"{namespace.name}.example"
    internet.answering.add(f"https://{host}")
    await create_salon(namespace, exposure={"host": host, "ingress": {}})
    await wait_for_url(namespace, f"https://{host}")
    elsewhere = {"host": f"new-{host}", "ingress": {}}
    await namespace.edit({"exposure": elsewhere})
    await namespace.wait_for_condition("Exposed", "False", "UrlNotAnswering")
    await other_namespace.create_salon(spec={"exposure": {"host": host, "ingress": {}}})
    await other_namespace.wait_for_condition("Exposed", "False", "HostClaimedTwice")
    assert f"https://{host}" in str(await urls(namespace))
    assert await urls(other_namespace) == {}, "what another tenant has is given to no sender"


async def test_suspended_tenant_is_ready_despite_a_silent_url(namespace, internet):
    await serving(namespace, internet)
    exposure = {"host": f"{namespace.name}.example", "ingress": {"className": "nginx"}}
    await namespace.edit({"exposure": exposure})
    await namespace.wait_for_condition("Exposed", "False", "UrlNotAnswering")
    await namespace.edit({"suspend": True})
    suspended = await namespace.wait_for_condition("Exposed", "True", "Suspended")
    assert f"senders keep {shared_url(namespace)}" in suspended["message"]
    await namespace.wait_for_condition("Ready", "True", "Suspended")
    key = Key("Exposure", namespace.name, TENANT)
    await eventually(lambda: key not in namespace.operator.queue, SOON, "the end of the questions")
    await namespace.edit({"suspend": False})
    await make_deployment_ready(namespace, "web")
    await namespace.wait_for_condition("Exposed", "False", "UrlNotAnswering")
