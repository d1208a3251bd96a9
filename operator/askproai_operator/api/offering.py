"""ServiceOffering: what can be booked, how long it takes, and who can do it."""

from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from askproai_operator.api.base import (
    OFFERING_NAME_LENGTH,
    ONE_OWNER,
    SAME_OWNER,
    Column,
    Label,
    ObjectRef,
    Part,
    Resource,
    Rule,
    SecretKeyRef,
    Text,
    listed,
    name_rules,
    rules,
    worded,
    written,
)
from askproai_operator.api.branch import Skill
from askproai_operator.api.status import ServiceOfferingStatus

Amount = Annotated[
    Decimal, written(r"^[0-9]{1,7}(\.[0-9]{2})?$", 10, 'not an amount in quotes, such as "39.00" or "39"')
]
Currency = Annotated[str, worded("^[A-Z]{3}$", 3, "not a currency of three capital letters (ISO 4217), such as EUR")]
BufferMinutes = Annotated[int, Field(ge=0, le=480)]


class Price(Part):
    """What it costs."""

    amount: Amount
    """Amount with two decimals or none, such as "39.00" (a decimal string)."""
    currency: Currency = "EUR"
    """Currency (ISO 4217)."""


class EventType(Part):
    """A Cal.com event type of one person."""

    staff: Label
    """Id of the person (Branch spec.staff[].id) whose event type this is."""
    event_type_id: Annotated[int, Field(ge=1, le=2**53, json_schema_extra={"format": "int64"})]
    """Cal.com's id of the event type."""
    api_key_secret_ref: SecretKeyRef | None = None
    """API key of this person's own account. Absent: the Tenant's."""


class OfferingCalcom(Part):
    """How Cal.com knows this service."""

    event_types: Annotated[
        tuple[EventType, ...],
        listed(200, key="staff"),
        Field(
            json_schema_extra=rules(
                Rule(
                    "self.all(e, self.exists_one(other, other.eventTypeId == e.eventTypeId))",
                    "each eventTypeId may stand once: a Cal.com event type has one host, so each person needs one of their own",
                )
            )
        ),
    ] = ()
    """One event type for each person who can do it."""


class ServiceOfferingSpec(Part):
    """What can be booked."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ONE_OWNER,
            SAME_OWNER,
            Rule(
                "self.bufferBeforeMinutes + self.durationMinutes + self.bufferAfterMinutes <= 1440",
                "an appointment with its buffers must fit into one day: "
                "bufferBeforeMinutes + durationMinutes + bufferAfterMinutes ≤ 1440",
            ),
        )
    )

    branch_ref: ObjectRef | None = None
    """The Branch that offers it; cannot be changed. Exactly one of branchRef and tenantRef."""
    tenant_ref: ObjectRef | None = None
    """The Tenant of which every branch offers it; cannot be changed."""
    display_name: Text
    """Name of the service as it is spoken."""
    spoken_names: Annotated[tuple[Text, ...], listed(50, as_set=True)] = ()
    """Other words that callers use for it."""
    duration_minutes: Annotated[int, Field(ge=1, le=1440)]
    """Length that the customer is told (minutes)."""
    buffer_before_minutes: BufferMinutes = 0
    """Time blocked before it (minutes); lies within working hours, too."""
    buffer_after_minutes: BufferMinutes = 0
    """Time blocked after it (minutes); lies within working hours, too."""
    price: Price | None = None
    """What it costs. Absent: not said."""
    required_skills: Annotated[tuple[Skill, ...], listed(50, as_set=True)] = ()
    """Skills that a person must have, all of them. Absent: anybody can do it."""
    capacity: Annotated[int, Field(ge=1, le=50)] = 1
    """Parallel appointments per person (appointments)."""
    slot_step_minutes: Annotated[int, Field(ge=1, le=1440)] = 15
    """Grid on which appointments start, counted from local midnight (minutes)."""
    minimum_notice_minutes: Annotated[int, Field(ge=0, le=525_600)] = 0
    """An appointment starts at least this long after the booking (minutes)."""
    booking_horizon_days: Annotated[int, Field(ge=0, le=730)] = 90
    """The last day that can be booked is today plus this (days)."""
    calcom: OfferingCalcom | None = None
    """How Cal.com knows this service; needed where the Tenant's calendar is Calcom."""


class ServiceOffering(Resource):
    """A service that can be booked at one branch, or at every branch of a tenant."""

    model_config = ConfigDict(
        json_schema_extra=rules(*name_rules("ServiceOffering", OFFERING_NAME_LENGTH, "labels and tables carry it"))
    )
    kind: ClassVar = "ServiceOffering"
    plural: ClassVar = "serviceofferings"
    short_name: ClassVar = "aps"
    status_model: ClassVar = ServiceOfferingStatus
    columns: ClassVar = (
        Column("Staff", ".status.staff"),
        Column("Branch", ".spec.branchRef.name", wide=True),
        Column("Tenant", ".spec.tenantRef.name", wide=True),
        Column("Minutes", ".spec.durationMinutes", "integer", wide=True),
        Column("Price", ".spec.price.amount", wide=True),
        Column("EventTypes", ".status.eventTypes", wide=True),
    )
    selectable: ClassVar = (".spec.branchRef.name", ".spec.tenantRef.name")

    spec: ServiceOfferingSpec
