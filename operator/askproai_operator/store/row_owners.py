"""Which Tenant owns the rows of a tenant key, and which other Tenant may adopt them."""

import hmac
from collections.abc import Awaitable, Callable

from askproai_core.database import Connection, DatabaseError
from askproai_operator.store.tenant_states import FACTS, TenantFacts, write_facts
from askproai_operator.store.tenant_tables import find_export_id, uid_of_owner

_FIND_TENANT = f"SELECT uid, retell_key_hash, {FACTS} FROM tenants WHERE tenant = $1"  # noqa: S608  our own names
# A Tenant that lost its rows to another cannot take them back: two living Tenants would take them in turn for ever.
_HAS_LOST_ROWS = """
SELECT EXISTS (SELECT FROM audit_log
    WHERE tenant = $1 AND actor = 'operator' AND action = 'data_adopted' AND detail ->> 'from' = $2)
"""


class DataOwnedByOther(DatabaseError):
    """Raised if the rows of this tenant key belong to another Tenant object and must be adopted first.

    A Tenant whose manifest names the owner's UID can adopt them. A namesake reads this text in its status, so the text omits
    `owner_uid`. `uid` is the UID of the asking Tenant.
    """

    def __init__(self, tenant: str, owner_uid: str, uid: str = "") -> None:
        was_exported = find_export_id(owner_uid) is not None and uid_of_owner(owner_uid) == uid
        super().__init__(
            f"the rows of {tenant} were exported (askproai tenant export), and are served by another installation: delete this"
            " Tenant once it is Ready there. If they are imported nowhere, go on here with the annotation askproai.de/adopt-data:"
            " <the owner that the export printed>"
            if was_exported
            else f"the rows of {tenant} belong to a former Tenant of this name: choose another name, use the Retell key that it"
            " had, or adopt them with the annotation askproai.de/adopt-data: <its UID>; the platform team finds the UID in the"
            " operator's log (database.not_ready)"
        )
        self.owner_uid = owner_uid


class RowsNotImported(DatabaseError):
    """Raised if a Tenant is to adopt exported rows that are not in this database: it must not begin with an empty book."""

    def __init__(self, tenant: str) -> None:
        super().__init__(
            f"the rows of {tenant} that its annotation askproai.de/adopt-data names are not in this database: import them"
            " (askproai tenant import), or remove the annotation to begin without any"
        )


async def ensure_row(
    conn: Connection,
    tenant: str,
    role: str,
    uid: str,
    *,
    adopt: str | None,
    key_hash: str,
    is_erasing: Callable[[str], Awaitable[bool]] | None,
    facts: TenantFacts,
) -> bool:
    """Create or update the tenant's row; return True if rows of another UID were adopted now (see `AdminStore.ensure_tenant`)."""
    known = await conn.fetchrow(_FIND_TENANT, tenant)
    if known is None and find_export_id(adopt or ""):
        raise RowsNotImported(tenant)
    if known is None:
        await conn.execute(
            "INSERT INTO tenants (tenant, role, uid) VALUES ($1, $2, $3) ON CONFLICT (tenant) DO NOTHING",
            tenant, role, uid,
        )  # fmt: skip
        known = await conn.fetchrow(_FIND_TENANT, tenant)
    owner, owners_key_hash, *recorded = known or ("", None)
    if owner != uid:
        has_key = bool(key_hash) and hmac.compare_digest(key_hash, owners_key_hash or "")
        if owner != adopt and not (has_key and await _may_adopt_by_key(conn, tenant, owner, uid, is_erasing)):
            raise DataOwnedByOther(tenant, owner, uid)
        await _adopt(conn, tenant, owner, uid)
    if owners_key_hash is not None and owners_key_hash != key_hash:
        await conn.execute(
            "UPDATE tenants SET retell_key_hash = $2 WHERE tenant = $1 AND uid = $3", tenant, key_hash, uid
        )
    if tuple(recorded) != facts.columns:
        await write_facts(conn, tenant, facts)
    return bool(owner != uid)


async def _may_adopt_by_key(
    conn: Connection, tenant: str, owner: str, uid: str, is_erasing: Callable[[str], Awaitable[bool]] | None
) -> bool:
    """Return True if a key entitles the Tenant to the rows: it has not lost them to a later Tenant, nor must they be erased."""
    if await conn.fetchval(_HAS_LOST_ROWS, tenant, uid):
        return False
    return is_erasing is None or not await is_erasing(owner)


async def _adopt(conn: Connection, tenant: str, owner: str, uid: str) -> None:
    """Assign the rows to another Tenant, with an audit entry. Raises DataOwnedByOther if another Tenant adopted them first."""
    async with conn.transaction():
        adopted = await conn.fetchval(
            "UPDATE tenants SET uid = $3 WHERE tenant = $1 AND uid = $2 RETURNING true", tenant, owner, uid
        )
        if not adopted:
            raise DataOwnedByOther(tenant, await conn.fetchval("SELECT uid FROM tenants WHERE tenant = $1", tenant))
        await conn.execute(
            """INSERT INTO audit_log (tenant, actor, action, detail, correlation_id)
               VALUES ($1, 'operator', 'data_adopted', jsonb_build_object('from', $2::text, 'to', $3::text), $3)""",
            tenant, owner, uid,
        )  # fmt: skip
