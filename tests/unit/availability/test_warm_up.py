"""A web process loads its data before it is ready, so that the first caller does not wait."""

from datetime import UTC, datetime

import msgspec
import pytest
from structlog.testing import capture_logs

from askproai_core.tenant_config.branches import Holidays
from askproai_runtime.availability import opening_hours
from askproai_runtime.availability.opening_hours import warm_up
from tests.worlds.compiled_salon import salon_config

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


def test_the_holidays_of_every_branch_are_read() -> None:
    opening_hours._public_holidays.cache_clear()
    warm_up(salon_config(), NOW)
    assert opening_hours._public_holidays.cache_info().currsize == 1


@pytest.mark.parametrize(
    ("time_zone", "warnings"),
    [("Europe/Berlin", ["booking.holidays_unknown"]), ("Europe/Nowhere", ["booking.not_warm"])],
)
def test_unusable_config_is_reported_without_stopping_the_pod(time_zone: str, warnings: list[str]) -> None:
    opening_hours._public_holidays.cache_clear()
    config = salon_config(time_zone=time_zone)
    branch = msgspec.structs.replace(config.branches[0], holidays=Holidays(country="XX"))
    with capture_logs() as logs:
        warm_up(msgspec.structs.replace(config, branches=(branch,)), NOW)
    assert [entry["event"] for entry in logs] == warnings
    if time_zone == "Europe/Nowhere":
        assert (logs[0]["error"], logs[0]["consequence"]) == ("ZoneInfoNotFoundError", "the first caller waits longer")
