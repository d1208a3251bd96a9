"""Which days and times a call has named last, and what the caller has said to them since. Pure."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from askproai_runtime.booking.answer_words import NO, Reply, words_of
from askproai_runtime.booking.day_readings import dates_of, days_of
from askproai_runtime.booking.declines import find_named_times
from askproai_runtime.booking.places_among import list_places
from askproai_runtime.booking.replies import Question, holds_yes, read_reply
from askproai_runtime.booking.request import names_day, read_parts
from askproai_runtime.booking.said_days import read_said_days
from askproai_runtime.booking.types import CallContext, NamedTimes, Naming
from askproai_runtime.german_dates import Grain, UnclearMention, find_mention, understand_parts
from askproai_runtime.visits import same_services

OF_OWN: Final = frozenset({Naming.CHANGED, Naming.LISTED})  # days of the caller's appointments
_LONGEST_DAY: Final = timedelta(hours=25)


def find_named(call: CallContext, zone: ZoneInfo) -> NamedTimes | None:
    """Return the times that were named last and are not over; a single one that was asked about only after a yes or its day."""
    named = call.named_last
    if named is None:
        return None
    starts = tuple(start for start in named.starts if start >= call.started_at or not named.is_exact)
    named = replace(named, starts=starts)
    if named.asked is None:
        return named if starts else None
    reply = read_reply(named.said_since, Question.MEANT)
    said = read_said_days(named.said_since, [named.asked.astimezone(zone)], call.started_at.astimezone(zone))
    if is_agreed_time(named) or (reply is Reply.UNCLEAR and said.chosen and not said.elsewhere):
        return named
    if find_other_clock(named, call, zone) is not None:
        return replace(named, is_exact=False)  # the day alone is agreed
    before = named.before  # the times for which one was asked about, if they were offered for a refused start
    if before is None or before.refused is None:
        return None
    left = tuple(each for each in before.starts if reply is not Reply.NO or each != named.asked)
    return replace(before, starts=left, said_since=named.said_since) if left else None


def find_other_clock(named: NamedTimes, call: CallContext, zone: ZoneInfo) -> set[datetime] | None:
    """Return the local starts on the day of the only asked time at the hour that a yes names in its place: "Ja, aber um zwölf".

    None without a yes, or where the words name the asked time, another day, or nothing for certain.
    """
    said = " ".join(named.said_since)
    if named.asked is None or not holds_yes(said):
        return None
    asked = named.asked.astimezone(zone)
    quarters = [asked.replace(hour=hour, minute=minute) for hour in range(24) for minute in range(0, 60, 15)]
    try:
        rejected, others = find_named_times(said, call.started_at.astimezone(zone))
        meant = {at for each in others for at in each.find_in(quarters, surely=False)}
    except UnclearMention:
        return None
    is_hour = len(others) == 1 and not rejected and not others[0].has_day
    return meant if is_hour and asked not in meant else None


def is_agreed_time(named: NamedTimes) -> bool:
    """Return whether the caller has said yes to the only asked time, and no no at the end: other questions may have come since."""
    said = named.said_since
    if named.asked is None or not said:
        return False
    replies = [read_reply(said[: at + 1], Question.MEANT) for at in range(len(said))]
    return Reply.YES in replies and not NO.search(words_of(said[-1]))


def after_request(call: CallContext, zone: ZoneInfo) -> CallContext:
    """Return the call with the day of its last request as the one that was named last, where the answers since named none."""
    requests = (parts for parts in map(read_parts, call.requested) if names_day(parts))
    if (parts := next(requests, None)) is None:
        return call
    candidates, named = understand_parts(*parts, at=call.started_at, zone=zone).candidates, call.named_last
    days = dates_of(candidates)
    is_long = any(each.end is not None and each.end - each.start > _LONGEST_DAY for each in candidates)
    if len(days) != 1 or is_long or any(each.grain is Grain.WEEK for each in candidates):
        return call
    if named is not None and (days <= {*days_of(named.starts, zone)} or is_agreed_time(named)):
        return call  # what was said of that day before counts, and what was agreed
    starts = tuple(each.start.astimezone(UTC) for each in candidates)
    is_exact, since = all(each.end is None for each in candidates), named.said_since if named else ()
    return replace(call, named_last=NamedTimes(Naming.REQUESTED, starts, is_exact=is_exact, said_since=since))


def list_days_since(call: CallContext, zone: ZoneInfo) -> list[date]:
    """Return the days that the call was offered, or asked about, since its last change and the last list of appointments."""
    named = find_named(call, zone)
    return [] if named is None or named.naming in OF_OWN or named.lists_since else days_of(named.starts, zone)


def is_after_list(call: CallContext) -> bool:
    """Return whether the last answer with days has listed the caller's appointments."""
    return call.named_last is not None and call.named_last.naming is Naming.LISTED


def offers_other_service(call: CallContext, service: str) -> bool:
    """Return whether the last answer with days has offered other services only."""
    named = call.named_last
    if named is None or named.naming is not Naming.OFFERED:
        return False
    return not any(same_services(each, service) for each in list_services_at(call, named.starts))


def list_services_at(call: CallContext, starts: Iterable[datetime]) -> set[str]:
    """Return the services that were offered last at these starts."""
    latest = {offer[0].start: offer[0].service for offer in call.offered}
    return {latest[start] for start in starts if start in latest}


def list_said_starts(named: NamedTimes, call: CallContext, zone: ZoneInfo, *, surely: bool) -> set[datetime]:
    """Return the named starts, in local time, that the caller has said since, or numbered: beyond doubt, or possibly."""
    starts, now, found = (
        [start.astimezone(zone) for start in named.starts],
        call.started_at.astimezone(zone),
        set[datetime](),
    )
    for words in named.said_since:
        declines = NO.search(words_of(words))
        found |= {starts[each] for each in list_places(words) if each < len(starts) and not declines}
        with suppress(UnclearMention):
            if not declines or not find_named_times(words, now)[0]:
                mention = find_mention(words, now, ())
                found |= mention.find_in(starts, surely=surely) if mention else set()
    return found


def may_repeat_change(call: CallContext, zone: ZoneInfo) -> bool:
    """Return whether the last answer with days was a change, and the caller has named no day since."""
    named = call.named_last
    return named is not None and named.naming is Naming.CHANGED and not has_named_day(named, call, zone)


def has_named_day(named: NamedTimes, call: CallContext, zone: ZoneInfo) -> bool:
    """Return whether the caller has named a day since the last answer with days."""
    return any(names_time(words, call, zone, is_day=True) for words in named.said_since)


def names_time(words: str, call: CallContext, zone: ZoneInfo, *, is_day: bool = False) -> bool:
    """Return whether words name a time, or a day; what is unclear may."""
    try:
        mention = find_mention(words, call.started_at.astimezone(zone), ())
    except UnclearMention:
        return True
    return mention is not None and (mention.has_day or not is_day)
