"""The condition `Ready` of each kind, and its message; a real API server, no kubelet."""

from typing import Any

import pytest

from tests.worlds.operator_environment import TenantNamespace
from tests.worlds.unscheduled_pods import RUNS

pytestmark = pytest.mark.nightly


async def ready_of(namespace: TenantNamespace, kind: str = "Tenant", name: str = "salon-mueller") -> dict[str, Any]:
    conditions = (await namespace.get(kind, name))["status"]["conditions"]
    return next(each for each in conditions if each["type"] == "Ready")


async def test_kubectl_get_shows_paused_and_suspended_tenants(namespace):
    await namespace.create_salon("Branch", "Tenant", spec={"suspend": True})
    suspended = await namespace.wait_for_condition("Ready", "True", "Suspended")
    assert "callers hear that no appointments are taken" in suspended["message"]
    await namespace.annotate("paused")
    paused = await namespace.wait_for_condition("Ready", "True", "Paused")
    assert "until the annotation askproai.de/paused is removed" in paused["message"]
    edited = await namespace.edit({"displayName": "Salon Neu"})
    await namespace.annotate("paused", kind="Branch", of="mitte")
    await namespace.wait_for_condition("Paused", "True", kind="Branch", name="mitte")
    assert (await ready_of(namespace))["observedGeneration"] < edited["metadata"]["generation"]
    await namespace.annotate("paused", None)
    await namespace.wait_for_condition("Ready", "True", "Suspended")


async def test_branch_is_ready_only_while_numbers_are_answered(namespace):
    await namespace.write_secret()
    number = {"number": namespace.number, "sip": {"terminationUri": "salon.sip.example"}}
    await namespace.create("Branch", spec={"phoneNumbers": [number]})
    await namespace.create("Tenant")
    nobody = await namespace.wait_for_condition("Ready", "False", "NoAgent", kind="Branch", name="mitte")
    assert f"nobody answers {namespace.number}: create a RetellAgent with branchRef mitte" in nobody["message"]
    await namespace.create("RetellAgent")
    await namespace.wait_until_ready("Branch", "mitte")
    await namespace.client.delete(namespace.path("RetellAgent", "mitte"))
    await namespace.wait_for_condition("Ready", "False", "NoAgent", kind="Branch", name="mitte")


async def test_pods_refused_by_a_quota_are_named_meanwhile(namespace):
    quotas, body = f"/api/v1/namespaces/{namespace.name}/resourcequotas", {"spec": {"hard": {"pods": "0"}}}
    await namespace.client.create(quotas, {"kind": "ResourceQuota", "metadata": {"name": "none"}} | body)
    await namespace.create_salon("Branch", "Tenant", spec=RUNS)
    stuck = await namespace.wait_for_condition("Ready", "False", "RolloutStuck")
    assert stuck["message"].startswith("Deployment salon-mueller-web: its pods are refused (")
    assert f"kubectl describe pods -n {namespace.name}" in stuck["message"]
    await namespace.client.delete(f"{quotas}/none")
    await namespace.wait_for_condition("RolloutHealthy", "True")


async def test_service_for_several_guests_with_types_is_ready(namespace):
    """The recipe of the how-to is Ready, and Cal.com is not asked about event types that are not used."""
    await namespace.create_salon("Tenant", "Branch")
    await namespace.create("ServiceOffering", spec={"capacity": 3})
    await namespace.wait_for_condition(
        "CalendarLinked", "True", "NotRequested", kind="ServiceOffering", name="haarschnitt"
    )
    await namespace.wait_until_ready("ServiceOffering", "haarschnitt")
