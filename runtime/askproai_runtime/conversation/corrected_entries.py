"""Decide whether a second request of a call corrects its waiting-list entry, or the name of its appointment. Pure.

The arguments decide, and the reply to our question about the former entry. Any other words of the caller change nothing.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.waiting import WaitingSpan, read_spans
from askproai_runtime.book.waitlist import NewEntry, WaitlistEntry
from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.asked_choices import read_choice
from askproai_runtime.conversation.types import CallContext, Choice
from askproai_runtime.language.answer_words import Reply
from askproai_runtime.language.heard_names import are_alike
from askproai_runtime.language.replies import kept_key
from askproai_runtime.person_names import addressed_differently, fold, is_alike, list_name_words, same_name

_MOMENT: Final = timedelta(minutes=1)
_VOWELS: Final = re.compile("a(?!e)|[eiou]")  # folded: "Pätra" has those of "Petra"


def find_misnamed(
    args: Mapping[str, Any], name: str, known: Sequence[str], identified: Collection[str] = ()
) -> str | None:
    """Return the last of the `known` names that `name` replaces before any question; None without one: a name that is like it if
    the argument `choice` renames, or the name in `identified`, of the appointment's id, if the first names are the same.

    Any other name is asked about, also one that sounds alike: it may be a relative's.
    """
    choice, first = read_choice(args), fold(name).partition(" ")[0]
    if choice not in {None, Choice.RENAME}:
        return None
    corrected = [each for each in identified if " " in each and fold(each).partition(" ")[0] == first]
    own = [each for each in known if len(list_name_words(name)) >= len(list_name_words(each))]
    alike = [each for each in own if choice is Choice.RENAME and may_be_misheard(name, each)]
    return next(reversed([*alike, *corrected]), None)


def find_misnamed_appointment(args: Mapping[str, Any], name: str, booked: Sequence[Appointment]) -> Appointment | None:
    """Return the appointment that a request for the same renames to `name` before any question; None without one."""
    if not name or any(same_name(name, each.customer_name) for each in booked):
        return None
    identified = [each.customer_name for each in booked if str(each.id) == read_text(args, "appointment_id")]
    misnamed = find_misnamed(args, name, [each.customer_name for each in booked], identified)
    return next((each for each in reversed(booked) if each.customer_name == misnamed), None)


def may_be_misheard(first: str, second: str) -> bool:
    """Return whether one of two names may be the other one, misheard or misspelled, or each of their words sounds alike."""
    words, others = ([fold(word) for word in list_name_words(each)] for each in (first, second))
    is_long = bool(words) and len(words) == len(others) and not addressed_differently(first, second)
    return is_alike(first, second) or (is_long and all(map(are_alike, words, others)))


def has_other_first_name(name: str, known: str) -> bool:
    """Return whether two full names have first names that differ in more than their spelling: Petra and Peter, not Eva and Ewa."""
    names = [list_name_words(each) for each in (name, known)]
    first, other = (fold(words[0]) if len(words) > 1 else "" for words in names)
    is_spelling = are_alike(first, other) and _VOWELS.findall(first) == _VOWELS.findall(other)
    return bool(first and other) and not is_spelling


def is_former(call: CallContext, entry: NewEntry, own: WaitlistEntry) -> bool:
    """Return True if this call made the entry `own` by an earlier request for the same person, branch and service, but either for
    other times or another staff member, or with another telephone number. Another name with another number is another person.
    """
    is_renumbered = own.phone != entry.phone
    is_same_place = (own.call_id, own.branch, own.service) == (call.call_id, entry.branch, entry.service)
    return is_same_place and same_name(entry.name, own.name) and is_renumbered == is_same_request(entry, own)


def is_same_request(entry: NewEntry, own: WaitlistEntry) -> bool:
    """Return True if two entries are for the same times and staff member: then only the telephone number can be corrected."""
    return (own.staff, own.requested) == (entry.staff, entry.requested)


def find_number(name: str, own: Sequence[WaitlistEntry]) -> str | None:
    """Return the telephone number of the last waiting entry of a person's name among the call's `own` (latest last); None if there
    is none.
    """
    numbers = [each.phone for each in own if each.state == "waiting" and same_name(name, each.name)]
    return numbers[-1] if numbers else None


def find_unsettled(
    call: CallContext, args: Mapping[str, Any], entry: NewEntry, own: Sequence[WaitlistEntry], zone: ZoneInfo
) -> WaitlistEntry | None:
    """Return the latest entry among the call's `own` with other times or another number, if the caller has to be asked whether it
    stays; else None.

    An entry that the model adds before the caller has spoken is not asked about, nor the repetition of one that waits. A choice
    settles it, unless several may be given up. The question is repeated until the caller has replied to it: then the entry
    stays unless the choice or the reply says otherwise.
    """
    waiting = [each for each in own if each.state == "waiting"]
    formers = [each for each in waiting if is_former(call, entry, each)]
    is_repeated = any(
        is_same_request(entry, each) and each.phone == entry.phone and same_name(entry.name, each.name)
        for each in waiting
    )
    is_given_up = len(formers) == 1 and _gives_up(call, args, entry, formers[0])
    is_chosen = read_choice(args) is Choice.FURTHER or is_given_up
    if is_repeated or is_chosen or not any(call.said_since_joining) or not formers:
        return None
    is_asked = call.find_reply(kept_key(str(formers[-1].id)), None) not in {None, Reply.ASIDE}
    return None if is_asked or any(_is_corrected(call, entry, each, zone) for each in formers) else formers[-1]


def find_replaced(
    call: CallContext, args: Mapping[str, Any], entry: NewEntry, formers: Sequence[WaitlistEntry], zone: ZoneInfo
) -> frozenset[UUID]:
    """Return the ids of the former entries (latest last) that the new one replaces: those that it corrects; without such ones, the
    latest if the choice gives it up, or the reply to our question is a no. Return none if the choice is a further entry.
    """
    if read_choice(args) is Choice.FURTHER:
        return frozenset()
    formers = [each for each in formers if each.state == "waiting" or not is_same_request(entry, each)]
    corrected = [each.id for each in formers if _is_corrected(call, entry, each, zone)]
    latest = [each.id for each in formers[-1:] if _gives_up(call, args, entry, each)]
    return frozenset(corrected or latest)


def _is_corrected(call: CallContext, entry: NewEntry, own: WaitlistEntry, zone: ZoneInfo) -> bool:
    """Return True if `entry` corrects the former entry `own` without a question: it contains its times, or has another number for
    the same times, and nobody named the former one, that of the call. Father and son may have one name, and two numbers.
    """
    return own.phone == call.caller if is_same_request(entry, own) else _is_within(own, entry, zone)


def _gives_up(call: CallContext, args: Mapping[str, Any], entry: NewEntry, own: WaitlistEntry) -> bool:
    choice, reply = read_choice(args), call.find_reply(kept_key(str(own.id)), None)
    is_number = choice is Choice.RENAME and is_same_request(entry, own)
    return choice in {Choice.MOVE, Choice.CANCEL} or is_number or reply is Reply.NO


def _ends_of(span: WaitingSpan) -> tuple[datetime, datetime]:
    return span.start, span.end or span.start + _MOMENT


def _is_within(own: WaitlistEntry, entry: NewEntry, zone: ZoneInfo) -> bool:
    """Return True if each span of the entry `own` lies on one day within a span of `entry` on this day, with its staff member or
    anybody: the entry for the morning is in the one for the whole day.
    """
    own_spans = [_ends_of(each) for each in read_spans(own)]
    wanted = [_ends_of(each) for each in read_spans(entry) if each.weekdays is None]
    return entry.staff in {None, own.staff} and all(
        any(
            start <= first and end <= last and start.astimezone(zone).date() == (last - _MOMENT).astimezone(zone).date()
            for start, last in wanted
        )
        for first, end in own_spans
    )
