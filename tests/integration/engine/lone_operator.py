"""The operator's own process with controllers that only create one ConfigMap, for tests of the engine."""

import asyncio
from typing import Any

from askproai_operator.api import Key
from askproai_operator.api.conditions import ConditionType, good
from askproai_operator.context import ReconcileContext
from askproai_operator.engine import GONE, Result
from askproai_operator.main import configure_logs, operate
from askproai_operator.settings import Settings


async def reconcile_tenant(key: Key, context: ReconcileContext) -> Result:
    model = context.relations.tenant(key.namespace, key.name)
    if model is None:
        return GONE
    if model.metadata.deletion_timestamp is not None:
        await context.kube.remove_finalizer(model)
        return GONE
    if not await context.kube.add_finalizer(model):
        return GONE
    if model.spec.display_name == "boom":
        raise ValueError("postgresql://admin:geheim@db")
    labels = {"app.kubernetes.io/managed-by": "askproai-operator", "askproai.de/tenant": key.name}
    manifest: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"name": model.spec.display_name}}
    manifest["metadata"] = {"name": f"{key.name}-config", "namespace": key.namespace, "labels": labels}
    await context.kube.apply(manifest)
    context.fence()
    return Result((good(ConditionType.DATABASE_READY),), status={"key": f"{key.namespace}.{key.name}"})


async def reconcile_other(key: Key, context: ReconcileContext) -> Result:
    return Result((good(ConditionType.SERVICES_READY),))


if __name__ == "__main__":
    settings = Settings()
    configure_logs(settings.log_level)
    others = dict.fromkeys(("Branch", "ServiceOffering", "RetellAgent"), reconcile_other)
    asyncio.run(operate(settings, {"Tenant": reconcile_tenant, **others}))
