"""Which tables have rows of a tenant, and whose the rows of a name are. Pure."""

from typing import Final

# Every table with rows of a tenant, referencing tables first. A test compares it with the catalog.
TENANT_TABLES: Final = (
    "jobs", "call_actions", "refusals", "claims", "appointments", "customers", "calls", "webhook_events",
    "provider_calls", "audit_log", "billing", "function_requests", "tasks", "free_times",
    "host_free_times", "messages", "waitlist_offers", "freed_times", "waitlist", "verifications", "notifications",
    "reminder_opt_outs", "erased_references", "erasures", "call_notices", "shadow_requests", "resources", "tenants",
)  # fmt: skip

_EXPORTED: Final = ":"  # no UID of Kubernetes has one


def exported_owner(uid: str, export_id: str) -> str:
    """Return the owner of rows that were exported from the Tenant with `uid`. No Tenant has this UID, so none serves them."""
    return f"{uid}{_EXPORTED}{export_id}"


def find_export_id(owner: str) -> str | None:
    """Return the id of the export after which rows have this owner; None for the UID of a Tenant."""
    return owner.partition(_EXPORTED)[2] or None


def uid_of_owner(owner: str) -> str:
    """Return the UID of the Tenant that has the rows, or had them before they were exported."""
    return owner.partition(_EXPORTED)[0]
