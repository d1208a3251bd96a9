"""What can go wrong in the store, as one tree of types."""


class StoreError(Exception):
    """The root; a message says what to do."""


class MigrationError(StoreError):
    """The schema and this release's migration files do not fit."""


class RolesUnavailable(StoreError):
    """The admin login lacks what it needs to manage the roles."""


class DataOwnedByOther(StoreError):
    """Rows of this tenant key belong to another Tenant object (its UID is in `owner_uid`); they must be adopted."""

    def __init__(self, tenant: str, owner_uid: str) -> None:
        super().__init__(
            f"the rows of {tenant} belong to an earlier Tenant with UID {owner_uid}: "
            f"adopt them with the annotation askproai.de/adopt-data: {owner_uid}, or choose another name"
        )
        self.tenant = tenant
        self.owner_uid = owner_uid


class TenantUnknown(StoreError):
    """The table `tenants` has no such row; `ensure_tenant` comes first."""
