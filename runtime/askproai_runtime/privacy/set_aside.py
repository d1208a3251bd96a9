"""Events that PostgreSQL refuses to store (set aside): they wait in a stream in Redis, where no SQL statement reaches them.

They are personal data. A caller's events are erased with the caller's rows. Events of refused and of erased calls are removed,
and all events by the age of raw events.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

import structlog

from askproai_core.database import Pool
from askproai_runtime.encryption import BodyCipher, DataKeyMissing, DecryptionError
from askproai_runtime.intake import Source, decrypt_body, find_webhook_source, words_of_body
from askproai_runtime.intake.spool import read_record
from askproai_runtime.privacy import store
from askproai_runtime.privacy.traces import StoredBody
from askproai_runtime.redis.durable_stream import DurableStream, StreamEntry

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SetAside:
    """The entries of the stream of set-aside events, and their decrypted bodies. The id of a body is its entry's index."""

    stream: DurableStream
    entries: tuple[StreamEntry, ...]
    bodies: tuple[StoredBody, ...] = field(repr=False)

    @classmethod
    async def read(cls, stream: DurableStream, cipher: BodyCipher) -> Self:
        """Read all entries of the stream, whose size is bounded, and decrypt their bodies. Raises `RedisUnavailable`."""
        entries = list[StreamEntry]()
        while some := await stream.read(entries[-1].id if entries else ""):
            entries += some
        return cls(stream, tuple(entries), tuple(_read(cipher, at, entry) for at, entry in enumerate(entries)))

    async def remove(self, ids: Collection[int]) -> None:
        """Remove the entries that belong to the bodies with these ids. Raises `RedisUnavailable`."""
        if ids:
            await self.stream.remove([self.entries[at] for at in ids])

    async def remove_unwanted(self, pool: Pool, tenant: str, oldest: datetime) -> None:
        """Remove the entries from before `oldest`, and the entries of refused calls and of erased calls and bookings."""
        words = [_references(body, entry) for body, entry in zip(self.bodies, self.entries, strict=True)]
        unwanted = await store.list_unwanted(pool, tenant, sorted(set().union(*words)))
        aged = {at for at, entry in enumerate(self.entries) if entry.taken_at < oldest}
        ids = aged | {at for at, found in enumerate(words) if found & unwanted}
        await self.remove(ids)
        if ids:
            log.warning("spool.unstorable_removed", aged=len(aged), of_refused_or_erased=len(ids - aged))


def _read(cipher: BodyCipher, at: int, entry: StreamEntry) -> StoredBody:
    """Return the body of an entry. The body of an unknown sender is searched as Retell's: by its shape, then by its text."""
    record = read_record(entry)
    if record is None:
        reason = f"entry {entry.id} of the spool in Redis, which this release cannot read" if entry.content else None
        return StoredBody(at, Source.RETELL, "", entry.content, reason)
    source, event_id, body = record
    known, missing_key = find_webhook_source(source) or Source.RETELL, None
    try:
        body = decrypt_body(cipher, source, event_id, body)
    except DataKeyMissing as error:
        body, missing_key = b"", str(error)
    except DecryptionError:
        body = b""
    return StoredBody(at, known, event_id, body, missing_key)


def _references(body: StoredBody, entry: StreamEntry) -> set[str]:
    call_id = body.event_id.partition(":")[0].encode(errors="ignore")
    return {*words_of_body(body.payload or entry.content), *words_of_body(call_id)}
