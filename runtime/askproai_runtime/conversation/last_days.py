"""The days and times that a call's answers named last, and which of them the caller's later words, or a repeated request, mean."""

import re
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.day_readings import ask_which, dates_of, day_of, days_of
from askproai_runtime.conversation.requested_times import names_day
from askproai_runtime.conversation.time_arguments import read_parts
from askproai_runtime.conversation.types import CallContext, ClarificationNeeded, NamedTimes, Naming
from askproai_runtime.language.answer_words import FILLER, NO, Reply, is_question, says_nothing_beside, words_of
from askproai_runtime.language.declines import find_declined, find_named_times, list_clauses, rejects_times
from askproai_runtime.language.kept_times import DOUBTS
from askproai_runtime.language.places_among import list_places
from askproai_runtime.language.replies import Question, answers_nothing, holds_yes, read_reply
from askproai_runtime.language.said_days import read_said_days
from askproai_runtime.spoken_times import ALL_WEEKDAYS, Argument, Grain, count_from, counts_time, fold, understand_parts
from askproai_runtime.spoken_times.agreement import may_agree
from askproai_runtime.spoken_times.arguments import find_part_argument, read_in_languages
from askproai_runtime.spoken_times.mentions import UnclearMention, find_mention
from askproai_runtime.understood import UNDERSTOOD
from askproai_runtime.visits import same_services

OF_OWN: Final = frozenset({Naming.CHANGED, Naming.LISTED})  # days of the caller's appointments
# "no nine forty-five", without the comma that a recognizer may leave out
_FIRST_NO: Final = re.compile(rf"^(?:{FILLER} )*(?:{UNDERSTOOD.declines.no}) ")
_WEEKDAY: Final = re.compile(rf"\b({'|'.join(ALL_WEEKDAYS)})s?\b")
REJECTED_DAY: Final = re.compile(
    rf"\b(?:{UNDERSTOOD.places.rejects_day}) (?:\w+ )??(?:{'|'.join(sorted(ALL_WEEKDAYS))})s?\b"
)
_ANOTHER_DAY: Final = re.compile(rf"\b(?:{UNDERSTOOD.places.another_day})\b")
_LONGEST_DAY: Final = timedelta(hours=25)


def find_named(call: CallContext, zone: ZoneInfo) -> NamedTimes | None:
    """Return the times that an answer named last, without past ones; None if there are none. The only time in a question counts
    after the caller has said yes or chosen its day.
    """
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
    """Return the local starts on the day of the only time asked about, at another hour that the caller names with a yes: "Ja,
    aber um zwölf".

    Return None without a yes, or if the words name the asked time or another day, or are unclear.
    """
    said = " ".join(named.said_since)
    if named.asked is None or not holds_yes(said):
        return None
    asked, now = named.asked.astimezone(zone), call.started_at.astimezone(zone)
    return read_in_languages(lambda: _read_other_clock(said, asked, now, zone), None)


def _read_other_clock(said: str, asked: datetime, now: datetime, zone: ZoneInfo) -> set[datetime] | None:
    quarters = _list_quarters(asked.date(), zone)
    try:
        rejected, others = find_named_times(said, now)
        meant = {at for each in others for at in each.find_in(quarters, surely=False)}
    except UnclearMention:
        return None
    is_hour = len(others) == 1 and not rejected and not others[0].has_day
    return meant if is_hour and asked not in meant else None


def _list_quarters(day: date, zone: ZoneInfo) -> list[datetime]:
    """Return the local times at which a quarter of an hour begins on a day."""
    return [datetime.combine(day, time(hour, minute), zone) for hour in range(24) for minute in range(0, 60, 15)]


def is_agreed_time(named: NamedTimes) -> bool:
    """Return True if the caller has said yes to the only time in our question, and the last words have no no."""
    said = named.said_since
    if named.asked is None or not said:
        return False
    replies = [read_reply(said[: at + 1], Question.MEANT) for at in range(len(said))]
    return Reply.YES in replies and not NO.search(words_of(said[-1]))


def after_request(call: CallContext, zone: ZoneInfo) -> CallContext:
    """Return the call with the day of its last request as the day named last, if the answers to that request named no day."""
    requests = (parts for parts in map(read_parts, call.requested) if names_day(parts))
    if (parts := next(requests, None)) is None:
        return call
    answered = [each for each in call.earlier if each.starts][-2:]
    if len(answered) > 1 and (parts[0] or parts[1]) in answered[-1].times:
        return call  # the request repeats one that was read as of the offers before it
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


