"""PostgreSQL: pools, migrations, and the roles and rows that fence the tenants."""

from askproai_runtime.store.admin import AdminStore
from askproai_runtime.store.errors import (
    DataOwnedByOther,
    MigrationError,
    RolesUnavailable,
    StoreError,
    TenantUnknown,
)
from askproai_runtime.store.migrate import (
    Migration,
    MigrationState,
    Migrator,
    schema_version,
    shipped_migrations,
)
from askproai_runtime.store.pool import Connection, Pool, open_pool
from askproai_runtime.store.roles import role_name

__all__ = [
    "AdminStore",
    "Connection",
    "DataOwnedByOther",
    "Migration",
    "MigrationError",
    "MigrationState",
    "Migrator",
    "Pool",
    "RolesUnavailable",
    "StoreError",
    "TenantUnknown",
    "open_pool",
    "role_name",
    "schema_version",
    "shipped_migrations",
]
