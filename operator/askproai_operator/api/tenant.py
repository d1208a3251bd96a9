"""Tenant: one business, its providers, and how its pods run."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

import msgspec
from pydantic import Field

from askproai_core import tenant_config as config
from askproai_core.tenant_config import BOOKING_TARGET_PERCENT, BusinessModel, CalendarProvider, CallerVerification
from askproai_operator.api import base
from askproai_operator.api.exposure import Gateway, Ingress
from askproai_operator.api.notifications import Notifications
from askproai_operator.api.offering import FoundEventType
from askproai_operator.api.page import Page

_PERCENT = r"^(100(\.0{1,3})?|[0-9]{1,2}(\.[0-9]{1,3})?)$"
Percent = Annotated[Decimal, base.matching(_PERCENT, 7, 'not a percentage in quotes, "0" to "100", such as "99.9"')]
Days = Annotated[int, Field(ge=1, le=3650)]
Replicas = Annotated[int, Field(ge=1, le=100)]
PerSecond = Annotated[int, Field(ge=0, le=100_000)]
Url = Annotated[str, Field(max_length=1000)]
CalcomVersion = Literal["V2", "V1"]
RetellStorage = Literal["Everything", "EverythingExceptPii", "BasicAttributesOnly"]


class DeletionPolicy(StrEnum):
    DELETE = "Delete"
    ORPHAN = "Orphan"


class DataPolicy(StrEnum):
    RETAIN = "Retain"
    ERASE = "Erase"


class RuntimeMode(StrEnum):
    COMBINED = "Combined"
    SPLIT = "Split"


class Retell(base.Part):
    api_key_secret_ref: base.SecretKeyRef
    """Retell's API key. One workspace per tenant: a key that another tenant uses is refused."""
    webhook_key_secret_refs: Annotated[tuple[base.SecretKeyRef, ...], base.bounded_list(5)] = ()
    """Further keys whose webhook signatures are accepted, for rotation; the API key always is."""
    base_url: base.BaseUrl | None = None
    """Retell's API; must match the operator's ASKPROAI_PROVIDER_HOSTS. Absent: the operator's setting."""


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
    """The most requests of all pods together in any minute, a tenth of them at once. With the operator's that is at most 100;
    Cal.com accepts 120. Raise it for a self-hosted server that accepts more; 0 is no limit."""


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


class Exposure(base.Part):
    model_config = base.with_rules(
        base.rule("!(has(self.gateway) && has(self.ingress))", "exposure is by gateway or by ingress, not by both"),
        base.rule(
            "has(self.host) || !(has(self.gateway) || has(self.ingress))",
            "exposure.gateway and exposure.ingress need exposure.host: they route a host of this tenant's own",
        ),
    )

    host: base.Host | None = None
    """Host name of this tenant's own. Absent: the operator's shared host and the path /<namespace>/<tenant>."""
    path_prefix: Annotated[str, base.matching("^(/[A-Za-z0-9._~-]+)+$", 200, "not a path, such as /voice")] | None = (
        None
    )
    """Path under which the runtime is served on that host, such as /voice. Absent: none."""
    base_url: base.BaseUrl | None = None
    """The URL given to senders, where it differs from host and path (tunnels, proxies)."""
    gateway: Gateway | None = None
    """Exposure by an HTTPRoute, where the cluster has the Gateway API."""
    ingress: Ingress | None = None
    """Exposure by an Ingress."""


_REPLICAS = base.rule(
    "self.minReplicas <= self.maxReplicas",
    "minReplicas must not be above maxReplicas (an absent one has its default: web 1 and 10, workers 1 and 5)",
)


_REQUESTS = base.rule(
    "self.memoryRequestMebibytes <= self.memoryLimitMebibytes"
    " && (!has(self.cpuLimitMillicores) || self.cpuRequestMillicores <= self.cpuLimitMillicores)",
    "a request must not be above its limit (absent ones have their defaults: CPU 15 and no limit, memory 64 and 256)",
)
Millicores = Annotated[int, Field(ge=1, le=64_000)]
Mebibytes = Annotated[int, Field(ge=16, le=262_144)]


