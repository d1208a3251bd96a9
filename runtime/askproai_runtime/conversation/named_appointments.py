"""Find which of the caller's own appointments the caller's last words name. Pure.

Models keep the id or the day of an earlier request. The words then name another appointment than the request: "und den am
Freitag auf zwölf".
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from askproai_core.tenant_config import TenantConfig
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.day_readings import day_of, days_of
from askproai_runtime.conversation.last_days import list_weekdays
from askproai_runtime.conversation.said_appointments import PICKING, find_place_in_words, says_another, says_other
from askproai_runtime.conversation.types import CallContext, Naming
from askproai_runtime.language.answer_words import ONLY_YES
from askproai_runtime.language.cancel_answers import find_yes_before_another, means_all, speaks_of_cancelling
from askproai_runtime.language.declines import list_clauses, rejects_times
from askproai_runtime.language.introductions import read_introduction
from askproai_runtime.language.name_words import PARTICLES, RELATIVES
from askproai_runtime.language.spoken_services import find_named
from askproai_runtime.person_names import fold, same_name
from askproai_runtime.spoken_times import ALL_MONTHS, ALL_WEEKDAYS, list_number_words
from askproai_runtime.spoken_times.mentions import (
    list_bounding_weekdays,
    list_days_of_month,
    list_only_hour,
    names_relative_day,
)
from askproai_runtime.understood import UNDERSTOOD
from askproai_runtime.visits import list_parts

_WORDS: Final = UNDERSTOOD.own_appointments
_TIMES: Final = "|".join(sorted({*ALL_WEEKDAYS, *ALL_MONTHS, *list_number_words()}))
# What follows is the new time: "auf den kommenden Freitag"; "auf jeden Fall den Freitag" is none.
_NEW: Final = re.compile(
    rf"\b(?:{_WORDS.towards}) (?=(?:\w+ ){{0,2}}(?:\d|(?:{_TIMES})\b|(?:{UNDERSTOOD.places.near_day})\b))"
)
_KNOWN: Final = rf"\b(?:{_WORDS.known_one})\b"  # "den am Freitag", "vom Freitag"
_AT_HOUR: Final = re.compile(rf"{_KNOWN} (?:{_WORDS.at_hour})\b")
_WITH_STAFF: Final = re.compile(rf"{_KNOWN} (?:{_WORDS.with_staff})\b")
_IS_KNOWN: Final = re.compile(_KNOWN)
_DENIES: Final = re.compile(rf"^(?:{_WORDS.denied_one})\b")
_NEGATION: Final = re.compile(_WORDS.negation)
_STAYS: Final = re.compile(rf"\b(?:{_WORDS.stays})\b")
_COMES: Final = re.compile(rf"\b(?:{_WORDS.comes}|{_WORDS.stays})\b")
_MINE: Final = re.compile(rf"\b(?:{_WORDS.mine})\b")
_RELATIVE: Final = re.compile(
    rf"\b(?:{UNDERSTOOD.companions.possessives}) (?:\w+ )?(?:{'|'.join(sorted(RELATIVES))})\b(?: (\w+))?"
)
_WEEKDAY: Final = re.compile(rf"\b(?:{'|'.join(sorted(ALL_WEEKDAYS))})\b")
_NO_NAMES: Final = PARTICLES | _WORDS.no_names


@dataclass(frozen=True, slots=True)
class NamedAppointments:
    """The ids of the own appointments that the caller's last words may name (`named`), and of those that they exclude."""

    named: AbstractSet[UUID] = frozenset()
    denied: AbstractSet[UUID] = frozenset()

    def contradicts(self, appointment: Appointment) -> bool:
        """Return whether the words name another appointment, or exclude this one."""
        return bool(self.named and appointment.id not in self.named) or appointment.id in self.denied


