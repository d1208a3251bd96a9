"""The spool: signed events that wait in the tenant's Redis while PostgreSQL does not answer.

Redis has its entries on disk (`DurableStream`), so the sender gets its 200. `drain.py` moves the entries into the table.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
import structlog

from askproai_runtime.encryption import BodyCipher
from askproai_runtime.intake.senders import IncomingEvent, find_webhook_source
from askproai_runtime.intake.store import encrypt_body
from askproai_runtime.metrics import Metrics
from askproai_runtime.redis.durable_stream import DurableStream, NotDurable, StreamEntry

log = structlog.get_logger(__name__)

STREAM: Final = "spool"
UNSTORABLE: Final = "unstorable"  # of the stream of entries that cannot be stored; further ones stay in the spool
_MAX_UNSTORABLE, _MAX_UNSTORABLE_BYTES = 1000, 8 * 1024 * 1024


class _Record(msgspec.Struct, array_like=True):
    """An event as it is written to the stream. Its body has the form in which the table will store it.

    Fields may be added at the end: pods of two releases read the same stream.
    """

    source: str
    event_id: str
    event_type: str
    payload: bytes
    correlation_id: str
    traceparent: str | None = None


_ENCODER, _DECODER = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(_Record)


class Spool:
    """The spool as one web process uses it.

    `on`: Redis last promised to keep the spool's entries. `in_use`: PostgreSQL did not answer, so events are written to the
    spool first. `emptied_by_others`: since then another pod has moved this process's entries into the table, so that pod
    reaches PostgreSQL.
    """

    def __init__(self, stream: DurableStream, metrics: Metrics, cipher: BodyCipher) -> None:
        self.stream, self._metrics, self._cipher = stream, metrics, cipher
        self.unstorable = unstorable_beside(stream)
        self.on = self.in_use = self.emptied_by_others = False
        self._last_put: StreamEntry | None = None

    @property
    def keeps_ready(self) -> bool:
        """Return True if this pod should get requests although its database does not answer: the spool keeps its events."""
        return self.on and not self.emptied_by_others

    async def put(self, events: Sequence[IncomingEvent]) -> bool:
        """Write events to Redis. Return True once all of them are on disk there; False if Redis cannot promise that."""
        contents = [
            _ENCODER.encode(
                _Record(
                    event.source,
                    event.event_id,
                    event.event_type,
                    event.payload,
                    event.correlation_id,
                    event.traceparent,
                )
            )
            for event in (encrypt_body(self._cipher, each) for each in events)
        ]
        try:
            self._last_put = StreamEntry(await self.stream.append(contents), b"")
        except NotDurable as error:
            if self.on:
                log.warning("spool.refused", events=len(events), why=str(error))
            self.on = self.in_use = False  # unused until the next look
            return False
        if not self.in_use:
            self.in_use = True
            log.warning("spool.in_use", consequence="events are acknowledged from Redis until PostgreSQL answers")
        self._metrics.spooled(len(events))
        return True

    async def set_aside(self, entries: Sequence[StreamEntry]) -> None:
        """Move entries that cannot be stored to a separate stream, if it has room. Raises `RedisUnavailable`."""
        try:
            await self.unstorable.append([entry.content for entry in entries])
        except NotDurable as error:
            log.error("spool.not_set_aside", entries=len(entries), why=str(error), consequence="stay in the spool")  # noqa: TRY400
            return
        await self.stream.remove(entries)

    def leave(self) -> None:
        """Record that PostgreSQL answers, so that the next events are written to PostgreSQL first, not to the spool."""
        if self.in_use:
            log.info("spool.left", consequence="events go to PostgreSQL again")
        self.in_use = self.emptied_by_others = False
        self._last_put = None

    def compare_with(self, oldest: StreamEntry | None) -> None:
        """Set `emptied_by_others` if the oldest waiting entry (`oldest`) is younger than the last entry of this process."""
        if self.in_use and self._last_put is not None:
            self.emptied_by_others = oldest is None or oldest.order > self._last_put.order


def unstorable_beside(stream: DurableStream) -> DurableStream:
    """Return the stream for entries of `stream` that cannot be stored; it uses the same connections."""
    return stream.beside(UNSTORABLE, max_entries=_MAX_UNSTORABLE, max_bytes=_MAX_UNSTORABLE_BYTES)


def read_record(entry: StreamEntry) -> tuple[str, str, bytes] | None:
    """Return an entry's source (also one that this release does not know), event id and body; None if it is no record."""
    try:
        record = _DECODER.decode(entry.content)
    except msgspec.DecodeError:
        return None
    return record.source, record.event_id, record.payload


def read_entry(entry: StreamEntry) -> IncomingEvent | None:
    """Return the event of a spool entry; None if it is unreadable, from a later release or another client of this Redis user."""
    try:
        record = _DECODER.decode(entry.content)
    except msgspec.DecodeError:
        return None
    source = find_webhook_source(record.source)
    if source is None:
        return None
    return IncomingEvent(
        source,
        record.event_id,
        record.event_type,
        record.payload,
        record.correlation_id,
        entry.taken_at,
        record.traceparent,
    )