class ContainerResources(base.Part):
    model_config = base.with_rules(_REQUESTS)

    cpu_request_millicores: Millicores = 15
    """CPU that the scheduler reserves (thousandths of a core), up to the operator's ASKPROAI_MAX_CPU_MILLICORES."""
    cpu_limit_millicores: Annotated[int, Field(ge=100, le=64_000)] | None = None
    """Most CPU (thousandths of a core), up to the operator's ASKPROAI_MAX_CPU_MILLICORES. Absent: no limit."""
    memory_request_mebibytes: Mebibytes = 64
    """Memory that the scheduler reserves (MiB), up to the operator's ASKPROAI_MAX_MEMORY_MEBIBYTES."""
    # A process under load has less than 81 MiB, and request bodies in flight may take 64 MiB more.
    memory_limit_mebibytes: Annotated[int, Field(ge=192, le=262_144)] = 256
    """Memory beyond which the container is restarted (MiB), up to the operator's ASKPROAI_MAX_MEMORY_MEBIBYTES."""


class WebScale(base.Part):
    model_config = base.with_rules(_REPLICAS)

    min_replicas: Replicas = 1
    """Fewest web pods (pods). With 1, an update loses no call, but nobody answers while a container of the pod restarts or waits
    to (the worker's, too), or until a drained or lost node's pod has started elsewhere; with 2 the other pod answers."""
    max_replicas: Replicas = 10
    """Most web pods (pods), up to the operator's ASKPROAI_MAX_REPLICAS; also bounds the database connections."""
    resources: ContainerResources = ContainerResources()
    """CPU and memory of each web container."""


class WorkerScale(base.Part):
    model_config = base.with_rules(_REPLICAS)

    min_replicas: Replicas = 1
    """Fewest worker pods (pods)."""
    max_replicas: Replicas = 5
    """Most worker pods (pods), up to the operator's ASKPROAI_MAX_REPLICAS."""
    resources: ContainerResources = ContainerResources()
    """CPU and memory of each worker container, in both modes."""


class TolerationOperator(StrEnum):
    EQUAL = "Equal"
    EXISTS = "Exists"


class TaintEffect(StrEnum):
    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


class Toleration(base.Part):
    model_config = base.with_rules(
        base.rule(
            "!has(self.operator) || self.operator != 'Exists' || !has(self.value) || self.value == ''",
            "a toleration with operator Exists has no value",
        ),
        base.rule(
            "!has(self.tolerationSeconds) || has(self.effect) && self.effect == 'NoExecute'",
            "tolerationSeconds needs the effect NoExecute",
        ),
    )

    key: Annotated[str, base.bounded_text(253)]
    """Key of the taint; one that the operator's ASKPROAI_TOLERATION_KEYS lists."""
    operator: TolerationOperator | None = None
    """Equal (the value must be the taint's) or Exists. Absent: Equal."""
    value: base.LabelValue | None = None
    """Value of the taint."""
    effect: TaintEffect | None = None
    """Effect of the taint. Absent: all effects."""
    toleration_seconds: Annotated[int, Field(ge=0, le=86_400)] | None = None
    """How long a pod stays on a node with a NoExecute taint (seconds). Absent: for good."""


class Pods(base.Part):
    image_pull_secrets: Annotated[tuple[base.SecretRef, ...], base.bounded_list(5, key="name")] = ()
    """Secrets of this namespace with which the image is pulled, before those of the operator's ASKPROAI_IMAGE_PULL_SECRETS."""
    node_selector: Annotated[dict[str, base.LabelValue], base.bounded_map(20)] | None = None
    """Labels that a node must have. They only narrow the choice, so every label is allowed."""
    tolerations: Annotated[tuple[Toleration, ...], base.bounded_list(20)] = ()
    """Taints that the pods tolerate; only keys of the operator's ASKPROAI_TOLERATION_KEYS, the others are left out."""
    priority_class_name: base.ForeignName | None = None
    """PriorityClass of the pods; one of the operator's ASKPROAI_PRIORITY_CLASSES, any other is left out."""
    annotations: Annotated[dict[str, Annotated[str, Field(max_length=1000)]], base.bounded_map(50)] | None = None
    """Annotations of the pods; only those of the operator's ASKPROAI_POD_ANNOTATIONS, the others are left out."""


class RateLimits(base.Part):
    webhooks_per_second: PerSecond = 300
    """Webhooks per second, up to the operator's ASKPROAI_MAX_REQUESTS_PER_SECOND; 0 is that ceiling."""
    functions_per_second: PerSecond = 100
    """Call functions per second, up to the operator's ASKPROAI_MAX_REQUESTS_PER_SECOND; 0 is that ceiling."""


