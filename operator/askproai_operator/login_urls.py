"""Builds and checks database URLs: the administrator's URL with another user and password, as the tenants' pods use it."""

from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import structlog

log = structlog.get_logger(__name__)

_AUTHORITY = "sslrootcert"
_FILES_OF_ADMIN = {"sslcert", "sslkey", "sslcrl", "sslpassword", "passfile", "service", "servicefile", "sslcrldir"}


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
    """Raise `ValueError` if the options of the admin's URL do not work in pods, whose URLs repeat them."""
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
    """Return True if connections by this URL verify the server's certificate: else an attacker who redirects them can read all."""
    options = dict(parse_qsl(urlsplit(dsn).query))
    return options.get("sslmode") in {"require", "verify-ca", "verify-full"} and bool(options.get(_AUTHORITY))


def read_authority(admin_dsn: str) -> str | None:
    """Return the PEM certificates in the CA file that the admin's URL names; None if the URL names no file."""
    file = dict(parse_qsl(urlsplit(admin_dsn).query)).get(_AUTHORITY)
    return Path(file).read_text(encoding="utf-8") if file else None


def without_authority(dsn: str) -> str:
    """Return the URL without the path of the CA file: in the pods the file has another path."""
    base, _, query = dsn.partition("?")
    kept = [each for each in query.split("&") if each and each.partition("=")[0] != _AUTHORITY]
    return f"{base}?{'&'.join(kept)}" if kept else base


def parse_login(url: str | None) -> tuple[str, str]:
    """Return user and password of a stored URL; ("", "") if it is missing or unreadable, so that a new password is made."""
    try:
        parts = urlsplit(url or "")
        return parts.username or "", unquote(parts.password or "")
    except ValueError:
        return "", ""
