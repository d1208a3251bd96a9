"""Traces: one request followed from its entrance through the queue to the provider, as OpenTelemetry spans.

Traces are off unless a process opens them (`open_tracing`): then `span` and the other functions do nothing, and no module of
OpenTelemetry is imported. A trace begins only at an entrance (`start_trace`), by the process's own ratio, and continues where
its context was stored (`continue_from`). A `span` without a trace does nothing, so 99 of 100 requests only read a variable.

The attributes of a span are the closed list `Attributes`: no number, name, body, path or text of an error can become one.
"""

from askproai_core.tracing.process import TracingSettings, open_tracing
from askproai_core.tracing.spans import (
    Attributes,
    Kind,
    annotate,
    continue_from,
    current_ids,
    current_traceparent,
    detached,
    draw_trace,
    exemplar,
    fail_current,
    is_on,
    is_recording,
    name_route,
    record_trace,
    span,
    start_trace,
)

__all__ = [
    "Attributes", "Kind", "TracingSettings", "annotate", "continue_from", "current_ids", "current_traceparent", "detached",
    "draw_trace", "exemplar", "fail_current", "is_on", "is_recording", "name_route", "open_tracing", "record_trace", "span",
    "start_trace",
]  # fmt: skip
