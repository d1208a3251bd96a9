"""The question about unclear arguments that would decide an action, asked before anything is done."""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, time, timedelta
from functools import cache, partial
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from askproai_core.tenant_config import Function, TenantConfig
from askproai_runtime.conversation.answers import ask_candidates
from askproai_runtime.conversation.arguments.contradictions import ask_between
from askproai_runtime.conversation.arguments.known_names import KnownNames
from askproai_runtime.conversation.arguments.reading import Arguments
from askproai_runtime.conversation.arguments.table import fold_key, rules_of
from askproai_runtime.conversation.named_people import read_people
from askproai_runtime.conversation.said_appointments import PICKING
from askproai_runtime.conversation.time_arguments import read_parts
from askproai_runtime.conversation.types import Answer, CallContext, FunctionOutcome
from askproai_runtime.language.customer_names import is_plain_name, read_customer_name
from askproai_runtime.language.phrases import format_reading, sayable
from askproai_runtime.language.replies import COMPANY
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import decline_name, format_clock, format_spoken, say
from askproai_runtime.spoken_times import Argument, Grain, understand_parts
from askproai_runtime.spoken_times.arguments import find_part_argument, holds_day, read_in_languages
from askproai_runtime.spoken_times.mentions import UnclearMention, find_mention
from askproai_runtime.understood import UNDERSTOOD

# The functions that book, move, cancel, wait, note or search. A question about the business needs no such care.
ASKED_ABOUT: Final = frozenset({
    Function.CHECK_AVAILABILITY, Function.BOOK_APPOINTMENT, Function.JOIN_WAITLIST, Function.RESCHEDULE_APPOINTMENT,
    Function.CANCEL_APPOINTMENT, Function.LEAVE_MESSAGE,
})  # fmt: skip
_CHANGES_TIMES: Final = frozenset({Function.BOOK_APPOINTMENT, Function.RESCHEDULE_APPOINTMENT})
_STORES_NAMES: Final = frozenset({Function.BOOK_APPOINTMENT, Function.JOIN_WAITLIST})

_NAMES_ZONE: Final = re.compile(rf"\b(?:{UNDERSTOOD.values.zone}|{UNDERSTOOD.values.elsewhere})\b")
_OWN_ZONE: Final = re.compile(rf"\b(?:{UNDERSTOOD.values.own_zone})\b")
_MINUTES: Final = timedelta(minutes=7)
_CLOCK = re.compile(r"(?<![\d:])(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)")
_OFFSET = re.compile(r"(?:UTC|GMT)? ?(?P<sign>[+-]?) ?(?P<hours>\d{1,2}):?(?P<minutes>\d\d)?")


def ask_unclear(
    read: Arguments,
    config: TenantConfig,
    function: Function | None = None,
    asked_before: Collection[str] = (),
    call: CallContext | None = None,
) -> Answer | None:
    """Return the question about several requests in one, or about the first unclear argument; None if all are clear.

    A foreign time zone is asked about once in a call, and not if the caller of `call` has said the hour: it is then local, since
    no caller says a zone. The answer says the time of day. An unclear `another`, an unclear argument of a cancellation, or which
    appointment is meant, asked once, count as absent: the functions ask about them themselves.
    """
    if read.is_several:
        return _ask(say().one_at_a_time, reason="one_at_a_time")
    if (
        function is not None
        and function in _CHANGES_TIMES
        and (read.in_doubt or "confirmed" not in asked_before)
        and _is_unconfirmed(read, function)
    ):
        return _ask(_say_whether_to_book(read, config, call), unclear="confirmed")
    unclear = set(read.unclear)
    if function is Function.CANCEL_APPOINTMENT or any(name in asked_before for name in PICKING):
        unclear.difference_update(PICKING)
    if function is not None and function is not Function.RESCHEDULE_APPOINTMENT:  # which takes neither: `say_unread`
        fields = dict(read.unread) | dict(read.noted)
        unclear |= KnownNames(config).find_undecided(function, read.values, fields)
    is_foreign = "timezone" not in asked_before and _is_foreign(read.values.get("timezone"), config.time_zone)
    has_hour = not {"start", "time"}.isdisjoint(read.values)
    if is_foreign and has_hour and not (call and _says_hour(call, read, config)):
        unclear.add("timezone")
    questions = _questions(read)
    named = str(read.values.get("customer_name", "")) if function in _STORES_NAMES else ""
    people = read_people(named, config.services)
    brings = f"companions of {fold(named)}"  # asked once: the same text again names one person
    if people.may_bring and brings not in asked_before and "companions" not in {*read.values, *unclear}:
        return _ask(say().who_comes_along, unclear=brings, needs_companions=COMPANY)
    may_be_more = read_customer_name(people.name) and not is_plain_name(people.name)  # an unknown word in lowercase
    if "customer_name" not in {*asked_before, *unclear} and may_be_more:
        unclear.add("customer_name")
        is_waiting = function is Function.JOIN_WAITLIST
        questions = {**questions, "customer_name": say().wait_for_whom if is_waiting else say().whose_name}
    asked = next((name for name in questions if name in unclear), None)
    if asked is None:
        return None
    zone = ZoneInfo(config.time_zone)
    if call is not None and (answer := _ask_times(asked, read, call, zone) or _ask_hour(asked, read, call, zone)):
        return answer
    between = ask_between(asked, read.readings.get(asked, ()), KnownNames(config))
    beside = {"needs_companions": COMPANY} if asked == "companions" else {}
    return _ask(between or questions[asked], unclear=asked, **beside)


