"""A tenant's config and pods, compiled and rendered as the operator does it, and the values that it knows when it compiles."""

from collections.abc import Iterable
from typing import Any

from askproai_core.tenant_config import TenantConfig
from askproai_operator.api import Branch, RetellAgent, ServiceOffering, Tenant
from askproai_operator.controllers.tenant import tenant_config
from askproai_operator.controllers.tenant.children import deployment as deployments
from askproai_operator.controllers.tenant.children.metadata import Component, Manifest
from askproai_operator.credentials import Credentials

CONTEXT: dict[str, Any] = {
    "resource_ids": {}, "foreign_numbers": {}, "path_prefix": "", "installation_id": "i", "calendar_base_url": "",
    "retell_base_url": "",
}  # fmt: skip


def compile_config(
    tenant: Tenant,
    branches: Iterable[Branch],
    offerings: Iterable[ServiceOffering],
    agents: Iterable[RetellAgent],
    **others: Any,
) -> TenantConfig:
    """Return the config; `others` are further fields of `ConfigInputs`."""
    return tenant_config.compile_config(
        tenant_config.ConfigInputs(tenant=tenant, branches=branches, offerings=offerings, agents=agents, **others)
    )


def deployment(
    tenant: Tenant,
    credentials: Credentials,
    image: str,
    component: Component = Component.WEB,
    *,
    alone: bool = False,
    replicas: int | None = None,
    track: str = "",
    **others: Any,
) -> Manifest:
    """Return a Deployment; `others` are further fields of `PodInputs`."""
    given = {name: value for name, value in others.items() if value is not None}
    pods = deployments.PodInputs(tenant, credentials, **given)
    return deployments.deployment(pods, image, component, alone=alone, replicas=replicas, track=track)
