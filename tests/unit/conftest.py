"""Fixtures of the unit tests."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from askproai_runtime.availability import opening_hours
from tests.worlds.memory_spans import MemoryRecorder, recorded_spans


@pytest.fixture(scope="session", autouse=True)
def nothing_cached() -> None:
    """Compute days anew in each run: `make mutation` forks its runs from one process, whose cached answers are right."""
    for cached in (opening_hours.grid_starts, opening_hours.wall_clock_epoch, opening_hours._public_holidays):
        cached.cache_clear()


@pytest.fixture
def recorder() -> Iterator[MemoryRecorder]:
    """Traces are on during the test, and kept in memory."""
    with recorded_spans() as spans:
        yield spans


@pytest.fixture
def restored_logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Restore what `configure_logs` changes in the whole process."""
    monkeypatch.setattr("askproai_core.logging._stderr", None)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers[:] = handlers
    root.setLevel(level)
