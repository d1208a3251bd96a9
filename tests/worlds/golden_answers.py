"""The answers of call functions in the integration tests, kept in `tests/golden` and compared in each run, byte for byte.

A pytest plugin. The tests of `RECORDED` run on one fixed day; what they ask and are answered at the functions of
`booking_environment.py` and over HTTP at `tenant_pod.py` is compared with the record after the test.
"""

import difflib
import functools
import json
import re
import zlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import time_machine

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "tests" / "golden"
RECORDED: Final = ("tests/integration/booking/", "tests/integration/calls/")
DAY: Final = datetime(2026, 11, 20, 9, 2, tzinfo=UTC)  # a Friday; two minutes are far from where times are rounded
COMMAND: Final = "python -m pytest -m '' --golden=record"
# What no two runs have in common, by the name of its placeholder.
_VARYING: Final = re.compile(
    r"""(?P<id>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})
    |(?P<call>\bcall_[0-9a-f]{28,32}\b)
    |(?P<number>\+49151\d{8})
    |(?P<port>(?<=127\.0\.0\.1:)\d+)""",
    re.VERBOSE,
)
Lines = list[str]
Records = dict[str, dict[str, Lines]]  # by module and test


@dataclass
class Exchange:
    """A request and its answer; `ended` counts the exchanges that had begun by then."""

    function: str
    args: Any
    begun: int
    more: dict[str, Any]
    answer: Any = None
    ended: int | None = None


@dataclass
class Recorder:
    """What the running test has asked so far. Without a test nothing is kept."""

    exchanges: list[Exchange] = field(default_factory=list)
    running: bool = False

    @contextmanager
    def exchange(self, function: str, args: Any, **more: Any) -> Iterator[Exchange]:
        """Keep a request in the order in which it began, and the answer that is set meanwhile."""
        exchange = Exchange(function, args, len(self.exchanges), {name: each for name, each in more.items() if each})
        if self.running:
            self.exchanges.append(exchange)
        try:
            yield exchange
        except BaseException as error:
            exchange.answer = {"raised": type(error).__name__}
            raise
        finally:
            exchange.ended = len(self.exchanges)

    def lines(self) -> Lines:
        """Return a line for each exchange, and one for those that overlap: their order is another one in each run."""
        groups: list[list[Exchange]] = []
        end = 0
        for each in self.exchanges:
            if groups and each.begun < end:
                groups[-1].append(each)
            else:
                groups.append([each])
            end = max(end, len(self.exchanges) if each.ended is None else each.ended)
        return number_placeholders([_line(group) for group in groups])


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
    """Return what the caller has said since the last answer."""
    words: list[str] = []
    transcript = call.get("transcript_with_tool_calls")
    for turn in reversed(transcript if isinstance(transcript, list) else []):
        if not isinstance(turn, dict) or turn.get("role") == "tool_call_result":
            break
        if turn.get("role") in {"user", "dtmf"}:
            words.insert(0, str(turn.get("content", turn.get("digit"))))
    return words


def number_placeholders(lines: Sequence[str]) -> Lines:
    """Replace what varies by placeholders, numbered in the order in which they appear."""
    names: dict[str, str] = {}

    def name(match: re.Match[str]) -> str:
        kind = str(match.lastgroup)
        return names.setdefault(match[0], f"<{kind} {1 + sum(each.startswith(f'<{kind}') for each in names.values())}>")

    return [_VARYING.sub(name, line) for line in lines]


def _line(group: Sequence[Exchange]) -> str:
    if len(group) == 1:
        (each,) = group
        return _dump({"function": each.function, "args": each.args, **each.more, "answer": each.answer})
    asked = sorted((_dump([each.function, each.args, *each.more.values()]) for each in group), key=_without_varying)
    answers = sorted((_dump(each.answer) for each in group), key=_without_varying)
    return f'{{"at_once": [{", ".join(asked)}], "answers": [{", ".join(answers)}]}}'


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _without_varying(text: str) -> str:
    return _VARYING.sub("", text)


def read_records(module: str) -> dict[str, Lines]:
    """Return the lines of each test of a module, such as `tests/integration/calls/test_english_calls.py`."""
    file, records = record_file(module), dict[str, Lines]()
    if not file.exists():
        return records
    for line in file.read_text("utf-8").splitlines():
        if line.startswith('{"test": '):
            lines = records.setdefault(json.loads(line)["test"], [])
        else:
            lines.append(line)
    return records


