"""The monitoring of a tenant by Prometheus: a ServiceMonitor for its pods' metrics, and a PrometheusRule."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from askproai_operator import resources
from askproai_operator.api import Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, good
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.tenant.children.metadata import Manifest, child_name, new_manifest, pod_selector
from askproai_operator.controllers.tenant.children.optional import apply_unless_foreign, prune
from askproai_operator.controllers.tenant.children.services import metrics_service
from askproai_operator.controllers.tenant.run import Run
from askproai_operator.settings import Settings

_HUNDRED = Decimal(100)
_OF_RUNNING_PODS = "AskproaiMetricsMissing"


def service_monitor(tenant: Tenant, settings: Settings) -> Manifest:
    """Return the ServiceMonitor that scrapes both containers through the Service `T-metrics`."""
    endpoints = [{"port": port, "interval": "30s"} for port in ("metrics", "worker")]
    selector = {"matchLabels": pod_selector(tenant, "metrics")}
    manifest = _with_monitor_labels(new_manifest(tenant, resources.SERVICE_MONITORS, "", "metrics"), settings)
    return manifest | {"spec": {"selector": selector, "endpoints": endpoints}}


def prometheus_rule(tenant: Tenant, settings: Settings) -> Manifest:
    """Return the PrometheusRule: `alerts.yaml` with this tenant's name and the error ratios that its SLO allows.

    A suspended tenant has no pods, so missing metrics raise no alert.
    """
    slo = tenant.spec.slo
    bookings = (_HUNDRED - slo.booking_success_percent) / _HUNDRED
    webhooks = (_HUNDRED - slo.webhook_success_percent) / _HUNDRED
    values = {
        "tenant": tenant.metadata.dotted,
        "booking failures": f"{bookings:f}",
        "bookings at 6": f"{burning(bookings, Decimal(6)):f}",
        "webhook failures": f"{webhooks:f}",
        "webhooks at 14.4": f"{burning(webhooks, Decimal('14.4')):f}",
    }
    spec = _fill_in(_alerts(), values)
    for rule in (rule for group in spec["groups"] for rule in group["rules"] if "alert" in rule):
        rule["annotations"]["runbook_url"] = _runbook_url(settings, rule["annotations"]["runbook_url"])
    if tenant.spec.suspend:
        for group in spec["groups"]:
            group["rules"] = [rule for rule in group["rules"] if rule.get("alert") != _OF_RUNNING_PODS]
    manifest = _with_monitor_labels(new_manifest(tenant, resources.PROMETHEUS_RULES, "", "alerts"), settings)
    return manifest | {"spec": spec}


def burning(allowed: Decimal, speed: Decimal) -> Decimal:
    """Return the share of failures at which an error budget is used up `speed` times faster than the SLO allows.

    `allowed` is the share of failures that the SLO allows. For a tolerant SLO the product could exceed 1, so the result is at
    most half way between the allowed share and 1.
    """
    return min(allowed * speed, (allowed + 1) / 2)


def _runbook_url(settings: Settings, page: str) -> str:
    """Return the URL of a runbook: the base URL with the page's name for `{name}`; without `{name}`, a file below the base URL."""
    base = settings.runbook_base_url
    return base.replace("{name}", page) if "{name}" in base else f"{base.rstrip('/')}/{page}.md"


def _with_monitor_labels(manifest: Manifest, settings: Settings) -> Manifest:
    """Add the labels by which the cluster's Prometheus selects its monitors and rules; our own labels are kept."""
    extra = dict(pair.split("=", 1) for pair in settings.monitor_labels)
    manifest["metadata"]["labels"] = extra | manifest["metadata"]["labels"]
    return manifest


@cache
def _alerts() -> Any:
    """Return the parsed `alerts.yaml`. Parsing takes some 10 ms, so it is done once for all tenants."""
    return yaml.safe_load(files(__package__).joinpath("alerts.yaml").read_text("utf-8"))


def _fill_in(template: Any, values: Mapping[str, str]) -> Any:
    """Return a copy of parsed YAML with each `<name>` in its texts replaced by the value."""
    if isinstance(template, dict):
        return {key: _fill_in(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [_fill_in(value, values) for value in template]
    if isinstance(template, str):
        for name, value in values.items():
            template = template.replace(f"<{name}>", value)
    return template


def monitoring_condition(absent: Sequence[str]) -> Condition:
    """Return MonitoringReady. `absent` are the kinds whose CRD this cluster lacks."""
    kind = ConditionType.MONITORING_READY
    if absent:
        text = (
            f"this cluster has no CRD of the Prometheus operator for {' and '.join(absent)}; once it has, they are made"
        )
        return good(kind, text, Reason.NOT_INSTALLED)
    return good(kind, "Prometheus finds the pods' metrics and the alert rules")


async def apply_monitoring(run: Run, context: ReconcileContext) -> None:
    """Apply the ServiceMonitor and the PrometheusRule if the cluster serves their CRDs, and delete what is no longer desired."""
    tenant = run.tenant
    renderers = {resources.SERVICE_MONITORS: service_monitor, resources.PROMETHEUS_RULES: prometheus_rule}
    # Read once: a CRD may be installed during the writes.
    absent = [ref.kind for ref in renderers if ref not in context.cache.served]
    installed = [render(tenant, context.settings) for ref, render in renderers.items() if ref.kind not in absent]
    desired = [*([metrics_service(tenant)] if installed else []), *installed]
    conflict = await apply_unless_foreign(desired, ConditionType.MONITORING_READY, context)
    name = tenant.metadata.name
    optional = [(resources.SERVICES, child_name(name, "metrics")), *((ref, name) for ref in renderers)]
    await prune(tenant, optional, desired, context)
    run.monitored = conflict or monitoring_condition(absent)
