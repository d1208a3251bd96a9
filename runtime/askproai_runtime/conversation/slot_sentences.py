"""Free slots in an answer: the JSON fields for the model, and the sentence to say."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from askproai_core.tenant_config import Service
from askproai_runtime.availability.obstacles import Obstacle
from askproai_runtime.availability.slots import ServiceRules, Slot
from askproai_runtime.book.context import Basis
from askproai_runtime.language.phrases import format_length, format_slot, join_list
from askproai_runtime.sentences import decline_name, format_clock, format_day, format_spoken, say
from askproai_runtime.visits import has_several


def slot_fields(
    rules: ServiceRules, slots: Sequence[Slot], now: datetime, staff: str | None = None
) -> list[dict[str, Any]]:
    """Return slots as `slots` or `alternatives` of an answer: local ISO 8601 times, ids, and the phrase to say.

    They have the spoken order of `slot_sentence`: a caller who wants "die erste" means the first that was said. `staff` is the
    id of the requested staff member.
    """
    return [
        {
            "start": slot.start.astimezone(rules.zone).isoformat(),
            "end": slot.end.astimezone(rules.zone).isoformat(),
            "staff": slot.staff,
            "service": rules.service.name,
            "branch": rules.branch.name,
            "spoken": _say_slot(rules, slot, now),
            **_companion_fields(rules, slot),
        }
        for slot in in_spoken_order(rules, slots, staff)
    ]


def in_spoken_order(rules: ServiceRules, slots: Sequence[Slot], staff: str | None) -> list[Slot]:
    """Return slots in the order in which `slot_sentence` says them. `staff` is the id of the requested staff member."""
    own, others = _split_by_staff(rules, slots, staff)
    return [*own, *others]


def _split_by_staff(rules: ServiceRules, slots: Sequence[Slot], staff: str | None) -> tuple[list[Slot], list[Slot]]:
    """Return two lists: the slots of the requested staff member (all slots if None), and the other slots, each list by start."""
    ordered = _by_start(slots)
    if staff is None or rules.companions:
        return ordered, []
    return [slot for slot in ordered if slot.staff == staff], [slot for slot in ordered if slot.staff != staff]


def _companion_fields(rules: ServiceRules, slot: Slot) -> dict[str, Any]:
    """Return the field with the companions' times and staff members; {} if nobody comes along."""
    people = [
        {
            "start": each.start.astimezone(rules.zone).isoformat(),
            "end": each.end.astimezone(rules.zone).isoformat(),
            "staff": each.staff,
            "service": own.service.name,
        }
        for own, each in zip(rules.companions, slot.companions, strict=True)
    ]
    return {"companions": people} if people else {}


def _say_slot(rules: ServiceRules, slot: Slot, now: datetime, *, as_subject: bool = False) -> str:
    """Return `Freitag, den 27. November, um 10 Uhr bei Anna`; with companions `… bei Anna und Mehmet` or `… bei Anna und um 10
    Uhr 30 bei Anna, also nacheinander`, with each person's service if the services differ.
    """
    if not slot.companions:
        return format_slot(slot, rules.display_name(slot.staff), rules.zone, now, as_subject=as_subject)
    by_start: dict[datetime, list[tuple[ServiceRules, Slot]]] = {}
    for each in zip(rules.people, (slot, *slot.companions), strict=True):
        by_start.setdefault(each[1].start, []).append(each)
    said = list[str]()
    for start, people in sorted(by_start.items()):
        clock = format_clock(start.astimezone(rules.zone).time())
        when = say().later.format(clock=clock) if said else format_spoken(start, rules.zone, now, as_subject=as_subject)
        said.append(f"{when}{_say_staff(rules, people)}")
    times = join_list(said, say().and_word)
    spans = [(each.start, each.end) for each in (slot, *slot.companions)]
    return say().in_turn.format(times=times) if is_in_turn(spans) else times


def is_in_turn(spans: Iterable[tuple[datetime, datetime]]) -> bool:
    """Return whether there are several spans (start, end), and at no time two of them."""
    pairs = list(pairwise(sorted(spans)))
    return bool(pairs) and all(earlier[1] <= later[0] for earlier, later in pairs)


def _say_staff(rules: ServiceRules, people: Sequence[tuple[ServiceRules, Slot]]) -> str:
    """Return ` bei Anna und Mehmet`; if the services differ, ` Haarschnitt bei Anna und Färben bei Mehmet`."""
    names = [decline_name(rules.display_name(slot.staff)) for _, slot in people]
    if len({each.service.name for each in rules.people}) == 1:
        return say().with_staff.format(staff=join_list(list(dict.fromkeys(names)), say().and_word))
    parts = [
        say().service_with.format(service=own.service.display_name, staff=name)
        for (own, _), name in zip(people, names, strict=True)
    ]
    return f" {join_list(parts, say().and_word)}"


