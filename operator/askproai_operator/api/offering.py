"""ServiceOffering: what can be booked, how long it takes, and who can do it."""

import unicodedata
from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from askproai_core.tenant_config.vocabulary import FieldSource, SegmentKind
from askproai_operator.api import base

Amount = Annotated[
    Decimal, base.matching(r"^[0-9]{1,7}(\.[0-9]{2})?$", 10, 'not an amount in quotes, such as "39.00" or "39"')
]
Currency = Annotated[
    str, base.matching("^[A-Z]{3}$", 3, "not a currency of three capital letters (ISO 4217), such as EUR")
]
BufferMinutes = Annotated[int, Field(ge=0, le=480)]


class Price(base.Part):
    amount: Amount
    """Amount with two decimals or none, such as "39.00" (a decimal string)."""
    currency: Currency = "EUR"
    """Currency (ISO 4217)."""


class EventType(base.Part):
    model_config = base.with_rules(
        base.rule(
            "!has(self.userId) || !has(self.apiKeySecretRef)",
            "a team's event type (userId) is booked with the Tenant's key: remove apiKeySecretRef or userId",
        )
    )

    staff: base.Label
    """Id of the person (Branch spec.staff[].id) whose event type this is."""
    event_type_id: Annotated[int, Field(ge=1, le=2**53, json_schema_extra={"format": "int64"})]
    """Cal.com's id of the event type."""
    api_key_secret_ref: base.SecretKeyRef | None = None
    """API key of the person's own Cal.com account, where the event type is not in the Tenant's. Bookings go there when the key is
    good and the pods have it. A key that another tenant uses is refused."""
    user_id: Annotated[int, Field(ge=1, le=2**53, json_schema_extra={"format": "int64"})] | None = None
    """Cal.com's id of the person's user, where the event type is a round robin of a team: entries of several people then name the
    same event type. A booking asks Cal.com for this host; if Cal.com chooses another host, the caller hears that."""


_ONE_HOST = base.rule(
    "self.all(e, has(e.userId) || self.exists_one(other, other.eventTypeId == e.eventTypeId))",
    "each eventTypeId may stand once: a Cal.com event type has one host, so each person needs one of their own; of a team's round"
    " robin each entry names the person by userId",
)


class BookingField(base.Part):
    model_config = base.with_rules(
        base.rule(
            "has(self.source) || has(self.value)", "say with what the booking field is answered: source, value, or both"
        )
    )

    slug: Annotated[str, base.bounded_text(100)]
    """Identifier of the booking field (booking question) at Cal.com."""
    source: FieldSource | None = None
    """The part of the appointment that answers it: `Phone` (the caller's number, asked for where it is not known), `Name`,
    `Notes` (the caller's other words) or `Service` (its displayName)."""
    value: Annotated[str, base.bounded_text(500)] | None = None
    """Fixed answer; with `source`, used if that is empty. Several answers to one field have commas between them; a boolean takes
    "true" or "false"."""


class OfferingCalcom(base.Part):
    event_types: Annotated[tuple[EventType, ...], base.bounded_list(200, _ONE_HOST, key="staff")] = ()
    """One event type for each person who can do it. An empty list: its appointments are to stay in the local calendar."""
    booking_fields: Annotated[tuple[BookingField, ...], base.bounded_list(50, key="slug")] = ()
    """Answers to booking fields of these event types. Cal.com refuses a booking without those that it requires; required telephone
    numbers, `notes` and `title` are answered without an entry here, and optional `notes` with the caller's words. An event type
    that lacks a field gets no answer to it."""

    @property
    def is_local(self) -> bool:
        """Whether the manifest keeps the service local by an empty list of event types; False if the list is absent."""
        return "event_types" in self.model_fields_set and not self.event_types


class Segment(base.Part):
    kind: SegmentKind
    """`Work`: the person is busy. `Wait`: the customer waits, and the person can serve others."""
    minutes: Annotated[int, Field(ge=1, le=1440)]
    """Length (minutes)."""


_WORK_AT_BOTH_ENDS = base.rule(
    "self[0].kind == 'Work' && self[self.size() - 1].kind == 'Work'",
    "a service begins and ends with Work: leave out a Wait at either end, and shorten durationMinutes by it",
)


class StaffPrice(base.Part):
    amount: Amount
    """Amount with two decimals or none, such as "55.00" (a decimal string), in the currency of the service's price."""


