"""Move all rows of one tenant to another database: `askproai tenant export` and `askproai tenant import`.

The rows are read in one snapshot and written in one transaction. Before, `retire` takes them from their Tenant and ends its
login, so that no process of the tenant can add a row that the file lacks (docs/decisions/0117-moving-a-tenant.md).
"""

import secrets
from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from askproai_core.database import Connection, DatabaseError, read_applied, refuse_other_history, shipped_migrations
from askproai_operator.login_urls import database_name
from askproai_operator.store.login_roles import drop_login, tenant_role_name
from askproai_operator.store.resources import TenantNotFound
from askproai_operator.store.row_owners import DataOwnedByOther
from askproai_operator.store.tenant_tables import (
    TENANT_COLUMNS,
    TENANT_TABLES,
    Origin,
    exported_owner,
    find_export_id,
    is_key_of_tenant,
    uid_of_owner,
)

# The output of COPY depends on these settings.
_TEXT_FORMAT: Final = "SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'; SET LOCAL bytea_output = 'hex'"
_TABLES_OF_TENANTS: Final = """
SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace AND a.attname = 'tenant' AND NOT a.attisdropped
"""
_COLUMNS: Final = """
SELECT attname::text FROM pg_attribute
WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum
"""
_RESOURCE_COLUMN: Final = "resource_id"  # refers to `resources`, whose ids are unique among all tenants
_ROOM: Final = 1000  # ids that other tenants may take during an import
_HIGHEST: Final = 2**62  # of ids in a file: all tenants need the rest of the sequence
_IDENTITY: Final = "SELECT pg_get_serial_sequence(quote_ident($1::text), 'id')"
_RETIRE: Final = """
WITH retired AS (UPDATE tenants SET uid = $2, retell_key_hash = '' WHERE tenant = $1)
INSERT INTO audit_log (tenant, actor, action, detail, correlation_id)
VALUES ($1, 'platform', 'tenant.exported', jsonb_build_object('export', $3::text), $3)
"""
_NOTE_IMPORT: Final = """
INSERT INTO audit_log (tenant, actor, action, detail, correlation_id)
VALUES ($1, 'platform', 'tenant.imported', jsonb_build_object('export', $2::text), $2)
"""
_IS_IMPORTED: Final = """
SELECT EXISTS (SELECT FROM audit_log WHERE tenant = $1 AND action = 'tenant.imported' AND detail ->> 'export' = $2)
"""


class CannotMove(DatabaseError):
    """The rows of a tenant cannot be exported or imported in their present state; the text says what to do."""


class TenantRows:
    """The rows of tenants in one database, accessed by the admin's login. Use as `async with open_tenant_rows(dsn) as rows`."""

    def __init__(self, conn: Connection, dsn: str) -> None:
        self._conn, self._dsn = conn, dsn

    async def read_schema(self) -> dict[int, str]:
        """Return the SHA-256 of applied migrations by version. Raises `CannotMove` or `OtherHistory` for another schema."""
        found = await read_applied(self._conn)
        if not found:
            raise CannotMove("the database has no schema yet: install the chart there first, its operator makes it")
        refuse_other_history(found, shipped_migrations())
        applied = {version: row["sha256"] for version, row in found.items()}
        shipped = {each.version: each.sha256 for each in shipped_migrations()}
        if applied != shipped:
            raise CannotMove(
                f"the schema of the database is {max(applied, default=0)}, that of this command {max(shipped)}: use the command of"
                " the installation's own release, and upgrade the older one of both installations first"
            )
        return applied

    async def retire(self, tenant: str, uid: str) -> str:
        """Detach the rows from the Tenant `uid`, end its database login, and return the rows' new owner. Safe to repeat.

        From then on no process of the tenant can write, and the Tenant is not provisioned again until it adopts the rows.
        Raises `TenantNotFound`, `DataOwnedByOther`, and `DatabaseError` if sessions do not end.
        """
        async with self._conn.transaction():
            owner: str | None = await self._conn.fetchval(
                "SELECT uid FROM tenants WHERE tenant = $1 FOR UPDATE", tenant
            )
            if owner is None:
                raise TenantNotFound(
                    f"the database has no rows of {tenant}: is it that of this cluster's installation?"
                )
            if uid_of_owner(owner) != uid:
                raise DataOwnedByOther(tenant, owner)
            if find_export_id(owner) is None:
                export_id = secrets.token_hex(8)
                owner = exported_owner(uid, export_id)
                await self._conn.execute(_RETIRE, tenant, owner, export_id)
        await drop_login(self._conn, self._role_of(tenant))
        return owner

    @asynccontextmanager
    async def snapshot(self, tenant: str, owner: str) -> AsyncIterator["Snapshot"]:
        """Yield the tenant's rows as of one moment. Raises `DataOwnedByOther` if `owner` no longer owns them."""
        async with self._conn.transaction(isolation="repeatable_read", readonly=True):
            await self._conn.execute(_TEXT_FORMAT)
            found = await self._conn.fetchval("SELECT uid FROM tenants WHERE tenant = $1", tenant)
            if found != owner:
                raise DataOwnedByOther(tenant, found or "")
            yield Snapshot(self._conn, tenant, await self._list_tables())

    async def is_imported(self, tenant: str, owner: str) -> bool:
        """Return True if the rows of this export are already here. Raises `CannotMove` if the tenant has other rows here."""
        found = await self._conn.fetchval("SELECT uid FROM tenants WHERE tenant = $1", tenant)
        if found is None:
            return False
        if await self._conn.fetchval(_IS_IMPORTED, tenant, find_export_id(owner)):
            return True
        if found == owner:
            raise CannotMove(f"this is the database from which {tenant} was exported: name that of the destination")
        raise CannotMove(
            f"the database has rows of a tenant {tenant} already, which would be mixed with those of the file: import it where"
            " there is none, or erase that one first (dataPolicy: Erase, then delete it)"
        )

    @asynccontextmanager
    async def insertion(self, tenant: str, owner: str) -> AsyncIterator["Insertion"]:
        """Yield an Insertion for the rows. All of them are committed when the block ends; none are if it raises.

        Raises `CannotMove` if no Tenant of a cluster can have exported these rows: anybody may have written the file.
        """
        if not is_key_of_tenant(tenant) or find_export_id(owner) is None:
            raise CannotMove(
                f"{tenant} is no tenant that was exported: the file was not written by askproai tenant export"
            )
        async with self._conn.transaction():
            await self._conn.execute(_TEXT_FORMAT)
            yield Insertion(self._conn, tenant, owner, self._role_of(tenant), await self._list_tables())

    async def _list_tables(self) -> tuple[str, ...]:
        """Return the tables with tenants' rows, referenced tables first. Raises `CannotMove` if it finds an unknown table."""
        found = {row["relname"] for row in await self._conn.fetch(_TABLES_OF_TENANTS)}
        if found != set(TENANT_TABLES):
            names = ", ".join(sorted(found ^ set(TENANT_TABLES)))
            raise CannotMove(f"the tables of the database are not those of this release: {names}")
        return tuple(reversed(TENANT_TABLES))

    def _role_of(self, tenant: str) -> str:
        return tenant_role_name(tenant, database_name(self._dsn))


