"""The part of a controller's context that the reconcile loop itself uses."""

from dataclasses import dataclass

from askproai_core.clock import Clock
from askproai_operator.engine.cache import Cache
from askproai_operator.engine.kube import Kube
from askproai_operator.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineContext:
    """The cached cluster, the Kubernetes client, the settings and the clock."""

    kube: Kube
    cache: Cache
    settings: Settings
    clock: Clock
