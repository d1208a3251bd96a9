"""The login roles, one for each tenant and one for the coordinator, as members of the groups that have the grants."""

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from time import monotonic

import asyncpg
import structlog

from askproai_core.database import Connection, DatabaseError
from askproai_core.database.group_roles import TENANTS, change_shared_row, connect_role_name, quote_identifier
from askproai_operator.login_urls import database_name, login_dsn

log = structlog.get_logger(__name__)

# Added to the CONNECTION LIMIT of a suspended role: so another leader knows that no person refused it, and no creation broke off.
SUSPENDED_MARK = 1_000_000
_DROP_SECONDS = 10.0
_LOGIN_SECONDS = 0.25  # until an accepted login is visible as a session

# The defaults of a login role. A compromised pod can raise them for itself; they guard against accidents, not attacks.
_ROLE_SETTINGS = {"statement_timeout": "15s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "30s"}
_SETTINGS = [f"{key}={value}" for key, value in _ROLE_SETTINGS.items()]
_SCRAM_ITERATIONS = 4096

# Whether role `r` may log in, is in group $3, may connect, and has the settings $4.
_IS_LOGIN = """rolcanlogin AND rolinherit AND pg_has_role(rolname, $3, 'USAGE')
    AND has_database_privilege(rolname, current_database(), 'CONNECT')
    AND coalesce((SELECT setconfig @> $4 FROM pg_db_role_setting WHERE setrole = r.oid AND setdatabase = 0), false)"""

_END_SESSIONS = (
    "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_get_activity(NULL) WHERE usesysid = $1::bigint::oid"
)


def tenant_role_name(tenant: str, database: str) -> str:
    """Return the name of a tenant's login role: `askproai_t_<hash>`.

    Roles belong to the whole server, so the hash includes the database: two installations on one server share no role. The name
    is a hash because every role can read all names.
    """
    return "askproai_t_" + hashlib.sha256(f"{database}\n{tenant}".encode()).hexdigest()[:24]


def coordinator_role_name(database: str) -> str:
    """Return the name of the login role of this installation's coordinator: `askproai_c_<hash>`."""
    return "askproai_c_" + hashlib.sha256(database.encode()).hexdigest()[:24]


async def ensure_login(
    conn: Connection,
    dsn: str,
    name: str,
    password: str,
    connection_limit: int,
    *,
    group: str = TENANTS,
    verify_password: bool = True,
    before_login: Callable[[int, int], None] | None = None,
) -> bool:
    """Create or update a login role: password, limit, timeouts, membership. Return True if anything had to be written.

    Before the role may log in, `before_login` gets its OID and its present limit, and may raise. Without `verify_password` the
    password counts as right: a check costs a login.
    """
    role = quote_identifier(name)
    find = (
        f"""SELECT oid::bigint AS oid, rolconnlimit,
                  rolconnlimit = $2 AND pg_has_role(rolname, 'USAGE') AND {_IS_LOGIN} AS is_current
           FROM pg_roles r WHERE rolname = $1""",  # noqa: S608  our own text
        name, connection_limit, group, _SETTINGS,
    )  # fmt: skip
    found = await conn.fetchrow(*find)
    is_new = found is None
    if found is None:
        await conn.execute(f"CREATE ROLE {role} NOLOGIN")
        found = await conn.fetchrow(*find)
    if before_login is not None and found is not None:
        before_login(found["oid"], found["rolconnlimit"])
    if (
        found is not None
        and found["is_current"]
        and (not verify_password or await _password_works(login_dsn(dsn, name, password)))
    ):
        return False
    groups = (group, connect_role_name(database_name(dsn)))
    await change_shared_row(lambda: _write_login(conn, role, password, connection_limit, groups), name)
    log.info("role.ensured", role=name, new=is_new)
    return True


async def list_current_logins(conn: Connection, limits: Mapping[str, int]) -> set[str]:
    """Return the tenants' roles in `limits` (CONNECTION LIMIT by role) that are as `ensure_login` writes them.

    Not tested are passwords, and the admin's membership in each role: for each, PostgreSQL would list all the admin's roles.
    """
    rows = await conn.fetch(
        f"""SELECT rolname::text FROM unnest($1::text[], $2::int[]) w (name, connection_limit)
            JOIN pg_roles r ON rolname = w.name AND rolconnlimit = w.connection_limit
            WHERE {_IS_LOGIN}""",  # noqa: S608  our own text
        list(limits), list(limits.values()), TENANTS, _SETTINGS,
    )  # fmt: skip
    return {row["rolname"] for row in rows}


async def _write_login(
    conn: Connection, role: str, password: str, connection_limit: int, groups: tuple[str, ...]
) -> None:
    async with conn.transaction():
        await conn.execute(
            f"ALTER ROLE {role} LOGIN INHERIT CONNECTION LIMIT {int(connection_limit)} "
            f"PASSWORD '{scram_verifier(password)}'"
        )
        for key, value in _ROLE_SETTINGS.items():
            await conn.execute(f"ALTER ROLE {role} SET {key} = '{value}'")
        # The groups' grants are inherited without SET ROLE, which newer servers can forbid. A login has no grant of its own: all
        # tenants would change one row of the catalog, and PostgreSQL refuses one of two concurrent changes.
        options = " WITH INHERIT TRUE, SET FALSE" if conn.get_server_version().major >= 16 else ""  # noqa: PLR2004  PostgreSQL 16
        await conn.execute(f"GRANT {', '.join(map(quote_identifier, groups))} TO {role}{options}")
        # Only a member sees how long a session's transaction takes, and may end it.
        await conn.execute(f"GRANT {role} TO CURRENT_USER{options}")


async def drop_login(conn: Connection, role: str) -> None:
    """End a tenant's sessions, then drop its login role with all that it owns. Raises `DatabaseError` if they do not end."""
    oid = await conn.fetchval("SELECT oid::bigint FROM pg_roles WHERE rolname = $1", role)
    if oid is None:
        return
    name = quote_identifier(role)
    await conn.execute(f"GRANT {name} TO CURRENT_USER")  # only a member may end its sessions and drop its objects
    await conn.execute(_END_SESSIONS, oid)  # a session that changes its own role would block the next statement
    await conn.execute(f"ALTER ROLE {name} NOLOGIN CONNECTION LIMIT 0")
    await _end_sessions(conn, role, oid)
    await conn.execute(f"DROP OWNED BY {name}")
    try:
        await conn.execute(f"DROP ROLE {name}")
    except asyncpg.DependentObjectsStillExistError as error:
        # Objects of the role in another database can be dropped only there; until then it stays, and cannot log in.
        log.warning("role.kept", role=role, detail=error.detail, todo="in that database: DROP OWNED BY, then DROP ROLE")
        return
    log.info("role.dropped", role=role)


async def _end_sessions(conn: Connection, role: str, oid: int) -> None:
    """End the sessions of a role that may no longer log in, by two checks or more, until one finds none. Raises
    `DatabaseError`.

    Only a superuser could end a session of a dropped role, and a session that was just accepted shows late.
    """
    deadline, is_first = monotonic() + _DROP_SECONDS, True
    while await conn.fetch(_END_SESSIONS, oid) or is_first:
        if monotonic() >= deadline:
            raise DatabaseError(f"sessions of role {role} do not end: as a superuser, end them; tried again by itself")
        is_first = False
        await asyncio.sleep(_LOGIN_SECONDS)


async def _password_works(dsn: str) -> bool:
    """Return True if the server accepts the password, which cannot be read back and may have been changed by hand."""
    try:
        conn = await asyncpg.connect(dsn, timeout=10)
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError):
        return False
    except asyncpg.TooManyConnectionsError:
        return True  # the server checks the limit after the password
    await conn.close()
    return True


def scram_verifier(password: str, salt: bytes | None = None) -> str:
    """Return a password in PostgreSQL's stored form (RFC 5803), so that no statement or log holds the password.

    Raises `ValueError` for anything but printable ASCII, which would need SASLprep first.
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
