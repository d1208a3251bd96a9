"""How long a tenant of a few years is away while it moves: `python -m tests.load.tenant_move`.

It fills one database by SQL, and reads and writes the file as `askproai tenant export` and `import` do, without a cluster: what is
left of a move is a handful of requests to it, and the start of the pods.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

import asyncpg
import typer

from askproai_cli.tenant_move.archive import open_reader, open_writer
from askproai_core.database import open_tenant_rows
from askproai_sandbox.databases import Database, TenantStore, fresh_database
from askproai_sandbox.postgres import EmbeddedPostgres
from tests.worlds.grown_tenant import Size, grow
from tests.worlds.tenant_books import read_books

_PASSPHRASE = "correct horse battery"


async def _fill(database: Database, size: Size) -> TenantStore:
    tenant = await database.create_tenant("salon")
    conn = await asyncpg.connect(database.superuser_dsn)
    try:
        await grow(conn, tenant, size)
    finally:
        await conn.close()
    return tenant


async def _export(database: Database, tenant: TenantStore, path: Path) -> tuple[str, int]:
    async with open_tenant_rows(database.dsn) as rows:
        owner = await rows.retire(tenant.tenant, tenant.uid)
        with open_writer(path, _PASSPHRASE) as writer:
            async with rows.snapshot(tenant.tenant, owner) as snapshot:
                counts: dict[str, int] = {}
                for table in snapshot.tables:
                    writer.document({"table": table, "columns": await snapshot.columns_of(table)})
                    counts[table] = await snapshot.copy(table, writer.rows)
            writer.document({"rows": counts}, is_last=True)
    return owner, sum(counts.values())


async def _import(database: Database, tenant: TenantStore, owner: str, path: Path) -> None:
    async with open_tenant_rows(database.dsn) as rows, rows.insertion(tenant.tenant, owner) as insertion:
        with open_reader(path, _PASSPHRASE) as reader:
            while "table" in (document := reader.document()):
                await insertion.stage(document["table"], tuple(document["columns"]), reader.rows())
            await insertion.finish()


async def _books(database: Database, tenant: TenantStore) -> object:
    conn = await asyncpg.connect(database.superuser_dsn)
    try:
        return await read_books(conn, tenant.tenant)
    finally:
        await conn.close()


async def measure(size: Size) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = EmbeddedPostgres(folder / "postgres", durable=True)
        await server.start()
        try:
            async with fresh_database(server) as source, fresh_database(server) as destination:
                tenant = await _fill(source, size)
                path = folder / "salon.askproai"
                began = time.monotonic()
                owner, rows = await _export(source, tenant, path)
                exported = time.monotonic()
                await _import(destination, tenant, owner, path)
                imported = time.monotonic()
                assert await _books(destination, tenant) == await _books(source, tenant)
                megabytes = path.stat().st_size / 1e6
                typer.echo(
                    f"{size.appointments:,} appointments, {size.events:,} events: {rows:,} rows, {megabytes:.0f} MB"
                )
                typer.echo(f"export {exported - began:.1f} s, import {imported - exported:.1f} s; both books are equal")
        finally:
            await server.remove()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--appointments", type=int, default=10_000)
    parser.add_argument("--events", type=int, default=100_000)
    arguments = parser.parse_args()
    size = Size(arguments.events, arguments.appointments, arguments.appointments // 10)
    asyncio.run(measure(size))
