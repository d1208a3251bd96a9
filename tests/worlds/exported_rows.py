"""The rows of one export by table, unchanged or edited by hand."""

import itertools
from collections.abc import AsyncIterator, Mapping
from typing import Self

from askproai_cli.tenant_move.store import open_tenant_rows
from tests.worlds.databases import Database, TenantStore


class BrokenOff(Exception):
    pass


class ExportedRows:
    def __init__(self) -> None:
        self.owner = ""
        self.tables: dict[str, tuple[tuple[str, ...], list[bytes]]] = {}

    async def read(self, database: Database, tenant: TenantStore) -> None:
        async with open_tenant_rows(database.dsn) as rows:
            self.owner = await rows.retire(tenant.tenant, tenant.uid)
            async with rows.snapshot(tenant.tenant, self.owner) as snapshot:
                for table in snapshot.tables:
                    chunks: list[bytes] = []

                    async def write(chunk: bytes, chunks: list[bytes] = chunks) -> None:
                        chunks.append(bytes(chunk))

                    await snapshot.copy(table, write)
                    self.tables[table] = (await snapshot.columns_of(table), chunks)

    async def write(self, database: Database, tenant: str, *, tables: int | None = None) -> None:
        """Import the rows, or only the first `tables` tables if a test interrupts the import."""
        async with open_tenant_rows(database.dsn) as rows, rows.insertion(tenant, self.owner) as insertion:
            for table, (columns, chunks) in itertools.islice(self.tables.items(), tables):
                await insertion.stage(table, columns, each_of(chunks))
            if tables is not None:
                raise BrokenOff
            await insertion.finish()

    def columns(self) -> Mapping[str, tuple[str, ...]]:
        return {table: columns for table, (columns, _) in self.tables.items()}

    def first(self, table: str, column: str) -> bytes:
        """Return the value of a column in the first row of a table."""
        columns, chunks = self.tables[table]
        return b"".join(chunks).split(b"\n")[0].split(b"\t")[columns.index(column)]

    def set(self, table: str, column: str, value: str) -> None:
        """Write a value into a column of all rows of a table."""
        columns, chunks = self.tables[table]
        at = columns.index(column)
        lines = [line.split(b"\t") for line in b"".join(chunks).splitlines()]
        for fields in lines:
            fields[at] = value.encode()
        self.tables[table] = (columns, [b"\t".join(fields) + b"\n" for fields in lines])

    def renamed(self, before: str, after: str) -> Self:
        """Return the same rows under another tenant's name."""
        copy, written = self.copy(), after.replace("\n", "\\n")
        copy.tables = {
            table: (columns, [chunk.replace(before.encode(), written.encode()) for chunk in chunks])
            for table, (columns, chunks) in self.tables.items()
        }
        return copy

    def copy(self) -> Self:
        copy = type(self)()
        copy.owner, copy.tables = self.owner, dict(self.tables)
        return copy


async def each_of(chunks: list[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