def slot_sentence(
    rules: ServiceRules,
    slots: Sequence[Slot],
    now: datetime,
    basis: Basis = Basis.CALENDAR,
    obstacle: Obstacle | None = None,
    *,
    which: bool = False,
    moves: bool = False,
    paused_until: datetime | None = None,
    staff: str | None = None,
    has_more: bool = False,
) -> str:
    """Return the sentence that offers slots, each day with its full date. It is tentative if the remote calendar is unknown
    (`basis`).

    Slots are said by start, since a listener gets lost if the one closest to the requested time comes first. Beyond the horizon
    (`obstacle`) no later search is offered. `which` asks which of several readings is meant; `moves` asks whether to move an
    appointment. `paused_until` is the end of a pause that covers the whole search. Slots of staff members other than `staff`
    are named as such. If there are more (`has_more`), the slots are called examples: callers think that unsaid times are taken.
    """
    if not slots and paused_until is not None:
        return _paused_sentence(rules, paused_until, now)
    if not slots and obstacle is Obstacle.TOO_FAR:
        return say().nothing_free_before.format(staff=say_wanted(rules, staff))
    if not slots:
        return say().nothing_free.format(staff=say_wanted(rules, staff))
    own, others = _split_by_staff(rules, slots, staff)
    sentences = list[str]()
    if own:
        template = say().example if has_more and len(slots) > 1 else say().offered
        sentences.append(template.format(slots=join_list(_describe(rules, own, now))))
    if others:
        named = decline_name(rules.display_name(staff or ""))
        sentences.append(say().offered_by_others.format(staff=named, slots=join_list(_describe(rules, others, now))))
    if which:
        question = say().which_do_you_mean
    elif moves:
        question = say().shall_i_move if len(slots) == 1 else say().move_where
    else:
        question = say().shall_i_book if len(slots) == 1 else say().which_suits
    if basis is Basis.OWN_BOOK:
        question = say().confirmed_when_booked.format(question=question)
    return f"{' '.join(sentences)}{_length_of(rules, slots)} {question}"


def _paused_sentence(rules: ServiceRules, until: datetime, now: datetime) -> str:
    """Return the sentence that bookings are paused, with the last day of the pause if it is within the booking horizon."""
    if until > now + timedelta(days=rules.service.booking_horizon_days):
        return say().bookings_paused
    last_day = (until.astimezone(rules.zone) - timedelta(microseconds=1)).date()
    return say().bookings_paused_until.format(day=format_day(last_day, now.astimezone(rules.zone).date()))


def _length_of(rules: ServiceRules, slots: Sequence[Slot]) -> str:
    """Return the sentence with the length of a visit that has several services or a wait, or depends on the staff member.
    Return "" for other visits, and if the offered slots have different lengths: the caller hears the end after the booking.
    """
    lengths = {max(each.end for each in (slot, *slot.companions)) - slot.start for slot in slots}
    if len(lengths) > 1:
        return ""
    if rules.companions:  # all of them together: the same services can be at one time or in a row
        has_length = any(says_length(each.service) for each in rules.people)
        total = format_length(int(lengths.pop() / timedelta(minutes=1)))
        return say().visit_length.format(length=total, waiting="") if has_length else ""
    service = rules.service_by(slots[0].staff)
    if rules.service.has_own_lengths and not (service.wait_spans or has_several(service.name)):
        return say().visit_length.format(length=format_length(service.duration_minutes), waiting="")
    return _visit_length(service)


def _visit_length(service: Service) -> str:
    waiting, several = sum(end - first for first, end in service.wait_spans), has_several(service.name)
    if not waiting and not several:
        return ""
    sentence = say().services_length if several else say().visit_length
    waits = say().of_it_waiting.format(length=format_length(waiting)) if waiting else ""
    length = format_length(service.duration_minutes)
    return sentence.format(services=service.display_name, length=length, waiting=waits)


def says_length(service: Service) -> bool:
    """Return whether callers hear the service's length: several services, a wait, or a length that depends on the staff member."""
    return bool(service.wait_spans or has_several(service.name) or service.has_own_lengths)


def example_sentence(rules: ServiceRules, slots: Sequence[Slot], now: datetime) -> str:
    """Return the sentence with free slots as examples, for a caller who was asked for a time; "" without slots."""
    return say().example.format(slots=join_list(_describe(rules, slots, now))) if slots else ""


def _describe(rules: ServiceRules, slots: Sequence[Slot], now: datetime) -> list[str]:
    """Return the phrases for slots, earliest first, as subjects of a sentence: one for each day, or for each slot of a group."""
    if any(slot.companions for slot in slots):
        return [_say_slot(rules, slot, now, as_subject=True) for slot in _by_start(slots)]
    days: dict[date, list[Slot]] = {}
    for slot in _by_start(slots):
        days.setdefault(slot.start.astimezone(rules.zone).date(), []).append(slot)
    return [_describe_day(rules, each, now) for each in days.values()]


def _describe_day(rules: ServiceRules, slots: Sequence[Slot], now: datetime) -> str:
    """Return `Montag, der 7. Dezember, um 8 Uhr, um 13 Uhr oder um 16 Uhr bei Anna`. The day is said once, and the staff member
    once if all slots have the same one.
    """
    first, *others = (slot.start.astimezone(rules.zone) for slot in slots)
    when = [format_spoken(first, rules.zone, now, as_subject=True)]
    when += [say().later.format(clock=format_clock(each.time())) for each in others]
    staff = [say().with_staff.format(staff=decline_name(rules.display_name(slot.staff))) for slot in slots]
    if len(set(staff)) == 1:
        return f"{join_list(when)}{staff[0]}"
    return join_list([f"{each}{person}" for each, person in zip(when, staff, strict=True)])


def _by_start(slots: Sequence[Slot]) -> list[Slot]:
    return sorted(slots, key=lambda slot: slot.start)


def say_wanted(rules: ServiceRules, staff: str | None) -> str:
    """Return ` bei Anna` for one requested staff member, ` bei Anna oder Mehmet` if any of several will do; "" without any."""
    wanted = [rules.display_name(staff)] if staff else [each.display_name for each in rules.among]
    names = list(dict.fromkeys(map(decline_name, wanted)))
    return say().with_staff.format(staff=join_list(names)) if names else ""
