"""The operator's knowledge when it compiles a tenant's config."""

from typing import Any

CONTEXT: dict[str, Any] = {
    "resource_ids": {}, "foreign_numbers": {}, "path_prefix": "", "installation_id": "i", "calendar_base_url": "",
    "retell_base_url": "",
}  # fmt: skip
