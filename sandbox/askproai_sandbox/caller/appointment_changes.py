"""What the demo's agent does with appointments that the caller has: it lists, moves and cancels them. Pure."""

import re
from dataclasses import replace
from datetime import datetime

from askproai_sandbox.caller import phrases
from askproai_sandbox.caller.change import CANCELS, CORRECTS, ONE, TOOL_OF_CHANGE, Change, drops_change, wants_further
from askproai_sandbox.caller.choice import ask_which, choose, name_offered_day, names_person
from askproai_sandbox.caller.intent import PASSED_ON, Intent, find_intent
from askproai_sandbox.caller.memory import INFORMATION, SEARCHES, CalledAgent, Memory, Turn, call, cannot, not_placed
from askproai_sandbox.caller.new_appointment import find_chosen_offer
from askproai_sandbox.caller.questions import TOPICS
from askproai_sandbox.caller.record import ToolCall
from askproai_sandbox.caller.rejections import exclude, quote
from askproai_sandbox.caller.remarks import checks_appointment, is_wish, says_more
from askproai_sandbox.caller.sentence import Sentence, read_sentence, split_at_new_time
from askproai_sandbox.caller.spoken_time import AT_WHAT, MARK, Times, take_counted
from askproai_sandbox.caller.team_requests import give_up
from askproai_sandbox.caller.words import FILLERS, SAME_TIME, find_counted

