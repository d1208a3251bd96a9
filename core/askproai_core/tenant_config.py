"""TenantConfig: the contract between the operator, which renders it, and the runtime, which reads it.

It holds no secret: credentials are files of their own. It is JSON in the ConfigMap `T-config` under `tenant.json`. Times of
day are local wall clock in `TenantConfig.time_zone`.
"""

import hashlib
from datetime import date, time
from enum import StrEnum

import msgspec


class Weekday(StrEnum):
    """Days as the manifests spell them; `list(Weekday)[d.weekday()]` is the day of a date."""

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
    TRANSFER_TO_HUMAN = "TransferToHuman"


class _Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Unknown fields are ignored, so that a pod of release N reads the config of operator N+1."""


class Hours(_Value, frozen=True):
    """One range on some weekdays, half-open: [opens, closes). `closes` 00:00 is the end of the day."""

    days: tuple[Weekday, ...]
    opens: time
    closes: time


class Absence(_Value, frozen=True):
    """Whole days, both included."""

    first: date
    last: date


class Address(_Value, frozen=True):
    street: str = ""
    postal_code: str = ""
    city: str = ""


class Holidays(_Value, frozen=True):
    """Public holidays of a country and its subdivision (ISO 3166-2 without the country), and own closed days."""

    country: str
    subdivision: str | None = None
    closed: tuple[date, ...] = ()


class PhoneNumber(_Value, frozen=True):
    """`number` is the public one, `did` what Retell sees as `to_number`; both E.164, mostly the same."""

    number: str
    did: str


class Staff(_Value, frozen=True):
    """A person, who has `units` parts: the least common multiple of the capacities of what this person does here.

    `resource_ids` are the rows of `resources`, one for each part, and then those that a larger number once needed: nothing
    new is claimed there, but appointments may still stand on them.
    """

    id: str
    display_name: str
    skills: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    working_hours: tuple[Hours, ...] | None = None
    absences: tuple[Absence, ...] = ()
    resource_ids: tuple[int, ...] = ()
    units: int = 1


class Branch(_Value, frozen=True):
    name: str
    display_name: str
    phone_numbers: tuple[PhoneNumber, ...] = ()
    address: Address = Address()
    holidays: Holidays | None = None
    opening_hours: tuple[Hours, ...] = ()
    staff: tuple[Staff, ...] = ()


class EventType(_Value, frozen=True):
    """A Cal.com event type has one host, so each person has one for each service."""

    staff: str
    event_type_id: int


class Service(_Value, frozen=True):
    """What can be booked, `capacity` times at once with each person. `branch` is None when every branch offers it; `staff`
    lists who can do it, by branch name.
    """

    name: str
    display_name: str
    branch: str | None = None
    spoken_names: tuple[str, ...] = ()
    duration_minutes: int = 30
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    price_amount: str = "0.00"
    price_currency: str = "EUR"
    slot_step_minutes: int = 15
    minimum_notice_minutes: int = 0
    booking_horizon_days: int = 90
    capacity: int = 1
    staff: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    event_types: tuple[EventType, ...] = ()


class Agent(_Value, frozen=True):
    """A Retell agent that may call us. `branch` is None for a hotline. `agent_id` is None until Retell gave one."""

    name: str
    branch: str | None = None
    agent_id: str | None = None
    functions: tuple[Function, ...] = ()
    caller_recognition: bool = False


class CalendarConfig(_Value, frozen=True):
    provider: CalendarProvider = CalendarProvider.LOCAL
    base_url: str = ""
    api_versions: tuple[CalcomVersion, ...] = (CalcomVersion.V2,)
    attendee_email_domain: str = ""


class RateLimits(_Value, frozen=True):
    """Requests per second of all pods together (of each one while Redis is away); 0 is no limit."""

    webhooks_per_second: int = 300
    functions_per_second: int = 100


class Retention(_Value, frozen=True):
    raw_event_days: int = 30
    transcript_days: int = 30
    call_days: int = 365


class TenantConfig(_Value, frozen=True):
    """Everything that the pods of one tenant must know. `tenant` is the key `<namespace>.<name>`."""

    tenant: str
    display_name: str
    business_model: BusinessModel = BusinessModel.SIMPLE
    time_zone: str = "Europe/Berlin"
    locale: str = "de-DE"
    path_prefix: str = ""  # what the entrance leaves in the path, such as /salon-mueller/salon-mueller
    installation_id: str = ""
    calendar: CalendarConfig = CalendarConfig()
    branches: tuple[Branch, ...] = ()
    services: tuple[Service, ...] = ()
    agents: tuple[Agent, ...] = ()
    rate_limits: RateLimits = RateLimits()
    retention: Retention = Retention()


def encode(config: TenantConfig) -> str:
    """Give the canonical JSON: equal configs give equal text."""
    return msgspec.json.encode(config, order="deterministic").decode()


def decode(text: str | bytes) -> TenantConfig:
    """Read what `encode` gave. Raises `msgspec.ValidationError`, whose text names the path of the wrong value."""
    return msgspec.json.decode(text, type=TenantConfig)


def config_hash(text: str) -> str:
    """Give the short hash by which operator, status and `askproai_config_hash_info` name a config."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
