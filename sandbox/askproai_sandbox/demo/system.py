"""What the chart would install of the coordinator: its Deployment, which the pod runner runs like any tenant's."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

NAMESPACE = "askproai-system"
COORDINATOR = "askproai-coordinator"


def system(kubeconfig: Path) -> dict[str, Any]:
    """Give the operator's namespace and the coordinator in it. Its pods wait for the Secret that the operator writes."""
    labels = {"app.kubernetes.io/name": "askproai", "app.kubernetes.io/component": "coordinator"}
    env = {
        "ASKPROAI_KUBECONFIG": str(kubeconfig),  # the pod runner has no service accounts
        "ASKPROAI_NAMESPACE": NAMESPACE,
        "ASKPROAI_BIND_ADDRESS": "0.0.0.0",  # the runner makes it the pod's own
        "ASKPROAI_CREDENTIALS_DIR": "/etc/askproai/credentials",
    }
    container = {
        "name": "coordinator",
        "image": "askproai",
        "command": ["askproai-runtime", "coordinator"],
        "env": [
            *({"name": name, "value": value} for name, value in env.items()),
            {"name": "ASKPROAI_POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ],
        "ports": [{"name": "health", "containerPort": 9091}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "health"}, "periodSeconds": 5},
        "livenessProbe": {"httpGet": {"path": "/livez", "port": "health"}, "periodSeconds": 10},
        "volumeMounts": [{"name": "credentials", "mountPath": "/etc/askproai/credentials", "readOnly": True}],
    }
    pod = {
        "automountServiceAccountToken": False,
        "containers": [container],
        "volumes": [{"name": "credentials", "secret": {"secretName": COORDINATOR}}],
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": COORDINATOR, "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    return {"apiVersion": "v1", "kind": "List", "items": [namespace, deployment]}


def coordinator_of(pids: Mapping[str, int]) -> dict[str, int]:
    """Give those of the runner's processes that are the coordinator's."""
    return {key: pid for key, pid in pids.items() if key.startswith(f"{NAMESPACE}/{COORDINATOR}-")}
