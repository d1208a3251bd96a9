"""The cost of a tenant's check in PostgreSQL's statements: each Tenant has one check a minute, and a new one some more."""

import pytest

from askproai_operator.store.admin import AdminStore
from tests.worlds.databases import Database
from tests.worlds.statements import record_statements

pytestmark = pytest.mark.nightly

SALON = ("salon.salon", "uid-salon", "password-of-salon")
ANNA, MEHMET = ("mitte", "anna", 1), ("mitte", "mehmet", 1)


async def test_unchanged_tenant_takes_four_statements_without_a_lock(database: Database, monkeypatch) -> None:
    """Schema, row, login and resources, each read by one."""
    statements = record_statements(monkeypatch)
    admin = AdminStore(database.dsn)

    async def ensure(*resources: tuple[str, str, int]) -> list[str]:
        statements.clear()
        await admin.prepare()
        await admin.ensure_tenant(*SALON, connection_limit=5, verify_password=False)
        await admin.ensure_resources(SALON[0], resources)
        return [each for each in statements if each != "DISCARD PLANS"]

    try:
        await ensure(ANNA)
        repeated = await ensure(ANNA)
        assert len(repeated) == 4, repeated
        assert all(each.lstrip().startswith("SELECT") and "FOR " not in each for each in repeated), repeated
        assert len(await ensure(ANNA, MEHMET)) > 4
        assert len(await ensure(MEHMET)) > 4, "one that left is to be switched off"
        assert len(await ensure(MEHMET)) == 4
    finally:
        await admin.close()
