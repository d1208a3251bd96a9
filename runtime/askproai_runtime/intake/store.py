"""The table of stored events: store events with their jobs, load the event of a job, and note why an event had no effect.

`EventStore.write` runs two statements, each for a whole flush (`flush.py`): the first inserts events and jobs together, the
second looks up duplicates and re-arms a job that was lost. An event is acknowledged only after the first has committed.
"""

import asyncio
import contextlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import asyncpg
import structlog

from askproai_core.database import Connection, Pool
from askproai_runtime.encryption import BodyCipher, DecryptionError, Place, is_encrypted
from askproai_runtime.intake.senders import IncomingEvent, Source
from askproai_runtime.jobs import Priority

log = structlog.get_logger(__name__)

# A condition for the stored events of the call `$2`, as a range of the unique index. An event's id is `<call id>:<event type>`.
# Many collations sort ';' before ':', or compare signs last, so the range ends after the types, and the prefix is compared byte
# by byte. The last letter is z; in Estonian, where z comes before t, it is y.
EVENTS_OF_CALL = (
    "source = 'retell' AND event_id >= $2 || ':' AND event_id < greatest($2 || ':zz', $2 || ':yy')"
    " AND starts_with(event_id, $2 || ':')"
)

# One statement, which is a transaction of its own. Its rows are sorted by key, so that two pods that store the same events take
# their locks in the same order and cannot deadlock.
_INSERT = """
WITH incoming AS (
    SELECT * FROM unnest($3::text[], $4::text[], $5::text[], $6::bytea[], $7::text[], $8::timestamptz[], $9::text[])
        AS i (source, event_id, event_type, payload, correlation_id, received_at, traceparent)
), stored AS (
    INSERT INTO webhook_events (tenant, source, event_id, event_type, payload, correlation_id, received_at)
    SELECT $1, source, event_id, event_type, payload, correlation_id, coalesce(received_at, clock_timestamp()) FROM incoming
    ON CONFLICT (tenant, source, event_id) DO NOTHING
    RETURNING id, source, event_id, correlation_id
), queued AS (
    INSERT INTO jobs (tenant, kind, priority, event_id, correlation_id, traceparent)
    SELECT $1, 'webhook-event', $2, stored.id, stored.correlation_id, traceparent FROM stored JOIN incoming USING (source, event_id)
)
SELECT id, source, event_id, correlation_id FROM stored
"""

# Only an undecided event without a live job is re-armed. A job is live while it is ready (which includes a retry in five
# minutes) or running within its lease. A worker may be finishing it at this moment: both rows are locked, the job first as
# everywhere, and their committed state is checked again before anything changes.
_REARM = """
WITH delivered AS (
    SELECT * FROM unnest($3::text[], $4::text[]) AS d (source, event_id)
), duplicate AS (
    SELECT e.id, e.source, e.event_id, e.correlation_id, e.status
    FROM delivered d JOIN webhook_events e ON e.tenant = $1 AND e.source = d.source AND e.event_id = d.event_id
), lost AS (
    SELECT j.id FROM delivered d
    JOIN webhook_events e ON e.tenant = $1 AND e.source = d.source AND e.event_id = d.event_id
    JOIN jobs j ON j.tenant = $1 AND j.event_id = e.id
    WHERE e.status IN ('received', 'processing', 'failed')
      AND (j.state IN ('done', 'dead') OR j.state = 'running' AND j.lease_until <= clock_timestamp())
    ORDER BY j.id FOR NO KEY UPDATE OF j, e
), rearmed AS (
    UPDATE jobs j SET state = 'ready', run_at = clock_timestamp(), claim_no = j.claim_no + 1, lease_until = NULL,
                      worker = NULL, finished_at = NULL
    FROM lost WHERE j.tenant = $1 AND j.id = lost.id
    RETURNING j.event_id
), replaced AS (
    INSERT INTO jobs (tenant, kind, priority, event_id, correlation_id)
    SELECT $1, 'webhook-event', $2, e.id, e.correlation_id FROM duplicate e
    WHERE e.status IN ('received', 'processing', 'failed')
      AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.tenant = $1 AND j.event_id = e.id)
    ON CONFLICT DO NOTHING
    RETURNING event_id
)
SELECT id, source, event_id, correlation_id,
       id IN (SELECT event_id FROM rearmed UNION ALL SELECT event_id FROM replaced) AS armed
FROM duplicate
"""

# `synchronous_commit = off`: the commit need not wait for the disk. If the server dies within the next half second, effects and
# job are undone together and the job runs again (measured: 1.6 times as many jobs). The claim of the job before, and the
# acknowledgement of the event, do wait (docs/decisions/0004-events-are-processed-with-asynchronous-commit.md).
_LOAD = """
SELECT source, event_id, event_type, payload, correlation_id, received_at FROM webhook_events,
       LATERAL set_config('synchronous_commit', 'off', true) WHERE tenant = $1 AND id = $2
"""

