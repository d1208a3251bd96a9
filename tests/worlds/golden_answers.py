"""The answers of call functions in the integration tests, kept in `tests/golden` and compared in each run, byte for byte.

A pytest plugin. The tests of `RECORDED` run on one fixed day; their requests and answers at the functions of
`booking_environment.py` and over HTTP at `tenant_pod.py` are compared with the record after the test.
"""

import asyncio
import functools
import zlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
import time_machine

from tests.worlds.golden_records import (
    COMMAND,
    FOLDER,
    ROOT,
    Lines,
    describe_change,
    dump,
    module_of,
    number_placeholders,
    read_records,
    write_records,
)

RECORDED: Final = ("tests/integration/booking/", "tests/integration/calls/")
# Rows that authors of the grammar must not read, not even in a changed record.
HELD_OUT: Final = "tests/integration/calls/test_held_out_arguments.py"
# A Friday before opening time; the minute is none to which times are rounded.
DAY: Final = datetime(2026, 11, 20, 7, 2, tzinfo=UTC)


@dataclass
class Exchange:
    """A request and its answer; `ended` is the number of exchanges that had begun when the answer came."""

    function: str
    args: Any
    more: dict[str, Any]
    task: asyncio.Task[Any] | None
    answer: Any = None
    ended: int | None = None


@dataclass
class Recorder:
    """The exchanges of the running test so far. Outside a test nothing is kept."""

    exchanges: list[Exchange] = field(default_factory=list)
    running: bool = False

    @contextmanager
    def exchange(self, function: str, args: Any, **more: Any) -> Iterator[Exchange]:
        """Keep a request in the order of its beginning, with the answer that is set within the context."""
        said = {name: each for name, each in more.items() if each}
        exchange = Exchange(function, args, said, _current_task())
        if self.running:
            self.exchanges.append(exchange)
        try:
            yield exchange
        except BaseException as error:
            exchange.answer = {"raised": type(error).__name__}
            raise
        finally:
            exchange.ended = len(self.exchanges)

    def forget_since(self, number: int) -> None:
        """Forget this task's exchanges since exchange `number`: the count of a test's vain attempts varies."""
        task = _current_task()
        self.exchanges[number:] = [each for each in self.exchanges[number:] if each.task is not task]

    def lines(self) -> Lines:
        """Return a line for each exchange before the first two that overlap.

        Chance decides which of these changes the book first, and so all later answers.
        """
        lines = Lines()
        for number, each in enumerate(self.exchanges):
            if each.ended != number + 1:
                lines += ['{"at_once": "the rest is not recorded"}'] if lines else []
                break
            lines.append(dump({"function": each.function, "args": each.args, **each.more, "answer": each.answer}))
        return number_placeholders(lines)


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # without an event loop
        return None


RECORDER: Final = Recorder()


def recorded(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Return a call function of the package whose answers are kept."""

    @functools.wraps(function)
    async def ask(context: Any, call: Any, args: Any = None) -> Any:
        with RECORDER.exchange(function.__name__, args) as exchange:
            answer = await (function(context, call) if args is None else function(context, call, args))
            exchange.answer = answer.as_json()
        return answer

    return ask


def last_words(call: Mapping[str, Any]) -> list[str]:
    """Return the caller's words since the last answer."""
    words: list[str] = []
    transcript = call.get("transcript_with_tool_calls")
    for turn in reversed(transcript if isinstance(transcript, list) else []):
        if not isinstance(turn, dict) or turn.get("role") == "tool_call_result":
            break
        if turn.get("role") in {"user", "dtmf"}:
            words.insert(0, str(turn.get("content", turn.get("digit"))))
    return words


def is_recorded(item: pytest.Item) -> bool:
    """Return whether a test's answers are kept. Answers to random inputs differ in each run, and are not kept."""
    on_fixed_day = item.nodeid.startswith(RECORDED) and item.get_closest_marker("real_clock") is None
    is_random = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
    return on_fixed_day and not (is_random or item.nodeid.startswith(HELD_OUT))


class GoldenAnswers:
    """Records or compares the answers of each test, and finds records whose test is gone."""

    def __init__(self, config: pytest.Config) -> None:
        self.config, self.records = config, config.getoption("golden") == "record"
        self.is_off = config.getoption("golden") == "off"  # the tests are on the fixed day all the same
        self.tests: defaultdict[str, set[str]] = defaultdict(set)  # by module: all that are collected and recorded
        self.new: defaultdict[str, dict[str, Lines]] = defaultdict(dict)
        self.kept = functools.cache(read_records)
        self.gone: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            if is_recorded(item):
                module, _, test = item.nodeid.partition("::")
                self.tests[module].add(test)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Start a test at its own moment of the fixed day, so that equal requests of two tests have different signatures."""
        if not item.nodeid.startswith(RECORDED) or item.get_closest_marker("real_clock"):
            return (yield)
        moment = DAY + timedelta(milliseconds=zlib.crc32(item.nodeid.encode()) % 60_000)
        with time_machine.travel(moment, tick=True):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        if self.is_off or not is_recorded(item):
            return (yield)
        module, _, test = item.nodeid.partition("::")
        RECORDER.exchanges, RECORDER.running = [], True
        try:
            result = yield
        finally:
            RECORDER.running = False
        lines = RECORDER.lines()
        if self.records:
            item.user_properties.append(("golden", lines))  # which the report brings from xdist's worker
        elif (kept := self.kept(module).get(test)) is not None and kept != lines:
            pytest.fail(describe_change(module, test, kept, lines), pytrace=False)
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        module, _, test = report.nodeid.partition("::")
        if report.when == "call" and (lines := dict(report.user_properties).get("golden")) is not None:
            self.new[module][test] = list(lines)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the records. Fail the run if a record has no test, unless single tests were selected."""
        if (output := getattr(self.config, "workeroutput", None)) is not None:
            output["golden"] = {module: sorted(tests) for module, tests in self.tests.items()}
            return
        if self.is_off:
            return
        whole = not any("::" in argument for argument in self.config.args)
        without_file = {module for module in map(module_of, FOLDER.glob("*.jsonl")) if not (ROOT / module).exists()}
        for module in sorted({*self.tests, *self.new, *without_file}):
            records = self.kept(module) | self.new[module]
            is_known = whole and (module in self.tests or module in without_file)  # not after an interruption
            gone = [test for test in records if is_known and test not in self.tests[module]]
            self.gone += [f"{module}::{test}" for test in gone]
            if self.records:
                write_records(module, {test: records[test] for test in records if records[test] and test not in gone})
        if self.gone and not self.records:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        for module, tests in getattr(node, "workeroutput", {}).get("golden", {}).items():
            self.tests[module].update(tests)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for test in [] if self.records else self.gone:
            terminalreporter.write_line(f"FAILED {test}: a golden record without a test; record anew: {COMMAND}")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--golden", choices=("compare", "record", "off"), default="compare",
        help="what to do with the answers of call functions: tests/golden (default: compare)",
    )  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(GoldenAnswers(config))
