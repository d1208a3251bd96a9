"""Decide which arguments of earlier requests still count in the request after our question: the person, the details, and the time
unless the caller has declined it since. Pure.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from askproai_runtime.calls.payload import OngoingCall
from askproai_runtime.conversation.arguments.reading import Arguments
from askproai_runtime.conversation.arguments.table import TIMES
from askproai_runtime.conversation.time_arguments import read_parts
from askproai_runtime.conversation.transcript import Exchange, read_exchanges
from askproai_runtime.language.answer_words import NO, words_of
from askproai_runtime.language.company import speaks_of_company
from askproai_runtime.language.declines import agrees_to_offer, rejects_times
from askproai_runtime.language.introductions import read_introduction
from askproai_runtime.language.kept_times import DOUBTS, Answered, Stance, names_start, read_stance
from askproai_runtime.language.replies import holds_yes
from askproai_runtime.person_names import same_name
from askproai_runtime.spoken_times import Argument, Grain, understand_parts
from askproai_runtime.spoken_times.arguments import find_part_argument, holds_day
from askproai_runtime.spoken_times.mentions import UnclearMention, find_mention
from askproai_runtime.understood import UNDERSTOOD

APPOINTMENT: Final = frozenset({"appointment_date", "appointment_id", "appointment_time", "customer_name"})
_PLEASE: Final = re.compile(rf"(?:(?:{UNDERSTOOD.answers.please})(?: |$))+")
_FEWEST_LETTERS: Final = 3  # of a name that is spelled
_DETAILS: Final = frozenset({"call_back", "email", "email_confirmed", "notes", "phone", "recipient"})


def list_replaced(read: Arguments) -> frozenset[str]:
    """Return the earlier time arguments that a request replaces, by name. A time alone keeps `date`, a date alone `time`."""
    named = TIMES & {*read.values, *read.unclear}
    if named <= {"time", "part_of_day"} and not has_day(read):
        return TIMES - {"date"} if named else frozenset()
    if named == {"date"} and find_part_argument(str(read.values.get("date", ""))) is Argument.DATE:
        return TIMES - {"time", "part_of_day"}
    return TIMES


def has_day(read: Arguments) -> bool:
    return holds_day(str(read.values.get("time", "")))


def read_kept_stance(
    exchange: Exchange, understood: Mapping[str, Any], answering: Arguments, now: datetime, zone: ZoneInfo
) -> Stance:
    """Return whether the time of an earlier request still counts after the caller's words since our question. After the question
    whether to book, only a yes keeps it, unless the request names a time itself.
    """
    is_asked, words = (exchange.answer or {}).get("unclear") == "confirmed", words_of(exchange.said)
    if is_asked and NO.search(words):
        return Stance.DECLINED
    named = {*answering.values, *answering.unclear}
    known = {name: each for name, each in understood.items() if name not in TIMES}
    times = {name: each for name, each in understood.items() if name not in list_replaced(answering)}
    readings = understand_parts(*read_parts(times | answering.values), at=now, zone=zone).candidates
    kept = [each.start for each in readings if len(readings) == 1 and each.grain is Grain.MINUTE]
    answered = Answered(
        answering.values,
        known,
        kept,
        names_time=not TIMES.isdisjoint(named),
        names_other=not named.isdisjoint(APPOINTMENT - {"customer_name"}),
    )
    stance = read_stance(exchange.said, answered, now.astimezone(zone))
    if not is_asked or stance is Stance.DECLINED or answered.names_time:
        return stance
    if _agrees(exchange.said) or names_start(words, kept, now.astimezone(zone)):
        return Stance.DECLINED if stance is Stance.WITHDRAWN else Stance.LEFT
    return Stance.DECLINED if stance is Stance.WITHDRAWN else Stance.DOUBT


def _agrees(said: str) -> bool:
    """Return whether a reply to the question whether to book agrees, without a condition: "ja, wenn es um elf ist"."""
    words = words_of(said)
    is_yes = holds_yes(said) or agrees_to_offer(words) or _PLEASE.fullmatch(words) is not None
    return is_yes and not DOUBTS.search(words)


def leaves_confirmed(read: Arguments, function: str, call: OngoingCall, now: datetime) -> bool:
    """Return whether a request repeats the time of our last question, whether to book it, and the caller's words neither agree nor
    name a time, with which it is compared later. `now` is local.
    """
    last = next(reversed(read_exchanges(call)), None)
    if (
        last is None
        or last.request is None
        or (last.answer or {}).get("unclear") != "confirmed"
        or not last.said.strip()
    ):
        return False
    times, before = _list_starts(read.values, now), _list_starts(last.request.read_arguments(), now)
    is_repeated = last.request.name == function and times and before in ([], times)
    is_open = any(each.search(words_of(last.said)) for each in (NO, DOUBTS))
    return bool(is_repeated) and (is_open or not (_agrees(last.said) or _names_time(last.said, now)))


def _list_starts(values: Mapping[str, Any], now: datetime) -> list[datetime]:
    readings = understand_parts(*read_parts(values), at=now, zone=ZoneInfo(str(now.tzinfo))).candidates
    return [each.start for each in readings]


def _names_time(said: str, now: datetime) -> bool:
    try:
        return find_mention(said, now, None) is not None
    except UnclearMention:
        return True


def spells_name(read: Arguments, call: OngoingCall) -> bool:
    """Return whether a request that only names a person has the name that the caller has just spelled: it is the same person."""
    said = "".join(each.said for each in read_exchanges(call)[-1:])
    letters = [word for word in words_of(said).split() if len(word) == 1]
    is_only = read.values.keys() <= {"customer_name", "birth_date", *_DETAILS}
    return is_only and len(letters) >= _FEWEST_LETTERS and not speaks_of_company(said)


def keep_beside(understood: Mapping[str, Any], read: Arguments, call: OngoingCall) -> dict[str, Any]:
    """Return the arguments that a complete request keeps of the requests before it: the details that it leaves out, unless it has
    another message, and the person; neither if the caller's last words speak of somebody else.
    """
    said = "".join(each.said for each in read_exchanges(call)[-1:])
    introduced = read_introduction(said)
    is_caller = not introduced or same_name(introduced, str(read.values.get("customer_name", "")))
    kept = {"staff"}
    if is_caller and not speaks_of_company(said):
        is_same = understood.get("message") in {None, read.values.get("message")}
        is_refused = rejects_times(words_of(said)) or NO.search(words_of(said))
        kept |= {"customer_name"} | (_DETAILS if is_same and not is_refused else set())
    return {name: each for name, each in understood.items() if name in kept}
