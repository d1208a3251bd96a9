"""From a model's arguments to what is wanted, or to the question to ask back. Arguments are words of a model: any may be
missing, empty, of the wrong type, or name what does not exist. Nothing is guessed.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from askproai_core.phone_numbers import caller_number_or_none
from askproai_core.tenant_config import Branch, Service, TenantConfig
from askproai_runtime.booking.availability import Rules
from askproai_runtime.booking.ledger import Appointment, Status
from askproai_runtime.booking.types import Answer, CallContext
from askproai_runtime.booking.words import NOT_UNDERSTOOD, fold, listed, same_name
from askproai_runtime.german_dates import Candidate, Grain, Understanding, format_spoken, understand_parts

_LONGEST_ARGUMENT = 500
# ASCII, as Cal.com checks it: what a voice model writes down ("kündin@müller.de", "anna@@x.de", "a@x,de") is not always one.
_EMAIL = re.compile(r"[A-Za-z0-9_'+-]+(\.[A-Za-z0-9_'+-]+)*@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,63}")


class AskBack(Exception):
    """Not answerable as asked: `answer` holds the German question."""

    def __init__(self, question: str, **fields: Any) -> None:
        super().__init__(question)
        self.answer = Answer(success=False, message=question, fields=fields)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the caller wants, resolved in the config. `staff` is None when anybody will do."""

    rules: Rules
    staff: str | None

    @property
    def resources(self) -> list[int]:
        return [resource for person in self.rules.people for resource in person.resource_ids]

    def name_of(self, staff: str) -> str:
        return next((person.display_name for person in self.rules.branch.staff if person.id == staff), staff)


@dataclass(frozen=True, slots=True)
class Order:
    """A booking to make. `offered_staff` is whom the call holds at exactly this time; kept if nobody else is named."""

    wish: Wish
    start: datetime
    name: str
    phone: str | None
    email: str | None
    notes: str | None
    another: bool
    offered_staff: str | None

    @property
    def first_key(self) -> str:
        """Name the effect. Notes, spelling and person are no part of it: a model changes them when it repeats itself."""
        rules = self.wish.rules
        return f"book|{rules.branch.name}|{rules.service.name}|{self.start.isoformat()}"

    @property
    def key(self) -> str:
        """Only a second person at the same time (`another`) is one more effect, and then the name tells which."""
        return f"{self.first_key}|another:{fold(self.name)}" if self.another else self.first_key

    @property
    def slot(self) -> tuple[str, str, int]:
        """Name what several callers may want at once: a person's time, or anybody's."""
        person = self.wish.staff or self.offered_staff or "any"
        return self.wish.rules.branch.name, person, int(self.start.timestamp())

    def repeats(self, of_call: Sequence[Appointment]) -> Appointment | None:
        """Give the call's own appointment that this order names again.

        Raises `AskBack` if there is one for somebody clearly else, and a second person was not asked for.
        """
        what = self.wish.rules.branch.name, self.wish.rules.service.name, self.start
        then = [made for made in of_call if made.live and (made.branch, made.service, made.starts_at) == what]
        if self.another:  # two people may have one name: who came first is not the other
            then = [made for made in then if made.action != self.first_key]
        for made in then:
            if same_name(self.name, made.customer_name):
                return made
        if then and not self.another:
            raise AskBack(
                f"Für diese Zeit habe ich in diesem Gespräch schon {then[0].customer_name} eingetragen. "
                f"Soll ich für {self.name} noch einen Termin daneben eintragen?",
                appointment_id=str(then[0].id),
            )
        return None


def read_wish(
    config: TenantConfig, call: CallContext, args: Mapping[str, Any], last_service: str | None = None
) -> Wish:
    """Resolve branch, service and person. `last_service` is what was offered last, for a model that does not repeat it."""
    branch = _branch(config, call)
    service = _service(config, branch, text(args, "service") or last_service)
    rules = rules_of(ZoneInfo(config.time_zone), branch, service)
    if not rules.people:
        raise AskBack(f"{service.display_name} kann ich hier gerade niemandem zuordnen. Wünschen Sie etwas anderes?")
    return Wish(rules, _person(rules, text(args, "staff")))


def rules_of(zone: ZoneInfo, branch: Branch, service: Service) -> Rules:
    """Give the rules of one service in one branch, for those who can do it there."""
    able = service.staff.get(branch.name, ())
    people = tuple(person for person in branch.staff if person.id in able and person.resource_ids)
    return Rules(zone, branch, service, people)


