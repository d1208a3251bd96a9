"""The children of a tenant, as manifests. Pure: the same input gives the same text, so that nothing is written twice."""

import base64
from typing import Any

from askproai_operator.api import Tenant
from askproai_operator.engine import FINALIZER, MANAGER, TENANT_LABEL, refs
from askproai_operator.kinds.credentials import CALCOM_KEY, RETELL_KEY, Credentials

Manifest = dict[str, Any]

KEY_HASH = "askproai.de/retell-key"  # on T-teardown: how tenants' keys are compared without reading them
CONFIG_FILE = "tenant.json"
_CONFIG_DIR = "/etc/askproai/config"
_CREDENTIALS_DIR = "/etc/askproai/credentials"
_ADMIN_DIR = "/etc/askproai/admin"
# Longer than the shutdown of a pod on a call: leave the endpoints, end the requests in flight, give jobs back.
GRACE_SECONDS = 40


def names(tenant: str) -> dict[str, str]:
    """Give the names of the children (contract §2)."""
    return {suffix: f"{tenant}-{suffix}" for suffix in ("config", "runtime", "admin", "teardown", "web")}


def config_map(tenant: Tenant, text: str) -> Manifest:
    return {**_head(tenant, refs.CONFIG_MAPS, "config", "config"), "data": {CONFIG_FILE: text}}


def runtime_secret(tenant: Tenant, database_url: str) -> Manifest:
    return _secret(tenant, "runtime", {"DATABASE_URL": database_url})


def admin_secret(tenant: Tenant, token: str) -> Manifest:
    return _secret(tenant, "admin", {"token": token})


def teardown_secret(tenant: Tenant, credentials: Credentials, retell_key_hash: str) -> Manifest:
    """What deletion needs when the user's Secret is gone already. Its finalizer keeps it through the end of a namespace."""
    kept = {name: value for name, value in credentials.values.items() if name in {RETELL_KEY, CALCOM_KEY}}
    urls = {"retell-base-url": credentials.retell_base_url, "calcom-base-url": credentials.calcom_base_url}
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
    """Give the Deployment of Combined mode: a web and a worker container each, so that a job that dies takes no call along."""
    return {
        **_head(tenant, refs.DEPLOYMENTS, "web", "web"),
        "spec": {
            "replicas": 0 if tenant.spec.suspend else tenant.spec.runtime.web.min_replicas,
            "revisionHistoryLimit": 3,
            "selector": {"matchLabels": _selector(tenant, "web")},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": _labels(tenant, "web")},
                "spec": {
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "terminationGracePeriodSeconds": GRACE_SECONDS,
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": 65532,
                        "runAsGroup": 65532,
                        "fsGroup": 65532,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [
                        _container("web", image, {"public": 8080, "private": 8081, "metrics": 9090}, "private"),
                        _container("worker", image, {"worker": 9091}, "worker"),
                    ],
                    "volumes": _volumes(tenant, credentials),
                },
            },
        },
    }


def _container(role: str, image: str, ports: dict[str, int], probe_port: str) -> Manifest:
    def probe(path: str, period: int, failures: int) -> Manifest:
        request = {"path": path, "port": probe_port}
        return {"httpGet": request, "periodSeconds": period, "failureThreshold": failures, "timeoutSeconds": 3}

    # A pod is ready when all its containers are. The worker has no readiness probe: it is ready while it runs, so that
    # a worker that starts again keeps its pod's calls away for a moment at most.
    serving = (
        {"startupProbe": probe("/startupz", 1, 60), "readinessProbe": probe("/readyz", 2, 3)} if role == "web" else {}
    )
    return {
        "name": role,
        "image": image,
        "command": ["askproai-runtime", role],
        "env": [
            {"name": "ASKPROAI_BIND_ADDRESS", "value": "0.0.0.0"},  # noqa: S104 (a pod is reached by its own address)
            {"name": "ASKPROAI_CONFIG_FILE", "value": f"{_CONFIG_DIR}/{CONFIG_FILE}"},
            {"name": "ASKPROAI_CREDENTIALS_DIR", "value": _CREDENTIALS_DIR},
            {"name": "ASKPROAI_ADMIN_TOKEN_FILE", "value": f"{_ADMIN_DIR}/token"},
            {"name": "ASKPROAI_POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ],
        "ports": [{"name": name, "containerPort": port, "protocol": "TCP"} for name, port in ports.items()],
        **serving,
        "livenessProbe": probe("/livez", 10, 3),
        "resources": {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "config", "mountPath": _CONFIG_DIR, "readOnly": True},
            {"name": "credentials", "mountPath": _CREDENTIALS_DIR, "readOnly": True},
            {"name": "admin", "mountPath": _ADMIN_DIR, "readOnly": True},
        ],
    }


def _volumes(tenant: Tenant, credentials: Credentials) -> list[Manifest]:
    """Give the mounts. The user's Secrets are projected key by key, so that a rotated key reaches the pods without us."""
    child = names(tenant.metadata.name)
    sources = [{"secret": {"name": child["runtime"], "items": [{"key": "DATABASE_URL", "path": "DATABASE_URL"}]}}]
    sources += [
        {"secret": {"name": ref.name, "items": [{"key": ref.key, "path": file}]}}
        for file, ref in sorted(credentials.refs.items())
    ]
    return [
        {"name": "config", "configMap": {"name": child["config"]}},
        {"name": "credentials", "projected": {"sources": sources}},
        {"name": "admin", "secret": {"secretName": child["admin"]}},
    ]


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
