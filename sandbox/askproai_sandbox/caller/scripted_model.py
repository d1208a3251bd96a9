"""The demo's agent: turns what was read in a caller's sentences into the function calls that a language model would make.

It is a table of rules, no language model: docs/demo-agent.md says what it understands. When it does not understand, `remark` has
the reason.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from askproai_sandbox.caller import phrases
from askproai_sandbox.caller.agreement import hear_condition
from askproai_sandbox.caller.answers import learn_answer
from askproai_sandbox.caller.appointment_changes import (
    drop_unwanted_change,
    find_counted_move,
    hear_change,
    hear_change_of_mind,
    hear_giving_up,
    hear_move_elsewhere,
    hear_question_for_end,
    hear_question_of_change,
    moves_into_branch,
    name_given_up,
    note_further,
    refuse_second,
    say_cancellation,
)
from askproai_sandbox.caller.beside_yes import keep_chosen, split_beside_yes, take_name_of_turn
from askproai_sandbox.caller.catalogue import Catalogue
from askproai_sandbox.caller.change import TOOL_OF_CHANGE
from askproai_sandbox.caller.choice import ask_again, ask_which, find_common_time, find_ordinal
from askproai_sandbox.caller.corrections import find_people
from askproai_sandbox.caller.email_address import EMAIL
from askproai_sandbox.caller.goodbye import hear_goodbye
from askproai_sandbox.caller.intent import Intent
from askproai_sandbox.caller.memory import (
    INFORMATION,
    SEARCHES,
    CalledAgent,
    Memory,
    Turn,
    call,
    cannot,
    loose_name,
    not_placed,
)
from askproai_sandbox.caller.message import offers_transfer
from askproai_sandbox.caller.name_answer import SPELLED_HOW, name_day_names, read_names, take_birth_date, take_name
from askproai_sandbox.caller.new_appointment import (
    hear_birth_date,
    hear_booking,
    hear_companions,
    hear_email,
    hear_open_choice,
    hear_question_about_offers,
    hear_together,
    hear_unwanted_service,
    hear_who_is_first,
    repeat_with_branch,
)
from askproai_sandbox.caller.questions import (
    hear_further_question,
    hear_question,
    is_known_question,
    read_while_cancelling,
)
from askproai_sandbox.caller.record import ToolCall
from askproai_sandbox.caller.rejected_people import ask_for_other, leave_out
from askproai_sandbox.caller.remarks import (
    asks_advice,
    find_remark,
    find_remark_on_rest,
    find_rest,
    is_no_wish,
    is_wish,
    says_more,
    tells_what_was,
)
from askproai_sandbox.caller.sentence import Sentence, drop_closed_day, read_first_appointment, read_sentence
from askproai_sandbox.caller.spoken_time import Times, name_hours
from askproai_sandbox.caller.team_requests import (
    can_take_back,
    give_up,
    hear_number,
    hear_refusal,
    hear_request,
    hear_what_nothing_does,
    take_back,
)
from askproai_sandbox.caller.words import FILLERS, SAME_TIME, correct_answer, join_spelling

_REPEAT = re.compile(
    r"^\W*(?:wie )?bitte\s*\?|\bwiederholen\b|\bnicht (?:ganz |richtig |so )?verstanden\b|\bnoch ?mal (?:sagen|bitte)\b",
    re.IGNORECASE,
)
_FILLS = re.compile(r"\bwissen Sie was\b(?!,? (?:das|ein|die|der))[,:]?\s*", re.IGNORECASE)
_TAKES = re.compile(  # an offer: "Nein, schon gut, wir nehmen den Termin", "Ja, tragen Sie das bitte ein"
    r"^(?!.*\b(?:nicht|kein\w*)\b).*\b(?:nehm(?:e|en)?|trag(?:en|e)?|eintragen|buch(?:en|e)?|machen wir|passt)\b",
    re.IGNORECASE,
)
_ANSWER = re.compile(r"\W*(?:ja|jo|nein|nee|okay|ok|gut|genau|danke)\b", re.IGNORECASE)
_MAY_BE_WISH = re.compile(r"\b(?:frei|Termine?|Zeit|Platz|(?:vorbei|dran)kommen|buchen)\b")  # for an appointment
_WITHOUT_ONE = re.compile(r"\bohne (?:einen )?Termin\b", re.IGNORECASE)
_FINDS = "find_appointments"
_SAYS_WHAT = re.compile(r"(?<=\w )[A-ZÄÖÜ](?!hnen|ie\b|hr)|(?:\w+\W+){6}")  # by a noun, or by many words
_ASKS_INDIRECTLY = re.compile(  # "Ich wollte fragen, ob ihr auch Welpen nehmt."
    r"\b(?:fragen|wissen|hören),? (?:ob|wie|wo|was|wann|wer|warum|welche\w*)\b", re.IGNORECASE
)
_MEANS_OTHER = re.compile(r"\bich mein(?:e|te)?\b|\bda müsste\b", re.IGNORECASE)  # something else than another time
_LEAVES = re.compile(r"\b(?:lassen Sie|bleib\w*|behalte)\b", re.IGNORECASE)
_BOOKS = "book_appointment"
_SEE_YOU = re.compile(  # "Okay, dann bis Donnerstag!" takes what is offered on that day
    r"^(?!.*\b(?:nur|aber|nicht)\b)(\W*(?:ja|okay|ok|gut|super|prima|alles klar|dann)\b.*)\bbis (?=(?:\w+tag|morgen)\W*$)",
    re.IGNORECASE,
)
_NOT_COME = re.compile(r"\bnicht kommen\b", re.IGNORECASE)
_INSTEAD_OF = re.compile(
    r"\b(?:an)?statt (?:am )?(?:\w+tag|Mittwoch|Sonnabend|heute|morgen|übermorgen)\b", re.IGNORECASE
)
_NO_WISH = frozenset({  # of who has not said yet what is wanted: "Hallo? Hören Sie mich?"
    "hallo", "moment", "mal", "sekunde", "augenblick", "äh", "ähm", "hm", "ja", "also", "so", "halt", "hören", "hört", "sie",
    "mich", "man", "ist", "da", "jemand",
})  # fmt: skip
_FEWEST_WORDS = 3  # of a sentence that says enough to pass it on
_Rule = Callable[[CalledAgent, Memory, Sentence], Turn]


class ScriptedModel:
    """Remembers what was said and offered in one call, as the context of a language model would.

    `tools` are those that the LLM's version declares, `catalogue` is what its prompt names, `greeting` its first message. `now`
    (aware) is the start of the call, from which a caller counts days.
    """

    def __init__(
        self,
        tools: Mapping[str, Mapping[str, Any]],
        user_number: str,
        catalogue: Catalogue | None = None,
        greeting: str = "",
        now: datetime | None = None,
    ) -> None:
        self._agent = CalledAgent(tools, user_number, catalogue or Catalogue(), greeting, now)
        self._memory = Memory(is_transfer_offered=offers_transfer(greeting))
        self.remark: str | None = None  # what the demo's agent itself could not do with the last sentence

    def hear(self, text: str) -> ToolCall | str:
        """Return the reaction to a sentence: a tool call, or what the agent says."""
        turn = hear_sentence(self._agent, self._memory, text)
        self._memory, self.remark = turn.memory, turn.remark
        return turn.reaction or phrases.HELP

    def learn(self, answer: Any) -> ToolCall | str | None:
        """Take a tool's answer, and return what follows without a word of the caller: a call, or a question after the answer."""
        if not isinstance(answer, dict):
            return None
        turn = learn_answer(self._agent, self._memory, answer)
        self._memory = turn.memory
        return turn.reaction

    def take_up(self) -> ToolCall | str | None:
        """Return the reaction to what else was said with a yes, once that is booked or cancelled; else None."""
        text = self._memory.to_pass_on
        if not text or not self._memory.has_just_done:
            return None
        self._memory = replace(self._memory, to_pass_on="")
        return self.hear(text)


