"""The engine: what every kind shares, so that a reconcile is only `observe → decide → apply`.

Watches feed a cache and a work queue; workers run `reconcile(key, world)` of the kind; the engine alone turns the `Result`
into conditions, events, metrics and the next run. Only the holder of the Lease runs it.
"""

from askproai_core.kube import ApiError, ApiResource, Conflict, NotLeader, Unreachable
from askproai_operator.engine import resources
from askproai_operator.engine.cache import Cache, Child, Model
from askproai_operator.engine.kube import Kube, UnmanagedObject
from askproai_operator.engine.resources import FINALIZER, MANAGED_SELECTOR, MANAGER, TENANT_LABEL, WATCH_LABEL
from askproai_operator.engine.result import GONE, EventType, Result, Warn
from askproai_operator.engine.world import World
from askproai_operator.key import Key

__all__ = [
    "FINALIZER", "GONE", "MANAGED_SELECTOR", "MANAGER", "TENANT_LABEL", "WATCH_LABEL", "ApiError", "ApiResource", "Cache", "Child",
    "Conflict", "EventType", "Key", "Kube", "Model", "NotLeader", "Result", "UnmanagedObject", "Unreachable", "Warn", "World",
    "resources",
]  # fmt: skip
