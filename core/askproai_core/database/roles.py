"""The database's roles, which fence the tenants, and the rows that say who is who.

`askproai_owner` owns the tables, `askproai_tenant` holds the grants of all tenants; each tenant's login role is a member.
"""

import base64
import hashlib
import hmac
import secrets
from urllib.parse import quote, unquote, urlsplit

import asyncpg
import structlog

from askproai_core.database.migrate import OWNER
from askproai_core.database.pool import Connection, StoreError

log = structlog.get_logger(__name__)

TENANTS = "askproai_tenant"
COORDINATOR = "askproai_coordinator"
BACKUP = "askproai_backup"

# What a role starts with. A hijacked pod may raise them for itself; they are for the accidents of honest ones.
_ROLE_SETTINGS = {"statement_timeout": "15s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "30s"}
_SCRAM_ITERATIONS = 4096


class RolesUnavailable(StoreError):
    """The admin login lacks what it needs to manage the roles."""


def role_name(tenant: str, database: str) -> str:
    """Give the login role of a tenant: `askproai_t_<hash>`.

    Roles belong to the whole server, so the database is part of it: two installations in one server share no tenant's role.
    A hash, because every role can read the names of all.
    """
    return "askproai_t_" + hashlib.sha256(f"{database}\n{tenant}".encode()).hexdigest()[:24]


def coordinator_name(database: str) -> str:
    """Give the login role of this installation's coordinator: `askproai_c_<hash>`."""
    return "askproai_c_" + hashlib.sha256(database.encode()).hexdigest()[:24]


def database_of(dsn: str) -> str:
    name = unquote(urlsplit(dsn).path.removeprefix("/"))
    if not name:
        raise ValueError("the admin's database URL names no database: it must end in /<database>")
    return name


def login_dsn(admin_dsn: str, role: str, password: str) -> str:
    """Give another login's own URL: the admin's server, database and options."""
    scheme, _, rest = admin_dsn.partition("://")
    authority, slash, path = rest.partition("/")
    hosts = authority.rpartition("@")[2]
    return f"{scheme}://{role}:{quote(password, safe='')}@{hosts}{slash}{path}"


async def ensure_group_roles(connection: Connection) -> None:
    """Make the four group roles, and what they may do with the database and its schema. Safe to run again."""
    for role in (OWNER, COORDINATOR, BACKUP, TENANTS):
        try:
            if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
                await connection.execute(f"CREATE ROLE {_identifier(role)} NOLOGIN")
        except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
            log.debug("role.made_by_another", role=role)
        except asyncpg.InsufficientPrivilegeError as error:
            raise RolesUnavailable(
                f"this login cannot create role {role}: as a superuser, ALTER ROLE <it> CREATEROLE"
            ) from error
    if not await connection.fetchval("SELECT pg_has_role(current_user, $1, 'USAGE')", OWNER):
        await _become_member(connection)
    database = _identifier(await connection.fetchval("SELECT current_database()"))
    schema = _identifier(await connection.fetchval("SELECT current_schema()"))
    # By default every role of the server may connect, and make temporary tables.
    await connection.execute(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
    await connection.execute(f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC")
    await connection.execute(f"GRANT CONNECT ON DATABASE {database} TO {COORDINATOR}, {BACKUP}")
    await connection.execute(f"GRANT USAGE, CREATE ON SCHEMA {schema} TO {OWNER}")
    await connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO {TENANTS}, {COORDINATOR}, {BACKUP}")


async def _become_member(connection: Connection) -> None:
    # PostgreSQL 15 lets CREATEROLE grant any role; from 16 on only the maker of a role, or one it named, may.
    try:
        await connection.execute(f"GRANT {OWNER} TO CURRENT_USER")
    except asyncpg.InsufficientPrivilegeError as error:
        raise RolesUnavailable(
            f"this login did not make the roles of this server: as a superuser, "
            f"GRANT {OWNER}, {TENANTS} TO <it> WITH ADMIN OPTION"
        ) from error


async def ensure_login(
    connection: Connection, dsn: str, name: str, password: str, connection_limit: int, *, group: str = TENANTS
) -> None:
    """Make a login role as wanted: password, limit, timeouts, membership. No statement when all is so."""
    database, role = database_of(dsn), _identifier(name)
    is_new = not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", name)
    if is_new:
        await connection.execute(f"CREATE ROLE {role} NOLOGIN")
    settings = [f"{key}={value}" for key, value in _ROLE_SETTINGS.items()]
    as_wanted = await connection.fetchval(
        """SELECT rolcanlogin AND rolconnlimit = $2 AND rolinherit AND pg_has_role(rolname, $3, 'USAGE')
                  AND has_database_privilege(rolname, current_database(), 'CONNECT')
                  AND coalesce((SELECT setconfig @> $4 FROM pg_db_role_setting WHERE setrole = r.oid AND setdatabase = 0), false)
           FROM pg_roles r WHERE rolname = $1""",
        name, connection_limit, group, settings,
    )  # fmt: skip
    if as_wanted and await _password_works(login_dsn(dsn, name, password)):
        return
    async with connection.transaction():
        await connection.execute(
            f"ALTER ROLE {role} LOGIN INHERIT CONNECTION LIMIT {int(connection_limit)} "
            f"PASSWORD '{scram_verifier(password)}'"
        )
        for key, value in _ROLE_SETTINGS.items():
            await connection.execute(f"ALTER ROLE {role} SET {key} = '{value}'")
        await connection.execute(f"GRANT CONNECT ON DATABASE {_identifier(database)} TO {role}")
        # The group's grants are used without SET ROLE; where the server knows how, becoming the group is forbidden.
        how = " WITH INHERIT TRUE, SET FALSE" if connection.get_server_version().major >= 16 else ""  # noqa: PLR2004  PostgreSQL 16
        await connection.execute(f"GRANT {group} TO {role}{how}")
    log.info("role.ensured", role=name, new=is_new)


async def drop_login(connection: Connection, role: str) -> None:
    """Drop a tenant's login role with all that it owns, after its sessions."""
    if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
        return
    name = _identifier(role)
    await connection.execute(f"ALTER ROLE {name} NOLOGIN")
    await connection.execute(f"GRANT {name} TO CURRENT_USER")  # ending its sessions and its objects takes membership
    await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", role)
    await connection.execute(f"DROP OWNED BY {name}")
    await connection.execute(f"DROP ROLE {name}")
    log.info("role.dropped", role=role)


async def _password_works(dsn: str) -> bool:
    """Whether the server takes it: passwords cannot be read back, and one changed by hand must be set right, too."""
    try:
        connection = await asyncpg.connect(dsn, timeout=10)
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError):
        return False
    except asyncpg.TooManyConnectionsError:
        return True  # the limit is looked at after the password
    await connection.close()
    return True


def scram_verifier(password: str, salt: bytes | None = None) -> str:
    """Give the form in which PostgreSQL stores a password (RFC 5803), made here so that none stands in a statement or a log.

    ASCII only: others would need SASLprep first.
    """
    if not password or not password.isascii() or not password.isprintable():
        raise ValueError("a database password must be printable ASCII, and not empty")
    salt = secrets.token_bytes(16) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _SCRAM_ITERATIONS)
    stored_key = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${_SCRAM_ITERATIONS}:{_base64(salt)}${_base64(stored_key)}:{_base64(server_key)}"


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _identifier(name: str) -> str:
    if not name or "\0" in name or len(name.encode()) > 63:  # noqa: PLR2004  PostgreSQL cuts longer names silently
        raise ValueError(f"not a name that PostgreSQL keeps whole: {name!r}")
    return '"' + name.replace('"', '""') + '"'
