"""Read the time that a request names from its arguments, by the rules of the requested service."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from datetime import time as clock_time
from typing import Any
from zoneinfo import ZoneInfo

from askproai_runtime.availability.obstacles import is_open_time, is_working_day, is_working_time
from askproai_runtime.availability.slots import horizon_end
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.conversation.answers import ask_candidates
from askproai_runtime.conversation.arguments.parts import FULL_DATE
from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.open_readings import keep_open_half, keep_open_readings, require_exact
from askproai_runtime.conversation.past_dates import ask_of_past, find_over
from askproai_runtime.conversation.time_arguments import Parts, read_parts
from askproai_runtime.conversation.types import CallContext, ClarificationNeeded, FunctionOutcome, Naming
from askproai_runtime.conversation.written_starts import find_meant, name_offered, name_written_start
from askproai_runtime.language.answer_words import words_of
from askproai_runtime.language.declines import REJECTS, is_number, rejects_times
from askproai_runtime.language.phrases import refusal_sentence
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import format_written_day, say
from askproai_runtime.spoken_times import (
    ALL_WEEKDAYS,
    Argument,
    Candidate,
    Grain,
    Refusal,
    Understanding,
    agree,
    counts_time,
    exact_at,
    understand_parts,
    understand_start,
)
from askproai_runtime.spoken_times.arguments import find_part_argument
from askproai_runtime.spoken_times.mentions import UnclearMention, find_mention, list_only_hour
from askproai_runtime.understood import UNDERSTOOD

# Midnight in digits, which models write where no time was said: "00:00", "24:00", "0 Uhr".
_NO_TIME = re.compile(rf"T?(?:00?|24)(?:[:.]00){{0,2}}(?: ?(?:{UNDERSTOOD.values.clock}|h))?", re.IGNORECASE)
_BESIDE_HOUR = re.compile(rf"\b(?:{UNDERSTOOD.places.beside_hour})\b")  # "ich habe um zwei Feierabend"
_WORD = re.compile(r"[^\W\d_]{3}")
_DAYS_AHEAD = 14  # in which a time without a day is searched
_HALF_A_DAY = timedelta(hours=12)
_LONGEST_GUESS = timedelta(minutes=119)  # of an appointment's length by a model
_NOON_AS_AM = re.compile(r"\b12(?:[:.]\d\d)?\s*a\.?\s?m\b", re.IGNORECASE)
_ISO_DAY = re.compile(r"\s*\d{4}-\d\d-\d\d")
_MIDNIGHT = clock_time()


def parse_time(
    args: Mapping[str, Any], call: CallContext, service: ServiceRequest, own: Collection[datetime] = ()
) -> Understanding | None:
    """Return the readings of `start`, `date`, `time` and `part_of_day`, relative to the start of the call; None if all are
    missing.

    A time without a day is on the next day when somebody works at this time. Readings at which nobody works are
    dropped. A start that was offered in this call, or is in `own` (the starts of the call's appointments and hold), leads
    to a question if another argument clearly names another day or time. If only the day is understood, the result is the day,
    with the other argument as `unclear`.

    Raises `ClarificationNeeded` for a refused, past, impossible or unreadable time, and for a contradiction.
    """
    zone = service.rules.zone
    args = name_written_start(name_offered(args, call, zone), call, zone)
    parts = read_parts(args)
    parts = _drop_unsaid(parts, call, service)
    if not any(parts):
        return None
    if parts[0] is not None and parts[0] == read_text(args, "start"):
        others = {name: text for name in ("date", "time", "part_of_day") if (text := read_text(args, name))}
        longest = timedelta(minutes=service.rules.longest_minutes)
        understood = _understand_beside_offers(parts[0], others, call, (service.rules.branch.name, zone), own, longest)
    else:
        understood = understand_parts(*parts, at=call.started_at, zone=zone)
    if understood.refused is None and not names_day(parts):
        understood = _find_next_day(parts, call, service) or understood
    if understood.refused is not None and understood.kept:
        clock = _find_clock(parts[1] or "", call.started_at) if understood.unclear is Argument.TIME else None
        read = understand_parts(parts[0], clock, parts[2], at=call.started_at, zone=zone) if clock else None
        if read is not None and read.candidates:
            is_minute = all(each.end is None for each in read.candidates)  # it is asked about before a booking
            understood = replace(read, unclear=understood.unclear if is_minute else None)
        else:
            understood = replace(Understanding.of(understood.kept), unclear=understood.unclear)
    if understood.refused is not None:
        raise ask_of_past(parts, understood, call, zone) or refuse_time(understood, call, zone)
    _require_coming(parts, understood, call, service)
    if understood.contradicts:
        understood = keep_open_half(parts, _drop_over_today(understood, call, service), call, service)
    if understood.contradicts:
        raise ask_candidates(understood.candidates, call, zone)
    if any(_NOON_AS_AM.search(part) for part in parts if part):
        _require_no_noon(understood, call, service)
    understood = _drop_too_far(parts, understood, call, service)
    return understood if understood.is_written else keep_open_readings(understood, service)


def parse_searched_time(args: Mapping[str, Any], call: CallContext, service: ServiceRequest) -> Understanding | None:
    """Return the time of a search as `parse_time` does, or the only hour that the caller has said since the last answer, if the
    branch is closed at the requested one. If it is open at both, raise once the question which is meant: models write other
    hours, or 05:00 for the afternoon.
    """
    words, zone = call.said_since or "", service.rules.zone
    is_aside = rejects_times(words_of(words)) or counts_time(words) or _BESIDE_HOUR.search(fold(words))
    is_choice = words not in call.said_without_days and is_number(words)  # "die zwei", of a menu of branches
    hours = [] if is_aside or is_choice else list_only_hour(words, call.started_at)
    try:
        understood: Understanding | ClarificationNeeded | None = parse_time(args, call, service)
    except ClarificationNeeded as error:
        if "candidates" in error.answer.fields:  # arguments that contradict each other
            raise
        understood = error
    is_said = _WORD.search(read_text(args, "time") or "") is not None  # words may reject the hour
    if isinstance(understood, ClarificationNeeded) or (
        understood and understood.unclear is Argument.TIME and not is_said
    ):
        day = understand_parts(read_parts(args)[0], None, None, at=call.started_at, zone=zone)
        days = {each.start.astimezone(zone).date() for each in day.candidates}
        said = [exact_at(datetime.combine(date, each, zone)) for date in days for each in hours]
        end = horizon_end(service.rules, call.started_at)  # "19.11." of last week is read as next year's
        coming = [each for each in said if call.started_at.timestamp() < each.start.timestamp() < end]
        meant = [each for each in coming if is_open_time(service.rules, each)]
        is_noon = any(_NOON_AS_AM.search(each) for each in read_parts(args) if each)
        if len(meant) == len(days) == 1 and not is_noon and not read_text(args, "start"):
            return Understanding.of(meant)
        if isinstance(understood, ClarificationNeeded):
            raise understood
    understood = drop_own_end(understood, call, service) if understood is not None else None
    if understood is None or understood.exact is None:
        return any_reading(understood) if understood is not None else None
    requested = exact_at(understood.exact.astimezone(zone))
    said = [exact_at(datetime.combine(requested.start.date(), each, zone)) for each in hours]
    meant = [each for each in said if is_open_time(service.rules, each)]
    if not meant or requested in meant:
        return understood
    named = call.named_last
    asked = named.starts if named is not None and named.naming is Naming.ASKED else ()
    if any(each.start in asked for each in meant) or not is_open_time(service.rules, requested):
        return keep_open_readings(Understanding.of(meant), service)
    readings = sorted([requested, *meant], key=lambda each: each.start)
    raise ask_candidates(readings, call, zone)


def drop_own_end(understood: Understanding, call: CallContext, service: ServiceRequest) -> Understanding:
    """Return the start of a span that begins at the only hour that the caller has said, "9:00 - 9:20" for "um neun": its end is
    the appointment's. A span that is longer than any appointment stays, and so does one of which the caller has said more.
    """
    zone, longest = service.rules.zone, timedelta(minutes=service.rules.longest_minutes)
    span = understood.candidates[0] if len(understood.candidates) == 1 else None
    if span is None or span.end is None or span.end - span.start > max(longest, _LONGEST_GUESS):
        return understood
    said = (call.said_since, call.said_since_change)
    hours = next((found for each in said if (found := list_only_hour(each or "", call.started_at))), [])
    return Understanding.of([exact_at(span.start)]) if span.start.astimezone(zone).time() in hours else understood


def any_reading(understood: Understanding) -> Understanding:
    """Return the readings as a choice if the words name several times, "Donnerstag oder Freitag": any of them will do."""
    is_choice = len({each.choice for each in understood.candidates}) > 1 and not understood.is_written
    return replace(understood, ambiguous=False) if is_choice else understood


def _drop_unsaid(parts: Parts, call: CallContext, service: ServiceRequest) -> Parts:
    """Return (`date`, `time`, `part_of_day`) without values that models fill in: midnight if nobody works then; and a part of
    the day that an earlier request had, if the time is new.
    """
    day, time, part_of_day = parts
    if time and _NO_TIME.fullmatch(time.strip()) and not _works_at_midnight(call, service):
        return day, None, part_of_day
    before = frozenset[str]().union(*(each.texts for each in call.earlier))
    return (day, time, None) if time and time not in before and part_of_day in before else parts


def _works_at_midnight(call: CallContext, service: ServiceRequest) -> bool:
    zone = service.rules.zone
    today = datetime.combine(call.started_at.astimezone(zone).date(), time(), zone)
    return any(is_open_time(service.rules, exact_at(today + timedelta(days=n))) for n in range(7))


def _drop_over_today(understood: Understanding, call: CallContext, service: ServiceRequest) -> Understanding:
    """Return the readings without past ones of today: in the evening, "heute" beside "morgen um neun" means tomorrow."""
    today = call.started_at.astimezone(service.rules.zone).date()
    of_today = [candidate for candidate in understood.candidates if candidate.start.date() == today]
    others = [candidate for candidate in understood.candidates if candidate not in of_today]
    if not of_today or not others or any(is_open_time(service.rules, each) for each in of_today):
        return understood
    return keep_open_readings(Understanding.of(others), service)


def _drop_too_far(parts: Parts, understood: Understanding, call: CallContext, service: ServiceRequest) -> Understanding:
    """Return the readings without those beyond the booking horizon, if another is before it and no year is written: `10/12`."""
    end = horizon_end(service.rules, call.started_at)
    near = [each for each in understood.candidates if each.start.timestamp() < end]
    if len(near) in {0, len(understood.candidates)} or any(FULL_DATE.search(part) for part in parts if part):
        return understood
    return replace(Understanding.of(near), unclear=understood.unclear)


def _require_coming(parts: Parts, understood: Understanding, call: CallContext, service: ServiceRequest) -> None:
    """Raise that a day is over if its date has no year, and is beyond the booking horizon in the coming year: `19.11.`"""
    end, zone = horizon_end(service.rules, call.started_at), service.rules.zone
    if any(candidate.start.timestamp() < end for candidate in understood.candidates):
        return
    if day := find_over(parts, understood, call, zone):
        over = Understanding(refused=Refusal.PAST, past=day)
        raise ask_of_past(parts, over, call, zone) or refuse_time(over, call, zone)


def _require_no_noon(understood: Understanding, call: CallContext, service: ServiceRequest) -> None:
    """Raise the question whether noon is meant by `12 AM`, which is midnight, if somebody works only at noon."""
    zone = service.rules.zone
    noons = [exact_at(each.start + _HALF_A_DAY) for each in understood.candidates if each.end is None]
    if any(is_open_time(service.rules, each) for each in understood.candidates) or not noons:
        return
    if all(is_open_time(service.rules, noon) for noon in noons):
        raise ask_candidates(noons, call, zone)


def refuse_time(understood: Understanding, call: CallContext, zone: ZoneInfo) -> ClarificationNeeded:
    """Return the sentence about a refused time. For a past date it names this date and today's."""
    refused = understood.refused
    assert refused is not None
    sentence = refusal_sentence(refused)
    if understood.past is not None:
        today = format_written_day(call.started_at.astimezone(zone).date())
        sentence = say().past_date.format(day=format_written_day(understood.past), today=today)
    elif understood.unclear is Argument.DATE and refused is Refusal.IMPOSSIBLE:
        sentence = f"{say().impossible_named} {say().which_day}"
    elif understood.unclear is Argument.DATE:
        sentence = say().day_not_understood
    return ClarificationNeeded(sentence, outcome=FunctionOutcome(refused), refused=refused.value)


def _find_clock(text: str, now: datetime) -> str | None:
    """Return the only clause of a text that is a time of day: "nach der Schule, so halb vier".

    Return None if another clause names a time or day, or rejects one.
    """
    clauses = [clause.strip() for clause in re.split("[,;]", text)]
    clocks = [clause for clause in clauses if find_part_argument(clause) is Argument.TIME]
    others = " ".join(clause for clause in clauses if clause not in clocks)
    try:
        is_sure = len(clocks) == 1 and not REJECTS.search(words_of(others)) and find_mention(others, now, ()) is None
    except UnclearMention:
        return None
    return clocks[0] if is_sure else None


def holds_iso_day(parts: Sequence[str | None]) -> bool:
    """Return True if one of the parts begins with an ISO date, as most models write: this is faster than reading words."""
    return any(part and _ISO_DAY.match(part) for part in parts)


def minute_before(day: date, span: Grain, zone: ZoneInfo) -> datetime:
    """Return the last minute before the week or month of a day: words read as of that minute mean days in this week or month."""
    return datetime.combine(first_day(day, span), time(), zone) - timedelta(minutes=1)


def first_day(day: date, span: Grain) -> date:
    """Return the first day of the week, or the month, of a day."""
    return day.replace(day=1) if span is Grain.MONTH else day - timedelta(days=day.weekday())


def names_day(parts: Sequence[str | None]) -> bool:
    """Return True if the words are more than a time of any day ("um zehn", "vormittags"): they name a day, or are unclear."""
    if holds_iso_day(parts):
        return True
    found = (find_part_argument(part) for part in parts if part)
    return any(argument not in {Argument.TIME, Argument.PART_OF_DAY} for argument in found)


def _find_next_day(parts: Parts, call: CallContext, service: ServiceRequest) -> Understanding | None:
    """Return the readings of a time without a day on the first day, from today on, when somebody works at that time.

    Without such a day, use the first day on which anybody works; None if there is none within two weeks.
    """
    rules, staff = service.rules, service.staff
    today, found = call.started_at.astimezone(rules.zone).date(), None
    for day in (today + timedelta(days=n) for n in range(_DAYS_AHEAD)):
        if not is_working_day(rules, day, staff):
            continue
        understood = understand_parts(*put_on_day(day, parts), at=call.started_at, zone=rules.zone)
        if any(is_working_time(rules, c, staff) for c in understood.candidates):
            return understood
        if understood.refused is None:
            found = found or understood
    return found


def put_on_day(day: date, parts: Sequence[str | None]) -> tuple[str, str | None, str | None]:
    """Return (`date`, `time`, `part_of_day`) with this day as ISO date; `parts` are the words for the time of day."""
    time, part_of_day = ([part for part in parts if part] + [None, None])[:2]
    return day.isoformat(), time, part_of_day


def parse_start(
    args: Mapping[str, Any],
    call: CallContext,
    service: ServiceRequest,
    question: str,
    own: Collection[datetime] = (),
) -> datetime:
    """Return the one exact start that the arguments name, in UTC.

    Raises `ClarificationNeeded` with `question` if no time is given, else with a question about the unclear part.
    """
    understood = parse_time(args, call, service, own)
    if understood is None:
        raise ClarificationNeeded(question)
    return require_exact(understood, call, service)


def _understand_beside_offers(
    start: str,
    others: Mapping[str, str],
    call: CallContext,
    where: tuple[str, ZoneInfo],
    own: Collection[datetime],
    longest: timedelta,
) -> Understanding:
    """Return the readings of `start` beside `others` (the texts of `date`, `time` and `part_of_day`), in the branch and zone of
    `where`. A reading that was offered, or is in `own` (the starts of the call's appointments and hold), takes precedence.

    Other texts that name another day or time contradict it. Texts from the request that led to this offer do not, since models
    keep them. `longest` is the length of the service. A midnight that was not offered means the whole day.
    """
    (branch, zone), at = where, call.started_at
    alone = understand_start(start, None, at=at, zone=zone, longest=longest)
    offered = [c for c in alone.candidates if c.end is None and (c.start in own or call.list_offers(branch, c.start))]
    if alone.is_written:
        offered = find_meant(alone.candidates, offered, call, zone)
    if len(offered) == 1 and len({candidate.choice for candidate in alone.candidates}) == 1:
        (candidate,) = offered
        found = Understanding.of(offered)
        kept = {text for each in call.earlier if candidate.start in each.starts for text in each.texts}
        new = {name: text for name, text in others.items() if text not in kept}
        contrary = _find_contrary(candidate.start.astimezone(zone), new, at, zone)
        return found if contrary is None else agree(found, contrary)
    day, *hours = parts = _put_near(alone.exact and alone.exact.astimezone(zone), others, at)
    if day:
        beside = understand_parts(*parts, at=at, zone=zone)
        return understand_start(start, beside, at=at, zone=zone, longest=longest)
    is_day = any(each.end is None and each.start.astimezone(zone).time() == _MIDNIGHT for each in alone.candidates)
    return understand_parts(start, *hours, at=at, zone=zone) if any(hours) or is_day else alone


def _find_contrary(start: datetime, others: Mapping[str, str], at: datetime, zone: ZoneInfo) -> Understanding | None:
    """Return the readings of the other arguments if they clearly mean another day or time than `start`; else None.

    A day or hour relative to now or to an appointment is not clear, and neither are words that are not understood.
    """
    day = others.get("date")
    if day is None or not _is_other_day(day, start, at, zone):
        others = {**others, "date": start.date().isoformat()}
        if len(others) == 1:
            return None
    parts = _put_near(start, others, at)
    understood, later = (understand_parts(*parts, at=each, zone=zone) for each in (at, at + timedelta(minutes=37)))
    return understood if understood.refused is None and understood.candidates == later.candidates else None


def _put_near(start: datetime | None, others: Mapping[str, str], at: datetime) -> Parts:
    """Return (`date`, `time`, `part_of_day`) beside a local `start`: a mere weekday is in its week, a mere day has its hour."""
    day, time, part_of_day = (others.get(name) for name in ("date", "time", "part_of_day"))
    if start and day and not (time or part_of_day) and find_part_argument(day) is Argument.DATE:
        time = f"{start:%H:%M}"
    if start and day and (weekday := ALL_WEEKDAYS.get(fold(day))) is not None:
        near = start + timedelta(days=weekday - start.weekday())
        day = f"{near if near > at else near + timedelta(weeks=1):%Y-%m-%d}"
    return day, time, part_of_day


def _is_other_day(text: str, start: datetime, at: datetime, zone: ZoneInfo) -> bool:
    """Return whether a text names another date than `start`'s, or another weekday: "Mittwoch" means a Wednesday in any week.

    A text whose day depends on today, such as "morgen", contradicts nothing: it is another day a week ago. (In a week, a date of
    the next days is over.)
    """
    shifts = (timedelta(), timedelta(days=1), timedelta(days=7))
    readings = [understand_parts(text, None, None, at=at - shift, zone=zone) for shift in shifts]
    if any(reading.refused is not None for reading in readings):
        return False
    now, yesterday, last_week = ([_days_of(each, zone) for each in reading.candidates] for reading in readings)
    if now == last_week:
        return not any(first <= start.date() <= last for first, last in now)
    weekdays = {day.weekday() for days in (*now, *yesterday, *last_week) for day in days}
    return len(weekdays) == 1 and start.weekday() not in weekdays


def _days_of(candidate: Candidate, zone: ZoneInfo) -> tuple[date, date]:
    """Return the first and the last day of a candidate."""
    end = candidate.start if candidate.end is None else candidate.end - timedelta(minutes=1)
    return candidate.start.astimezone(zone).date(), end.astimezone(zone).date()
