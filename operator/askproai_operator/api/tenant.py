"""Tenant: one business, its providers, and how its pods run."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from askproai_operator.api.base import (
    NAME_LENGTH,
    BaseUrl,
    Column,
    Days,
    Host,
    Label,
    Locale,
    Part,
    Resource,
    Rule,
    SecretKeyRef,
    SecretName,
    Text,
    TimeZone,
    listed,
    name_rules,
    rules,
    worded,
    written,
)
from askproai_operator.api.status import TenantStatus
from askproai_runtime.config import BusinessModel, CalendarProvider

Percent = Annotated[
    Decimal,
    written(
        r"^(100(\.0{1,3})?|[0-9]{1,2}(\.[0-9]{1,3})?)$", 7, 'not a percentage in quotes, "0" to "100", such as "99.9"'
    ),
]


class CalcomVersion(StrEnum):
    V2 = "V2"
    V1 = "V1"


class RuntimeMode(StrEnum):
    COMBINED = "Combined"
    SPLIT = "Split"


class RetellStorage(StrEnum):
    EVERYTHING = "Everything"
    EVERYTHING_EXCEPT_PII = "EverythingExceptPii"
    BASIC_ATTRIBUTES_ONLY = "BasicAttributesOnly"


class DeletionPolicy(StrEnum):
    DELETE = "Delete"
    ORPHAN = "Orphan"


class DataPolicy(StrEnum):
    RETAIN = "Retain"
    ERASE = "Erase"


class Retell(Part):
    """The tenant's own Retell workspace."""

    api_key_secret_ref: SecretKeyRef
    """Retell's API key. One workspace per tenant: a key that another tenant uses is refused."""
    webhook_key_secret_refs: Annotated[tuple[SecretKeyRef, ...], listed(5)] = ()
    """Further keys whose webhook signatures are accepted, for rotation; the API key always is."""
    base_url: BaseUrl | None = None
    """Retell's API; must match the operator's ASKPROAI_PROVIDER_HOSTS. Absent: the operator's setting."""


class Calcom(Part):
    """The tenant's account at Cal.com, or on a server of its own."""

    api_key_secret_ref: SecretKeyRef
    """Cal.com's API key."""
    webhook_secret_ref: SecretKeyRef
    """The secret with which Cal.com signs its webhooks; the operator registers it there."""
    base_url: BaseUrl | None = None
    """Cal.com's API (or api.cal.eu, or self-hosted); must match ASKPROAI_PROVIDER_HOSTS. Absent: the operator's setting."""
    api_versions: Annotated[
        tuple[CalcomVersion, ...],
        listed(2, min_items=1),
        Field(json_schema_extra=rules(Rule("self.size() < 2 || self[0] != self[1]", "name each API version once"))),
    ] = (CalcomVersion.V2,)
    """API versions, tried in this order when one is plainly unavailable; [V2, V1] for old self-hosted servers. Absent: [V2]."""
    attendee_email_domain: Host = "anrufer.invalid"
    """Domain of the made-up e-mail address of callers who give none; Cal.com wants one for each attendee."""


class Calendar(Part):
    """Where appointments are kept besides our own book."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            Rule("self.provider != 'Calcom' || has(self.calcom)", "provider Calcom needs the block calendar.calcom")
        )
    )

    provider: CalendarProvider
    """Calcom, or Local: our own book only."""
    calcom: Calcom | None = None
    """The account at Cal.com; needed with provider Calcom, ignored with Local."""


class Stripe(Part):
    """Stripe's webhooks."""

    webhook_secret_ref: SecretKeyRef
    """The secret with which Stripe signs its webhooks."""


class ParentRef(Part):
    """A Gateway, or one listener of it."""

    name: Annotated[str, Field(min_length=1, max_length=253)]
    """Name of the Gateway."""
    namespace: Label | None = None
    """Namespace of the Gateway. Absent: this one."""
    section_name: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """Name of the listener. Absent: all of them."""


class Gateway(Part):
    """Exposure by a Gateway API HTTPRoute."""

    parent_refs: Annotated[tuple[ParentRef, ...], listed(8, min_items=1)]
    """Gateways that the HTTPRoute attaches to."""


class Ingress(Part):
    """Exposure by an Ingress."""

    class_name: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """Name of the IngressClass. Absent: the cluster's default."""
    annotations: Annotated[dict[str, Annotated[str, Field(max_length=1000)]], Field(max_length=50)] = Field(
        default_factory=dict
    )
    """Annotations for the Ingress, such as those of cert-manager."""
    tls_secret_name: SecretName | None = None
    """Secret with the certificate. Absent: no TLS section."""


