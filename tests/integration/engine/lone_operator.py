"""The operator's own process with kinds that only make one ConfigMap: the engine is what is tested."""

import asyncio
from typing import Any

from askproai_core.logging import configure_logs
from askproai_operator.api.conditions import ConditionType, good
from askproai_operator.engine import GONE, Key, Result, World
from askproai_operator.main import operate
from askproai_operator.settings import Settings


async def tenant(key: Key, world: World) -> Result:
    model = world.cache.tenant(key.namespace, key.name)
    if model is None:
        return GONE
    if model.metadata.deletion_timestamp is not None:
        await world.kube.remove_finalizer(model)
        return GONE
    if not await world.kube.add_finalizer(model):
        return GONE
    if model.spec.display_name == "boom":
        raise ValueError("postgresql://admin:geheim@db")
    labels = {"app.kubernetes.io/managed-by": "askproai-operator", "askproai.de/tenant": key.name}
    manifest: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"name": model.spec.display_name}}
    manifest["metadata"] = {"name": f"{key.name}-config", "namespace": key.namespace, "labels": labels}
    await world.kube.apply(manifest)
    world.fence()
    return Result((good(ConditionType.DATABASE_READY),), status={"key": f"{key.namespace}.{key.name}"})


async def other(key: Key, world: World) -> Result:
    return Result((good(ConditionType.SERVICES_READY),))


if __name__ == "__main__":
    settings = Settings()
    configure_logs(settings.log_level)
    asyncio.run(operate(settings, {"Tenant": tenant, "Branch": other, "ServiceOffering": other, "RetellAgent": other}))
