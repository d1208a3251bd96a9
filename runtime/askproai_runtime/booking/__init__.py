"""Appointments: what is free, holds, booking, finding, moving and cancelling, by callers and for the desk, blocks of a person's
time, and the remote calendar in both directions; the messages of callers, and the waiting list.

Every function takes the process's `BookingContext` first.
"""

from askproai_runtime.booking.amended_messages import withdraws_call_back
from askproai_runtime.booking.answer_words import NO, Reply, words_of
from askproai_runtime.booking.attendance import AttendanceObstacle, AttendanceRefused, mark_attendance
from askproai_runtime.booking.availability import free_slots
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
from askproai_runtime.booking.calendar_audit import CalendarAudit
from askproai_runtime.booking.calendar_inbound import Step, apply_calendar_event, is_news
from askproai_runtime.booking.calendar_outbound import CalendarDisagrees, sync_appointment
from askproai_runtime.booking.calendar_reading import CalendarEvent
from askproai_runtime.booking.cancel_answers import says_more_than_courtesies, speaks_of_cancelling
from askproai_runtime.booking.changes import commit_and_answer
from askproai_runtime.booking.customer_names import (
    drop_relations,
    is_plain_name,
    may_bring_another,
    names_unknown,
    read_customer_name,
    says_nobody,
)
from askproai_runtime.booking.declines import asks_for_others, find_declined
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
from askproai_runtime.booking.heard_names import list_heard, list_heard_services
from askproai_runtime.booking.introductions import read_introduction
from askproai_runtime.booking.kept_times import leaves_time
from askproai_runtime.booking.messages import leave_message
from askproai_runtime.booking.named_people import describes_person, read_people
from askproai_runtime.booking.names import UnknownName, list_named_staff
from askproai_runtime.booking.offer import check_availability
from askproai_runtime.booking.opening_hours import find_closure, list_minutes, open_minutes, warm_up
from askproai_runtime.booking.pauses import list_pauses
from askproai_runtime.booking.phone_argument import has_digits
from askproai_runtime.booking.phrases import drop_titles, fold, join_list, same_name, sayable
from askproai_runtime.booking.placeholders import is_placeholder, leaves_open, names_nothing, refuses_contact
from askproai_runtime.booking.refresh import FREE_TIMES, FreeTimesKeeper
from askproai_runtime.booking.replacing_moves import reschedule_appointment
from askproai_runtime.booking.replies import (
    PhoneQuestion,
    Question,
    Replies,
    companions_key,
    details_key,
    has_no_preference,
    heard_key,
    meant_key,
    name_key,
    read_claim,
    read_reply,
)
from askproai_runtime.booking.request import NOTES_LIMIT, read_said, read_text
from askproai_runtime.booking.service_texts import ServicePart, cut_parts, drop_catalogue, find_rest, list_service_parts
from askproai_runtime.booking.slots import ServiceRules, SlotQuery, Span
from askproai_runtime.booking.spoken_numbers import read_spoken_number
from askproai_runtime.booking.spoken_services import find_named, read_services
from askproai_runtime.booking.staff_preferences import read_staff_preference
from askproai_runtime.booking.store.actions import NO_APPOINTMENT, record_which
from askproai_runtime.booking.store.appointments import Appointment, Status, release_holds
from askproai_runtime.booking.store.blocks import Block, BlockedAppointment
from askproai_runtime.booking.store.calendar import list_known
from askproai_runtime.booking.store.compared import count_differences, count_waiting, read_audit
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
from askproai_runtime.booking.unknown_services import find_known_questions, is_generic
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
    "FREE_TIMES",
    "NO",
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
    "CalendarAudit",
    "CalendarDisagrees",
    "CalendarEvent",
    "CalendarState",
    "CallContext",
    "Customer",
    "DeskBusy",
    "DeskRequest",
    "EarlierRequest",
    "FreeDay",
    "FreeTimesKeeper",
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
    "PhoneQuestion",
    "Place",
    "Question",
    "Replies",
    "Reply",
    "RequestUsed",
    "SaidAppointments",
    "ServicePart",
    "ServiceRules",
    "SlotQuery",
    "Span",
    "Status",
    "Step",
    "UnclearStart",
    "UnknownName",
    "WaitlistEntry",
    "WaitlistKeeper",
    "WaitlistOffer",
    "add_block",
    "apply_calendar_event",
    "asks_for_others",
    "book_appointment",
    "book_for_desk",
    "calendar_state",
    "cancel_appointment",
    "cancel_for_desk",
    "check_availability",
    "commit_and_answer",
    "companions_key",
    "count_differences",
    "count_open_messages",
    "count_waiting",
    "cut_parts",
    "decline_offer",
    "describes_person",
    "details_key",
    "drop_absence",
    "drop_catalogue",
    "drop_relations",
    "drop_titles",
    "find_appointments",
    "find_by_id",
    "find_closure",
    "find_declined",
    "find_known_questions",
    "find_messages",
    "find_named",
    "find_rest",
    "find_waitlist_entries",
    "fold",
    "free_slots",
    "has_digits",
    "has_no_preference",
    "heard_key",
    "is_booked_remotely",
    "is_generic",
    "is_longest",
    "is_news",
    "is_placeholder",
    "is_plain_name",
    "join_list",
    "join_waitlist",
    "leave_message",
    "leaves_open",
    "leaves_time",
    "list_blocks_within",
    "list_current_blocks",
    "list_current_pauses",
    "list_free_slots",
    "list_heard",
    "list_heard_services",
    "list_known",
    "list_messages_for_desk",
    "list_minutes",
    "list_named_staff",
    "list_offers_within",
    "list_pauses",
    "list_service_parts",
    "list_waitlist",
    "mark_attendance",
    "mark_message_done",
    "may_bring_another",
    "meant_key",
    "move_for_desk",
    "name_key",
    "names_nothing",
    "names_unknown",
    "notified_channels",
    "open_minutes",
    "parse_start_for_desk",
    "pause_bookings",
    "preview_block",
    "preview_booking",
    "read_audit",
    "read_claim",
    "read_customer_name",
    "read_introduction",
    "read_named_email",
    "read_people",
    "read_reply",
    "read_said",
    "read_services",
    "read_spoken_number",
    "read_staff_preference",
    "read_text",
    "record_which",
    "refuses_contact",
    "release_holds",
    "remove_block",
    "remove_from_waitlist",
    "reschedule_appointment",
    "resolve_span",
    "same_name",
    "sayable",
    "says_more_than_courtesies",
    "says_nobody",
    "show_block",
    "speaks_of_cancelling",
    "sync_appointment",
    "warm_up",
    "withdraws_call_back",
    "words_of",
]  # fmt: skip
