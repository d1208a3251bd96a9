"""From a model's arguments to what is wanted, or to the question to ask back. Arguments are words of a model: any may be
missing, empty, of the wrong type, or name what does not exist. Nothing is guessed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from askproai_runtime.booking.availability import Rules
from askproai_runtime.booking.types import Answer, CallContext
from askproai_runtime.booking.words import NOT_UNDERSTOOD, fold, listed
from askproai_runtime.config import Branch, Service, Staff, TenantConfig
from askproai_runtime.speech import Candidate, Understanding, spoken, understand_parts

_LONGEST_ARGUMENT = 500


class AskBack(Exception):
    """Not answerable as asked: `answer` holds the German question."""

    def __init__(self, question: str, **fields: Any) -> None:
        super().__init__(question)
        self.answer = Answer(success=False, message=question, fields=fields)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the caller wants, resolved in the config. `person` is None when anybody will do."""

    rules: Rules
    person: Staff | None

    @property
    def staff(self) -> str | None:
        return self.person.id if self.person else None

    @property
    def resources(self) -> list[int]:
        return [resource for person in self.rules.people for resource in person.resource_ids]

    def name_of(self, staff: str) -> str:
        return next((person.display_name for person in self.rules.branch.staff if person.id == staff), staff)


def text(args: Mapping[str, Any], name: str) -> str | None:
    """Give an argument as trimmed, bounded text; None when it is missing or empty."""
    value = args.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).strip()[:_LONGEST_ARGUMENT] or None


def read_wish(
    config: TenantConfig, call: CallContext, args: Mapping[str, Any], last_service: str | None = None
) -> Wish:
    """Resolve branch, service and person. `last_service` is what was offered last, for a model that does not repeat it."""
    branch = _branch(config, call, text(args, "branch"))
    service = _service(config, branch, text(args, "service") or last_service)
    able = service.staff.get(branch.name, ())
    people = tuple(person for person in branch.staff if person.id in able and person.resource_ids)
    if not people:
        raise AskBack(f"{service.display_name} kann ich hier gerade niemandem zuordnen. Wünschen Sie etwas anderes?")
    rules = Rules(ZoneInfo(config.time_zone), branch, service, people)
    return Wish(rules, _person(rules, text(args, "staff")))


def read_time(args: Mapping[str, Any], call: CallContext, zone: ZoneInfo) -> Understanding:
    """Understand `start`, or `date`, `time` and `part_of_day`, counted from the call's start; raises the question if refused."""
    start = text(args, "start")
    parts = (start, None, None) if start else (text(args, "date"), text(args, "time"), text(args, "part_of_day"))
    understood = understand_parts(*parts, at=call.started_at, zone=zone)
    if understood.refused is not None:
        raise AskBack(NOT_UNDERSTOOD[understood.refused], refused=understood.refused.value)
    return understood


def says_when(args: Mapping[str, Any]) -> bool:
    return any(text(args, name) for name in ("start", "date", "time", "part_of_day"))


def candidate_fields(candidates: tuple[Candidate, ...]) -> list[dict[str, str]]:
    """Give candidates as contract §6 writes them."""
    return [
        {"start": c.start.isoformat(), **({"end": c.end.isoformat()} if c.end else {}), "grain": c.grain.value,
         "reading": c.reading}
        for c in candidates
    ]  # fmt: skip


def which_one(understood: Understanding, zone: ZoneInfo) -> str:
    """Ask which candidate is meant, each with its full date."""
    readings = [spoken(c.start, zone) if c.end is None else c.reading for c in understood.candidates]
    return f"Meinen Sie {listed(readings)}?"


def _branch(config: TenantConfig, call: CallContext, named: str | None) -> Branch:
    wanted = fold(named) if named else fold(call.branch)
    for branch in config.branches:
        if wanted in {fold(branch.name), fold(branch.display_name), fold(branch.address.city)}:
            return branch
    known = [branch.display_name for branch in config.branches]
    raise AskBack(f"Für welche Filiale möchten Sie einen Termin: {listed(known)}?" if known else "Hier sind noch keine"
                  " Termine eingerichtet.", branches=[branch.name for branch in config.branches])  # fmt: skip


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


def _person(rules: Rules, named: str | None) -> Staff | None:
    if named is None:
        return None
    wanted = fold(named)
    for person in rules.people:
        if wanted in {fold(person.id), fold(person.display_name)}:
            return person
    names = [person.display_name for person in rules.people]
    raise AskBack(
        f"{named} kann ich dafür nicht eintragen. {rules.service.display_name} gibt es bei {listed(names)}."
        " Zu wem möchten Sie?",
        staff=[person.id for person in rules.people],
    )
