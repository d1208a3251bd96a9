"""The copy of a book in a database: equal to the live one after each copy, and within reach of its shadow alone."""

import asyncpg
import pytest

from askproai_operator.store.shadows import shadow_name
from tests.worlds.databases import Database, TenantStore

pytestmark = pytest.mark.nightly

COMPARED = ("call_actions", "appointments", "customers", "calls", "free_times")


async def make_shadow(database: Database, live: TenantStore) -> tuple[TenantStore, dict[int, int]]:
    ids = await database.admin.ensure_shadow(live.tenant, live.uid, "password-of-shadow", 5)
    name = shadow_name(live.tenant)
    dsn = database.admin.tenant_dsn(name, "password-of-shadow")
    return TenantStore(name, live.uid, database.admin.role_name(name), dsn, {}), dict(ids)


async def book(conn: asyncpg.Connection, tenant: str, resource: int, day: int, phone: str = "+4915100001") -> None:
    await conn.execute(
        f"""WITH c AS (INSERT INTO customers (tenant, phone, name) VALUES ('{tenant}', '{phone}', 'Mia')
                ON CONFLICT (tenant, phone) DO UPDATE SET name = 'Mia' RETURNING id),
            a AS (INSERT INTO appointments (tenant, branch, service, staff, customer_id, starts_at, ends_at, status, call_id,
                    correlation_id)
                SELECT '{tenant}', 'mitte', 'cut', 'anna', c.id, '2030-01-0{day} 10:00Z', '2030-01-0{day} 11:00Z', 'confirmed',
                    'call_{day}', 'corr' FROM c RETURNING id)
            INSERT INTO claims (tenant, appointment_id, resource_id, blocks, state, place)
            SELECT '{tenant}', a.id, {resource}, tstzrange('2030-01-0{day} 10:00Z', '2030-01-0{day} 11:00Z'), 'booked', 1 FROM a"""
    )


async def read(superuser: asyncpg.Connection, tenant: str) -> dict[str, list[str]]:
    """Return all copied rows of a tenant as text, without the values that the copy replaces."""
    found = {}
    for table in COMPARED:
        rows = await superuser.fetch(f"SELECT to_jsonb(t) - 'tenant' AS row FROM {table} t WHERE tenant = $1", tenant)
        found[table] = sorted(row["row"] for row in rows)
    for table in ("claims", "refusals"):
        rows = await superuser.fetch(
            f"""SELECT to_jsonb(t) - 'tenant' - 'resource_id' || jsonb_build_object('of', r.branch || r.staff || r.unit) AS row
                FROM {table} t JOIN resources r ON r.id = t.resource_id WHERE t.tenant = $1""",
            tenant,
        )
        found[table] = sorted(row["row"] for row in rows)
    return found


