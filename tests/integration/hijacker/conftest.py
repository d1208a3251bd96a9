"""A hijacked tenant and its victim: in a database of the test's own, or as namespaces of one cluster."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
import yaml

from askproai_core.database import open_pool
from askproai_operator.store import sessions
from askproai_sandbox.cluster import ControlPlane, KubeClient
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.coordinator_environment import (
    PASSWORD,
    CoordinatorEnvironment,
    LeaseTerm,
    coordinator_context,
    coordinator_url,
)
from tests.worlds.databases import Database
from tests.worlds.hijacked_tenant import HijackedTenant, open_hijacked_tenant
from tests.worlds.operator_environment import RunningOperator, TenantNamespace, create_namespace


@pytest.fixture
async def env(database: Database) -> AsyncIterator[HijackedTenant]:
    async with open_hijacked_tenant(database) as opened:
        yield opened


@pytest.fixture
def advance_suspensions(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Stop the clock of the suspended logins; a call advances it by seconds."""
    now = 1000.0

    def advance(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(sessions, "monotonic", lambda: now)
    return advance


@pytest.fixture
async def coordinator(env: HijackedTenant) -> AsyncIterator[CoordinatorEnvironment]:
    """The coordinator over both tenants, without Redis."""
    await env.database.admin.ensure_coordinator(PASSWORD)
    term, dsn = LeaseTerm(), env.database.admin.coordinator_dsn(PASSWORD)
    async with open_pool(dsn, max_size=2) as pool, aiohttp.ClientSession() as session:
        yield CoordinatorEnvironment(env.database, coordinator_context(pool, session, None, term), env.superuser, term)


@pytest.fixture
async def coordinator_with_redis(
    coordinator: CoordinatorEnvironment, own_valkey: EmbeddedRedis
) -> AsyncIterator[CoordinatorEnvironment]:
    """The same with a Valkey of the test's own."""
    url, old = await coordinator_url(own_valkey), coordinator.context
    context = coordinator_context(old.pool, old.session, url, coordinator.term)
    yield replace(coordinator, context=context)
    await context.redis._shared.close()


@pytest.fixture
async def victim(operator: RunningOperator, kube_client: KubeClient) -> AsyncIterator[TenantNamespace]:
    """A namespace whose administrator is honest."""
    created = await create_namespace(operator, kube_client)
    yield created
    await kube_client.delete(f"/api/v1/namespaces/{created.name}")


@pytest.fixture
async def thief(
    operator: RunningOperator, control_plane: ControlPlane, kube_client: KubeClient, tmp_path: Path
) -> AsyncIterator[TenantNamespace]:
    """A namespace, as seen by an account that may only write the four kinds there."""
    created = await create_namespace(operator, kube_client)
    rbac, name = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{created.name}", "manifest-writer"
    meta = {"name": name, "namespace": created.name}
    await kube_client.create(f"/api/v1/namespaces/{created.name}/serviceaccounts", {"metadata": meta})
    kinds = ["tenants", "branches", "serviceofferings", "retellagents"]
    verbs = ["get", "list", "create", "update", "patch", "delete"]
    rules = [{"apiGroups": ["askproai.de"], "resources": kinds, "verbs": verbs}]
    await kube_client.create(f"{rbac}/roles", {"metadata": meta, "rules": rules})
    subject = {"kind": "ServiceAccount", "name": name, "namespace": created.name}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    await kube_client.create(f"{rbac}/rolebindings", {"metadata": meta, "subjects": [subject], "roleRef": role})
    token = await control_plane.kubectl("create", "token", name, "-n", created.name)
    config = yaml.safe_load(control_plane.kubeconfig.read_text("utf-8"))
    config["users"][0]["user"] = {"token": token.strip()}
    kubeconfig = tmp_path / "thief"
    kubeconfig.write_text(yaml.safe_dump(config), "utf-8")
    async with KubeClient(kubeconfig) as client:
        yield replace(created, client=client)
    await kube_client.delete(f"/api/v1/namespaces/{created.name}")
