"""The engine: the code that all controllers share. It knows no kind by name.

It has the cache of seen objects, the client of the API server, and the `Result` of a reconcile with its conversion into the
status. Nothing here runs by itself: `askproai_operator.control_loop` watches, queues and calls controllers, and a dry run
(`askproai plan`) does without it.
"""

from askproai_operator.engine.cache import Cache, M, ObservedObject
from askproai_operator.engine.context import EngineContext
from askproai_operator.engine.event_sink import Dependents, EventSink, goes_first, is_edit
from askproai_operator.engine.kube import Kube, UnmanagedObject
from askproai_operator.engine.owned_fields import digest
from askproai_operator.engine.ready_condition import (
    TOKEN_ANNOTATION,
    StatusUpdate,
    find_condition,
    pause_condition,
    shortened_token,
    update_for_error,
    update_for_pause,
    update_for_result,
)
from askproai_operator.engine.result import GONE, Backoff, EventRecord, EventType, Options, Result

__all__ = [
    "GONE", "TOKEN_ANNOTATION", "Backoff", "Cache", "Dependents", "EngineContext", "EventRecord", "EventSink", "EventType",
    "Kube", "M", "ObservedObject", "Options", "Result", "StatusUpdate", "UnmanagedObject", "digest", "find_condition",
    "goes_first", "is_edit", "pause_condition", "shortened_token", "update_for_error", "update_for_pause",
    "update_for_result",
]  # fmt: skip
