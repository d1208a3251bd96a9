"""A tenant's stored bodies, as the stores' owner and as its pods read them; and keys for its pods."""

from datetime import UTC, datetime, timedelta

import asyncpg

from askproai_core.data_keys import DataKey, new_data_key
from askproai_runtime.calls.texts import read_call_texts, read_said
from askproai_runtime.encryption import BodyCipher, DecryptionError
from askproai_runtime.intake import decrypt_body
from tests.worlds.personal_data import PERSONAL

TABLES = [table for table, each in PERSONAL.items() if isinstance(each.encrypted, tuple)]


def old_key() -> DataKey:
    """Return a key that is old enough for all pods to know it."""
    return new_data_key(datetime.now(UTC) - timedelta(hours=1))


async def stored_text(db: asyncpg.Connection, tenant: str, *tables: str) -> str:
    """Return the rows of tables as one text. A body of bytes that is text is included as text, too."""
    parts = []
    for table in tables or TABLES:
        rows = await db.fetch(f"SELECT to_jsonb(t)::text AS row FROM {table} t WHERE tenant = $1", tenant)
        parts += [row["row"] for row in rows]
    rows = await db.fetch("SELECT payload FROM webhook_events WHERE tenant = $1", tenant)
    return "\n".join([*parts, *(row["payload"].decode(errors="replace") for row in rows)])


async def decrypted_text(db: asyncpg.Connection, tenant: str, cipher: BodyCipher) -> str:
    """Return the decrypted text of those columns, as the pods read it."""
    parts = list[object]()
    for row in await db.fetch("SELECT source, event_id, payload FROM webhook_events WHERE tenant = $1", tenant):
        try:
            parts.append(decrypt_body(cipher, *row).decode(errors="replace"))
        except DecryptionError:
            continue
    for row in await db.fetch("SELECT call_id, transcript, analysis FROM calls WHERE tenant = $1", tenant):
        parts.append(read_call_texts(cipher, *row))
    columns = "SELECT call_id, at, function, arguments, answer FROM function_requests WHERE tenant = $1"
    for row in await db.fetch(columns, tenant):
        try:
            parts.append(read_said(cipher, *row))
        except DecryptionError:
            continue
    return "\n".join(map(str, parts))
