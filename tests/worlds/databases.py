"""A database with roles, schema and tenants, for tests."""

import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from askproai_operator.store.admin import AdminStore
from askproai_sandbox.postgres import EmbeddedPostgres

# The resources of a tenant that needs no others: branch, staff member, unit.
STAFF_UNITS = (("mitte", "anna", 1), ("mitte", "mehmet", 1))
# A database of each server with the newest schema: a copy takes two thirds of the time of all migrations.
_templates: WeakKeyDictionary[EmbeddedPostgres, str] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class TenantStore:
    """A tenant as its pods see the database. `resources` maps (branch, staff, unit) to the id of the row in `resources`."""

    tenant: str
    uid: str
    role: str
    dsn: str
    resources: dict[tuple[str, str, int], int]


@dataclass(frozen=True, slots=True)
class Database:
    """A prepared database. `dsn` is its owner's URL, as the operator has it; `superuser_dsn` bypasses row security."""

    name: str
    dsn: str
    superuser_dsn: str
    admin: AdminStore

    async def create_tenant(self, name: str, staff_units: Iterable[tuple[str, str, int]] = STAFF_UNITS) -> TenantStore:
        """Create the tenant `<name>.<name>` with its role, and a resource for each (branch, staff, unit)."""
        tenant, uid, password = f"{name}.{name}", f"uid-{name}", f"password-of-{name}"
        await self.admin.ensure_tenant(tenant, uid, password, connection_limit=60)
        resources = await self.admin.ensure_resources(tenant, staff_units)
        return TenantStore(
            tenant, uid, self.admin.role_name(tenant), self.admin.tenant_dsn(tenant, password), resources
        )


@asynccontextmanager
async def fresh_database(postgres: EmbeddedPostgres) -> AsyncIterator[Database]:
    """Yield a new database with the roles and the newest schema. It is dropped at the end, even if clients are connected."""
    if (template := _templates.get(postgres)) is None:
        template = _templates[postgres] = await _create_template(postgres)
    name = f"test_{secrets.token_hex(6)}"
    dsn = await postgres.create_database(name, template=template)
    admin = AdminStore(dsn)
    try:
        await admin.prepare()  # the rights on the database itself, which are not copied
        yield Database(name, dsn, postgres.superuser_dsn.removesuffix("postgres") + name, admin)
    finally:
        await admin.close()
        await postgres.drop_database(name)


async def _create_template(postgres: EmbeddedPostgres) -> str:
    """Create a prepared database without connections; return its name."""
    name = f"template_{secrets.token_hex(6)}"
    admin = AdminStore(await postgres.create_database(name))
    try:
        await admin.prepare()
    finally:
        await admin.close()
    return name
