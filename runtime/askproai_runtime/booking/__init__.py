"""Appointments: offers, holds, booking, finding, moving and cancelling, by callers and for the desk, blocks of a person's time;
the messages of callers, and the waiting list.

Every function takes the process's `BookingContext` first. The modules `bookables`, `free_times`, `remote` and `store` are public
for `calendar_sync` alone.
"""

from askproai_runtime.booking import bookables, free_times, remote, store
from askproai_runtime.booking.amended_messages import withdraws_call_back
from askproai_runtime.booking.announce import announce
from askproai_runtime.booking.attendance import AttendanceObstacle, AttendanceRefused, mark_attendance
from askproai_runtime.booking.blocks import (
    BlockExists,
    BlockObstacle,
    InvalidBlock,
    add_block,
    is_booked_remotely,
    is_longest,
    list_blocks_within,
    list_current_blocks,
    list_offers_within,
    preview_block,
    remove_block,
    resolve_span,
    show_block,
)
from askproai_runtime.booking.book import book_appointment
from askproai_runtime.booking.changes import commit_and_answer
from askproai_runtime.booking.desk import (
    CalendarState,
    DeskBusy,
    RequestUsed,
    UnclearStart,
    calendar_state,
    cancel_for_desk,
    find_by_id,
    move_for_desk,
    parse_start_for_desk,
)
from askproai_runtime.booking.desk_booking import (
    Customer,
    InvalidBooking,
    Place,
    book_for_desk,
    notified_channels,
    preview_booking,
)
from askproai_runtime.booking.desk_messages import find_messages, list_messages_for_desk, mark_message_done
from askproai_runtime.booking.desk_pauses import Pause, list_current_pauses, pause_bookings
from askproai_runtime.booking.email_address import read_named_email
from askproai_runtime.booking.find import cancel_appointment, find_appointments
from askproai_runtime.booking.free_days import FreeDay, list_free_slots
from askproai_runtime.booking.free_times import drop_absence
from askproai_runtime.booking.full_names import ASKED_NAME
from askproai_runtime.booking.messages import leave_message
from askproai_runtime.booking.named_people import describes_person, read_people
from askproai_runtime.booking.offer import check_availability
from askproai_runtime.booking.pauses import list_pauses
from askproai_runtime.booking.phone_argument import has_digits
from askproai_runtime.booking.replacing_moves import reschedule_appointment
from askproai_runtime.booking.request import NOTES_LIMIT, read_said, read_text
from askproai_runtime.booking.store.actions import NO_APPOINTMENT, record_which
from askproai_runtime.booking.store.appointments import Appointment, Status, release_holds
from askproai_runtime.booking.store.blocks import Block, BlockedAppointment
from askproai_runtime.booking.store.calendar import list_known
from askproai_runtime.booking.store.messages import Message, count_open_messages
from askproai_runtime.booking.store.transactions import OutcomeUnknown
from askproai_runtime.booking.store.waitlist import WaitlistEntry, WaitlistOffer
from askproai_runtime.booking.types import (
    DESK_CALL,
    Answer,
    AskedChoice,
    Basis,
    BookingContext,
    BookingOutcome,
    BookingSettings,
    CallContext,
    DeskRequest,
    EarlierRequest,
    FunctionOutcome,
    NamedOffer,
    NamedSlot,
    NamedTimes,
    Naming,
    SaidAppointments,
)
from askproai_runtime.booking.unknown_services import find_known_questions
from askproai_runtime.booking.waitlist import (
    decline_offer,
    find_waitlist_entries,
    join_waitlist,
    list_waitlist,
    remove_from_waitlist,
)
from askproai_runtime.booking.waitlist_offers import WAITLIST, WaitlistKeeper

__all__ = [
    "ASKED_NAME",
    "DESK_CALL",
    "NOTES_LIMIT",
    "NO_APPOINTMENT",
    "WAITLIST",
    "Answer",
    "Appointment",
    "AskedChoice",
    "AttendanceObstacle",
    "AttendanceRefused",
    "Basis",
    "Block",
    "BlockExists",
    "BlockObstacle",
    "BlockedAppointment",
    "BookingContext",
    "BookingOutcome",
    "BookingSettings",
    "CalendarState",
    "CallContext",
    "Customer",
    "DeskBusy",
    "DeskRequest",
    "EarlierRequest",
    "FreeDay",
    "FunctionOutcome",
    "InvalidBlock",
    "InvalidBooking",
    "Message",
    "NamedOffer",
    "NamedSlot",
    "NamedTimes",
    "Naming",
    "OutcomeUnknown",
    "Pause",
    "Place",
    "RequestUsed",
    "SaidAppointments",
    "Status",
    "UnclearStart",
    "WaitlistEntry",
    "WaitlistKeeper",
    "WaitlistOffer",
    "add_block",
    "announce",
    "book_appointment",
    "book_for_desk",
    "bookables",
    "calendar_state",
    "cancel_appointment",
    "cancel_for_desk",
    "check_availability",
    "commit_and_answer",
    "count_open_messages",
    "decline_offer",
    "describes_person",
    "drop_absence",
    "find_appointments",
    "find_by_id",
    "find_known_questions",
    "find_messages",
    "find_waitlist_entries",
    "free_times",
    "has_digits",
    "is_booked_remotely",
    "is_longest",
    "join_waitlist",
    "leave_message",
    "list_blocks_within",
    "list_current_blocks",
    "list_current_pauses",
    "list_free_slots",
    "list_known",
    "list_messages_for_desk",
    "list_offers_within",
    "list_pauses",
    "list_waitlist",
    "mark_attendance",
    "mark_message_done",
    "move_for_desk",
    "notified_channels",
    "parse_start_for_desk",
    "pause_bookings",
    "preview_block",
    "preview_booking",
    "read_named_email",
    "read_people",
    "read_said",
    "read_text",
    "record_which",
    "release_holds",
    "remote",
    "remove_block",
    "remove_from_waitlist",
    "reschedule_appointment",
    "resolve_span",
    "show_block",
    "store",
    "withdraws_call_back",
]  # fmt: skip
