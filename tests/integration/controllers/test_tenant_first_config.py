"""The first config of a new tenant includes objects created during the first requests, unless they are only planned."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from askproai_operator.api import Key
from askproai_operator.providers import RetellClient
from tests.worlds.operator_environment import TenantNamespace
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

CONFIG = "salon-mueller-config"
PLAN = {"askproai.de/plan": "true"}


@pytest.fixture
def while_keys_are_tried(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Awaitable[Any]]], None]:
    """Return a function that runs an action while a tenant's key is tested at Retell."""
    list_agents = RetellClient.list_agents

    def set_step(step: Callable[[], Awaitable[Any]]) -> None:
        async def after_step(self: RetellClient, *arguments: Any, **options: Any) -> Any:
            await step()
            return await list_agents(self, *arguments, **options)

        monkeypatch.setattr(RetellClient, "list_agents", after_step)

    return set_step


async def create_branch(namespace: TenantNamespace, **metadata: Any) -> None:
    """Create the Branch, unless it exists, and wait until the operator knows it."""
    if await namespace.get("Branch", "mitte") is None:
        await namespace.create("Branch", **metadata)
        known = Key("Branch", namespace.name, "mitte")
        await eventually(lambda: namespace.operator.context.cache.get(known), SOON, "the watch")


async def branches_of_first_config(namespace: TenantNamespace) -> list[str]:
    """Create the Tenant, and return the branches that its config names when it is created."""
    found: list[list[str]] = []
    put = namespace.operator.context.cache.put

    def recorded(ref: Any, raw: dict[str, Any]) -> Any:
        if raw["metadata"]["name"] == CONFIG and raw["metadata"]["namespace"] == namespace.name:
            found.append([branch["name"] for branch in json.loads(raw["data"]["tenant.json"]).get("branches", ())])
        return put(ref, raw)

    namespace.operator.context.cache.put = recorded  # type: ignore[method-assign]
    try:
        await namespace.create("Tenant")
        await eventually(lambda: found, SOON, "the config")
    finally:
        namespace.operator.context.cache.put = put  # type: ignore[method-assign]
    return found[0]


async def test_branch_created_during_key_trials_is_in_config(namespace, while_keys_are_tried):
    """One `kubectl apply` brings it right after its Tenant."""

    await namespace.write_secret()
    while_keys_are_tried(lambda: create_branch(namespace))
    assert await branches_of_first_config(namespace) == ["mitte"]


async def test_branch_in_plan_mode_is_not_in_config(namespace, while_keys_are_tried):
    await namespace.write_secret()
    while_keys_are_tried(lambda: create_branch(namespace, annotations=PLAN))
    assert await branches_of_first_config(namespace) == []


@pytest.mark.parametrize("annotation", ["askproai.de/plan", "askproai.de/paused"])
async def test_first_config_excludes_branches_created_after_plan_annotation(
    namespace, while_keys_are_tried, annotation
):
    """No object that is created after the annotation is applied. The Tenant's own run began before the annotation."""

    cache, tenant = namespace.operator.context.cache, namespace.key

    def is_held() -> bool:
        known = cache.get(tenant)
        return known is not None and annotation in known.metadata.annotations

    async def hold_tenant_and_create_branch() -> None:
        if not is_held():
            await namespace.client.merge(namespace.path("Tenant"), {"metadata": {"annotations": {annotation: "true"}}})
            await eventually(is_held, SOON, "the watch")
        await create_branch(namespace)

    await namespace.write_secret()
    while_keys_are_tried(hold_tenant_and_create_branch)
    assert await branches_of_first_config(namespace) == []
