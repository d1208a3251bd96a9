"""PostgreSQL: pools, migrations, the group roles, and the counts of bookings that both planes publish."""

from askproai_core.database.migrate import (
    MigrationBlocked,
    Migrator,
    OtherHistory,
    oldest_usable_version,
    read_applied,
    refuse_other_history,
    schema_version,
    shipped_migrations,
)
from askproai_core.database.pool import (
    DATABASE_AWAY,
    DATABASE_UNAVAILABLE,
    Connection,
    DatabaseError,
    Pool,
    StatementTimeout,
    open_pool,
)

__all__ = [
    "DATABASE_AWAY", "DATABASE_UNAVAILABLE", "Connection", "DatabaseError", "MigrationBlocked", "Migrator", "OtherHistory",
    "Pool", "StatementTimeout", "group_roles", "oldest_usable_version", "open_pool", "read_applied", "refuse_other_history",
    "schema_version", "shipped_migrations", "tenant_figures",
]  # fmt: skip
