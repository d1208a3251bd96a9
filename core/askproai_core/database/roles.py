"""The database's roles, which isolate the tenants.

`askproai_owner` owns the tables, `askproai_tenant` has the grants of all tenants, and each tenant's login role is its member. A
login that may connect to a database is a member of a role of this database: groups belong to the whole server, and another
installation's tenants are members of `askproai_tenant`, too.
"""

import asyncio
import base64
import hashlib
import hmac
import random
import secrets
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from time import monotonic
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import asyncpg
import structlog

from askproai_core.database.migrate import OWNER
from askproai_core.database.pool import Connection, DatabaseError

log = structlog.get_logger(__name__)

TENANTS = "askproai_tenant"
COORDINATOR = "askproai_coordinator"
BACKUP = "askproai_backup"
TENANT_PREFIX = "askproai_t_"  # of the login roles of tenants

_AUTHORITY = "sslrootcert"
_FILES_OF_ADMIN = {"sslcert", "sslkey", "sslcrl", "sslpassword", "passfile", "service", "servicefile", "sslcrldir"}
# Added to the CONNECTION LIMIT of a role that is suspended: another leader sees that it was not refused by hand, nor half created.
SUSPENDED_MARK = 1_000_000
_DROP_SECONDS = 10.0
_LOGIN_SECONDS = 0.25  # within which a login that was accepted is seen as a session

