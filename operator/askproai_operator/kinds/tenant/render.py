"""The children of a tenant, as manifests. Pure: the same input gives the same text, so that nothing is written twice."""

import base64
import copy
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from askproai_operator.api import Tenant
from askproai_operator.engine import FINALIZER, MANAGER, TENANT_LABEL, refs
from askproai_operator.kinds.credentials import CALCOM_BASE_URL, CALCOM_KEY, RETELL_BASE_URL, RETELL_KEY, Credentials

Manifest = dict[str, Any]

KEY_HASH = "askproai.de/retell-key"  # on T-teardown: how tenants' keys are compared without reading them


def names(tenant: str) -> dict[str, str]:
    """Give the names of the children (contract §2)."""
    return {suffix: f"{tenant}-{suffix}" for suffix in ("config", "runtime", "admin", "teardown", "web")}


def config_map(tenant: Tenant, text: str) -> Manifest:
    return {**_head(tenant, refs.CONFIG_MAPS, "config", "config"), "data": {"tenant.json": text}}


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
            **_head(tenant, refs.SERVICES, suffix, "web"),
            "spec": {
                "selector": _selector(tenant, "web"),
                "ports": [{"name": name, "port": port, "targetPort": name, "protocol": "TCP"}],
            },
        }
        for suffix, (name, port) in ports.items()
    ]


def deployment(tenant: Tenant, credentials: Credentials, image: str) -> Manifest:
    """Give the Deployment: `deployment.yaml` with this tenant's names, number of pods, image and volumes."""
    spec: Manifest = copy.deepcopy(_deployment())
    spec["replicas"] = 0 if tenant.spec.suspend else tenant.spec.runtime.web.min_replicas
    spec["selector"] = {"matchLabels": _selector(tenant, "web")}
    spec["template"]["metadata"] = {"labels": _labels(tenant, "web")}
    for container in spec["template"]["spec"]["containers"]:
        container["image"] = image
    spec["template"]["spec"]["volumes"] = _volumes(tenant, credentials)
    return {**_head(tenant, refs.DEPLOYMENTS, "web", "web"), "spec": spec}


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
    data = {name: base64.b64encode(value.encode()).decode() for name, value in sorted(values.items())}
    return {**_head(tenant, refs.SECRETS, suffix, suffix), "type": "Opaque", "data": data}


def _head(tenant: Tenant, ref: refs.Ref, suffix: str, component: str) -> Manifest:
    meta = tenant.metadata
    return {
        "apiVersion": ref.api_version,
        "kind": ref.kind,
        "metadata": {
            "name": f"{meta.name}-{suffix}",
            "namespace": meta.namespace,
            "labels": _labels(tenant, component),
            "ownerReferences": [refs.TENANTS.owner(meta.name, meta.uid)],
        },
    }


def _selector(tenant: Tenant, component: str) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": "askproai",
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/instance": tenant.metadata.name,
    }


def _labels(tenant: Tenant, component: str) -> dict[str, str]:
    return _selector(tenant, component) | {
        "app.kubernetes.io/managed-by": MANAGER,
        TENANT_LABEL: tenant.metadata.name,
    }
