"""Spans for a collector that hangs use bounded memory, and delay the process's end by a bounded time."""

import socket
import threading
import time
from collections import Counter
from unittest.mock import Mock

import pytest
import structlog
from opentelemetry.sdk.trace.export import SpanExportResult

from askproai_core.tracing import Kind, export
from askproai_core.tracing.export import OtelRecorder, _CountingExporter
from tests.worlds.waiting import SOON


def test_refused_spans_are_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MOST_WAITING", "_MOST_IN_A_REQUEST"):
        monkeypatch.setattr(export, name, 5)
    counted: Counter[str] = Counter()

    def count(outcome: str, spans: int) -> None:
        counted[outcome] += spans

    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never answers
        recorder = OtelRecorder(f"http://127.0.0.1:{silent.getsockname()[1]}", 1, {"service.name": "test"}, count)
        for number in range(20):
            recorder.begin(f"span {number}", Kind.INTERNAL, None, None).end()
        assert counted == {"dropped": 15}
        began = time.perf_counter()
        recorder.close(0.2)
        assert time.perf_counter() - began < 2
    for thread in threading.enumerate():  # without its collector the thread ends, and logs nothing in other tests
        if thread.name == "traces-end":
            thread.join(SOON)
            assert not thread.is_alive()


def test_absent_collector_is_mentioned_once_until_its_return() -> None:
    counted: list[tuple[str, int]] = []
    results = [SpanExportResult.FAILURE, SpanExportResult.FAILURE, SpanExportResult.SUCCESS]
    collector = Mock(export=Mock(side_effect=results))
    exporter = _CountingExporter(collector, lambda *each: counted.append(each), Mock())
    with structlog.testing.capture_logs() as logs:
        for _ in results:
            exporter.export([Mock()])
    assert [entry["event"] for entry in logs] == ["traces.collector_away", "traces.collector_back"]
    assert counted == [("dropped", 1), ("dropped", 1), ("exported", 1)]