class StaffOverride(base.Part):
    model_config = base.with_rules(
        base.rule(
            "has(self.durationMinutes) || has(self.price)",
            "say what is different with this person: durationMinutes, price, or both",
        )
    )

    staff: base.Label
    """Id of the person (Branch spec.staff[].id), in every Branch that offers the service."""
    duration_minutes: Annotated[int, Field(ge=1, le=1440)] | None = None
    """Length with this person (minutes); a Cal.com event type of this person has the same. Absent: that of the service."""
    price: StaffPrice | None = None
    """The price with this person; 0: free of charge. Absent: the service's price."""


class ServiceOfferingSpec(base.Part):
    """The declared service."""

    model_config = base.with_rules(
        base.ONE_OWNER,
        base.SAME_OWNER,
        base.rule(
            "self.bufferBeforeMinutes + self.durationMinutes + self.bufferAfterMinutes <= 1440",
            "an appointment with its buffers must fit into one day: "
            "bufferBeforeMinutes + durationMinutes + bufferAfterMinutes ≤ 1440",
        ),
        base.rule(
            "!has(self.segments) || self.segments.map(each, each.minutes).sum() == self.durationMinutes",
            "the segments follow each other without a gap: the sum of their minutes must be durationMinutes",
        ),
        base.rule(
            "!has(self.segments) || !has(self.calcom)",
            "a booking at Cal.com blocks its whole length, waits included: remove calcom, and appointments stay in the local"
            " calendar; or remove segments",
        ),
        base.rule(
            "!has(self.segments) || !has(self.staffOverrides) || !self.staffOverrides.exists(each, has(each.durationMinutes))",
            "segments say when everybody works and waits: remove the durationMinutes of staffOverrides, or write a ServiceOffering"
            " of its own for those who need another time",
        ),
        base.rule(
            "!has(self.staffOverrides) || self.staffOverrides.all(each, !has(each.durationMinutes) || self.bufferBeforeMinutes +"
            " each.durationMinutes + self.bufferAfterMinutes <= 1440)",
            "whoever does it, it must be over within a day, buffers included: "
            "bufferBeforeMinutes + durationMinutes of staffOverrides + bufferAfterMinutes ≤ 1440",
        ),
    )

    branch_ref: base.ObjectRef | None = None
    """The Branch that offers it; cannot be changed. Exactly one of branchRef and tenantRef."""
    tenant_ref: base.ObjectRef | None = None
    """The Tenant whose branches all offer it; cannot be changed."""
    display_name: base.Text
    """Name of the service as it is spoken."""
    spoken_names: Annotated[tuple[base.Text, ...], base.bounded_list(50, as_set=True)] = ()
    """Other words that callers use for it."""
    duration_minutes: Annotated[int, Field(ge=1, le=1440)]
    """Length that the customer is told (minutes)."""
    buffer_before_minutes: BufferMinutes = 0
    """Time blocked before it (minutes); lies within working hours, too."""
    buffer_after_minutes: BufferMinutes = 0
    """Time blocked after it (minutes); lies within working hours, too."""
    segments: Annotated[tuple[Segment, ...], base.bounded_list(20, _WORK_AT_BOTH_ENDS, min_items=1)] | None = None
    """Parts of the service, in their order, for a person who can serve others while the customer waits: only `Work` and the buffers
    block the person. The whole visit lies within working hours. Absent: the person is busy from start to end."""
    price: Price | None = None
    """The price, for callers who ask: the function BusinessInformation says it. 0: callers hear that it is free of
    charge. Absent: that the price is not known."""
    staff_overrides: Annotated[tuple[StaffOverride, ...], base.bounded_list(60, key="staff")] = ()
    """People with another length or price, such as a trainee or a master. Times are offered and booked by the length of
    the person who does it; callers who ask hear both prices."""
    preparation: base.SpokenText | None = None
    """Preparations of customers, as sentences: callers who ask hear them, and mails to customers have them
    (`spec.notifications` of the Tenant)."""
    required_skills: Annotated[tuple[base.Skill, ...], base.bounded_list(50, as_set=True)] = ()
    """Skills that a person must have, all of them. Absent: anybody can do it."""
    capacity: Annotated[int, Field(ge=1, le=50)] = 1
    """Parallel appointments per person (appointments)."""
    slot_step_minutes: Annotated[int, Field(ge=1, le=1440)] = 15
    """Grid on which appointments start, counted from local midnight (minutes). Set the same slot interval in each event
    type at Cal.com: a start that Cal.com does not have is not offered."""
    minimum_notice_minutes: Annotated[int, Field(ge=0, le=525_600)] = 0
    """An appointment starts at least this long after the booking (minutes)."""
    booking_horizon_days: Annotated[int, Field(ge=0, le=730)] = 90
    """The last day that can be booked is today plus this (days)."""
    calcom: OfferingCalcom | None = None
    """How Cal.com knows this service; absent: appointments stay in the local calendar."""


