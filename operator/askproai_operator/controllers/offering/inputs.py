"""Reads what a ServiceOffering depends on: its references and neighbours in the cluster, its event types at Cal.com."""

from collections.abc import Sequence
from dataclasses import dataclass

from askproai_operator.api import Branch, EventType, ServiceOffering, Tenant
from askproai_operator.api.conditions import Reason
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.offering.staffing import active_offerings, linked_event_types
from askproai_operator.credentials import Credentials
from askproai_operator.engine import resources
from askproai_operator.providers import Json


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the cluster says. The lists are empty as long as a check of `checks.CHECKS` fails."""

    offering: ServiceOffering
    branch: Branch | None  # that spec.branchRef names
    tenant_name: str | None
    tenant: Tenant | None
    absence: Reason | None = None  # why the cache lacks the named Branch, else the Tenant
    branches: Sequence[Branch] = ()  # of the tenant
    neighbours: Sequence[ServiceOffering] = ()  # the tenant's active offerings, this one among them


async def gather(offering: ServiceOffering, context: ReconcileContext) -> Inputs:
    """Read the references from the cache. Only an object that it lacks costs a request: it may be on its way to us."""
    relations, namespace, ref = context.relations, offering.metadata.namespace, offering.spec.branch_ref
    branch = relations.branch(namespace, ref.name) if ref is not None else None
    tenant_name = relations.tenant_of(offering)
    tenant = relations.tenant(namespace, tenant_name) if tenant_name else None
    if ref is not None and branch is None:
        absence = await context.missing_reason(resources.BRANCHES, namespace, ref.name, Reason.BRANCH_NOT_FOUND)
        return Inputs(offering, branch, tenant_name, tenant, absence)
    if tenant is None:
        absence = await context.missing_reason(resources.TENANTS, namespace, tenant_name, Reason.TENANT_NOT_FOUND)
        return Inputs(offering, branch, tenant_name, tenant, absence)
    branches = relations.branches(namespace, tenant.metadata.name)
    neighbours = active_offerings(relations.offerings(namespace, tenant.metadata.name), branches)
    return Inputs(offering, branch, tenant_name, tenant, branches=branches, neighbours=neighbours)


async def read_event_types(
    offering: ServiceOffering, credentials: Credentials, context: ReconcileContext
) -> list[tuple[EventType, Json | None]]:
    """Read the offering's event types at Cal.com: the entry of the spec, and Cal.com's `data` object (None: no such id).

    Raises ProviderError.
    """
    client = context.providers.calcom(credentials.calcom_base_url, credentials.calcom_key)
    return [(entry, await client.get_event_type(entry.event_type_id)) for entry in linked_event_types(offering)]
