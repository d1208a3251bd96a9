"""Find the day for words that leave it open after an answer with days: a time alone ("lieber um vier"), a weekday, a day of the
month, or a relative day ("in zwei Wochen").
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.day_readings import (
    NO_TIME,
    any_of,
    ask_readings,
    ask_which,
    choose_start,
    dates_of,
    day_of,
    days_of,
    exact_starts,
    name_days,
    name_time,
    read_near,
    read_on,
)
from askproai_runtime.conversation.last_days import (
    OF_OWN,
    has_named_day,
    list_said_starts,
    names_other_day,
    offers_other_service,
)
from askproai_runtime.conversation.open_readings import keep_open_readings
from askproai_runtime.conversation.requested_times import first_day, names_day, put_on_day
from askproai_runtime.conversation.time_arguments import Parts, read_parts
from askproai_runtime.conversation.types import CallContext, ClarificationNeeded, NamedTimes, Naming
from askproai_runtime.language.said_days import SaidDays, read_said_days
from askproai_runtime.spoken_times import Candidate, Grain, Refusal, Understanding, understand_parts
from askproai_runtime.spoken_times.arguments import find_open_span, is_relative_day, names_next_weekday


@dataclass(frozen=True, slots=True)
class TimeWords:
    """A request's time arguments, with the times that an earlier answer `named`, and the appointment that it moves (`own`)."""

    named: NamedTimes
    call: CallContext
    args: Mapping[str, Any]
    zone: ZoneInfo
    find_service: Callable[[], ServiceRequest]
    searches: bool
    own: Appointment | None

    @property
    def parts(self) -> Parts:
        return read_parts(self.args)

    @property
    def said(self) -> Mapping[str, str]:
        """The texts of the time arguments that are not empty, by the argument's name."""
        return {name: text for name in NO_TIME if (text := read_text(self.args, name))}

    @property
    def day(self) -> str:
        """The words that may name a day."""
        day, clock, _ = self.parts
        return day or clock or ""

    @property
    def named_days(self) -> list[date]:
        return days_of(self.named.starts, self.zone)

    @property
    def offered(self) -> set[datetime]:
        return {offer[0].start for offer in self.call.offered}

    @property
    def own_day(self) -> date | None:
        """The local day of the appointment to move; None if no appointment is moved."""
        return None if self.own is None else day_of(self.own.starts_at, self.zone)

    @property
    def is_of_other_service(self) -> bool:
        """True if the named times were offered only for services other than that of the appointment to move."""
        return self.own is not None and offers_other_service(self.call, self.own.service)

    @property
    def is_refused(self) -> bool:
        """True if the words mean the refused start's time of day, and that start was not offered with another staff member."""
        refused = self.named.refused
        return (
            refused is not None
            and refused not in self.named.starts
            and refused in self.at({day_of(refused, self.zone)})
        )

    def understand(self, *parts: str | None) -> tuple[Candidate, ...]:
        """Return the readings of a day, a time and a part of the day, relative to the start of the call."""
        return understand_parts(*parts, at=self.call.started_at, zone=self.zone).candidates

    def at(self, days: Collection[date]) -> set[datetime]:
        """Return the starts that the words, a time without a day, mean on these days."""
        return exact_starts(read_on(days, self.parts, self.call, self.zone))

    def at_own(self) -> set[datetime]:
        """Return the starts that a time without a day means on the day of the appointment to move, except its present start."""
        if self.own is None or self.own_day is None:
            return set()
        found = Understanding(tuple(read_on({self.own_day}, self.parts, self.call, self.zone)), ambiguous=True)
        return exact_starts(keep_open_readings(found, self.find_service()).candidates) - {self.own.starts_at}

    def read_said(self) -> SaidDays:
        """Return the days that the caller has chosen or rejected since the answer, among the named, offered and own days."""
        starts = {*self.named.starts, *self.call.offered_last, *self.offered, self.named.refused}
        days = {*days_of(filter(None, starts), self.zone), *filter(None, [self.own_day])}
        times = [each.astimezone(self.zone) for each in self.at(days)]
        return read_said_days(self.named.said_since, times, self.call.started_at.astimezone(self.zone))

    def on_days(self, days: Collection[date]) -> Mapping[str, Any]:
        """Return the arguments of a time without a day, with these days as `date`: any of them will do."""
        return name_time(self.args, any_of(sorted(days)), *put_on_day(min(days), self.parts)[1:])

    def with_days(self, meant: Collection[date], *, asks: bool) -> Mapping[str, Any]:
        return name_days(self.args, self.call, self.zone, self.find_service, meant, asks=asks)

    def with_start(self, meant: Collection[datetime]) -> Mapping[str, Any]:
        return choose_start(self.args, self.call, self.zone, meant)

    def ask_which(self, meant: Collection[datetime]) -> ClarificationNeeded:
        """Return the question which of the starts is meant."""
        return ask_which(meant, self.call, self.zone)

    def ask_named(self) -> ClarificationNeeded:
        """Return the question which of the named times is meant; if only days were named, which of the days."""
        return ask_which(self.named.starts, self.call, self.zone, is_exact=self.named.is_exact)


