"""Structured logs: one JSON object per line. Used by the operator, the coordinator and the runtime.

Correlation id and tenant are bound as context; a phone number never is. An exception appears by type and place, never by its text
or traceback: a driver's text quotes hosts, names and numbers. An object appears by its `repr`, never by its fields.
"""

import asyncio
import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec
import structlog

from askproai_core.tracing import current_ids


def error_location(error: BaseException) -> str:
    """Return where an error was raised (`file:line > …`): our last two frames, then the raising frame, maybe a library's."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames[:-1] if "askproai_" in frame.filename]
    return " > ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in [*ours[-2:], *frames[-1:]])


def redact_exception(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace the exception of a log event by its type (`error`) and its place (`at`)."""
    exc_info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if exc_info is True else exc_info[1] if isinstance(exc_info, tuple) else exc_info
    if isinstance(error, BaseException):
        event.setdefault("error", type(error).__name__)
        event["at"] = error_location(error)
    return event


def add_trace(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add `trace_id` and `span_id` to a log event if it belongs to a recorded trace."""
    ids = current_ids()
    if ids is not None:
        event["trace_id"], event["span_id"] = ids
    return event


def _describe_library_record(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Turn a record of the standard library's logging into the event `library.said`.

    If the record has an exception, only the first line of its message is kept: asyncio's next lines quote the exception's text.
    """
    record: logging.LogRecord = event["_record"]
    message = str(event["event"])
    event["message"] = message.partition("\n")[0] if record.exc_info else message
    event["logger"] = record.name
    event["event"] = "library.said"
    return event


_ENCODER = msgspec.json.Encoder()
_render_anything = structlog.processors.JSONRenderer()
_SCALARS: Final = frozenset({str, int, float, bool, type(None), datetime, date, timedelta, UUID})
_CONTAINERS: Final = frozenset({dict, list, tuple, set, frozenset})
_MAX_DEPTH = 20


def _render(logger: object, method: str, event: MutableMapping[str, Any]) -> str:
    """Return the event as one line of JSON, with a blank after each colon and comma: people search lines for `"event": "…"`.

    The JSON module of the standard library would take four times as long for each webhook.
    """
    plain = {name: _to_plain(value) for name, value in event.items()}
    try:
        return msgspec.json.format(_ENCODER.encode(plain), indent=0).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):  # such as half a surrogate pair
        return str(_render_anything(logger, method, plain))


def _to_plain(value: Any, within: tuple[int, ...] = ()) -> Any:
    """Return a value that JSON can hold. An object of another type becomes its `repr`: its fields may be confidential.

    `within` are the ids of the enclosing containers. A container in itself, or nested too deep, becomes its `repr`, too.
    """
    kind = type(value)
    if kind in _SCALARS:
        return value
    if isinstance(value, Enum):
        return _to_plain(value.value, within)
    if kind not in _CONTAINERS or id(value) in within or len(within) >= _MAX_DEPTH:
        return _describe(value)
    within = (*within, id(value))
    if kind is dict:
        return {_to_name(key): _to_plain(item, within) for key, item in value.items()}
    return [_to_plain(item, within) for item in value]


def _to_name(key: object) -> str:
    plain = key.value if isinstance(key, Enum) else key
    return plain if type(plain) is str else _describe(plain)


def _describe(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001  a log call never raises, whatever it was given
        return f"<{type(value).__name__}: its repr raises {type(error).__name__}>"


class _Stderr(structlog.WriteLogger):
    """Writes lines to stderr in order. `RequestLine`'s lines are written together when the event loop's present turn ends."""

    def __init__(self, context: Mapping[str, str]) -> None:
        super().__init__(sys.stderr)
        self.context = context
        self._waiting: list[bytes] = []

    def msg(self, message: str) -> None:
        self._write_waiting()
        super().msg(message)

    debug = info = warning = error = critical = exception = msg

    def write_soon(self, line: bytes) -> None:
        """Queue a line: it is written with the other lines of this turn of the event loop. Call it in the event loop."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._write_waiting)
        self._waiting.append(line)

    def _write_waiting(self) -> None:
        if self._waiting:
            lines, self._waiting = b"\n".join([*self._waiting, b""]), []
            sys.stderr.buffer.write(lines)
            sys.stderr.buffer.flush()


_stderr: _Stderr | None = None  # None unless logs are configured and lines at info are wanted


class RequestLine:
    """Logs one event at level info for each request, in structlog's format for a third of its time.

    The lines of one turn of the event loop are written together at its end: a process killed before writes none of them.
    """

    def __init__(self, event: str) -> None:
        self._event = event
        self._log: Any = structlog.get_logger()

    def __call__(self, correlation_id: str, **fields: str | int | None) -> None:
        """Log the event with the given fields, the correlation id, the ids of the trace, and the process's context."""
        stderr = _stderr
        if stderr is None or current_ids() is not None:
            self._log.info(self._event, **fields)
            return
        line = {
            **fields,
            "event": self._event,
            "correlation_id": correlation_id,
            **stderr.context,
            "level": "info",
            "timestamp": datetime.now(UTC),
        }
        try:
            stderr.write_soon(msgspec.json.format(_ENCODER.encode(line), indent=0))
        except UnicodeEncodeError:  # half a surrogate pair
            self._log.info(self._event, **fields)


def configure_logs(level: str, **context: str) -> None:
    """Send our events and the libraries' warnings to stderr as JSON lines, each with `context` (tenant, component).

    Libraries never log below WARNING, whatever `level` is: at its debug level kopf prints whole patches.
    """
    global _stderr  # noqa: PLW0603 - the logs of a process, as those of structlog and logging
    number = logging.getLevelNamesMapping()[level.upper()]
    stderr = _Stderr(context)
    _stderr = stderr if number <= logging.INFO else None
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        add_trace,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact_exception,
    ]
    structlog.configure(
        processors=[*shared, _render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: stderr,
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(**context)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_describe_library_record, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _render],
        )
    )
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler], force=True)