def find_agreed(call: CallContext, question: ClarificationNeeded, zone: ZoneInfo) -> datetime | None:
    """Return the only start in `question`, if the last answer asked for it alone and the caller has said yes or named it since."""
    named, readings = call.named_last, question.answer.fields.get("candidates") or ()
    starts = [datetime.fromisoformat(each["start"]) for each in readings]
    if named is None or starts != [named.asked] or find_other_clock(named, call, zone):
        return None
    said, find_said = " ".join(named.said_since), partial(list_said_starts, named, call, zone, surely=False)
    is_named = not answers_nothing(said) and bool(read_in_languages(find_said, set[datetime]()))
    is_no = any(each.search(words_of(said)) for each in (NO, DOUBTS))
    is_other = is_no or names_other_day(named, starts[0].astimezone(zone).date(), call, zone)
    return starts[0] if (is_named or holds_yes(said)) and not is_other else None


def list_days_since(call: CallContext, zone: ZoneInfo) -> list[date]:
    """Return the local days that the last answer with days offered or asked about; [] if that was a change or a list."""
    named = find_named(call, zone)
    return [] if named is None or named.naming in OF_OWN or named.lists_since else days_of(named.starts, zone)


def is_after_list(call: CallContext) -> bool:
    """Return whether the last answer with days was a list of the caller's appointments."""
    return call.named_last is not None and call.named_last.naming is Naming.LISTED


def offers_other_service(call: CallContext, service: str) -> bool:
    """Return True if the last answer with days offered slots, and none of them for `service`."""
    named = call.named_last
    if named is None or named.naming is not Naming.OFFERED:
        return False
    return not any(same_services(each, service) for each in list_services_at(call, named.starts))


def list_services_at(call: CallContext, starts: Iterable[datetime]) -> set[str]:
    """Return the services for which the last offers at these starts were made."""
    latest = {offer[0].start: offer[0].service for offer in call.offered}
    return {latest[start] for start in starts if start in latest}


def list_said_starts(named: NamedTimes, call: CallContext, zone: ZoneInfo, *, surely: bool) -> set[datetime]:
    """Return the named local starts that the caller's later words mean, by time or position; with `surely` only clear ones."""
    starts, found = [start.astimezone(zone) for start in named.starts], set[datetime]()
    now = call.started_at.astimezone(zone)
    for words in named.said_since:
        if asks_another_day(words):  # "an einem anderen Tag um elf" is not the start at eleven
            continue
        declines = NO.search(words_of(words))
        kept = [
            each for each, _ in list_clauses(words) if not (declines or rejects_times(each))
        ]  # "die erste ist zu früh"
        found |= {starts[place] for each in kept for place in list_places(each) if place < len(starts)}
        with suppress(UnclearMention):
            if not declines or not find_named_times(words, now)[0]:
                mention = find_mention(words, now, ())
                found |= mention.find_in(starts, surely=surely) if mention else set()
    return found


def asks_another_day(words: str) -> bool:
    """Return whether a caller's words ask for another day than the named ones."""
    return bool(_ANOTHER_DAY.search(words_of(words)))


def may_repeat_change(call: CallContext, zone: ZoneInfo) -> bool:
    """Return True if the last answer with days booked, moved or cancelled, and the caller has named no day since."""
    named = call.named_last
    return named is not None and named.naming is Naming.CHANGED and not has_named_day(named, call, zone)


def has_named_day(named: NamedTimes, call: CallContext, zone: ZoneInfo) -> bool:
    """Return whether the caller has named a day since the last answer with days."""
    return any(names_time(words, call, zone, is_day=True) for words in named.said_since)


def names_time(words: str, call: CallContext, zone: ZoneInfo, *, is_day: bool = False) -> bool:
    """Return True if words name a time or, with `is_day`, a day. Unclear words count as naming one."""
    try:
        mention = find_mention(words, call.started_at.astimezone(zone), ())
    except UnclearMention:
        return True
    return mention is not None and (mention.has_day or not is_day)


def list_weekdays(words: str) -> set[int]:
    """Return the weekdays that words name in any language (0 is Monday)."""
    return {ALL_WEEKDAYS[found[1]] for found in _WEEKDAY.finditer(fold(words))}


