"""The tables with a tenant's rows, the columns of `tenants` that an import takes from its file, and the owner of rows. Pure."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

# Every table with rows of a tenant, referencing tables first. A test compares it with the catalog.
TENANT_TABLES: Final = (
    "jobs", "call_actions", "refusals", "claims", "appointments", "customers", "calls", "webhook_events",
    "provider_calls", "audit_log", "billing", "function_requests", "tasks", "free_times",
    "host_free_times", "messages", "waitlist_offers", "freed_times", "waitlist", "verifications", "notifications",
    "reminder_opt_outs", "erased_references", "erasures", "call_notices", "shadow_requests", "resources", "tenants",
)  # fmt: skip


class Origin(StrEnum):
    """Where an import takes a column of `tenants` from. The file is not trusted, since anybody may have written it."""

    FILE = "file"  # from the file: a fact about the tenant's rows
    IMPORT = "import"  # set by the destination
    OPERATOR = "operator"  # the column's default, until the operator writes it from the Tenant


# Every column of `tenants`. A test compares it with the catalog: whoever adds a column decides.
TENANT_COLUMNS: Final[Mapping[str, Origin]] = {
    "tenant": Origin.IMPORT,
    "role": Origin.IMPORT,
    "uid": Origin.IMPORT,
    "created_at": Origin.IMPORT,
    "retell_key_hash": Origin.OPERATOR,
    "retell_base_url": Origin.OPERATOR,
    "calcom_base_url": Origin.OPERATOR,
    "shadow_of": Origin.OPERATOR,  # the tenant whose rows the role may copy
    # Until the Tenant adopts its rows, they age by the source's days.
    "raw_event_days": Origin.FILE,
    "transcript_days": Origin.FILE,
    "call_days": Origin.FILE,
    "appointment_days": Origin.FILE,
    "customer_days": Origin.FILE,
}

_EXPORTED: Final = ":"  # no UID of Kubernetes contains it
# No namespace and no Tenant has a colon in its name, so no shadow is one.
_KEY_OF_TENANT: Final = re.compile(r"[a-z0-9][-a-z0-9]*\.[a-z0-9][-a-z0-9.]*", re.ASCII)


def is_key_of_tenant(key: str) -> bool:
    """Return True if a key is the `<namespace>.<name>` of a Tenant; False for a shadow's key."""
    return _KEY_OF_TENANT.fullmatch(key) is not None


def exported_owner(uid: str, export_id: str) -> str:
    """Return the owner to record for rows exported from the Tenant with `uid`: no Tenant's UID, so no Tenant serves them."""
    return f"{uid}{_EXPORTED}{export_id}"


def find_export_id(owner: str) -> str | None:
    """Return the export's id in the recorded owner of exported rows; None if the owner is a Tenant's UID."""
    return owner.partition(_EXPORTED)[2] or None


def uid_of_owner(owner: str) -> str:
    """Return the UID of the Tenant in the recorded owner of rows: their owner now, or before their export."""
    return owner.partition(_EXPORTED)[0]
