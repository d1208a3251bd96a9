"""Put a time without a date on a day that the call's last answer with days has named.

Such an answer has offers, readings in a question, a booked, moved or cancelled appointment, or a list of appointments. If
several days fit, the caller is asked for the day.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.day_readings import (
    any_of,
    ask_readings,
    choose_start,
    dates_of,
    day_of,
    days_of,
    exact_starts,
    name_days,
    name_start,
    name_time,
    read_on,
)
from askproai_runtime.conversation.last_days import (
    after_request,
    asks_another_day,
    find_named,
    find_other_clock,
    find_repeated,
    list_services_at,
    names_time,
)
from askproai_runtime.conversation.named_places import put_on_place, put_on_shown_weekday
from askproai_runtime.conversation.open_days import TimeWords, needs_day, put_relative_day, put_time, put_weekday
from askproai_runtime.conversation.open_readings import keep_open_readings
from askproai_runtime.conversation.requested_times import holds_iso_day, names_day
from askproai_runtime.conversation.time_arguments import read_parts
from askproai_runtime.conversation.types import CallContext, NamedTimes, Naming
from askproai_runtime.sentences import present_language, say
from askproai_runtime.spoken_times import Understanding, count_day, count_from, counts_time, exact_at, fold
from askproai_runtime.spoken_times.arguments import find_open_span
from askproai_runtime.spoken_times.mentioned_days import read_mentioned_days
from askproai_runtime.understood import UNDERSTOOD, UNDERSTOOD_IN

_WORDS: Final = UNDERSTOOD.places
_BESIDE: Final = re.compile(
    rf"(?:(?:{_WORDS.before_beside}) )*(?:(?:{_WORDS.after_it})|(?P<earlier>{_WORDS.before_it}))"
    rf"(?: (?:{UNDERSTOOD.arguments.please}))?"
)


def put_on_named_day(
    call: CallContext,
    args: Mapping[str, Any],
    zone: ZoneInfo,
    find_service: Callable[[], ServiceRequest],
    *,
    searches: bool = False,
    own: Appointment | None = None,
) -> Mapping[str, Any]:
    """Return the arguments with the day, or the `start`, that their words mean among those of the last answer with days;
    unchanged if they mean none.

    Raises `ClarificationNeeded` if several days may be meant. With `searches`, the search covers all of these days instead.
    `own` is the appointment to move.
    """
    last = call.named_last
    if last is not None and (not searches or last.naming is Naming.ASKED):
        meant = find_repeated(call, args, zone, None if own is None else own.starts_at)
        if meant is not None and last.is_exact:
            return name_start(args, meant.astimezone(zone))
        if meant is not None:
            return name_days(args, call, zone, find_service, {day_of(meant, zone)}, asks=False)
    if (named := find_named(call, zone)) is None:
        return args
    words = TimeWords(named, call, args, zone, find_service, searches, own)
    if last is not None and not searches:
        _require_said_clock(words, find_other_clock(last, call, zone))
        words = replace(words, args=put_on_shown_weekday(words))
    words = replace(words, args=put_on_place(words))
    words = replace(words, args=_put_beside(_count_from(words), words))
    parts = words.parts
    if named.asked is not None and _may_mean(words, named.asked):
        return choose_start(words.args, call, zone, named.starts)
    if named.asked is not None or not any(parts) or holds_iso_day(parts):
        return words.args
    if not names_day(parts) or needs_day(words):
        return put_time(words)
    span = find_open_span(words.day)
    return put_relative_day(words) if span is None else put_weekday(words, span)


def _require_said_clock(words: TimeWords, said: Collection[datetime] | None) -> None:
    """Raise the question which time is meant, if the request's hour is not the one in `said`, on which the caller agreed."""
    day, clock, _ = words.parts
    asked = exact_starts(read_on(words.named_days, (None, clock or day, None), words.call, words.zone))
    if said and asked and asked.isdisjoint(said):
        heard = replace(Understanding.of(map(exact_at, said)), ambiguous=True)
        kept = keep_open_readings(heard, words.find_service()).candidates
        of_request = [exact_at(each.astimezone(words.zone)) for each in asked]
        raise ask_readings(sorted([*of_request, *kept], key=lambda each: each.start), words.call, words.zone)


def keep_offered_days(call: CallContext, args: Mapping[str, Any], request: ServiceRequest) -> Mapping[str, Any]:
    """Return a search's arguments as `put_on_named_day` does. If they name no time, but another staff member or service than
    the last offers ("und bei Julia?"), return them with the days of these offers.
    """
    zone = request.rules.zone
    args = put_on_named_day(after_request(call, zone), args, zone, lambda: request, searches=True)
    days = days_of(call.offered_last, zone)
    is_other = request.rules.service.name not in list_services_at(call, call.offered_last)
    if any(read_parts(args)) or not days or not (read_text(args, "staff") or is_other):
        return args
    return name_time(args, any_of(days))


def _may_mean(words: TimeWords, start: datetime) -> bool:
    """Return True if the request's words may mean the start that the caller agreed to; False if they name another time."""
    local, parts = start.astimezone(words.zone), words.parts
    if not any(parts):
        return True
    is_day = names_day(parts)
    readings = words.understand(*parts) if is_day else read_on([local.date()], parts, words.call, words.zone)
    return any(each.contains(local) for each in readings)


