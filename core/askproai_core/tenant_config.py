"""TenantConfig: the contract between the operator, which renders it, and the runtime, which reads it.

It holds no secret: credentials are mounted files of their own. For tenant T it is the JSON text `tenant.json` of ConfigMap
`T-config`. Times of day are local wall-clock times in `TenantConfig.time_zone`.
"""

import hashlib
from datetime import date, time
from enum import StrEnum
from itertools import groupby, pairwise
from operator import attrgetter

import msgspec


class Weekday(StrEnum):
    """Days as manifests spell them; `list(Weekday)[d.weekday()]` is the weekday of a date."""

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


class CalendarProvider(StrEnum):
    CALCOM = "Calcom"
    LOCAL = "Local"


class Provider(StrEnum):
    """A server that is called, with a circuit breaker of its own. A remote calendar has its CalendarProvider's name."""

    RETELL = "retell"
    CALCOM = "calcom"


class CalcomVersion(StrEnum):
    V2 = "V2"
    V1 = "V1"


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


# Of which `Agent.functions` has none: each is a field there, or no field if nothing in a pod depends on it.
FURTHER_FUNCTIONS: dict[Function, str | None] = {
    Function.BUSINESS_INFORMATION: None,
    Function.LEAVE_MESSAGE: "leaves_messages",
    Function.JOIN_WAITLIST: "joins_waitlist",
}


class Language(StrEnum):
    """Languages in which callers are answered, and notifications written."""

    DE = "de"
    EN = "en"


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
    """What the business can be notified of one by one, as manifests name it."""

    NEW = "New"
    MOVED = "Moved"
    CANCELLED = "Cancelled"
    MESSAGE = "Message"  # what a caller wants to be passed on
    WAITLIST = "Waitlist"  # a freed time, and whom to offer it to


class FieldSource(StrEnum):
    """What of an appointment answers a booking field of the remote calendar, as manifests name it."""

    PHONE = "Phone"
    NAME = "Name"
    NOTES = "Notes"
    SERVICE = "Service"


class SegmentKind(StrEnum):
    """What the staff member does in a segment of a service, as manifests name it."""

    WORK = "Work"
    WAIT = "Wait"  # the customer stays, and the staff member can serve others


class CallerVerification(StrEnum):
    """What shows that an appointment is the caller's, as manifests name it."""

    NUMBER = "Number"
    NAME_AND_BIRTH_DATE = "NameAndBirthDate"


class Withheld(StrEnum):
    """Why nothing is sent to an event type: anybody can book at anybody's, so a wrong id leads into another business's account."""

    NOT_LOOKED_UP = "NotLookedUp"  # not yet read with the key of its account
    NOT_FOUND = "NotFound"  # Cal.com has answered that the key's account has no such event type


