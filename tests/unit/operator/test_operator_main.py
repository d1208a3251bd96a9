"""The operator's settings, and its start and end in cases in which a real process would take too long."""

import asyncio
import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from askproai_core.clock import SystemClock
from askproai_core.kube import ApiError, Unreachable, api_error
from askproai_operator import main
from askproai_operator.api import Key
from askproai_operator.control_loop.metrics import Metrics
from askproai_operator.control_loop.queue import WorkQueue
from askproai_operator.redis_users import RedisAdmin
from askproai_operator.settings import Settings
from tests.worlds.clock import FixedClock

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
SECRET = "postgresql://admin:geheim@db"


async def test_start_waits_for_the_api_server_and_crds():
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

    assert await main.retry_until_served(prime, clock) == "primed"
    assert clock.now() - START == timedelta(seconds=6)


async def test_liveness_fails_while_a_reconcile_hangs():
    clock, metrics = FixedClock(START), Metrics()
    queue = WorkQueue(clock, metrics)
    health = main.Health(queue, metrics)
    queue.add(Key("Tenant", "n", "a"))
    await queue.get()
    assert (await health._livez(None)).status == 200  # type: ignore[arg-type]
    clock.advance(timedelta(minutes=6))
    assert (await health._livez(None)).status == 503  # type: ignore[arg-type]


def test_unknown_log_level_is_refused_at_the_start():
    with pytest.raises(ValueError, match="log_level"):
        Settings(log_level="LOUD")  # type: ignore[arg-type]


def test_without_a_database_the_message_names_the_variables():
    with pytest.raises(ValueError, match="ASKPROAI_DATABASE_ADMIN_URL_FILE"):
        Settings().admin_dsn()


async def fail_in_every_way(*_: Any) -> None:
    """Log an exception in each way in which our code or a library may."""

    async def fail() -> None:
        raise ConnectionError(SECRET)

    try:
        await fail()
    except ConnectionError as error:
        structlog.get_logger("askproai").exception("database.away")
        structlog.get_logger("askproai").error("database.away", exc_info=error)
        logging.getLogger("asyncpg").exception("the connection failed")
        logging.getLogger("kopf.objects").exception("a handler failed")
    logging.getLogger("kopf.objects").debug("Patching with: %r", {"spec": SECRET})
    logging.getLogger("kopf.objects").info("Creation is in progress: %r", {"spec": SECRET})
    task = asyncio.create_task(fail())
    await asyncio.wait([task])
    del task  # asyncio logs that nobody retrieved its exception


@pytest.mark.usefixtures("restored_logs")
def test_operators_log_has_neither_exception_texts_nor_patches(monkeypatch, capsys):
    """A driver's text quotes hosts and rows; kopf's debug level quotes whole objects."""
    monkeypatch.setenv("ASKPROAI_LOG_LEVEL", "DEBUG")
    monkeypatch.setattr(main, "operate", fail_in_every_way)
    main.run()
    text = capsys.readouterr().err
    assert "geheim" not in text
    assert "Traceback" not in text
    events = [json.loads(line) for line in text.splitlines()]
    assert [event["event"] for event in events] == ["database.away"] * 2 + ["library.said"] * 3
    assert {event["error"] for event in events} == {"ConnectionError"}
    assert [event["message"] for event in events[2:]] == [
        "the connection failed",
        "a handler failed",
        "Task exception was never retrieved",
    ]
    assert all(event["at"].startswith("test_operator_main.py:") for event in events)


def test_redis_is_optional_and_from_variable_or_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert Settings().redis_url() is None
    file = tmp_path / "REDIS_ADMIN_URL"
    monkeypatch.setenv("ASKPROAI_REDIS_ADMIN_URL_FILE", str(file))
    assert Settings().redis_url() is None, "an optional key of the Secret that is not there"
    file.write_text("redis://a:b@c:6379/0\n", encoding="utf-8")
    assert Settings().redis_url() == "redis://a:b@c:6379/0"
    monkeypatch.setenv("ASKPROAI_REDIS_ADMIN_URL", "redis://d")
    assert Settings().redis_url() == "redis://d"
    assert "redis://d" not in repr(Settings())


def test_database_unusable_by_tenants_is_refused_at_once():
    with pytest.raises(ValueError, match="database 0"):
        RedisAdmin("redis://admin:geheim@127.0.0.1/3", SystemClock())


def test_two_routes_of_shared_host_are_refused_immediately():
    with pytest.raises(ValueError, match="set one of them"):
        Settings(shared_ingress_class="nginx", shared_gateway="infra/public")


def test_lease_times_allowing_two_leaders_are_refused():
    with pytest.raises(ValueError, match="ASKPROAI_LEASE_SECONDS must be greater"):
        Settings(lease_renew_seconds=12)
    with pytest.raises(ValueError, match="ASKPROAI_LEASE_RETRY_SECONDS"):
        Settings(lease_retry_seconds=5)
    Settings(lease_seconds=15, lease_renew_seconds=10, lease_retry_seconds=2)