def hear_sentence(agent: CalledAgent, memory: Memory, text: str) -> Turn:
    """Read a sentence, and return the reaction of the first rule that has one. Pure."""
    is_spelled = _is_spelled(text)
    text = _prepare(agent, memory, text)
    if memory.offers or memory.is_name_asked:
        born, text = take_birth_date(text)
        memory = memory.note(birth_date=born or None)
    text, memory, question = split_beside_yes(agent, memory, text)
    memory = memory if question else keep_chosen(agent, memory, text)
    memory = replace(memory, has_just_done=False)
    text = name_given_up(memory, say_cancellation(agent, memory, read_sentence(text, agent.catalogue)))
    sentence = take_name_of_turn(agent, memory, _read(agent, memory, text))
    is_here = agent.catalogue.branches == (sentence.branch,) and not memory.requested_time.get("branch")
    if is_here and not moves_into_branch(sentence):
        sentence = replace(sentence, branch=None)  # the call is there already
    last = memory.last_call and memory.last_call.name
    if TOOL_OF_CHANGE[Intent.CANCEL] in {memory.change.tool, last}:
        sentence = read_while_cancelling(sentence)
    remark = _find_remark_before(agent, memory, sentence)
    if memory.change.tool is None and sentence.intent not in TOOL_OF_CHANGE:
        able = agent.catalogue.find_able(sentence.service or memory.details.get("service") or "")
        sentence, rejected, of_rejected = ask_for_other(sentence, agent.catalogue.staff, memory.rejected_people, able)
        remark = remark or of_rejected
        memory = replace(memory, rejected_people=rejected, offers=leave_out(memory.offers, rejected))
    before, memory = memory, note_further(memory, sentence)
    turn = _react(agent, memory, sentence)
    if turn.reaction is None:
        turn = Turn(turn.memory, phrases.HELP, turn.remark)
    turn = _place_all(memory, turn, sentence)
    if is_no_wish(before, turn, sentence, agent.catalogue):
        turn = _not_understood(memory, sentence)
    turn = refuse_second(agent, before, memory, turn, sentence)
    turn = turn if is_spelled else _ask_first(agent, memory, turn, sentence)
    turn = replace(turn, memory=_note_unanswered(turn, sentence))
    is_answered = isinstance(turn.reaction, ToolCall) and turn.reaction.name == INFORMATION
    if is_answered and remark == phrases.NOT_UNDERSTOOD.format(sentence.text):
        remark = None
    remark = (
        turn.remark
        or _find_remark_on_waiting(before, turn)
        or remark
        or find_remark_on_rest(agent, turn, sentence, question)
    )
    turn = _offer_to_pass_on(agent, replace(turn, remark=remark), sentence)
    if isinstance(turn.reaction, ToolCall) and turn.reaction.name not in agent.tools:
        return _refuse_unknown(agent, turn.memory, turn.reaction)
    return turn


