"""Read earlier questions, answers and names from the transcript of a call."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import dropwhile
from typing import Any, Final

from askproai_core.tenant_config import Function
from askproai_runtime.calls.payload import OngoingCall, Utterance
from askproai_runtime.conversation.arguments.companions import read_companions
from askproai_runtime.conversation.types import AskedChoice, SaidAppointments
from askproai_runtime.language.answer_words import Reply
from askproai_runtime.language.cancel_answers import (
    asks_again,
    asks_the_same,
    name_questions,
    says_more,
    speaks_of_cancelling,
)
from askproai_runtime.language.introductions import read_introduction
from askproai_runtime.language.replies import (
    ONE_BY_ONE,
    ONE_NAME,
    PhoneQuestion,
    Question,
    Replies,
    companions_key,
    details_key,
    heard_key,
    kept_key,
    meant_key,
    name_key,
    read_reply,
)
from askproai_runtime.person_names import same_name

_MOST_READ_FOR_SERVICE = 5_000  # characters; a service that was named before is named once more
_MOVE = Function.RESCHEDULE_APPOINTMENT.name.lower()
_JOIN = Function.JOIN_WAITLIST.name.lower()
_BOOK = Function.BOOK_APPOINTMENT.name.lower()
_INFORMATION = Function.BUSINESS_INFORMATION.name.lower()
_CHANGES = frozenset({_BOOK, Function.CANCEL_APPOINTMENT.name.lower(), _MOVE})
WRITES: Final = _CHANGES | {_JOIN, Function.LEAVE_MESSAGE.name.lower()}
_MOST_READ_SINCE = 500  # characters since the last answer


def last_answer_and_keys(call: OngoingCall) -> tuple[dict[str, Any], str]:
    """Return the last answer of a call function in this call (`{}` if none), and the telephone keys pressed since, in order."""
    keys = ""
    for utterance in reversed(call.transcript_with_tool_calls or ()):
        if utterance.role == "tool_call_result":
            return utterance.answer or {}, keys
        if utterance.role == "dtmf" and isinstance(utterance.digit, str | int):
            keys = f"{utterance.digit}{keys}"
    return {}, keys


def read_answers(call: OngoingCall) -> list[dict[str, Any]]:
    """Return the answers of functions in this call, oldest first."""
    return [each.answer for each in call.transcript_with_tool_calls or () if each.answer is not None]


@dataclass(slots=True)
class Exchange:
    """A request of a call function and its answer, with the caller's words (`said`) and the agent's own questions (`asked`)
    until the next answer.

    `request` is None if the transcript lacks it; `answer` is None if the result in the transcript is not an answer of ours.
    """

    request: Utterance | None
    answer: dict[str, Any] | None
    said: str = ""
    asked: str = ""


def read_exchanges(call: OngoingCall) -> list[Exchange]:
    """Return the requests and answers of a call as exchanges, in the order of the answers."""
    asked, found = dict[str, Utterance](), list[Exchange]()
    for utterance in call.transcript_with_tool_calls or ():
        if utterance.role == "tool_call_invocation":
            asked[str(utterance.tool_call_id)] = utterance
        elif utterance.role == "tool_call_result":
            found.append(Exchange(asked.get(str(utterance.tool_call_id)), utterance.answer))
        elif utterance.role == "user" and found:
            found[-1].said += f"{utterance.content or ''}\n"
        elif utterance.role == "agent" and found:
            words, known = str(utterance.content or ""), str((found[-1].answer or {}).get("message") or "")
            found[-1].asked += f"{words}\n" if "?" in words.replace(known, "") else ""
    return found


def read_replies(call: OngoingCall, today: date | None = None) -> Replies | None:
    """Return the caller's reply to each question that needs a yes, by the question's key. A question after which the caller has
    said nothing is left out.

    `today` is the local day of the call. Return None if replies cannot be known: the request has no transcript, or its results
    are not our answers (Retell may cut them). A transcript without results is enough: of two requests in one turn of the model,
    neither has the other's answer.
    """
    if not call.transcript_with_tool_calls:
        return None
    questions: dict[str, _Asked] = {}  # the last one about each
    invoked = dict[str, Utterance]()
    is_cut = False
    for utterance in call.transcript_with_tool_calls:
        if utterance.role != "tool_call_result":
            _hear(questions.values(), utterance)
            if utterance.role == "tool_call_invocation":
                invoked[str(utterance.tool_call_id)] = utterance
        elif (answer := utterance.answer) is None:
            is_cut = True
        else:
            found, request = _read_question(answer), invoked.get(str(utterance.tool_call_id))
            is_aside = found is None and request is not None and request.name == _INFORMATION
            for asked in questions.values():
                asked.end(answer, found[0] if found else None, is_aside=is_aside)
            if found:
                question, about = found
                is_single = about == companions_key(ONE_BY_ONE)
                questions[about] = _Asked(question, str(answer.get("message") or ""), request, is_one_by_one=is_single)
    if is_cut and not questions:
        return None
    return {about: asked.read(today) for about, asked in questions.items() if asked.said}


def _hear(questions: Collection["_Asked"], utterance: Utterance) -> None:
    """Let the questions hear an utterance. If the agent names only some of several cancellations, the others hear nothing until
    the caller names them.
    """
    is_agent = utterance.role == "agent"
    for each in questions if is_agent else ():
        each.hear(utterance)
    asked = [each for each in questions if each.question is Question.CANCEL and not each.is_over]
    named = name_questions(str(utterance.content or ""), [each.message for each in asked])
    for each, is_named in zip(asked, named, strict=True):
        each.is_left_out = not is_named and (any(named) if is_agent else each.is_left_out)
    for each in () if is_agent else questions:
        each.hear(utterance)


def read_asked_choices(call: OngoingCall) -> tuple[AskedChoice, ...]:
    """Return this call's questions with `choices` (what becomes of an existing appointment) to which the caller has replied,
    latest last.

    A later change for the same appointment or person answers a question, since a choice after it is about another request. A
    later question for the same person replaces a question. An offer ends all questions unless its request had a choice: a yes
    after an offer answers the offer.
    """
    questions = dict[str, AskedChoice]()  # by person
    asked = dict[str, AskedChoice]()  # nothing was said since
    requests = dict[str, dict[str, Any]]()  # their arguments, by id
    for utterance in call.transcript_with_tool_calls or ():
        if utterance.role == "tool_call_invocation":
            requests[str(utterance.tool_call_id)] = utterance.read_arguments()
        elif utterance.role in {"user", "dtmf"}:
            questions, asked = questions | asked, {}
        elif (answer := utterance.answer) is not None:
            args = requests.get(str(utterance.tool_call_id), {})
            about, among = str(answer.get("appointment_id", answer.get("waitlist_id"))), _list_ids(answer)
            if answer.get("success") is True:
                person = str(answer.get("customer_name") or "")
                questions = {
                    name: each
                    for name, each in questions.items()
                    if about not in {each.about, *each.among} and not same_name(name, person)
                }
            if isinstance(choices := answer.get("choices"), list):
                name = str(answer.get("customer_name") or "")
                questions.pop(name, None)
                asked[name] = AskedChoice(about, frozenset(map(str, choices)), name, among)
            elif _offers_something(answer) and not args.get("choice"):
                questions, asked = {}, {}
    return tuple(questions.values())


def _offers_something(answer: Mapping[str, Any]) -> bool:
    return any(answer.get(name) for name in ("slots", "alternatives", "candidates"))


def read_listed(call: OngoingCall) -> frozenset[str]:
    """Return the ids of all appointments that this call's answers have listed so far."""
    return frozenset(each for answer in read_answers(call) for each in _list_ids(answer))


