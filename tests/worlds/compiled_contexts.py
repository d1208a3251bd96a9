"""A tenant's config and pods, compiled and rendered as the operator does it, and its inputs for that."""

from typing import Any

from askproai_core.tenant_config import TenantConfig
from askproai_operator.api import Tenant
from askproai_operator.controllers.tenant import tenant_config
from askproai_operator.controllers.tenant.children import deployment as deployments
from askproai_operator.controllers.tenant.children.deployment import PodInputs
from askproai_operator.controllers.tenant.children.metadata import Component, Manifest
from askproai_operator.controllers.tenant.tenant_config import ConfigInputs
from askproai_operator.credentials import Credentials

CONTEXT: dict[str, Any] = {
    "resource_ids": {}, "foreign_numbers": {}, "path_prefix": "", "installation_id": "i", "calendar_base_url": "",
    "retell_base_url": "",
}  # fmt: skip


def compile_config(tenant: Tenant, branches: Any, offerings: Any, agents: Any, **others: Any) -> TenantConfig:
    """Return the config; `others` are further fields of `ConfigInputs`."""
    inputs = ConfigInputs(tenant=tenant, branches=branches, offerings=offerings, agents=agents, **others)
    return tenant_config.compile_config(inputs)


def deployment(
    tenant: Tenant, credentials: Credentials, image: str, component: Component = Component.WEB, **others: Any
) -> Manifest:
    """Return a Deployment; `others` are arguments of the product's function, and further fields of `PodInputs`."""
    layout = {name: others.pop(name) for name in ("alone", "replicas", "track") if name in others}
    pods = PodInputs(tenant, credentials, **{name: value for name, value in others.items() if value is not None})
    return deployments.deployment(pods, image, component, **layout)
