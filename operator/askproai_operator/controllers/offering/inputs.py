"""Reads what a ServiceOffering depends on: its references and neighbours in the cluster, its event types at Cal.com."""

from collections.abc import Sequence
from dataclasses import dataclass

from askproai_operator.api import Branch, EventType, ServiceOffering
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.conditions import References, resolve_references
from askproai_operator.controllers.offering.staffing import active_offerings, linked_event_types
from askproai_operator.credentials import Credentials
from askproai_operator.providers import Json


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the cluster says. The lists are empty as long as a reference does not resolve."""

    references: References
    branches: Sequence[Branch] = ()  # of the tenant
    neighbours: Sequence[ServiceOffering] = ()  # the tenant's active offerings, this one among them


async def gather(offering: ServiceOffering, context: ReconcileContext) -> Inputs:
    """Read the references from the cache. Only an object that it lacks costs a request: it may be on its way to us."""
    references = await resolve_references(offering, context)
    if references.absence is not None or references.tenant is None:
        return Inputs(references)
    namespace, tenant = offering.metadata.namespace, references.tenant.metadata.name
    branches = context.relations.branches(namespace, tenant)
    return Inputs(references, branches, active_offerings(context.relations.offerings(namespace, tenant), branches))


async def read_event_types(
    offering: ServiceOffering, credentials: Credentials, context: ReconcileContext
) -> list[tuple[EventType, Json | None]]:
    """Read the offering's event types at Cal.com: the entry of the spec, and Cal.com's `data` object (None: no such id).

    Raises ProviderError.
    """
    client = context.providers.calcom(credentials.calendar_base_url, credentials.calcom_key)
    return [(entry, await client.get_event_type(entry.event_type_id)) for entry in linked_event_types(offering)]