# OFFSET 0 makes PostgreSQL search by the primary key. Without statistics an index on tenant and source looks as selective, and
# would read every event of the source.
_LOAD_MANY = """
SELECT e.* FROM unnest($2::bigint[]) AS wanted (id) CROSS JOIN LATERAL (
    SELECT id, source, event_id, event_type, payload, correlation_id, received_at FROM webhook_events
    WHERE tenant = $1 AND id = wanted.id OFFSET 0
) e, LATERAL set_config('synchronous_commit', 'off', true)
WHERE e.source = $3 AND octet_length(e.payload) <= $4
"""


# The trigger `empty_erased_event` looks for erased bookings in plain bodies. We look in encrypted ones, right before they are
# stored; later passes of an erasure do the rest.
_HAS_ERASED_BOOKINGS = "SELECT EXISTS (SELECT FROM erased_references WHERE tenant = $1 AND kind = 'booking')"
_ERASED_BOOKINGS = """
SELECT reference FROM erased_references WHERE tenant = $1 AND kind = 'booking' AND reference = ANY($2)
"""
# The words of a body as that trigger splits them: escapes of JSON separate words.
_BETWEEN_WORDS = re.compile(rb"(?:\\(?:u[0-9A-Fa-f]{4}|.)|[^A-Za-z0-9_-])+", re.DOTALL)
_SHORTEST_WORD, _LONGEST_WORD = 8, 500
_LONG_BODY = 64 * 1024  # other requests must not wait for it


async def record_refused_signature(
    pool: Pool, tenant: str, verdict: str, seconds_ahead: int | None, correlation_id: str
) -> None:
    """Record in the audit log that a request of one of the tenant's own calls was refused, and why. `seconds_ahead`: by how much
    the signed time is after ours, if that is the reason.
    """
    await pool.execute(
        """INSERT INTO audit_log (tenant, actor, action, detail, correlation_id)
           VALUES ($1, 'unverified', 'signature.refused',
                   jsonb_strip_nulls(jsonb_build_object('reason', $2::text, 'seconds', $3::bigint)), $4)""",
        tenant, verdict, seconds_ahead, correlation_id,
    )  # fmt: skip


# The note of an event that came after its caller was erased; its trigger has it, too.
ERASED = "erased: its caller was"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The receipt for a delivered event. `id` and `correlation_id` are those of the event's first delivery.

    `id` is None if the event waits in the spool, where it is not known yet whether it is a duplicate.
    """

    id: int | None
    correlation_id: str
    duplicate: bool


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A stored event as its job reads it. `payload` is the raw body, decrypted."""

    source: str
    event_type: str
    payload: bytes
    correlation_id: str
    received_at: datetime

    @property
    def is_erased(self) -> bool:
        """Return True if the event was stored without a body, since its caller was erased. No sender sends an empty body."""
        return not self.payload

    @property
    def not_acted_on(self) -> str:
        """Return the note for an event that is only stored, because events of its type have no effect here."""
        return f"stored only: {self.source} {self.event_type} is not acted on"


class UnreadableBody(Exception):
    """The body of a stored event cannot be decrypted; `cause` is the reason."""

    def __init__(self, cause: DecryptionError, received_at: datetime) -> None:
        super().__init__(str(cause))
        self.cause, self.received_at = cause, received_at


