"""The database roles without a login: `askproai_owner` owns the tables, `askproai_tenant` has the grants that all tenants
share, and each database has a role whose members may connect.

A login that may connect to a database is a member of that database's own role, because groups belong to the whole server: the
tenants of another installation are members of `askproai_tenant`, too.
"""

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Callable
from functools import partial

import asyncpg
import structlog

from askproai_core.database.migrate import OWNER
from askproai_core.database.pool import Connection, DatabaseError

log = structlog.get_logger(__name__)

TENANTS = "askproai_tenant"
COORDINATOR = "askproai_coordinator"
BACKUP = "askproai_backup"

_SHARED_ROW_CHANGED = "XX000"  # "tuple concurrently updated": another session changes the same row of the catalog
_ATTEMPTS = 10  # of one statement
_AGAIN_SECONDS = 0.05  # the longest wait before the next attempt


class RolesUnavailable(DatabaseError):
    """The admin's login lacks a right that it needs to manage the roles."""


def connect_role_name(database: str) -> str:
    """Return the name of the group role whose members may connect to this database: `askproai_d_<hash>`."""
    return "askproai_d_" + hashlib.sha256(database.encode()).hexdigest()[:24]


def list_group_roles(database: str) -> list[str]:
    """Return the names of this database's roles without a login: owner of the tables, groups, and the role that may connect."""
    return [OWNER, COORDINATOR, BACKUP, TENANTS, connect_role_name(database)]


async def ensure_group_roles(conn: Connection) -> list[str]:
    """Create the group roles and grant their rights on the database and its schema. Return their names. Safe to repeat."""
    name = await conn.fetchval("SELECT current_database()")
    connecting = connect_role_name(name)
    group_roles = list_group_roles(name)
    for role in group_roles:
        try:
            if not await conn.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
                await conn.execute(f"CREATE ROLE {quote_identifier(role)} NOLOGIN")
        except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
            log.debug("role.made_by_another", role=role)
        except asyncpg.InsufficientPrivilegeError as error:
            raise RolesUnavailable(
                f"this login cannot create role {role}: as a superuser, ALTER ROLE <it> CREATEROLE"
            ) from error
    if not await conn.fetchval("SELECT pg_has_role(current_user, $1, 'USAGE')", OWNER):
        await _become_member(conn)
    if not await conn.fetchval("SELECT pg_has_role(current_user, $1, 'MEMBER WITH ADMIN OPTION')", connecting):
        await _require_right_to_grant(conn, connecting)
    database = quote_identifier(name)
    schema = quote_identifier(await conn.fetchval("SELECT current_schema()"))
    # By default every role of the server may connect and create temporary tables.
    for statement in (
        f"REVOKE ALL ON DATABASE {database} FROM PUBLIC",
        f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {database} TO {COORDINATOR}, {BACKUP}, {quote_identifier(connecting)}",
        f"GRANT USAGE, CREATE ON SCHEMA {schema} TO {OWNER}",
        f"GRANT USAGE ON SCHEMA {schema} TO {TENANTS}, {COORDINATOR}, {BACKUP}",
    ):
        await change_shared_row(partial(conn.execute, statement), connecting)
    return group_roles


async def _become_member(conn: Connection) -> None:
    # PostgreSQL 15 lets CREATEROLE grant any role; from 16 on only the creator of a role, or whom it gave ADMIN OPTION, may.
    try:
        await change_shared_row(lambda: conn.execute(f"GRANT {OWNER} TO CURRENT_USER"), OWNER)
    except asyncpg.InsufficientPrivilegeError as error:
        raise RolesUnavailable(
            f"this login did not make the roles of this server: as a superuser, "
            f"GRANT {OWNER}, {TENANTS} TO <it> WITH ADMIN OPTION"
        ) from error


async def _require_right_to_grant(conn: Connection, role: str) -> None:
    """Raise RolesUnavailable on PostgreSQL 16 or later, where only the login that created `role` may grant it to other roles."""
    if conn.get_server_version().major >= 16:  # noqa: PLR2004  PostgreSQL 16
        raise RolesUnavailable(
            f"another login made role {role}: as a superuser, GRANT {role} TO <it> WITH ADMIN OPTION"
        )


async def change_shared_row(change: Callable[[], Awaitable[object]], name: str) -> None:
    """Run `change`, which changes the role `name`; repeat it if another session has changed the same catalog row."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            await change()
        except asyncpg.InternalServerError as error:
            if error.sqlstate != _SHARED_ROW_CHANGED or attempt == _ATTEMPTS:
                raise
            log.debug("role.again", role=name, attempt=attempt)
            await asyncio.sleep(_AGAIN_SECONDS * random.random())  # noqa: S311  at random, so that two sessions do not collide again
        else:
            return


def quote_identifier(name: str) -> str:
    """Return a name quoted for SQL. Raises `ValueError` for a name so long that PostgreSQL would cut it."""
    if not name or "\0" in name or len(name.encode()) > 63:  # noqa: PLR2004  PostgreSQL truncates longer names silently
        raise ValueError(f"not a name that PostgreSQL keeps whole: {name!r}")
    return '"' + name.replace('"', '""') + '"'
