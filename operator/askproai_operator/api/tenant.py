"""Tenant: one business, its providers and its policies."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Protocol

from pydantic import Field

from askproai_core.provider_names import CalendarProvider
from askproai_core.tenant_config import CallerVerification, config
from askproai_core.tenant_config.vocabulary import BusinessModel
from askproai_operator.api import base
from askproai_operator.api.exposure import Exposure
from askproai_operator.api.notifications import Notifications
from askproai_operator.api.offering import EventType, ServiceOffering
from askproai_operator.api.page import Page
from askproai_operator.api.runtime import Runtime
from askproai_operator.api.tenant_status import TenantStatus

_PERCENT = r"^(100(\.0{1,3})?|[0-9]{1,2}(\.[0-9]{1,3})?)$"
Percent = Annotated[Decimal, base.matching(_PERCENT, 7, 'not a percentage in quotes, "0" to "100", such as "99.9"')]
Days = Annotated[int, Field(ge=1, le=3650)]
CalcomVersion = Literal["V2", "V1"]
RetellStorage = Literal["Everything", "EverythingExceptPii", "BasicAttributesOnly"]


class DeletionPolicy(StrEnum):
    DELETE = "Delete"
    ORPHAN = "Orphan"


class DataPolicy(StrEnum):
    RETAIN = "Retain"
    ERASE = "Erase"


class Retell(base.Part):
    api_key_secret_ref: base.SecretKeyRef
    """Retell's API key. One workspace per tenant: a key that another tenant uses is refused."""
    webhook_key_secret_refs: Annotated[tuple[base.SecretKeyRef, ...], base.bounded_list(5)] = ()
    """Further keys whose webhook signatures are accepted, for rotation; the API key always is."""
    base_url: base.BaseUrl | None = None
    """Retell's API; must match the operator's ASKPROAI_PROVIDER_HOSTS. Absent: the operator's setting."""


class CalendarAccount(Protocol):
    """The block of a remote calendar in a Tenant, as every calendar has it."""

    @property
    def api_key_secret_ref(self) -> base.SecretKeyRef: ...

    @property
    def base_url(self) -> str | None: ...

    def event_types_of(self, offering: ServiceOffering) -> tuple[EventType, ...]:
        """Return the event types at which a service is booked, in any account."""


_ONCE = base.rule("self.size() < 2 || self[0] != self[1]", "name each API version once")


class Calcom(base.Part):
    api_key_secret_ref: base.SecretKeyRef
    """Cal.com's API key. One account per tenant: a key that another tenant uses is refused."""
    webhook_secret_ref: base.SecretKeyRef
    """The secret with which Cal.com signs its webhooks; the operator registers it there."""
    base_url: base.BaseUrl | None = None
    """Cal.com's API (or api.cal.eu, or self-hosted) without /v2, with the path that it is below, if any; must match
    ASKPROAI_PROVIDER_HOSTS. Absent: the operator's setting."""
    api_versions: Annotated[tuple[CalcomVersion, ...], base.bounded_list(2, _ONCE, min_items=1)] = ("V2",)
    """API versions, tried in this order when one is plainly unavailable; [V2, V1] for old self-hosted servers. Absent: [V2]."""
    attendee_email_domain: base.Host = "anrufer.invalid"
    """Domain of the made-up e-mail address of callers who give none; Cal.com wants one for each attendee."""
    requests_per_minute: Annotated[int, Field(ge=0, le=6000)] = 70
    """The most requests of all pods together in any minute, a tenth of them at once. With the operator's requests these are at
    most 100; Cal.com accepts 120. Raise it for a self-hosted server that accepts more; 0 is no limit."""

    def event_types_of(self, offering: ServiceOffering) -> tuple[EventType, ...]:
        return offering.spec.calcom.event_types if offering.spec.calcom else ()


class Calendar(base.Part):
    model_config = base.with_rules(
        base.rule("self.provider != 'Calcom' || has(self.calcom)", "provider Calcom needs the block calendar.calcom")
    )

    provider: CalendarProvider
    """Calcom, or Local: the local calendar only."""
    calcom: Calcom | None = None
    """The account at Cal.com; needed with provider Calcom, ignored with Local."""


class Stripe(base.Part):
    webhook_secret_ref: base.SecretKeyRef
    """The secret with which Stripe signs its webhooks."""


_DAYS = config.Retention()


class Retention(base.Part):
    raw_event_days: Days = _DAYS.raw_event_days
    """Raw bodies of webhooks, and records of the requests to providers (days)."""
    transcript_days: Days = _DAYS.transcript_days
    """Transcripts and analyses of calls, words said to and by call functions, messages that are done, and closed entries
    of the waiting list (days)."""
    call_days: Days = _DAYS.call_days
    """Calls, the events that are decided, results and records of call functions, open messages, notifications that do not wait
    any more, and the audit log (days)."""
    appointment_days: Days = _DAYS.appointment_days
    """Customers' data of appointments, counted from their end (days): then name, number, address, notes and birth date are
    deleted; time, service and staff member stay, for statistics. Not while a change waits for the calendar."""
    customer_days: Days = _DAYS.customer_days
    """Customers (days): deleted if nobody used their number for so long to book, call, wait or leave a message, and no
    appointment names them."""


