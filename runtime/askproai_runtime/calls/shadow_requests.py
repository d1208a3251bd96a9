"""What a tenant's shadow replays: copies of the requests of call functions, while the config says that there is a shadow.

A copy does not delay the answer, nor can it fail it: it waits in memory until the answer is sent, and becomes a row of
`shadow_requests` in the background. When too many wait, here or there, it is dropped and counted
(docs/decisions/0126-shadows.md).
"""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
import structlog

from askproai_core.clock import Clock
from askproai_core.database import DATABASE_UNAVAILABLE, Pool
from askproai_core.tenant_config import Function
from askproai_runtime.booking import Answer, CallContext
from askproai_runtime.calls.payload import FunctionRequest
from askproai_runtime.encryption import BodyCipher, Place
from askproai_runtime.metrics import Metrics

log = structlog.get_logger(__name__)

# Those on which a booking of the same call can depend. The others are not replayed.
REPLAYED: Final = frozenset(
    {
        Function.CHECK_AVAILABILITY,
        Function.BOOK_APPOINTMENT,
        Function.FIND_APPOINTMENTS,
        Function.RESCHEDULE_APPOINTMENT,
        Function.CANCEL_APPOINTMENT,
        Function.BUSINESS_INFORMATION,  # it may settle the branch
    }
)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_COLLECT_TIME = timedelta(milliseconds=100)
_WRITE_SECONDS = 2.0
_LONGEST_BODY: Final = 500_000  # bytes; a call of an hour has some 100 kB
_MOST_BYTES: Final = 4_000_000  # that wait here
_MOST_ROWS: Final = 500
_INSERT: Final = """
INSERT INTO shadow_requests (tenant, at, answered_at, call_id, function, outcome, named_ids, correlation_id, body)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 WHERE (SELECT count(*) FROM shadow_requests WHERE tenant = $1) < $10
RETURNING true
"""


@dataclass(frozen=True, slots=True)
class CopiedRequest:
    """A request of a call function as it came (`body`), when it was answered, and what with."""

    at: datetime
    answered_at: datetime
    call_id: str
    function: str
    outcome: str
    named_ids: tuple[UUID, ...]
    correlation_id: str
    body: bytes


def find_ids(fields: dict[str, Any]) -> tuple[UUID, ...]:
    """Return the ids in an answer, in their order, each once."""
    found = _UUID.findall(msgspec.json.encode(fields).decode())
    return tuple(UUID(text) for text in dict.fromkeys(found))


def reference_of(request: CopiedRequest) -> str:
    """Return what the encrypted body of a request is bound to, beside its tenant."""
    return f"{request.call_id}\n{request.correlation_id}"


@dataclass(slots=True)
class ShadowRequests:
    """Writes copies, one at a time and in their order."""

    pool: Pool
    tenant: str
    cipher: BodyCipher
    clock: Clock
    metrics: Metrics
    _waiting: list[CopiedRequest] = field(default_factory=list)
    _writing: asyncio.Task[None] | None = None

    def add(
        self, body: bytes, payload: FunctionRequest, call: CallContext, answer: Answer, at: datetime, seconds: float
    ) -> None:
        """Accept the copy of an answered request, and return at once."""
        if Function[payload.name.upper()] not in REPLAYED:
            return
        if len(body) > _LONGEST_BODY:
            self._drop("TooLong")
            return
        if sum(len(each.body) for each in self._waiting) + len(body) > _MOST_BYTES:
            self._drop("QueueFull")
            return
        copied = CopiedRequest(
            at, at + timedelta(seconds=seconds), call.call_id, payload.name, answer.outcome.value, find_ids(answer.fields),
            call.correlation_id, body,
        )  # fmt: skip
        self._waiting.append(copied)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())

    async def close(self) -> None:
        """Write what still waits, for two seconds at most."""
        if self._writing is not None:
            _, late = await asyncio.wait({self._writing}, timeout=_WRITE_SECONDS)
            if late:
                self._writing.cancel()

    async def _write_all(self) -> None:
        await self.clock.sleep(_COLLECT_TIME)  # the answer goes first
        while self._waiting:
            await self._write(self._waiting[0])
            del self._waiting[0]

    async def _write(self, request: CopiedRequest) -> None:
        body = self.cipher.encrypt(Place.SHADOW, reference_of(request), request.body)
        try:
            async with asyncio.timeout(_WRITE_SECONDS):
                is_written = await self.pool.fetchval(
                    _INSERT, self.tenant, request.at, request.answered_at, request.call_id, request.function,
                    request.outcome, request.named_ids, request.correlation_id, body, _MOST_ROWS,
                )  # fmt: skip
        except DATABASE_UNAVAILABLE as error:
            self._drop(type(error).__name__)
            return
        if not is_written:
            self._drop("TableFull")

    def _drop(self, why: str) -> None:
        self.metrics.shadow_request_dropped()
        log.warning("shadow.request_dropped", why=why)


async def list_copied_requests(pool: Pool, tenant: str, without: Iterable[int] = ()) -> list[tuple[int, CopiedRequest]]:
    """Return the copies that wait, by row id, in the order in which they came; `without` those. Bodies are as stored."""
    rows = await pool.fetch(
        """SELECT id, at, answered_at, call_id, function, outcome, named_ids, correlation_id, body FROM shadow_requests
           WHERE tenant = $1 AND NOT id = ANY($2) ORDER BY at, id""",
        tenant, list(without),
    )  # fmt: skip
    return [
        (
            row["id"],
            CopiedRequest(
                row["at"], row["answered_at"], row["call_id"], row["function"], row["outcome"], tuple(row["named_ids"]),
                row["correlation_id"], row["body"],
            ),
        )
        for row in rows
    ]  # fmt: skip


async def delete_copied_request(pool: Pool, tenant: str, row_id: int) -> bool:
    """Delete a copy; return whether it was there."""
    deleted = "DELETE FROM shadow_requests WHERE tenant = $1 AND id = $2 RETURNING true"
    return bool(await pool.fetchval(deleted, tenant, row_id))