def _put_beside(args: Mapping[str, Any], words: TimeWords) -> Mapping[str, Any]:
    """Return the arguments with "danach" or "davor" replaced by the hours after, or before, a time that an answer named;
    unchanged if they name another day.

    That time is the refused one; else, for "danach", the last named one, and for "davor" the first.
    """
    named, zone, said = words.named, words.zone, fold(read_text(args, "time") or read_text(args, "start") or "")
    found = _BESIDE.fullmatch(said)
    if found is None or not named.is_exact or named.naming is Naming.LISTED:
        return args
    is_later = found["earlier"] is None
    origin = named.refused or (max(named.starts) if is_later else min(named.starts))
    day, local = read_text(args, "date"), origin.astimezone(zone)
    is_other = day is not None and local.date() not in dates_of(words.understand(day, None, None))
    understood = UNDERSTOOD_IN[present_language()]
    hours = f"{understood.places.later_than if is_later else understood.places.earlier_than} {local:%H:%M}"
    return args if is_other else name_time(args, local.date().isoformat(), hours)


def list_counted_days(call: CallContext, day: str | None, clock: str | None, own: datetime) -> list[date]:
    """Return the days that a relative day ("eine Woche später") means in a move, counted from offers that the caller has
    answered; [] if the day is relative to the appointment.
    """
    zone = ZoneInfo(str(own.tzinfo))
    named = find_named(call, zone)
    if named is None or named.naming is not Naming.OFFERED or named.lists_since:
        return []
    days = days_of(named.starts, zone)
    if any(map(counts_time, named.said_since)):
        origins = sorted({*days, *filter(None, [named.refused_day])})
        counted = [count_from(day, clock, datetime.combine(each, own.timetz())) for each in origins]
        return [date.fromisoformat(each[0]) for each in counted if each and each[0]]
    return days if _is_counted_before(named, call, zone) else []


def _is_counted_before(named: NamedTimes, call: CallContext, zone: ZoneInfo) -> bool:
    """Return True if a relative day only repeats the words of the search before the offers: since then the caller has named a
    time, but neither a relative one nor another day.
    """
    said = named.said_since
    is_chosen = named.naming is Naming.OFFERED and any(names_time(words, call, zone) for words in said)
    return is_chosen and not any(counts_time(words) or asks_another_day(words) for words in said)


def _count_from(words: TimeWords) -> Mapping[str, Any]:
    """Return the arguments with a relative time ("am nächsten Tag") replaced by the absolute time, counted from the named
    times.

    In a search, it is counted from the last of its origins; if the words stay on the named day, or in a booking, from each of
    them, and the caller is asked which is meant. It is not replaced if it depends on the choice between several clock times.
    """
    named, zone, books = words.named, words.zone, not words.searches
    starts = named.before.starts if named.before else named.starts
    if books and named.refused and named.naming is Naming.OFFERED:
        starts = (*starts, named.refused)
    (day, clock, part_of_day), days = words.parts, days_of(starts, zone)
    if not (day or clock):
        return words.args
    clocks = {start.astimezone(zone).time() for start in starts}
    if named.naming is Naming.REQUESTED and not named.is_exact:
        clocks = {time(), time(12)}  # no hour was named
    origins = _list_origins(words, days)
    counted = {each: {count_from(day, clock, datetime.combine(each, at, zone)) for at in clocks} for each in origins}
    found = [result for results in counted.values() for result in results if result is not None]
    if len(found) != len(origins) or any(len(results) > 1 for results in counted.values()):
        return words.args
    last_day, at = found[-1]
    is_named = (last_day or "") in fold(f"{day} {clock}")  # "gleiche Zeit am Donnerstag" is on the day that it names
    is_shifted = last_day != origins[-1].isoformat() and not is_named
    meant = [
        each or "" for each, _ in (found if books or not is_shifted or named.naming is Naming.LISTED else found[-1:])
    ]
    is_repeated = books and any({day, clock} & each.texts for each in words.call.earlier) and words.call.replies is None
    if is_shifted and (is_repeated or _is_counted_before(named, words.call, zone)):
        meant = [each.isoformat() for each in days]
    return name_time(words.args, f" {say().or_word} ".join(dict.fromkeys(meant)), at, part_of_day)


def _list_origins(words: TimeWords, days: list[date]) -> list[date]:
    """Return the origins of a counted day ("am Tag davor"): the only day that the caller has said since, else the
    refused day and, in a booking, `days`. Without a refused day, and for words that count hours, these are `days`.
    """
    refused, zone = (words.named.before or words.named).refused_day, words.zone

    def count(origin: date) -> date | None:
        return count_day(words.day, datetime.combine(origin, time(12), zone))

    if refused is not None and count(refused) not in {None, refused}:
        days = [refused] if words.searches else sorted({*days, refused})
    said = read_mentioned_days(" ".join(words.named.said_since), words.call.started_at.astimezone(zone))
    named = {*words.named_days, *days}
    is_result = any(map(said.may_mean, filter(None, map(count, named))))  # "am Tag danach, also am Freitag"
    meant = [] if is_result or not said.has_day else [*filter(said.may_mean, named)]
    return meant if len(meant) == 1 else days
