"""PostgreSQL: pools, migrations, the login roles that isolate tenants, and what the operator keeps in the database."""

from askproai_core.database.admin import AdminStore, CalendarBacklog, DataOwnedByOther, LoginSuspended, TenantFacts
from askproai_core.database.migrate import (
    Migration,
    MigrationBlocked,
    MigrationError,
    Migrator,
    oldest_usable_version,
    schema_version,
    shipped_migrations,
)
from askproai_core.database.pool import DATABASE_UNAVAILABLE, Connection, DatabaseError, Pool, open_pool
from askproai_core.database.resources import PERSON, TenantNotFound
from askproai_core.database.roles import (
    RolesUnavailable,
    login_dsn,
    parse_login,
    require_passable_options,
    with_authority,
)
from askproai_core.database.sessions import EndedSession, Misuse, WatchStep

__all__ = [
    "DATABASE_UNAVAILABLE", "PERSON", "AdminStore", "CalendarBacklog", "Connection", "DataOwnedByOther", "DatabaseError",
    "EndedSession",
    "LoginSuspended", "Migration", "MigrationBlocked", "MigrationError", "Migrator", "Misuse", "Pool", "RolesUnavailable",
    "TenantFacts", "TenantNotFound", "WatchStep", "login_dsn", "oldest_usable_version", "open_pool", "parse_login",
    "require_passable_options", "schema_version", "shipped_migrations", "with_authority",
]  # fmt: skip