def needs_day(words: TimeWords) -> bool:
    """Return True if the words are no time by themselves, but are one on the offered days: "lieber später"."""
    if words.named.naming is not Naming.OFFERED:
        return False
    alone = understand_parts(*words.parts, at=words.call.started_at, zone=words.zone)
    on_days = read_on(words.named_days, words.parts, words.call, words.zone)
    return alone.refused is Refusal.NOT_UNDERSTOOD and bool(on_days)


def put_time(words: TimeWords) -> Mapping[str, Any]:
    """Return the arguments of a time without a day, with the day that it means, or with all named days for a search. After a
    change it may also mean a time that was offered on another day.
    """
    call, days = words.call, words.named_days
    if words.searches:
        return words.on_days(days)
    if words.named.naming not in OF_OWN:
        return _put_open_day(words)
    on_days = read_on(days, words.parts, call, words.zone)
    if at_named := exact_starts(on_days) & {*words.named.starts}:
        return words.with_start(at_named)
    others = {*days_of(call.offered_last, words.zone)} - {*days}
    if offered := words.at(others) & {*call.offered_last}:
        kept = keep_open_readings(Understanding(tuple(on_days), ambiguous=True), words.find_service()).candidates
        raise words.ask_which([*offered, *(each.start for each in kept if each.end is None)])
    return words.on_days(days)


def _put_open_day(words: TimeWords) -> Mapping[str, Any]:
    """Return the arguments of a time without a day, with the only day on which that time may be. Raises the question for the
    day if several remain.

    Exactly this time may have been named or refused on a day. It may also be on the day of the appointment to move, if the
    caller has not agreed to the named day. Clear words of the caller since then decide.
    """
    named, own, zone, said = words.named, words.own_day, words.zone, words.read_said()
    exact = set[datetime]() if words.is_of_other_service else words.at(words.named_days) & {*named.starts}
    if len(said.chosen) == 1 and not said.elsewhere:
        chosen = {each for each in exact if day_of(each, zone) in said.chosen}
        return words.with_start(chosen) if chosen else words.on_days(said.chosen)
    exact = {each for each in exact if day_of(each, zone) not in said.rejected}
    exact_days = days_of(exact, zone)
    at_own = words.at_own() if own not in {*said.rejected, *exact_days} else set[datetime]()
    if named.refused and words.is_refused and exact_days != [own]:
        if meant := (exact | at_own) - {named.refused}:
            raise words.ask_which(meant)
        return words.on_days({day_of(named.refused, zone)})  # for the same reason
    if not exact:
        return _put_other_time(words, said, is_at_own=bool(at_own))
    is_other = said.may_mean_another(exact_days)
    declines = said.keeps or not named.said_since or (said.objects and exact == {*named.starts})
    meant = exact | (at_own if is_other or declines or at_own & words.offered else set())
    if len(meant) > 1 or is_other:
        raise words.ask_which(meant)
    return words.with_start(meant)


def _put_other_time(words: TimeWords, said: SaidDays, *, is_at_own: bool) -> Mapping[str, Any]:
    """Return the arguments of a time without a day that no answer has named, with the days on which it may be. With `is_at_own`
    that may be the day of the appointment to move; after offers for the move, only if the caller objects to them.
    """
    named, zone, days, own_days = words.named, words.zone, {*words.named_days}, {*filter(None, [words.own_day])}
    if named.refused:
        days = {day_of(named.refused, zone)} | (set() if own_days else days)
    is_kept = said.keeps or said.may_mean_another(days)
    if is_at_own and (is_kept or not named.moves or words.is_of_other_service):
        days |= own_days
    left = days - said.rejected or own_days
    at_offered = words.at(days_of(words.offered, zone)) & words.offered
    earlier = {*days_of(at_offered, zone)} - said.rejected - left  # just this time was offered before, on another day
    if left and not earlier and not (len(left) == 1 and said.may_mean_another(left)):
        return words.on_days(left)
    readings = Understanding.of(read_on(sorted(left | earlier or days), words.parts, words.call, zone))
    raise ask_readings(keep_open_readings(readings, words.find_service()).candidates, words.call, zone)


