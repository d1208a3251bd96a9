"""The times that a call's answers have named, and the caller's replies to them, read from the transcript."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from askproai_core.tenant_config import Function
from askproai_runtime.book.appointments import NamedSlot
from askproai_runtime.calls.payload import OngoingCall, Utterance
from askproai_runtime.conversation.arguments.reading import TIMES, read_arguments
from askproai_runtime.conversation.transcript import read_exchanges
from askproai_runtime.conversation.types import EarlierRequest, NamedOffer, NamedTimes, Naming
from askproai_runtime.language.declines import answers_aside, asks_for_others, asks_for_time, find_declined, is_number
from askproai_runtime.language.replies import has_no_preference

_MOST_READ_FOR_DECLINES = 2_000  # characters of what a caller has said last
_MOST_READ_FOR_CHOICE = 500  # characters of the last words
_MOST_REQUESTS = 4  # that are read
_WITH_DAYS = frozenset(
    each.name.lower()
    for each in (
        Function.CHECK_AVAILABILITY,
        Function.BOOK_APPOINTMENT,
        Function.JOIN_WAITLIST,
        Function.BUSINESS_INFORMATION,
    )
)
_MOVE = Function.RESCHEDULE_APPOINTMENT.name.lower()
_LONGEST_DAY = timedelta(hours=25)
_OTHER_CHOICES = frozenset({"branches", "services", "staff"})
_MOST_UTTERANCES = 4  # in which others are asked for: recognizers part what is said


def read_declined(call: OngoingCall, started_at: datetime) -> tuple[frozenset[NamedSlot], frozenset[NamedSlot]]:
    """Return two sets of slots of the call's answers: those that the caller has declined, and those named in the same answer as
    one of them.

    Only the last words of a long call are read, since other callers wait meanwhile. An older declined slot is offered again.
    """
    utterances = _leave_out_asides(call)
    later = sum(len(str(each.content or "")) for each in utterances if each.role == "user")
    declined, beside = set[NamedSlot](), set[NamedSlot]()
    named: dict[NamedSlot, datetime] = {}
    for utterance in utterances:
        if slots := _read_slots(utterance.answer or {}):
            named = slots
            declined -= slots.keys()
        elif utterance.role == "user":
            said = str(utterance.content or "")
            later -= len(said)
            starts = find_declined(said, set(named.values()), started_at) if later < _MOST_READ_FOR_DECLINES else ()
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


def read_earlier(call: OngoingCall) -> tuple[EarlierRequest, ...]:
    """Return the requests of this call that already have an answer, the latest last."""
    return tuple(
        EarlierRequest(
            texts,
            frozenset(str(text).strip() for name, text in each.request.read_arguments().items() if name in TIMES),
            _read_done(each.answer) or frozenset(slot.start for slot in _read_slots(each.answer)),
            str(each.request.read_arguments().get("staff") or ""),
        )
        for each in read_exchanges(call)
        if each.request is not None and each.answer is not None and (texts := each.request.read_texts())
    )


def _read_done(answer: Mapping[str, Any]) -> frozenset[datetime]:
    """Return the start at which an answer booked, moved or cancelled an appointment, in a set; empty for any other answer."""
    with suppress(KeyError, TypeError, ValueError):
        named = _read_named(answer)
        return frozenset(named.starts if named is not None and named.naming is Naming.CHANGED else ())
    return frozenset()


def read_offered_last(call: OngoingCall) -> tuple[datetime, ...]:
    """Return the starts of the last answer with slots, in spoken order."""
    for utterance in reversed(call.transcript_with_tool_calls or ()):
        if slots := _read_slots(utterance.answer or {}):
            return tuple(slot.start for slot in slots)
    return ()


def read_named_last(call: OngoingCall) -> NamedTimes | None:
    """Return the times of the last answer that named days; None if no answer did."""
    lists_since, said, asked = False, list[str](), None
    moves = {str(each.tool_call_id) for each in call.transcript_with_tool_calls or () if each.name == _MOVE}
    for utterance in reversed(_leave_out_asides(call)):
        if utterance.role == "user":
            said.insert(0, str(utterance.content or "")[-_MOST_READ_FOR_CHOICE:])
        answer = utterance.answer or {}
        with suppress(KeyError, TypeError, ValueError):
            named = _read_named(answer)
            if named and asked and named.naming is not Naming.ASKED:
                return replace(asked, before=named)
            if named and not asked:
                said_since = tuple(said[-_MOST_UTTERANCES:])
                by_move = str(utterance.tool_call_id) in moves
                about = str(answer.get("appointment_id") or "")
                asked = replace(named, lists_since=lists_since, said_since=said_since, moves=by_move, about=about)
                if named.naming is not Naming.ASKED:
                    return asked
        lists_since |= bool(answer.get("appointments"))
    return asked


def _leave_out_asides(call: OngoingCall) -> list[Utterance]:
    """Return the utterances of a call without each no and each bare number ("die zwei") that answers a question for something
    other than a time: it says nothing about named times.
    """
    found, asked, answer = list[Utterance](), "", dict[str, Any]()
    for utterance in call.transcript_with_tool_calls or ():
        if utterance.role == "agent":
            asked += f"{utterance.content or ''} "
        elif utterance.role == "tool_call_result":
            asked, answer = "", utterance.answer or {}
        elif utterance.role == "user":
            said, message = str(utterance.content or ""), str(answer.get("message") or "")
            own, asked = asked.replace(message, "").strip(), ""
            if answers_aside(said, own) or (is_number(said) and not _asks_for_time(own, answer)):
                continue
        found.append(utterance)
    return found


def _asks_for_time(own: str, answer: Mapping[str, Any]) -> bool:
    """Return whether the last question, in the agent's `own` words if they ask, else in our answer, may be one for a time."""
    if "?" in own or not answer:
        return not own or asks_for_time(own)
    with suppress(KeyError, TypeError, ValueError):
        if _read_named(answer) is not None:
            return True
    is_menu = not _OTHER_CHOICES.isdisjoint(answer) or str(answer.get("unclear")).startswith("companions")
    return not (is_menu and answer.get("success") is False)


