"""A test's clock, and a work queue that uses the clock."""

from datetime import UTC, datetime

import pytest

from askproai_operator.control_loop.metrics import Metrics
from askproai_operator.control_loop.queue import WorkQueue
from tests.worlds.clock import FixedClock


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 11, 20, 9, tzinfo=UTC))


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def queue(clock: FixedClock, metrics: Metrics) -> WorkQueue:
    return WorkQueue(clock, metrics, chance=lambda: 1.0)
