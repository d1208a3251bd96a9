"""A group of call events belongs to no single job: it uses neither a job's trace nor the fields of its log lines."""

from collections.abc import Sequence
from typing import Any

import pytest
import structlog

from askproai_core.tracing import current_traceparent, start_trace
from askproai_runtime.encryption import no_cipher
from askproai_runtime.events.call_group import CallEventGroups
from askproai_runtime.jobs import Job, JobKind, Priority
from tests.worlds.memory_spans import MemoryRecorder


async def test_group_is_outside_its_initiators_trace(recorder: MemoryRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the jobs and log lines of a later group would belong to a trace that has ended."""
    seen: list[tuple[str | None, dict[str, Any]]] = []

    async def process(_groups: CallEventGroups, _jobs: Sequence[Job]) -> dict[int, Any]:
        seen.append((current_traceparent(), structlog.contextvars.get_contextvars()))
        return {}

    monkeypatch.setattr(CallEventGroups, "_process", process)
    config: Any = None
    groups = CallEventGroups(config, config, no_cipher("salon.salon"))
    job = Job(1, JobKind.WEBHOOK_EVENT, Priority.CRITICAL, 1, 1, 1, None, "corr")
    with start_trace("job"), structlog.contextvars.bound_contextvars(job=1):
        assert current_traceparent() is not None
        await groups.process(job)
        assert current_traceparent() is not None
    assert seen == [(None, {"step": "webhook-event"})]
    assert len(recorder.spans) == 1