def _prepare(agent: CalledAgent, memory: Memory, text: str) -> str:
    """Return a sentence as it is read, by its place in the call: "neun" after the question for a time is "um neun"."""
    text = name_hours(_FILLS.sub("", drop_closed_day(text)), asked="wie viel Uhr" in memory.question)
    if memory.is_name_asked or (memory.offers and not _names_known(agent, text)):
        text = correct_answer(SPELLED_HOW.sub("", text) if memory.is_name_asked else text)
    if memory.offers and memory.change.tool is None:  # it rejects what is offered, and cancels nothing
        text = text if memory.is_name_asked else name_day_names(text, agent.catalogue)
        text = _SEE_YOU.sub(r"\1", _NOT_COME.sub("nicht", _INSTEAD_OF.sub("", text)))
    offered = find_common_time(memory.offers)
    return SAME_TIME.sub(offered, text) if offered else text


def _names_known(agent: CalledAgent, text: str) -> bool:
    """Return whether a text names a service, somebody of the team or a time, which are no names of callers."""
    catalogue = agent.catalogue
    return bool(catalogue.find_services(text) or find_people(text, catalogue) or Times(text).marked != text)


def _find_remark_before(agent: CalledAgent, memory: Memory, sentence: Sentence) -> str | None:
    """Return the remark on what no function can do of a sentence, where it is asked for in this call."""
    if memory.message or is_known_question(agent, sentence):
        return None
    if find_counted_move(memory, sentence)[0]:
        sentence = replace(sentence, is_shift=False)
    return find_remark(sentence, takes_companions=agent.takes_companions and not memory.booked)


def _find_remark_on_waiting(before: Memory, turn: Turn) -> str | None:
    """Return the remark that a waiting list was asked for, and is not joined because no name was said."""
    is_joined = isinstance(turn.reaction, ToolCall) and turn.reaction.name == "join_waitlist"
    return phrases.NOT_JOINED if before.is_joining and not (turn.memory.is_joining or is_joined) else None


