"""The start that a request means which repeats the words of an earlier one: after a question, a change or an offer."""

import re
from collections.abc import Collection, Mapping
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from askproai_runtime.booking.answer_words import NO, words_of
from askproai_runtime.booking.day_readings import ask_which, day_of
from askproai_runtime.booking.kept_times import DOUBTS
from askproai_runtime.booking.last_days import is_agreed_time, list_said_starts, may_repeat_change
from askproai_runtime.booking.replies import answers_nothing
from askproai_runtime.booking.request import read_parts, read_text
from askproai_runtime.booking.types import CallContext, NamedTimes, Naming
from askproai_runtime.german_dates import UnclearMention, count_from, counts_time, find_mention, fold


def find_repeated_start(
    call: CallContext, args: Mapping[str, Any], zone: ZoneInfo, own: datetime | None = None
) -> datetime | None:
    """Return the start of the last answer that a request means which has the same words for its time as an earlier one.

    It is the one that the call was asked about, that of an appointment which it has just changed, or the one that was offered for
    counted words ("eine Stunde später") where the caller counts none since. Raises the question again where the caller has chosen
    none of several. `own` is the start of the appointment that is moved: the same words for another one mean another time.
    """
    named = call.named_last
    return None if named is None or not named.is_exact else find_repeated(named, call, args, zone, own)


def find_repeated(
    named: NamedTimes, call: CallContext, args: Mapping[str, Any], zone: ZoneInfo, own: datetime | None
) -> datetime | None:
    """Return the start, or the beginning of the day, that a repeated request means, as `find_repeated_start` does."""
    parts = {*filter(None, read_parts(args))}
    if not parts or read_text(args, "start"):
        return None
    if named.naming is Naming.ASKED:
        return _find_asked(named, call, parts, zone) if any(parts <= each.texts for each in call.earlier) else None
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


def choose_asked(named: NamedTimes, call: CallContext, zone: ZoneInfo) -> datetime:
    """Return which of several asked starts the caller's words since name. Raises the question again where they name none."""
    said = list_said_starts(named, call, zone, surely=True)
    if len(said) != 1 and len(said := list_said_starts(named, call, zone, surely=False)) != 1:
        raise ask_which(said or named.starts, call, zone, is_exact=named.is_exact)
    return said.pop()


def _find_asked(named: NamedTimes, call: CallContext, parts: Collection[str], zone: ZoneInfo) -> datetime | None:
    """Return which asked time is meant: the only one unless the caller declines it, or the chosen one of several.

    Without a transcript a model that repeats itself after the question means the only one.
    """
    if len(named.starts) > 1:
        return choose_asked(named, call, zone)
    if named.is_exact and (call.replies is None or is_agreed_time(named)):
        return named.starts[0]
    if not named.is_exact or _declines(named, call, parts, zone):
        return None
    if not all(map(_is_aside, named.said_since)):
        return named.starts[0]
    raise ask_which(named.starts, call, zone)


def _is_aside(words: str) -> bool:
    """Return whether words are no answer to a question for a time, or one that counts another time from it."""
    return not words.strip() or answers_nothing(words) or counts_time(words) or bool(DOUBTS.search(words_of(words)))


def _declines(named: NamedTimes, call: CallContext, parts: Collection[str], zone: ZoneInfo) -> bool:
    """Return whether the caller has said no to the only asked time, or named another one; what is unclear may."""
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