class Exposure(Part):
    """How the senders of webhooks reach this tenant."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            Rule("!(has(self.gateway) && has(self.ingress))", "exposure is by gateway or by ingress, not by both"),
            Rule(
                "has(self.host) || !(has(self.gateway) || has(self.ingress))",
                "exposure.gateway and exposure.ingress need exposure.host: they route a host of this tenant's own",
            ),
        )
    )

    host: Host | None = None
    """Host name of this tenant's own. Absent: the operator's shared host and the path /<namespace>/<tenant>."""
    path_prefix: Annotated[str, worded("^(/[A-Za-z0-9._~-]+)+$", 200, "not a path, such as /voice")] | None = None
    """Path under which the runtime is served on that host, such as /voice. Absent: none."""
    base_url: BaseUrl | None = None
    """What senders are told, where it differs from host and path (tunnels, proxies)."""
    gateway: Gateway | None = None
    """Exposure by a Gateway API HTTPRoute."""
    ingress: Ingress | None = None
    """Exposure by an Ingress."""


_REPLICAS = rules(
    Rule(
        "self.minReplicas <= self.maxReplicas",
        "minReplicas must not be above maxReplicas (an absent one has its default: web 2 and 10, workers 1 and 5)",
    )
)


class WebScale(Part):
    """How many web pods."""

    model_config = ConfigDict(json_schema_extra=_REPLICAS)

    min_replicas: Annotated[int, Field(ge=1, le=100)] = 2
    """Fewest web pods (pods)."""
    max_replicas: Annotated[int, Field(ge=1, le=100)] = 10
    """Most web pods (pods); also bounds the database connections."""


class WorkerScale(Part):
    """How many worker pods."""

    model_config = ConfigDict(json_schema_extra=_REPLICAS)

    min_replicas: Annotated[int, Field(ge=1, le=100)] = 1
    """Fewest worker pods (pods)."""
    max_replicas: Annotated[int, Field(ge=1, le=100)] = 5
    """Most worker pods (pods)."""


class RateLimits(Part):
    """Limits for each pod; what is above them is answered 429 with Retry-After."""

    webhooks_per_second: Annotated[int, Field(ge=0, le=100_000)] = 300
    """Webhooks per second; 0 is no limit."""
    functions_per_second: Annotated[int, Field(ge=0, le=100_000)] = 100
    """Call functions per second; 0 is no limit."""


class Runtime(Part):
    """How the tenant's pods run."""

    mode: RuntimeMode = RuntimeMode.COMBINED
    """Combined: one Deployment whose pods have a web and a worker container. Split: two Deployments."""
    web: WebScale = WebScale()
    """How many web pods."""
    workers: WorkerScale = WorkerScale()
    """How many worker pods; acts with mode Split only."""
    rate_limits: RateLimits = RateLimits()
    """Limits for each pod."""


class Retention(Part):
    """How long rows are kept."""

    raw_event_days: Days = 30
    """Raw bodies of webhooks (days)."""
    transcript_days: Days = 30
    """Transcripts of calls (days)."""
    call_days: Days = 365
    """Rows of calls (days)."""


class Privacy(Part):
    """What callers are told, and what Retell may keep."""

    ai_notice: bool = True
    """The agent's first sentence says that it is an AI."""
    retell_storage: RetellStorage = RetellStorage.BASIC_ATTRIBUTES_ONLY
    """What Retell stores of a call; its own three levels."""
    retell_retention_days: Annotated[int, Field(ge=1, le=730)] = 7
    """How long Retell stores it (days)."""


class Slo(Part):
    """What the error budget is measured against."""

    booking_success_percent: Percent = Decimal(95)
    """Bookings that succeed, in percent (a decimal string)."""
    webhook_success_percent: Percent = Decimal("99.9")
    """Webhooks that are processed, in percent (a decimal string)."""


class TenantSpec(Part):
    """What the business wants."""

    display_name: Text
    """Name of the business as callers know it."""
    business_model: BusinessModel = BusinessModel.SIMPLE
    """Simple: each branch has its own agent. MultiBranchHotline: one agent asks for the branch.
    ComplexServiceMatrix: services × staff × skills × branches."""
    time_zone: TimeZone = "Europe/Berlin"
    """IANA time zone of all times of day in this tenant's manifests."""
    locale: Locale = "de-DE"
    """Language and region in which dates and amounts are spoken."""
    retell: Retell
    """The tenant's own Retell workspace."""
    calendar: Calendar
    """Where appointments are kept."""
    stripe: Stripe | None = None
    """Stripe's webhooks. Absent: they are refused."""
    exposure: Exposure | None = None
    """How senders reach this tenant. Absent: the operator's shared host."""
    runtime: Runtime = Runtime()
    """How the tenant's pods run."""
    retention: Retention = Retention()
    """How long rows are kept."""
    privacy: Privacy = Privacy()
    """What callers are told, and what Retell may keep."""
    slo: Slo = Slo()
    """What the error budget is measured against."""
    suspend: bool = False
    """true scales the pods to 0 and keeps everything else."""
    deletion_policy: DeletionPolicy = DeletionPolicy.DELETE
    """What happens to what the operator made at Cal.com when this Tenant goes: Delete, or Orphan (leave it)."""
    data_policy: DataPolicy = DataPolicy.RETAIN
    """What happens to this tenant's rows when it goes: Retain, or Erase.
    Kept ones belong to its UID; a namesake adopts them by the annotation `askproai.de/adopt-data: <old UID>`."""


class Tenant(Resource):
    """One business that answers its phone with us: its providers, its policies, and how its pods run."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            *name_rules(
                "Tenant", NAME_LENGTH, "Services and other children are named after it", begins_with_letter=True
            )
        )
    )
    kind: ClassVar = "Tenant"
    plural: ClassVar = "tenants"
    short_name: ClassVar = "apt"
    status_model: ClassVar = TenantStatus
    columns: ClassVar = (
        Column("Webhook", ".status.webhookUrls.retell"),
        Column("Model", ".spec.businessModel", wide=True),
        Column("Calendar", ".spec.calendar.provider", wide=True),
        Column("Branches", ".status.branches", "integer", wide=True),
        Column("Replicas", ".status.replicas", "integer", wide=True),
        Column("Calls24h", ".status.calls24h", "integer", wide=True),
        Column("Booked%", ".status.bookingSuccessPercent", wide=True),
        Column("Budget%", ".status.errorBudgetPercent", wide=True),
    )

    spec: TenantSpec