def _read(agent: CalledAgent, memory: Memory, text: str) -> Sentence:
    """Read a sentence; beside the name that was asked for a word of a service asks for none: "Für mein Kind, Mia Peters"."""
    sentence = read_first_appointment(text, agent.catalogue)
    is_word = memory.accepted_offer is not None and not agent.catalogue.names_in_full(text)
    return replace(sentence, services=()) if is_word else sentence


def _react(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Return the reaction of the first rule that has one; each rule gets what the ones before it remember."""
    turn = Turn(memory)
    for rule in _RULES:
        turn = rule(agent, turn.memory, sentence)
        if turn.reaction is not None:
            break
    return turn


def _place_all(before: Memory, turn: Turn, sentence: Sentence) -> Turn:
    """Return the turn, or the question for a time where the call has not all of the time that a sentence says."""
    is_search = isinstance(turn.reaction, ToolCall) and turn.reaction.name in SEARCHES
    is_of_offers = bool(before.offers) or "time" in before.requested_time  # "Nicht um vier. Und am Donnerstag?"
    unplaced = sentence.unplaced or ("" if is_of_offers else sentence.rejected_clock)
    if not (is_search and unplaced):
        return turn
    memory = replace(turn.memory, requested_time=before.requested_time, last_call=before.last_call)
    return not_placed(memory, unplaced, sentence.text)


def _not_understood(memory: Memory, sentence: Sentence) -> Turn:
    answer = ask_again(memory.offers) if memory.offers else phrases.HELP
    return Turn(memory, answer, phrases.NOT_UNDERSTOOD.format(sentence.text))


def _is_spelled(text: str) -> bool:
    """Return whether a sentence spells a name or says an e-mail address: their words are in no list."""
    return bool(EMAIL.search(text)) or "mail" in text.casefold() or join_spelling(text) != text


def _ask_first(agent: CalledAgent, memory: Memory, turn: Turn, sentence: Sentence) -> Turn:
    """Return the turn, or the offer once more where the sentence that accepts it says something else, too."""
    called, is_accepted = turn.reaction, turn.reaction == phrases.ASK_NAME and memory.accepted_offer is None
    is_booked = isinstance(called, ToolCall) and called.name == _BOOKS
    if not (is_booked or is_accepted) or memory.is_email_asked or memory.are_companions_asked:
        return turn
    name = str(called.args.get("customer_name", "")) if isinstance(called, ToolCall) else ""
    named = called.args.get("companions", ()) if isinstance(called, ToolCall) else ()
    names = " ".join([name, *(str(each.get("customer_name", "")) for each in named)])
    rest = find_rest(sentence, names, agent.catalogue)
    start = turn.memory.last_call.args.get("start") if turn.memory.last_call else None
    offer = next((each for each in memory.offers if each["start"] == start), memory.accepted_offer)
    if not rest or offer is None:
        return turn
    kept = replace(memory, offers=(offer,), accepted_offer=None).note(customer_name=name or None)
    return Turn(kept, ask_again(kept.offers), phrases.ASKS_FIRST.format(rest, sentence.text))


def _note_unanswered(turn: Turn, sentence: Sentence) -> Memory:
    """Return the memory with a sentence that was not understood, to which the next one may refer: "Geben Sie das bitte weiter"."""
    if isinstance(turn.reaction, ToolCall) or turn.memory.message:
        return replace(turn.memory, unanswered=())
    is_lost = turn.remark == phrases.NOT_UNDERSTOOD.format(sentence.text)
    return replace(turn.memory, unanswered=(*turn.memory.unanswered, sentence.text)) if is_lost else turn.memory


def _offer_to_pass_on(agent: CalledAgent, turn: Turn, sentence: Sentence) -> Turn:
    """Return the turn, or for what it does not understand what a real model does: it asks the function, or offers a message."""
    is_lost = turn.reaction == phrases.HELP and turn.remark == phrases.NOT_UNDERSTOOD.format(sentence.text)
    is_question = "?" in sentence.text or bool(_ASKS_INDIRECTLY.search(sentence.text))
    wishes = (
        not asks_advice(sentence.text) and is_wish(sentence)
        if is_question
        else bool(_MAY_BE_WISH.search(sentence.text))
    )
    may_be_wish = wishes and not (tells_what_was(sentence.text) or _WITHOUT_ONE.search(sentence.text))
    if not is_lost or may_be_wish or len(sentence.text.split()) < _FEWEST_WORDS:
        return turn
    if is_question and INFORMATION in agent.tools:
        asked = call(agent, turn.memory, INFORMATION, {"topic": "other", "question": sentence.text})
        return replace(asked, memory=replace(asked.memory, unanswered=(sentence.text,)), remark=turn.remark)
    if "leave_message" not in agent.tools or not _SAYS_WHAT.search(sentence.text):
        return turn
    return Turn(replace(turn.memory, is_message_offered=True), phrases.OFFER_MESSAGE, turn.remark)


def _hear_english(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    if memory.message or is_known_question(agent, sentence):
        return Turn(memory)
    if sentence.asks_for_language:
        return Turn(memory, ask_again(memory.offers) if memory.offers else phrases.HELP)
    return Turn(memory, phrases.GERMAN_ONLY if sentence.is_english else None)


def _hear_repeat(_: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Say again what was offered or asked last."""
    last = ask_again(memory.offers) if memory.offers else memory.question
    is_free = memory.accepted_offer is None and memory.message is None and not memory.is_email_asked
    return Turn(memory, last if is_free and last and not sentence.when and _REPEAT.search(sentence.text) else None)


def _hear_question_about_found(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Look the caller's appointments up again, which are named with their people, after "Bei wem denn?"."""
    last = memory.last_call
    asks = sentence.intent is Intent.STAFF and not (sentence.services or sentence.when) and last is not None
    if asks and memory.done == TOOL_OF_CHANGE[Intent.MOVE] and _FINDS in agent.tools:
        return call(agent, memory, _FINDS)
    return call(agent, memory, _FINDS, last.args) if asks and last and last.name == _FINDS else Turn(memory)


def _hear_nothing_wanted(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    if sentence.intent is not Intent.NOTHING:
        return Turn(memory)
    leaves = memory.done == _BOOKS and _LEAVES.search(sentence.text)  # "Lassen Sie alles so"
    return take_back(agent, memory) if can_take_back(memory) and not leaves else give_up(memory)


def _hear_offer_after_aside(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Take the offer, which is still open, from who wants neither to be connected nor to leave a message after a question."""
    is_offered = memory.is_transfer_offered or memory.is_message_offered
    is_free = sentence.intent in {None, Intent.APPOINTMENT} and not sentence.is_question
    if not (memory.offers and memory.is_aside and is_offered and is_free):
        return Turn(memory)
    taken = replace(memory, is_transfer_offered=False, is_message_offered=False, is_aside=False)
    if _TAKES.search(sentence.text):
        return hear_booking(agent, taken, replace(sentence, yes=True, no=False))
    name = loose_name(agent, memory, sentence, asked=False)
    return Turn(taken.note(customer_name=name), ask_again(taken.offers)) if sentence.yes and name else Turn(memory)


def _hear_nothing_yet(_: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Ask what is wanted, at the beginning of a call, after who has not said it yet: "Äh, hallo? Ja, also, Moment mal."."""
    is_fresh = replace(memory, unanswered=()) == Memory()
    words = re.findall(r"\w+", sentence.text.casefold())
    is_nothing = bool(words) and all(word in _NO_WISH for word in words)
    return Turn(memory, phrases.HELP if is_fresh and is_nothing and not sentence.ends_call else None)


def _hear_yes_to_aside(_: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Ask what is wanted, after a yes to a question that was not whether to book or change."""
    is_yes = memory.is_aside and sentence.yes and not (sentence.no or sentence.when)
    wishes = sentence.intent is Intent.APPOINTMENT or sentence.services  # "Dann hätte ich gern eine Massage"
    is_yes = is_yes and not wishes
    return Turn(replace(memory, is_aside=False), phrases.HELP if is_yes else None)


def _hear_yes_to_new(_: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Ask when, after a yes to the question whether the caller wants a new appointment."""
    accepts = memory.is_new_offered and sentence.yes and not sentence.no
    return Turn(memory, phrases.ASK_WHEN if accepts else None)


def _find_booked_name(memory: Memory) -> str:
    """Return the name of the booking that this call has just made, or nothing."""
    return str(memory.last_call.args.get("customer_name", "")) if memory.last_call and memory.done == _BOOKS else ""


def _hear_other_name(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Offer to pass on a fuller name after a booking, which no function changes: "Ja bitte, auf Gertrud Schmitz"."""
    booked_as = _find_booked_name(memory)
    if not booked_as or memory.is_email_asked or memory.message or memory.wants_further:
        return Turn(memory)
    name = take_name(sentence, agent.catalogue, asked=True).name or ""
    if name == booked_as or booked_as.split()[-1] not in name.split():
        return Turn(memory)
    offered = replace(memory, is_message_offered=True)
    return Turn(offered, phrases.OFFER_MESSAGE, phrases.NOT_UNDERSTOOD.format(sentence.text))


def _hear_nothing_new(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Return the question back, or the goodbye, after a sentence that no rule follows."""
    not_understood = phrases.NOT_UNDERSTOOD.format(sentence.text)
    if memory.offers and sentence.is_question and not sentence.other_time:
        return Turn(memory, ask_again(memory.offers), not_understood)
    if memory.offers and (sentence.no or sentence.other_time):
        return Turn(memory, phrases.ASK_TIME, not_understood if _MEANS_OTHER.search(sentence.text) else None)
    if len(memory.offers) > 1 and find_ordinal(sentence) is not None:  # "die vierte" of three
        return Turn(memory, ask_which(memory.offers))
    if sentence.intent is Intent.GREETING:
        return Turn(memory, phrases.HELP)
    if sentence.intent is Intent.GOODBYE:
        return Turn(memory, phrases.GOODBYE)
    if memory.asked == "services" and (sentence.yes or sentence.no or sentence.name):
        return Turn(memory, phrases.ASK_SERVICE, not_understood if sentence.no else None)
    if memory.question and sentence.yes and not sentence.no:
        return Turn(memory, memory.question, phrases.NO_OFFER.format(sentence.text))
    booked_as = _find_booked_name(memory)
    if booked_as and sentence.name and sentence.name != booked_as:
        return Turn(memory, phrases.HELP, not_understood)  # the booked name is not changed
    if sentence.yes or sentence.no or sentence.name:
        asks_more = not _ANSWER.match(sentence.text) and says_more(sentence, agent.catalogue, FILLERS)
        names_several = sentence.yes and len(read_names(sentence.text)) > 1  # no offer is there to take them
        asks = sentence.is_question or _ASKS_INDIRECTLY.search(sentence.text)
        remark = not_understood if asks or asks_more or names_several else None
        return Turn(memory, phrases.MORE if memory.last_call and not asks else phrases.HELP, remark)
    return Turn(memory, ask_again(memory.offers) if memory.offers else phrases.HELP, not_understood)


def _refuse_unknown(agent: CalledAgent, memory: Memory, call: ToolCall) -> Turn:
    """Return the sentence instead of a function that the agent's version does not declare."""
    suspended = "" if "check_availability" in agent.tools else f" ({phrases.SUSPENDED})"
    turn = cannot(memory, f"is called {call.name}; it has: {', '.join(agent.tools) or 'none'}{suspended}")
    if not offers_transfer(agent.greeting):
        return turn
    return Turn(replace(memory, is_transfer_offered=True), agent.greeting, turn.remark)


_RULES: Final[tuple[_Rule, ...]] = (  # the first one with a reaction counts
    _hear_english,
    _hear_repeat,
    hear_goodbye,
    hear_together,
    _hear_nothing_yet,
    hear_number,
    _hear_question_about_found,
    _hear_other_name,
    _hear_offer_after_aside,
    hear_refusal,
    hear_what_nothing_does,
    hear_request,
    _hear_nothing_wanted,
    repeat_with_branch,
    hear_further_question,
    _hear_yes_to_aside,
    hear_who_is_first,
    hear_companions,
    hear_email,
    hear_birth_date,
    hear_question_about_offers,
    hear_change_of_mind,
    hear_move_elsewhere,
    hear_question_for_end,
    hear_question_of_change,
    drop_unwanted_change,
    hear_change,
    hear_question,
    hear_giving_up,
    hear_unwanted_service,
    hear_condition,
    hear_booking,
    hear_open_choice,
    _hear_yes_to_new,
    _hear_nothing_new,
)
