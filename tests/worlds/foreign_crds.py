"""Custom resource definitions of other projects, from their Go modules (`go mod download` caches them)."""

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

MODULES = {
    "httproutes.gateway.networking.k8s.io": (
        "sigs.k8s.io/gateway-api@v1.4.1",
        "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
    ),
    "servicemonitors.monitoring.coreos.com": (
        "github.com/prometheus-operator/prometheus-operator@v0.85.0",
        "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
    ),
    "prometheusrules.monitoring.coreos.com": (
        "github.com/prometheus-operator/prometheus-operator@v0.85.0",
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
    ),
    "certificates.cert-manager.io": (
        "github.com/cert-manager/cert-manager@v1.19.2",
        "deploy/crds/cert-manager.io_certificates.yaml",
    ),
    "issuers.cert-manager.io": (
        "github.com/cert-manager/cert-manager@v1.19.2",
        "deploy/crds/cert-manager.io_issuers.yaml",
    ),
    "clusters.postgresql.cnpg.io": (
        "github.com/cloudnative-pg/cloudnative-pg@v1.28.0",
        "config/crd/bases/postgresql.cnpg.io_clusters.yaml",
    ),
    "scheduledbackups.postgresql.cnpg.io": (
        "github.com/cloudnative-pg/cloudnative-pg@v1.28.0",
        "config/crd/bases/postgresql.cnpg.io_scheduledbackups.yaml",
    ),
    "objectstores.barmancloud.cnpg.io": (
        "github.com/cloudnative-pg/plugin-barman-cloud@v0.15.0",
        "config/crd/bases/barmancloud.cnpg.io_objectstores.yaml",
    ),
}
MONITORING = ("servicemonitors.monitoring.coreos.com", "prometheusrules.monitoring.coreos.com")
GATEWAY = ("httproutes.gateway.networking.k8s.io",)
STORES = (
    "certificates.cert-manager.io",
    "issuers.cert-manager.io",
    "clusters.postgresql.cnpg.io",
    "scheduledbackups.postgresql.cnpg.io",
    "objectstores.barmancloud.cnpg.io",
)


def crd_files(*names: str) -> list[Path]:
    """Return the files of these definitions; fail the test without Go or its module proxy."""
    return [_module(MODULES[name][0]) / MODULES[name][1] for name in names]


@cache
def _module(module: str) -> Path:
    go = shutil.which("go")
    if go is None:
        pytest.fail(f"no `go` on the PATH to fetch the definitions of {module}")
    completed = subprocess.run([go, "mod", "download", "-json", module], capture_output=True, text=True, timeout=120)
    if completed.returncode != 0:
        pytest.fail(f"{module} can not be fetched: {completed.stdout[-200:]}{completed.stderr[-200:]}")
    return Path(json.loads(completed.stdout)["Dir"])
