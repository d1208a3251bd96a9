"""The config of a service, and of its event types at the remote calendar."""

from itertools import groupby, pairwise
from operator import attrgetter
from typing import Any, Self

import msgspec

from askproai_core.tenant_config.vocabulary import ConfigStruct, FieldSource, SegmentKind, Withheld


class BookingField(ConfigStruct, frozen=True):
    """A booking field of an event type. We answer it with the data of kind `source`, or with `value` if there are none."""

    slug: str
    source: FieldSource | None = None
    value: str | float | bool | tuple[str, ...] | None = None


class EventType(ConfigStruct, frozen=True):
    """A Cal.com event type with one host, so that each staff member has a separate event type for each service.

    `default_minutes` is set if there are several lengths: the length of a booking that names none. If `needs_confirmation`,
    bookings stay requests until somebody confirms them at Cal.com. While it is `withheld`, nothing is sent to it.
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

    `by_host`: Cal.com shows and books the times of this one host; otherwise it shows the team's times and chooses the host.
    """

    host_id: int
    by_host: bool = False


class Segment(ConfigStruct, frozen=True):
    """A part of a service: work or a wait. The segments of a service follow each other without a gap."""

    minutes: int
    kind: SegmentKind = SegmentKind.WORK


class StaffOverride(ConfigStruct, frozen=True):
    """The length and price of a service with one staff member. A length or price of None is the declared one."""

    staff: str
    duration_minutes: int | None = None
    price_amount: str | None = None
    price_currency: str = "EUR"
    free_of_charge: bool = False


class Service(ConfigStruct, frozen=True):
    """A service that can be booked `capacity` times at once with each staff member.

    `staff_overrides` are staff members with whom it has another length or price (`done_by`). Pods of a release that does not
    know this field book the declared length.

    Its `segments`, if any, last `duration_minutes` together; the first and the last one are work. Pods of a release that does
    not know this field block the whole time.

    `branch` is None if every branch offers the service. `staff` maps a branch's name to the ids of the staff members who offer
    it. Event types that need another API key are in a field of their own, so that pods of a release that does not know the
    field do not book them with the tenant's key. Event types of a team also have a field of their own, because such pods do not
    know which host Cal.com has chosen.
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
    staff_overrides: tuple[StaffOverride, ...] = ()

    def done_by(self, staff: str) -> Self:
        """Return a copy of the service with one staff member's length and price, and without the list of overrides."""
        override = next((each for each in self.staff_overrides if each.staff == staff), None)
        if override is None:
            return msgspec.structs.replace(self, staff_overrides=()) if self.staff_overrides else self
        changes: dict[str, Any] = {"staff_overrides": ()}
        if override.duration_minutes is not None:
            changes["duration_minutes"] = override.duration_minutes
        if override.price_amount is not None:
            price = {each: getattr(override, each) for each in ("price_amount", "price_currency", "free_of_charge")}
            changes |= price
        return msgspec.structs.replace(self, **changes)

    def in_branch(self, branch: str) -> Self:
        """Return a copy of the service with the length and price that it has in a branch.

        These are the declared ones or, if no staff member of the branch has them, those of the first staff member. The copy's
        overrides are the staff members who differ from it.
        """
        own = {staff: self.done_by(staff) for staff in self.staff.get(branch, ())}
        if not own or not self.staff_overrides:
            return self
        first = next(iter(own.values()))
        as_declared = any(each.duration_minutes == self.duration_minutes for each in own.values())
        length = self.duration_minutes if as_declared else first.duration_minutes
        price = self if any(each.terms == self.terms for each in own.values()) else first
        overrides = tuple(
            StaffOverride(staff, each.duration_minutes, *each.terms)
            for staff, each in own.items()
            if each.duration_minutes != length or each.terms != price.terms
        )
        return msgspec.structs.replace(
            self, duration_minutes=length, staff_overrides=overrides,
            price_amount=price.price_amount, price_currency=price.price_currency, free_of_charge=price.free_of_charge,
        )  # fmt: skip

    @property
    def terms(self) -> tuple[str, str, bool]:
        """Return the price as amount and currency, and True if the service is free of charge."""
        return self.price_amount, self.price_currency, self.free_of_charge

    @property
    def has_own_lengths(self) -> bool:
        """Return True if the service takes longer or shorter with some staff members than declared."""
        return any(each.duration_minutes not in {None, self.duration_minutes} for each in self.staff_overrides)

    @property
    def work_spans(self) -> tuple[tuple[int, int], ...]:
        """Return the spans in which the staff member works, in minutes from the service's start, half-open."""
        spans, at = list[tuple[int, int]](), 0
        for kind, segments in groupby(self.segments or (Segment(self.duration_minutes),), key=attrgetter("kind")):
            first, at = at, at + sum(segment.minutes for segment in segments)
            if kind is SegmentKind.WORK:
                spans.append((first, at))
        return tuple(spans)

    @property
    def wait_spans(self) -> tuple[tuple[int, int], ...]:
        """Return the spans in which the customer waits, in minutes from the start of the service."""
        return tuple((end, first) for (_, end), (first, _) in pairwise(self.work_spans))

    @property
    def linked_event_types(self) -> tuple[EventType, ...]:
        """Return the event types in all accounts: the tenant's, staff members' own, and teams'."""
        return (*self.event_types, *self.own_event_types, *self.team_event_types)
