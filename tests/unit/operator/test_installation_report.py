"""The report that the operator writes for `askproai doctor`."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from askproai_operator.controllers.report import skew_seconds
from askproai_operator.installation_report import (
    DatabaseReport,
    FailingProvider,
    InstallationReport,
    RedisReport,
    is_due,
    read_report,
    report_manifest,
)

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
REPORT = InstallationReport(
    at=NOW, every_seconds=60, release="0.1.0", shards=2, shared_base_url="https://v.example", verify_exposure=False,
    exposure_hosts=("*.v.example",), redis=RedisReport(problem="Redis at r:6379 does not answer"),
    database=DatabaseReport(version="18.1", schema=18, shipped=19, pending=("0019_x",), is_authenticated=False,
                            failing_providers=(FailingProvider("c.d", "retell"),)),
)  # fmt: skip


def test_written_report_is_read_again() -> None:
    assert read_report(report_manifest("askproai-system", REPORT)) == REPORT


@pytest.mark.parametrize("data", [None, {}, {"report.json": ""}, {"report.json": "{}"}, {"report.json": "[1"}])
def test_differently_written_config_map_is_no_report(data: dict[str, str] | None) -> None:
    assert read_report({"data": data}) is None


@pytest.mark.parametrize(("there", "skew"), [(0.0, 0.0), (0.05, 0.0), (0.1, 0.0), (7.1, 7.0), (-3.0, -3.0)], ids=str)
def test_clock_skew_excludes_the_duration_of_the_request(there: float, skew: float) -> None:
    assert skew_seconds(NOW, NOW + timedelta(seconds=there), NOW + timedelta(seconds=0.1)) == skew


def later(seconds: float, **changes: Any) -> InstallationReport:
    """Return a later report; `changes` are changed fields about the database."""
    database = msgspec.structs.replace(REPORT.database, **changes)
    return msgspec.structs.replace(REPORT, at=NOW + timedelta(seconds=seconds), database=database)


@pytest.mark.parametrize(
    ("report", "due"),
    [
        (later(59), False),
        (later(60), True),
        (later(-1), True),  # the clock was set back
        (later(5, skew_seconds=0.9), False),
        (later(5, skew_seconds=-1.0), True),
        (later(5, pending=()), True),
        (later(5, problem="OSError"), True),
        (later(5, failing_providers=(FailingProvider("a.b", "calcom"),)), True),
        (msgspec.structs.replace(later(5), redis=None), True),
        (msgspec.structs.replace(later(5), release="0.2.0"), True),
    ],
    ids=str,
)
def test_unchanged_report_is_not_rewritten_early(report: InstallationReport, due: bool) -> None:
    assert is_due(report, REPORT) is due


def test_process_without_a_written_report_writes_one() -> None:
    assert is_due(REPORT, None)