def find_named_appointments(
    config: TenantConfig,
    call: CallContext,
    args: Mapping[str, Any],
    own: Sequence[Appointment],
    addressed: Appointment,
    new: datetime | None = None,
) -> NamedAppointments:
    """Return which of the caller's `own` appointments the last words name. `addressed` is that of the request, and `new` its new
    start in a move.

    Words for the new time count as none, and neither does a clause that says what stays. Only a clause that rejects or cancels
    ("Freitag leider nicht"), or speaks of the appointment to move ("den am Freitag"), takes precedence over other clauses: a
    remark names the one of the request as well. An introduction alone names none.
    """
    words, said, moves = _Words(config, call, args, own, addressed, new), call.said_since or "", new is not None
    introduced, is_cancelled = read_introduction(said), False
    firm, others, denied, spoken = set[UUID](), set[UUID](), set[UUID](), set[UUID]()
    clauses = [*_list_clauses(said.replace(introduced, "", 1))]
    first = next(filter(words.find, clauses[:-1]), "")
    if not (introduced or call.said_last.asks) and any(first == fold(each.customer_name) for each in own):
        introduced = clauses.pop(clauses.index(first))  # "Petra Lange, den von meinem Mann absagen"
        words = replace(words, call=replace(call, named_of_caller=introduced))
    for clause in clauses:
        was_cancelled, is_cancelled = is_cancelled, not moves and speaks_of_cancelling(clause)
        is_known, named = names_known(clause), words.find(clause)
        rejects = rejects_times(clause)
        is_bare = words.denies_name(clause, [each for each in clauses if each != clause])
        if is_bare is None:  # "Otto hat Urlaub, Petra nicht" may mean either
            continue
        if not (is_bare or _DENIES.search(clause)):
            # Not firm: "nicht den Mittwoch absagen", and the last clause of "den Mittwoch absagen, den Freitag nicht".
            is_firm = (
                not rejects if is_cancelled else (moves and is_known) or (rejects and not (is_known or was_cancelled))
            )
            firm, others = (firm | named, others) if is_firm else (firm, others | named)
            spoken |= named if is_known and not rejects else set()
        elif moves or is_known or is_bare or not firm | others:
            denied |= named
        else:  # "ich kann am Mittwoch, aber nicht am Freitag" means either
            others |= named
    others = others and others | words.find(fold(introduced))
    if not moves and addressed.id in spoken:  # "den am Freitag, Mittwoch nicht"
        firm |= others
    found = firm or words.find_on_new_day(others) or others
    if found and not moves and find_yes_before_another(said):
        found |= {addressed.id}
    return NamedAppointments(found, denied)


def name_said(
    config: TenantConfig,
    call: CallContext,
    args: Mapping[str, Any],
    own: Sequence[Appointment],
    at_time: Sequence[Appointment],
) -> Mapping[str, Any]:
    """Return a cancellation's arguments with the only live appointment of `own` that the caller's last words name, if the request
    addresses another one by its id or time (`at_time`). A cancelled one that is only kept from an earlier request is left out,
    for a weekday that is said instead, or if the words mean another one.
    """
    addressed = [each for each in own if str(each.id) == read_text(args, "appointment_id")] or at_time
    if len(addressed) != 1 or not any(each.live for each in own):
        return args
    (kept,), said = addressed, " ".join(_list_clauses(call.said_since or ""))
    words = find_named_appointments(config, call, args, own, kept)
    live = [each for each in own if each.live and each.id in words.named]
    without = {**args, **dict.fromkeys(PICKING)}
    if words.contradicts(kept) and len(live) == 1:
        return {**without, "appointment_id": str(live[0].id)}
    means_another = means_all(said) or says_another(config, replace(call, said_since=said), [kept])
    if kept.live or not means_another:
        return args
    named = _WEEKDAY.findall(said)
    return {**without, "appointment_date": named[0]} if len(named) == 1 and not words.named else without


def split_new_time(words: str) -> tuple[str, str]:
    """Return folded words before and after the "auf" of a new time; ("…", "") without one."""
    known, *new = _NEW.split(words, 1)
    return known, "".join(new)


def says_it_stays(clause: str) -> bool:
    """Return whether a clause in lower case says that an appointment stays as it is: "der Freitag bleibt"."""
    return _STAYS.search(fold(clause)) is not None and not rejects_times(clause)


def names_known(words: str) -> bool:
    """Return whether folded words speak of an appointment that is there: "den am Freitag"."""
    return _IS_KNOWN.search(words) is not None


def _list_clauses(utterance: str) -> Iterator[str]:
    """Yield the folded clauses of an utterance before the words for a new time, without those about an appointment that stays."""
    ended = None
    for clause, sentence in list_clauses(utterance):
        if sentence == ended:
            continue
        known, new = split_new_time(fold(clause))
        ended = sentence if new else None
        if not says_it_stays(clause):
            yield known.strip()


