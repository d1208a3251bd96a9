"""Copies of requests of call functions for a tenant's shadow to replay, while the config has a shadow.

A copy neither delays the answer nor makes it fail: it waits in memory until the answer is sent, and becomes a row of
`shadow_requests` in the background. If too many copies wait in memory or in the table, a copy is dropped and counted
(docs/decisions/0126-shadows.md).
"""

import asyncio
import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
import structlog

from askproai_core.clock import Clock
from askproai_core.database import DATABASE_UNAVAILABLE, Pool
from askproai_core.tenant_config import Function
from askproai_runtime.calls.payload import FunctionRequest
from askproai_runtime.calls.store import CopiedRequest, insert_copied_request
from askproai_runtime.conversation.types import Answer, CallContext
from askproai_runtime.encryption import BodyCipher, Place
from askproai_runtime.metrics import Metrics

log = structlog.get_logger(__name__)

# Those on which a booking of the same call can depend. The others are not replayed.
REPLAYED: Final = frozenset({  # the last one may settle the branch
    Function.CHECK_AVAILABILITY, Function.BOOK_APPOINTMENT, Function.FIND_APPOINTMENTS, Function.RESCHEDULE_APPOINTMENT,
    Function.CANCEL_APPOINTMENT, Function.BUSINESS_INFORMATION,
})  # fmt: skip
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_COLLECT_TIME = timedelta(milliseconds=100)
_WRITE_SECONDS = 2.0
_LONGEST_BODY: Final = 500_000  # bytes; a call of an hour has some 100 kB
_MOST_BYTES: Final = 4_000_000  # that wait here
_MOST_ROWS: Final = 500


def find_ids(fields: dict[str, Any]) -> tuple[UUID, ...]:
    """Return all UUIDs in an answer's fields (ids of appointments and entries), in order, each once."""
    found = _UUID.findall(msgspec.json.encode(fields).decode())
    return tuple(UUID(text) for text in dict.fromkeys(found))


def reference_of(request: CopiedRequest) -> str:
    """Return the text to which a request's encrypted body is bound, beside the tenant: call id and correlation id."""
    return f"{request.call_id}\n{request.correlation_id}"


@dataclass(slots=True)
class ShadowRequests:
    """Writes copies of call functions' requests for the shadow, one at a time and in the order of the answers."""

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
        """Queue the copy of an answered request and return at once. A copy that is too long, or beyond 4 MB in all, is dropped."""
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
        """Write the waiting copies, for at most two seconds, and count the rest as dropped."""
        if self._writing is not None:
            _, late = await asyncio.wait({self._writing}, timeout=_WRITE_SECONDS)
            if late:
                self._writing.cancel()
        for _ in self._waiting:
            self._drop("Stopped")

    async def _write_all(self) -> None:
        await self.clock.sleep(_COLLECT_TIME)  # the answer goes first
        while self._waiting:
            await self._write(self._waiting.pop(0))  # one that cannot be written must not come again

    async def _write(self, request: CopiedRequest) -> None:
        body = self.cipher.encrypt(Place.SHADOW, reference_of(request), request.body)
        try:
            async with asyncio.timeout(_WRITE_SECONDS):
                has_room = await insert_copied_request(
                    self.pool, self.tenant, replace(request, body=body), most_rows=_MOST_ROWS
                )
        except DATABASE_UNAVAILABLE as error:
            self._drop(type(error).__name__)
            return
        if not has_room:
            self._drop("TableFull")

    def _drop(self, why: str) -> None:
        self.metrics.shadow_request_dropped()
        log.warning("shadow.request_dropped", why=why)
