"""The common metadata of a tenant's children: names, labels, the owner reference. Pure."""

from enum import StrEnum
from typing import Any

from askproai_core.api_resource import ApiResource
from askproai_operator import resources
from askproai_operator.api import Tenant
from askproai_operator.resources import MANAGER, TENANT_LABEL

Manifest = dict[str, Any]

MANAGED_BY = "app.kubernetes.io/managed-by"


class Component(StrEnum):
    """The name of a Deployment of the tenant, web or worker, which is also the name of one of its containers."""

    WEB = "web"
    WORKER = "worker"


def child_name(tenant: str, suffix: str) -> str:
    """Return the name of a child, such as `salon-mueller-web`. `T-<suffix>` in comments means this name."""
    return f"{tenant}-{suffix}"


def new_manifest(tenant: Tenant, ref: ApiResource, suffix: str, component: str) -> Manifest:
    """Return a child's manifest without its content. Its name is the tenant's, followed by `suffix` unless that is empty."""
    meta = tenant.metadata
    return {
        **ref.type_meta,
        "metadata": {
            "name": child_name(meta.name, suffix) if suffix else meta.name,
            "namespace": meta.namespace,
            "labels": child_labels(tenant, component),
            "ownerReferences": [resources.TENANTS.owner_reference(meta.name, meta.uid)],
        },
    }


def child_labels(tenant: Tenant, component: str) -> dict[str, str]:
    """Return the labels that every child carries, pods included."""
    own = {MANAGED_BY: MANAGER, TENANT_LABEL: tenant.metadata.name}
    return pod_selector(tenant, component) | own


def pod_selector(tenant: Tenant, component: str | None = None) -> dict[str, str]:
    """Return the labels that select the tenant's pods of one component; with None, of all components."""
    labels = {"app.kubernetes.io/name": "askproai", "app.kubernetes.io/instance": tenant.metadata.name}
    return labels | ({"app.kubernetes.io/component": str(component)} if component else {})