def put_weekday(words: TimeWords, span: Grain) -> Mapping[str, Any]:
    """Return the arguments of a weekday or a day of the month with the named start or day that it means. If no named day fits,
    a day in the named week or month (`span`) is searched, or the caller is asked to choose between that day and the next one
    from today.
    """
    call, zone, parts, days = words.call, words.zone, words.parts, words.named_days
    is_changed = words.named.naming is Naming.CHANGED
    day = (words.day, None, None)  # the time may be one that is asked for
    plain, near = words.understand(*parts), read_near(days, span, parts, call, zone)
    offered = {offer[0].start for offer in call.offered if offer[0].branch == call.branch}
    if is_changed and exact_starts(plain) & {*words.named.starts}:
        return words.args  # the model repeats itself
    if words.named.naming is Naming.LISTED:
        return _put_listed_weekday(words, dates_of(near or read_near(days, span, day, call, zone)), plain, offered)
    before = read_near(days_of(offered, zone), span, parts, call, zone) if offered else []
    for readings, starts in ((near, offered & {*words.named.starts}), (near, offered), (before, offered)):
        if not words.searches and (meant := exact_starts([*plain, *readings]) & starts):
            return words.with_start(meant)
    coming = dates_of(plain or words.understand(*day))
    close = dates_of(near or read_near(days, span, day, call, zone))
    spans = {first_day(each, span) for each in days}
    answered = None if words.searches or close & {*days} else _find_answered_day(words, span)
    if answered is not None:
        found = {answered}
    elif not is_changed and close & {*days}:
        found = close & {*days}
    elif not is_changed and words.searches:
        refused = filter(None, [words.named.refused_day])  # perhaps in another week than the offers
        found = close | dates_of(read_near(refused, span, day, call, zone)) if len(spans) == len(close) == 1 else coming
    elif close <= coming or (not is_changed and not spans.isdisjoint(first_day(each, span) for each in coming)):
        found = coming
    else:
        found = coming | close
    if not words.searches:  # "Donnerstag" may be one that was offered before
        found = found | (dates_of(read_near(days_of(offered, zone), span, day, call, zone)) & {*days_of(offered, zone)})
    return words.args if found == coming else words.with_days(found, asks=is_changed or not words.searches)


def _find_answered_day(words: TimeWords, span: Grain) -> date | None:
    """Return the day of the last request, if that day had no free times, other days were offered, and the words now repeat that
    request; None otherwise, or if the caller has named another day since.
    """
    named, call, zone = words.named, words.call, words.zone
    answered = [each for each in call.earlier if each.starts]
    if named.naming is not Naming.OFFERED or not answered or not {*named.starts} <= answered[-1].starts:
        return None
    led, before = answered[-1], answered[-2].starts if len(answered) > 1 else frozenset[datetime]()
    asked = call.earlier[call.earlier.index(answered[-2]) + 1 if before else 0 : call.earlier.index(led)]
    said = [text for text in led.times if names_day((text,))]
    if len(said) != 1 or any(said[0] in each.texts for each in asked):  # the answer to a question may have said the day
        return None
    days = _list_searched_days(words, said[0], before)
    if len(days) != 1 or dates_of(read_near(days, span, (words.day, None, None), call, zone)) != days:
        return None
    (day,) = days
    clock, part_of_day, *_ = [*sorted(led.times - {said[0]}), None, None]
    requested = read_near(days, span, (said[0], clock, part_of_day), call, zone)
    again = exact_starts(read_near(days, span, words.parts, call, zone))
    is_other = any(not any(each.contains(start) for each in requested) for start in again)
    return None if is_other or names_other_day(named, day, call, zone) else day


def _list_searched_days(words: TimeWords, day: str, offered: Collection[datetime]) -> set[date]:
    """Return the days that a search for the words `day` covers if the answer before it had offered the starts `offered`."""
    search = replace(
        words, args=name_time(words.args, day), named=NamedTimes(Naming.OFFERED, tuple(offered)), searches=True
    )
    span = find_open_span(day)
    if span is not None and offered and words.offered.issuperset(offered):
        search = replace(search, args=put_weekday(search, span))
    return dates_of(search.understand(*search.parts))


def _put_listed_weekday(
    words: TimeWords, near: Collection[date], plain: Collection[Candidate], offered: Collection[datetime]
) -> Mapping[str, Any]:
    """Return the arguments of a weekday with the listed day that it means, else unchanged. If an offered time may be meant as
    well, the caller is asked.
    """
    if not (listed := {*near} & {*words.named_days}):
        return words.args
    as_offered = days_of(exact_starts(plain) & {*offered}, words.zone)
    return words.with_days({*listed, *as_offered}, asks=not words.searches)


def put_relative_day(words: TimeWords) -> Mapping[str, Any]:
    """Return the arguments of "nächsten Freitag" or "in zwei Wochen" with the day that it means after a change; or raise the
    question.

    After a change the day is another one than the changed day, and may be relative to it. If the caller has named no day since,
    the words may repeat the ones that booked it. After a question for the day, it is the day that the caller has named since.
    """
    call, zone, named, days = words.call, words.zone, words.named, {*words.named_days}
    is_relative = not words.searches and is_relative_day(words.day)
    coming = dates_of(words.understand(words.day, None, None))
    if named.naming is Naming.ASKED and is_relative:
        if len(days) == 1 or not coming <= days:
            return words.args
        is_new = len(coming) == 1 and all(words.day not in each.texts for each in call.earlier)
        said = {*days_of(list_said_starts(named, call, zone, surely=True), zone)}
        return words.with_days(coming if is_new else said if len(said) == 1 else days, asks=True)
    is_new = has_named_day(named, call, zone) or (any(named.said_since) and days.isdisjoint(coming))
    if named.naming is not Naming.CHANGED or not is_new or not (is_relative or names_next_weekday(words.day)):
        return words.args
    origins = (understand_parts(words.day, None, None, at=at, zone=zone) for at in (call.started_at, *named.starts))
    others = {day for each in origins for day in dates_of(each.candidates)} - days
    return words.with_days(others, asks=True) if others else words.args
