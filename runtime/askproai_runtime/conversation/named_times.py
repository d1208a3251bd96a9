"""The times that a call's answers have named, and the caller's replies to them, read from the transcript."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from itertools import islice, takewhile
from typing import Any

from askproai_core.tenant_config import Function
from askproai_runtime.book.appointments import NamedSlot
from askproai_runtime.calls.payload import OngoingCall, Utterance
from askproai_runtime.conversation.arguments.reading import read_arguments
from askproai_runtime.conversation.arguments.table import TIMES
from askproai_runtime.conversation.types import CallContext, EarlierRequest, NamedOffer, NamedTimes, Naming
from askproai_runtime.language.declines import (
    answers_aside,
    asks_for_others,
    asks_for_time,
    find_declined,
    find_named_times,
    is_number,
)
from askproai_runtime.language.introductions import drop_name
from askproai_runtime.language.replies import COMPANY, NAMES, has_no_preference
from askproai_runtime.spoken_times.mentions import UnclearMention

_MOST_READ_FOR_DECLINES = 2_000  # characters of the caller's last words
_MOST_READ_FOR_CHOICE = 500  # characters
_MOST_REQUESTS = 4  # that are read
_WITH_DAYS = frozenset(each.name.lower() for each in (
    Function.CHECK_AVAILABILITY, Function.BOOK_APPOINTMENT, Function.JOIN_WAITLIST, Function.BUSINESS_INFORMATION,
))  # fmt: skip
_MOVE = Function.RESCHEDULE_APPOINTMENT.name.lower()
_LONGEST_DAY = timedelta(hours=25)
_OTHER_CHOICES = frozenset({"branches", "services", "staff"})
_MOST_UTTERANCES = 4  # in which others are asked for: recognizers part what is said


@dataclass(slots=True)
class _Turn:
    """An answer of ours with its request, and what the caller said after it about times (`said`). Both are empty before the
    first answer, and for a result in the transcript that is none of ours. `slots` have their local starts, `times` are the
    time arguments as they were read.
    """

    answer: Mapping[str, Any] = field(default_factory=dict)
    request: Utterance | None = None
    slots: Mapping[NamedSlot, datetime] = field(init=False)
    named: NamedTimes | None = field(init=False)
    times: Mapping[str, str] = field(init=False)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.slots, self.named = _read_slots(self.answer), _read_named(self.answer)
        values = read_arguments(str(self.request.name), self.request.arguments).values if self.request else {}
        self.times = {name: str(value) for name, value in values.items() if name in TIMES}


def read_named_times(call: OngoingCall, routed: CallContext, names: Sequence[str] = ()) -> CallContext:
    """Return the call's context with the times that its answers have named, and what the caller has said about them. A reply to a
    question between times is read without the `names` of the caller and of the request.
    """
    turns = _read_turns(call, routed.started_at)
    declined, beside_declined = _find_declined(turns, routed.started_at)
    offered = [at for at, each in enumerate(turns) if each.slots]
    last = turns[offered[-1] :] if offered else [_Turn()]
    slots, said = last[0].slots, [words for each in last for words in each.said]
    is_choice = len(_list_slots(last[0].answer)) > 1
    asks = any(asks_for_others(words, set(slots.values()), routed.started_at) for words in _cut(said))
    with_days = [at for at, each in enumerate(turns) if each.named and each.named.naming is not Naming.LISTED]
    return replace(
        routed,
        declined=declined,
        beside_declined=beside_declined,
        offered=read_offered(call),
        earlier=_list_earlier(turns),
        offered_last=tuple(each.start for each in slots),
        named_last=_find_named_last(turns, names),
        requested=_list_requested(turns),
        said_without_days=_list_said(turns[with_days[-1] if with_days else 0 :]),
        leaves_choice=is_choice and has_no_preference("".join(_cut(said[-1:]))),
        excluded_staff=_find_excluded_staff(turns),
        wants_others_than=frozenset(slots) if asks else frozenset(),
    )


def _read_turns(call: OngoingCall, now: datetime) -> list[_Turn]:
    """Return the turns of a call without each no and each bare number ("die zwei") that answers a question for something other
    than a time, and each reply without a time to the question who comes along: they say nothing about named times.
    """
    turns, invoked, asked = [_Turn()], dict[str, Utterance](), ""
    for utterance in call.transcript_with_tool_calls or ():
        words = str(utterance.content or "")
        if utterance.role == "tool_call_invocation":
            invoked[str(utterance.tool_call_id)] = utterance
        elif utterance.role == "tool_call_result":
            request = invoked.get(str(utterance.tool_call_id))
            turns.append(_Turn() if utterance.answer is None else _Turn(utterance.answer, request))
            asked = ""
        elif utterance.role == "agent":
            asked += f"{words} "
        elif utterance.role == "user":
            turns[-1].said += [] if _is_aside(words, asked, turns[-1], now) else [words]
            asked = ""
    return turns


def _is_aside(words: str, asked: str, turn: _Turn, now: datetime) -> bool:
    if turn.answer.get("needs_companions") in {COMPANY, NAMES} and not turn.slots:
        with suppress(UnclearMention):
            return not any(find_named_times(words, now))
    own = asked.replace(str(turn.answer.get("message") or ""), "").strip()
    return answers_aside(words, own) or (is_number(words) and not _asks_for_time(own, turn))


def _asks_for_time(own: str, turn: _Turn) -> bool:
    """Return whether the last question, in the agent's `own` words if they ask, else in our answer, may be one for a time."""
    answer = turn.answer
    if "?" in own or not answer:
        return not own or asks_for_time(own)
    is_menu = not _OTHER_CHOICES.isdisjoint(answer) or str(answer.get("unclear")).startswith("companions")
    return turn.named is not None or not (is_menu and answer.get("success") is False)


