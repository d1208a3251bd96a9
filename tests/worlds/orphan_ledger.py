"""The ledger of orphans: objects that a Tenant left at a provider, and that are still to be removed."""

from collections.abc import Awaitable
from typing import Any

from tests.worlds.operator_environment import TenantNamespace
from tests.worlds.waiting import until


def retried(namespace: TenantNamespace) -> Awaitable[list[dict[str, Any]]]:
    """Retry the orphans without their backoff and with closed circuits, and return the ledger."""
    namespace.operator.context.providers._states.clear()
    namespace.operator.retry_orphans()
    return namespace.orphans()


async def wait_until_tried(namespace: TenantNamespace, text: str) -> None:
    """Wait until the last try of an orphan ended with this text."""

    def is_said(entries: list[dict[str, Any]]) -> bool:
        return any(text in entry["metadata"]["annotations"]["askproai.de/last-error"] for entry in entries)

    await until(lambda: retried(namespace), is_said, f"an orphan of which is said: {text}")


async def emptied(namespace: TenantNamespace) -> None:
    await until(lambda: retried(namespace), lambda entries: entries == [], "the ledger to be empty")


def workspace(namespace: TenantNamespace) -> dict[str, Any]:
    return namespace.operator.retell.dump()["workspaces"].get(namespace.retell_key, {"agents": {}, "llms": {}})


async def create_all(namespace: TenantNamespace) -> None:
    await namespace.write_secret()
    for kind in ("Branch", "ServiceOffering", "Tenant"):
        await namespace.create(kind, spec={"calcom": {"eventTypes": []}} if kind == "ServiceOffering" else None)
    await namespace.wait_until_ready()
    await namespace.create("RetellAgent")
    await namespace.wait_for_condition("Synced", "True", kind="RetellAgent", name="mitte")
    assert namespace.calcom_webhooks()
    assert workspace(namespace)["agents"]
