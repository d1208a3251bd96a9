"""The engine: what every kind shares, so that a reconcile is only `observe → decide → apply`.

Watches feed a cache and a work queue; workers run `reconcile(key, world)` of the kind; the engine alone turns the `Result`
into conditions, events, metrics and the next run. Only the holder of the Lease runs it.
"""

from askproai_core.kube import NotLeader
from askproai_operator.engine import refs
from askproai_operator.engine.cache import Cache, Child, Model
from askproai_operator.engine.errors import ApiError, Conflict, NotOurs, Unreachable
from askproai_operator.engine.kube import Kube
from askproai_operator.engine.refs import FINALIZER, MANAGED_SELECTOR, MANAGER, TENANT_LABEL, WATCH_LABEL, Ref
from askproai_operator.engine.result import GONE, EventType, Result, Warn
from askproai_operator.engine.world import World
from askproai_operator.key import Key

__all__ = [
    "FINALIZER", "GONE", "MANAGED_SELECTOR", "MANAGER", "TENANT_LABEL", "WATCH_LABEL", "ApiError", "Cache", "Child", "Conflict",
    "EventType", "Key", "Kube", "Model", "NotLeader", "NotOurs", "Ref", "Result", "Unreachable", "Warn", "World", "refs",
]  # fmt: skip