def _find_declined(turns: Sequence[_Turn], started_at: datetime) -> tuple[frozenset[NamedSlot], frozenset[NamedSlot]]:
    """Return two sets of slots of the call's answers: those that the caller has declined, and those named in the same answer as
    one of them.

    Only the last words of a long call are read, since other callers wait meanwhile. An older declined slot is offered again.
    """
    later = sum(len(words) for each in turns for words in each.said)
    declined, beside = set[NamedSlot](), set[NamedSlot]()
    named: Mapping[NamedSlot, datetime] = {}
    for turn in turns:
        named = turn.slots or named
        declined -= turn.slots.keys()
        for words in turn.said:
            later -= len(words)
            starts = find_declined(words, set(named.values()), started_at) if later < _MOST_READ_FOR_DECLINES else ()
            if starts:
                rejected = {slot for slot, start in named.items() if start in starts}
                declined |= rejected
                beside |= named.keys() - rejected
    return frozenset(declined), frozenset(beside - declined)


def read_offered(call: OngoingCall) -> tuple[NamedOffer, ...]:
    """Return all offers of this call's answers, the latest last."""
    found = list[NamedOffer]()
    for utterance in call.transcript_with_tool_calls or ():
        for slot in _list_slots(utterance.answer or {}):
            companions = slot.get("companions")
            people = [slot, *(companions if isinstance(companions, list) else ())]
            with suppress(KeyError, TypeError, ValueError):
                found.append(tuple(_read_slot({"branch": slot["branch"], **each}) for each in people))
    return tuple(found)


def _list_earlier(turns: Sequence[_Turn]) -> tuple[EarlierRequest, ...]:
    """Return the requests of this call that already have an answer, the latest last."""
    return tuple(
        EarlierRequest(
            texts.union(each.times.values()),
            frozenset(str(text).strip() for name, text in each.request.read_arguments().items() if name in TIMES),
            frozenset(
                each.named.starts
                if each.named and each.named.naming is Naming.CHANGED
                else (slot.start for slot in each.slots)
            ),
            str(each.request.read_arguments().get("staff") or ""),
        )
        for each in turns
        if each.request is not None and (texts := each.request.read_texts())
    )


def _find_named_last(turns: Sequence[_Turn], names: Sequence[str]) -> NamedTimes | None:
    """Return the times of the last answer that named days; None if no answer did. A place on the waiting list settles questions."""
    places = [
        at for at, each in enumerate(turns) if "waitlist_id" in each.answer and each.answer.get("success") is True
    ]
    named_in = [(at, each.named) for at, each in enumerate(turns) if each.named is not None]
    found = [each for each in named_in if each[0] > max(places, default=0) or each[1].naming is not Naming.ASKED]
    if not found:
        return None
    at, named = found[-1]
    request, said = turns[at].request, _list_said(turns[at:])
    if named.naming is Naming.ASKED or named.are_readings:
        said = tuple(reduce(drop_name, names, each).strip() or each for each in said)
    before = (each for _, each in reversed(found[:-1]) if each.naming is not Naming.ASKED)
    return replace(
        named,
        lists_since=any(each.answer.get("appointments") for each in turns[at + 1 :]),
        said_since=said,
        before=next(before, None) if named.naming is Naming.ASKED else None,
        moves=request is not None and request.name == _MOVE,
        about=str(turns[at].answer.get("appointment_id") or ""),
    )


