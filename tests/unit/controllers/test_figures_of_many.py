"""Tenants with few bookings have figures, too, and no tenant prevents the figures of others."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from askproai_core.database import StatementTimeout
from askproai_core.database.tenant_figures import BookingCounts, TenantFigures
from askproai_core.kube import ApiError
from askproai_operator.api import Key, Tenant
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.tenant_figures import TenantFiguresController, figure_fields
from tests.worlds.salon_models import tenant

KEY = Key("TenantFigures", "askproai-system", "askproai")


class _Outside:
    """Cache, clock, database and API server in one. While `is_slow`, statements about months fail from the second on."""

    def __init__(self, count: int, refused: str = "") -> None:
        self.tenants = [_tenant(number) for number in range(count)]
        self.refused, self.is_slow = refused, False
        self.written: list[str] = []
        self.months: list[Sequence[str]] = []
        self.seconds = 1.0
        self.slow = ""  # a Tenant whose rows take too long to count
        self.slow_months = ""
        self.context = cast("ReconcileContext", SimpleNamespace(cache=self, database=self, kube=self, clock=self))

    def list(self, _kind: object) -> Sequence[Tenant]:
        return self.tenants

    def monotonic(self) -> float:
        return self.seconds

    async def read_figures(self, names: Sequence[str]) -> Mapping[str, TenantFigures]:
        if self.slow in names:
            raise StatementTimeout
        return dict.fromkeys(names, TenantFigures(3))

    async def read_month_of_bookings(self, names: Sequence[str]) -> Mapping[str, BookingCounts]:
        self.months.append(names)
        if self.is_slow and len(self.months) > 1:
            raise TimeoutError
        if self.slow_months in names:
            raise StatementTimeout
        return dict.fromkeys(names, BookingCounts(1))

    async def patch_status(self, obj: Tenant, _status: Mapping[str, Any]) -> bool:
        if obj.metadata.name == self.refused:
            raise ApiError(422, "Invalid", "its spec is older than a rule")
        self.written.append(obj.metadata.name)
        return True


def _tenant(number: int) -> Tenant:
    model = tenant()
    metadata = model.metadata.model_copy(update={"name": f"salon-{number}", "uid": f"uid-{number}"})
    return model.model_copy(update={"metadata": metadata, "status": {"key": f"salons.salon-{number}"}})


async def test_refused_write_does_not_affect_other_tenants_figures() -> None:
    outside = _Outside(3, refused="salon-0")
    await TenantFiguresController().reconcile(KEY, outside.context)
    assert outside.written == ["salon-1", "salon-2"]


async def test_monthly_counts_before_a_timeout_are_not_repeated() -> None:
    outside, controller = _Outside(60), TenantFiguresController()
    outside.is_slow = True
    assert (await controller.reconcile(KEY, outside.context)).requeue
    outside.is_slow = False
    first, _ = outside.months
    outside.months.clear()
    await controller.reconcile(KEY, outside.context)
    assert not {name for names in outside.months for name in names} & {*first}
    assert len(outside.written) == 60


async def test_slow_tenant_does_not_prevent_other_chunks_figures() -> None:
    outside = _Outside(600)
    outside.slow = outside.tenants[0].metadata.dotted
    assert (await TenantFiguresController().reconcile(KEY, outside.context)).requeue
    assert outside.written == [f"salon-{number}" for number in range(250, 600)]


async def test_slow_month_does_not_prevent_other_chunks_figures() -> None:
    outside = _Outside(60)
    outside.slow_months = outside.tenants[26].metadata.dotted
    assert (await TenantFiguresController().reconcile(KEY, outside.context)).requeue
    assert outside.written == [f"salon-{number}" for number in (*range(25), *range(50, 60))]


async def test_each_tenants_month_is_counted_every_quarter_hour() -> None:
    outside, controller = _Outside(300), TenantFiguresController()
    await controller.reconcile(KEY, outside.context)
    counted = []
    for _ in range(15):
        outside.months.clear()
        outside.seconds += 60
        await controller.reconcile(KEY, outside.context)
        counted.append([name for names in outside.months for name in names])
    assert sorted(name for names in counted for name in names) == sorted(
        each.metadata.dotted for each in outside.tenants
    )
    assert max(map(len, counted)) < 60, "20 would be even"


def fields(slo: str, day: tuple[int, int], month: tuple[int, int]) -> tuple[str | None, str | None]:
    figures = TenantFigures(7, BookingCounts(*day))
    written = figure_fields(tenant(slo={"bookingSuccessPercent": slo}), figures, BookingCounts(*month))
    assert written["calls24h"] == 7
    return written["bookingSuccessPercent"], written["errorBudgetPercent"]


@pytest.mark.parametrize(
    ("slo", "day", "month", "share", "budget"),
    [
        ("95", (0, 0), (0, 0), None, None),
        ("95", (0, 0), (100, 0), None, "100.0"),
        ("95", (19, 1), (98, 2), "95.0", "60.0"),  # 5 of 100 may fail, and 2 did
        ("95", (2, 1), (2, 1), "66.6", "0.0"),  # 0.15 of 3 may fail
        ("95", (0, 1), (94, 6), "0.0", "0.0"),
        ("99.9", (9999, 1), (9999, 1), "99.9", "90.0"),  # rounded down: 100.0 would mean all
        ("100", (5, 0), (5, 0), "100.0", "100.0"),
        ("100", (4, 1), (4, 1), "80.0", "0.0"),
        ("0", (0, 2), (0, 2), "0.0", "0.0"),
        ("0", (1, 1), (1, 1), "50.0", "50.0"),
    ],
)
def test_success_share_excludes_undecided_bookings(slo, day, month, share, budget):
    assert fields(slo, day, month) == (share, budget)
