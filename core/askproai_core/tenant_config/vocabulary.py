"""The closed lists of a tenant's config, with values as manifests spell them, and the base class of its structures."""

from enum import StrEnum

import msgspec


class Weekday(StrEnum):
    """Weekdays as manifests spell them, Monday first: `list(Weekday)[d.weekday()]` is the weekday of a date `d`."""

    MON = "Mon"
    TUE = "Tue"
    WED = "Wed"
    THU = "Thu"
    FRI = "Fri"
    SAT = "Sat"
    SUN = "Sun"


class BusinessModel(StrEnum):
    SIMPLE = "Simple"
    MULTI_BRANCH_HOTLINE = "MultiBranchHotline"
    COMPLEX_SERVICE_MATRIX = "ComplexServiceMatrix"


class Function(StrEnum):
    """The call functions, as manifests name them."""

    CHECK_AVAILABILITY = "CheckAvailability"
    BOOK_APPOINTMENT = "BookAppointment"
    FIND_APPOINTMENTS = "FindAppointments"
    RESCHEDULE_APPOINTMENT = "RescheduleAppointment"
    CANCEL_APPOINTMENT = "CancelAppointment"
    BUSINESS_INFORMATION = "BusinessInformation"
    TRANSFER_TO_HUMAN = "TransferToHuman"
    LEAVE_MESSAGE = "LeaveMessage"
    JOIN_WAITLIST = "JoinWaitlist"
    DECLINE_RECORDING = "DeclineRecording"


# The functions that `Agent.functions` does not name: each is a field there, or no field if nothing in a pod depends on it.
FURTHER_FUNCTIONS: dict[Function, str | None] = {
    Function.BUSINESS_INFORMATION: None,
    Function.LEAVE_MESSAGE: "leaves_messages",
    Function.JOIN_WAITLIST: "joins_waitlist",
    Function.DECLINE_RECORDING: None,
}


class NotificationChannel(StrEnum):
    """Ways by which notifications are sent, as manifests name them."""

    EMAIL = "Email"
    WEBHOOK = "Webhook"


class EmailSecurity(StrEnum):
    """How the connection to a mail server is encrypted."""

    TLS = "Tls"
    START_TLS = "StartTls"
    NONE = "None"


class BusinessNews(StrEnum):
    """The kinds of news that a business can be notified about, as manifests name them."""

    NEW = "New"
    MOVED = "Moved"
    CANCELLED = "Cancelled"
    MESSAGE = "Message"  # what a caller wants to be passed on
    WAITLIST = "Waitlist"  # a freed time, and whom to offer it to


class FieldSource(StrEnum):
    """The kind of appointment data with which our bookings answer a booking field at Cal.com, as manifests name it."""

    PHONE = "Phone"
    NAME = "Name"
    NOTES = "Notes"
    SERVICE = "Service"


class SegmentKind(StrEnum):
    """The kind of a segment: the staff member works in it, or is free while the customer waits. Manifests use these names."""

    WORK = "Work"
    WAIT = "Wait"  # the customer stays, and the staff member can serve others


class CallerVerification(StrEnum):
    """The proof that a caller has to give before an appointment is treated as the caller's own, as manifests name it."""

    NUMBER = "Number"
    NAME_AND_BIRTH_DATE = "NameAndBirthDate"


class Withheld(StrEnum):
    """The reason why nothing is sent to an event type. Cal.com lets anybody book any id: a wrong id books another business."""

    NOT_LOOKED_UP = "NotLookedUp"  # not yet read with the key of its account
    NOT_FOUND = "NotFound"  # Cal.com has answered that the key's account has no such event type


class ConfigStruct(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The base of config structures. It ignores unknown fields, so that a pod of release N can read the config of operator N+1."""