def write_records(module: str, records: Mapping[str, Lines]) -> None:
    """Write a module's records, sorted by test; without one there is no file."""
    lines = [line for test in sorted(records) for line in (_dump({"test": test}), *records[test])]
    file = record_file(module)
    file.parent.mkdir(exist_ok=True)
    if lines:
        file.write_text("\n".join(lines) + "\n", "utf-8")
    else:
        file.unlink(missing_ok=True)


def record_file(module: str) -> Path:
    return FOLDER / f"{module.removeprefix('tests/integration/').removesuffix('.py').replace('/', '.')}.jsonl"


def module_of(file: Path) -> str:
    """Return the test module of a file of records."""
    return f"tests/integration/{file.stem.replace('.', '/')}.py"


class GoldenAnswers:
    """Records or compares the answers of each test, and finds records whose test is gone."""

    def __init__(self, config: pytest.Config) -> None:
        self.config, self.records = config, config.getoption("golden") == "record"
        self.tests: defaultdict[str, set[str]] = defaultdict(
            set
        )  # by module: those that were collected, whatever is run
        self.new: defaultdict[str, dict[str, Lines]] = defaultdict(dict)
        self.kept = functools.cache(read_records)
        self.gone: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            module, _, test = item.nodeid.partition("::")
            if module.startswith(RECORDED):
                self.tests[module].add(test)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Let a test begin at its own moment of the fixed day: two that send the same request must not sign it alike."""
        if not item.nodeid.startswith(RECORDED) or item.get_closest_marker("real_clock"):
            return (yield)
        moment = DAY + timedelta(milliseconds=zlib.crc32(item.nodeid.encode()) % 60_000)
        with time_machine.travel(moment, tick=True):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        module, _, test = item.nodeid.partition("::")
        if not module.startswith(RECORDED) or any(map(item.get_closest_marker, ("real_clock", "races"))):
            return (yield)
        RECORDER.exchanges, RECORDER.running = [], True
        try:
            result = yield
        finally:
            RECORDER.running = False
        lines = RECORDER.lines()
        if self.records:
            self.new[module][test] = lines
        elif (kept := self.kept(module).get(test)) is not None and kept != lines:
            pytest.fail(describe_change(module, test, kept, lines), pytrace=False)
        return result

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the records, and let the run fail for one without a test, unless single tests were asked for."""
        if (output := getattr(self.config, "workeroutput", None)) is not None:
            output["golden"] = (dict(self.new), {module: sorted(tests) for module, tests in self.tests.items()})
            return
        whole = not any("::" in argument for argument in self.config.args)
        for module in sorted({*self.tests, *map(module_of, FOLDER.glob("*.jsonl"))}):
            if (module in self.tests and not whole) or (module not in self.tests and (ROOT / module).exists()):
                current = self.kept(module) | self.new[module]
            else:
                merged = self.kept(module) | self.new[module]
                current = {test: lines for test, lines in merged.items() if test in self.tests[module]}
                self.gone += [f"{module}::{test}" for test in merged if test not in current]
            if self.records:
                write_records(module, {test: lines for test, lines in current.items() if lines})
        if self.gone and not self.records:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        new, tests = getattr(node, "workeroutput", {}).get("golden", ({}, {}))
        for module, records in new.items():
            self.new[module].update(records)
        for module, names in tests.items():
            self.tests[module].update(names)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for test in [] if self.records else self.gone:
            terminalreporter.write_line(f"FAILED {test}: a golden record without a test; record anew: {COMMAND}")


def describe_change(module: str, test: str, kept: Lines, lines: Lines) -> str:
    """Return which answers are others than recorded."""
    changes: list[str] = []
    for tag, first, last, new_first, new_last in difflib.SequenceMatcher(None, kept, lines, False).get_opcodes():
        if tag != "equal":
            changes += [f"  - {line}" for line in kept[first:last]] + [
                f"  + {line}" for line in lines[new_first:new_last]
            ]
    return "\n".join([
        f"{test} is answered otherwise than recorded (-) in {record_file(module).relative_to(ROOT)}:", *changes,
        f"If this is meant: {COMMAND} '{module}', and commit the changed file.",
    ])  # fmt: skip


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--golden", choices=("compare", "record", "off"), default="compare",
        help="what to do with the answers of call functions: tests/golden (default: compare)",
    )  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("golden") != "off":
        config.pluginmanager.register(GoldenAnswers(config))
