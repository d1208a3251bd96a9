"""The status of each kind: only the schema. The engine writes it, kubectl and people read it."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from askproai_operator.api.base import Part, listed
from askproai_operator.api.conditions import Status

_Id = Annotated[str, Field(max_length=200)]
_Url = Annotated[str, Field(max_length=1000)]
_Number = Annotated[str, Field(max_length=16)]
_Name = Annotated[str, Field(max_length=63)]
_Count = Annotated[int, Field(ge=0)]


class StatusCondition(Part):
    """One cause, or the whole (`Ready`)."""

    type: Annotated[str, Field(max_length=63)]
    """Which condition; docs/reference/conditions.md explains each."""
    status: Status
    """True, False or Unknown."""
    reason: Annotated[str, Field(max_length=63)]
    """Why, in one word of a closed list."""
    message: Annotated[str, Field(max_length=4000)]
    """Why, in a sentence that says what to do."""
    observed_generation: Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})] | None = None
    """`metadata.generation` that this condition judges."""
    last_transition_time: datetime
    """When `status` last changed."""


class CommonStatus(Part):
    """What every kind tells."""

    conditions: Annotated[tuple[StatusCondition, ...], listed(20, key="type")] = ()
    """`Ready` first among equals, and its causes."""
    observed_generation: Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})] | None = None
    """`metadata.generation` that this status judges."""
    last_reconcile_token: Annotated[str, Field(max_length=200)] | None = None
    """The token of the annotation `askproai.de/reconcile-at` that was acted on last."""


class WebhookUrls(Part):
    """Where senders reach this tenant."""

    retell: _Url | None = None
    """Retell's call events."""
    calcom: _Url | None = None
    """Cal.com's booking events."""
    stripe: _Url | None = None
    """Stripe's events."""
    inbound: _Url | None = None
    """Retell's inbound-call webhook."""
    functions: _Url | None = None
    """Base of the call functions; the function's name follows."""


class TenantStatus(CommonStatus):
    """What the operator found and made of a Tenant."""

    key: Annotated[str, Field(max_length=110)] | None = None
    """`<namespace>.<name>`: the `tenant` of metrics, tables and commands."""
    webhook_urls: WebhookUrls | None = None
    """Where senders reach this tenant."""
    config_hash: _Id | None = None
    """Hash of the configuration given to the pods; `askproai_config_hash_info` shows theirs."""
    branches: _Count | None = None
    """Number of Branches that name this Tenant."""
    replicas: _Count | None = None
    """Number of web pods that are asked for; 0 while suspended."""
    calls24h: Annotated[_Count | None, Field(alias="calls24h")] = None
    """Number of calls in the last 24 hours; written at most every 5 minutes."""
    booking_success_percent: Annotated[str, Field(max_length=10)] | None = None
    """Bookings that succeeded in the last 24 hours, in percent (a decimal string)."""
    error_budget_percent: Annotated[str, Field(max_length=10)] | None = None
    """Error budget left of `spec.slo`, in percent (a decimal string)."""


class BranchStatus(CommonStatus):
    """What the operator found and made of a Branch."""

    phone_numbers: Annotated[tuple[_Number, ...], listed(20)] | None = None
    """The numbers as E.164, in the order of the spec."""
    services: _Count | None = None
    """Number of services that can be booked here."""
    staff: _Count | None = None
    """Number of people who can be booked here."""


class ServiceOfferingStatus(CommonStatus):
    """What the operator found and made of a ServiceOffering."""

    staff: Annotated[tuple[_Name, ...], listed(200)] | None = None
    """Ids of the people who have the required skills."""
    event_types: _Count | None = None
    """Number of Cal.com event types that are linked."""


class Pending(Part):
    """An intent, made durable before a create: after a crash it tells that there may be an object whose id we do not know."""

    what: Annotated[str, Field(max_length=63)]
    """What was about to be created: agent or llm."""
    since: datetime
    """When."""


class RetellAgentStatus(CommonStatus):
    """What the operator found and made of a RetellAgent."""

    agent_id: _Id | None = None
    """Retell's id of the agent."""
    llm_id: _Id | None = None
    """Retell's id of the LLM that answers."""
    published_version: _Count | None = None
    """The agent's version that is published and that the numbers are pinned to."""
    phone_numbers: Annotated[tuple[_Number, ...], listed(60)] | None = None
    """The numbers as bound at Retell."""
    plan: Annotated[tuple[Annotated[str, Field(max_length=2000)], ...], listed(200)] | None = None
    """What would be changed at Retell: filled in plan mode (annotation `askproai.de/plan: "true"`)."""
    tenant: Annotated[str, Field(max_length=63)] | None = None
    """Name of the Tenant it belongs to, remembered for the day when its Branch is gone first."""
    pending: Pending | None = None
    """A create whose outcome is not known yet; the operator looks for our marker before it creates again."""
