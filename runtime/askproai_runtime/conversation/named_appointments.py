"""Compare the appointment that a request addresses with the one that the caller's last words name. Pure.

Models keep the id or the day of an earlier request: "und den am Freitag auf zwölf". The words choose no appointment. They only
make the product ask, and in doubt they name none.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from askproai_core.tenant_config import TenantConfig
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.day_readings import day_of, days_of
from askproai_runtime.conversation.last_days import list_weekdays
from askproai_runtime.conversation.said_appointments import PICKING, find_place_in_words, says_other
from askproai_runtime.conversation.types import CallContext, Naming
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
# The words behind these are the new time: "auf den kommenden Freitag"; "auf jeden Fall den Freitag" is none.
_NEW: Final = re.compile(
    rf"\b(?:{_WORDS.towards}) (?=(?:\w+ ){{0,2}}(?:\d|(?:{_TIMES})\b|(?:{UNDERSTOOD.places.near_day})\b))"
)
_KNOWN: Final = rf"\b(?:{_WORDS.known_one})\b"  # "den am Freitag", "vom Freitag"
_AT_HOUR: Final = re.compile(rf"{_KNOWN} (?:{_WORDS.at_hour})\b")
_WITH_STAFF: Final = re.compile(rf"{_KNOWN} (?:{_WORDS.with_staff})\b")
_IS_KNOWN: Final = re.compile(_KNOWN)
_DENIES: Final = re.compile(rf"^(?:{_WORDS.negation})\b")
_STAYS: Final = re.compile(rf"\b(?:{_WORDS.stays})\b")
_MINE: Final = re.compile(rf"\b(?:{_WORDS.mine})\b")
_RELATIVE: Final = re.compile(
    rf"\b(?:{UNDERSTOOD.companions.possessives}) (?:\w+ )?(?:{'|'.join(sorted(RELATIVES))})\b(?: (\w+))?"
)
_NO_NAMES: Final = PARTICLES | _WORDS.no_names


def find_others(
    config: TenantConfig,
    call: CallContext,
    args: Mapping[str, Any],
    own: Sequence[Appointment],
    addressed: Appointment,
    new: datetime | None = None,
) -> list[Appointment]:
    """Return those of the caller's `own` appointments that the last words name in place of the `addressed` one. `new` is its new
    start in a move.

    Words for the new time name none, and an introduction or a bare name names no other. Neither do words that also name the
    addressed one, that say that one stays, or that begin with a no.
    """
    words, said, named = _Words(config, call, args, own, addressed, new), call.said_since or "", set[UUID]()
    introduced = read_introduction(said)
    names = {fold(each) for each in (introduced, *(each.customer_name for each in own))}
    for clause, known in ((introduced, fold(introduced)), *_list_known(said.replace(introduced, "", 1))):
        found = words.find(known)
        if addressed.id in found or (found and (says_it_stays(clause) or _DENIES.search(known))):
            return []
        named |= found if known not in names else set()
    return [each for each in own if each.id in named]


def leave_out_cancelled(
    config: TenantConfig,
    call: CallContext,
    args: Mapping[str, Any],
    own: Sequence[Appointment],
    at_time: Sequence[Appointment],
) -> Mapping[str, Any]:
    """Return a cancellation's arguments without the appointment of `own` that they pick by its id or time (`at_time`), if it is
    already cancelled and the last words name a live one: they may mean a second cancellation, which is asked about.
    """
    picked = [each for each in own if str(each.id) == read_text(args, "appointment_id")] or at_time
    if len(picked) != 1 or picked[0].live:
        return args
    others = find_others(config, call, args, own, picked[0])
    return {**args, **dict.fromkeys(PICKING)} if any(each.live for each in others) else args


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


def _list_known(utterance: str) -> Iterator[tuple[str, str]]:
    """Yield the clauses of an utterance, each with its folded words, until those for a new time end the sentence."""
    ended = None
    for clause, sentence in list_clauses(utterance):
        if sentence == ended:
            continue
        known, new = split_new_time(fold(clause))
        ended = sentence if new else None
        yield clause, known.strip()


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

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.config.time_zone)

    def _by_day(self, clause: str) -> Collection[Appointment]:
        """Return the appointments on the days that a clause names. A day that the last answer has offered, or the weekday of the
        new start, names no other appointment.
        """
        now, is_known = self.call.started_at, names_known(clause)
        numbers = set() if find_place_in_words(self.call, clause, self.own) else list_days_of_month(clause, now)
        weekdays = list_weekdays(clause) - list_bounding_weekdays(clause, now)
        new = None if self.new is None else day_of(self.new, self._zone)
        last = self.call.named_last
        offered = days_of(last.starts if last and last.naming is Naming.OFFERED else (), self._zone)
        days = {each.id: day_of(each.starts_at, self._zone) for each in self.own}
        is_new = {key for key, day in days.items() if day in offered or (new and day.weekday() == new.weekday())}
        found = [
            each
            for each in self.own
            if (days[each.id].weekday() in weekdays or days[each.id].day in numbers)
            and (is_known or each.id == self.addressed.id or each.id not in is_new)
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
