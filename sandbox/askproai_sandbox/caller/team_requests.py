"""What the demo's agent does for who wants a person, a message passed on, or to wait for a time. Pure."""

import re
from dataclasses import replace

from askproai_sandbox.caller import phrases
from askproai_sandbox.caller.change import Change
from askproai_sandbox.caller.choice import ask_again
from askproai_sandbox.caller.intent import PASSED_ON, Intent
from askproai_sandbox.caller.memory import CalledAgent, Memory, Turn, call, cannot, loose_name, not_placed
from askproai_sandbox.caller.message import PendingMessage, find_phone
from askproai_sandbox.caller.name_answer import take_name
from askproai_sandbox.caller.record import ToolCall
from askproai_sandbox.caller.rejections import exclude, join_time, quote
from askproai_sandbox.caller.sentence import Sentence, read_sentence
from askproai_sandbox.caller.words import NAME_WORD

# the answer to "Soll ich später suchen? Oder soll ich Sie auf die Warteliste setzen?"
_NO_ALONE = re.compile(
    r"\W*(?:ach\W+)?(?:nein|nee|doch nicht)\b\W*(?:(?:danke|doch nicht|schon gut)\b\W*)*", re.IGNORECASE
)
_YES_ITSELF = re.compile(r"\W*(?:ja|gerne?|bitte)\b", re.IGNORECASE)
_PARTS = re.compile(r"(?P<first>[^,.;]+)[,.;]\s+(?:und\s+)?(?P<rest>.+)", re.DOTALL)
_LAST_NAME = re.compile(  # "Richten Sie ihm aus, dass ich warte. Hartmut Grosse."
    rf"(?P<rest>.+[.!])\s+(?P<name>{NAME_WORD}(?: {NAME_WORD}){{1,3}})[.!]?\s*", re.DOTALL
)
_ANSWERED = frozenset({Intent.SERVICES, Intent.HOURS, Intent.ADDRESS, Intent.PRICES, Intent.DETAILS, Intent.STAFF})
_DROPS = re.compile(
    r"\b(?:nichts|nix|nicht) ausrichten\b|\bausrichten sollen Sie (?:das |es )?(?:nichts|nix|nicht)\b", re.IGNORECASE
)
_NO_MESSAGE = re.compile(r"\bkeine Nachricht\b", re.IGNORECASE)
_WANTS_LATER = re.compile(r"\bspäter\b|\bweiter ?suchen\b", re.IGNORECASE)

_LEAVES_LIST = re.compile(  # "Ich stehe auf der Warteliste, streichen Sie mich bitte."
    r"\bWarteliste\b.*\b(?:streich\w*|(?:he)?runter\w*|lösch\w*|entfern\w*|abmelden|austragen|nicht mehr)\b"
    r"|\b(?:streich\w*|lösch\w*|entfern\w*|nehmen)\b.*\bvon (?:der|Ihrer|eurer) Warteliste\b",
    re.IGNORECASE | re.DOTALL,
)
_WRONG_NAME = re.compile(r"\b(?:falsche[nmr]? Namen?|Namen? (?:ist|steht|war) (?:da )?falsch)\b", re.IGNORECASE)

_DONE = {  # what is said to who takes it back
    "reschedule_appointment": phrases.MOVED,
    "cancel_appointment": phrases.CANCELLED,
    "leave_message": phrases.NOTED,
    "join_waitlist": phrases.NOTED,
}


_REFUSES_RECORDING = re.compile(  # and no question: "Nehmen Sie das Gespräch auf?"
    r"\bnicht\b[^.?!]*\b(?:aufgezeichnet|aufgenommen|mitgeschnitten|gespeichert|aufzeichne\w*|aufnehmen|speicher\w*)\b"
    r"|\bkeine Aufzeichnung\b"
    r"|\b(?:aufgezeichnet|aufgenommen|mitgeschnitten|gespeichert|(?:nehmt|nehmen|zeichnet|zeichnen)\b[^.?!]*\bauf)\s*\?"
    r"[^?]*\bnicht\b[^?]*$"
    r"|\b(?:aufgezeichnet|aufgenommen|mitgeschnitten|gespeichert)\b[^.!]*[?.,]\s*(?:\w+,?\s+)?"
    r"(?:das|so was) (?:möchte|will|mag) ich (?:\w+ )?nicht\b",
    re.IGNORECASE,
)


