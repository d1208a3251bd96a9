"""`AdminStore`, the operator's access to the database: prepares it, and keeps tenants' roles, rows and resources as declared."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import asyncpg
import structlog

from askproai_core.database import Connection, DatabaseError, Pool, open_pool
from askproai_core.database.group_roles import COORDINATOR
from askproai_core.database.tenant_figures import BookingCounts, TenantFigures, read_figures, read_month_of_bookings
from askproai_operator import login_urls
from askproai_operator.installation_report import DatabaseReport
from askproai_operator.store import login_roles, shadows
from askproai_operator.store.canary_outcomes import CanaryOutcomes, Trial, read_canary_outcomes
from askproai_operator.store.database_facts import read_facts
from askproai_operator.store.resources import Member, ResourceKey, ensure_resources, find_resources
from askproai_operator.store.row_owners import DataOwnedByOther, ensure_row
from askproai_operator.store.schema import Schema
from askproai_operator.store.sessions import (
    SUSPENSION_SECONDS,
    Ended,
    Failed,
    Misuse,
    TenantLogin,
    TenantLogins,
    open_watch,
)
from askproai_operator.store.tenant_states import (
    ProvisionedTenant,
    TenantFacts,
    TenantState,
    find_provisioned,
    has_encrypted_rows,
    list_failing_providers,
    read_states,
)
from askproai_operator.store.tenant_tables import find_export_id, uid_of_owner

log = structlog.get_logger(__name__)

# A key of the operator; a reconcile uses one for milliseconds.
_CONNECTIONS = 8

# Two replicas during a rolling update make four processes; only the leader works, with two connections.
COORDINATOR_CONNECTIONS = 8


class LoginSuspended(DatabaseError):
    """Raised for a tenant whose role may not log in for a while, after one of its sessions did something that no pod does."""

    def __init__(self, misuse: Misuse | None) -> None:
        super().__init__(
            f"the tenant's database login did what no pod does ({misuse or 'noted by another process'}) and may not connect for "
            f"{SUSPENSION_SECONDS // 60} minutes: find out who else has its password (who may read the Secret with DATABASE_URL?), "
            "and delete that Secret, so that a new password is made"
        )


class AdminStore:
    """The database of one installation, by the admin's login, which has CREATEROLE and owns the database, but is no superuser."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._pool: Pool | None = None
        self._schema = Schema(dsn, self._connection)
        self._logins = TenantLogins()

    async def prepare(self) -> None:
        """Create the group roles and migrate the schema. Safe to repeat, and to run twice at the same time.

        Every reconcile of a Tenant calls it. A long migration goes on when its caller is cancelled. A migration that is blocked
        or fails is retried (`schema.py`). Raises `MigrationBlocked` while the schema is too old for this release, and any error
        of a migration in its first twenty seconds.
        """
        await self._schema.prepare()

    async def read_facts(self) -> tuple[DatabaseReport, datetime]:
        """Return PostgreSQL's facts about itself and this installation, and its time (`database_facts.py`)."""
        async with self._connection() as conn:
            return await read_facts(conn)

    async def list_failing_providers(self, limit: int) -> Sequence[tuple[str, str]]:
        """Return at most `limit` pairs (tenant, provider) whose last requests from pods all failed (`tenant_states.py`)."""
        async with self._connection() as conn:
            return await list_failing_providers(conn, limit)

    @property
    def is_server_authenticated(self) -> bool:
        """Return True if connections by the admin's URL verify the server's certificate."""
        return login_urls.is_server_authenticated(self._dsn)

    async def wait_until_prepared(self) -> None:
        """Wait until `prepare` has returned or failed once; after a failure, a misbehaving session may be its cause."""
        await self._schema.wait_until_prepared()

    async def ensure_tenant(
        self,
        tenant: str,
        uid: str,
        password: str,
        connection_limit: int,
        *,
        adopt: str | None = None,
        key_hash: str = "",
        is_erasing: Callable[[str], Awaitable[bool]] | None = None,
        facts: TenantFacts = TenantFacts(),  # noqa: B008  frozen
        verify_password: bool = True,
    ) -> bool:
        """Create or update the tenant's row and its login role `role_name(tenant)`; return True if rows were adopted now.

        `facts` are written for the coordinator. Without `verify_password`, the role's password is not tested. Rows of another
        UID are adopted if that UID is `adopt`, or if its Retell key had the same `key_hash`, since no stranger has the key; an
        empty hash matches none. The key is not enough for a Tenant that lost the rows to a later one, or if `is_erasing`
        returns True: the rows are to be erased. Raises `DataOwnedByOther` otherwise, `RowsNotImported` if `adopt` names
        exported rows that are not there, and `LoginSuspended` for a while after a session of the role misbehaved.
        """
        role = self.role_name(tenant)
        async with self._connection() as conn:
            is_adopted = await ensure_row(
                conn, tenant, role, uid, adopt=adopt, key_hash=key_hash, is_erasing=is_erasing, facts=facts
            )
            if await self._ensure_login(conn, role, password, connection_limit, verify_password=verify_password):
                await self._require_not_exported(conn, tenant, uid)
        return is_adopted

    async def _require_not_exported(self, conn: Connection, tenant: str, uid: str) -> None:
        """If the rows were exported since they were read, drop the login that was just written, and raise `DataOwnedByOther`.

        An export drops the login after it has taken the rows, so at least one of the two sees the other's change.
        """
        owner = await conn.fetchval("SELECT uid FROM tenants WHERE tenant = $1", tenant)
        if find_export_id(owner or "") is not None:
            await self._drop_login(conn, self.role_name(tenant))
            raise DataOwnedByOther(tenant, owner, uid)

    async def _ensure_login(
        self, conn: Connection, name: str, password: str, connection_limit: int, *, verify_password: bool
    ) -> bool:
        """Create or update a tenant's login role; return True if it was written. The session watch learns of the role before
        the role can log in.

        Raises `LoginSuspended`.
        """
        login: TenantLogin | None = None

        def before_login(oid: int, former_limit: int) -> None:
            nonlocal login
            self._logins.note_mark(TenantLogin(oid, name, former_limit))
            login = TenantLogin(oid, name, connection_limit)
            self._logins.created[oid] = login
            if (suspension := self._logins.suspension(name)) is not None:
                raise LoginSuspended(suspension.misuse)

        is_written = await login_roles.ensure_login(
            conn,
            self._dsn,
            name,
            password,
            connection_limit,
            verify_password=verify_password,
            before_login=before_login,
        )
        if (suspension := self._logins.suspension(name)) is not None and login is not None:  # meanwhile
            self._logins.to_suspend[login.oid] = login
            raise LoginSuspended(suspension.misuse)
        self._logins.suspended.pop(name, None)
        return is_written

    async def ensure_coordinator(self, password: str) -> None:
        """Create or update the coordinator's login role; `coordinator_dsn(password)` is its URL."""
        name = login_roles.coordinator_role_name(login_urls.database_name(self._dsn))
        async with self._connection() as conn:
            limit, group = COORDINATOR_CONNECTIONS, COORDINATOR
            await login_roles.ensure_login(conn, self._dsn, name, password, limit, group=group)

    async def ensure_resources(
        self, tenant: str, desired: Iterable[ResourceKey], persons: Mapping[Member, str] | None = None
    ) -> dict[ResourceKey, int]:
        """Make the tenant's rows of `resources` as desired, and return their ids (`resources.py`). Raises `TenantNotFound`."""
        keys, persons = tuple(desired), persons or {}
        async with self._connection() as conn:
            known = await find_resources(conn, tenant, keys, persons)
            if known is not None:
                return known
            async with conn.transaction():
                return await ensure_resources(conn, tenant, keys, persons)

    async def find_owner(self, tenant: str) -> str | None:
        """Return the UID of the Tenant that owns this name's rows, or owned them before an export; None without rows."""
        async with self._connection() as conn:
            owner: str | None = await conn.fetchval("SELECT uid FROM tenants WHERE tenant = $1", tenant)
            return uid_of_owner(owner) if owner is not None else None

    async def has_encrypted_rows(self, tenant: str) -> bool:
        """Return True if the tenant has stored data that its pods encrypted. The query may read all of its events.

        False if it takes longer than a statement may: the answer is only for a warning, and no Tenant must wait for it.
        """
        try:
            async with self._connection() as conn:
                return await has_encrypted_rows(conn, tenant)
        except asyncpg.QueryCanceledError:
            log.warning("data_keys.not_looked_for", tenant=tenant, why="the tenant has too many events")
            return False

    async def find_provisioned(self, tenants: Collection[ProvisionedTenant]) -> set[str]:
        """Return the keys of the tenants that are as their last reconcile left them, in a few statements (`tenant_states.py`)."""
        async with self._connection() as conn:
            return await find_provisioned(conn, tenants)

    async def read_states(self, works: Mapping[str, str], waited: timedelta) -> dict[str, TenantState]:
        """Return by tenant the states on which conditions depend, in a few statements (`tenant_states.py`)."""
        async with self._connection() as conn:
            return await read_states(conn, works, waited)

    async def read_figures(self, tenants: Sequence[str]) -> Mapping[str, TenantFigures]:
        """Return the numbers of calls and bookings in the last 24 hours by tenant, by one statement."""
        async with self._connection() as conn:
            return await read_figures(conn, tenants)

    async def read_month_of_bookings(self, tenants: Sequence[str]) -> Mapping[str, BookingCounts]:
        """Return the numbers of bookings in the last 30 days by tenant, as far as records are kept, by one statement."""
        async with self._connection() as conn:
            return await read_month_of_bookings(conn, tenants)

    async def read_canary_outcomes(self, trials: Sequence[Trial]) -> Mapping[str, CanaryOutcomes]:
        """Return how many callers failed on canaries and on other pods, by tenant, in one statement (`canary_outcomes.py`)."""
        async with self._connection() as conn:
            return await read_canary_outcomes(conn, trials)

    async def drop_tenant(self, tenant: str, erase: bool, *, uid: str | None = None) -> None:
        """Drop the tenant's login role. Its rows stay for a later Tenant, unless `erase`. Safe to repeat.

        With `uid`, only that Tenant's rows are erased; rows of an earlier Tenant of this name that it never adopted stay.
        """
        await self.drop_shadow(tenant, uid)
        async with self._connection() as conn:
            await self._drop_login(conn, self.role_name(tenant))
        if erase:
            await self.erase(tenant, uid)

    async def ensure_shadow(self, tenant: str, uid: str, password: str, connection_limit: int) -> Mapping[int, int]:
        """Create or update a tenant's shadow and its login; return the shadow's resource ids by the tenant's (`shadows.py`).

        A shadow that a former Tenant of this name left is erased.
        """
        name = shadows.shadow_name(tenant)
        if await self.find_owner(name) not in {None, uid}:
            await self.drop_shadow(tenant)
        await self.ensure_tenant(name, uid, password, connection_limit, verify_password=False)
        async with self._connection() as conn, conn.transaction():
            return await shadows.ensure_shadow_resources(conn, tenant)

    async def read_shadow_results(self, tenant: str, limit: int) -> shadows.ShadowResults:
        """Return the results of a tenant's shadow, with the newest `limit` calls that differ (`shadows.py`)."""
        async with self._connection() as conn:
            return await shadows.read_shadow_results(conn, tenant, limit)

    async def drop_shadow(self, tenant: str, uid: str | None = None) -> None:
        """Delete a tenant's shadow: login, rows, requests to be replayed. With `uid`, only that Tenant's. Safe to repeat."""
        role = self.role_name(shadows.shadow_name(tenant))
        async with self._connection() as conn:
            if await shadows.has_shadow(conn, tenant, uid, role):
                await self._drop_login(conn, role)
                async with conn.transaction():
                    await shadows.delete_shadow_rows(conn, tenant)

    async def drop_former_tenant(self, tenant: str, erase: bool, *, uid: str) -> None:
        """Drop the login role and, with `erase`, the rows of a deleted Tenant, unless they belong to a namesake by now.

        The role is the namesake's as soon as it owns the rows. Until then the role has the deleted Tenant's password. If the
        namesake adopts the rows at this very moment, its next reconcile creates the role again.
        """
        async with self._connection() as conn:
            owner = await conn.fetchval("SELECT uid FROM tenants WHERE tenant = $1", tenant)
            if owner is None or uid_of_owner(owner) == uid:
                await self._drop_login(conn, self.role_name(tenant))
        if erase:
            await self.erase(tenant, uid)

    async def _drop_login(self, conn: Connection, role: str) -> None:
        if self._logins.suspension(role) is None:
            self._logins.suspended.pop(role, None)  # or the watch would restore it meanwhile
        await login_roles.drop_login(conn, role)
        self._logins.forget(role)

    async def erase(self, tenant: str, uid: str | None = None) -> None:
        """Delete the tenant's rows and its shadow's. With `uid`, only if the rows are that Tenant's, or were until an export."""
        async with self._connection() as conn, conn.transaction():
            owner = await conn.fetchval("SELECT uid FROM tenants WHERE tenant = $1 FOR UPDATE", tenant)
            if uid is not None and uid_of_owner(owner or "") != uid:
                return
            await shadows.delete_rows(conn, shadows.shadow_name(tenant))
            await shadows.delete_rows(conn, tenant)

    def role_name(self, tenant: str) -> str:
        return login_roles.tenant_role_name(tenant, login_urls.database_name(self._dsn))

    def tenant_dsn(self, tenant: str, password: str) -> str:
        """Return the tenant's own DATABASE_URL."""
        return self._pods_dsn(self.role_name(tenant), password)

    def coordinator_dsn(self, password: str) -> str:
        """Return the coordinator's DATABASE_URL."""
        return self._pods_dsn(login_roles.coordinator_role_name(login_urls.database_name(self._dsn)), password)

    @property
    def ca(self) -> str | None:
        """Return the CA certificates of the PostgreSQL server, which pods need to verify it; None if the URL names none."""
        return login_urls.read_authority(self._dsn)

    def _pods_dsn(self, role: str, password: str) -> str:
        return login_urls.without_authority(login_urls.login_dsn(self._dsn, role, password))

    @asynccontextmanager
    async def watch_sessions(self, ended: Ended, failed: Failed) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """Yield a function that checks the tenants' sessions once. It ends sessions that hold up others, and may suspend roles.

        `ensure_tenant` refuses a suspended role for a while; after that, the role may log in again. Another process that finds
        the role suspended counts the time from then on.
        """
        async with open_watch(self._dsn, self._logins, ended, failed) as watch:
            yield watch.check

    async def close(self) -> None:
        """Cancel a running migration, which the next process begins again."""
        await self._schema.end_migration()
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        if self._pool is None:
            self._pool = open_pool(self._dsn, max_size=_CONNECTIONS, application_name="askproai-operator")
        async with (await self._pool).acquire() as conn:  # awaiting an open pool returns it
            yield conn
