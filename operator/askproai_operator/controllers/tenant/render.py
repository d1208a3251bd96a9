"""The children of a tenant, as manifests. Pure: the same input gives the same text, so that nothing is written twice."""

import copy
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from askproai_operator.api import Tenant
from askproai_operator.api.tenant import RuntimeMode
from askproai_operator.credentials import (
    CALCOM_BASE_URL,
    CALCOM_KEY,
    RETELL_BASE_URL,
    RETELL_KEY,
    Credentials,
    secret_manifest,
)
from askproai_operator.engine import FINALIZER, MANAGER, TENANT_LABEL, refs

Manifest = dict[str, Any]

SCALED_BY = "askproai.de/scaled-by"  # on a Deployment: whether our last apply left `replicas` to an autoscaler
MODE = "askproai.de/mode"  # on Deployment T-web: whether its pods have a worker
KEY_HASH = "askproai.de/retell-key"  # on T-teardown: how tenants' keys are compared without reading them


class Component(StrEnum):
    """A Deployment of the tenant, and the container that it is named after."""

    WEB = "web"
    WORKER = "worker"


class ScaledBy(StrEnum):
    """Who decides how many pods of a Deployment run."""

    OPERATOR = "operator"
    AUTOSCALER = "autoscaler"


def names(tenant: str) -> dict[str, str]:
    """Give the names of the children (contract §2)."""
    return {suffix: f"{tenant}-{suffix}" for suffix in ("config", "runtime", "admin", "teardown", "web")}


def config_map(tenant: Tenant, text: str) -> Manifest:
    return {**head(tenant, refs.CONFIG_MAPS, "-config", "config"), "data": {"tenant.json": text}}


def runtime_secret(tenant: Tenant, database_url: str, redis_url: str | None = None, ca: str | None = None) -> Manifest:
    """Give what the pods connect with; `ca` is the authority of Redis's certificate, where the system does not know it."""
    maybe = {"REDIS_URL": redis_url, "CA_FILE": ca if redis_url else None}
    return _secret(tenant, "runtime", {"DATABASE_URL": database_url} | {k: v for k, v in maybe.items() if v})


def admin_secret(tenant: Tenant, token: str) -> Manifest:
    return _secret(tenant, "admin", {"token": token})


def teardown_secret(tenant: Tenant, credentials: Credentials, retell_key_hash: str) -> Manifest:
    """What deletion needs when the user's Secret is gone already. Its finalizer keeps it through the end of a namespace."""
    kept = {name: value for name, value in credentials.values.items() if name in {RETELL_KEY, CALCOM_KEY}}
    urls = {RETELL_BASE_URL: credentials.retell_base_url, CALCOM_BASE_URL: credentials.calcom_base_url}
    manifest = _secret(tenant, "teardown", kept | urls)
    manifest["metadata"] |= {"finalizers": [FINALIZER], "annotations": {KEY_HASH: retell_key_hash}}
    return manifest


def services(tenant: Tenant) -> list[Manifest]:
    """Give the public Service (8080; routed from outside by path) and the private one (8081; never routed)."""
    ports = {"web": ("public", 8080), "admin": ("private", 8081)}
    return [
        {
            **head(tenant, refs.SERVICES, f"-{suffix}", "web"),
            "spec": {
                "selector": selector(tenant, "web"),
                "ports": [{"name": name, "port": port, "targetPort": name, "protocol": "TCP"}],
            },
        }
        for suffix, (name, port) in ports.items()
    ]


