"""Shared parts of the Tenant controller's tests: rows of the database, reconciles and events of a namespace."""

from typing import Any

import asyncpg

from askproai_operator.api import Key
from tests.worlds.databases import Database
from tests.worlds.operator_environment import TenantNamespace


async def rows(database: Database, sql: str, *values: Any) -> list[Any]:
    connection = await asyncpg.connect(database.superuser_dsn)
    try:
        return await connection.fetch(sql, *values)
    finally:
        await connection.close()


async def reconcile_twice(namespace: TenantNamespace) -> None:
    """Requeue the Tenant twice, and wait until the second reconcile has ended."""
    await namespace.operator.reconcile_again(Key("Tenant", namespace.name, "salon-mueller"))


async def has_event(namespace: TenantNamespace, event: tuple[str, str]) -> bool:
    return event in await namespace.events()
