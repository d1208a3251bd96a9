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
from askproai_runtime.admin_api.appointment_entry import AppointmentEntry, Change
from askproai_runtime.admin_api.appointments import AppointmentDetail, AppointmentPage, NewStart
from askproai_runtime.admin_api.blocks import (
    AddedBlock,
    BlockDetail,
    BlockEntry,
    BlockPage,
    PauseEntry,
    PauseList,
    RemovedBlock,
)
from askproai_runtime.admin_api.calls import CallPage, Timeline
from askproai_runtime.admin_api.desk import ChangeObstacle
from askproai_runtime.admin_api.endpoint import MAX_ROWS, Access, Endpoint, printable
from askproai_runtime.admin_api.events import EventPage, RedriveResult
from askproai_runtime.admin_api.failures import FailedBookingList
from askproai_runtime.admin_api.figures import DayOfBookings, Figures
from askproai_runtime.admin_api.messages import MessageDetail, MessageEntry, MessagePage
from askproai_runtime.admin_api.notifications import NotificationPage, RedrivenNotifications
from askproai_runtime.admin_api.private_api import PrivateApi
from askproai_runtime.admin_api.roles import Right, Role, rights_of
from askproai_runtime.admin_api.sessions import SESSION_LIFETIME, EndedSession, SeenSessions, SessionList
from askproai_runtime.admin_api.store import AdminApiStore, Pulse, PulseStore
from askproai_runtime.admin_api.waitlist import WaitlistPage

__all__ = [
    "BASE", "MAX_ROWS", "SESSION_LIFETIME", "Access", "AddedBlock", "AdminApiStore", "AppointmentDetail",
    "AppointmentEntry", "AppointmentPage", "BlockDetail", "BlockEntry", "BlockPage", "CallPage", "Change",
    "ChangeObstacle", "CircuitList", "DayOfBookings", "EndedSession", "Endpoint", "EventPage", "FailedBookingList",
    "Figures", "MessageDetail", "MessageEntry", "MessagePage", "NewStart", "NotificationPage", "PauseEntry",
    "PauseList", "PrivateApi", "Pulse", "PulseStore", "RedriveResult", "RedrivenNotifications", "RemovedBlock", "Right",
    "Role", "SeenSessions", "SessionList", "Timeline", "WaitlistPage", "access_of", "api_app", "description_app",
    "endpoints", "find_access", "printable", "require_token", "rights_of",
]  # fmt: skip
