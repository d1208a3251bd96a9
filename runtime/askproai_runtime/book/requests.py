"""The command to book, as values: the service, the customers, the actor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Self
from uuid import UUID

from askproai_core.languages import Language
from askproai_runtime.availability.slots import ServiceRules, Slot
from askproai_runtime.book.actor import Actor
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.person_names import fold
from askproai_runtime.visits import canonical_name, same_services


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """The service that a caller asks for, resolved in the config. `staff` is None if any staff member of the rules will do.
    `excluded` has the ids of the staff members whom the caller has excluded.
    """

    rules: ServiceRules
    staff: str | None
    excluded: tuple[str, ...] = ()

    @property
    def excluded_fields(self) -> dict[str, list[str]]:
        """Return the field `excluded_staff` for the answer, so that the call keeps the exclusion; {} if nobody is excluded."""
        return {"excluded_staff": list(self.excluded)} if self.excluded else {}


@dataclass(frozen=True, slots=True)
class Doubts:
    """The reasons, from a caller's words, to ask whether a booking is meant to replace another appointment. The desk has none.

    `listed` has the ids of the appointments that were named to the caller.
    """

    listed: frozenset[str] = frozenset()
    adds: bool = True  # since the call's last change, the caller has spoken of one more, and of giving up none
    changes: bool = False  # the caller has spoken of a move, a change or a replacement
    replaces_person: bool = False  # one person comes in the place of another


@dataclass(frozen=True, slots=True)
class BookingRequest:
    """A booking to make.

    `offered_staff` is the staff member of the offer for exactly this time, who is kept if the caller names nobody else.
    `offered` are the slots that were offered to a group. `another`: this is one more appointment in the call, for a second
    person or at a second time. `renames` has the names of a group that the caller has decided about: each name has the id of
    the appointment that gets it, or None for one more appointment. `replaces` is the caller's appointment that is cancelled for
    this one; `replaces_afterwards` is the id of the appointment that is cancelled once this one is confirmed. `moves`: the
    arguments say that another appointment is to be given up, and the caller was not asked which one. `companions` has the names
    of the companions, in the order of the rules.
    """

    actor: Actor
    service: ServiceRequest
    start: datetime
    name: str
    phone: str | None
    email: str | None
    notes: str | None
    another: bool
    offered_staff: str | None
    birth_date: date | None = None  # the customer's, if the tenant asks for it
    companions: tuple[str, ...] = ()
    renames: Mapping[str, str | None] = field(default_factory=dict)
    replaces: Appointment | None = None
    replaces_afterwards: UUID | None = None
    moves: bool = False
    offered: Sequence[Slot] = ()
    doubts: Doubts = Doubts()
    language: Language = Language.DE  # of the caller: a staff member who speaks it comes first

    @property
    def rules(self) -> ServiceRules:
        return self.service.rules

    @property
    def first_key(self) -> str:
        """Return the action key of this booking, as it is without `another`, companions or a replacement. Name, notes and staff
        member are not part of it: a model that repeats itself changes them.
        """
        return f"book|{self.rules.branch.name}|{canonical_name(self.rules.service.name)}|{self.start.isoformat()}"

    @property
    def key(self) -> str:
        """Return the action key of this booking within the call. The customer's name is part of it only with `another`. A
        group's key differs from the keys of its members' requests. The key of a replacement differs from the key of the same
        booking made earlier in the call: "doch wieder bei Anna".
        """
        services = [canonical_name(each.service.name) for each in self.rules.companions]
        first = "|".join([self.first_key, *(f"with:{service}" for service in services)])
        if self.replaces_afterwards is not None:
            first = f"{first}|instead:{self.replaces_afterwards}"
        return f"{first}|another:{fold(self.name)}" if self.another else first

    @property
    def each(self) -> list[Self]:
        """Return one request for each person of the group, without companions and without a requested staff member."""
        names = zip(self.rules.people, (self.name, *self.companions), strict=True)
        return [
            replace(self, service=ServiceRequest(replace(rules, companions=()), None), name=name, companions=())
            for rules, name in names
        ]

    @property
    def slot_key(self) -> tuple[str, str, int]:
        """Return the key of the slot's lock: branch, staff member or `any`, and start. Competing calls get the same key."""
        staff = self.service.staff or self.offered_staff or "any"
        return self.rules.branch.name, staff, int(self.start.timestamp())

    def is_booked_in(self, appointments: Sequence[Appointment]) -> bool:
        """Return whether a live one of `appointments` has exactly this branch, service, start and name, and no such appointment
        was booked with `another`. A name that only sounds alike is another person's.
        """
        place = self.rules.branch.name, self.start, fold(self.name)
        then = [a for a in appointments if a.live and (a.branch, a.starts_at, fold(a.customer_name)) == place]
        own = [a for a in then if same_services(a.service, self.rules.service.name)]
        return bool(own) and not any(a.is_beside for a in own)