def names_other_day(named: NamedTimes, day: date, call: CallContext, zone: ZoneInfo) -> bool:
    """Return True if the caller's words since the last answer with days may name a time that is not on `day`."""
    now, quarters = call.started_at.astimezone(zone), _list_quarters(day, zone)
    return any(read_in_languages(partial(_may_mean_other, words, quarters, now), False) for words in named.said_since)


def _may_mean_other(words: str, times: Collection[datetime], now: datetime) -> bool:
    try:
        mention = find_mention(words, now, None)
        is_other = mention is not None and mention.has_day and not mention.find_in(times, surely=False)
    except UnclearMention:
        return True
    return is_other or counts_time(words)


def find_repeated(
    call: CallContext, args: Mapping[str, Any], zone: ZoneInfo, own: datetime | None = None
) -> datetime | None:
    """Return the start in the last answer, or the beginning of its day unless that answer was exact, that a request means because
    it repeats the time arguments of an earlier request, or because the caller has chosen it in the call's last question; else None.

    It is the start in that question, the start of an appointment just changed, or the start offered for a relative time ("eine
    Stunde später") unless the caller has said another one since. Raises the question again if the caller chose none
    of several starts. `own` is the start of the appointment to move: the same words for another appointment mean another time.
    """
    named = call.named_last
    parts = {text for name in ("start", "date", "time", "part_of_day") if (text := read_text(args, name))}
    if named is None or not parts:
        return None
    if named.naming is Naming.ASKED or named.are_readings:
        is_same = any(parts <= each.texts for each in call.earlier)
        return (_find_asked if is_same else _find_answered)(named, call, parts, zone)
    if read_text(args, "start") and (len(parts) == 1 or named.naming is not Naming.CHANGED):
        return None
    counts = any(map(counts_time, named.said_since))
    if named.naming is Naming.CHANGED:
        is_same = any(parts <= each.times for each in call.earlier if named.starts[0] in each.starts)
        is_again = is_same and own in {None, named.starts[0]} and may_repeat_change(call, zone)
        return named.starts[0] if is_again and not counts else None
    led = next((each for each in reversed(call.earlier) if each.starts), None)
    if named.naming is not Naming.OFFERED or len(named.starts) != 1 or led is None or not parts <= led.texts:
        return None
    old = datetime.combine(day_of(named.starts[0], zone), time(12), zone)
    return named.starts[0] if count_from(*read_parts(args)[:2], old) is not None and not counts else None


def find_settled(named: NamedTimes, call: CallContext, texts: Collection[str], zone: ZoneInfo) -> datetime | None:
    """Return the asked local start that the caller's reply chooses, or else the only one that the time arguments of a request
    (`texts`) can mean on any day of the call: a question that only the caller's words have raised is asked once. None before a
    reply, and after one that refuses it.
    """
    chosen = list_choices(named, call, zone)
    if len(chosen) == 1:
        return chosen.pop()
    starts = [start.astimezone(zone) for start in named.starts]
    meant = [each for each in starts if all(_may_mean(text, each) for text in texts)]
    is_open = call.replies is not None and not named.said_since
    return meant[0] if len(meant) == 1 and not is_open and not _refuses(named, meant[0], call) else None


def _refuses(named: NamedTimes, start: datetime, call: CallContext) -> bool:
    """Return whether the caller's last words refuse a local start, doubt, or say only "wie bitte?"."""
    last, zone = (named.said_since or ("",))[-1], ZoneInfo(str(start.tzinfo))
    is_aside = answers_nothing(last) and not names_time(last, call, zone)
    return bool(is_aside or DOUBTS.search(words_of(last)) or find_declined(last, {start}, call.started_at))


def _may_mean(text: str, start: datetime) -> bool:
    """Return whether a time argument can mean a local start: "Samstag" is each Saturday."""
    is_clock = find_part_argument(text) in {Argument.TIME, Argument.PART_OF_DAY}
    own, argument = (f"{start:%H:%M}", Argument.TIME) if is_clock else (f"{start:%Y-%m-%d %H:%M}", Argument.DATE)
    return may_agree(own, text, argument)


