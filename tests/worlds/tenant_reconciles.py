"""What tests of the Tenant controller share: rows of the database, reconciles and events of a namespace."""

from typing import Any

import asyncpg

from askproai_operator.engine import Key
from askproai_sandbox.databases import Database
from tests.worlds.operator_environment import TenantNamespace
from tests.worlds.waiting import eventually

SOON = 10.0  # seconds


async def rows(database: Database, sql: str, *values: Any) -> list[Any]:
    connection = await asyncpg.connect(database.superuser_dsn)
    try:
        return await connection.fetch(sql, *values)
    finally:
        await connection.close()


async def reconcile_twice(namespace: TenantNamespace) -> None:
    """Requeue the Tenant twice, and wait until the second reconcile has ended."""
    context, key = namespace.operator.context, Key("Tenant", namespace.name, "salon-mueller")
    sent = len(namespace.operator.retell.journal.entries)
    for n in (1, 2):
        namespace.operator.queue.add(key)
        await eventually(lambda n=n: len(namespace.operator.retell.journal.entries) >= sent + n, SOON, "a reconcile")
    await eventually(lambda: key not in namespace.operator.queue._processing, SOON, "its end")
    assert context.cache.get(key) is not None


async def has_event(namespace: TenantNamespace, event: tuple[str, str]) -> bool:
    return event in await namespace.events()
