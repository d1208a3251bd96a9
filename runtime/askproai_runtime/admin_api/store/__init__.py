"""The SQL statements of the private API."""

from askproai_runtime.admin_api.store.calls import CallStore
from askproai_runtime.admin_api.store.events import AdminApiStore

__all__ = ["AdminApiStore", "CallStore"]
