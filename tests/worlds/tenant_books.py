"""All rows of one tenant in a database, in a form that can be compared between databases."""

import json
from collections.abc import Mapping
from typing import Any

import asyncpg

from askproai_operator.store.tenant_tables import TENANT_COLUMNS, Origin

Books = Mapping[str, list[str]]
"""The rows by table, each as sorted JSON."""

# By the catalog, so that a table which somebody forgets is missing in a copy and not in the comparison.
_TABLES = """SELECT table_name FROM information_schema.columns
             WHERE column_name = 'tenant' AND table_schema = 'public' ORDER BY table_name"""
# The ids of resources are unique among all tenants of a database, so a row is known by whose time it is.
_RESOURCES = "SELECT id, branch, staff, unit FROM resources WHERE tenant = $1"
_OF_DATABASE = {"tenants": {name for name, origin in TENANT_COLUMNS.items() if origin is not Origin.FILE}}
_OF_A_MOVE = {"tenant.exported", "tenant.imported", "data_adopted"}  # actions of the audit log


async def read_books(conn: asyncpg.Connection, tenant: str) -> Books:
    """Return all rows of a tenant, as a superuser reads them."""
    resources = {
        row["id"]: f"{row['branch']}/{row['staff']}/{row['unit']}" for row in await conn.fetch(_RESOURCES, tenant)
    }
    books: dict[str, list[str]] = {}
    for table in [row["table_name"] for row in await conn.fetch(_TABLES)]:
        rows = await conn.fetch(f"SELECT to_jsonb(t)::text AS row FROM public.{table} t WHERE tenant = $1", tenant)
        found = [json.loads(row["row"]) for row in rows]
        found = [row for row in found if table != "audit_log" or row["action"] not in _OF_A_MOVE]
        books[table] = sorted(json.dumps(_comparable(table, row, resources), sort_keys=True) for row in found)
    return books


def _comparable(table: str, row: dict[str, Any], resources: Mapping[int, str]) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if name not in _OF_DATABASE.get(table, ())}
    references = ("id", "person_row") if table == "resources" else ("resource_id",)
    return kept | {name: resources[kept[name]] for name in references if kept.get(name) is not None}
