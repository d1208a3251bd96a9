"""The pods of a tenant's shadow, and the objects that they mount. Pure.

The pods have labels of their own, so no Service selects them, and no other policy of the tenant. They reach only PostgreSQL.
"""

import copy
from collections.abc import Iterable
from typing import Final

from askproai_core.api_resource import ApiResource
from askproai_core.data_keys import DATA_KEYS
from askproai_operator import resources
from askproai_operator.api import Tenant
from askproai_operator.controllers.tenant.children.autoscaling import replica_bounds
from askproai_operator.controllers.tenant.children.deployment import container_resources, pod_fields, pod_template
from askproai_operator.controllers.tenant.children.metadata import (
    MANAGED_BY,
    Component,
    Manifest,
    child_name,
    new_manifest,
)
from askproai_operator.controllers.tenant.children.network_policy import dns_and_stores
from askproai_operator.controllers.tenant.children.secrets import ENCRYPTION_SUFFIX
from askproai_operator.resources import MANAGER, TENANT_LABEL
from askproai_operator.settings import Settings

SHADOW: Final = "shadow"  # suffix of its Deployment, ConfigMap and Secret
SHADOW_PODS: Final = "askproai-shadow"  # app.kubernetes.io/name of its pods
_POLICY: Final = "shadow-policy"
_LIVE: Final = "/etc/askproai/live"


def shadow_children(tenant: Tenant) -> Iterable[tuple[ApiResource, str]]:
    """Return resource and name of every object of a shadow in the cluster, in the order of deletion: its pods first."""
    name = tenant.metadata.name
    return (
        (resources.DEPLOYMENTS, child_name(name, SHADOW)),
        (resources.CONFIG_MAPS, child_name(name, SHADOW)),
        (resources.SECRETS, child_name(name, SHADOW)),
        (resources.NETWORK_POLICIES, child_name(name, _POLICY)),
    )


def shadow_policy(tenant: Tenant, database_url: str, settings: Settings) -> Manifest:
    """Return the NetworkPolicy of the shadow's pods: nobody may connect to them, and they only to DNS and PostgreSQL."""
    spec = {
        "podSelector": {"matchLabels": _labels(tenant)},
        "policyTypes": ["Ingress", "Egress"],
        "egress": list(dns_and_stores([database_url], settings)),
    }
    return new_manifest(tenant, resources.NETWORK_POLICIES, _POLICY, SHADOW) | {"spec": spec}


def shadow_deployment(tenant: Tenant, image: str, live_image: str, pull_secrets: Iterable[str]) -> Manifest:
    """Return the Deployment: one pod with the web process of `image`, and a process of `live_image` that replays calls to it."""
    spec: Manifest = copy.deepcopy(pod_template())
    pod = spec["template"]["spec"]
    web = next(each for each in pod["containers"] if each["name"] == Component.WEB)
    replay = {each: web[each] for each in ("env", "securityContext")} | {"name": SHADOW}
    replay["command"] = ["askproai-runtime", "shadow"]
    replay["env"] = [*web["env"], {"name": "ASKPROAI_LIVE_CREDENTIALS_DIR", "value": _LIVE}]
    mounts = [each for each in web["volumeMounts"] if each["name"] != "admin"]
    replay["volumeMounts"] = [*mounts, {"name": "live", "mountPath": _LIVE, "readOnly": True}]
    web["image"], replay["image"] = image, live_image
    pod["containers"] = [web, replay]
    for container in pod["containers"]:
        container["resources"] = container_resources(replica_bounds(tenant, Component.WEB).resources)
    del pod["topologySpreadConstraints"]
    pod["serviceAccountName"] = child_name(tenant.metadata.name, "runtime")
    pod["volumes"] = _volumes(tenant)
    pod |= pod_fields(tenant.spec.runtime.pods, pull_secrets)
    labels = _labels(tenant)
    spec |= {"replicas": 1, "selector": {"matchLabels": labels}, "strategy": {"type": "Recreate"}}
    spec["template"]["metadata"] = {"labels": labels | {MANAGED_BY: MANAGER, TENANT_LABEL: tenant.metadata.name}}
    return new_manifest(tenant, resources.DEPLOYMENTS, SHADOW, SHADOW) | {"spec": spec}


def _labels(tenant: Tenant) -> dict[str, str]:
    """Return the labels by which a shadow's pods are selected; the tenant's Services and policies select other labels."""
    return {"app.kubernetes.io/name": SHADOW_PODS, "app.kubernetes.io/instance": tenant.metadata.name}


def _volumes(tenant: Tenant) -> list[Manifest]:
    """Return the volumes of a shadow's pod. Only the replaying container mounts Secrets of the tenant: login and data keys."""
    name = tenant.metadata.name
    live: list[Manifest] = [
        {"secret": {"name": child_name(name, "runtime"), "items": _same_paths("DATABASE_URL")}},
        {"secret": {"name": child_name(name, "runtime"), "items": _same_paths("DATABASE_CA_FILE"), "optional": True}},
        {"secret": {"name": child_name(name, ENCRYPTION_SUFFIX), "items": _same_paths(DATA_KEYS), "optional": True}},
    ]
    return [
        {"name": "config", "configMap": {"name": child_name(name, SHADOW)}},
        {"name": "credentials", "secret": {"secretName": child_name(name, SHADOW)}},
        {"name": "admin", "secret": {"secretName": child_name(name, SHADOW), "items": _same_paths("token")}},
        {"name": "live", "projected": {"sources": live}},
    ]


def _same_paths(*keys: str) -> list[Manifest]:
    return [{"key": key, "path": key} for key in keys]
