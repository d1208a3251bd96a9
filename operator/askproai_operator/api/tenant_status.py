"""The status of a Tenant, with the results of its trials."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from askproai_operator.api import base
from askproai_operator.api.offering import FoundEventType

Url = Annotated[str, Field(max_length=1000)]


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
    """Running, Passed (no worse after `canary.callers` callers; it goes on) or TakenBack: no pods run the image until
    image or percent of `canary` are changed; removing `canary` and adding it again changes nothing."""
    callers: base.Count = 0
    """Callers that its pods answered; rounded while it runs."""
    failed_callers: base.Count = 0
    """Callers of its pods that met a failure."""
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
    """Running, or Ended: soon afterwards only this status is left of it."""
    withdrawn: bool = False
    """true: the next shadow begins anew, also with the same image and hours. Since this one began, the spec asked for none
    or for another, the platform allowed none, or the Tenant was suspended."""
    has_begun: bool = False
    """true: its pod runs and the book was copied, so calls are replayed."""
    compared: base.Count = 0
    """Requests to book, move or cancel whose results were compared."""
    not_compared: base.Count = 0
    """Requests that could not be compared: others changed the book at the same moment, or a copy was late or dropped."""
    calls_that_differ: base.Count = 0
    """Calls with a booking that is not the same in both."""
    differences: Annotated[tuple[ShadowDifference, ...], base.bounded_list(50)] = ()
    """The newest 50 calls with a difference."""


class SecretInUse(base.Part):
    """A Secret that the Tenant names, as all of its pods have it."""

    name: base.Short
    """Name of the Secret."""
    resource_version: base.Short
    """Its `metadata.resourceVersion`."""


class TenantStatus(base.AppliedStatus):
    """The state of a Tenant as the operator reports it."""

    key: base.Short | None = None
    """`<namespace>.<name>`: the `tenant` of metrics, tables and commands."""
    webhook_urls: WebhookUrls | None = None
    """Where senders reach this tenant."""
    former_url: Url | None = None
    """URL that senders had before; still served for 10 minutes, for calls that began with it, and until no sender has it."""
    former_url_since: datetime | None = None
    """When senders got another URL than `formerUrl`."""
    former_exposure: Annotated[str, Field(max_length=1_000_000)] | None = None
    """The `exposure`, as JSON, of a URL that is served beside the spec's URL; its route does not change."""
    page_url: Url | None = None
    """Where the tenant's page is published."""
    config_hash: base.Short | None = None
    """Hash of the configuration given to the pods; `askproai_config_hash_info` shows theirs."""
    keys_hash: base.Short | None = None
    """Keyed hash of the keys that verify requests in all pods; `askproai_keys_hash_info` shows each pod's."""
    secrets_in_use: Annotated[tuple[SecretInUse, ...], base.bounded_list(100)] | None = None
    """Versions of the Secrets whose keys all pods have. A provider may sign with a key of that version or an earlier one."""
    release: base.Short | None = None
    """Release of the operator that applied this Tenant last. Its pods have that release after their roll-out, unless they
    wait for their turn (RolloutHealthy, `ReleaseWaits`) or the spec names an image."""
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
    """Number of calls that began in the last 24 hours. This number and the next two are updated once a minute."""
    booking_success_percent: base.Short | None = None
    """Bookings by callers that succeeded in the last 24 hours, in percent (a decimal string). Absent: nobody tried."""
    error_budget_percent: base.Short | None = None
    """Error budget of `slo.bookingSuccessPercent` that is left of the last 30 days, in percent (a decimal string); 0.0 when it is
    used up, absent when nobody tried to book. A success counts within 15 minutes, a failure within one."""
