"""The way of spans to a collector that hangs: bounded in memory, and in the time that it may take at the end."""

import socket
import time
from collections import Counter

import pytest

from askproai_core.tracing import Kind, export
from askproai_core.tracing.export import OtelRecorder


def test_what_a_collector_does_not_take_is_dropped_and_counted_and_delays_no_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
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
