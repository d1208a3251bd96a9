"""PostgreSQL: pools, migrations, and the roles and rows that fence the tenants."""

from askproai_core.database.admin import AdminStore, DataOwnedByOther, TenantFacts, TenantUnknown
from askproai_core.database.migrate import Migration, MigrationError, Migrator, schema_version, shipped_migrations
from askproai_core.database.pool import DATABASE_AWAY, Connection, Pool, StoreError, open_pool
from askproai_core.database.roles import RolesUnavailable, login_dsn

__all__ = [
    "DATABASE_AWAY", "AdminStore", "Connection", "DataOwnedByOther", "Migration", "MigrationError", "Migrator", "Pool",
    "RolesUnavailable", "StoreError", "TenantFacts", "TenantUnknown", "login_dsn", "open_pool", "schema_version",
    "shipped_migrations",
]  # fmt: skip
