"""Logs of all processes: one JSON object per line, exceptions by type and place, libraries from WARNING on."""

import asyncio
import json
import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Any
from uuid import UUID

import msgspec
import pytest
import structlog

from askproai_core.logging import RequestLine, configure_logs
from askproai_core.tracing import Kind, record_trace

pytestmark = pytest.mark.usefixtures("restored_logs")


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_every_line_has_process_context_and_level(capsys: pytest.CaptureFixture[str]):
    configure_logs("info", component="coordinator")
    structlog.get_logger().info("lease.acquired", term=7, name="Müller")
    logging.getLogger("aiohttp.server").warning("a %s request", "broken")
    ours, library = lines(capsys)
    assert ours.pop("timestamp")
    assert library.pop("timestamp")
    assert ours == {
        "event": "lease.acquired", "term": 7, "name": "Müller", "level": "info", "component": "coordinator",
    }  # fmt: skip
    assert library == {
        "event": "library.said", "logger": "aiohttp.server", "message": "a broken request", "level": "warning",
        "component": "coordinator",
    }  # fmt: skip


def test_log_line_can_be_searched_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info")
    structlog.get_logger().info("event.stored", id=7)
    assert capsys.readouterr().err.startswith('{"id": 7, "event": "event.stored", ')


class Output(StrEnum):
    TEXT = "text"


@dataclass(repr=False)
class Hidden:
    """A value that shows nothing of itself, as our configurations and credentials do."""

    key: str = "key_secret"

    def __repr__(self) -> str:
        return "<hidden>"


class HiddenStruct(msgspec.Struct):
    key: str = "key_secret"

    def __repr__(self) -> str:
        return "<hidden>"


class HiddenText(str):
    __slots__ = ()

    def __repr__(self) -> str:
        return "<hidden>"


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("half initialised")


CYCLE: dict[str, Any] = {"name": "Müller"}
CYCLE["self"] = CYCLE
DEEP: list[Any] = []
for _ in range(5_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "value",
    [{1, 2}, object(), "half \ud83d", 2**70, {("a",): 1}, Hidden(), CYCLE, DEEP, Unprintable(), {Unprintable(): 1}],
    ids=lambda value: type(value).__name__,
)
def test_log_line_with_any_value_is_written(capsys: pytest.CaptureFixture[str], value: object) -> None:
    configure_logs("info")
    structlog.get_logger().info("odd", value=value)
    assert [line["event"] for line in lines(capsys)] == ["odd"]


@pytest.mark.parametrize("half", ["", "\ud83d"], ids=["whole", "half an emoji"])
@pytest.mark.parametrize("hidden", [Hidden(), HiddenStruct(), HiddenText("key_secret")], ids=repr)
def test_log_shows_an_object_by_its_repr(capsys: pytest.CaptureFixture[str], hidden: object, half: str) -> None:
    configure_logs("info")
    structlog.get_logger().info("odd", value=hidden, nested={"in": [(hidden,)]}, half=half)
    (line,) = lines(capsys)
    assert (line["value"], line["nested"]) == ("<hidden>", {"in": [["<hidden>"]]})


def test_log_writes_times_ids_and_enums_like_apis(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info")
    values = {
        "at": datetime(2026, 1, 7, 9, tzinfo=UTC),
        "id": UUID(int=7),
        "status": HTTPStatus.OK,
        "output": Output.TEXT,
        "by_output": {Output.TEXT: 1},
    }
    structlog.get_logger().info("typed", **values)
    (line,) = lines(capsys)
    assert [line[name] for name in values] == ["2026-01-07T09:00:00Z", str(UUID(int=7)), 200, "text", {"text": 1}]


@pytest.mark.parametrize(
    ("level", "ours", "libraries"),
    [("DEBUG", ["debug", "warning"], ["warning"]), ("warning", ["warning"], ["warning"]), ("ERROR", [], [])],
)
def test_libraries_log_nothing_below_warnings(capsys, level, ours, libraries):
    configure_logs(level)
    for logger in (structlog.get_logger(), logging.getLogger("kopf.objects")):
        logger.debug("patch")
        logger.warning("retry")
    found = lines(capsys)
    assert [line["level"] for line in found if line["event"] != "library.said"] == ours
    assert [line["level"] for line in found if line["event"] == "library.said"] == libraries


def test_a_traceback_becomes_type_and_place(capsys: pytest.CaptureFixture[str]):
    configure_logs("info")
    try:
        int("Key (phone)=(+4915112345678) already exists")
    except ValueError:
        structlog.get_logger().exception("job.failed")
        logging.getLogger("asyncpg").exception("the query failed")
    for line in lines(capsys):
        assert line["error"] == "ValueError"
        assert line["at"].startswith("test_logging.py:")
        assert "+49" not in str(line)


async def test_request_line_equals_the_structured_log_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", tenant="ns.salon", component="web")
    event = RequestLine("event.stored")
    with structlog.contextvars.bound_contextvars(correlation_id="c-1"):
        event("c-1", source="retell", id=7, outcome=Output.TEXT, note=None)
        await asyncio.sleep(0)
        structlog.get_logger().info("event.stored", source="retell", id=7, outcome=Output.TEXT, note=None)
    composed, usual = lines(capsys)
    assert re.fullmatch(r"2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", composed.pop("timestamp"))
    assert usual.pop("timestamp")
    assert composed == usual


async def test_log_lines_are_written_in_event_order(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info")
    event = RequestLine("event.stored")
    event("c", id=1)
    event("c", id=2)
    assert capsys.readouterr().err == "", "written together, at the end of the turn"
    structlog.get_logger().warning("circuit.opened")
    event("c", id=3)
    await asyncio.sleep(0)
    assert [line.get("id") for line in lines(capsys)] == [1, 2, None, 3]


async def test_request_line_is_omitted_above_its_log_level(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("warning")
    RequestLine("event.stored")("c", id=1)
    await asyncio.sleep(0)
    assert lines(capsys) == []


@pytest.mark.usefixtures("recorder")
async def test_request_log_line_has_its_trace_id(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info")
    with record_trace("webhook", Kind.SERVER):
        RequestLine("event.stored")("c", id=1)
    assert len(lines(capsys)[0]["trace_id"]) == 32


async def test_request_line_with_any_text_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info")
    RequestLine("event.stored")("c", event_type="half \ud83d")
    assert [line["event"] for line in lines(capsys)] == ["event.stored"]
