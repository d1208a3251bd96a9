"""Optional children, which the pods can serve without: apply the desired ones, and delete the others."""

from collections.abc import Iterable

from askproai_core.api_resource import ApiResource
from askproai_operator import resources
from askproai_operator.api import Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.tenant.children.metadata import Manifest
from askproai_operator.engine import UnmanagedObject


async def apply_unless_foreign(
    manifests: Iterable[Manifest], kind: ConditionType, context: ReconcileContext
) -> Condition | None:
    """Apply optional children. If an object that is not ours has the name of one, stop and return a condition of type `kind`."""
    try:
        for manifest in manifests:
            await context.kube.apply(manifest)
    except UnmanagedObject as error:
        return bad(kind, Reason.OWNERSHIP_CONFLICT, error.message)
    return None


def is_installed(manifest: Manifest, context: ReconcileContext) -> bool:
    """Return True if the cluster serves the manifest's kind; its CRD may be foreign (Gateway API, Prometheus operator)."""
    ref = resources.resource_of(manifest)
    return ref not in resources.FOREIGN or ref in context.cache.served


async def prune(
    tenant: Tenant, optional: Iterable[tuple[ApiResource, str]], desired: Iterable[Manifest], context: ReconcileContext
) -> None:
    """Delete the `optional` children that exist but are not among the desired manifests."""
    namespace = tenant.metadata.namespace
    keep = {(resources.resource_of(manifest), manifest["metadata"]["name"]) for manifest in desired}
    for ref, name in optional:
        child = context.cache.child(ref, namespace, name)
        if child is not None and (ref, name) not in keep:
            await context.kube.delete(ref, namespace, name, child.uid)
