"""The SQL statements of the private API and of the page."""

from askproai_runtime.admin_api.store.calls import CallStore
from askproai_runtime.admin_api.store.events import AdminApiStore, AppointmentFilter
from askproai_runtime.admin_api.store.failures import FailureStore
from askproai_runtime.admin_api.store.figures import FigureStore
from askproai_runtime.admin_api.store.pulse import Pulse, PulseStore
from askproai_runtime.admin_api.store.reads import record_read
from askproai_runtime.admin_api.store.sessions import SessionStore

__all__ = [
    "AdminApiStore",
    "AppointmentFilter",
    "CallStore",
    "FailureStore",
    "FigureStore",
    "Pulse",
    "PulseStore",
    "SessionStore",
    "record_read",
]
