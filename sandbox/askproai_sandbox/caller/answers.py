"""What the demo's agent remembers of a function's answer. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from askproai_sandbox.caller import phrases
from askproai_sandbox.caller.change import Change
from askproai_sandbox.caller.choice import ask_again, choose
from askproai_sandbox.caller.memory import CalledAgent, Memory, Turn, call
from askproai_sandbox.caller.message import offers_message, offers_transfer
from askproai_sandbox.caller.rejected_people import leave_out
from askproai_sandbox.caller.sentence import read_sentence

_ASKS_COMPANIONS = ("den anderen Termin eintragen", "die anderen Termine eintragen")
_LISTS = ("branches", "services", "staff")


def learn_answer(agent: CalledAgent, memory: Memory, answer: Mapping[str, Any]) -> Turn:
    """Return what is remembered, and the call or the question that follows without a word of the caller, if there is one.

    Offers of the answer replace the earlier ones; an answer that only asks back keeps those.
    """
    asked = next((each for each in _LISTS if isinstance(answer.get(each), list | tuple)), None)
    memory = replace(memory, asked=asked)
    if memory.asked_business:  # it offers and changes nothing, and a yes after it is none to the question before it
        question = "" if answer.get("success") else str(answer.get("message") or "")
        memory = replace(
            memory,
            is_aside=not answer.get("success"),
            is_transfer_offered=offers_transfer(question),
            is_message_offered=offers_message(question),
            change=replace(memory.change, to_confirm={}),
        )
        return Turn(memory)
    called = memory.last_call.name if memory.last_call else None
    if called == "leave_message" and answer.get("success") and memory.offers:  # which are still open
        return Turn(replace(memory, done=called, done_to=""), ask_again(memory.offers))
    if called == "book_appointment" and answer.get("success"):
        booked, until = str(answer.get("appointment_id") or ""), str(answer.get("end") or "")
        memory = replace(memory, has_just_done=True, booked=booked, moved="", booked_until=until, exclusions=())
        memory = replace(_note_booked(memory), companions=(), replaced_name=None)
        memory = memory.forget_time(("time", "part_of_day"))  # of the next appointment that is asked for
        if memory.to_pass_on:  # which names the second one
            memory = replace(memory, wants_two=False)
        elif memory.wants_two:
            return Turn(_learn_offers(replace(memory, done=called, done_to=booked), answer), phrases.AND_THE_SECOND)
    if called and answer.get("success"):
        memory = replace(memory, done=called, done_to=str(answer.get("appointment_id") or ""))
    if called == "reschedule_appointment" and answer.get("success"):
        memory = _note_moved(memory, str(answer.get("appointment_id") or ""), str(answer.get("end") or ""))
    memory = _forget_unknown(memory, asked)
    is_done = answer.get("success") and called is not None and called == memory.change.tool
    if is_done or answer.get("appointments") == []:  # there is nothing to move or cancel
        has_cancelled = bool(is_done and called == "cancel_appointment")
        is_cancelled = has_cancelled and _is_of_booked(memory, answer)
        memory = replace(memory, change=Change(), requested_time={}, wants_further=False, has_just_done=has_cancelled)
        memory = replace(memory, booked="") if is_cancelled else memory
        memory = replace(memory, moved="") if has_cancelled else memory
    return _learn_appointments(agent, _learn_offers(memory, answer), answer)


def _forget_unknown(memory: Memory, asked: str | None) -> Memory:
    """Return the memory without the service or the person that an answer did not know, which lists those there are."""
    if asked == "services":
        visit = str(memory.last_call.args.get("service") or "") if memory.last_call else ""
        parts = tuple(visit.split(", ")) if ", " in visit else memory.services_to_choose  # "Womit soll ich anfangen?"
        # A yes after it is none to what was offered of another service.
        return replace(memory, services_to_choose=parts, offers=(), accepted_offer=None).drop("service")
    return memory.drop("staff") if asked == "staff" else memory


def _note_booked(memory: Memory) -> Memory:
    """Return the memory with the service of the appointment that the last call has booked, and its offer as it was said."""
    args = memory.last_call.args if memory.last_call else {}
    if args.get("staff", memory.details.get("staff")) != memory.details.get(
        "staff"
    ):  # somebody else was accepted instead
        memory = memory.drop("staff")
    offers = (each for each in memory.offers if each["start"] == args.get("start"))
    spoken = [
        str(each.get("spoken", "")) for each in offers if each.get("staff") == args.get("staff", each.get("staff"))
    ]
    return replace(
        memory, booked_service=str(args.get("service") or ""), booked_offer=" ".join(spoken), wants_further=False
    )


def _note_moved(memory: Memory, appointment: str, until: str) -> Memory:
    """Return the memory with the appointment that was moved: what is corrected next is its time."""
    return replace(memory, booked_until=until) if appointment == memory.booked else replace(memory, moved=appointment)


def _is_of_booked(memory: Memory, answer: Mapping[str, Any]) -> bool:
    """Return whether an answer is about the appointment that was booked last, or does not say which one it is about."""
    return str(answer.get("appointment_id") or memory.booked) == memory.booked


def _learn_offers(memory: Memory, answer: Mapping[str, Any]) -> Memory:
    """Return the memory with what the answer offers: times, to be connected, a message, the waiting list."""
    message = str(answer.get("message") or "")
    question = "" if answer.get("success") else message
    offers = answer.get("slots") or answer.get("alternatives")
    is_search = memory.last_call is not None and memory.last_call.name == "check_availability"
    if offers or answer.get("success") or answer.get("candidates"):  # a yes to "Meinen Sie A oder B?" accepts nothing
        memory = replace(memory, offers=leave_out(offers or (), memory.rejected_people))
        if offers and not memory.offers:  # a yes to them is none
            question = message
    return replace(
        memory,
        question=question,
        are_offers_earlier=is_search and not offers,
        is_message_offered=offers_message(question),
        is_transfer_offered=not offers and offers_transfer(question),
        is_waiting_offered="Warteliste setzen" in question,
        is_email_asked="E-Mail-Adresse" in question,
        are_companions_asked=any(asks in question for asks in _ASKS_COMPANIONS),
        is_new_offered="neuen Termin?" in message,
        is_number_asked="Unter welcher Nummer" in question,
    )


def _learn_appointments(agent: CalledAgent, memory: Memory, answer: Mapping[str, Any]) -> Turn:
    """Take the caller's appointments; if one was named before they were known, return the change of that one.

    It asks which one is meant if none of them, or more than one, is as it was named.
    """
    named, asked_about = memory.change.named, str(answer.get("appointment_id") or "")
    change = replace(
        memory.change,
        appointments=tuple(answer.get("appointments") or ()),
        to_confirm={"appointment_id": asked_about} if asked_about and answer.get("needs_confirmation") else {},
        asked_about="" if answer.get("success") else asked_about,
        named="",
    )
    chosen = choose(change.appointments, read_sentence(named, agent.catalogue), agent.now) if named else None
    if chosen is None:
        asks = {0: None, 1: phrases.ASK_THIS_APPOINTMENT}.get(len(change.appointments), phrases.ASK_APPOINTMENT)
        return Turn(replace(memory, change=change), asks if named else None)
    change = replace(change, args={"appointment_id": chosen["appointment_id"]})
    memory = replace(memory, change=change)
    return call(agent, memory, str(change.tool), {**change.args, **memory.requested_time})