def read_said_last(call: OngoingCall) -> SaidAppointments:
    """Return the appointments and waiting-list entries that this call's answers listed last."""
    answers, is_last = read_answers(call), True
    last = answers[-1] if answers else {}
    about = str(last.get("appointment_id") or last.get("waitlist_id") or "")
    for answer in reversed(answers):
        if _offers_something(answer):
            break
        if len(ids := _list_in_order(answer)) > 1:
            return SaidAppointments(ids, is_last, answer.get("success") is not True, "" if answer is last else about)
        is_last &= answer.get("needs_confirmation") is True
    return SaidAppointments(about=about)


def _list_in_order(answer: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of an answer's appointments and waiting-list entries, in spoken order."""
    appointments, waiting = ([*_list_members(answer, name)] for name in ("appointments", "waiting"))
    if waiting and "appointment_id" in answer:  # the question for one of the two
        appointments = [answer]
    return tuple(str(each.get("appointment_id", each.get("waitlist_id"))) for each in (*appointments, *waiting))


def _list_members(answer: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    members = answer.get(name)
    return (each for each in (members if isinstance(members, list) else ()) if isinstance(each, dict))


def _list_ids(answer: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(str(each.get("appointment_id")) for each in _list_members(answer, "appointments"))


@dataclass(slots=True)
class _Asked:
    """A question of ours that is being followed through the transcript: the caller's words since (`said`), and the words after
    another answer or question (`later`).

    A yes answers the last question, so a yes in `later` does not count. A no does. A request to cancel still answers the question
    whether to cancel, if only business information was `told` since, or another answer in the same turn. If the agent itself asks
    it again, any reply does.
    """

    question: Question
    message: str
    request: Utterance | None = None
    said: list[str] = field(default_factory=list)
    later: list[str] = field(default_factory=list)
    is_over: bool = False
    is_one_by_one: bool = False
    is_left_out: bool = False
    told: str | None = None

    def end(self, answer: Mapping[str, Any], question: Question | None, *, is_aside: bool) -> None:
        """End this question when another answer comes, which may ask a `question`: the caller's words from then on are `later`.

        Questions for a number or a name stay open, since any words answer them. Two questions about cancellations in one turn
        stay open together, with one reply for both; and so does the question whether to book one by one, which is true of each
        time. If an address is asked for again, a no to this one no longer counts.
        """
        is_beside = not self.said and (self.question is Question.CANCEL is question or self.is_one_by_one)
        before = self.told if self.is_over else self.message
        is_aside &= before is not None
        self.told = f"{before} {answer.get('message')}" if is_aside else None if self.said or self.later else before
        self.is_over |= self.question not in {Question.PHONE, Question.NAME} and not is_beside
        if self.question is Question.ADDRESS and answer.get("unclear") == "email":
            self.said.clear()

    def read(self, today: date | None) -> Reply:
        """Return the caller's reply to this question. `today` is the local day of the call."""
        function, args = ("", {}) if self.request is None else (str(self.request.name), self.request.read_arguments())
        return read_reply(self.said, self.question, self.later, self.message, today, function, args)

    def hear(self, utterance: Utterance) -> None:
        words = str(utterance.content or "")
        changes = self.question in {Question.CANCEL, Question.MEANT} or speaks_of_cancelling(self.message)
        repeats = self.message.rpartition(". ")[2] in words
        is_more = (self.is_over and speaks_of_cancelling(words)) or says_more(words, self.said, self.message)
        if utterance.role == "agent" and changes and is_more and not (repeats and self.question is Question.MEANT):
            about = (self.told if self.is_over else self.message) or ""
            self.told = self.told if repeats or asks_the_same(words, about) else None
            self.is_over = self.question is not Question.CANCEL or not asks_again(words, self.said, about)
        elif utterance.role in {"user", "dtmf"} and not self.is_left_out:
            answers = self.told is not None and self.question is Question.CANCEL and speaks_of_cancelling(words)
            heard = self.later if self.is_over and not answers else self.said
            heard.append(words if utterance.role == "user" else "")  # a pressed key says something, but not what


def read_said(call: OngoingCall) -> str | None:
    """Return the last words of caller and agent, at most 5,000 characters; None without a transcript.

    The agent's words before the caller speaks are left out, since "Ergotherapie Lohse, guten Tag" names a business.
    """
    if not call.transcript_with_tool_calls:
        return None
    utterances = dropwhile(lambda each: each.role != "user", call.transcript_with_tool_calls)
    said = " ".join(str(each.content or "") for each in utterances if each.role in {"user", "agent"})
    return said[-_MOST_READ_FOR_SERVICE:]


def read_utterances(call: OngoingCall) -> tuple[str, ...]:
    """Return the caller's words, one text for each turn."""
    said = (str(each.content or "") for each in call.transcript_with_tool_calls or () if each.role == "user")
    return tuple(each[:_MOST_READ_SINCE] for each in said)


def read_named(call: OngoingCall, *, without_bookings: bool = False) -> str:
    """Return the person named last in a call, by an introduction or in a request that an answer repeats; "" if none is named.

    With `without_bookings` the names in booking requests do not count, since they may not be the caller's.
    """
    named, bookings = "", set[str]()
    for utterance in call.transcript_with_tool_calls or ():
        if utterance.role == "user":
            named = read_introduction(str(utterance.content or "")) or named
        elif utterance.role == "tool_call_invocation" and utterance.name == _BOOK and without_bookings:
            bookings.add(str(utterance.tool_call_id))
        elif isinstance(name := (utterance.answer or {}).get("customer_name"), str):
            named = named if str(utterance.tool_call_id) in bookings else name or named
    return named


def read_said_since_joining(call: OngoingCall) -> tuple[str, ...]:
    """Return the caller's words, turn by turn, since the call last joined the waiting list; () if it has not.

    The first turn answers the confirmation: "" if another function answered before the caller spoke.
    """
    exchanges = read_exchanges(call)
    joined = [at for at, each in enumerate(exchanges) if is_done(each, {_JOIN})]
    if not joined:
        return ()
    confirmed, *later = [each.said.splitlines() for each in exchanges[joined[-1] :]]
    return (*(confirmed or [""]), *(line for lines in later for line in lines))


def read_since(call: OngoingCall) -> Mapping[str, Any]:
    """Return fields of a `CallContext`: the words and questions since the last answer, and the words and requests since an
    appointment was last booked, moved or cancelled. Without such an event they begin with the call, without the agent's
    questions.
    """
    exchanges = read_exchanges(call)
    changed = [at for at, each in enumerate(exchanges) if is_done(each, _CHANGES)]
    since = exchanges[changed[-1] :] if changed else []
    all_said = "\n".join(read_utterances(call)) if call.transcript_with_tool_calls else None
    said = exchanges[-1].said if exchanges else all_said
    later = since[1:] if changed else exchanges
    requests = [each.request for each in later if each.request is not None]
    arguments = [each.read_arguments() for each in requests]
    listed = [read_companions(each.get("companions"))[0] or () for each in arguments]
    counts = [total - 1 for each in arguments if type(total := each.get("party_size")) is int]
    offered = [_count_offered(each.answer or {}) for each in later]
    return {
        "said_since": None if said is None else " ".join(said.splitlines())[-_MOST_READ_SINCE:],
        "asked_since": "".join(each.asked for each in exchanges[-1:]),
        "said_since_change": "".join(each.said for each in since) if changed else all_said,
        "asked_since_change": "".join(each.asked for each in since),
        "asks_to_move": any(each.name == _MOVE for each in requests),
        "companions": max((*map(len, listed), *counts, *offered), default=0),
    }


def _count_offered(answer: Mapping[str, Any]) -> int:
    """Return the number of companions for whom an answer offers times."""
    slots = answer.get("slots") or answer.get("alternatives") or ()
    return max((len(each.get("companions") or ()) for each in slots), default=0)


def is_done(each: Exchange, functions: Collection[str]) -> bool:
    """Return True if the exchange is a request of one of these functions, and its answer reports success."""
    is_success = (each.answer or {}).get("success") is True
    return is_success and each.request is not None and each.request.name in functions


def _read_question(answer: Mapping[str, Any]) -> tuple[Question, str] | None:
    """Return the kind of an answer's question that needs a reply, and its key in `Replies`; None without such a question."""
    appointment_id = answer.get("appointment_id")
    if isinstance(heard := answer.get("heard"), str):
        meant = answer.get("services") or answer.get("staff") or ()
        return Question.HEARD, heard_key(heard, next(iter(meant), ""))
    if answer.get("needs_answer") is True and "waitlist_id" in answer:
        return Question.HEARD, kept_key(str(answer["waitlist_id"]))
    if answer.get("needs_answer") is True:
        key = details_key if "unclear" in answer else meant_key
        return Question.MEANT, key(str(appointment_id))
    if answer.get("needs_phone") in set(PhoneQuestion):
        return Question.PHONE, PhoneQuestion(answer["needs_phone"]).key
    if isinstance(start := answer.get("needs_companions"), str):
        kinds = {ONE_NAME: Question.SEVERAL, ONE_BY_ONE: Question.HEARD}
        return kinds.get(start, Question.COMPANY), companions_key(start)
    if answer.get("needs_name") is True:
        return Question.NAME, name_key(str(appointment_id))
    if answer.get("needs_confirmation") is not True:
        return None
    if cancels := appointment_id or answer.get("waitlist_id"):
        return Question.CANCEL, str(cancels)
    return Question.ADDRESS, str(answer.get("email")).casefold()
