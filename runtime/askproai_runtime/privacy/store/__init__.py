"""The SQL of exports and erasures of one caller's data."""

from askproai_runtime.privacy.store.erasures import (
    Erasure,
    add_evidence,
    count_deleted_calls,
    find_erasure,
    finish_erasure,
    list_calls_at_retell,
    list_erasures,
    list_remote_bookings,
    list_unwanted,
    lock_erasure,
    mark_deleted,
    open_erasure,
    read_time,
    record_audit,
    record_wait,
)
from askproai_runtime.privacy.store.export import read_caller
from askproai_runtime.privacy.store.rows import count_left, erase_rows
from askproai_runtime.privacy.store.traces import find_traces, is_call_going_on, list_to_come

__all__ = [
    "Erasure", "add_evidence", "count_deleted_calls", "count_left", "erase_rows", "find_erasure", "find_traces",
    "finish_erasure", "is_call_going_on", "list_calls_at_retell", "list_erasures", "list_remote_bookings", "list_to_come",
    "list_unwanted", "lock_erasure", "mark_deleted", "open_erasure", "read_caller", "read_time", "record_audit",
    "record_wait",
]  # fmt: skip