class BookingLimits(base.Part):
    per_call: Annotated[int, Field(ge=1, le=100)] = 3
    """In one call, cancelled ones included."""
    per_caller_and_day: Annotated[int, Field(ge=1, le=1000)] = 10
    """From one number within 24 hours; raise it for an office that books for many people."""
    anonymous_per_hour: Annotated[int, Field(ge=1, le=1000)] = 20
    """By all callers together who withhold their number."""


_REPOSITORY = r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?(:[0-9]+)?(/[a-z0-9]([a-z0-9._-]*[a-z0-9])?)*"
Image = Annotated[
    str,
    base.matching(
        rf"^{_REPOSITORY}(:[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(@sha256:[a-f0-9]{{64}})?$",
        500,
        "not an image, such as registry.example/askproai:0.2.0",
    ),
]


class Canary(base.Part):
    image: Image
    """Image that some of the web pods run on trial, beside the others; of a repository that the operator's ASKPROAI_RUNTIME_IMAGES
    lists. It is taken back when its callers meet more failures than those of the other pods. Promote it by writing it into
    `runtime.image` and removing `canary`."""
    percent: Annotated[int, Field(ge=1, le=50)] = 10
    """Share of the web pods, in percent: so many more pods run the image, at least one. Each request goes to any pod, so a canary
    beside one web pod answers half of them. A change begins the trial anew."""
    callers: Annotated[int, Field(ge=20, le=10_000)] = 100
    """Callers after whom CanaryHealthy says that the image is good enough to be promoted. The trial goes on until you end it."""


class Shadow(base.Part):
    image: Image
    """Image that answers copies of this tenant's calls on a copy of its book, which no caller hears; of a repository that the
    operator's ASKPROAI_RUNTIME_IMAGES lists. It reaches no provider and sends nothing. `status.shadow` lists the bookings that
    differ."""
    hours: Annotated[int, Field(ge=1, le=168)] = 24
    """How long. Then its pods, its login and its copy of the book are gone, and `status.shadow` stays. It begins anew, without
    its findings, when image or hours change (a longer time does not prolong it), and when it is asked for again after
    `status.shadow.withdrawn` became true."""


class Runtime(base.Part):
    model_config = base.with_rules(
        base.rule(
            "!has(self.canary) || !has(self.shadow)",
            "try one image at a time: keep either canary or shadow",
        ),
        base.rule(
            "!has(self.image) || !has(self.canary) || self.image != self.canary.image",
            "canary.image is runtime.image already: remove canary, or name another image",
        ),
    )

    image: Image | None = None
    """Image of the tenant's pods, of a repository that the operator's ASKPROAI_RUNTIME_IMAGES lists; of the operator's release or
    of the one before, so write it anew at each upgrade. Absent: the operator's image, which follows its upgrades."""
    canary: Canary | None = None
    """An image on trial, for a share of the callers."""
    shadow: Shadow | None = None
    """An image on trial, for no callers: its bookings are compared with the real ones."""
    mode: RuntimeMode = RuntimeMode.COMBINED
    """Combined: one Deployment whose pods have a web and a worker container.
    Split: two Deployments that scale apart."""
    web: WebScale = WebScale()
    """How many web pods; between the two, an autoscaler decides by their CPU."""
    workers: WorkerScale = WorkerScale()
    """How many worker pods; the numbers act with mode Split only, in Combined each web pod has a worker."""
    pods: Pods = Pods()
    """Settings of all pods of this tenant: registry, nodes, priority, annotations. A change restarts them one by one."""
    rate_limits: RateLimits = RateLimits()
    """Limits over all pods: a webhook above them is answered 429 with Retry-After, a function by a sentence that asks to wait.
    While Redis is away they hold for each pod.
    """
    booking_limits: BookingLimits = BookingLimits()
    """How many appointments callers can book; above it they are asked to turn to the team."""


# The defaults of the config, in objects of their own: in a ConfigMap msgspec leaves out a value that *is* its default, and the
# text of existing ConfigMaps must stay as it is.
_DAYS = msgspec.json.decode(msgspec.json.encode(msgspec.structs.asdict(config.Retention())))