def _ask_times(asked: str, read: Arguments, call: CallContext, zone: ZoneInfo) -> Answer | None:
    """Return the question which of contradicting days or times is meant, beside what else is understood of the time; None if
    one of them is not understood.
    """
    said = [f"{each}:00" if asked == "time" and each.isdecimal() else each for each in read.readings.get(asked, ())]
    hour = None if "time" in read.readings else {**read.unread, **read.noted}.get("time")
    kept = {"time": hour} | read.values
    beside = [read_parts(kept | {asked: each}) for each in said if asked in {"date", "time"}]
    found = [understand_parts(*parts, at=call.started_at, zone=zone).candidates for parts in beside]
    if not found[1:] or any(len(each) != 1 for each in found):
        return None
    return ask_candidates([each for one in found for each in one], call, zone).answer


def _ask_hour(asked: str, read: Arguments, call: CallContext, zone: ZoneInfo) -> Answer | None:
    """Return the question for the hour on the understood day if the time is not understood; None without an understood day."""
    day = read.values.get("date")
    if asked not in {"time", "part_of_day"} or not isinstance(day, str) or "start" in read.values:
        return None
    understood = understand_parts(day, None, None, at=call.started_at, zone=zone)
    if understood.refused is not None or len(understood.candidates) != 1:
        return None
    reading = format_reading(understood.candidates[0], zone, call.started_at)
    question = say().what_time_exactly.format(reading=f"{reading[0].upper()}{reading[1:]}")
    return _ask(f"{say().hour_not_understood} {question}", unclear=asked)


def add_zone(read: Arguments, config: TenantConfig, call: CallContext) -> Arguments:
    """Return the arguments of a message. A foreign time zone beside the call-back joins its words, which are then stored as said:
    its hour is not local. Not if it is counted from now, or if the caller has named no zone or place: the zone is the model's then.
    """
    said, rules = read.values.get("call_back"), rules_of(Function.BOOK_APPOINTMENT.name.lower())
    of_zone = {key for key, rule in rules.items() if rule.name == "timezone"}
    named = [
        text for path, text in {**read.unread, **read.noted}.items() if fold_key(path.rpartition(".")[2]) in of_zone
    ]
    zone = next((each for each in named if _is_foreign(each, config.time_zone)), None)
    if zone is None or not isinstance(said, str):
        return read
    if call.utterances and not any(_NAMES_ZONE.search(fold(words)) for words in call.utterances):
        return read
    here, elsewhere = (
        understand_parts(said, None, None, at=call.started_at, zone=ZoneInfo(each)).candidates
        for each in (config.time_zone, "Etc/GMT+12")
    )
    if [each.start for each in here] == [each.start for each in elsewhere]:
        return read  # "in zwei Stunden", or no time at all
    return replace(read, values=read.values | {"call_back": f"{said} ({zone})"})


def _says_hour(call: CallContext, read: Arguments, config: TenantConfig) -> bool:
    """Return True if the caller has said the requested time, and neither another hour nor a zone or place beside it."""
    zone = ZoneInfo(config.time_zone)
    now = call.started_at.astimezone(zone)
    starts = {each.start for each in understand_parts(*read_parts(read.values), at=now, zone=zone).candidates}
    if "start" in read.values and not starts.isdisjoint(offer[0].start for offer in call.offered):
        return True  # an offer, written with another offset
    said = [words for words in call.utterances if not _NAMES_ZONE.search(fold(words))]
    return any(read_in_languages(partial(_names_one_of, starts, words, now), False) for words in said)


def _names_one_of(starts: Collection[datetime], words: str, now: datetime) -> bool:
    """Return True if words name one of the starts by its hour. A day alone, or a range, has the minutes after it, too."""
    try:
        mention = find_mention(words, now, None)
        beside = {each + _MINUTES for each in starts}
        found = set[datetime]() if mention is None else mention.find_in({*starts, *beside}, surely=False)
        return not found.isdisjoint(starts) and found.isdisjoint(beside)
    except UnclearMention:
        return False