# The defaults of a login role. A compromised pod can raise them for itself; they guard against accidents, not attacks.
_ROLE_SETTINGS = {"statement_timeout": "15s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "30s"}
_SETTINGS = [f"{key}={value}" for key, value in _ROLE_SETTINGS.items()]
_SCRAM_ITERATIONS = 4096

# Whether role `r` may log in, is in group $3, may connect, and has the settings $4.
_IS_LOGIN = """rolcanlogin AND rolinherit AND pg_has_role(rolname, $3, 'USAGE')
    AND has_database_privilege(rolname, current_database(), 'CONNECT')
    AND coalesce((SELECT setconfig @> $4 FROM pg_db_role_setting WHERE setrole = r.oid AND setdatabase = 0), false)"""

_SHARED_ROW_CHANGED = "XX000"  # "tuple concurrently updated": another session changes the same row of the catalog
_ATTEMPTS = 10  # at such a statement
_AGAIN_SECONDS = 0.05  # the longest wait before the next one

_END_SESSIONS = (
    "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_get_activity(NULL) WHERE usesysid = $1::bigint::oid"
)


class RolesUnavailable(DatabaseError):
    """The admin's login lacks what it needs to manage the roles."""


def tenant_role_name(tenant: str, database: str) -> str:
    """Return the name of a tenant's login role: `askproai_t_<hash>`.

    Roles belong to the whole server, so the hash covers the database: two installations on one server share no role. It is a
    hash because every role can read the names of all.
    """
    return TENANT_PREFIX + hashlib.sha256(f"{database}\n{tenant}".encode()).hexdigest()[:24]


def coordinator_role_name(database: str) -> str:
    """Return the name of the login role of this installation's coordinator: `askproai_c_<hash>`."""
    return "askproai_c_" + hashlib.sha256(database.encode()).hexdigest()[:24]


def connect_role_name(database: str) -> str:
    """Return the name of the role whose members may connect to a database: `askproai_d_<hash>`."""
    return "askproai_d_" + hashlib.sha256(database.encode()).hexdigest()[:24]


def database_name(dsn: str) -> str:
    """Return the database that a URL names. Raises `ValueError` if it names none."""
    name = unquote(urlsplit(dsn).path.removeprefix("/"))
    if not name:
        raise ValueError("the admin's database URL names no database: it must end in /<database>")
    return name


def login_dsn(admin_dsn: str, role: str, password: str) -> str:
    """Return the URL of another login on the admin's server, with the same database and options."""
    scheme, _, rest = admin_dsn.partition("://")
    authority, slash, path = rest.partition("/")
    hosts = authority.rpartition("@")[2]
    return f"{scheme}://{role}:{quote(password, safe='')}@{hosts}{slash}{path}"


def require_passable_options(admin_dsn: str) -> None:
    """Raise `ValueError` if the pods, which get the admin's URL with another login, could not use its options."""
    options = dict(parse_qsl(urlsplit(admin_dsn).query, keep_blank_values=True))
    foreign = sorted(options.keys() & _FILES_OF_ADMIN)
    if foreign:
        raise ValueError(
            f"remove {', '.join(foreign)} from the admin's database URL: the tenants' pods connect with the same options, and have "
            "no such file; each login has a password"
        )
    mode, authority = options.get("sslmode", "prefer"), options.get(_AUTHORITY)
    if mode in {"verify-ca", "verify-full"} and not authority:
        raise ValueError(
            f"sslmode={mode} in the admin's database URL names no authority: add {_AUTHORITY}=<file>, which the operator passes "
            "on to the pods (/etc/ssl/certs/ca-certificates.crt for a public one)"
        )
    if authority and not Path(authority).is_file():
        raise ValueError(
            f"{_AUTHORITY}={authority} in the admin's database URL is no file of the operator: with the chart, put the "
            "certificate as CA_FILE into the database's Secret and name /etc/askproai/secrets/DATABASE_CA_FILE"
        )
    if not is_server_authenticated(admin_dsn):
        todo = "add sslmode=verify-full and sslrootcert=<file> to the admin's database URL (docs/install.md)"
        log.warning("database.server_not_authenticated", sslmode=mode, todo=todo)


def is_server_authenticated(dsn: str) -> bool:
    """Return whether a connection by this URL verifies the server by an authority: else who redirects it reads along."""
    options = dict(parse_qsl(urlsplit(dsn).query))
    return options.get("sslmode") in {"require", "verify-ca", "verify-full"} and bool(options.get(_AUTHORITY))


def read_authority(admin_dsn: str) -> str | None:
    """Return the certificates of the authority that the admin's URL names; None if it names none."""
    file = dict(parse_qsl(urlsplit(admin_dsn).query)).get(_AUTHORITY)
    return Path(file).read_text(encoding="utf-8") if file else None


def without_authority(dsn: str) -> str:
    """Return the URL without the authority's file, which is another one in the pods (`with_authority`)."""
    base, _, query = dsn.partition("?")
    kept = [each for each in query.split("&") if each and each.partition("=")[0] != _AUTHORITY]
    return f"{base}?{'&'.join(kept)}" if kept else base


def with_authority(dsn: str, file: Path) -> str:
    """Return the URL with the file of the authority that signed the server's certificate."""
    return f"{dsn}{'&' if '?' in dsn else '?'}{_AUTHORITY}={quote(str(file), safe='/')}"


def parse_login(url: str | None) -> tuple[str, str]:
    """Return user and password of a stored URL; both are empty if it is missing or unreadable, so that it is made anew."""
    try:
        parts = urlsplit(url or "")
        return parts.username or "", unquote(parts.password or "")
    except ValueError:
        return "", ""


def list_group_roles(database: str) -> list[str]:
    """Return the names of the roles that nobody logs in with: the tables' owner, the groups, and who may connect."""
    return [OWNER, COORDINATOR, BACKUP, TENANTS, connect_role_name(database)]


async def ensure_group_roles(conn: Connection) -> list[str]:
    """Create the group roles, and grant what they may do with the database and its schema; return their names. Safe to repeat."""
    name = await conn.fetchval("SELECT current_database()")
    connecting = connect_role_name(name)
    group_roles = list_group_roles(name)
    for role in group_roles:
        try:
            if not await conn.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
                await conn.execute(f"CREATE ROLE {_identifier(role)} NOLOGIN")
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
    database = _identifier(name)
    schema = _identifier(await conn.fetchval("SELECT current_schema()"))
    # By default every role of the server may connect and create temporary tables.
    for statement in (
        f"REVOKE ALL ON DATABASE {database} FROM PUBLIC",
        f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {database} TO {COORDINATOR}, {BACKUP}, {_identifier(connecting)}",
        f"GRANT USAGE, CREATE ON SCHEMA {schema} TO {OWNER}",
        f"GRANT USAGE ON SCHEMA {schema} TO {TENANTS}, {COORDINATOR}, {BACKUP}",
    ):
        await _change_shared_row(partial(conn.execute, statement), connecting)
    return group_roles


async def _become_member(conn: Connection) -> None:
    # PostgreSQL 15 lets CREATEROLE grant any role; from 16 on only the creator of a role, or whom it gave ADMIN OPTION, may.
    try:
        await _change_shared_row(lambda: conn.execute(f"GRANT {OWNER} TO CURRENT_USER"), OWNER)
    except asyncpg.InsufficientPrivilegeError as error:
        raise RolesUnavailable(
            f"this login did not make the roles of this server: as a superuser, "
            f"GRANT {OWNER}, {TENANTS} TO <it> WITH ADMIN OPTION"
        ) from error


async def _require_right_to_grant(conn: Connection, role: str) -> None:
    """Raise RolesUnavailable from PostgreSQL 16 on, where another login has made the role and only that one may grant it."""
    if conn.get_server_version().major >= 16:  # noqa: PLR2004  PostgreSQL 16
        raise RolesUnavailable(
            f"another login made role {role}: as a superuser, GRANT {role} TO <it> WITH ADMIN OPTION"
        )


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
    """Create or update a login role: password, limit, timeouts, membership; return whether something of that was not right.

    `before_login` gets its oid and the limit it has before it may log in, and may raise. Without `verify_password` the password
    counts as right: a check of it costs a login.
    """
    role = _identifier(name)
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
    await _change_shared_row(lambda: _write_login(conn, role, password, connection_limit, groups), name)
    log.info("role.ensured", role=name, new=is_new)
    return True


async def list_current_logins(conn: Connection, limits: Mapping[str, int], *, group: str = TENANTS) -> set[str]:
    """Return those of the login roles that are as `ensure_login` writes them, by their names and CONNECTION LIMITs.

    Passwords are not tried. Nor is the admin's membership in the roles looked at: PostgreSQL lists all roles of the admin for each.
    """
    rows = await conn.fetch(
        f"""SELECT rolname::text FROM unnest($1::text[], $2::int[]) w (name, connection_limit)
            JOIN pg_roles r ON rolname = w.name AND rolconnlimit = w.connection_limit
            WHERE {_IS_LOGIN}""",  # noqa: S608  our own text
        list(limits), list(limits.values()), group, _SETTINGS,
    )  # fmt: skip
    return {row["rolname"] for row in rows}


async def _change_shared_row(change: Callable[[], Awaitable[object]], name: str) -> None:
    """Change a row of the catalog, and do it again when another session has changed it at the same time. `name` is for the log."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            await change()
        except asyncpg.InternalServerError as error:
            if error.sqlstate != _SHARED_ROW_CHANGED or attempt == _ATTEMPTS:
                raise
            log.debug("role.again", role=name, attempt=attempt)
            await asyncio.sleep(_AGAIN_SECONDS * random.random())  # noqa: S311  so that those who met do not meet again
        else:
            return


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
        # The groups' grants are inherited without SET ROLE; servers that can forbid becoming a group do so. No grant to the login
        # itself: all tenants would change one row of the catalog, and be refused when two do so at the same time.
        options = " WITH INHERIT TRUE, SET FALSE" if conn.get_server_version().major >= 16 else ""  # noqa: PLR2004  PostgreSQL 16
        await conn.execute(f"GRANT {', '.join(map(_identifier, groups))} TO {role}{options}")
        # Only a member sees how long a session's transaction takes, and may end it.
        await conn.execute(f"GRANT {role} TO CURRENT_USER{options}")


async def drop_login(conn: Connection, role: str) -> None:
    """Drop a tenant's login role, after its sessions and with all that it owns. Raises `DatabaseError` if they do not end."""
    oid = await conn.fetchval("SELECT oid::bigint FROM pg_roles WHERE rolname = $1", role)
    if oid is None:
        return
    name = _identifier(role)
    await conn.execute(f"GRANT {name} TO CURRENT_USER")  # only a member may end its sessions and drop its objects
    await conn.execute(_END_SESSIONS, oid)  # one that changes the role itself would keep the next statement waiting
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
    """End the sessions of a role that may not log in any more, until two looks found none.

    A session of a role that does not exist any more could be ended by a superuser only, and one that was just accepted shows late.
    """
    deadline, is_first = monotonic() + _DROP_SECONDS, True
    while await conn.fetch(_END_SESSIONS, oid) or is_first:
        if monotonic() >= deadline:
            raise DatabaseError(f"sessions of role {role} do not end: as a superuser, end them; tried again by itself")
        is_first = False
        await asyncio.sleep(_LOGIN_SECONDS)


async def _password_works(dsn: str) -> bool:
    """Return whether the server accepts the password: it cannot be read back, and may have been changed by hand."""
    try:
        conn = await asyncpg.connect(dsn, timeout=10)
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError):
        return False
    except asyncpg.TooManyConnectionsError:
        return True  # the server checks the limit after the password
    await conn.close()
    return True


def scram_verifier(password: str, salt: bytes | None = None) -> str:
    """Return a password in the form in which PostgreSQL stores it (RFC 5803), so that no statement or log holds the password.

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


def _identifier(name: str) -> str:
    if not name or "\0" in name or len(name.encode()) > 63:  # noqa: PLR2004  PostgreSQL truncates longer names silently
        raise ValueError(f"not a name that PostgreSQL keeps whole: {name!r}")
    return '"' + name.replace('"', '""') + '"'
