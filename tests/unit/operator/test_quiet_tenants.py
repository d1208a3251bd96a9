"""The common comparison of all quiet Tenants: in bounded pieces, and without a storm if all become due."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from askproai_operator.api import Key, Tenant
from askproai_operator.controllers.quiet_tenants import KIND, QuietTenantsController, quiet_tenants_options
from askproai_operator.controllers.tenant.quiet import QUIET_RESYNCS, derive_conditions
from askproai_operator.controllers.tenant.redis import no_cache_condition, no_spool_condition
from askproai_operator.memory import _JITTER, _VERIFIED, Memory, QuietTenant
from askproai_operator.settings import Settings
from askproai_operator.store.tenant_states import (
    CalendarBacklog,
    ProvisionedTenant,
    RefusedRequests,
    TenantFacts,
    TenantState,
)
from tests.worlds.salon_objects import raw

MANY = 600
SETTINGS = Settings()
AT_REST = TenantState(refusals=frozenset(), backlog=CalendarBacklog(), poll=None, audit=None, stranded=())


class Installation:
    """Many quiet Tenants without a Redis. `fails_at` is the number of the read that fails, from 0."""

    def __init__(self, tenants: int, chance: float = 1.0) -> None:
        self.read: list[int] = []
        self.is_provisioned = True
        self.fails_at: int | None = None
        self.failure: Exception = TimeoutError()
        self.counted: list[int] = []
        self.scheduled: list[tuple[Key, timedelta]] = []
        self.memory, self.ca, self.clock = Memory(), None, None
        self.tenants = {}
        salon = Tenant.from_raw(raw("Tenant", "salon"))  # parsed once: thousands take seconds
        for number in range(tenants):
            metadata = salon.metadata.model_copy(update={"name": f"salon-{number}"})
            tenant = salon.model_copy(update={"metadata": metadata})
            self.tenants[tenant.key] = tenant
            of_redis = (no_cache_condition(), no_spool_condition())
            provisioned = ProvisionedTenant(tenant.metadata.dotted, "u", "r", 5, TenantFacts(), frozenset(), "{}")
            conditions = tuple(derive_conditions(tenant, AT_REST, of_redis))
            self.memory.quiet[tenant.key] = QuietTenant(provisioned, conditions)
        self.controller = QuietTenantsController(self.schedule, self.counted.append, lambda: chance)

    def schedule(self, key: Key, delay: timedelta) -> None:
        self.scheduled.append((key, delay))

    async def prepare(self) -> None:
        """The schema is there."""

    async def find_provisioned(self, tenants: Collection[ProvisionedTenant]) -> set[str]:
        return {each.tenant for each in tenants if self.is_provisioned}

    async def read_states(self, works: Mapping[str, str], _waited: timedelta) -> dict[str, TenantState]:
        self.read.append(len(works))
        if self.fails_at == len(self.read) - 1:
            raise self.failure
        return dict.fromkeys(works, AT_REST)

    def tenant(self, namespace: str, name: str) -> Tenant | None:
        return self.tenants.get(Key("Tenant", namespace, name))

    async def look(self) -> Any:
        context: Any = SimpleNamespace(
            memory=self.memory, relations=self, database=self, redis=None, settings=SETTINGS, clock=None
        )
        return await self.controller.reconcile(SETTINGS.background_key(KIND), context)


async def test_many_quiet_tenants_are_read_in_pieces() -> None:
    many = Installation(MANY)
    result = await many.look()
    assert (many.read, many.scheduled, many.counted) == ([250, 250, 100], [], [MANY])
    assert not result.requeue, "again at the resync"


async def test_failed_common_read_schedules_all_tenants_within_resync() -> None:
    many = Installation(MANY)
    many.fails_at = 1
    with structlog.testing.capture_logs() as logs:
        result = await many.look()
    assert result.requeue
    assert many.read == [250, 250], "a server that hangs is not waited for once more"
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == ["quiet_tenants.not_read"]
    assert {key for key, _ in many.scheduled} == set(many.tenants)
    assert {delay for _, delay in many.scheduled} == {timedelta(seconds=30)}, "at most 20 a second"
    await many.look()
    assert len(many.scheduled) == MANY, "they are due, and not put off by the next look"


async def test_failed_read_of_many_tenants_schedules_within_resync() -> None:
    """Also after a defect: no Tenant may rely on a comparison that did not happen."""
    many = Installation(2_000)
    many.fails_at, many.failure = 0, ValueError("a defect of ours")
    with pytest.raises(ValueError, match="of ours"):
        await many.look()
    assert {delay for _, delay in many.scheduled} == {SETTINGS.resync}


async def test_changed_or_deleted_quiet_tenant_is_reconciled_soon() -> None:
    few = Installation(3)
    first, second, _ = few.tenants
    few.memory.quiet[first] = QuietTenant(few.memory.quiet[first].provisioned, ())
    del few.tenants[second]
    await few.look()
    assert {key for key, _ in few.scheduled} == {first, second}
    assert all(delay <= timedelta(seconds=1) for _, delay in few.scheduled)
    assert len(few.memory.quiet) == 1


@pytest.mark.parametrize(
    "news",
    [
        None,  # it is not provisioned
        {"refusals": frozenset({"calcom"})},
        {"refused": RefusedRequests(datetime(2026, 11, 20, tzinfo=UTC))},
    ],
)
async def test_quiet_tenant_with_new_findings_is_due(
    monkeypatch: pytest.MonkeyPatch, news: dict[str, Any] | None
) -> None:
    few = Installation(1)
    few.is_provisioned = news is not None
    monkeypatch.setitem(globals(), "AT_REST", replace(AT_REST, **news or {}))
    await few.look()
    assert {key for key, _ in few.scheduled} == set(few.tenants)


async def test_a_tenant_reconciled_meanwhile_is_not_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its read state may be older than that reconcile."""
    few = Installation(1)
    (key,) = few.tenants
    known, few.memory.quiet[key] = few.memory.quiet[key], QuietTenant(few.memory.quiet[key].provisioned, ())
    read = few.read_states

    async def read_slowly(works: Mapping[str, str], waited: timedelta) -> dict[str, TenantState]:
        few.memory.quiet[key] = known
        return await read(works, waited)

    monkeypatch.setattr(few, "read_states", read_slowly)
    await few.look()
    assert few.scheduled == []


def test_each_reconcile_of_quiet_tenants_tries_the_password() -> None:
    """Nothing else finds a password that was changed by hand while pods use their open sessions."""
    shortest = SETTINGS.quiet_interval(QUIET_RESYNCS) * (1 - _JITTER)
    assert shortest > _VERIFIED


def test_failed_common_read_is_retried_at_next_resync() -> None:
    backoff = quiet_tenants_options(SETTINGS).backoff
    assert backoff.delay(1) >= 0.9 * SETTINGS.resync
    assert backoff.delay(9) <= SETTINGS.resync
