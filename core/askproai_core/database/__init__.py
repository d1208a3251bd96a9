"""PostgreSQL: pools, migrations, the login roles that isolate tenants, and what the operator keeps in the database."""

from askproai_core.database.admin import AdminStore, DataOwnedByOther, LoginSuspended
from askproai_core.database.audit_state import (
    CALENDAR_AUDIT,
    MAX_DIFFERENCES,
    MAX_OTHERS,
    MAX_REASON,
    AuditedAccount,
    AuditProgress,
    AuditState,
    Difference,
    DifferenceSort,
    decode_audit_state,
    read_audit_state,
)
from askproai_core.database.canary_outcomes import CallerCounts, CanaryOutcomes, Trial
from askproai_core.database.facts import DatabaseFacts
from askproai_core.database.migrate import (
    Migration,
    MigrationBlocked,
    MigrationError,
    Migrator,
    OtherHistory,
    oldest_usable_version,
    schema_version,
    shipped_migrations,
)
from askproai_core.database.notification_state import (
    NOTIFICATIONS,
    AwayChannel,
    NotificationState,
    read_notification_state,
)
from askproai_core.database.poll_state import (
    CALENDAR_POLL,
    AccountState,
    ImportState,
    PollProgress,
    PollState,
    read_poll_state,
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
from askproai_core.database.resources import PERSON, TenantNotFound
from askproai_core.database.roles import (
    RolesUnavailable,
    login_dsn,
    parse_login,
    require_passable_options,
    with_authority,
)
from askproai_core.database.sessions import EndedSession, Misuse, WatchStep
from askproai_core.database.shadows import (
    SHADOW_COMPARED,
    ShadowDifference,
    ShadowFindings,
    ShadowResults,
    shadow_name,
)
from askproai_core.database.stranded import DeclaredWork, Stranded, StrandedBy, encode_declared
from askproai_core.database.tenant_figures import BookingCounts, TenantFigures, read_days_of_bookings
from askproai_core.database.tenant_rows import CannotMove, Insertion, Snapshot, TenantRows, open_tenant_rows
from askproai_core.database.tenant_states import CalendarBacklog, ProvisionedTenant, TenantFacts, TenantState
from askproai_core.database.tenant_tables import find_export_id

__all__ = [
    "CALENDAR_AUDIT", "CALENDAR_POLL", "DATABASE_AWAY", "DATABASE_UNAVAILABLE", "MAX_DIFFERENCES", "MAX_OTHERS", "MAX_REASON",
    "NOTIFICATIONS", "PERSON", "SHADOW_COMPARED", "AccountState", "AdminStore", "AuditProgress", "AuditState",
    "AuditedAccount", "AwayChannel", "BookingCounts", "CalendarBacklog", "CallerCounts", "CanaryOutcomes", "CannotMove",
    "Connection", "DataOwnedByOther", "DatabaseError", "DatabaseFacts", "DeclaredWork", "Difference", "DifferenceSort",
    "EndedSession", "ImportState", "Insertion", "LoginSuspended", "Migration", "MigrationBlocked", "MigrationError",
    "Migrator", "Misuse", "NotificationState", "OtherHistory", "PollProgress", "PollState", "Pool", "ProvisionedTenant",
    "RolesUnavailable", "ShadowDifference", "ShadowFindings", "ShadowResults", "Snapshot", "StatementTimeout", "Stranded",
    "StrandedBy", "TenantFacts", "TenantFigures", "TenantNotFound", "TenantRows", "TenantState", "Trial", "WatchStep",
    "decode_audit_state", "encode_declared", "find_export_id", "login_dsn", "oldest_usable_version",
    "open_pool", "open_tenant_rows", "parse_login", "read_audit_state", "read_days_of_bookings",
    "read_notification_state", "read_poll_state", "require_passable_options", "schema_version", "shadow_name",
    "shipped_migrations", "with_authority",
]  # fmt: skip
