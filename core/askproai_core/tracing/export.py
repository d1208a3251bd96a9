"""Make spans with OpenTelemetry's SDK and send them to a collector by OTLP over HTTP. Imported only where traces are on.

A thread sends them. At most `MOST_WAITING` spans wait for it; further ones are dropped and counted. So a slow or unavailable
collector delays no call, and uses no more memory than those spans.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Final

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from askproai_core.tracing.spans import Count, Kind, RecordedSpan, SpanIds

log = structlog.get_logger(__name__)

MOST_WAITING: Final = 2_048
_MOST_IN_A_REQUEST: Final = 512
_EXPORT_SECONDS: Final = 5.0  # of one request with its repetitions; the library's default is 10
_EVERY_MILLISECONDS: Final = 2_000
_TRACES_PATH: Final = "/v1/traces"


class OtelSpan:
    """A span of OpenTelemetry."""

    __slots__ = ("otel",)

    def __init__(self, otel: Span) -> None:
        self.otel = otel

    @property
    def ids(self) -> SpanIds:
        context = self.otel.get_span_context()
        return SpanIds(f"{context.trace_id:032x}", f"{context.span_id:016x}")

    def set(self, attributes: dict[str, str | int | bool]) -> None:
        self.otel.set_attributes(attributes)

    def rename(self, name: str) -> None:
        self.otel.update_name(name)

    def fail(self) -> None:
        self.otel.set_status(StatusCode.ERROR)

    def end(self) -> None:
        self.otel.end()


class _CountingExporter(SpanExporter):
    """Passes spans to an exporter and counts them as exported or dropped. Logs when the collector fails and recovers."""

    def __init__(self, exporter: SpanExporter, count: Count, sent: "_Bounded") -> None:
        self._exporter, self._count, self._bounded, self._is_away = exporter, count, sent, False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        try:
            result = self._exporter.export(spans)
        except Exception as error:  # noqa: BLE001  a fault of the library must not end its thread
            log.warning("traces.export_failed", error=type(error).__name__)
            result = SpanExportResult.FAILURE
        finally:
            self._bounded.left(len(spans))
        is_away = result is not SpanExportResult.SUCCESS
        self._count("dropped" if is_away else "exported", len(spans))
        if is_away and not self._is_away:
            log.warning("traces.collector_away", consequence="spans are dropped and counted until it answers")
        elif self._is_away and not is_away:
            log.info("traces.collector_back")
        self._is_away = is_away
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class _Bounded(SpanProcessor):
    """Passes ended spans on to the sending thread. It drops further spans while `MOST_WAITING` spans wait."""

    def __init__(self, count: Count) -> None:
        self._count, self._waiting, self._lock = count, 0, threading.Lock()
        self.batches: SpanProcessor = SpanProcessor()

    def on_end(self, span: ReadableSpan) -> None:
        with self._lock:
            is_full = self._waiting >= MOST_WAITING
            if not is_full:
                self._waiting += 1
        if is_full:
            self._count("dropped", 1)
        else:
            self.batches.on_end(span)

    def left(self, spans: int) -> None:
        """Record that `spans` spans have left the queue."""
        with self._lock:
            self._waiting -= spans


class OtelRecorder:
    """Makes spans, and sends them to a collector."""

    def __init__(self, endpoint: str, ratio: float, resource: Mapping[str, str], count: Count) -> None:
        # The library's errors about a collector that is away are repeated for each request, and quote its URL.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self.ratio = ratio
        url = endpoint if endpoint.endswith(_TRACES_PATH) else endpoint.rstrip("/") + _TRACES_PATH
        self._otlp = OTLPSpanExporter(endpoint=url, timeout=_EXPORT_SECONDS)
        bounded = _Bounded(count)
        bounded.batches = self._batches = BatchSpanProcessor(
            _CountingExporter(self._otlp, count, bounded),
            max_queue_size=MOST_WAITING,
            schedule_delay_millis=_EVERY_MILLISECONDS,
            max_export_batch_size=_MOST_IN_A_REQUEST,
        )
        facts = {"service.version": version("askproai"), **resource}
        provider = TracerProvider(sampler=ALWAYS_ON, resource=Resource(facts), shutdown_on_exit=False)
        provider.add_span_processor(bounded)
        self._tracer = provider.get_tracer("askproai")

    def begin(self, name: str, kind: Kind, parent: RecordedSpan | None, link: SpanIds | None) -> RecordedSpan:
        context = set_span_in_context(parent.otel) if isinstance(parent, OtelSpan) else None
        links = [Link(_context(link, remote=True))] if link else None
        made = self._tracer.start_span(
            name, context, SpanKind[kind], links=links, record_exception=False, set_status_on_exception=False
        )
        assert isinstance(made, SdkSpan)
        return OtelSpan(made)

    def remote(self, ids: SpanIds) -> RecordedSpan:
        return OtelSpan(NonRecordingSpan(_context(ids, remote=True)))

    def close(self, seconds: float) -> None:
        """Send the waiting spans, for at most `seconds`. It blocks, so call it in a thread of its own."""
        ended = threading.Thread(target=self._batches.shutdown, name="traces-end", daemon=True)
        ended.start()
        ended.join(seconds)
        if ended.is_alive():
            self._otlp.shutdown()  # type: ignore[no-untyped-call]  # ends the pause between two attempts


def _context(ids: SpanIds, *, remote: bool) -> SpanContext:
    return SpanContext(int(ids.trace_id, 16), int(ids.span_id, 16), remote, TraceFlags(TraceFlags.SAMPLED))