def _say_whether_to_book(read: Arguments, config: TenantConfig, call: CallContext | None) -> str:
    """Return the question whether to book, with the time if the request has exactly one, and with whom it is, if that is named. The
    day of a move may be its own.
    """
    zone, at = ZoneInfo(config.time_zone), call.started_at if call is not None else None
    has_day = not {"date", "start"}.isdisjoint(read.values) or holds_day(str(read.values.get("time", "")))
    found = (
        understand_parts(*read_parts(read.values), at=at, zone=zone).candidates if at is not None and has_day else ()
    )
    if at is None or len(found) != 1 or found[0].grain is not Grain.MINUTE:
        return say().shall_i_book
    when, staff = format_spoken(found[0].start, zone, at), str(read.values.get("staff") or "")
    known = KnownNames(config)
    if len(known.resolve("staff", staff)) == 1:
        when = say().slot.format(when=when, staff=decline_name(known.list_names("staff", staff)[0]))
    return say().shall_i_book_then.format(when=when)


def _is_unconfirmed(read: Arguments, function: Function) -> bool:
    """Return True if a request for an exact time has the argument `confirmed`, and this is false or unclear.

    The caller is asked once in a call, since some models fill in each flag. The hour may be in any argument. A move needs no
    date, since its appointment has one, nor does the answer to a question about a day.
    """
    if not read.in_doubt and read.values.get("confirmed") is not False and "confirmed" not in read.unclear:
        return False
    day, clock = (str(read.values.get(name, "")) for name in ("date", "time"))
    is_dated = bool(day) or read.in_doubt or function is Function.RESCHEDULE_APPOINTMENT or holds_day(clock)
    has_hour = bool(clock) or (bool(day) and find_part_argument(day) not in {Argument.DATE, Argument.PART_OF_DAY})
    return "start" in read.values or (is_dated and has_hour)


def _say_time(read: Arguments) -> str:
    """Return the question whether a time with a foreign zone is meant in the branch's local time."""
    said = str(read.values.get("time") or read.values.get("start"))
    found = _CLOCK.search(said)
    clock = format_clock(time(int(found["hour"]), int(found["minute"]))) if found else sayable(said)
    return say().is_time_of_branch.format(time=clock) if clock else say().time_not_understood


def _is_foreign(named: object, zone: str) -> bool:
    """Return True if a time zone in the arguments has other UTC offsets than the business's, or may have: "Eastern Time"."""
    said = str(named or "").strip()
    if found := _OFFSET.fullmatch(said):
        offset = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"] or 0))
        return (-offset if found["sign"] == "-" else offset) not in _offsets(zone)
    named = [fold(said), *fold(said).split()]
    meant = {_offsets(_zones_by_name()[each]) for each in named if each in _zones_by_name()}
    is_own = _offsets(zone) in meant or (not meant and _OWN_ZONE.search(fold(said)))
    return bool(said) and not is_own


@cache
def _zones_by_name() -> Mapping[str, str]:
    """Return the names of tzdata by their folded text, and by that of their city."""
    names = sorted(available_timezones())
    return {fold(each.rpartition("/")[2]): each for each in names} | {fold(each): each for each in names}


def _offsets(zone: str) -> tuple[timedelta | None, ...]:
    """Return the UTC offsets of a zone in January and July."""
    return tuple(datetime(2026, month, 1, tzinfo=ZoneInfo(zone)).utcoffset() for month in (1, 7))


def _questions(read: Arguments) -> Mapping[str, str]:
    """Return the question about each argument, in the order of asking."""
    words, values = say(), read.values
    companions = values.get("companions") if "companions" in read.unclear else None
    name = companions[0].get("customer_name") if companions else None
    one_or_both = name and words.only_for.format(name=name, caller=values["customer_name"])
    return {
        "service": words.which_service.format(names=""),
        "staff": f"{words.person_not_understood} {words.whom_to_see}",
        "branch": words.which_branch_unclear,
        "companions": one_or_both or (words.only_one if companions else words.who_comes_along),
        **dict.fromkeys(("date", "start", "time", "part_of_day"), words.time_not_understood),
        "timezone": _say_time(read),
        **dict.fromkeys(PICKING, words.which_do_you_mean),
        "customer_name": words.which_name,
        "phone": words.which_phone,
        "recipient": words.whom_for,
    }


def _ask(message: str, **fields: str) -> Answer:
    return Answer(success=False, message=message, fields=dict(fields), outcome=FunctionOutcome.ASKED_BACK)
