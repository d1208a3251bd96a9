"""The start and the end of the operator's process, where a real one would take too long."""

from datetime import UTC, datetime, timedelta

import pytest

from askproai_core.clock import FixedClock
from askproai_operator import main
from askproai_operator.engine import Key
from askproai_operator.engine.errors import ApiError, Unreachable, api_error
from askproai_operator.engine.metrics import Metrics
from askproai_operator.engine.queue import WorkQueue
from askproai_operator.settings import Settings

START = datetime(2026, 11, 20, 9, tzinfo=UTC)


async def test_the_start_waits_for_an_api_server_that_is_away_and_for_crds_that_come_later():
    clock = FixedClock(START)
    answers: list[Exception] = [
        Unreachable("GET tenants: ClientConnectorError"),
        ApiError(404, "NotFound", "tenants.askproai.de is not there: install crds/"),
        api_error(429, "TooManyRequests", "storage is (re)initializing"),
    ]

    async def prime() -> str:
        if answers:
            raise answers.pop(0)
        return "primed"

    assert await main._retry_until_served(prime, clock) == "primed"
    assert clock.now() - START == timedelta(seconds=6)


async def test_a_reconcile_that_hangs_is_not_alive():
    clock, metrics = FixedClock(START), Metrics()
    queue = WorkQueue(clock, metrics)
    health = main.Health(queue, metrics)
    queue.add(Key("Tenant", "n", "a"))
    await queue.get()
    assert (await health._livez(None)).status == 200  # type: ignore[arg-type]
    clock.move(timedelta(minutes=6))
    assert (await health._livez(None)).status == 503  # type: ignore[arg-type]


def test_a_log_level_that_does_not_exist_is_refused_at_the_start():
    with pytest.raises(ValueError, match="log_level"):
        Settings(log_level="LOUD")  # type: ignore[arg-type]


def test_without_a_database_the_message_names_the_variables():
    with pytest.raises(ValueError, match="ASKPROAI_DATABASE_ADMIN_URL_FILE"):
        Settings().admin_dsn()