def hear_refusal(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Have nothing of the call kept for who does not want it: "Ich möchte nicht aufgezeichnet werden"."""
    if not _REFUSES_RECORDING.search(sentence.text) or sentence.text.rstrip().endswith("?"):
        return Turn(memory)
    if "decline_recording" not in agent.tools:
        return cannot(memory, "has nothing of a call kept")
    return call(agent, memory, "decline_recording")


def only_ends_call(sentence: Sentence) -> bool:
    """Return whether a goodbye accepts no help that was offered: "Ok, tschüss", and not "Ja, bitte, tschüss"."""
    return sentence.ends_call and not _YES_ITSELF.match(sentence.text)


def hear_request(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Transfer the call, pass a message on, or let the caller wait, where that is asked for or was offered."""
    is_visit = sentence.intent is Intent.APPOINTMENT  # "Dann hätte ich gern einen Termin"
    wants_other = bool(sentence.when or sentence.services or sentence.unknown_service) or is_visit
    asks_other = sentence.intent in _ANSWERED  # "Ja, was bieten Sie denn alles an"
    accepts = sentence.yes and not (sentence.no or wants_other or asks_other or only_ends_call(sentence))
    is_transfer_offered = memory.is_transfer_offered
    is_left = memory.message is not None and memory.message.asks_who and _wants_no_message(sentence)
    memory = replace(memory, is_transfer_offered=False, message=None if is_left else memory.message)
    if is_left:
        return Turn(replace(memory, unanswered=()))
    if sentence.intent is Intent.TRANSFER or (is_transfer_offered and accepts and sentence.intent not in PASSED_ON):
        tool = next((name for name, tool in agent.tools.items() if tool.get("type") == "transfer_call"), None)
        if tool is None and "leave_message" in agent.tools:
            offered = replace(memory, is_message_offered=True, unanswered=())
            return replace(cannot(offered, "transfers calls"), reaction=phrases.OFFER_MESSAGE)
        return Turn(memory, ToolCall(tool, {})) if tool else cannot(memory, "transfers calls")
    is_aside, memory = memory.is_aside, replace(memory, is_aside=False)
    # "Nein, ich brauche nur einen Termin für alle", "Nein, schon gut. Was zahlt die Krankenkasse?"
    goes_on = wants_other or sentence.is_question
    if is_transfer_offered and sentence.no and not goes_on:
        if memory.offers:  # an aside does not close them
            return Turn(replace(memory, is_message_offered=False), ask_again(memory.offers))
        return Turn(memory, phrases.MORE if memory.change.tool else phrases.GOODBYE)
    is_too_late = sentence.intent is Intent.LATE and bool(memory.offers)  # what is offered: "Da komme ich zu spät"
    if memory.message or (memory.is_message_offered and accepts) or (sentence.intent in PASSED_ON and not is_too_late):
        return _leave_message(agent, memory, sentence)
    memory = replace(memory, is_message_offered=False)
    is_later = sentence.intent is None and not wants_other and bool(_WANTS_LATER.search(sentence.text))
    if memory.is_waiting_offered and is_later:
        return Turn(memory, phrases.ASK_TIME)
    if memory.is_joining or (memory.is_waiting_offered and accepts) or sentence.intent is Intent.WAITLIST:
        return _join_waitlist(agent, memory, sentence)
    return Turn(replace(memory, is_aside=is_aside))


def _wants_no_message(sentence: Sentence) -> bool:
    """Return whether a caller who was asked from whom a message is wants something else: "Ich hätte gern einen Termin"."""
    wishes = sentence.intent is Intent.APPOINTMENT or (sentence.services and sentence.when)
    return bool(wishes or sentence.intent in _ANSWERED or _NO_MESSAGE.search(sentence.text))


def hear_number(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Repeat the call whose answer asked for the caller's number, with the number that the sentence says in digits. A booking is
    repeated without one if the caller declines.
    """
    last, phone = memory.last_call, find_phone(sentence.text)
    if not memory.is_number_asked or last is None or sentence.intent is Intent.CALLBACK:
        return Turn(memory)
    if phone is None and not (sentence.no and last.name == "book_appointment"):
        return Turn(memory)
    when = join_time(sentence.when) if "call_back" in last.args else ""  # "am besten nach 17 Uhr"
    args = {**last.args, **({"call_back": when} if when else {}), **({"phone": phone} if phone else {})}
    return call(agent, replace(memory, is_number_asked=False), last.name, args)


def hear_what_nothing_does(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Offer to pass on what no function does: to leave the waiting list, and to change the name of an appointment."""
    is_it = _LEAVES_LIST.search(sentence.text) or _WRONG_NAME.search(sentence.text)
    is_free = not (memory.offers or memory.message or memory.is_joining) and sentence.intent not in PASSED_ON
    if not (is_it and is_free and "leave_message" in agent.tools):
        return Turn(memory)
    memory = replace(memory.note(customer_name=sentence.name), is_message_offered=True, unanswered=())
    return Turn(memory, phrases.OFFER_MESSAGE, phrases.NOT_UNDERSTOOD.format(sentence.text))


def _leave_message(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Pass a message on as soon as it is known what it is, and from whom; else ask."""
    if "leave_message" not in agent.tools:
        return cannot(memory, "notes a callback" if sentence.intent is Intent.CALLBACK else "notes a message")
    message = memory.message or PendingMessage()
    is_asked = message.asks_who and sentence.intent not in PASSED_ON
    # "Anna Nym, heute Abend bitte": the time is that of the callback
    answer = replace(sentence, text=sentence.wanted) if "call_back" in message.args else sentence
    is_offered = memory.is_message_offered and sentence.yes  # "Ja bitte, Hella Thiessen"
    name = sentence.name or (loose_name(agent, memory, answer, asked=is_asked) if is_asked or is_offered else None)
    first, rest = _split_off_name(agent, sentence.text) if message.asks_who and not name else (None, "")
    if first is None and not (name or memory.message) and (said := _LAST_NAME.fullmatch(sentence.text)):
        first, rest = (
            take_name(read_sentence(said["name"], agent.catalogue), agent.catalogue, asked=True).name,
            said["rest"],
        )
    if first is None and not (name or memory.message) and (behind := _find_name_behind(agent, sentence.text)):
        first, rest = behind, sentence.text.rpartition(",")[0]
    if first:
        name, sentence = first, read_sentence(rest, agent.catalogue)
    memory = memory.note(customer_name=name)
    if memory.message and _is_dropped(sentence):
        return Turn(replace(memory, message=None), phrases.NO_MESSAGE)
    unanswered = " ".join(memory.unanswered)
    message = message.hear(sentence, agent.catalogue.staff, memory.details.get("customer_name"), unanswered)
    if message.asked_for:
        return Turn(replace(memory, message=message), message.asked_for)
    return call(agent, replace(memory, message=None), "leave_message", message.args)


def _split_off_name(agent: CalledAgent, text: str) -> tuple[str | None, str]:
    """Split "Sabine Krug, und er soll mich anrufen" behind the full name; None if it begins with none."""
    parts = _PARTS.fullmatch(text)
    if parts is None:
        return None, text
    name = take_name(read_sentence(parts["first"], agent.catalogue), agent.catalogue, asked=True).name
    return (name, parts["rest"]) if name and " " in name else (None, text)


def _find_name_behind(agent: CalledAgent, text: str) -> str | None:
    """Return the full name at the end of "Setzen Sie mich auf die Warteliste, Nadine Weber."; None if there is none."""
    _, comma, behind = text.rpartition(",")
    name = (
        take_name(read_sentence(behind.strip(), agent.catalogue), agent.catalogue, asked=True).name if comma else None
    )
    return name if name and " " in name else None


def _is_dropped(sentence: Sentence) -> bool:
    """Return whether a caller wants nothing passed on any more: "Ach nein, hat sich erledigt"."""
    drops = _DROPS.search(sentence.text) or _NO_ALONE.fullmatch(sentence.text)
    return sentence.intent is Intent.NOTHING or bool(drops)


def can_take_back(memory: Memory) -> bool:
    """Return whether the last function has done something, and nothing has been asked or offered since."""
    is_done = memory.done == "book_appointment" or memory.done in _DONE
    return is_done and not memory.offers and memory.change.tool is None


def _join_waitlist(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Let the caller wait for what was requested last, or is now; ask for the name if it is missing."""
    if "join_waitlist" not in agent.tools:
        return cannot(memory, "has a waiting list")
    is_answer = sentence.intent is not Intent.WAITLIST  # "Setzen Sie mich auf die Warteliste" is no name
    name = sentence.name or loose_name(agent, memory, sentence, asked=memory.is_joining and is_answer)
    name = name or (None if is_answer else _find_name_behind(agent, sentence.text))
    if memory.is_joining and is_answer and not name:
        if sentence.ends_call:
            return Turn(replace(memory, is_joining=False), phrases.GOODBYE)
        if sentence.when:  # another day: "Dann nehme ich den Mittwoch um vier"
            return Turn(replace(memory, is_joining=False))
    memory = memory.note(customer_name=name, service=sentence.service, staff=sentence.staff)
    day = {name: words for name, words in memory.requested_time.items() if name in {"date", "branch"}}
    memory = replace(memory, requested_time={**day, **sentence.when} if sentence.when else memory.requested_time)
    memory = memory.exclude(sentence.exclusions, sentence.when.get("date"))
    if "customer_name" not in memory.details:
        return Turn(replace(memory, is_joining=True), phrases.ASK_NAME_TO_WAIT)
    searched = exclude(memory.requested_time, memory.exclusions)
    if searched is None:
        return not_placed(memory, quote(memory.exclusions), sentence.text)
    return call(agent, replace(memory, is_joining=False), "join_waitlist", {**memory.details, **searched})


def take_back(agent: CalledAgent, memory: Memory) -> Turn:
    """Have the function ask whether to cancel what is booked; of all else return the sentence that it is done."""
    named = {"appointment_id": memory.done_to}
    if memory.done == "book_appointment":
        return call(
            agent, replace(memory, change=Change("cancel_appointment", args=named)), "cancel_appointment", named
        )
    taken = replace(memory, done="", is_aside=False)
    if memory.done == "reschedule_appointment":
        taken = replace(taken, change=Change(memory.done, args=named), requested_time={})
    return Turn(taken, _DONE[memory.done])


def give_up(memory: Memory) -> Turn:
    """Forget what was on offer, and a change that is under way."""
    is_change = memory.change.tool is not None or (bool(memory.booked) and not memory.offers)
    memory = replace(memory, change=Change(), requested_time={}, offers=(), accepted_offer=None, is_aside=False)
    memory = memory.take_person_back()
    if memory.booked:  # what is said next is about that again
        memory = replace(memory.note(service=memory.booked_service), wants_further=False)
    return Turn(memory, phrases.KEPT if is_change else phrases.NOTHING)