def read_said_without_days(call: OngoingCall) -> tuple[str, ...]:
    """Return the caller's words, one text for each turn, since the last answer with days, oldest first. A list of appointments
    is no such answer here.
    """
    said = list[str]()
    for utterance in reversed(_leave_out_asides(call)):
        if utterance.role == "user":
            said.insert(0, str(utterance.content or "")[-_MOST_READ_FOR_CHOICE:])
        with suppress(KeyError, TypeError, ValueError):
            named = _read_named(utterance.answer or {})
            if named is not None and named.naming is not Naming.LISTED:
                break
    return tuple(said[-_MOST_UTTERANCES:])


def read_requested(call: OngoingCall) -> tuple[Mapping[str, str], ...]:
    """Return the time arguments of each request answered since the last answer with days (without days), latest first."""
    found = list[Mapping[str, str]]()
    for exchange in reversed(read_exchanges(call)):
        request, answer = exchange.request, exchange.answer
        if len(found) == _MOST_REQUESTS:
            break
        if answer is None:
            continue
        with suppress(KeyError, TypeError, ValueError):
            if _read_named(answer) is not None:
                break
        if request is not None and request.name in _WITH_DAYS:
            values = read_arguments(request.name, request.arguments).values
            times = {name: str(value) for name, value in values.items() if name in TIMES}
            found += [times] if times else []
    return tuple(found)


def _read_named(answer: Mapping[str, Any]) -> NamedTimes | None:
    """Return the times of an answer; None if it names no days. Raises `KeyError`, `TypeError` or `ValueError` if malformed."""
    if slots := _read_slots(answer):
        refused = _read_instant(answer["refused_start"]) if "refused_start" in answer else None
        starts, day = tuple(slot.start for slot in slots), answer.get("refused_day") or answer.get("refused_start")
        refused_day = date.fromisoformat(str(day)[:10]) if day else None
        return NamedTimes(
            Naming.OFFERED, starts, refused=refused, refused_day=refused_day, are_readings="candidates" in answer
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


def read_excluded_staff(call: OngoingCall) -> frozenset[str]:
    """Return the ids of the staff members whom the last answer with slots left out because the caller had excluded them."""
    for utterance in reversed(call.transcript_with_tool_calls or ()):
        answer = utterance.answer
        if answer is not None and ("slots" in answer or "alternatives" in answer):
            excluded = answer.get("excluded_staff")
            return frozenset(map(str, excluded)) if isinstance(excluded, list) else frozenset()
    return frozenset()


def leaves_choice(call: OngoingCall) -> bool:
    """Return True if the caller's last words say that any of the slots offered last will do."""
    named, said = 0, ""
    for utterance in call.transcript_with_tool_calls or ():
        if slots := _list_slots(utterance.answer or {}):
            named, said = len(slots), ""
        elif utterance.role == "user":
            said = str(utterance.content or "")
    return named > 1 and has_no_preference(said[-_MOST_READ_FOR_CHOICE:])


def read_others_than(call: OngoingCall, started_at: datetime) -> frozenset[NamedSlot]:
    """Return the slots of the last answer with slots, if the caller has since asked for other times; else an empty set."""
    named, said = dict[NamedSlot, datetime](), list[str]()
    for utterance in call.transcript_with_tool_calls or ():
        if slots := _read_slots(utterance.answer or {}):
            named, said = slots, []
        elif utterance.role == "user":
            said.append(str(utterance.content or "")[-_MOST_READ_FOR_CHOICE:])
    starts = set(named.values())
    asks = named and any(asks_for_others(words, starts, started_at) for words in said[-_MOST_UTTERANCES:])
    return frozenset(named) if asks else frozenset()


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