class Privacy(base.Part):
    ai_notice: bool = True
    """The agent's first sentence says that it is an AI."""
    retell_storage: RetellStorage = "BasicAttributesOnly"
    """The data of a call that Retell stores, by Retell's three levels."""
    retell_retention_days: Annotated[int, Field(ge=1, le=730)] = 7
    """How long Retell stores it (days)."""


class Slo(base.Part):
    booking_success_percent: Percent = config.BOOKING_TARGET_PERCENT
    """Bookings by callers that succeed, in percent (a decimal string): all but those that end as failed, busy, too slow or
    refused by Cal.com. The difference to 100 is the error budget of 30 days."""
    webhook_success_percent: Percent = Decimal("99.9")
    """Webhooks that are stored and not answered 429 or 503, in percent (a decimal string)."""


class TenantSpec(base.Part):
    """The declared tenant."""

    model_config = base.with_rules(
        base.rule(
            "!has(self.page) || !has(self.page.host) || !has(self.exposure) || !has(self.exposure.host)"
            " || self.page.host != self.exposure.host",
            "page.host must differ from exposure.host: the page is published at a host of its own",
        )
    )

    display_name: base.Text
    """Name of the business as callers know it."""
    business_model: BusinessModel = BusinessModel.SIMPLE
    """Simple: each branch has its own agent. MultiBranchHotline: one agent for all, which finds the caller's branch in the call.
    ComplexServiceMatrix: services × staff × skills × branches; the same hotline, since skills count in every model."""
    time_zone: base.TimeZone = "Europe/Berlin"
    """IANA time zone of all times of day in this tenant's manifests."""
    locale: base.Locale = "de-DE"
    """Language in which Cal.com writes to attendees. The language of answers follows the `language` of the RetellAgent."""
    cancellation_rule: base.SpokenText | None = None
    """Deadline and fee of cancellations, as sentences. Callers hear them when they ask, and before they confirm a
    cancellation. The product refuses and charges nothing by them."""
    knowledge: Annotated[tuple[base.Knowledge, ...], base.bounded_list(base.KNOWN_QUESTIONS, key="question")] = ()
    """Questions that no other field answers, with their answers, for agents with the function BusinessInformation."""
    retell: Retell
    """The tenant's own Retell workspace."""
    calendar: Calendar
    """Where appointments are kept."""
    stripe: Stripe | None = None
    """Stripe's webhooks: the billing state is shown, and stops no caller. Absent: they are refused."""
    exposure: Exposure | None = None
    """How senders reach this tenant. Absent: the operator's shared host."""
    runtime: Runtime = Runtime()
    """How the tenant's pods run."""
    retention: Retention = Retention()
    """How long rows are kept; the coordinator deletes what is older."""
    caller_verification: CallerVerification = CallerVerification.NUMBER
    """The proof that an appointment is the caller's. Number: the number that calls. NameAndBirthDate: name and birth date,
    from any number; the number alone is never enough; callers are asked for the birth date when they book, and it is stored."""
    privacy: Privacy = Privacy()
    """The notice to callers, and the data that Retell may keep."""
    notifications: Notifications | None = None
    """Confirmations, reminders and news by mail or webhook. Absent: nothing is sent."""
    page: Page | None = None
    """The people who log in to the tenant's page at your own issuer, and where it is published. Absent: it is at the private port
    alone, with the tokens of the Secrets `<tenant>-admin` and `<tenant>-reader`."""
    slo: Slo = Slo()
    """Targets for success rates. Where the Prometheus operator is installed, alerts fire when the error budgets are used up too
    fast."""
    suspend: bool = False
    """true scales the pods to 0. Callers hear that no appointments are taken at present, and are put through where the agent has
    transferTo; everything else stays."""
    deletion_policy: DeletionPolicy = DeletionPolicy.DELETE
    """Effect of this Tenant's deletion on the operator's objects at Cal.com: Delete, or Orphan (leave them)."""
    data_policy: DataPolicy = DataPolicy.RETAIN
    """Effect of its deletion on this tenant's rows: Retain, or Erase. Retained rows belong to its UID; a Tenant of the same name
    gets them with the same Retell key, or by the annotation `askproai.de/adopt-data: <old UID>`."""


class Tenant(base.CustomResource):
    """One business that answers its phone with us: its providers, its policies, and how its pods run."""

    model_config = base.with_rules(
        *base.name_rules("Tenant", base.NAME_LENGTH, "Services and other children are named after it", first="a letter")
    )
    kind: ClassVar = "Tenant"
    plural: ClassVar = "tenants"
    short_name: ClassVar = "apt"
    status_model: ClassVar = TenantStatus
    reports_pause: ClassVar = True
    columns: ClassVar = (
        base.column("Calendar", ".spec.calendar.provider", wide=False),
        base.column("Branches", ".status.branches", "integer"),
        base.column("Replicas", ".status.replicas", "integer"),
    )
    further_columns: ClassVar = (
        base.column("Calls24h", ".status.calls24h", "integer"),
        base.column("Booked%", ".status.bookingSuccessPercent"),
        base.column("Budget%", ".status.errorBudgetPercent"),
        base.column("Model", ".spec.businessModel"),
        base.column("Webhook", ".status.webhookUrls.retell"),
    )

    spec: TenantSpec
