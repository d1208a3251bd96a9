"""The clients and settings with which a controller reads and plans, as one value. A dry run has only these: it cannot write."""

from dataclasses import dataclass

from askproai_core.api_resource import ApiResource
from askproai_operator.api.conditions import Reason
from askproai_operator.engine import EngineContext
from askproai_operator.providers import ProviderClients
from askproai_operator.relations import Relations


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanContext(EngineContext):
    """The view of the cluster, and the clients by which a controller may read."""

    relations: Relations
    providers: ProviderClients
    installation_id: str  # first part of the marker of our objects at the providers

    async def missing_reason(self, ref: ApiResource, namespace: str, name: str | None, reason: Reason) -> Reason:
        """Return why the cache lacks an object: `reason`, or Pending if it exists and its watch event is still to come.

        One `kubectl apply` creates a Tenant and the objects that name it; their order at the watches must cause no warning.
        """
        return Reason.PENDING if name and await self.kube.get(ref, namespace, name) is not None else reason