async def test_copy_is_equal_after_changes_on_both_sides(database: Database) -> None:
    live, other = await database.create_tenant("salon"), await database.create_tenant("other")
    shadow, ids = await make_shadow(database, live)
    anna = live.resources["mitte", "anna", 1]
    assert ids.keys() == set(live.resources.values())
    superuser = await asyncpg.connect(database.superuser_dsn)
    theirs = await asyncpg.connect(live.dsn)
    own = await asyncpg.connect(shadow.dsn)
    await book(theirs, live.tenant, anna, 1)
    await theirs.execute(
        f"""INSERT INTO refusals (tenant, resource_id, starts_at, ends_at, until)
            VALUES ('{live.tenant}', {anna}, '2030-01-05Z', '2030-01-06Z', 'infinity');
            INSERT INTO calls (tenant, call_id, status, correlation_id, transcript)
            VALUES ('{live.tenant}', 'call_1', 'ongoing', 'corr', NULL);
            INSERT INTO free_times (tenant, event_type_id, day) VALUES ('{live.tenant}', 7, '2030-01-01');
            INSERT INTO call_actions (tenant, call_id, key, state, lease_until, appointment_id)
            SELECT tenant, 'call_1', 'book', 'done', now(), id FROM appointments WHERE tenant = '{live.tenant}'"""
    )
    await book(await asyncpg.connect(other.dsn), other.tenant, other.resources["mitte", "anna", 1], 1)
    untouched = await read(superuser, live.tenant), await read(superuser, other.tenant)
    assert await own.fetchval("SELECT copy_live_book(false) ->> 'appointments'") == "1"
    assert await read(superuser, shadow.tenant) == untouched[0]

    # The shadow books, cancels what was copied, and renames its customer; the next copy takes all of that back.
    await book(own, shadow.tenant, ids[anna], 2, "+4915100002")
    await own.execute("UPDATE appointments SET status = 'cancelled' WHERE call_id = 'call_1'")
    await own.execute("UPDATE claims SET state = 'released' WHERE block_start = '2030-01-01 10:00Z'")
    await own.execute("UPDATE customers SET name = 'Zoe'")
    await book(theirs, live.tenant, anna, 3)  # meanwhile somebody books
    expected = await read(superuser, live.tenant)
    await own.fetchval("SELECT copy_live_book(false)")
    assert await read(superuser, shadow.tenant) == expected
    assert set((await own.fetchval("SELECT copy_live_book(false)")).strip("{}").replace(" ", "").split(",")) == {
        f'"{table}":0' for table in (*COMPARED, "claims", "refusals", "verifications", "host_free_times")
    }
    await own.fetchval("SELECT copy_live_book(true)")
    assert await read(superuser, shadow.tenant) == expected
    assert await read(superuser, other.tenant) == untouched[1]

    for forbidden in (
        "copy_live_book(false)",
        "copy_live_appointments('{}', '{}')",
        "copy_live_rows('claims', 'a', 'b', true, true, NULL)",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await theirs.fetchval(f"SELECT {forbidden}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await own.fetchval("SELECT copy_live_rows('claims', 'other.other', 'salon.salon', true, true, NULL)")
    assert await own.fetchval("SELECT count(*) FROM appointments WHERE tenant <> $1", shadow.tenant) == 0

    await database.admin.drop_shadow(live.tenant)
    assert await superuser.fetchval("SELECT count(*) FROM tenants WHERE shadow_of IS NOT NULL") == 0
    assert await read(superuser, live.tenant) == expected


async def test_role_without_rows_is_dropped_with_its_shadow(database: Database) -> None:
    """Another process has deleted the rows while the login was made."""
    live = await database.create_tenant("salon")
    shadow, _ = await make_shadow(database, live)
    superuser = await asyncpg.connect(database.superuser_dsn)
    for table in ("resources", "tenants"):
        await superuser.execute(f"DELETE FROM {table} WHERE tenant = $1", shadow.tenant)
    await database.admin.drop_shadow(live.tenant, live.uid)
    assert not await superuser.fetchval("SELECT count(*) FROM pg_roles WHERE rolname = $1", shadow.role)


async def test_copying_live_appointments_replaces_the_shadows_bookings(database: Database) -> None:
    live = await database.create_tenant("salon")
    shadow, ids = await make_shadow(database, live)
    anna, mehmet = live.resources["mitte", "anna", 1], live.resources["mitte", "mehmet", 1]
    superuser = await asyncpg.connect(database.superuser_dsn)
    theirs, own = await asyncpg.connect(live.dsn), await asyncpg.connect(shadow.dsn)
    await own.fetchval("SELECT copy_live_book(false)")
    await book(theirs, live.tenant, anna, 1, "+4915100009")  # a new customer in both, and another staff member
    await book(own, shadow.tenant, ids[mehmet], 1, "+4915100009")
    await book(own, shadow.tenant, ids[anna], 2, "+4915100010")  # it stays
    chosen, instead = [
        await conn.fetchval("SELECT id FROM appointments WHERE call_id = 'call_1'") for conn in (theirs, own)
    ]
    await own.execute("SELECT copy_live_appointments($1, $2)", [chosen], [instead])
    kept = await read(superuser, live.tenant)
    copied = await read(superuser, shadow.tenant)
    assert set(kept["appointments"]) < set(copied["appointments"])
    assert set(kept["claims"]) < set(copied["claims"])
    assert len(copied["appointments"]) == 2
    await own.fetchval("SELECT copy_live_book(false)")
    assert await read(superuser, shadow.tenant) == kept