@asynccontextmanager
async def open_tenant_rows(dsn: str) -> AsyncIterator[TenantRows]:
    """Connect as the admin (owner of the database, CREATEROLE). Raises the errors of asyncpg, and `OSError`."""
    conn = await asyncpg.connect(dsn, timeout=10, server_settings={"application_name": "askproai-tenant"})
    try:
        yield TenantRows(conn, dsn)
    finally:
        await conn.close()


class Snapshot:
    """The rows of one tenant at one moment, table by table."""

    def __init__(self, conn: Connection, tenant: str, tables: tuple[str, ...]) -> None:
        self._conn, self._tenant, self.tables = conn, tenant, tables

    async def columns_of(self, table: str) -> tuple[str, ...]:
        """Return the columns of a table except generated columns, in the order in which `copy` writes them."""
        return await _columns_of(self._conn, table)

    async def copy(self, table: str, write: Callable[[bytes], Coroutine[Any, Any, None]]) -> int:
        """Pass the tenant's rows of a table to `write`, as PostgreSQL's COPY writes text; return how many there were."""
        columns = _names(await self.columns_of(table))
        query = f"SELECT {columns} FROM {table} WHERE tenant = $1"  # noqa: S608  names of the catalog
        status = await self._conn.copy_from_query(query, self._tenant, output=write)
        return int(status.rpartition(" ")[2])


