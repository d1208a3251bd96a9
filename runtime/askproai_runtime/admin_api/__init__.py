"""The private API of a tenant, `/api/v1/…` on port 8081: for its operators, never routed from outside."""

from askproai_runtime.admin_api.app import BASE, api_app, description_app, endpoints, require_token
from askproai_runtime.admin_api.store import AdminApiStore

__all__ = ["BASE", "AdminApiStore", "api_app", "description_app", "endpoints", "require_token"]
