"""Spans and traces, as the code uses them. Their export is in `export.py`, which is imported only where traces are on."""

import random
import re
from collections.abc import Callable
from contextvars import ContextVar, Token
from enum import StrEnum
from types import TracebackType
from typing import Final, NamedTuple, Protocol, Self, TypedDict, Unpack


class Kind(StrEnum):
    """The kinds of spans, by OpenTelemetry's names."""

    INTERNAL = "INTERNAL"
    SERVER = "SERVER"  # answers a request
    CLIENT = "CLIENT"  # waits for a provider
    PRODUCER = "PRODUCER"  # stores what another process handles
    CONSUMER = "CONSUMER"  # handles it


class Attributes(TypedDict, total=False):
    """All attributes that spans can have. Each value is of a closed list, a number, or a name in the tenant's manifest."""

    tenant: str
    branch: str
    function: str
    outcome: str
    correlation_id: str
    source: str
    event_type: str
    job: int
    job_kind: str
    attempt: int
    task: str
    channel: str
    object_kind: str
    namespace: str
    object_name: str
    provider: str
    method: str
    status: int
    host: str
    route: str
    template: str
    error_type: str


# The names of OpenTelemetry's conventions; all others are `askproai.<name>`.
_CONVENTIONS: Final = {
    "method": "http.request.method",
    "status": "http.response.status_code",
    "host": "server.address",
    "route": "http.route",
    "template": "url.template",
    "error_type": "error.type",
    "namespace": "k8s.namespace.name",
}
_TRACEPARENT: Final = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})", re.ASCII)
_SAMPLED: Final = 0x01


class SpanIds(NamedTuple):
    """The ids of a span, as hexadecimal digits."""

    trace_id: str
    span_id: str


class RecordedSpan(Protocol):
    """A span that is exported when it ends, or a stand-in for the span of another process."""

    @property
    def ids(self) -> SpanIds: ...

    def set(self, attributes: dict[str, str | int | bool]) -> None: ...

    def rename(self, name: str) -> None: ...

    def fail(self) -> None: ...

    def end(self) -> None: ...


class Recorder(Protocol):
    """Makes the spans of one process. A process without a recorder makes no spans."""

    ratio: float

    def begin(self, name: str, kind: Kind, parent: "RecordedSpan | None", link: SpanIds | None) -> RecordedSpan: ...

    def remote(self, ids: SpanIds) -> RecordedSpan: ...


class _State:
    recorder: Recorder | None = None


_state: Final = _State()
_current: ContextVar[RecordedSpan | None] = ContextVar("askproai_span", default=None)


def use(recorder: Recorder | None) -> Recorder | None:
    """Make `recorder` the maker of all further spans, or stop making spans if it is None. Return the recorder used before."""
    before, _state.recorder = _state.recorder, recorder
    return before


def used() -> Recorder | None:
    """Return the recorder that makes spans now; None if traces are off."""
    return _state.recorder


def is_on() -> bool:
    """Return True if this process makes spans."""
    return _state.recorder is not None


def is_recording() -> bool:
    """Return True if the running code belongs to a recorded trace."""
    return _current.get() is not None


def draw_trace() -> bool:
    """Return at random whether an entrance begins a trace, by the ratio in the settings; False while traces are off.

    Call it before any preparation of a span, so that requests without a trace cost one random number only.
    """
    recorder = _state.recorder
    return recorder is not None and random.random() < recorder.ratio  # noqa: S311  no secret


class Scope:
    """A block of code in which one span is the current one. A scope without a span does nothing, and can be entered repeatedly."""

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class _SpanScope(Scope):
    __slots__ = ("_ends", "_span", "_token")
    _token: Token[RecordedSpan | None]

    def __init__(self, made: RecordedSpan | None, *, ends: bool) -> None:
        self._span, self._ends = made, ends

    def __enter__(self) -> Self:
        self._token = _current.set(self._span)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _current.reset(self._token)
        if self._span is None or not self._ends:
            return
        if kind is not None:  # its type alone: its text may quote a row, a URL or a caller
            self._span.set({_CONVENTIONS["error_type"]: kind.__name__})
            self._span.fail()
        self._span.end()