_IT = r"(?:es|das|den|ihn|(?:(?:de[nm]|mein\w*|zu[mr])\s+)?(?-i:[A-ZÄÖÜ])\w+)"
_GIVES_UP = re.compile(  # an appointment that there is: "Ich schaffe es morgen nicht", "Ich kann morgen doch nicht"
    rf"\b{_IT}\s+schaff'?e?\s+ich\b.*?\bnicht\b|\bschaff(?:e?\s+(?:ich\s+)?{_IT}\b|'?s\b|e?\b.*\b{_IT}\b).*?\bnicht\b"
    rf"|(?:\bkann\b|{MARK}.*\b(?:klappt|geht|passt)\b|\b(?:klappt|geht|passt)\b(?=.*{MARK})).*\b(?:leider|doch)\s+(?:doch\s+|leider\s+)?nicht\b"
    r"|\b(?:dazwischen\s?gekommen|verhindert)\b",
    re.IGNORECASE,
)
_IS_ILL = re.compile(  # "Meine Tochter hat morgen Kindertanz und ist krank."
    rf"\b(?:hat|hab'?e?n?) (?:(?:am|um|ja|doch) |{MARK} )*{AT_WHAT}"
    r"[^?]*\b(?:krank|erkältet|Fieber|Grippe|verletzt|verknackst|gebrochen)\b[^?]*$",
    re.IGNORECASE,
)
_ENDS_WITH_NOT = re.compile(r"\bnicht(?: mehr)?\s*$", re.IGNORECASE)
_AT_OTHER_TIME = re.compile(r"\bnicht\s+(?:vor|nach|bis|um|ab|so|ganz|zu\s+(?!kommen))\b", re.IGNORECASE)
_IS_THAT_SO = re.compile(  # "Also Donnerstag um zehn, ja?"
    r"^(?!.*\b(?:auch|noch|frei|möglich|geht|ginge|passt)\b).*,\s*(?:ja|richtig|oder|gell?|stimmt'?s|nicht wahr)\s*\?\W*$",
    re.IGNORECASE | re.DOTALL,
)
_OWN = re.compile(r"\b(?:den|diesen|meine?[nm]?|(?:ander|neu)en)\s+Termin\b", re.IGNORECASE)
_INTO = re.compile(  # another branch, and not "meinen Termin in Plagwitz"
    r"\b(?:in (?:die|das|den|eine)|ins|an (?:die|das|den)|nach|zu|zum|zur"
    r"|(?:lieber|auch|stattdessen|bei Ihnen|zu Ihnen) (?:\w+ )?(?:in|im|am|an))\b",
    re.IGNORECASE,
)
_TO_OTHER = re.compile(r"\b(?:doch|lieber|statt(?:dessen)?)\b.*\b(?:bei|zu)\b", re.IGNORECASE)  # another person
_INSTEAD = re.compile(r"\b(?:statt(?:dessen)?|dafür|lieber|besser)\b", re.IGNORECASE)
_SEE_YOU = re.compile(  # "Danke, dann bis Freitag!"
    r"\W*(?:(?:ja|gut|okay|ok|prima|super|schön|perfekt|wunderbar|danke|vielen|dank|alles|klar|also|na|dann)\W+)*bis\s",
    re.IGNORECASE,
)
_ANY_FREE = re.compile(
    rf"{ONE.pattern}|\b(?:frei\w*|Termine?|buchen|vereinbaren)\b", re.IGNORECASE
)  # a further one, perhaps
_GOES_TOO = re.compile(  # the service of the appointment that there is: "geht die Beratung auch am Freitag?"
    r"\b(?:geht|ginge|passt|kann|könnte) (?:der|die|das|mein\w*) [^.?!]*\bauch\b", re.IGNORECASE
)
_ABOUT_OWN = re.compile(r"\bwegen (?:dem|der|des|den|mein\w*|unser\w*) ", re.IGNORECASE)  # "… Wasserhahn morgen"
_GOES_INSTEAD = re.compile(
    r"\b(?:geht|ginge|passt)(?: (?:das|es|der|die))? (?:vielleicht |denn )?auch\b[^.!]*\?", re.IGNORECASE
)
_MAY_CHANGE_BOOKED = {None, Intent.APPOINTMENT, Intent.GOODBYE}
_ELSE = re.compile(r"\bsonst\b(?! noch)", re.IGNORECASE)  # "sonst immer", not "Wann hätten Sie sonst noch was?"
_MOVES = re.compile(r"\b(?:ändern|verschieben|verlegen|umbuchen|besser)\b", re.IGNORECASE)
_MAY_CHECK = re.compile(r"\b(?:Moment|warten Sie|nicht)\b", re.IGNORECASE)  # "Moment, habe ich jetzt Dienstag um vier?"
_FROM_THE_OLD = re.compile(  # a new time that is counted from what is offered: "am Tag danach"
    r"\b(?:danach|davor|darauf|(?:gleiche|selbe)[nr]? (?:Uhrz|Z)eit)\b", re.IGNORECASE
)
_CANCEL, _MOVE = TOOL_OF_CHANGE[Intent.CANCEL], TOOL_OF_CHANGE[Intent.MOVE]
_WANTS_NEW = re.compile(  # and no change: "Nein, der soll bleiben, ich möchte einen neuen Termin"
    r"\b(?:möchte|brauche|bräuchte|will|wollte|hätte)\b[^.?!]*\b(?:einen|nen) (?:neuen|zusätzlichen|weiteren|extra) termin",
    re.IGNORECASE,
)
_ASKS_OF_IT = re.compile(
    r"^\W*(?:(?:und|aber|oh|moment)\W+)*(?:ist|wäre|war) (?:das|es|der)\b.*\?", re.IGNORECASE
)  # "… noch rechtzeitig?"
_ASKS_END = re.compile(
    r"\bwann (?:bin|wäre) ich (?:\w+ )?fertig\b|\b(?:bis|um) wann (?:geht|dauert) (?:das|es|der)\b"
    r"|\bwann ist (?:das|der Termin|es) zu Ende\b",
    re.IGNORECASE,
)
_OTHER_ONE = re.compile(  # "Den am Donnerstag, nein, den am Dienstag meine ich."
    r"\b(?:nein|nee|quatsch|sondern)\b\W*(?!.*\b(?:behalt\w*|brauch\w*|bleib\w*|lass\w*|nicht)\b)"
    r"(?P<which>(?:ich meine?\s+)?de[nr]\b.+)",
    re.IGNORECASE | re.DOTALL,
)


