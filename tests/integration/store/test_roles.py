"""The roles and rows that AdminStore keeps (requirement T1; contract §7)."""

import asyncpg
import pytest

from askproai_sandbox.databases import Database


async def test_a_tenant_connects_with_its_password_and_with_no_other(database: Database) -> None:
    salon = await database.tenant_store("salon")
    connection = await asyncpg.connect(salon.dsn)
    assert await connection.fetchval("SELECT current_user") == salon.role
    assert await connection.fetchval("SELECT tenant FROM tenants") == salon.tenant
    await connection.close()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(database.admin.tenant_dsn(salon.tenant, "wrong"))