_NOTHING: Final = Scope()


def span(name: str, kind: Kind = Kind.INTERNAL, **attributes: Unpack[Attributes]) -> Scope:
    """Return a scope whose block is a new span within the current span; a scope that does nothing if there is no current span."""
    parent = _current.get()
    if parent is None or (recorder := _state.recorder) is None:
        return _NOTHING
    return _begin(recorder, name, kind, parent, None, attributes)


def start_trace(
    name: str, kind: Kind = Kind.INTERNAL, *, linked: str | None = None, **attributes: Unpack[Attributes]
) -> Scope:
    """Return a scope that begins a trace with its block, for the share of blocks that the settings name.

    `linked` is the `traceparent` that a stranger has sent: the span names it, but neither belongs to that trace nor is sampled
    because of it. So no stranger can switch traces on, or add spans to another trace.
    """
    if not draw_trace():
        return detached()
    return record_trace(name, kind, linked=linked, **attributes)


def record_trace(
    name: str, kind: Kind = Kind.INTERNAL, *, linked: str | None = None, **attributes: Unpack[Attributes]
) -> Scope:
    """Return a scope that begins a trace; call it after `draw_trace` has returned True. `linked` is as for `start_trace`."""
    recorder = _state.recorder
    if recorder is None:
        return _NOTHING
    return _begin(recorder, name, kind, None, _parse(linked, sampled=False), attributes)


def detached() -> Scope:
    """Return a scope whose block adds no spans to the current trace, because the work of the block also serves other requests."""
    return _NOTHING if _current.get() is None else _SpanScope(None, ends=False)


def continue_from(traceparent: str | None) -> Scope:
    """Return a scope whose spans continue a stored `traceparent`'s trace. None or an invalid one changes nothing."""
    recorder = _state.recorder
    ids = None if recorder is None else _parse(traceparent, sampled=True)
    if recorder is None or ids is None:
        return _NOTHING
    return _SpanScope(recorder.remote(ids), ends=False)


def annotate(**attributes: Unpack[Attributes]) -> None:
    """Add attributes to the current span. Does nothing if there is no current span."""
    current = _current.get()
    if current is not None:
        current.set(_names(attributes))


def name_route(route: str) -> None:
    """Name the current span by the route of its request, a template without ids. Does nothing without a span."""
    current = _current.get()
    if current is not None:
        current.rename(route)
        current.set({_CONVENTIONS["route"]: route})


def fail_current() -> None:
    """Mark the current span as an error."""
    current = _current.get()
    if current is not None:
        current.fail()


def current_traceparent() -> str | None:
    """Return the context of the current span in the form of W3C Trace Context; None if nothing is traced."""
    current = _current.get()
    return None if current is None else "00-{}-{}-01".format(*current.ids)


def current_ids() -> SpanIds | None:
    """Return the ids of the current span, None if nothing is traced."""
    current = _current.get()
    return None if current is None else current.ids


def exemplar() -> dict[str, str] | None:
    """Return the label that links a bucket of a histogram to the current trace (an exemplar); None if nothing is traced."""
    current = _current.get()
    return None if current is None else {"trace_id": current.ids.trace_id}


def _begin(
    recorder: Recorder, name: str, kind: Kind, parent: RecordedSpan | None, link: SpanIds | None, attributes: Attributes
) -> Scope:
    made = recorder.begin(name, kind, parent, link)
    made.set(_names(attributes))
    return _SpanScope(made, ends=True)


def _names(attributes: Attributes) -> dict[str, str | int | bool]:
    return {
        _CONVENTIONS.get(name) or f"askproai.{name}": value  # type: ignore[misc]  # a TypedDict's values are objects
        for name, value in attributes.items()
        if value is not None
    }


def _parse(traceparent: str | None, *, sampled: bool) -> SpanIds | None:
    """Return the ids in a `traceparent` of version 00; None if it is invalid. With `sampled`, also None if it is not sampled."""
    found = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    if found is None or (sampled and not int(found[3], 16) & _SAMPLED):
        return None
    return SpanIds(found[1], found[2])


Count = Callable[[str, int], None]
