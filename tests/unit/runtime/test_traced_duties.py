"""The coordinator's duties as traces."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from askproai_runtime.coordinator.metrics import Metrics
from askproai_runtime.coordinator.periodic_task import PeriodicTask, run_once
from tests.worlds.memory_spans import MemoryRecorder


async def test_coordinator_duty_becomes_a_trace_with_outcome(recorder: MemoryRecorder) -> None:
    async def sweep(_context: Any) -> int:
        return 2

    async def fail(_context: Any) -> int:
        raise ValueError("Zora Kanarienvogel")

    metrics = Metrics()
    context: Any = SimpleNamespace(fence=lambda: None, metrics=metrics)
    for name, run in (("holds", sweep), ("retention", fail)):
        await run_once(PeriodicTask(name, timedelta(seconds=1), run), context)
        outcome = "ok" if run is sweep else "failed"
        labels = {"duty": name, "outcome": outcome}
        assert metrics.registry.get_sample_value("askproai_duty_runs_total", labels) == 1
    swept, failed = recorder.spans
    assert swept.attributes == {"askproai.task": "holds", "askproai.outcome": "ok"}
    assert failed.attributes == {"askproai.task": "retention", "askproai.outcome": "failed"}
    assert (swept.failed, failed.failed) == (False, True)
