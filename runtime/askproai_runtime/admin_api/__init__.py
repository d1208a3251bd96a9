"""The private API of a tenant, `/api/v1/…` on port 8081: for its operators, never routed from outside."""

from askproai_runtime.admin_api.app import (
    BASE,
    CircuitList,
    access_of,
    api_app,
    description_app,
    endpoints,
    find_access,
    require_token,
)
from askproai_runtime.admin_api.appointment_entry import AppointmentEntry
from askproai_runtime.admin_api.appointments import AppointmentDetail, AppointmentPage
from askproai_runtime.admin_api.blocks import BlockEntry, BlockPage
from askproai_runtime.admin_api.calls import CallPage, Timeline
from askproai_runtime.admin_api.endpoint import MAX_ROWS, Access, Endpoint, printable
from askproai_runtime.admin_api.events import EventPage
from askproai_runtime.admin_api.failures import FailedBookingList
from askproai_runtime.admin_api.messages import MessagePage
from askproai_runtime.admin_api.notifications import NotificationPage
from askproai_runtime.admin_api.private_api import PrivateApi
from askproai_runtime.admin_api.store import AdminApiStore, Pulse, PulseStore
from askproai_runtime.admin_api.waitlist import WaitlistPage

__all__ = [
    "BASE", "MAX_ROWS", "Access", "AdminApiStore", "AppointmentDetail", "AppointmentEntry", "AppointmentPage", "BlockEntry",
    "BlockPage", "CallPage", "CircuitList", "Endpoint", "EventPage", "FailedBookingList", "MessagePage", "NotificationPage",
    "PrivateApi", "Pulse", "PulseStore", "Timeline", "WaitlistPage", "access_of", "api_app", "description_app", "endpoints",
    "find_access", "printable", "require_token",
]  # fmt: skip
