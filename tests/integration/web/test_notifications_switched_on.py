"""The first mail is sent at once, although the task of a tenant without notifications runs only every few minutes."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from askproai_core.notification_state import NOTIFICATIONS
from askproai_core.tenant_config.notifications import BusinessNotifications, EmailSettings, Notifications
from askproai_runtime.tasks import TaskSettings
from tests.worlds.tenant_pod import TenantPod, running_worker
from tests.worlds.waiting import eventually, wait_for_columns

pytestmark = pytest.mark.nightly

SWITCHED_ON = Notifications(
    email=EmailSettings(host="127.0.0.1", sender="termine@salon.example"),
    business=BusinessNotifications(email_to=("chefin@salon.example",)),
)


async def read_task(pod: TenantPod) -> asyncpg.Record:
    row = await pod.db.fetchrow(
        """SELECT claim_no, requests, failures, lease_until,
                  extract(epoch FROM due_at - clock_timestamp())::float8 AS due_in FROM tasks
           WHERE tenant = $1 AND name = $2""",
        pod.store.tenant, NOTIFICATIONS,
    )  # fmt: skip
    assert row is not None
    return row


async def let_it_rest(pod: TenantPod) -> None:
    """Put the task into the state that a run without notifications leaves."""
    await pod.db.execute(
        "INSERT INTO tasks (tenant, name, due_at) VALUES ($1, $2, clock_timestamp() + interval '5 minutes')",
        pod.store.tenant, NOTIFICATIONS,
    )  # fmt: skip


async def test_the_task_runs_when_notifications_are_switched_on(stopped_pod: TenantPod, monkeypatch) -> None:
    def look_often(**settings: Any) -> TaskSettings:
        return TaskSettings(look_every=timedelta(seconds=0.1), first_within=timedelta(), **settings)

    monkeypatch.setattr("askproai_runtime.worker.TaskSettings", look_often)
    async with running_worker(stopped_pod):
        found, key = "SELECT true FROM tasks WHERE tenant = $1 AND name = $2", (stopped_pod.store.tenant, NOTIFICATIONS)
        await eventually(lambda: stopped_pod.db.fetchval(found, *key), what="the task's row")
        rested = await wait_for_columns(lambda: read_task(stopped_pod), {"claim_no": 1, "lease_until": None})
        assert rested["due_in"] > 180
        stopped_pod.write_config(stopped_pod.config(notifications=SWITCHED_ON))
        ran = await wait_for_columns(lambda: read_task(stopped_pod), {"claim_no": 2, "lease_until": None})
        assert ran["due_in"] < 30


async def test_run_with_the_former_config_is_repeated(stopped_pod: TenantPod, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pod that is replaced may take the request of its successor, find no notifications in its config, and end."""
    monkeypatch.setattr("askproai_runtime.worker.REQUEST_ONCE_MORE", timedelta(seconds=1))
    await let_it_rest(stopped_pod)
    stopped_pod.write_config(stopped_pod.config(notifications=SWITCHED_ON))
    async with running_worker(stopped_pod):
        await wait_for_columns(lambda: read_task(stopped_pod), {"requests": 1})
        await stopped_pod.db.execute(
            "UPDATE tasks SET due_at = clock_timestamp() + interval '5 minutes' WHERE tenant = $1 AND name = $2",
            stopped_pod.store.tenant, NOTIFICATIONS,
        )  # fmt: skip
        await wait_for_columns(lambda: read_task(stopped_pod), {"requests": 2})
        assert (await read_task(stopped_pod))["due_in"] < 30


async def test_change_during_an_outage_is_requested_afterwards(stopped_pod: TenantPod, monkeypatch) -> None:
    monkeypatch.setattr("askproai_runtime.worker.REQUEST_AGAIN", timedelta(seconds=0.05))
    await let_it_rest(stopped_pod)
    (stopped_pod.folder / "credentials" / "DATABASE_URL").unlink()
    stopped_pod.write_config(stopped_pod.config(notifications=SWITCHED_ON))
    async with running_worker(stopped_pod):
        assert (await read_task(stopped_pod))["requests"] == 0
        stopped_pod.write_credential("DATABASE_URL", stopped_pod.store.dsn)
        await wait_for_columns(lambda: read_task(stopped_pod), {"requests": 1})
