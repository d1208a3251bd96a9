"""Booked share and error budget: what they are of few bookings, of none, and of an SLO without failures."""

import pytest

from askproai_core.database.tenant_figures import BookingCounts, TenantFigures
from askproai_operator.controllers.tenant_figures import figure_fields
from tests.worlds.salon_models import tenant


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