def list_choices(named: NamedTimes, call: CallContext, zone: ZoneInfo) -> set[datetime]:
    """Return the asked local starts that the caller's reply chooses by clauses that are nothing but a time, or by a position:
    "Mittwoch, am Freitag ist Hochzeit". Other clauses choose nothing, and neither does a question ("Wieso Freitag?").
    """
    named = replace(
        named, said_since=tuple(each for each in named.said_since if not ("?" in each or is_question(each)))
    )
    for surely in (True, False):
        if len(said := list_said_starts(named, call, zone, surely=surely)) == 1:
            return said
    starts, now = [start.astimezone(zone) for start in named.starts], call.started_at.astimezone(zone)
    clauses = [_FIRST_NO.sub("", clause) for words in named.said_since for clause, _ in list_clauses(words)]
    only = [found for each in clauses if (found := find_only_times(each, starts, now))]
    return said if not only else set.intersection(*only) or set.union(*only)


def find_only_times(clause: str, starts: Collection[datetime], now: datetime) -> set[datetime] | None:
    """Return those of the local `starts` that a clause names; None unless the clause is nothing but a time, and rejects none."""
    beside = [fold(word) for word in clause.split() if says_nothing_beside(word)]

    def read() -> set[datetime] | None:
        with suppress(UnclearMention):
            mention = find_mention(clause, now, beside)
            return None if mention is None else mention.find_in(starts, surely=False)
        return None

    return None if rejects_times(clause) else read_in_languages(read, None)


def _find_asked(named: NamedTimes, call: CallContext, parts: Collection[str], zone: ZoneInfo) -> datetime | None:
    """Return the asked time that a repeated request means: the only one unless the caller declined it, or the chosen one of
    several.

    Without a transcript, a model that repeats its request after the question means the only time.
    """
    if len(named.starts) > 1:
        asked, said = {day.weekday() for day in days_of(named.starts, zone)}, list_weekdays(" ".join(named.said_since))
        is_other = bool(said) and said.isdisjoint(asked)  # "weder noch, am Mittwoch um elf"
        settled = None if is_other else find_settled(named, call, parts, zone)
        is_of_day = not named.is_exact and len(asked) == 1  # "früh oder um 14 Uhr?", which the request raises again
        if settled is None and not (is_other or is_of_day):
            raise ask_which(list_choices(named, call, zone) or named.starts, call, zone, is_exact=named.is_exact)
        return settled
    if named.is_exact and (call.replies is None or is_agreed_time(named)):
        return named.starts[0]
    if not named.is_exact or _declines(named, call, parts, zone) or find_other_clock(named, call, zone):
        return None
    if not all(map(_is_aside, named.said_since)):
        return named.starts[0]
    raise ask_which(named.starts, call, zone)


def _find_answered(named: NamedTimes, call: CallContext, parts: Collection[str], zone: ZoneInfo) -> datetime | None:
    """Return the exact asked time that the caller's reply agrees to or chooses, if each time argument repeats one of the request
    before the question, or can mean this time; else None.
    """
    chosen = {*named.starts} if is_agreed_time(named) else list_choices(named, call, zone)
    known = next((each.texts for each in reversed(call.earlier) if each.times), frozenset[str]())
    if not named.is_exact or len(chosen) != 1:
        return None
    (start,) = (each.astimezone(zone) for each in chosen)
    is_meant = all(text in known or _may_mean(text, start) for text in parts)
    return start if is_meant and not _refuses(named, start, call) else None


def _is_aside(words: str) -> bool:
    """Return True if words do not answer a question for a time: none, a question back, a doubt, or a relative time."""
    return not words.strip() or answers_nothing(words) or counts_time(words) or bool(DOUBTS.search(words_of(words)))


def _declines(named: NamedTimes, call: CallContext, parts: Collection[str], zone: ZoneInfo) -> bool:
    """Return True if the caller has said no to the only asked time, or named another. `parts` are the request's own words."""
    asked, now = named.starts[0].astimezone(zone), call.started_at.astimezone(zone)
    for words in named.said_since:
        if NO.search(words_of(words)):
            return True
        if answers_nothing(words) or any(re.search(rf"\b{re.escape(fold(part))}\b", fold(words)) for part in parts):
            continue
        try:
            mention = find_mention(words, now, ())
        except UnclearMention:
            return not counts_time(words)
        if mention is not None and not mention.find_in([asked], surely=False):
            return True
    return False
