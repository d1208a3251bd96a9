"""Spans that are kept in memory, for tests of the code that makes them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from askproai_core.tracing import Kind
from askproai_core.tracing.spans import RecordedSpan, SpanIds, use


@dataclass
class MadeSpan:
    name: str
    ids: SpanIds
    parent: SpanIds | None = None
    link: SpanIds | None = None
    attributes: dict[str, object] = field(default_factory=dict)
    failed: bool = False
    ended: bool = False

    def set(self, attributes: dict[str, str | int | bool]) -> None:
        self.attributes |= attributes

    def rename(self, name: str) -> None:
        self.name = name

    def fail(self) -> None:
        self.failed = True

    def end(self) -> None:
        self.ended = True


@dataclass
class MemoryRecorder:
    """Keeps the spans that are begun."""

    ratio: float = 1
    spans: list[MadeSpan] = field(default_factory=list)

    def begin(self, name: str, kind: Kind, parent: RecordedSpan | None, link: SpanIds | None) -> MadeSpan:
        number = len(self.spans) + 1
        trace = parent.ids.trace_id if parent else f"{number:032x}"
        made = MadeSpan(name, SpanIds(trace, f"{number:016x}"), parent.ids if parent else None, link)
        self.spans.append(made)
        return made

    def remote(self, ids: SpanIds) -> MadeSpan:
        return MadeSpan("", ids)


@contextmanager
def recorded_spans() -> Iterator[MemoryRecorder]:
    """Switch traces on within the block."""
    made = MemoryRecorder()
    before = use(made)
    try:
        yield made
    finally:
        use(before)
