"""The operator's reports about the admission policy, and their times."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import structlog

from askproai_core.kube import ApiError
from askproai_operator.controllers.write_guard import KIND, WriteGuardController
from askproai_operator.settings import Settings
from tests.worlds.clock import FixedClock

KEY = Settings().background_key(KIND)
REFUSED = "ValidatingAdmissionPolicy 'askproai-operator' with binding 'askproai-operator' denied request: only Opaque"


class Cluster:
    """An API server that admits everything, until a policy is there."""

    def __init__(self) -> None:
        self.clock = FixedClock(datetime(2026, 11, 20, 9, tzinfo=UTC))
        self.refusal: str | ApiError | None = None
        self.events: list[str] = []
        self.gauge: list[bool] = []
        self.controller = WriteGuardController(self.gauge.append)

    async def try_create(self, _manifest: Any) -> str | None:
        if isinstance(self.refusal, ApiError):
            raise self.refusal
        return self.refusal

    async def record_operator_event(self, reason: str, _message: str, _type: str) -> None:
        self.events.append(reason)

    async def reconcile_after(self, seconds: float) -> Any:
        self.clock.advance(timedelta(seconds=seconds))
        return await self.controller.reconcile(KEY, SimpleNamespace(kube=self, clock=self.clock))


async def test_policy_activated_after_start_is_not_reported_missing():
    cluster = Cluster()
    with structlog.testing.capture_logs() as logs:
        assert (await cluster.reconcile_after(0)).requeue_after == timedelta(seconds=2)
        assert (await cluster.reconcile_after(59)).requeue_after == timedelta(seconds=2)
        cluster.refusal = REFUSED
        assert (await cluster.reconcile_after(2)).requeue_after is None, "again at the resync"
    assert (cluster.gauge, cluster.events) == ([False], [])
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("writes.guarded", "info")]


async def test_missing_policy_makes_one_log_line_and_event():
    cluster = Cluster()
    with structlog.testing.capture_logs() as logs:
        for seconds in (0, 60, 60, 60):
            await cluster.reconcile_after(seconds)
        cluster.refusal = REFUSED
        await cluster.reconcile_after(60)
    assert (cluster.gauge, cluster.events) == ([True, True, True, False], ["WritesUnguarded"])
    assert [entry["event"] for entry in logs] == ["writes.unguarded", "writes.guarded"]
    assert "secretGuard.enabled: true" in logs[0]["what_to_do"]


async def test_a_policy_that_is_removed_later_is_noticed():
    cluster = Cluster()
    cluster.refusal = REFUSED
    await cluster.reconcile_after(0)
    cluster.refusal = None
    for seconds in (60, 60):
        await cluster.reconcile_after(seconds)
    assert (cluster.gauge, cluster.events) == ([False, True], ["WritesUnguarded"])


async def test_silent_api_server_does_not_report_missing_policy():
    cluster = Cluster()
    cluster.refusal = ApiError(500, "InternalError", "no")
    assert (await cluster.reconcile_after(0)).requeue
    assert (cluster.gauge, cluster.events) == ([], [])


async def test_unrelated_refusal_does_not_hide_a_missing_policy():
    cluster = Cluster()
    cluster.refusal = 'secrets "x" is forbidden: exceeded quota: secrets'
    for seconds in (0, 60):
        await cluster.reconcile_after(seconds)
    assert (cluster.gauge, cluster.events) == ([True], ["WritesUnguarded"])