def read_time(args: Mapping[str, Any], call: CallContext, zone: ZoneInfo) -> Understanding | None:
    """Understand `start`, or `date`, `time` and `part_of_day`, counted from the call's start; None when none is given.

    Raises `AskBack` for what is refused.
    """
    start = text(args, "start")
    parts = (start, None, None) if start else (text(args, "date"), text(args, "time"), text(args, "part_of_day"))
    if not any(parts):
        return None
    understood = understand_parts(*parts, at=call.started_at, zone=zone)
    if understood.refused is not None:
        raise AskBack(NOT_UNDERSTOOD[understood.refused], refused=understood.refused.value)
    return understood


def read_start(args: Mapping[str, Any], call: CallContext, zone: ZoneInfo, question: str) -> datetime:
    """Understand one exact start, in UTC. Raises `AskBack`: `question` when no time is given, else what is not clear."""
    understood = read_time(args, call, zone)
    if understood is None:
        raise AskBack(question)
    when, candidates = understood.candidates[0], candidate_fields(understood.candidates)
    if understood.ambiguous:
        raise AskBack(which_one(understood, zone), candidates=candidates)
    if when.grain is not Grain.MINUTE:
        raise AskBack(f"{when.reading}: Um wie viel Uhr genau?", candidates=candidates)
    return when.start.astimezone(UTC)


def read_order(
    config: TenantConfig, call: CallContext, args: Mapping[str, Any], of_call: Sequence[Appointment]
) -> Order:
    """Resolve a booking. What the call holds of `of_call` was offered last: it stands for a service that is not named again."""
    hold = next((made for made in of_call if made.status == Status.HELD), None)
    wish = read_wish(config, call, args, hold.service if hold else None)
    start = read_start(args, call, wish.rules.zone, "Für welchen Tag und welche Uhrzeit soll ich den Termin eintragen?")
    name = text(args, "customer_name")
    if name is None or not fold(name):
        raise AskBack("Auf welchen Namen darf ich den Termin eintragen?")
    email = text(args, "email")
    what = wish.rules.branch.name, wish.rules.service.name, start
    return Order(
        wish=wish,
        start=start,
        name=name[:200],
        phone=caller_number_or_none(text(args, "phone")) or call.caller,
        email=email if email and _EMAIL.fullmatch(email) else None,  # misheard spelling must not refuse a booking
        notes=text(args, "notes"),
        another=args.get("another") is True or str(args.get("another")).casefold() == "true",
        offered_staff=hold.staff if hold and (hold.branch, hold.service, hold.starts_at) == what else None,
    )


def candidate_fields(candidates: tuple[Candidate, ...]) -> list[dict[str, str]]:
    """Give candidates as contract §6 writes them."""
    return [
        {"start": c.start.isoformat(), **({"end": c.end.isoformat()} if c.end else {}), "grain": c.grain.value,
         "reading": c.reading}
        for c in candidates
    ]  # fmt: skip


def which_one(understood: Understanding, zone: ZoneInfo) -> str:
    """Ask which candidate is meant, each with its full date."""
    readings = [format_spoken(c.start, zone) if c.end is None else c.reading for c in understood.candidates]
    return f"Meinen Sie {listed(readings)}?"


def text(args: Mapping[str, Any], name: str) -> str | None:
    """Give an argument as trimmed, bounded text that PostgreSQL takes; None when it is missing or empty."""
    value = args.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).replace("\0", "").strip()[:_LONGEST_ARGUMENT] or None


def _branch(config: TenantConfig, call: CallContext) -> Branch:
    """Give the call's branch, which the calls room found: the argument `branch` is its business."""
    for branch in config.branches:
        if branch.name == call.branch:
            return branch
    raise AskBack("Hier sind noch keine Termine eingerichtet.")


def _service(config: TenantConfig, branch: Branch, named: str | None) -> Service:
    offered = [service for service in config.services if service.branch in {None, branch.name}]
    if named is None and len(offered) == 1:
        return offered[0]
    wanted = fold(named) if named else None
    for service in offered:
        if wanted in {fold(name) for name in (service.name, service.display_name, *service.spoken_names)}:
            return service
    names = [service.display_name for service in offered]
    if not names:
        raise AskBack("Hier kann ich gerade keine Termine vergeben.", services=[])
    question = "Was möchten Sie buchen" if named is None else f"{named} bieten wir hier nicht an. Buchbar ist"
    raise AskBack(f"{question}: {listed(names)}?", services=[service.name for service in offered])


def _person(rules: Rules, named: str | None) -> str | None:
    if named is None:
        return None
    for person in rules.people:
        if fold(named) in {fold(person.id), fold(person.display_name)}:
            return person.id
    names = [person.display_name for person in rules.people]
    raise AskBack(
        f"{named} kann ich dafür nicht eintragen. {rules.service.display_name} gibt es bei {listed(names)}."
        " Zu wem möchten Sie?",
        staff=[person.id for person in rules.people],
    )
