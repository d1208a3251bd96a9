"""A tenant's login may delete only while an erasure is open, only its own rows, and never the record of the erasure."""

from uuid import uuid4

import asyncpg
import pytest

from askproai_runtime.coordinator.store import RETENTION_STATEMENTS
from tests.worlds.databases import Database, TenantStore

_CALL = "INSERT INTO calls (tenant, call_id, status, correlation_id) VALUES ($1, 'call_1', 'ended', 'c')"

ERASURE = "INSERT INTO erasures (tenant, id, caller) VALUES ($1, $2, '+4915100000001')"


async def login(store: TenantStore) -> asyncpg.Connection:
    return await asyncpg.connect(store.dsn)


async def test_pod_deletes_only_for_an_open_erasure(emptied_database: Database) -> None:
    first, second = [await emptied_database.create_tenant(name) for name in ("first", "second")]
    pod, other = await login(first), await login(second)
    try:
        for conn, store in ((pod, first), (other, second)):
            await conn.execute(_CALL, store.tenant)
        assert await pod.execute("DELETE FROM calls") == "DELETE 0"
        erasure = uuid4()
        await pod.execute(ERASURE, first.tenant, erasure)
        assert await other.execute("DELETE FROM calls") == "DELETE 0", "an erasure of another tenant opens nothing"
        assert await pod.execute("DELETE FROM calls") == "DELETE 1"
        assert await other.fetchval("SELECT count(*) FROM calls") == 1
        assert await other.fetchval("SELECT count(*) FROM erasures") == 0
        for statement in ("DELETE FROM erasures", "DELETE FROM erased_references", "DELETE FROM audit_log"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await pod.execute(statement)
        await pod.execute(
            "UPDATE erasures SET state = 'done', caller = NULL, finished_at = now() WHERE id = $1", erasure
        )
        await pod.execute(_CALL, first.tenant)
        assert await pod.execute("DELETE FROM calls") == "DELETE 0"
    finally:
        await pod.close()
        await other.close()


async def test_pod_cannot_backdate_or_fake_an_erasure(emptied_database: Database) -> None:
    store = await emptied_database.create_tenant("first")
    pod, owner = await login(store), await asyncpg.connect(emptied_database.superuser_dsn)
    try:
        for columns, values in (
            ("id, state, finished_at", "gen_random_uuid(), 'done', '2000-01-01'"),
            ("id, caller, recorded_at", "gen_random_uuid(), '+4915100000001', '2000-01-01'"),
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await pod.execute(f"INSERT INTO erasures (tenant, {columns}) VALUES ($1, {values})", store.tenant)
        erasure = uuid4()
        await pod.execute(ERASURE, store.tenant, erasure)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pod.execute("UPDATE erasures SET recorded_at = '2000-01-01'")
        refer = "INSERT INTO erased_references (tenant, kind, reference, erasure) VALUES ($1, 'booking', 'triggerEvent', $2)"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pod.execute(refer, store.tenant, uuid4())
        await pod.execute(refer, store.tenant, erasure)
        await pod.execute("UPDATE erasures SET state = 'done', caller = NULL, finished_at = '2000-01-01'")
        (forget,) = [each for _, each in RETENTION_STATEMENTS if each.startswith("DELETE FROM erasures ")]
        assert await owner.execute(forget, 100, store.tenant, 30) == "DELETE 0", "as old as the server says"
    finally:
        await pod.close()
        await owner.close()


async def test_erased_calls_event_is_stored_without_its_body(emptied_database: Database) -> None:
    first, second = [await emptied_database.create_tenant(name) for name in ("first", "second")]
    pod, other = await login(first), await login(second)
    insert = """INSERT INTO webhook_events (tenant, source, event_id, event_type, payload, correlation_id)
                VALUES ($1, $2, $3, 'x', $4, 'c') RETURNING payload"""
    refer = "INSERT INTO erased_references (tenant, kind, reference, erasure) VALUES ($1, $2, $3, $4)"
    try:
        erasure = uuid4()
        await pod.execute(ERASURE, first.tenant, erasure)
        for kind, reference in (("call", "call_1"), ("booking", "uid-of-a-booking")):
            await pod.execute(refer, first.tenant, kind, reference, erasure)
        events = {
            ("retell", "call_1:call_ended"): b"", ("retell", "call_12:call_ended"): b"call_1",
            ("calcom", "a"): b"", ("calcom", "b"): b'{"uid": "another"}', ("stripe", "c"): b"uid-of-a-booking",
        }  # fmt: skip
        sent = {"call_1:call_ended": b"Zora", "a": b'{"uid": "uid-of-a-booking"}'}
        uid = b"uid-of-a-booking"
        around = {
            b'"\\n%b"': True, b'"\\u00e4%b"': True, "ä%b".encode(): True, b"\xff\x00%b": True, b"/%b?x": True,
            b"x%b": False, b"%b2": False, b"%b-": False, b"%b_attendee": False, b"\xff\x00 %bx": False, b"\\": False,
        }  # fmt: skip
        for number, (pattern, is_emptied) in enumerate(around.items()):
            body = pattern.replace(b"%b", uid)
            stored = await pod.fetchval(insert, first.tenant, "calcom", f"around_{number}", body)
            assert stored == (b"" if is_emptied else body), body
        for (source, event_id), stored in events.items():
            body = sent.get(event_id, stored)
            assert await pod.fetchval(insert, first.tenant, source, event_id, body) == stored, event_id
            assert await other.fetchval(insert, second.tenant, source, event_id, body) == body, "another tenant's"
    finally:
        await pod.close()
        await other.close()