def hear_change_of_mind(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Move the appointment that this call has just booked, or moved, unless the caller has asked for a further one since.

    It is moved by who corrects it ("ich meinte den 14."). Who names a time and no more ("Um neun."), or asks for one, may mean
    something else, and is asked first. No function moves it to another person or into another branch.
    """
    corrects = bool(CORRECTS.search(sentence.text))
    may_change = sentence.intent in _MAY_CHANGE_BOOKED or (corrects and sentence.intent is Intent.MOVE)
    is_corrected = sentence.intent in {None, Intent.MOVE} and corrects and not wants_further(sentence, "")
    appointment = memory.booked or (memory.moved if is_corrected else "")
    is_free = bool(appointment) and not (memory.wants_further or memory.change.tool or memory.offers)
    if is_free and _SEE_YOU.match(sentence.text) and sentence.when and not corrects:
        return Turn(memory, phrases.GOODBYE)
    if not (is_free and may_change) or sentence.checks or not (corrects or _is_about_booked(agent, memory, sentence)):
        return Turn(memory)
    named = {"appointment_id": appointment}
    if sentence.branch and corrects:
        return Turn(replace(memory, change=Change(_CANCEL, args=named, to_confirm=named)), phrases.OTHER_BRANCH)
    if sentence.staff and not names_person(memory.booked_offer, sentence.staff):
        return Turn(memory, phrases.IMPOSSIBLE, phrases.SAME_PERSON.format(sentence.staff))
    is_other_service = bool(sentence.services) and sentence.service != memory.booked_service
    is_counted = not sentence.when or SAME_TIME.search(sentence.text)
    counted = find_counted_move(memory, sentence)[0] if is_counted else {}
    if not (sentence.when or counted) or is_other_service or _gives_up(agent, memory, sentence):
        return Turn(memory)
    when = {**sentence.when, **counted}
    if sentence.unplaced and not counted:
        return not_placed(memory, sentence.unplaced, sentence.text)
    memory = replace(memory, change=Change(_MOVE, args=named), requested_time=when)
    is_correction = CORRECTS.search(_MAY_CHECK.sub("", sentence.text)) and not sentence.is_question
    if _MOVES.search(sentence.text) or is_correction:
        return call(agent, memory, _MOVE, {**named, **when})
    asked = replace(memory, change=replace(memory.change, asked_about=appointment))
    return Turn(asked, phrases.MOVE_BOOKED.format(", ".join(when.values())))


def _is_about_booked(agent: CalledAgent, memory: Memory, sentence: Sentence) -> bool:
    """Return whether a sentence that corrects nothing can only be about what is booked: "Um neun.", "Geht auch Freitag?"."""
    if _IS_THAT_SO.search(sentence.text) or sentence.services:
        return False
    is_same = memory.details.get("service", "") == memory.booked_service  # which a question about prices changes
    says_little = not says_more(sentence, agent.catalogue, FILLERS)
    return is_same and (says_little or (is_wish(sentence) and not _ANY_FREE.search(sentence.wanted)))


def note_further(memory: Memory, sentence: Sentence) -> Memory:
    """Return the memory with whether a further appointment is asked for, if this call has booked one."""
    is_second = memory.wants_two and bool(sentence.when) and not CORRECTS.search(sentence.text)
    is_wanted = bool(memory.booked) and (is_second or wants_further(sentence, memory.booked_service))
    for_two = sentence.for_several and sentence.intent not in {*TOOL_OF_CHANGE, *PASSED_ON, *TOPICS}
    wants_two = (memory.wants_two and not is_wanted) or sentence.wants_several or for_two
    is_other = bool(sentence.services) and sentence.service != memory.details.get("service")
    declines = memory.offers and sentence.no and not (sentence.when or sentence.staff)
    if is_wanted and is_other and memory.is_person_declined:  # not "Noch einen früheren?"
        memory = memory.take_person_back()
    elif declines and memory.replaced_name is not None:
        memory = replace(memory, is_person_declined=True)
    return replace(memory, wants_further=memory.wants_further or is_wanted, wants_two=wants_two)


def refuse_second(agent: CalledAgent, before: Memory, memory: Memory, turn: Turn, sentence: Sentence) -> Turn:
    """Return the turn, or the question what is meant where it looks for, or books, a second appointment that nobody asked for.

    `memory` has what the sentence asks for, `before` has not. A question for which nothing is called asks for no appointment, and
    one without a word that asks for one ("Kann ich die Reifen bei Ihnen einlagern?") is about the business.
    """
    is_new = isinstance(turn.reaction, ToolCall) and turn.reaction.name in {"check_availability", "book_appointment"}
    if memory.booked and not memory.wants_further and is_new:
        asks_little = sentence.is_question and not (sentence.when or _ANY_FREE.search(sentence.wanted))
        if asks_little and not is_wish(sentence) and INFORMATION in agent.tools:
            answered = call(agent, memory, INFORMATION, {"topic": "other", "question": sentence.text})
            return replace(answered, remark=phrases.NOT_UNDERSTOOD.format(sentence.text))
        if before.question == phrases.CHANGE_OR_FURTHER and _MOVES.search(sentence.text) and sentence.services:
            named = {"appointment_id": memory.booked}
            change = Change(_CANCEL, args=named, to_confirm=named)
            return Turn(replace(memory, change=change, question=""), phrases.OTHER_SERVICE)
        asked = replace(memory, question=phrases.CHANGE_OR_FURTHER)  # which a yes does not answer
        return Turn(asked, phrases.CHANGE_OR_FURTHER, phrases.NO_SECOND.format(sentence.text))
    if sentence.is_question and isinstance(turn.reaction, str):  # "Kann ich danach gleich Sport machen?"
        return replace(turn, memory=replace(turn.memory, wants_further=before.wants_further))
    return turn


def say_cancellation(agent: CalledAgent, memory: Memory, sentence: Sentence) -> str:
    """Return a sentence; that of who cannot come, and wants nothing else, with the words that make it a cancellation."""
    clauses = re.split(r"[,.;:!?]+\s*", Times(sentence.text.rstrip(" .!")).marked)
    if sentence.is_question or not _ENDS_WITH_NOT.search(clauses[-1]) or not _gives_up(agent, memory, sentence):
        return sentence.text
    return f"{sentence.text.rstrip(' .!')}, ich kann nicht kommen." if _GIVES_UP.search(clauses[-1]) else sentence.text


def hear_giving_up(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Call nothing for who cannot come and names another time, which may be that of a move: a new appointment is a second one."""
    if not _gives_up(agent, memory, sentence):
        return Turn(memory)
    times = Times(sentence.text)
    given_up = " ".join(["den Termin", *(f"am {times.unmark(mark)}" for mark in re.findall(MARK, times.marked)[:1])])
    memory = replace(memory, given_up=" ".join([given_up, *sentence.services]), question=phrases.CANCEL_OR_MOVE)
    return Turn(memory, phrases.CANCEL_OR_MOVE, phrases.NO_CHANGE.format(sentence.text))


def name_given_up(memory: Memory, text: str) -> str:
    """Return the answer to "absagen oder verschieben?" with the appointment that was named before: "Den Termin am Samstag absagen".

    Another time ("Geht auch Donnerstag?") is one to which it is moved.
    """
    if not memory.given_up or memory.question != phrases.CANCEL_OR_MOVE:
        return text
    intent = find_intent(text)
    if intent is Intent.CANCEL or CANCELS.fullmatch(text):
        return f"{memory.given_up} absagen"
    new = Times(text).marked
    moves = intent is Intent.MOVE or _MOVES.search(text) or re.search(MARK, new) or SAME_TIME.search(text)
    if not moves or intent not in {None, Intent.MOVE, Intent.APPOINTMENT}:
        return text
    return f"{memory.given_up} verschieben, {text.strip()}"


def _gives_up(agent: CalledAgent, memory: Memory, sentence: Sentence) -> bool:
    """Return whether a sentence is about an appointment that there is, and about no time that this call looks for.

    Who names a service beside it, or a time before it, wants a new one: "Am Dienstag, bitte, am Montag kann ich leider nicht".
    """
    is_searching = memory.last_call is not None and memory.last_call.name in SEARCHES
    is_busy = is_searching or memory.offers or memory.change.tool or memory.message or memory.is_name_asked
    is_own = sentence.intent is None or (sentence.intent is Intent.APPOINTMENT and _OWN.search(sentence.text))
    if is_busy or not is_own:
        return False
    marked = Times(sentence.text).marked
    if (ill := _IS_ILL.search(marked)) and agent.catalogue.find_services(ill["what"]):
        return True
    clauses = re.split(r"[,.;:!?]+", marked)
    at = next((number for number, clause in enumerate(clauses) if _GIVES_UP.search(clause)), None)
    is_about_it = _ABOUT_OWN.search(sentence.text) and _GOES_INSTEAD.search(sentence.text)
    is_at_other = at is not None and _AT_OTHER_TIME.search(clauses[at]) and not is_about_it
    if at is None or is_at_other or _ELSE.search(sentence.text):
        return False
    if is_about_it:
        return True
    before, others = ", ".join(clauses[:at]), ", ".join((*clauses[:at], *clauses[at + 1 :]))
    wants_time = re.search(MARK, before) and not _OWN.search(before)
    wants_service = agent.catalogue.find_services(others) and not _GOES_TOO.search(others)
    return not (wants_time or wants_service)


def moves_into_branch(sentence: Sentence) -> bool:
    """Return whether a sentence asks to move an appointment into a branch; into the one that was called it comes from another."""
    return sentence.intent is Intent.MOVE and bool(_INTO.search(sentence.text))


def hear_move_elsewhere(_: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Offer a message to who wants an appointment moved into another branch, or to another person, which no function does."""
    is_own = sentence.intent is Intent.MOVE or bool(_OWN.search(sentence.text))
    if sentence.staff and sentence.intent is not Intent.MOVE and is_own and _TO_OTHER.search(sentence.text):
        return Turn(memory, phrases.IMPOSSIBLE, phrases.SAME_PERSON.format(sentence.staff))
    if not (sentence.branch and is_own and _INTO.search(sentence.text)):
        return Turn(memory)
    return Turn(replace(memory, is_message_offered=True, unanswered=(sentence.text,)), phrases.NO_BRANCH_MOVE)


def hear_question_for_end(_: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Say until when the appointment lasts that this call has booked, after "Und wann bin ich fertig?"."""
    is_free = memory.booked and memory.booked_until and not (memory.offers or memory.change.tool or memory.message)
    if not (is_free and _ASKS_END.search(sentence.text)) or sentence.services or sentence.when:
        return Turn(memory)
    end = datetime.fromisoformat(memory.booked_until)
    return Turn(memory, phrases.ENDS_AT.format(f"{end.hour} Uhr{f' {end.minute}' if end.minute else ''}"))


def hear_question_of_change(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Say again what a cancellation asks, after a question that is not about the appointment: "Ist das noch rechtzeitig?"."""
    is_beside = memory.change.tool == _CANCEL and memory.question and _ASKS_OF_IT.search(sentence.text)
    if not is_beside or sentence.intent is not None or checks_appointment(sentence, agent.catalogue):
        return Turn(memory)
    return Turn(memory, memory.question, phrases.NOT_UNDERSTOOD.format(sentence.text))


def drop_unwanted_change(_: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Forget a move or a cancellation that was not meant: "Nein, der soll bleiben, ich möchte einen neuen Termin"."""
    is_meant = memory.change.tool is None or memory.change.to_confirm or not _WANTS_NEW.search(sentence.text)
    return Turn(
        memory if is_meant else replace(memory, change=Change(), requested_time={}, offers=(), wants_further=True)
    )


def hear_change(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Find, move or cancel appointments of the caller, unless the sentence is about a new appointment."""
    checks = sentence.checks or bool(_IS_THAT_SO.search(sentence.text))
    is_free = bool(memory.booked or memory.moved) and not memory.offers and sentence.intent is None
    checks_booked = is_free and checks and checks_appointment(sentence, agent.catalogue)
    if sentence.intent is Intent.LIST or checks_booked:
        is_known = "find_appointments" in agent.tools
        return call(agent, memory, "find_appointments") if is_known else cannot(memory, "lists appointments")
    change = memory.change
    if sentence.intent in TOPICS or sentence.intent is Intent.AI:
        return Turn(memory)
    if tool := _find_tool(memory, sentence):
        if tool not in agent.tools:
            return cannot(memory, "moves appointments" if tool == _MOVE else "cancels appointments")
        memory = _begin(memory, tool)
    elif change.tool is None:
        return Turn(memory)
    elif change.to_confirm and (sentence.yes or sentence.no) and not sentence.is_question:
        return _confirm(agent, memory, sentence)
    elif drops_change(sentence, is_time_offered=bool(memory.offers)):
        return give_up(memory)
    elif not change.appointments and (sentence.services or sentence.unknown_service):
        return Turn(replace(memory, change=Change()))
    if memory.change.tool == _CANCEL:
        turn = _find_named(agent, memory, sentence, sentence.text)
        return turn if turn.reaction else call(agent, turn.memory, _CANCEL, turn.memory.change.args)
    return _hear_move(agent, memory, sentence)


def _find_tool(memory: Memory, sentence: Sentence) -> str | None:
    """Return the function of a change that begins with the sentence; another time instead of a cancellation begins a move."""
    is_instead = sentence.when and not sentence.yes and _INSTEAD.search(sentence.text)
    confirms = memory.change.to_confirm and sentence.yes and not (sentence.no or sentence.when)
    if sentence.intent and not (confirms and sentence.intent is Intent.CANCEL):  # "Ja, bitte absagen" begins no other
        return TOOL_OF_CHANGE.get(sentence.intent)
    return _MOVE if memory.change.tool == _CANCEL and is_instead else None


def _begin(memory: Memory, tool: str) -> Memory:
    """Return the memory with a new change; it is of the appointment that the function has just asked about, if there is one."""
    change = Change(tool, appointments=memory.change.appointments, args=memory.change.to_confirm)
    return replace(memory, change=change, requested_time={}, offers=())


def _confirm(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Cancel the appointment that the function has asked about; a move asks about it, too, where it is not possible."""
    change = memory.change
    if sentence.yes and not sentence.no:
        memory = replace(memory, change=replace(change, tool=_CANCEL))
        return call(agent, memory, _CANCEL, {**change.to_confirm, "confirmed": True})
    other = _OTHER_ONE.search(sentence.text)
    if other and read_sentence(other["which"], agent.catalogue).when:  # not this one
        memory = replace(memory, change=Change(change.tool, appointments=change.appointments))
        turn = _find_named(agent, memory, sentence, other["which"])
        return turn if turn.reaction else call(agent, turn.memory, str(change.tool), turn.memory.change.args)
    return Turn(replace(memory, change=Change(), question=""), phrases.KEPT)


def _hear_move(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    change = memory.change
    if change.asked_about and sentence.no and not sentence.yes and not sentence.when:
        return give_up(memory)
    if change.asked_about and sentence.yes and not sentence.no:
        change = replace(change, args={"appointment_id": change.asked_about})
        memory = replace(memory, change=change)
    if memory.offers and not sentence.when and sentence.no:
        return Turn(memory.forget_time(sentence.rejected), phrases.ASK_TIME)
    chosen = find_chosen_offer(agent, memory, sentence)
    if memory.offers and chosen is None and sentence.yes and not sentence.when:
        if len(memory.offers) > 1:
            return Turn(memory, ask_which(memory.offers))
        chosen = memory.offers[0]
    if chosen:
        return call(agent, memory, _MOVE, {**change.args, "start": chosen["start"]})
    counted, text = find_counted_move(memory, sentence)
    which, new = ("", text) if memory.offers else split_at_new_time(text)
    if (
        change.appointments
        and not change.args
        and not which
        and not counted
        and choose(change.appointments, sentence, agent.now)
    ):
        which, new = sentence.text, ""
    memory = memory.forget_time(sentence.rejected)
    wanted = read_sentence(new, agent.catalogue)
    searched = exclude(wanted.when, wanted.exclusions)
    if unplaced := _find_unplaced(sentence, new, wanted, is_placed=bool(searched or counted)):
        return not_placed(memory, unplaced, sentence.text)
    day = name_offered_day(memory.offers, wanted.when.get("date"), "", agent.now)
    when = {**(searched if wanted.when and searched else {}), **day, **counted}
    replaced = when.keys() & {"time", "part_of_day"} and ("time", "part_of_day")  # "Freitag Nachmittag", then "um neun"
    memory = memory.forget_time(replaced)
    memory = replace(memory, requested_time={**memory.requested_time, **when})
    turn = _find_named(agent, memory, sentence, which)
    args = {**turn.memory.change.args, **turn.memory.requested_time}
    return turn if turn.reaction else call(agent, turn.memory, _MOVE, args)


def _find_unplaced(sentence: Sentence, new: str, wanted: Sentence, *, is_placed: bool) -> str:
    """Return the words for a new time that no argument takes; "" if there are none. `wanted` is what `new` says."""
    if not wanted.when:
        return "" if is_placed else find_counted(sentence.text)
    relative = _FROM_THE_OLD.search(new)
    is_lost = "" if is_placed else quote(wanted.exclusions)
    return relative[0] if relative else wanted.unplaced or wanted.rejected_clock or is_lost


def find_counted_move(memory: Memory, sentence: Sentence) -> tuple[dict[str, str], str]:
    """Return the new time of a move that is counted from the appointment, and the rest of the sentence; of what is offered nothing
    is counted.
    """
    is_of_booked = bool(memory.booked or memory.moved) and not memory.wants_further and memory.change.tool is None
    moves = sentence.intent is Intent.MOVE or (
        sentence.intent is None and (is_of_booked or memory.change.tool == _MOVE)
    )
    return ({}, sentence.text) if memory.offers or not moves else take_counted(sentence.text)


def _find_named(agent: CalledAgent, memory: Memory, sentence: Sentence, which: str) -> Turn:
    """Find the appointment that is named by `which`, a part of the sentence, or ask for it. No reaction if nothing is missing.

    A service is what the appointment is for, wherever it is said in the sentence that asks for the change.
    """
    if sentence.services and sentence.intent in TOOL_OF_CHANGE and not agent.catalogue.find_services(which):
        which = f"{which} {', '.join(sentence.services)}"
    change, named = memory.change, read_sentence(which, agent.catalogue)
    is_listed = "find_appointments" in agent.tools
    if is_listed and not named.services and (unknown := _unknown_service(sentence)):
        return call(agent, replace(memory, change=replace(change, named=unknown)), "find_appointments")
    if change.appointments:
        return _find_listed(agent, memory, sentence, which)
    when = {f"appointment_{name}": words for name, words in named.when.items()}
    if not (named.services and is_listed) and when.keys() & agent.schema(str(change.tool)).get("properties", {}).keys():
        return Turn(replace(memory, change=replace(change, args=when)))
    if (when or named.services or named.staff) and is_listed:
        return call(agent, replace(memory, change=replace(change, named=which)), "find_appointments")
    return Turn(memory)


def _find_listed(agent: CalledAgent, memory: Memory, sentence: Sentence, which: str) -> Turn:
    """Find the appointment that is named by `which` among those that were listed, or ask for it."""
    change, named = memory.change, read_sentence(which, agent.catalogue)
    chosen = choose(change.appointments, named, agent.now)
    accepts = sentence.yes and not sentence.no and not sentence.services
    if chosen is None and len(change.appointments) == 1 and accepts:
        chosen = change.appointments[0]
    if chosen:
        change = replace(change, args={"appointment_id": chosen["appointment_id"]})
    elif accepts and len(change.appointments) > 1 and not (named.when or named.staff):
        return Turn(memory, phrases.ASK_APPOINTMENT)
    elif not change.args and named.services:
        if sentence.intent is None or "find_appointments" not in agent.tools:
            return Turn(memory, phrases.ASK_APPOINTMENT)
        return call(agent, replace(memory, change=replace(change, named=which)), "find_appointments")  # for new ones
    elif not change.args and sentence.intent is None and not named.when:
        return Turn(memory, phrases.ASK_APPOINTMENT, phrases.NOT_UNDERSTOOD.format(sentence.text))
    return Turn(replace(memory, change=change))


def _unknown_service(sentence: Sentence) -> str | None:
    """Return what the appointment to change is for, if that is no service of the catalogue: "den Termin zum Baden"."""
    noun = sentence.unknown_service if sentence.intent in TOOL_OF_CHANGE else None
    is_purpose = noun and re.search(rf"\b(?:zum|zur|fürs)\s+{re.escape(noun)}\b", sentence.text)
    return noun if is_purpose else None