class EventStore:
    """Stores the events of one tenant. Bodies are encrypted if `cipher` has an active key."""

    def __init__(self, pool: Pool, tenant: str, cipher: BodyCipher) -> None:
        self._pool = pool
        self._tenant = tenant
        self._cipher = cipher

    async def write(self, events: Sequence[IncomingEvent]) -> list[Receipt]:
        """Store all events in one commit, and return their receipts in the same order. Raises the errors of asyncpg."""
        first: dict[tuple[str, str], IncomingEvent] = {}
        for event in events:  # deliveries of one event may share a flush: the later ones are duplicates of the first
            first.setdefault((event.source, event.event_id), event)
        async with self._pool.acquire() as conn:
            erased = await self._find_erased(conn, first.values())
            columns = [
                (*key, event.event_type, b"" if key in erased else encrypt_body(self._cipher, event).payload,
                 event.correlation_id, event.received_at, event.traceparent)
                for key, event in sorted(first.items(), key=lambda item: item[0])
            ]  # fmt: skip
            rows = await conn.fetch(_INSERT, self._tenant, Priority.CRITICAL, *zip(*columns, strict=True))
            stored = {(row["source"], row["event_id"]): row for row in rows}
            inserted = frozenset(stored)
            known = [column[:2] for column in columns if column[:2] not in inserted]
            if known:
                duplicates = await conn.fetch(_REARM, self._tenant, Priority.CRITICAL, *zip(*known, strict=True))
                for row in duplicates:
                    stored[row["source"], row["event_id"]] = row
                    if row["armed"]:
                        log.info("event.rearmed", source=row["source"], id=row["id"])
        if len(stored) < len(first):
            text = "an event was neither new nor there: retention removed it meanwhile, its sender sends again"
            raise LookupError(text)
        receipts = []
        for event in events:
            key = (event.source, event.event_id)
            row, duplicate = stored[key], key not in inserted or first[key] is not event
            receipts.append(Receipt(row["id"], row["correlation_id"], duplicate))
        return receipts

    async def _find_erased(self, conn: Connection, events: Iterable[IncomingEvent]) -> set[tuple[str, str]]:
        """Return the source and id of calendar events whose bodies must not be stored, because their callers were erased."""
        # Plain bodies are checked by the trigger; only bodies encrypted before they waited in Redis are not.
        is_on = self._cipher.active_key is not None
        ours = [each for each in events if each.source == Source.CALCOM and (is_on or is_encrypted(each.payload))]
        if not ours or not await conn.fetchval(_HAS_ERASED_BOOKINGS, self._tenant):
            return set()
        found: set[tuple[str, str]] = set()
        for event in ours:
            try:
                body = self._cipher.decrypt(Place.EVENT, _reference(event.source, event.event_id), event.payload)
            except DecryptionError:  # from the spool, with a key that is gone: nobody can read it any more
                continue
            words = await asyncio.to_thread(words_of_body, body) if len(body) > _LONG_BODY else words_of_body(body)
            if await conn.fetch(_ERASED_BOOKINGS, self._tenant, words):
                found.add((event.source, event.event_id))
        return found

    async def accepts_writes(self) -> bool:
        """Return True if the database server accepts writes; a replica does not. Raises the errors of asyncpg."""
        return not await self._pool.fetchval("SELECT pg_is_in_recovery()")


def encrypt_body(cipher: BodyCipher, event: IncomingEvent) -> IncomingEvent:
    """Return the event with its body encrypted; unchanged if `cipher` has no active key."""
    body = cipher.encrypt(Place.EVENT, _reference(event.source, event.event_id), event.payload)
    return event if body is event.payload else replace(event, payload=body)


def decrypt_body(cipher: BodyCipher, source: str, event_id: str, payload: bytes) -> bytes:
    """Return the raw body of an event. Raises `DecryptionError`."""
    return cipher.decrypt(Place.EVENT, _reference(source, event_id), payload)


def _reference(source: str, event_id: str) -> str:
    """Return the text that binds an encrypted body to its event. It is known before the event's row has an id."""
    return f"{source}/{event_id}"


def words_of_body(body: bytes) -> list[str]:
    """Return the words of a body that are as long as an id of a call or a booking."""
    words = {word for word in _BETWEEN_WORDS.split(body) if _SHORTEST_WORD <= len(word) <= _LONGEST_WORD}
    return [word.decode() for word in words]


async def load_event(conn: Connection, tenant: str, event_id: int, cipher: BodyCipher) -> StoredEvent | None:
    """Return the stored event with this id, None if retention removed it. The caller's transaction then commits without waiting
    for the disk.

    Raises `UnreadableBody`.
    """
    row = await conn.fetchrow(_LOAD, tenant, event_id)
    return None if row is None else _to_event(row, cipher)


async def load_events(
    conn: Connection, tenant: str, event_ids: Sequence[int], source: str, max_bytes: int, cipher: BodyCipher
) -> dict[int, StoredEvent]:
    """Return a source's events by id. An event is left out if its stored body exceeds `max_bytes` or cannot be decrypted.

    The caller's transaction then commits without waiting for the disk.
    """
    found = {}
    for row in await conn.fetch(_LOAD_MANY, tenant, event_ids, source, max_bytes):
        with contextlib.suppress(UnreadableBody):
            found[row["id"]] = _to_event(row, cipher)
    return found


def _to_event(row: asyncpg.Record, cipher: BodyCipher) -> StoredEvent:
    try:
        body = decrypt_body(cipher, row["source"], row["event_id"], row["payload"])
    except DecryptionError as error:
        raise UnreadableBody(error, row["received_at"]) from error
    return StoredEvent(row["source"], row["event_type"], body, row["correlation_id"], row["received_at"])


async def is_stored(pool: Pool, tenant: str, source: str, event_id: str) -> bool:
    """Return True if an event with this id is stored."""
    found = "SELECT true FROM webhook_events WHERE tenant = $1 AND source = $2 AND event_id = $3"
    return bool(await pool.fetchval(found, tenant, source, event_id))


async def note_event(conn: Connection, tenant: str, event_id: int, note: str) -> None:
    """Store a note on an event: why it had no effect, or which part of it was left out."""
    await conn.execute("UPDATE webhook_events SET note = $3 WHERE tenant = $1 AND id = $2", tenant, event_id, note)
