"""Hosts that are granted to tenants."""

import uuid
from typing import Any

from tests.worlds.operator_environment import NAME, TenantNamespace


def new_host() -> str:
    return f"h{uuid.uuid4().hex[:8]}.example"


async def edit(namespace: TenantNamespace, spec: dict[str, Any], kind: str = "Tenant", name: str = NAME) -> None:
    await namespace.client.merge(namespace.path(kind, name), {"spec": spec})
