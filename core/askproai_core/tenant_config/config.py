"""The config of one tenant: everything that its pods need to know, and its JSON text."""

import hashlib
from decimal import Decimal
from typing import Final

import msgspec

from askproai_core.provider_names import CalendarApi, CalendarProvider
from askproai_core.tenant_config.branches import Branch, Hours, Knowledge
from askproai_core.tenant_config.notifications import Notifications
from askproai_core.tenant_config.page import PageSettings
from askproai_core.tenant_config.services import BookingField, Service
from askproai_core.tenant_config.vocabulary import BusinessModel, CallerVerification, ConfigStruct, Function, Withheld

BOOKING_TARGET_PERCENT: Final = Decimal(95)


class Agent(ConfigStruct, frozen=True):
    """A Retell agent that may call us. `branch` is None for a hotline; `agent_id` is None until the agent exists at Retell.

    `language` is the language in which its callers are answered, in Retell's spelling.

    `functions` omit `FURTHER_FUNCTIONS`, because pods of an older release refuse a whole config for one unknown value.
    """

    name: str
    branch: str | None = None
    agent_id: str | None = None
    language: str = "de-DE"
    functions: tuple[Function, ...] = ()
    caller_recognition: bool = False
    leaves_messages: bool = False
    joins_waitlist: bool = False
    transfer_to: str | None = None
    transfer_hours: tuple[Hours, ...] | None = None  # None: its branch's opening hours; a hotline: any time
    # The data of the published version for the record of its calls: its number, a reference to its first sentence, and whether
    # that says that an AI speaks.
    version: int | None = None
    greeting: str = ""
    announces_ai: bool = False


class CalendarConfig(ConfigStruct, frozen=True):
    provider: CalendarProvider = CalendarProvider.LOCAL
    base_url: str = ""
    api_versions: tuple[CalendarApi, ...] = (CalendarApi.V2,)
    attendee_email_domain: str = ""
    requests_per_minute: int = 70  # of all pods together, in any minute; 0 means no limit


class RetellConfig(ConfigStruct, frozen=True):
    """The settings for asking Retell for calls whose events did not arrive; empty while the tenant has no agent."""

    base_url: str = ""


class RateLimits(ConfigStruct, frozen=True):
    """Limits of requests per second for all pods together (for each pod while Redis is unavailable); 0 means no limit."""

    webhooks_per_second: int = 300
    functions_per_second: int = 100


class BookingLimits(ConfigStruct, frozen=True):
    """Limits of appointments booked by telephone: per call, per caller in the last day, for withheld numbers in the last hour."""

    per_call: int = 3
    per_caller_and_day: int = 10
    anonymous_per_hour: int = 20  # of all callers whose number is withheld


class Retention(ConfigStruct, frozen=True):
    raw_event_days: int = 30
    transcript_days: int = 30
    call_days: int = 365
    appointment_days: int = 1095  # three years, as civil claims expire (§ 195 BGB)
    customer_days: int = 1095


class TenantConfig(ConfigStruct, frozen=True):
    """Everything that the pods of one tenant need to know. `tenant` is the key `<namespace>.<name>`."""

    tenant: str
    display_name: str
    business_model: BusinessModel = BusinessModel.SIMPLE
    time_zone: str = "Europe/Berlin"
    locale: str = "de-DE"
    path_prefix: str = ""  # the prefix of request paths, such as /salon-mueller/salon-mueller
    former_path_prefix: str = ""  # the prefix of another URL that still gets requests
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
    page: PageSettings | None = None
    # Ids of agents whose branch was deleted: their calls are recorded, and no function answers.
    closed_agents: tuple[str, ...] = ()
    booking_target_percent: Decimal = BOOKING_TARGET_PERCENT  # target of successful bookings (`spec.slo`)
    encrypt_bodies: bool = False  # all pods can decrypt: bodies and what callers said are stored encrypted
    # Requests of call functions are copied for an image that no caller hears (`spec.runtime.shadow`).
    shadow: bool = False
    withheld_event_types: tuple[int, ...] = ()  # of no service any more, and not in the account

    def own_credential(self, event_type_id: int | None) -> str | None:
        """Return the mounted file with the API key for an event type; None if the event type is in the tenant's own account."""
        own = (each for service in self.services for each in service.own_event_types)
        return next((each.credential for each in own if each.event_type_id == event_type_id), None)

    def host_id(self, event_type_id: int | None, staff: str) -> int | None:
        """Return a staff member's user id as a host of a team's event type; None if it has no such host."""
        types = (each for service in self.services for each in service.team_event_types)
        return next(
            (each.host_id for each in types if (each.event_type_id, each.staff) == (event_type_id, staff)), None
        )

    def find_branch(self, name: str | None) -> Branch | None:
        """Return a branch by its name; None if no branch of this name is declared any more."""
        return next((branch for branch in self.branches if branch.name == name), None)

    def withheld(self, event_type_id: int | None) -> Withheld | None:
        """Return why nothing may be sent to an event type, even one that no service names now; None if sending is allowed."""
        if event_type_id in self.withheld_event_types:
            return Withheld.NOT_FOUND
        types = (each for service in self.services for each in service.linked_event_types)
        return next((each.withheld for each in types if each.event_type_id == event_type_id and each.withheld), None)

    def names_event_type(self, event_type_id: int | None) -> bool:
        """Return True if a service names this event type."""
        types = (each for service in self.services for each in service.linked_event_types)
        return any(each.event_type_id == event_type_id for each in types)

    def needs_confirmation(self, event_type_id: int | None) -> bool:
        """Return True if bookings of an event type stay requests until somebody confirms them at Cal.com."""
        types = (each for service in self.services for each in service.linked_event_types)
        return any(each.needs_confirmation for each in types if each.event_type_id == event_type_id)

    def default_minutes(self, event_type_id: int | None) -> int | None:
        """Return the default length of an event type that has several lengths; None if it has one length, or is unknown."""
        types = (each for service in self.services for each in service.linked_event_types)
        return next((each.default_minutes for each in types if each.event_type_id == event_type_id), None)

    def booking_fields(self, service: str, event_type_id: int | None) -> tuple[BookingField, ...]:
        """Return the fields of an event type that a booking of `service` must answer; they can differ between services."""
        types = (each for known in self.services if known.name == service for each in known.linked_event_types)
        return next((each.booking_fields for each in types if each.event_type_id == event_type_id), ())


def encode(config: TenantConfig) -> str:
    """Return canonical JSON: equal configs give equal text."""
    return msgspec.json.encode(config, order="deterministic").decode()


def decode(text: str | bytes) -> TenantConfig:
    """Decode what `encode` returned. Raises `msgspec.ValidationError`, whose text names the path of the wrong value."""
    return msgspec.json.decode(text, type=TenantConfig)


def config_hash(text: str) -> str:
    """Return the short hash of a config's text. Status and the metric `askproai_config_hash_info` show this hash."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
