"""The engine: what all controllers share. It knows no kind by name.

Watches feed a cache and a work queue; workers call the controller of a key, `reconcile(key, context)`. Only the engine turns the
returned `Result` into conditions, events, metrics and the next run. It runs only in the process that holds the Lease.
"""

from askproai_core.kube import NotLeader
from askproai_operator.api import Key
from askproai_operator.engine import refs
from askproai_operator.engine.cache import Cache, ObservedObject
from askproai_operator.engine.errors import ApiError, Conflict, NotOurs, Unreachable
from askproai_operator.engine.kube import Kube
from askproai_operator.engine.refs import FINALIZER, MANAGED_SELECTOR, MANAGER, TENANT_LABEL, WATCH_LABEL, Ref
from askproai_operator.engine.result import GONE, EventRecord, EventType, Result

__all__ = [
    "FINALIZER", "GONE", "MANAGED_SELECTOR", "MANAGER", "TENANT_LABEL", "WATCH_LABEL", "ApiError", "Cache", "Conflict",
    "EventRecord", "EventType", "Key", "Kube", "NotLeader", "NotOurs", "ObservedObject", "Ref", "Result", "Unreachable", "refs",
]  # fmt: skip
