"""The fleet's page in this process, over a real API server, and tenants whose statuses a test writes in the operator's place."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from askproai_core.api_resource import AGENTS, BRANCHES, OFFERINGS, TENANTS, ApiResource
from askproai_core.clock import SystemClock
from askproai_core.database import Pool
from askproai_core.kube import read_access
from askproai_core.redis import ALL_TENANTS
from askproai_runtime.coordinator.metrics import Metrics
from askproai_runtime.page.fleet import FleetOidc, FleetSources, serve_fleet_page
from askproai_runtime.page.fleet.sources import OIDC_CLIENT_SECRET
from askproai_runtime.redis.client import RedisClient
from askproai_runtime.watched_files import Credentials
from askproai_sandbox.cluster import KubeClient
from askproai_sandbox.example_tenant import load_manifests
from tests.worlds.oidc_issuer import CLIENT_SECRET

TOKEN = "token-of-the-platform-0123456789"
SYSTEM = "askproai-system"


@dataclass(frozen=True, slots=True)
class FleetPage:
    """A served page. `folder` has its credentials."""

    private_url: str
    folder: Path
    page_url: str = ""


@asynccontextmanager
async def fleet_page(
    kubeconfig: Path,
    namespace: str,
    folder: Path,
    pool: Pool,
    redis_url: str | None = None,
    *,
    token: str | None = TOKEN,
    host: str = "",
    oidc: FleetOidc | None = None,
) -> AsyncIterator[FleetPage]:
    """Serve the page as one of the coordinator's pods does. With `token` None no token is mounted."""
    _mount(folder, token, oidc)
    clock = SystemClock()
    shared = RedisClient(lambda: redis_url, ALL_TENANTS, clock, Metrics())
    log_in, zone = partial(read_access, kubeconfig), ZoneInfo("Europe/Berlin")
    sources = FleetSources(clock, log_in, namespace, Credentials(folder), pool, shared, zone, host, oidc)
    try:
        async with serve_fleet_page(sources, "127.0.0.1", 0) as port:
            yield FleetPage(f"http://127.0.0.1:{port}", folder)
    finally:
        await shared.close()


def _mount(folder: Path, token: str | None, oidc: FleetOidc | None) -> None:
    folder.mkdir(exist_ok=True)
    if token is not None:
        (folder / "FLEET_TOKEN").write_text(token)
    if oidc is not None:
        (folder / OIDC_CLIENT_SECRET).write_text(CLIENT_SECRET)


def condition(
    kind: str = "Ready", status: str = "True", reason: str = "AsDeclared", message: str = ""
) -> dict[str, str]:
    return {
        "type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": "2026-11-24T07:00:00Z",
    }  # fmt: skip


GOOD: Mapping[str, Any] = {"conditions": [condition()]}


async def create(
    client: KubeClient, resource: ApiResource, namespace: str, name: str, status: Mapping[str, Any] = GOOD, **spec: Any
) -> str:
    """Create an object like the salon's first of its kind, with a status; return its path."""
    manifest = load_manifests()[resource.kind][0]
    body = manifest | {"metadata": {"name": name, "namespace": namespace}, "spec": manifest["spec"] | spec}
    await client.create(resource.path(namespace), body)
    path = resource.path(namespace, name)
    await client.merge(f"{path}/status", {"status": dict(status)})
    return path


async def create_salon(
    client: KubeClient, namespace: str, name: str, status: Mapping[str, Any] = GOOD, *, services: int = 1
) -> str:
    """Create a Tenant with a Branch, its agent and services; return the Tenant's path."""
    path = await create(client, TENANTS, namespace, name, status, displayName=f"Salon {name.title()}")
    await create(client, BRANCHES, namespace, f"{name}-mitte", tenantRef={"name": name})
    await create(client, AGENTS, namespace, f"{name}-agent", branchRef={"name": f"{name}-mitte"})
    for number in range(services):
        await create(client, OFFERINGS, namespace, f"{name}-schnitt-{number}", branchRef={"name": f"{name}-mitte"})
    return path


# Name, namespace, Ready as it is unless it is good, and the figures of the day.
_EXAMPLES: tuple[tuple[str, str, dict[str, str], tuple[int | None, str, str]], ...] = (
    ("Zahnarzt Dr. Weber", "zahnarzt-dr-weber", condition(
        status="False", reason="CredentialsInvalid",
        message="Cal.com does not accept the key, and callers hear that nothing is booked: put a valid key into the Secret of"
        " calendar.calcom.apiKeySecretRef",
    ), (37, "93.1", "13.0")),
    ("Friseur am Markt", "friseur-am-markt", condition(
        status="False", reason="VoiceNotFound", message="Retell has no voice 11labs-Leni: choose another voiceId"
    ), (30, "92.3", "39.0")),
    ("Hebamme Krüger", "hebamme-krueger", condition(
        status="False", reason="Suspended", message="spec.suspend is true: no pods run"
    ), (0, "", "")),
    ("Physio Nord", "physio-nord", condition(), (67, "94.4", "0.0")),
    ("Salon Müller", "salon-mueller", condition(), (41, "98.2", "81.0")),
    ("Kosmetik Elbe", "kosmetik-elbe", condition(), (53, "96.8", "44.0")),
    ("Barber Kreuzberg", "barber-kreuzberg", condition(), (9, "100.0", "100.0")),
    ("Haarwerk", "haarwerk", condition(), (88, "97.9", "58.0")),
    ("Praxis Sommer", "praxis-sommer", condition(), (25, "99.1", "90.0")),
    ("Optik Brandt", "optik-brandt", condition(), (17, "100.0", "100.0")),
    ("Tierarzt Vogel", "tierarzt-vogel", condition(), (34, "96.1", "22.0")),
    ("Nagelstudio Köln", "nagelstudio-koeln", condition(), (12, "98.0", "61.0")),
)  # fmt: skip


async def create_example_fleet(client: KubeClient) -> list[str]:
    """Create a dozen businesses, each a Tenant `salon` in its own namespace, and the leaders' Leases; return the namespaces."""
    await client.create("/api/v1/namespaces", {"kind": "Namespace", "metadata": {"name": SYSTEM}})
    for component, pod in (("operator", "5c8b6-q9k2m"), ("coordinator", "7d9f8-x2x4p")):
        await client.create(
            f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases",
            {"metadata": {"name": f"askproai-{component}"}, "spec": {"holderIdentity": f"askproai-{component}-{pod}"}},
        )
    for number, (name, namespace, ready, (calls, booked, budget)) in enumerate(_EXAMPLES):
        await client.create("/api/v1/namespaces", {"kind": "Namespace", "metadata": {"name": namespace}})
        figures = {"calls24h": calls, "bookingSuccessPercent": booked, "errorBudgetPercent": budget}
        status = {"conditions": [ready], "release": "0.2.0" if number != 9 else "0.1.0"}
        status |= {key: value for key, value in figures.items() if value != ""}
        await create(client, TENANTS, namespace, "salon", status, displayName=name)
    return [namespace for _, namespace, _, _ in _EXAMPLES]
