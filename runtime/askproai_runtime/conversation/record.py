"""Function records: one row of `function_requests` for each request of a call function, and its metrics.

A record does not delay the answer. It waits in memory until the answer is sent, and is written in one short statement with
other records. No decision depends on it: while the database is unavailable or busy, records are lost, but answers are not.
"""

import asyncio
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import asyncpg
import structlog

from askproai_core.clock import Clock
from askproai_core.database import DATABASE_UNAVAILABLE, Pool
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.calls.payload import FunctionRequest, parse_milliseconds, read_numbers
from askproai_runtime.calls.store import FunctionRecord, insert_function_records
from askproai_runtime.conversation.arguments.reading import Arguments, read_arguments
from askproai_runtime.conversation.types import Answer, CallContext
from askproai_runtime.encryption import BodyCipher
from askproai_runtime.input_values import INVISIBLE
from askproai_runtime.metrics import Metrics

log = structlog.get_logger(__name__)

_COLLECT_TIME = timedelta(milliseconds=100)
_WRITE_SECONDS = _CLOSE_SECONDS = 2.0
_REFUSED_ROW = asyncpg.IntegrityConstraintViolationError, asyncpg.DataError
_INVISIBLE = re.compile(f"[{INVISIBLE}]")  # and up to six characters each in JSON
_MAX_WAITING = 500
_MAX_PER_WRITE = 100
_MAX_ARGUMENTS, _MAX_NAME, _MAX_VALUE, _MAX_CAUSE, _MAX_ANSWER = 16, 40, 200, 300, 1000


def make_record(
    payload: FunctionRequest,
    config: TenantConfig,
    call: CallContext,
    answer: Answer,
    arrived_at: datetime,
    seconds: float,
) -> FunctionRecord:
    """Return the record of an answered request. `seconds` is the caller's waiting time."""
    try:
        read = read_arguments(payload.name, payload.args)
    except Exception:  # the answer is made, and its record must not take it from the caller
        log.exception("arguments.not_recorded", function=payload.name, call_id=call.call_id)
        read = Arguments({}, {})
    from_number, to_number = read_numbers(payload.call, config, call.branch)
    return FunctionRecord(
        call_id=call.call_id,
        at=arrived_at,
        function=payload.name,
        arguments={  # a language model wrote them; what was read comes first
            _INVISIBLE.sub("", name)[:_MAX_NAME]: value
            if isinstance(value, bool)
            else _cut(_to_text(value), _MAX_VALUE)
            for name, value in [*(read.values | (read.unread | read.values)).items()][:_MAX_ARGUMENTS]
        },
        outcome=answer.outcome.value,
        cause=answer.cause and _cut(answer.cause, _MAX_CAUSE),
        answer=_cut(answer.message, _MAX_ANSWER),
        duration_ms=round(seconds * 1000),
        appointment_id=answer.fields.get("appointment_id"),
        correlation_id=call.correlation_id,
        direction=payload.call.direction,
        from_number=from_number,
        to_number=to_number,
        started_at=parse_milliseconds(payload.call.start_timestamp),
    )


@dataclass(slots=True)
class FunctionRecorder:
    """Writes a tenant's function records, one statement at a time. `track` is the trial that this process belongs to, if any."""

    pool: Pool
    tenant: str
    cipher: BodyCipher
    clock: Clock
    metrics: Metrics
    track: str = ""
    _waiting: list[FunctionRecord] = field(default_factory=list)
    _writing: asyncio.Task[None] | None = None

    def add(self, record: FunctionRecord) -> None:
        """Queue a record and return at once. If 500 records wait, this one is lost."""
        if len(self._waiting) >= _MAX_WAITING:
            self._lose(1, "QueueFull")
            return
        self._waiting.append(record)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())

    async def close(self) -> None:
        """Write the waiting records, for at most two seconds."""
        if self._writing is None:
            return
        _, late = await asyncio.wait({self._writing}, timeout=_CLOSE_SECONDS)
        if late:
            self._writing.cancel()
            self._lose(len(self._waiting), "Shutdown")

    async def _write_all(self) -> None:
        while self._waiting:
            await self.clock.sleep(_COLLECT_TIME)
            batch = self._waiting[:_MAX_PER_WRITE]
            await self._write(batch)
            del self._waiting[: len(batch)]

    async def _write(self, records: list[FunctionRecord]) -> None:
        """Write records in one statement, or one by one if the database refuses a value in one of them."""
        try:
            async with asyncio.timeout(_WRITE_SECONDS):
                calls = await insert_function_records(self.pool, self.tenant, records, self.cipher, self.track)
            self.metrics.calls_with_functions(calls)
        except DATABASE_UNAVAILABLE as error:
            if len(records) == 1 or not isinstance(error, _REFUSED_ROW):
                self._lose(len(records), type(error).__name__)
                return
            for record in records:
                await self._write([record])

    def _lose(self, records: int, why: str) -> None:
        log.warning("function.not_recorded", records=records, error=why)


def _to_text(value: str | list[dict[str, str]]) -> str:
    """Return an argument as text. Companions are listed with their known fields: `Mia Rot, Färben; ?`."""
    if isinstance(value, str):
        return value
    return "; ".join(", ".join(each.values()) or "?" for each in value)


def _cut(text: str, length: int) -> str:
    text = _INVISIBLE.sub("", text)
    return text if len(text) <= length else f"{text[: length - 1]}…"
