"""One environment around a real cluster for each file, and the table of steps at the end."""

import os
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.e2e.node.environment import NodeEnvironment, missing, open_environment

pytest.register_assert_rewrite("tests.e2e.node.load")  # its assertions are those of the steps
_STEPS: list[tuple[str, float, str, str]] = []


@pytest.fixture(scope="module")
async def env(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[NodeEnvironment]:
    if reason := missing():
        pytest.skip(reason)
    directory = tmp_path_factory.mktemp("environment")
    async with open_environment(directory, os.environ["ASKPROAI_E2E_IMAGE"], os.environ["ASKPROAI_E2E_ADDRESS"]) as env:
        yield env


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if "e2e/node/" in report.nodeid and (report.when == "call" or not report.passed):
        step = report.nodeid.rpartition("::test_")[2].replace("_", " ")
        measured = ", ".join(f"{name}: {value}" for name, value in report.user_properties)
        if report.skipped:
            measured = report.longrepr[2].removeprefix("Skipped: ")  # file, line, reason
        _STEPS.append((step, report.duration, report.outcome, measured))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if _STEPS:
        terminalreporter.section("steps on the real node")
        for step, seconds, outcome, measured in _STEPS:
            terminalreporter.write_line(
                f"{outcome:7} {seconds:6.1f} s  {step}" + (f"  ({measured})" if measured else "")
            )