class FoundEventType(base.Part):
    event_type_id: Annotated[int, Field(ge=1, le=2**53, json_schema_extra={"format": "int64"})]
    """Cal.com's id of the event type."""


class VariableLength(FoundEventType):
    default_minutes: Annotated[int, Field(ge=1, le=1440)]
    """The length of a booking that names no length (minutes)."""


class OwnFoundEventType(FoundEventType):
    seen_with: base.Short
    """Keyed hash of the address of Cal.com and the staff member's own key."""


class AnsweredField(FoundEventType):
    slug: base.Short
    """Identifier of the booking field."""
    type: base.Short
    """Its type at Cal.com."""
    optional: bool | None = None
    """true: Cal.com does not require the field, and only callers' notes are sent in it."""


class ServiceOfferingStatus(base.AppliedStatus):
    """The state of a ServiceOffering as the operator reports it."""

    staff: Annotated[tuple[base.Short, ...], base.bounded_list(5000)] | None = None
    """Ids of the people who have the required skills."""
    event_types: base.Count | None = None
    """Number of Cal.com event types that are linked."""
    variable_lengths: Annotated[tuple[VariableLength, ...], base.bounded_list(200)] | None = None
    """Event types that offer several lengths at Cal.com; bookings there name durationMinutes."""
    needs_confirmation: Annotated[tuple[FoundEventType, ...], base.bounded_list(200)] | None = None
    """Event types whose bookings somebody at Cal.com has to confirm; callers hear that their appointment is requested."""
    booked_by_host: Annotated[tuple[FoundEventType, ...], base.bounded_list(200)] | None = None
    """Round robins for which Cal.com shows and books the times of one host (rrHostSubsetEnabled)."""
    event_types_in_account: Annotated[tuple[FoundEventType, ...], base.bounded_list(200)] | None = None
    """Event types that were found with the key of their account; bookings use only these."""
    event_types_not_found: Annotated[tuple[FoundEventType, ...], base.bounded_list(200)] | None = None
    """Event types that Cal.com did not find in the account, former ones included; nothing is sent to them."""
    event_types_gone: Annotated[tuple[FoundEventType, ...], base.bounded_list(200)] | None = None
    """Event types that have left the account; nothing is sent to them while the spec names them."""
    event_types_seen_with: base.Short | None = None
    """Keyed hash of the address of Cal.com and the Tenant's key with which they were found; with others they do not count."""
    own_event_types_seen_with: Annotated[tuple[OwnFoundEventType, ...], base.bounded_list(200)] | None = None
    """The same for event types with a key of their own (`apiKeySecretRef`)."""
    booking_fields: Annotated[tuple[AnsweredField, ...], base.bounded_list(2000)] | None = None
    """Booking fields at Cal.com that bookings answer: those that are required, those of spec.calcom.bookingFields, and `notes`."""


class ServiceOffering(base.CustomResource):
    """A service that can be booked at one branch, or at every branch of a tenant."""

    model_config = base.with_rules(*base.name_rules("ServiceOffering", 63, "labels and tables carry it"))
    kind: ClassVar = "ServiceOffering"
    plural: ClassVar = "serviceofferings"
    short_name: ClassVar = "aps"
    status_model: ClassVar = ServiceOfferingStatus
    columns: ClassVar = (
        base.column("Staff", ".status.staff", wide=False),
        base.column("Branch", ".spec.branchRef.name"),
        base.column("Tenant", ".spec.tenantRef.name"),
        base.column("Minutes", ".spec.durationMinutes", "integer"),
    )
    further_columns: ClassVar = (
        base.column("Price", ".spec.price.amount"),
        base.column("EventTypes", ".status.eventTypes"),
    )
    selectable: ClassVar = (".spec.branchRef.name", ".spec.tenantRef.name")

    spec: ServiceOfferingSpec

    def minutes_with(self, staff: str) -> int:
        """Return the length of the service in minutes when this staff member does it."""
        own = (each.duration_minutes for each in self.spec.staff_overrides if each.staff == staff)
        return next(own, None) or self.spec.duration_minutes

    @property
    def heard_name(self) -> str:
        """Return the displayName without differences that a listener cannot hear: case, spaces, hyphens and other punctuation."""
        return _heard(self.spec.display_name)

    @property
    def heard_words(self) -> tuple[str, ...]:
        """Return the spokenNames in declared order, each without the differences that `heard_name` leaves out."""
        return tuple(map(_heard, self.spec.spoken_names))


def _heard(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in folded if character.isalnum()) or folded
