"""The tenant of `examples/salon.yaml` and other examples, as the operator compiles them for their pods."""

from collections.abc import Mapping
from typing import Any

import msgspec

from askproai_core.provider_names import CalendarProvider
from askproai_core.tenant_config import TenantConfig
from askproai_core.tenant_config.config import CalendarConfig
from askproai_operator.api import Branch, RetellAgent, ServiceOffering, Tenant
from askproai_sandbox.example_tenant import AGENT_ID, load_manifests
from tests.worlds.compiled_contexts import compile_config

RESOURCE_IDS: Mapping[str, tuple[int, ...]] = {"anna": (1,), "mehmet": (2,)}


def compile_example(
    example: str, *, resource_ids: Mapping[tuple[str, str, int], int], agent_id: str = AGENT_ID, **changes: Any
) -> TenantConfig:
    """Return an example's config as the operator compiles it, but with the local calendar; `changes` replace its fields.

    `resource_ids` maps (branch, staff, unit) to the id of the row in `resources`.
    """
    objects = load_manifests(example)
    config = compile_config(
        Tenant.from_raw(objects["Tenant"][0]),
        [Branch.from_raw(raw) for raw in objects["Branch"]],
        [ServiceOffering.from_raw(raw) for raw in objects["ServiceOffering"]],
        [RetellAgent.from_raw(raw | {"status": {"agentId": agent_id}}) for raw in objects["RetellAgent"]],
        resource_ids=resource_ids,
        foreign_numbers={},
        path_prefix="/salon-mueller/salon-mueller",
        installation_id="installation-test",
        calendar_base_url="",
        retell_base_url="",
    )
    local = CalendarConfig(provider=CalendarProvider.LOCAL, attendee_email_domain=config.calendar.attendee_email_domain)
    return msgspec.structs.replace(config, **{"calendar": local, **changes})


def salon_config(*, resource_ids: Mapping[str, tuple[int, ...]] = RESOURCE_IDS, **changes: Any) -> TenantConfig:
    """Return the salon's config. `resource_ids` maps a staff member to ids of rows in `resources`; the first id counts."""
    rows = {("mitte", staff, 1): ids[0] for staff, ids in resource_ids.items()}
    return compile_example("salon.yaml", resource_ids=rows, **changes)