class _ConfigStruct(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Unknown fields are ignored, so that a pod of release N reads the config of operator N+1."""


class Hours(_ConfigStruct, frozen=True):
    """One range of time on some weekdays, half-open: [opens, closes). `closes` 00:00 is the end of the day."""

    days: tuple[Weekday, ...]
    opens: time
    closes: time


class Absence(_ConfigStruct, frozen=True):
    """Whole days off; both `first` and `last` are included."""

    first: date
    last: date


class Address(_ConfigStruct, frozen=True):
    street: str = ""
    postal_code: str = ""
    city: str = ""


class Holidays(_ConfigStruct, frozen=True):
    """Public holidays of a country and its subdivision (ISO 3166-2 without the country), and the branch's own closed days."""

    country: str
    subdivision: str | None = None
    closed: tuple[date, ...] = ()


class Knowledge(_ConfigStruct, frozen=True):
    """A question that callers ask, and the tenant's own answer as it is said."""

    question: str
    answer: str


class PhoneNumber(_ConfigStruct, frozen=True):
    """`number` is the public number, `did` the one that Retell sees as `to_number`; both E.164, mostly the same."""

    number: str
    did: str


class Staff(_ConfigStruct, frozen=True):
    """A person with `units` units: the least common multiple of the capacities of the services that this person offers here.

    `resource_ids` are rows of the table `resources`: first one for each unit, then those of a formerly larger number of units.
    The latter get no new claims, but may still have appointments.
    """

    id: str
    display_name: str
    skills: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    working_hours: tuple[Hours, ...] | None = None
    absences: tuple[Absence, ...] = ()
    resource_ids: tuple[int, ...] = ()
    units: int = 1


class Branch(_ConfigStruct, frozen=True):
    name: str
    display_name: str
    phone_numbers: tuple[PhoneNumber, ...] = ()
    address: Address = Address()
    directions: str = ""
    holidays: Holidays | None = None
    opening_hours: tuple[Hours, ...] = ()
    knowledge: tuple[Knowledge, ...] = ()
    staff: tuple[Staff, ...] = ()


class BookingField(_ConfigStruct, frozen=True):
    """A booking field of an event type that our bookings answer: from `source`, and with `value` where that is empty or none."""

    slug: str
    source: FieldSource | None = None
    value: str | float | bool | tuple[str, ...] | None = None


class EventType(_ConfigStruct, frozen=True):
    """A Cal.com event type. It has one host, so each staff member has one for each service.

    `default_minutes` is set if it has several lengths: what a booking lasts that names no length. `needs_confirmation`: its
    bookings are requested until somebody confirms them at Cal.com. While it is `withheld`, nothing is sent to it.
    """

    staff: str
    event_type_id: int
    default_minutes: int | None = None
    needs_confirmation: bool = False
    booking_fields: tuple[BookingField, ...] = ()
    withheld: Withheld | None = None


class OwnEventType(EventType, frozen=True, kw_only=True):
    """An event type in a staff member's own Cal.com account; `credential` is the mounted file with that account's key."""

    credential: str


class TeamEventType(EventType, frozen=True, kw_only=True):
    """A round robin of a team at Cal.com, for one of its hosts; `host_id` is that staff member's user id there.

    `by_host`: Cal.com shows and books the times of one host; otherwise those of the team, and it chooses the host.
    """

    host_id: int
    by_host: bool = False


class Segment(_ConfigStruct, frozen=True):
    """A part of a service; its segments follow each other without a gap."""

    minutes: int
    kind: SegmentKind = SegmentKind.WORK


class Service(_ConfigStruct, frozen=True):
    """A service that can be booked, `capacity` times at once with each staff member.

    Its `segments`, if it has any, last `duration_minutes` together; the first and the last one are work. Pods of a release that
    does not know them block the whole time.

    `branch` is None when every branch offers it. `staff` maps a branch's name to the ids of those who can do it there.
    Event types with another key than the tenant's are a field of their own: pods of a release that does not know it must not
    book them with the tenant's. So are those of a team, of which such pods do not know whom Cal.com has chosen.
    """

    name: str
    display_name: str
    branch: str | None = None
    spoken_names: tuple[str, ...] = ()
    duration_minutes: int = 30
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    price_amount: str = "0.00"  # zero: no price is stated, unless it is free of charge
    price_currency: str = "EUR"
    free_of_charge: bool = False
    preparation: str = ""
    slot_step_minutes: int = 15
    minimum_notice_minutes: int = 0
    booking_horizon_days: int = 90
    capacity: int = 1
    staff: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    event_types: tuple[EventType, ...] = ()
    own_event_types: tuple[OwnEventType, ...] = ()
    team_event_types: tuple[TeamEventType, ...] = ()
    segments: tuple[Segment, ...] = ()

    @property
    def work_spans(self) -> tuple[tuple[int, int], ...]:
        """Return when the staff member works, in minutes from the start, half-open; a customer waits between two of them."""
        spans, at = list[tuple[int, int]](), 0
        for kind, segments in groupby(self.segments or (Segment(self.duration_minutes),), key=attrgetter("kind")):
            first, at = at, at + sum(segment.minutes for segment in segments)
            if kind is SegmentKind.WORK:
                spans.append((first, at))
        return tuple(spans)

    @property
    def wait_spans(self) -> tuple[tuple[int, int], ...]:
        """Return when the customer waits, in minutes from the start."""
        return tuple((end, first) for (_, end), (first, _) in pairwise(self.work_spans))

    @property
    def linked_event_types(self) -> tuple[EventType, ...]:
        """Return the event types of all accounts."""
        return (*self.event_types, *self.own_event_types, *self.team_event_types)


class Agent(_ConfigStruct, frozen=True):
    """A Retell agent that may call us. `branch` is None for a hotline, `agent_id` until the agent exists at Retell.

    `language` is the one that its callers are answered in, as Retell writes it.

    `functions` lack `FURTHER_FUNCTIONS`: pods of the release before refuse a whole config for a value that they do not know.
    """

    name: str
    branch: str | None = None
    agent_id: str | None = None
    language: str = "de-DE"
    functions: tuple[Function, ...] = ()
    caller_recognition: bool = False
    leaves_messages: bool = False
    joins_waitlist: bool = False


class CalendarConfig(_ConfigStruct, frozen=True):
    provider: CalendarProvider = CalendarProvider.LOCAL
    base_url: str = ""
    api_versions: tuple[CalcomVersion, ...] = (CalcomVersion.V2,)
    attendee_email_domain: str = ""
    requests_per_minute: int = 75  # of all pods together; 0 means no limit


class RetellConfig(_ConfigStruct, frozen=True):
    """Where the pods ask Retell for calls whose events did not come; empty while the tenant has no agent."""

    base_url: str = ""


class RateLimits(_ConfigStruct, frozen=True):
    """Requests per second of all pods together (of each pod while Redis is away); 0 means no limit."""

    webhooks_per_second: int = 300
    functions_per_second: int = 100


class BookingLimits(_ConfigStruct, frozen=True):
    """How many appointments callers can book by telephone; a day and an hour count back from now."""

    per_call: int = 3
    per_caller_and_day: int = 10
    anonymous_per_hour: int = 20  # of all callers whose number is withheld


class Retention(_ConfigStruct, frozen=True):
    raw_event_days: int = 30
    transcript_days: int = 30
    call_days: int = 365


# The files with the secrets of the channels, beside those of the providers' keys.
SMTP_USERNAME, SMTP_PASSWORD = "notifications-smtp-username", "notifications-smtp-password"
SMTP_CA = "notifications-smtp-ca"  # PEM certificates
NOTIFICATION_KEY = "notifications-webhook-key"


class EmailSettings(_ConfigStruct, frozen=True):
    """A mail server. `needs_login`: its user and password are mounted files; without them nothing is sent.

    `private_ca`: the authority of its certificate is a mounted file, too, and is trusted instead of the system's.
    """

    host: str
    sender: str
    port: int = 587
    security: EmailSecurity = EmailSecurity.START_TLS
    reply_to: str | None = None
    needs_login: bool = False
    private_ca: bool = False


class WebhookSettings(_ConfigStruct, frozen=True):
    url: str


class QuietHours(_ConfigStruct, frozen=True):
    """Local wall-clock time within which no reminder is sent: from `begins` to `ends`, past midnight if that is earlier."""

    begins: time
    ends: time


class CustomerNotifications(_ConfigStruct, frozen=True):
    """`for_calcom_bookings`: also what Cal.com holds is confirmed by us. Without `remind_minutes_before` nobody is reminded."""

    channels: tuple[NotificationChannel, ...] = (NotificationChannel.EMAIL,)
    for_calcom_bookings: bool = False
    remind_minutes_before: int | None = None
    quiet_hours: QuietHours | None = None


class BusinessNotifications(_ConfigStruct, frozen=True):
    channels: tuple[NotificationChannel, ...] = (NotificationChannel.EMAIL,)
    email_to: tuple[str, ...] = ()
    news: tuple[BusinessNews, ...] = tuple(BusinessNews)
    daily_list_at: time | None = None


class NotificationTexts(_ConfigStruct, frozen=True):
    """The tenant's own words for customers, in one paragraph each; empty: none."""

    confirmation: str = ""
    change: str = ""
    cancellation: str = ""
    reminder: str = ""
    signature: str = ""


class Notifications(_ConfigStruct, frozen=True):
    """What is sent to whom, and by which channels: a channel without settings sends nothing.

    `public_url` is where the tenant's pods are reached, for links in mails; empty: there are none.
    """

    language: Language = Language.DE
    email: EmailSettings | None = None
    webhook: WebhookSettings | None = None
    customer: CustomerNotifications | None = None
    business: BusinessNotifications | None = None
    texts: NotificationTexts = NotificationTexts()
    public_url: str = ""


class TenantConfig(_ConfigStruct, frozen=True):
    """Everything that the pods of one tenant need to know. `tenant` is the key `<namespace>.<name>`."""

    tenant: str
    display_name: str
    business_model: BusinessModel = BusinessModel.SIMPLE
    time_zone: str = "Europe/Berlin"
    locale: str = "de-DE"
    path_prefix: str = ""  # what the ingress leaves in the path, such as /salon-mueller/salon-mueller
    former_path_prefix: str = ""  # that of another URL of the tenant at which senders still arrive
    installation_id: str = ""
    calendar: CalendarConfig = CalendarConfig()
    retell: RetellConfig = RetellConfig()
    cancellation_rule: str = ""
    knowledge: tuple[Knowledge, ...] = ()
    branches: tuple[Branch, ...] = ()
    services: tuple[Service, ...] = ()
    agents: tuple[Agent, ...] = ()
    rate_limits: RateLimits = RateLimits()
    booking_limits: BookingLimits = BookingLimits()
    retention: Retention = Retention()
    caller_verification: CallerVerification = CallerVerification.NUMBER
    notifications: Notifications | None = None
    closed_agents: tuple[
        str, ...
    ] = ()  # ids of agents whose branch was deleted: their calls are recorded, and no function answers
    withheld_event_types: tuple[int, ...] = ()  # that no service books at any more, and the account does not have

    @property
    def leaves_messages(self) -> bool:
        """Return whether callers can leave a message."""
        return any(agent.leaves_messages for agent in self.agents)

    @property
    def joins_waitlist(self) -> bool:
        """Return whether callers can wait for a time to become free."""
        return any(agent.joins_waitlist for agent in self.agents)

    def own_credential(self, event_type_id: int | None) -> str | None:
        """Return the mounted file with the key of an event type; None if it is in the tenant's own account."""
        own = (each for service in self.services for each in service.own_event_types)
        return next((each.credential for each in own if each.event_type_id == event_type_id), None)

    def host_id(self, event_type_id: int | None, staff: str) -> int | None:
        """Return who a staff member is among the hosts of a team's event type; None if the event type is no team's."""
        types = (each for service in self.services for each in service.team_event_types)
        return next(
            (each.host_id for each in types if (each.event_type_id, each.staff) == (event_type_id, staff)), None
        )

    def find_branch(self, name: str | None) -> Branch | None:
        """Return a branch by its name; None if it is not declared, or not any more."""
        return next((branch for branch in self.branches if branch.name == name), None)

    def withheld(self, event_type_id: int | None) -> Withheld | None:
        """Return why nothing is sent to an event type, also to one that no service names any more."""
        if event_type_id in self.withheld_event_types:
            return Withheld.NOT_FOUND
        types = (each for service in self.services for each in service.linked_event_types)
        return next((each.withheld for each in types if each.event_type_id == event_type_id and each.withheld), None)

    def names_event_type(self, event_type_id: int | None) -> bool:
        """Return whether a service names an event type."""
        types = (each for service in self.services for each in service.linked_event_types)
        return any(each.event_type_id == event_type_id for each in types)

    def needs_confirmation(self, event_type_id: int | None) -> bool:
        """Return whether bookings of an event type are requested until somebody confirms them there."""
        types = (each for service in self.services for each in service.linked_event_types)
        return any(each.needs_confirmation for each in types if each.event_type_id == event_type_id)

    def default_minutes(self, event_type_id: int | None) -> int | None:
        """Return the default length of an event type with several lengths; None if it has one length, or is not known."""
        types = (each for service in self.services for each in service.linked_event_types)
        return next((each.default_minutes for each in types if each.event_type_id == event_type_id), None)

    def booking_fields(self, service: str, event_type_id: int | None) -> tuple[BookingField, ...]:
        """Return the booking fields that a booking of a service answers, by the service's name: services may share event types."""
        types = (each for known in self.services if known.name == service for each in known.linked_event_types)
        return next((each.booking_fields for each in types if each.event_type_id == event_type_id), ())


def encode(config: TenantConfig) -> str:
    """Return canonical JSON: equal configs give equal text."""
    return msgspec.json.encode(config, order="deterministic").decode()


def decode(text: str | bytes) -> TenantConfig:
    """Decode what `encode` returned. Raises `msgspec.ValidationError`, whose text names the path of the wrong value."""
    return msgspec.json.decode(text, type=TenantConfig)


def config_hash(text: str) -> str:
    """Return the short hash by which operator, status and `askproai_config_hash_info` name a config."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
