"""Decide which arguments of earlier requests still count in the request after our question: the person, the details, and the time
unless the caller has declined it since. Pure.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from enum import Enum, auto
from typing import Any, Final
from zoneinfo import ZoneInfo

from askproai_runtime.calls.payload import OngoingCall
from askproai_runtime.conversation.arguments.reading import Arguments
from askproai_runtime.conversation.arguments.table import TIMES
from askproai_runtime.conversation.time_arguments import read_parts
from askproai_runtime.conversation.transcript import Exchange, read_exchanges
from askproai_runtime.language.answer_words import CANCELLATION_WORD, FILLER, NO, YES_WORD, words_of
from askproai_runtime.language.company import speaks_of_company
from askproai_runtime.language.declines import agrees_to_offer, drop_neutral, rejects_times
from askproai_runtime.language.introductions import read_introduction
from askproai_runtime.language.kept_times import (
    DOUBTS,
    Answered,
    Stance,
    names_another,
    names_start,
    read_stance,
)
from askproai_runtime.language.plain_yes import is_plain_yes
from askproai_runtime.language.replies import holds_yes
from askproai_runtime.person_names import same_name
from askproai_runtime.spoken_times import Argument, Grain, understand_parts
from askproai_runtime.spoken_times.arguments import find_part_argument, holds_day
from askproai_runtime.understood import UNDERSTOOD

APPOINTMENT: Final = frozenset({"appointment_date", "appointment_id", "appointment_time", "customer_name"})
_AGREES: Final = re.compile(rf"(?:(?:{UNDERSTOOD.answers.please}|{YES_WORD}|{FILLER})(?: |$))++")
_CANCELS: Final = re.compile(rf"\b{CANCELLATION_WORD}\b")
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


def drop_repeated(answering: Arguments, before: Mapping[str, Any], now: datetime, zone: ZoneInfo) -> Arguments:
    """Return a request without the arguments that it repeats of the values `before` it: what is left is the caller's answer. The
    same time in another form is repeated, too.
    """
    values = {name: each for name, each in answering.values.items() if before.get(name) != each}
    if _list_starts(answering.values, now, zone) == _list_starts(before, now, zone) != []:
        values = {name: each for name, each in values.items() if name not in TIMES}
    return replace(answering, values=values)


class Agreement(Enum):
    """Whether the reply to our question has to agree to the time, and how often that was asked: a second time any yes counts."""

    NONE = auto()
    ONCE = auto()
    AGAIN = auto()


def read_kept_stance(
    exchange: Exchange,
    understood: Mapping[str, Any],
    answering: Arguments,
    now: datetime,
    zone: ZoneInfo,
    agreement: Agreement,
) -> Stance:
    """Return whether the time of an earlier request still counts after the caller's words since our question, with the arguments
    that they have added (`answering`). After the question whether to book, or if the time was declined before, only a yes keeps
    it, unless the request names a time.
    """
    is_to_agree = agreement is not Agreement.NONE
    words = drop_neutral(words_of(exchange.said))
    if is_to_agree and NO.search(words):
        return Stance.DECLINED
    named = {*answering.values, *answering.unclear}
    known = {name: each for name, each in understood.items() if name not in TIMES}
    times = {name: each for name, each in understood.items() if name not in list_replaced(answering)}
    kept = _list_starts(times | answering.values, now, zone)
    answered = Answered(
        answering.values,
        known,
        kept if len(kept) == 1 else [],
        names_time=not TIMES.isdisjoint(named),
        names_other=not named.isdisjoint(APPOINTMENT - {"customer_name"}),
    )
    stance = read_stance(exchange.said, answered, now.astimezone(zone))
    if not is_to_agree or stance >= Stance.DECLINED or answered.names_time:
        return stance
    if stance is Stance.WITHDRAWN:
        return Stance.DECLINED
    local = now.astimezone(zone)
    is_left = _agrees(exchange, stance, agreement) and not names_another(words, kept, local)
    is_left = is_left or names_start(words, kept, local)
    return Stance.LEFT if is_left else Stance.DOUBT


def _list_starts(values: Mapping[str, Any], now: datetime, zone: ZoneInfo) -> list[datetime]:
    readings = understand_parts(*read_parts(values), at=now, zone=zone).candidates
    return [each.start for each in readings if each.grain is Grain.MINUTE]


def _agrees(exchange: Exchange, stance: Stance, agreement: Agreement) -> bool:
    """Return whether a reply to the question whether to book agrees and adds nothing to it: not "ja, da hab ich Zahnarzt"."""
    said, words = exchange.said, words_of(exchange.said)
    if _AGREES.fullmatch(words):
        return not _CANCELS.search(words)
    is_yes = holds_yes(said) or agrees_to_offer(drop_neutral(words))
    asked = str((exchange.answer or {}).get("message"))
    is_plain = stance is Stance.LEFT or agreement is Agreement.AGAIN or is_plain_yes(said, asked, "book_appointment")
    is_other = DOUBTS.search(words) or _CANCELS.search(words) or speaks_of_company(said)
    return is_yes and is_plain and not is_other


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