class Retention(base.Part):
    raw_event_days: Days = _DAYS["raw_event_days"]
    """Raw bodies of webhooks, and records of the requests to providers (days)."""
    transcript_days: Days = _DAYS["transcript_days"]
    """Transcripts and analyses of calls, what was said to and by call functions, messages that are done, and who waits no more
    (days)."""
    call_days: Days = _DAYS["call_days"]
    """Calls, the events that are decided, results and records of call functions, open messages, notifications that do not wait
    any more, and the audit log (days)."""
    appointment_days: Days = config.Retention().appointment_days
    """The persons of appointments, counted from the end (days): then name, number, address, notes and birth date go, and its time,
    service and staff member stay, for figures. Not while something of it waits for the calendar."""
    customer_days: Days = config.Retention().customer_days
    """Customers by whose number nobody has booked, called, waited or left a message for so long (days), and whom no appointment
    names any more."""


class Privacy(base.Part):
    ai_notice: bool = True
    """The agent's first sentence says that it is an AI."""
    retell_storage: RetellStorage = "BasicAttributesOnly"
    """The data of a call that Retell stores; its own three levels."""
    retell_retention_days: Annotated[int, Field(ge=1, le=730)] = 7
    """How long Retell stores it (days)."""


class Slo(base.Part):
    booking_success_percent: Percent = BOOKING_TARGET_PERCENT
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
    """Until when appointments can be cancelled and what a late one costs, as sentences that callers hear who ask, and
    who cancel, before they are asked for their yes. Nothing is refused or charged by it."""
    knowledge: Annotated[tuple[base.Knowledge, ...], base.bounded_list(base.KNOWN_QUESTIONS, key="question")] = ()
    """Own questions and answers, for agents with the function BusinessInformation: what callers ask that no other field says."""
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
    """The proof that an appointment is the caller's. Number: the number that calls. NameAndBirthDate: name and birth date, from
    whatever number, which is never enough alone; callers are asked for the birth date when they book, and it is stored."""
    privacy: Privacy = Privacy()
    """The notice to callers, and the data that Retell may keep."""
    notifications: Notifications | None = None
    """Confirmations, reminders and news by mail or webhook. Absent: nothing is sent."""
    page: Page | None = None
    """The people who log in to the tenant's page at your own issuer, and where it is published. Absent: it is at the private port
    alone, with the tokens of the Secrets `<tenant>-admin` and `<tenant>-reader`."""
    slo: Slo = Slo()
    """Shares that are to succeed. Where the Prometheus operator is installed, alerts fire when the error budgets are used up too
    fast."""
    suspend: bool = False
    """true scales the pods to 0. Callers hear that no appointments are taken at present, and are put through where the agent has
    transferTo; everything else stays."""
    deletion_policy: DeletionPolicy = DeletionPolicy.DELETE
    """The handling of the operator's objects at Cal.com when this Tenant goes: Delete, or Orphan (leave it)."""
    data_policy: DataPolicy = DataPolicy.RETAIN
    """The handling of this tenant's rows when it goes: Retain, or Erase.
    Kept ones belong to its UID; a namesake gets them if it has the same Retell key, or by the annotation
    `askproai.de/adopt-data: <old UID>`."""


class WebhookUrls(base.Part):
    retell: Url | None = None
    """Retell's call events."""
    calcom: Url | None = None
    """Cal.com's booking events."""
    stripe: Url | None = None
    """Stripe's events."""
    inbound: Url | None = None
    """Retell's inbound-call webhook."""
    functions: Url | None = None
    """Base of the call functions; the function's name follows."""


class CanaryState(StrEnum):
    RUNNING = "Running"
    PASSED = "Passed"
    TAKEN_BACK = "TakenBack"


class CanaryStatus(base.Part):
    image: Url
    """The image on trial."""
    percent: base.Count
    """Its share of the web pods, as it was asked for."""
    track: base.Short
    """Name of the trial in the records of call functions that its pods answer."""
    since: datetime
    """When the trial began."""
    state: CanaryState
    """Running, Passed (no worse after `canary.callers` callers; it goes on) or TakenBack: no pods of it run, nor will they until
    image or percent of `canary` are changed; that `canary` was away changes nothing."""
    callers: base.Count = 0
    """Callers that a pod of it answered; while it runs, in round numbers."""
    failed_callers: base.Count = 0
    """Those of them that met a failure."""
    message: Annotated[str, Field(max_length=2000)] = ""
    """Why it was taken back, with what to do."""


class ShadowState(StrEnum):
    RUNNING = "Running"
    ENDED = "Ended"


