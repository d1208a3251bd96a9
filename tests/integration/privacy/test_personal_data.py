"""Every column that may hold a caller's words is in the registry, and the registry's statements about it are true."""

import re

import pytest

from askproai_operator.store.tenant_tables import TENANT_TABLES
from askproai_runtime.coordinator.store import RETENTION_STATEMENTS
from askproai_runtime.encryption import Place
from askproai_runtime.privacy import CallerExport
from askproai_runtime.privacy.store.rows import ERASING
from tests.worlds.databases import Database
from tests.worlds.personal_data import IMPERSONAL, PERSONAL, Erasure
from tests.worlds.rows import each_row
from tests.worlds.tenant_rows import connected

# Columns that can hold words or identify a person. Numbers, times and booleans cannot.
_COLUMNS = """
SELECT c.relname AS table_name, a.attname AS column_name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
  AND format_type(a.atttypid, -1) ~ '^(text|character|name|json|bytea|date|hstore|xml|inet|citext)'
"""
_AGED_BY_PERSON = {"appointments": ("appointment_days",), "customers": ("customer_days",)}  # by statements of their own


async def test_personal_data_registry_decides_about_every_column(module_database: Database) -> None:
    async with connected(module_database.superuser_dsn) as conn:
        found = {(row["table_name"], row["column_name"]) for row in await conn.fetch(_COLUMNS)}
    personal = {(table, column) for table, each in PERSONAL.items() for column in each.columns}
    others = [
        (table, column) for table, reasons in IMPERSONAL.items() for columns in reasons.values() for column in columns
    ]
    assert len(others) == len(set(others))
    assert not personal & set(others)
    assert personal | set(others) == found, "decide in askproai_core/database/personal_data.py"


@each_row("table", PERSONAL)
async def test_declared_refusal_trigger_exists_on_its_table(module_database: Database, table: str) -> None:
    refused = PERSONAL[table].refused
    async with connected(module_database.superuser_dsn) as conn:
        triggers = await conn.fetch("SELECT tgname FROM pg_trigger WHERE tgrelid = $1::regclass", table)
    kept_out = {row["tgname"] for row in triggers if row["tgname"].startswith("keep_no_")}
    assert kept_out == ({refused} if isinstance(refused, str) else set())


@pytest.mark.parametrize("table", PERSONAL)
def test_erasure_covers_each_personal_table(table: str) -> None:
    personal = PERSONAL[table]
    found = [sql for sql in ERASING.values() if re.match(rf"\s*(DELETE FROM|UPDATE) {table}\b", sql)]
    if personal.erased is Erasure.DELETED:
        assert any(sql.lstrip().startswith("DELETE") for sql in found)
    elif personal.erased is Erasure.EMPTIED:
        assert any(all(re.search(rf"\b{each} = (NULL|'')", sql) for each in personal.columns) for sql in found)
    else:
        assert not found


@pytest.mark.parametrize("table", PERSONAL)
def test_export_covers_each_personal_table(table: str) -> None:
    exported = PERSONAL[table].exported
    assert not isinstance(exported, str) or exported in CallerExport.__struct_fields__


@pytest.mark.parametrize("table", PERSONAL)
def test_retention_covers_each_personal_table(table: str) -> None:
    found = {days for days, sql in RETENTION_STATEMENTS if re.search(rf"(DELETE FROM|UPDATE) {table}\b", sql)}
    found |= set(_AGED_BY_PERSON.get(table, ()))
    aged = PERSONAL[table].aged
    assert found == (set(aged) if isinstance(aged, tuple) else set())


def test_encrypted_tables_are_those_of_the_cipher() -> None:
    assert {table for table, each in PERSONAL.items() if isinstance(each.encrypted, tuple)} == set(Place)


def test_registry_has_every_table_of_tenants() -> None:
    assert set(TENANT_TABLES) <= PERSONAL.keys() | IMPERSONAL.keys()


async def test_login_deletes_personal_rows_only(module_database: Database) -> None:
    """A pod deletes what an erasure needs, and what was never promised: a hold and its claims."""
    tenant = await module_database.create_tenant("salon")
    deletes = "SELECT relname FROM pg_class WHERE relkind = 'r' AND has_table_privilege(oid, 'DELETE')"
    async with connected(tenant.dsn) as conn:
        found = {row["relname"] for row in await conn.fetch(deletes) if not row["relname"].startswith("pg_")}
    assert found - {"appointments", "claims"} <= {
        table for table, each in PERSONAL.items() if each.erased is Erasure.DELETED
    }