@dataclass(frozen=True, slots=True)
class _Words:
    config: TenantConfig
    call: CallContext
    args: Mapping[str, Any]
    own: Sequence[Appointment]
    addressed: Appointment
    new: datetime | None

    def find(self, clause: str) -> AbstractSet[UUID]:
        """Return the ids of the appointments that fit everything in a clause that distinguishes them."""
        by_kind = (
            self._by_day(clause), self._by_hour(clause), self._by_service(clause), self._by_person(clause),
            self._by_staff(clause), self._by_place(clause),
        )  # fmt: skip
        deciding = [ids for found in by_kind if 0 < len(ids := {each.id for each in found}) < len(self.own)]
        return frozenset.intersection(*map(frozenset, deciding)) if deciding else frozenset()

    def denies_name(self, clause: str, others: Sequence[str]) -> bool | None:
        """Return whether a clause that is nothing but a customer's name and a negation ("Otto Lange nicht") denies this one: True
        if one of the `others` is nothing but a name or a yes to one, or cancels it; False if another customer comes ("Otto kommt,
        Petra nicht" cancels Petra's), and for any other clause; None if it may mean either.
        """
        names = {word for each in self.own for word in fold(each.customer_name).split()}
        rest = {each: " ".join(word for word in each.split() if word not in names) for each in (clause, *others)}
        named = [each for each in others if self.find(each)]
        if _NEGATION.fullmatch(rest[clause]) is None or not named:
            return False
        if any(not rest[each] or speaks_of_cancelling(each) or ONLY_YES.fullmatch(rest[each]) for each in named):
            return True
        return False if any(_COMES.search(each) and not rejects_times(each) for each in named) else None

    def find_on_new_day(self, ids: AbstractSet[UUID]) -> AbstractSet[UUID]:
        """Return those of the appointments whose day is that of the new start: words that name such a day mean this one."""
        new = None if self.new is None else day_of(self.new, self._zone)
        return {each.id for each in self.own if each.id in ids and day_of(each.starts_at, self._zone) == new}

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.config.time_zone)

    def _by_day(self, clause: str) -> Collection[Appointment]:
        """Return the appointments on the days that a clause names, without those that the last answer has offered."""
        now, is_known = self.call.started_at, names_known(clause)
        numbers = set() if find_place_in_words(self.call, clause, self.own) else list_days_of_month(clause, now)
        weekdays = list_weekdays(clause) - list_bounding_weekdays(clause, now)
        new = None if self.new is None else day_of(self.new, self._zone)
        last = self.call.named_last
        offered = days_of(last.starts if last and last.naming is Naming.OFFERED else (), self._zone)
        days = {each.id: day_of(each.starts_at, self._zone) for each in self.own}
        if not is_known and new is not None and new not in days.values():
            weekdays, numbers = weekdays - {new.weekday()}, numbers - {new.day}
        found = [
            each
            for each in self.own
            if (days[each.id].weekday() in weekdays or days[each.id].day in numbers)
            and (is_known or days[each.id] not in offered)
        ]
        origin = day_of(self.addressed.starts_at, self._zone)
        if new is not None and names_relative_day(clause, new, origin, now):
            return found
        later = [each for each in self.own if names_relative_day(clause, days[each.id], origin, now)]
        return [each for each in later if each in found or not found] or found

    def _by_hour(self, clause: str) -> Collection[Appointment]:
        hours = list_only_hour(clause, self.call.started_at) if _AT_HOUR.search(clause) else []
        return [each for each in self.own if each.starts_at.astimezone(self._zone).time() in hours]

    def _by_service(self, clause: str) -> Collection[Appointment]:
        """Return the appointments for the services in a clause, unless the request names one of them as the new service."""
        services = {each.name for each in find_named(self.config.services, clause, inflected=True)}
        new = find_named(self.config.services, read_text(self.args, "service") or "", inflected=True)
        if not names_known(clause) and any(each.name in services for each in new):
            return ()
        return [each for each in self.own if services.intersection(list_parts(each.service))]

    def _by_person(self, clause: str) -> Collection[Appointment]:
        """Return the appointments of the people whom a clause names, of the caller ("meinen") or of a relative ("mein Mann")."""
        said = {form for word in clause.split() for form in (word, word.removesuffix("s"))} - _NO_NAMES
        names = {each.id: {*fold(each.customer_name).split()} for each in self.own}
        said -= set.intersection(*names.values())
        named = [each for each in self.own if said & names[each.id]]
        is_mine, is_relative = _MINE.search(clause) is not None, _RELATIVE.search(clause) is not None
        if 0 < len(named) < len(self.own) or is_mine == is_relative:
            return named
        return [each for each in self.own if self._is_of_relative(each) == is_relative]

    def _is_of_relative(self, appointment: Appointment) -> bool:
        """Return whether the caller has said that an appointment's customer is a relative: "für meinen Mann Otto"."""
        first = fold(appointment.customer_name).partition(" ")[0]
        said = (each[1] for words in self.call.utterances for each in _RELATIVE.finditer(fold(words)))
        return first in said or not same_name(appointment.customer_name, self.call.named_of_caller or first)

    def _by_staff(self, clause: str) -> Collection[Appointment]:
        if not _WITH_STAFF.search(clause):
            return ()
        names = {
            member.id: {*fold(member.display_name).split()}
            for branch in self.config.branches
            for member in branch.staff
        }
        return [each for each in self.own if names.get(each.staff, set()) & {*clause.split()}]

    def _by_place(self, clause: str) -> Collection[Appointment]:
        if says_other(clause):
            about = {self.call.said_last.about, self.call.named_last.about if self.call.named_last else ""}
            others = [each for each in self.own if str(each.id) not in about]
            return others if len(others) < len(self.own) else ()
        place = find_place_in_words(self.call, clause, self.own)
        return () if place is None else [place]
