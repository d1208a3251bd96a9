"""The private API of a tenant, `/api/v1/…` on port 8081, for the tenant's operators. It is never routed from outside.

Each kind of object has a module. An endpoint is a function over a request and typed values; the page calls the same functions.
"""

from askproai_runtime.admin_api.app import BASE, access_of, api_app, description_app, find_access, require_token
from askproai_runtime.admin_api.parameters import MAX_ROWS, Paging, require_valid
from askproai_runtime.admin_api.request import Access, ApiRequest, PrivateApi, printable
from askproai_runtime.admin_api.roles import Right, Role, rights_of
from askproai_runtime.admin_api.store.events import AdminApiStore
from askproai_runtime.admin_api.store.pulse import Pulse, PulseStore

__all__ = [
    "BASE", "MAX_ROWS", "Access", "AdminApiStore", "ApiRequest", "Paging", "PrivateApi", "Pulse", "PulseStore", "Right", "Role",
    "access_of", "api_app", "appointment_entry", "blocks", "description_app", "desk", "figures", "find_access", "messages",
    "printable", "require_token", "require_valid", "rights_of", "sessions",
]  # fmt: skip