class Insertion:
    """Writes the rows of one tenant: call `stage` for each table, then `finish` once.

    Rows are staged in temporary tables, because COPY cannot write a table with row security. Resources get new ids, because the
    constraint against double bookings covers the ids of all tenants; all other ids stay.
    """

    def __init__(self, conn: Connection, tenant: str, owner: str, role: str, tables: tuple[str, ...]) -> None:
        self._conn, self._tenant, self._owner, self._role, self._tables = conn, tenant, owner, role, tables
        self._columns: dict[str, tuple[str, ...]] = {}

    async def stage(self, table: str, columns: tuple[str, ...], chunks: AsyncIterable[bytes]) -> int:
        """Read a table's rows as `Snapshot.copy` wrote them; return their number. Raises `CannotMove` for other columns."""
        if table not in self._tables or set(columns) != set(await _columns_of(self._conn, table)):
            raise CannotMove(
                f"the table {table} of the file is not that of this database: the file is of another release"
            )
        self._columns[table] = columns
        staged = _staged(table)
        await self._conn.execute(f"CREATE TEMP TABLE {staged} (LIKE {table}) ON COMMIT DROP")
        status = await self._conn.copy_to_table(staged, source=chunks, columns=columns)
        foreign = await self._conn.fetchval(
            f"SELECT count(*) FROM {staged} WHERE tenant IS DISTINCT FROM $1",  # noqa: S608  names of the catalog
            self._tenant,
        )
        if foreign:
            raise CannotMove(f"the file has rows of another tenant in {table}: it is damaged")
        return int(status.rpartition(" ")[2])

    async def finish(self) -> Mapping[str, int]:
        """Write the staged rows; return the number of rows by table. Raises `CannotMove` if a table was not staged."""
        if missing := set(self._tables) - self._columns.keys():
            raise CannotMove(f"the file lacks the tables {', '.join(sorted(missing))}: it is damaged")
        await self._give_new_resources()
        # Tombstones of erased callers come after the events: their trigger would judge the inserted events anew.
        ordered = sorted(self._tables, key=lambda table: table == "erased_references")
        written = {
            table: await self._insert(table) if table != "tenants" else await self._insert_tenant() for table in ordered
        }
        # Last, since the trigger on claims would redirect claims that are older than the link to the person.
        await self._conn.execute(
            f"UPDATE resources r SET person_row = s.person_row FROM {_staged('resources')} s"  # noqa: S608  names of the catalog
            " WHERE r.tenant = s.tenant AND r.id = s.id AND s.person_row IS NOT NULL"
        )
        await self._conn.execute(_NOTE_IMPORT, self._tenant, find_export_id(self._owner))
        return written

    async def _insert_tenant(self) -> int:
        """Write the tenant's row, with the access of its role. Only columns of `Origin.FILE` come from the file."""
        names = _names(tuple(name for name, origin in TENANT_COLUMNS.items() if origin is Origin.FILE))
        status = await self._conn.execute(
            f"INSERT INTO tenants (tenant, role, uid, {names}) SELECT $1, $2, $3, {names} FROM {_staged('tenants')}",  # noqa: S608  names of the catalog
            self._tenant, self._role, self._owner,
        )  # fmt: skip
        return int(status.rpartition(" ")[2])

    async def _give_new_resources(self) -> None:
        """Replace the resource ids in all staged rows with new ids, in the same order."""
        staged = _staged("resources")
        await self._conn.execute(
            f"""CREATE TEMP TABLE new_resources ON COMMIT DROP AS
                SELECT id AS former, nextval(pg_get_serial_sequence('resources', 'id')) AS id
                FROM (SELECT id FROM {staged} ORDER BY id) s"""  # noqa: S608  names of the catalog
        )
        references = [(staged, "id"), (staged, "person_row")]
        references += [(_staged(table), _RESOURCE_COLUMN) for table in self._tables if self._refers(table)]
        for table, column in references:
            dangling = await self._conn.fetchval(
                f"""SELECT count(*) FROM {table} s WHERE s.{column} IS NOT NULL
                    AND NOT EXISTS (SELECT FROM new_resources n WHERE n.former = s.{column})"""  # noqa: S608  names of the catalog
            )
            if dangling:  # not all of these columns have a foreign key
                raise CannotMove(
                    f"rows of {table.removeprefix(_staged(''))} name resources that the file lacks: it is damaged"
                )
            await self._conn.execute(
                f"UPDATE {table} s SET {column} = n.id FROM new_resources n WHERE s.{column} = n.former"  # noqa: S608  names of the catalog
            )

    def _refers(self, table: str) -> bool:
        return _RESOURCE_COLUMN in self._columns[table]

    async def _insert(self, table: str) -> int:
        """Write the staged rows of one table, and advance its id sequence beyond their ids."""
        columns = self._columns[table]
        # Advance the sequence first: it is no part of the transaction, and a value that is too high harms nobody. `_ROOM` is for
        # ids that other tenants take meanwhile.
        if "id" in columns and table != "resources" and (sequence := await self._conn.fetchval(_IDENTITY, table)):
            highest = await self._conn.fetchval(f"SELECT max(id) FROM {_staged(table)}")  # noqa: S608  names of the catalog
            if highest is not None and highest > _HIGHEST:
                raise CannotMove(f"the file has the id {highest} in {table}, which no tenant reaches: it is damaged")
            await self._conn.execute(
                f"""SELECT setval($1::text::regclass, highest + {_ROOM}) FROM (SELECT max(id) AS highest FROM {_staged(table)}) s
                    WHERE highest >= (SELECT last_value FROM {sequence})""",  # noqa: S608  names of the catalog
                sequence,
            )
        written = columns if table != "resources" else tuple(name for name in columns if name != "person_row")
        names = _names(written)
        status = await self._conn.execute(
            f"INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE SELECT {names} FROM {_staged(table)}"  # noqa: S608  names of the catalog
        )
        return int(status.rpartition(" ")[2])


async def _columns_of(conn: Connection, table: str) -> tuple[str, ...]:
    return tuple(row["attname"] for row in await conn.fetch(_COLUMNS, table))


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


def _staged(table: str) -> str:
    return f"staged_{table}"