class ShadowDifference(base.Part):
    call: base.Short
    """The call; `askproai calls show` has it."""
    only_live: Annotated[tuple[base.Short, ...], base.bounded_list(20)] = ()
    """Bookings that the callers' version has, and the shadow has not: branch, service, staff member, start (UTC), state."""
    only_shadow: Annotated[tuple[base.Short, ...], base.bounded_list(20)] = ()
    """Bookings that the shadow has, and the callers' version has not."""
    answers_live: Annotated[tuple[base.Short, ...], base.bounded_list(20)] = ()
    """How the call's functions that change bookings ended, in their order."""
    answers_shadow: Annotated[tuple[base.Short, ...], base.bounded_list(20)] = ()
    """How they ended in the shadow."""


class ShadowStatus(base.Part):
    image: Url
    """The image that answers copies of the calls."""
    hours: base.Count
    """For how long, as it was asked for."""
    since: datetime
    """When it began; its pod may run later, or not at all."""
    state: ShadowState
    """Running, or Ended: a moment later nothing of it is left but this."""
    withdrawn: bool = False
    """Since it began the spec asked for none or for another one, the platform allowed none, or the Tenant was suspended: the next
    shadow begins anew, also with the same image and hours."""
    has_begun: bool = False
    """Its pod runs and the book was copied: calls are replayed from then on."""
    compared: base.Count = 0
    """Requests to book, move or cancel whose results were compared."""
    not_compared: base.Count = 0
    """Those that could not be: others changed the book at the same moment, or a copy was late or dropped."""
    calls_that_differ: base.Count = 0
    """Calls with a booking that is not the same in both."""
    differences: Annotated[tuple[ShadowDifference, ...], base.bounded_list(50)] = ()
    """The newest 50 of them."""


class SecretInUse(base.Part):
    """A Secret that the Tenant names, as all of its pods have it."""

    name: base.Short
    """Name of the Secret."""
    resource_version: base.Short
    """Its `metadata.resourceVersion`."""


class TenantStatus(base.AppliedStatus):
    """The state of a Tenant as the operator found and made it."""

    key: base.Short | None = None
    """`<namespace>.<name>`: the `tenant` of metrics, tables and commands."""
    webhook_urls: WebhookUrls | None = None
    """Where senders reach this tenant."""
    former_url: Url | None = None
    """URL that senders had before; still served for 10 minutes, for calls that began with it, and until no sender has it."""
    former_url_since: datetime | None = None
    """When senders got another URL than `formerUrl`."""
    former_exposure: Annotated[str, Field(max_length=1_000_000)] | None = None
    """The `exposure`, as JSON, of a URL that is served beside the one that the spec asks for: its route is kept as it was."""
    page_url: Url | None = None
    """Where the tenant's page is published."""
    config_hash: base.Short | None = None
    """Hash of the configuration given to the pods; `askproai_config_hash_info` shows theirs."""
    keys_hash: base.Short | None = None
    """Keyed hash of the keys by which all pods verify requests; `askproai_keys_hash_info` shows each one's."""
    secrets_in_use: Annotated[tuple[SecretInUse, ...], base.bounded_list(100)] | None = None
    """Versions of the Secrets whose keys all pods have. A provider may sign with a key of that version or an earlier one."""
    release: base.Short | None = None
    """Release of the operator that applied this Tenant last; its pods are of it when their roll-out is over, unless they wait for
    it (RolloutHealthy, `ReleaseWaits`) or the spec names an image."""
    canary: CanaryStatus | None = None
    """The trial of `runtime.canary`."""
    shadow: ShadowStatus | None = None
    """The findings of `runtime.shadow`."""
    branches: base.Count | None = None
    """Number of Branches that name this Tenant."""
    event_types_not_found: Annotated[tuple[FoundEventType, ...], base.bounded_list(1000)] | None = None
    """Event types that the account does not have by Cal.com's answer, also those of ServiceOfferings that were deleted since."""
    replicas: base.Count | None = None
    """Number of web pods that are asked for, by us or by the autoscaler; 0 while suspended."""
    calls24h: Annotated[base.Count | None, Field(alias="calls24h")] = None
    """Number of calls that began in the last 24 hours. It and the two below are counted once a minute."""
    booking_success_percent: base.Short | None = None
    """Bookings by callers that succeeded in the last 24 hours, in percent (a decimal string). Absent: nobody tried."""
    error_budget_percent: base.Short | None = None
    """Error budget of `slo.bookingSuccessPercent` that is left of the last 30 days, in percent (a decimal string); 0.0 when it is
    used up, absent when nobody tried to book. A success counts within 15 minutes, a failure within one."""


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
