"""The health checks for Argo CD and Flux on objects of a running operator; `kubectl apply -k` of the example for Kustomize."""

import json
from typing import Any

import pytest

from askproai_sandbox.demo.environment import PROJECT
from askproai_sandbox.example_tenant import assign_number
from tests.worlds.gitops_judges import argo_cd, flux
from tests.worlds.running_demo import Demo
from tests.worlds.waiting import eventually

pytestmark = pytest.mark.nightly

OVERLAY, NAMESPACE = PROJECT / "examples/kustomize/stage", "salon-hafen-stage"
KEY, NUMBER = "key_demo_hafen", "+49405550199"
KINDS = {
    "Tenant": "tenants.askproai.de",
    "Branch": "branches",
    "ServiceOffering": "serviceofferings",
    "RetellAgent": "retellagents",
}


class Salon:
    """The tenant of the overlay for stage, as both tools judge it."""

    def __init__(self, demo: Demo) -> None:
        self.demo = demo

    async def read(self, kind: str) -> dict[str, Any]:
        (found,) = json.loads(await self.demo.kubectl("get", KINDS[kind], "-n", NAMESPACE, "-o", "json"))["items"]
        return found

    async def judged(self, kind: str) -> tuple[str, str]:
        found = await self.read(kind)
        return argo_cd(kind)(found), flux(kind)(found)

    async def becomes(self, kind: str, in_argo_cd: str, in_flux: str) -> None:
        async def is_judged() -> bool:
            return await self.judged(kind) == (in_argo_cd, in_flux)

        await eventually(is_judged, 180, f"{kind} to be {in_argo_cd} in Argo CD and {in_flux} in Flux")

    async def patch(self, kind: str, spec: dict[str, Any]) -> None:
        name = (await self.read(kind))["metadata"]["name"]
        patch = json.dumps({"spec": spec})
        await self.demo.kubectl("patch", KINDS[kind], name, "-n", NAMESPACE, "--type=merge", "-p", patch)


@pytest.fixture(scope="module")
async def salon(demo: Demo):
    await assign_number(demo.state.retellUrl, KEY, NUMBER, move=False)
    await demo.kubectl("apply", "-k", str(OVERLAY))
    yield Salon(demo)
    await demo.kubectl("delete", "namespace", NAMESPACE, "--timeout=120s")


async def test_tenant_without_its_secret_is_degraded(salon: Salon):
    await salon.becomes("Tenant", "Degraded", "Degraded")


async def test_all_kinds_become_healthy_with_the_secret(salon: Salon, demo: Demo):
    await demo.kubectl(
        "create", "secret", "generic", "providers", "-n", NAMESPACE, f"--from-literal=retell-api-key={KEY}"
    )
    await demo.kubectl("label", "secret", "providers", "-n", NAMESPACE, "askproai.de/use=true")
    for kind in KINDS:
        await salon.becomes(kind, "Healthy", "Healthy")


async def test_unreachable_number_is_degraded_until_it_is_corrected(salon: Salon):
    numbers = (await salon.read("Branch"))["spec"]["phoneNumbers"]
    await salon.patch("Branch", {"phoneNumbers": [{"number": "040 5550198"}]})
    await salon.becomes("RetellAgent", "Degraded", "Degraded")
    await salon.patch("Branch", {"phoneNumbers": numbers})
    for kind in ("RetellAgent", "Branch"):
        await salon.becomes(kind, "Healthy", "Healthy")


async def test_paused_edit_is_progressing_in_flux_not_argo(salon: Salon, demo: Demo):
    await demo.kubectl("annotate", "tenants.askproai.de", "--all", "-n", NAMESPACE, "askproai.de/paused=true")
    await salon.becomes("Tenant", "Suspended", "Healthy")
    await salon.patch("Tenant", {"displayName": "Salon am Hafen (neu)"})
    await salon.becomes("Tenant", "Suspended", "Progressing")
    await demo.kubectl("annotate", "tenants.askproai.de", "--all", "-n", NAMESPACE, "askproai.de/paused-")
    await salon.becomes("Tenant", "Healthy", "Healthy")


async def test_suspended_tenant_is_healthy(salon: Salon):
    await salon.patch("Tenant", {"suspend": True})

    async def is_suspended() -> bool:
        conditions = (await salon.read("Tenant"))["status"]["conditions"]
        return any(each["type"] == "Ready" and each["reason"] == "Suspended" for each in conditions)

    await eventually(is_suspended, 60, "the tenant to be suspended")
    assert await salon.judged("Tenant") == ("Healthy", "Healthy")


async def test_applied_examples_show_no_kubectl_diff(salon: Salon, demo: Demo):
    """`kubectl diff` exits with 1 where it finds a difference; by it people, and both tools, see whether git is in force."""
    for what in (("-f", str(PROJECT / "examples/salon.yaml")), ("-k", str(OVERLAY))):
        await demo.kubectl("apply", "--server-side", "--force-conflicts", *what)
        assert await demo.kubectl("diff", "--server-side", "--force-conflicts", *what) == ""