def _list_said(turns: Sequence[_Turn]) -> tuple[str, ...]:
    return _cut([words for each in turns for words in each.said])


def _cut(said: Sequence[str]) -> tuple[str, ...]:
    """Return the last utterances, and the end of each: other callers wait while they are read."""
    return tuple(words[-_MOST_READ_FOR_CHOICE:] for words in said[-_MOST_UTTERANCES:])


def _list_requested(turns: Sequence[_Turn]) -> tuple[Mapping[str, str], ...]:
    """Return the time arguments of each request answered since the last answer with days (without days), latest first."""
    since = takewhile(lambda each: each.named is None, reversed(turns))
    times = (each.times for each in since if each.request is not None and each.request.name in _WITH_DAYS)
    return tuple(islice(filter(None, times), _MOST_REQUESTS))


def _read_named(answer: Mapping[str, Any]) -> NamedTimes | None:
    """Return the times of an answer; None if it names no days, or is malformed."""
    with suppress(KeyError, TypeError, ValueError):
        if slots := _read_slots(answer):
            refused = _read_instant(answer["refused_start"]) if "refused_start" in answer else None
            starts, day = tuple(slot.start for slot in slots), answer.get("refused_day") or answer.get("refused_start")
            refused_day = date.fromisoformat(str(day)[:10]) if day else None
            are_readings = "candidates" in answer
            return NamedTimes(
                Naming.OFFERED, starts, refused=refused, refused_day=refused_day, are_readings=are_readings
            )
        if readings := answer.get("candidates"):
            starts = tuple(_read_instant(each["start"]) for each in readings)
            ends = [_read_instant(each["end"]) for each in readings if "end" in each]
            if ends and max(ends) - min(starts) > _LONGEST_DAY and len(readings) == 1:
                return None  # a week is no day
            return NamedTimes(Naming.ASKED, starts, is_exact=not ends)
        if answer.get("success") is True and "appointment_id" in answer:
            return NamedTimes(Naming.CHANGED, (_read_instant(answer["start"]),))
        if answer.get("success") is True and (listed := answer.get("appointments")):
            return NamedTimes(Naming.LISTED, tuple(_read_instant(each["start"]) for each in listed))
    return None


def _find_excluded_staff(turns: Sequence[_Turn]) -> frozenset[str]:
    """Return the ids of the staff members whom the last answer with slots left out because the caller had excluded them."""
    answers = (each.answer for each in reversed(turns) if not each.answer.keys().isdisjoint({"slots", "alternatives"}))
    excluded = next(answers, {}).get("excluded_staff")
    return frozenset(map(str, excluded)) if isinstance(excluded, list) else frozenset()


def _read_slots(answer: Mapping[str, Any]) -> dict[NamedSlot, datetime]:
    """Return the slots of an answer with their local starts."""
    found: dict[NamedSlot, datetime] = {}
    for slot in _list_slots(answer):
        with suppress(KeyError, TypeError, ValueError):
            found[_read_slot(slot)] = datetime.fromisoformat(slot["start"])
    return found


def _list_slots(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the slots of an answer. Retell passes the answer back to us, so its format may be invalid."""
    slots = answer.get("slots") or answer.get("alternatives")
    return [slot for slot in slots if isinstance(slot, dict)] if isinstance(slots, list) else []


def _read_slot(slot: Mapping[str, Any]) -> NamedSlot:
    """Return one slot of an answer. Raises `KeyError`, `TypeError` or `ValueError` if it is malformed."""
    return NamedSlot(str(slot["branch"]), str(slot["service"]), str(slot["staff"]), _read_instant(slot["start"]))


def _read_instant(text: str) -> datetime:
    """Return an instant in UTC. Raises `TypeError` if it is no text, and `ValueError` if it is no time or has no zone."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("a time without a zone")
    return instant.astimezone(UTC)