def deployment(
    tenant: Tenant,
    credentials: Credentials,
    image: str,
    component: Component = Component.WEB,
    *,
    alone: bool = False,
    replicas: int | None = None,
) -> Manifest:
    """Give a Deployment: `deployment.yaml` with this tenant's names, image and volumes.

    Its pods have both containers, or `alone` the one that it is named after. Without `replicas` that field is left to others.
    """
    spec: Manifest = copy.deepcopy(_deployment())
    if replicas is not None:
        spec["replicas"] = replicas
    chosen = selector(tenant, component)
    spec["selector"] = {"matchLabels": chosen}
    spec["template"]["metadata"] = {"labels": labels(tenant, component)}
    pod = spec["template"]["spec"]
    pod["serviceAccountName"] = f"{tenant.metadata.name}-runtime"
    pod["containers"] = [one for one in pod["containers"] if not alone or one["name"] == component]
    for container in pod["containers"]:
        container["image"] = image
    if component is Component.WORKER:  # nobody calls it; but who replaces it waits until it can work
        pod["containers"][0]["readinessProbe"] = {"httpGet": {"path": "/readyz", "port": "worker"}, "periodSeconds": 2}
    for constraint in pod["topologySpreadConstraints"]:
        constraint["labelSelector"] = {"matchLabels": chosen}
    pod["volumes"] = _volumes(tenant, credentials)
    made = {**head(tenant, refs.DEPLOYMENTS, f"-{component}", component), "spec": spec}
    made["metadata"]["annotations"] = {
        SCALED_BY: ScaledBy.AUTOSCALER if replicas is None else ScaledBy.OPERATOR,
        MODE: RuntimeMode.SPLIT if alone else RuntimeMode.COMBINED,
    }
    return made


@cache
def _deployment() -> Manifest:
    return dict(yaml.safe_load(files(__package__).joinpath("deployment.yaml").read_text("utf-8")))


def _volumes(tenant: Tenant, credentials: Credentials) -> list[Manifest]:
    """Give the mounts. The user's Secrets are projected key by key, so that a rotated key reaches the pods without us."""
    child = names(tenant.metadata.name)
    sources: list[Manifest] = [{"secret": {"name": child["runtime"], "items": _same_paths("DATABASE_URL")}}]
    # Optional, so that a Redis that comes or goes restarts no pod.
    sources += [{"secret": {"name": child["runtime"], "items": _same_paths("REDIS_URL", "CA_FILE"), "optional": True}}]
    sources += [
        {"secret": {"name": ref.name, "items": [{"key": ref.key, "path": file}]}}
        for file, ref in sorted(credentials.refs.items())
    ]
    return [
        {"name": "config", "configMap": {"name": child["config"]}},
        {"name": "credentials", "projected": {"sources": sources}},
        {"name": "admin", "secret": {"secretName": child["admin"]}},
    ]


def _same_paths(*keys: str) -> list[Manifest]:
    return [{"key": key, "path": key} for key in keys]


def _secret(tenant: Tenant, suffix: str, values: dict[str, str]) -> Manifest:
    meta = head(tenant, refs.SECRETS, f"-{suffix}", suffix)["metadata"]
    return secret_manifest(values=values, **meta)


def head(tenant: Tenant, ref: refs.Ref, suffix: str, component: str) -> Manifest:
    """Give what every child begins with; its name is the tenant's and `suffix`."""
    meta = tenant.metadata
    return {
        "apiVersion": ref.api_version,
        "kind": ref.kind,
        "metadata": {
            "name": f"{meta.name}{suffix}",
            "namespace": meta.namespace,
            "labels": labels(tenant, component),
            "ownerReferences": [refs.TENANTS.owner(meta.name, meta.uid)],
        },
    }


def selector(tenant: Tenant, component: str | None = None) -> dict[str, str]:
    """Give the labels that pick the tenant's pods, of one component or all."""
    one = {"app.kubernetes.io/component": str(component)} if component else {}
    return {"app.kubernetes.io/name": "askproai", "app.kubernetes.io/instance": tenant.metadata.name} | one


def labels(tenant: Tenant, component: str) -> dict[str, str]:
    return selector(tenant, component) | {"app.kubernetes.io/managed-by": MANAGER, TENANT_LABEL: tenant.metadata.name}
