"""Everything a reconcile may lean on, as one value that is passed in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from askproai_core.clock import Clock
from askproai_core.fault_injection import FaultPoints
from askproai_core.kube import ApiResource
from askproai_operator.api.conditions import Reason
from askproai_operator.engine.cache import Cache, M
from askproai_operator.engine.kube import Kube
from askproai_operator.engine.resources import resource_of_kind
from askproai_operator.key import Key
from askproai_operator.settings import Settings

if TYPE_CHECKING:  # the engine itself needs neither a provider nor a database
    from askproai_core.database import AdminStore
    from askproai_operator.providers import ProviderClients, RedisAdmin


@dataclass(frozen=True, slots=True)
class World:
    """What a reconcile reads and changes the world with."""

    kube: Kube
    cache: Cache
    settings: Settings
    clock: Clock
    faults: FaultPoints
    database: "AdminStore"
    providers: "ProviderClients"
    installation_id: str  # first part of the marker at the providers (contract §2)
    fence: Callable[[], None]  # raises NotLeader unless our Lease is surely ours: call it right before a remote write
    enqueue: Callable[[Key], None]  # wakes another object
    redis: "RedisAdmin | None" = None  # None: the installation has none
    # Tells pods (namespace, tenant, hash) that their config changed
    nudge: Callable[[str, str, str], None] = lambda *_: None

    async def missing(self, ref: ApiResource, namespace: str, name: str | None, reason: Reason) -> Reason:
        """Give the reason for an object that the cache lacks: `reason`, or Pending when a watch has only to tell of it.

        One `kubectl apply` brings a Tenant and what names it, and nobody is to be warned of the order in which we hear of them.
        """
        return Reason.PENDING if name and await self.kube.get(ref, namespace, name) is not None else reason

    async def fresh(self, seen: M) -> M | None:
        """Read the object again from the API server, for use right before a remote create or delete.

        Gives None when it is gone, or when another object (another uid) took its name: the cache may lag, and Kopf loses
        deletions that happen during a relist.
        """
        key = seen.key
        raw = await self.kube.get(resource_of_kind(key.kind), key.namespace, key.name)
        if raw is None or raw["metadata"]["uid"] != seen.metadata.uid:
            return None
        return type(seen).from_raw(raw)
