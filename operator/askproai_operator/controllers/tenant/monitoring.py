"""What Prometheus reads of a tenant: where its pods' metrics are, and its alert rules. Pure."""

from decimal import Decimal
from functools import cache
from importlib.resources import files

import yaml

from askproai_operator.api import Tenant
from askproai_operator.controllers.tenant.render import Manifest, head, selector
from askproai_operator.engine import resources
from askproai_operator.settings import Settings

_HUNDRED = Decimal(100)


def metrics_service(tenant: Tenant) -> Manifest:
    """Give the Service of all pods' metrics; it has no address, and names pods that are not ready, too."""
    ports = {"metrics": 9090, "worker": 9091}  # a pod without one of them is left out of that one
    spec = {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": selector(tenant),
        "ports": [{"name": name, "port": port, "targetPort": name, "protocol": "TCP"} for name, port in ports.items()],
    }
    return head(tenant, resources.SERVICES, "-metrics", "metrics") | {"spec": spec}


def service_monitor(tenant: Tenant, settings: Settings) -> Manifest:
    endpoints = [{"port": port, "interval": "30s"} for port in ("metrics", "worker")]
    chosen = {"matchLabels": selector(tenant, "metrics")}
    return _found(head(tenant, resources.SERVICE_MONITORS, "", "metrics"), settings) | {
        "spec": {"selector": chosen, "endpoints": endpoints}
    }


def prometheus_rule(tenant: Tenant, settings: Settings) -> Manifest:
    slo = tenant.spec.slo
    filled = {
        "tenant": tenant.metadata.dotted,
        "booking failures": f"{(_HUNDRED - slo.booking_success_percent) / _HUNDRED:f}",
        "webhook failures": f"{(_HUNDRED - slo.webhook_success_percent) / _HUNDRED:f}",
        "runbooks": settings.runbook_base_url.rstrip("/"),
    }
    text = _alerts()
    for name, value in filled.items():
        text = text.replace(f"<{name}>", value)
    return _found(head(tenant, resources.PROMETHEUS_RULES, "", "alerts"), settings) | {"spec": yaml.safe_load(text)}


def _found(made: Manifest, settings: Settings) -> Manifest:
    """Add the labels by which the cluster's Prometheus picks its monitors and rules."""
    made["metadata"]["labels"] = (
        dict(pair.split("=", 1) for pair in settings.monitor_labels) | made["metadata"]["labels"]
    )
    return made


@cache
def _alerts() -> str:
    return files(__package__).joinpath("alerts.yaml").read_text("utf-8")
