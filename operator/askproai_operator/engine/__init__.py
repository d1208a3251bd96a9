"""The engine: what all controllers share. It knows no kind by name.

Watches feed a cache and a work queue; workers call the controller of a key, `reconcile(key, context)`. Only the engine turns the
returned `Result` into conditions, events, metrics and the next run. It runs only in the process that holds the Lease.
"""

from askproai_core.api_resource import ApiResource
from askproai_core.kube import ApiError, Conflict, NotLeader, Unreachable
from askproai_operator import resources
from askproai_operator.api import Key
from askproai_operator.engine.cache import Cache, M, ObservedObject
from askproai_operator.engine.event_sink import EventSink, is_edit
from askproai_operator.engine.first_keys import enqueue_first_keys
from askproai_operator.engine.following import Following, retry_until_served
from askproai_operator.engine.informer import Informer
from askproai_operator.engine.kube import Kube, UnmanagedObject
from askproai_operator.engine.login import access_by_kopf, kopf_login
from askproai_operator.engine.loop import Reconcile, ReconcileLoop
from askproai_operator.engine.metrics import ConditionCollector, Metrics
from askproai_operator.engine.queue import Backoff, Options, Priority, WorkQueue
from askproai_operator.engine.result import GONE, EventRecord, EventType, Result
from askproai_operator.engine.status import TOKEN_ANNOTATION, pause_condition
from askproai_operator.resources import FINALIZER, MANAGED_SELECTOR, MANAGER, TENANT_LABEL

__all__ = [
    "FINALIZER", "GONE", "MANAGED_SELECTOR", "MANAGER", "TENANT_LABEL", "TOKEN_ANNOTATION", "ApiError",
    "ApiResource", "Backoff", "Cache", "ConditionCollector", "Conflict", "EventRecord", "EventSink", "EventType", "Following",
    "Informer",
    "Key", "Kube", "M", "Metrics", "NotLeader", "ObservedObject", "Options", "Priority", "Reconcile", "ReconcileLoop", "Result",
    "UnmanagedObject", "Unreachable", "WorkQueue", "access_by_kopf", "enqueue_first_keys", "is_edit", "kopf_login",
    "pause_condition", "resources", "retry_until_served",
]  # fmt: skip
