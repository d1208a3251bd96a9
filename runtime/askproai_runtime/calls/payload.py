"""The JSON that Retell sends about calls, as far as it is read here (docs/vendors/retell.md).

Unknown keys, reasons and statuses are tolerated.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import dropwhile
from typing import Any, TypeVar

import msgspec

from askproai_core.phone_numbers import e164_or_none
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.booking import ASKED_NAME, AskedChoice, SaidAppointments
from askproai_runtime.branch_numbers import Route, Routing, region_of
from askproai_runtime.caller_identity import Caller, identify_caller
from askproai_runtime.intake import ProviderId
from askproai_runtime.language.answer_words import Reply
from askproai_runtime.language.cancel_answers import says_more_than_courtesies, speaks_of_cancelling
from askproai_runtime.language.introductions import read_introduction
from askproai_runtime.language.phrases import same_name
from askproai_runtime.language.replies import (
    PhoneQuestion,
    Question,
    Replies,
    companions_key,
    details_key,
    heard_key,
    meant_key,
    name_key,
    read_reply,
)
from askproai_runtime.lenient_json import read_json, to_strict_json

T = TypeVar("T", bound=msgspec.Struct)

_MOST_READ_FOR_SERVICE = 5_000  # characters; a service that was named before is named once more
_MOST_READ_SINCE = 500  # characters since the last answer


class RetellCall(msgspec.Struct, frozen=True, kw_only=True):
    """Retell's call object. Most keys may be absent; a web call has neither numbers nor direction."""

    call_id: ProviderId
    agent_id: str | None = None
    agent_version: Any = None
    call_status: str | None = None
    direction: str | None = None
    from_number: str | None = None
    to_number: str | None = None
    start_timestamp: float | None = None  # milliseconds, like all of Retell's timestamps
    end_timestamp: float | None = None
    disconnection_reason: str | None = None
    transcript: str | None = None
    call_analysis: dict[str, Any] | None = None
    recording_url: Any = None
    data_storage_setting: Any = None


class Utterance(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the live transcript. Read are `dtmf` (a pressed key), `tool_call_invocation` (what the model has passed to the
    function of this `name`) and `tool_call_result` (its answer), both with one `tool_call_id`.

    `answer` is that answer, decoded once; None for Retell's own words, when the function did not answer.
    """

    role: Any = None
    digit: Any = None
    content: Any = None
    tool_call_id: Any = None
    name: Any = None
    arguments: Any = None  # JSON as text
    answer: Any = None  # also where Retell should send the key: it is replaced

    def __post_init__(self) -> None:
        answer = None
        if self.role == "tool_call_result":
            with suppress(msgspec.DecodeError):
                answer = msgspec.json.decode(str(self.content), type=dict[str, Any])
        msgspec.structs.force_setattr(self, "answer", answer)

    def read_texts(self) -> frozenset[str]:
        """Return the arguments of an invocation that are text, whatever their names."""
        return frozenset(
            str(each).strip() for each in self.read_arguments().values() if isinstance(each, str | int | float)
        )

    def read_arguments(self) -> dict[str, Any]:
        """Return the arguments of an invocation; none where they are no object."""
        with suppress(msgspec.DecodeError):
            return msgspec.json.decode(str(self.arguments), type=dict[str, Any])
        return {}


class OngoingCall(RetellCall, frozen=True, kw_only=True):
    """The call object during the call, with the transcript so far."""

    transcript_with_tool_calls: list[Utterance] | None = None


class RetellEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a call event."""

    event: str
    call: RetellCall | None = None
    data: RetellCall | None = None  # the deprecated name of `call`


class TranscriptEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The body of `transcript_updated`."""

    call: OngoingCall | None = None
    data: OngoingCall | None = None


class FunctionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A call function's body with `args_at_root: false`. A language model wrote `args`."""

    name: str
    call: OngoingCall
    args: Any = None


def decode(body: bytes, kind: type[T]) -> T:
    """Decode a body. NUL, which JSON may contain and PostgreSQL's text may not, is removed from its texts.

    Raises `msgspec.DecodeError` or its subclass `ValidationError`, whose texts quote no value.
    """
    if b"\\u0000" not in body:
        return read_json(body, kind)
    return msgspec.convert(_without_nul(msgspec.json.decode(to_strict_json(body))), kind)


class _RawArguments(msgspec.Struct, frozen=True, kw_only=True):
    args: msgspec.Raw = msgspec.Raw(b"null")


def decode_request(body: bytes) -> FunctionRequest:
    """Decode the body of a call function, of whose arguments none is lost: of two values for one name both are in a list.

    Raises what `decode` raises.
    """
    request = decode(body, FunctionRequest)
    try:
        args = bytes(msgspec.json.decode(body, type=_RawArguments).args)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return request  # it is read leniently already
    return msgspec.structs.replace(request, args=_without_nul(msgspec.json.decode(to_strict_json(args))))


def _without_nul(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\x00", "")
        case list():
            return [_without_nul(item) for item in value]
        case dict():
            return {_without_nul(key): _without_nul(item) for key, item in value.items()}
        case _:
            return value


def parse_milliseconds(milliseconds: float | None) -> datetime | None:
    """Return the time of one of Retell's timestamps; None if it is absent or outside Python's calendar."""
    if milliseconds is None:
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def read_sides(call: RetellCall) -> tuple[str | None, str | None]:
    """Return our number and that of the other person, as Retell writes them. A call that goes out goes to that person."""
    own, other = call.to_number, call.from_number
    return (other, own) if call.direction == "outbound" else (own, other)


def find_route(call: RetellCall, config: TenantConfig) -> Route | None:
    """Return where the call belongs; None if neither its agent nor our number is the tenant's."""
    return Routing(config).route(call.agent_id, read_sides(call)[0])


def identify_other_side(call: RetellCall, config: TenantConfig, branch: str | None) -> Caller:
    """Return the person with whom the agent of a branch speaks."""
    return identify_caller(read_sides(call)[1], config, branch)


def read_numbers(call: RetellCall, config: TenantConfig, branch: str | None) -> tuple[str | None, str | None]:
    """Return from where and to where a call goes, in E.164. The other side's number is None if it identifies nobody."""
    own = e164_or_none(read_sides(call)[0], region_of(config, branch))
    other = identify_other_side(call, config, branch).number
    return (own, other) if call.direction == "outbound" else (other, own)


def last_answer_and_keys(call: OngoingCall) -> tuple[dict[str, Any], str]:
    """Return the last answer of a function in this call, `{}` if none, and the keys pressed since, in order."""
    keys = ""
    for utterance in reversed(call.transcript_with_tool_calls or ()):
        if utterance.role == "tool_call_result":
            return utterance.answer or {}, keys
        if utterance.role == "dtmf" and isinstance(utterance.digit, str | int):
            keys = f"{utterance.digit}{keys}"
    return {}, keys


def read_unclear(call: OngoingCall) -> frozenset[str]:
    """Return the unclear arguments that answers of this call have asked about. A name that was asked about before a booking is not
    among them after the next one, whoever that is for.
    """
    asked = set[str]()
    for answer in read_answers(call):
        asked.add(str(answer.get("unclear")))
        if answer.get("success") is True and "customer_name" in answer:
            asked = {each for each in asked if not each.startswith(ASKED_NAME)}
    return frozenset(asked)


def read_answers(call: OngoingCall) -> list[dict[str, Any]]:
    """Return the answers of functions in this call, the first one first."""
    return [each.answer for each in call.transcript_with_tool_calls or () if each.answer is not None]


@dataclass(slots=True)
class Exchange:
    """A request to a function with its result, and what the caller has said since. `request` is None where the transcript lacks it,
    `answer` where the result is none of ours.
    """

    request: Utterance | None
    answer: dict[str, Any] | None
    said: str = ""


def read_exchanges(call: OngoingCall) -> list[Exchange]:
    """Return the exchanges of a call in the order of their results."""
    asked, found = dict[str, Utterance](), list[Exchange]()
    for utterance in call.transcript_with_tool_calls or ():
        if utterance.role == "tool_call_invocation":
            asked[str(utterance.tool_call_id)] = utterance
        elif utterance.role == "tool_call_result":
            found.append(Exchange(asked.get(str(utterance.tool_call_id)), utterance.answer))
        elif utterance.role == "user" and found:
            found[-1].said += f"{utterance.content or ''}\n"
    return found


def read_replies(call: OngoingCall, today: date | None = None) -> Replies | None:
    """Return what the caller has said to each question of a function that needs a yes.

    A question after which the caller has said nothing is not there. `today` is the local day of the call.

    None if that cannot be known: the request has no transcript, or one with results that hold no answer of ours (Retell may cut
    them). A transcript without any result is one: of two requests in one turn of the model, neither holds the other's answer.
    """
    if not call.transcript_with_tool_calls:
        return None
    questions: dict[str, _Asked] = {}  # the last one about each
    invoked = dict[str, Utterance]()
    is_cut = False
    for utterance in call.transcript_with_tool_calls:
        if utterance.role != "tool_call_result":
            for asked in questions.values():
                asked.hear(utterance)
            if utterance.role == "tool_call_invocation":
                invoked[str(utterance.tool_call_id)] = utterance
        elif (answer := utterance.answer) is None:
            is_cut = True
        else:
            found = _read_question(answer)
            for asked in questions.values():
                asked.end(answer, found[0] if found else None)
            if found:
                question, about = found
                request = invoked.get(str(utterance.tool_call_id))
                questions[about] = _Asked(question, str(answer.get("message") or ""), request)
    if is_cut and not questions:
        return None
    return {about: asked.read(today) for about, asked in questions.items() if asked.said}


def read_asked_choices(call: OngoingCall) -> tuple[AskedChoice, ...]:
    """Return the questions of this call for one of several choices that its caller has said something to, the last one last.

    What was done about the same appointment or for the same person since has answered one: a choice after it is about another
    request. A later question for the same person replaces one.
    """
    questions = dict[str, AskedChoice]()  # by person
    asked = dict[str, AskedChoice]()  # nothing was said since
    filled_in = dict[str, str]()  # by the id of the request
    for utterance in call.transcript_with_tool_calls or ():
        if utterance.role == "tool_call_invocation":
            filled_in[str(utterance.tool_call_id)] = str(utterance.read_arguments().get("choice") or "")
        elif utterance.role in {"user", "dtmf"}:
            questions, asked = questions | asked, {}
        elif (answer := utterance.answer) is not None:
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
                choice = filled_in.get(str(utterance.tool_call_id), "")
                asked[name] = AskedChoice(about, frozenset(map(str, choices)), name, among, choice)
    return tuple(questions.values())


def read_listed(call: OngoingCall) -> frozenset[str]:
    """Return the ids of the appointments that answers of this call have listed."""
    return frozenset(each for answer in read_answers(call) for each in _list_ids(answer))


def read_said_last(call: OngoingCall) -> SaidAppointments:
    """Return the appointments and places that an answer of this call has said last."""
    answers, is_last = read_answers(call), True
    last = answers[-1] if answers else {}
    about = str(last.get("appointment_id") or last.get("waitlist_id") or "")
    for answer in reversed(answers):
        if answer.get("slots") or answer.get("alternatives") or answer.get("candidates"):
            break
        if len(ids := _list_in_order(answer)) > 1:
            return SaidAppointments(ids, is_last, answer.get("success") is not True, "" if answer is last else about)
        is_last &= answer.get("needs_confirmation") is True
    return SaidAppointments(about=about)


def _list_in_order(answer: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the appointments and places of an answer in the order in which it says them."""
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
    """A question of ours, and what the caller has said since: `later` are the words after another answer or question of ours.

    A yes answers what was said last, so it does not count there. A no does.
    """

    question: Question
    message: str
    request: Utterance | None = None
    said: list[str] = field(default_factory=list)
    later: list[str] = field(default_factory=list)
    is_over: bool = False

    def end(self, answer: Mapping[str, Any], question: Question | None) -> None:
        """End this question by another answer of ours, which may ask a `question`.

        Whatever is said answers those for a number or a name. Of two cancellations that were asked for in one turn, each is
        answered by what is said to both. An address that was refused may be the right one, where it is asked for anew.
        """
        is_beside = self.question is Question.CANCEL is question and not self.said
        self.is_over |= self.question not in {Question.PHONE, Question.NAME} and not is_beside
        if self.question is Question.ADDRESS and answer.get("unclear") == "email":
            self.said.clear()

    def read(self, today: date | None) -> Reply:
        """Return what was said to it. `today` is the local day of the call."""
        function, args = ("", {}) if self.request is None else (str(self.request.name), self.request.read_arguments())
        return read_reply(self.said, self.question, self.later, self.message, today, function, args)

    def hear(self, utterance: Utterance) -> None:
        words = str(utterance.content or "")
        is_to_cancel = self.question is Question.CANCEL or speaks_of_cancelling(self.message)
        if utterance.role == "agent" and is_to_cancel:
            self.is_over |= says_more_than_courtesies(words, self.said)
        elif utterance.role in {"user", "dtmf"}:
            # A pressed key says something, but not what.
            (self.later if self.is_over else self.said).append(words if utterance.role == "user" else "")


def read_transcript(call: OngoingCall) -> str:
    """Return what was said so far, in the form of Retell's own `transcript`, which an event during the call may lack."""
    if call.transcript:
        return call.transcript
    spoken = (each for each in call.transcript_with_tool_calls or () if each.role in {"agent", "user"} and each.content)
    return "".join(f"{str(each.role).capitalize()}: {each.content}\n" for each in spoken)


def read_said(call: OngoingCall) -> str | None:
    """Return the last words of caller and agent; None if the request has no transcript.

    What the agent says first is left out: "Ergotherapie Lohse, guten Tag" names a business.
    """
    if not call.transcript_with_tool_calls:
        return None
    utterances = dropwhile(lambda each: each.role != "user", call.transcript_with_tool_calls)
    said = " ".join(str(each.content or "") for each in utterances if each.role in {"user", "agent"})
    return said[-_MOST_READ_FOR_SERVICE:]


def read_utterances(call: OngoingCall) -> tuple[str, ...]:
    """Return what the caller has said, turn by turn."""
    said = (str(each.content or "") for each in call.transcript_with_tool_calls or () if each.role == "user")
    return tuple(each[:_MOST_READ_SINCE] for each in said)


def read_named(call: OngoingCall, *, without_bookings: bool = False) -> str:
    """Return the person whom a call has named last, by an introduction or in a request that an answer repeats; "" without one.

    That of a booking (`without_bookings`) may be somebody else than the caller.
    """
    named, bookings = "", set[str]()
    for utterance in call.transcript_with_tool_calls or ():
        if utterance.role == "user":
            named = read_introduction(str(utterance.content or "")) or named
        elif utterance.role == "tool_call_invocation" and utterance.name == "book_appointment" and without_bookings:
            bookings.add(str(utterance.tool_call_id))
        elif isinstance(name := (utterance.answer or {}).get("customer_name"), str):
            named = named if str(utterance.tool_call_id) in bookings else name or named
    return named


def read_said_since(call: OngoingCall) -> str | None:
    """Return what the caller has said since the last answer of a function, or in all; None if the request has no transcript."""
    said = list[str]()
    for utterance in call.transcript_with_tool_calls or ():
        if utterance.role == "tool_call_result":
            said = []
        elif utterance.role == "user":
            said.append(str(utterance.content or ""))
    return " ".join(said)[-_MOST_READ_SINCE:] if call.transcript_with_tool_calls else None


def _read_question(answer: Mapping[str, Any]) -> tuple[Question, str] | None:
    """Return what an answer asks a yes or no about, with its key in `Replies`; None if it asks none."""
    appointment_id = answer.get("appointment_id")
    if isinstance(heard := answer.get("heard"), str):
        meant = answer.get("services") or answer.get("staff") or ()
        return Question.HEARD, heard_key(heard, next(iter(meant), ""))
    if answer.get("needs_answer") is True:
        key = details_key if "unclear" in answer else meant_key
        return Question.MEANT, key(str(appointment_id))
    if answer.get("needs_phone") in set(PhoneQuestion):
        return Question.PHONE, PhoneQuestion(answer["needs_phone"]).key
    if isinstance(start := answer.get("needs_companions"), str):
        return Question.NAME, companions_key(start)
    if answer.get("needs_name") is True:
        return Question.NAME, name_key(str(appointment_id))
    if answer.get("needs_confirmation") is not True:
        return None
    if cancels := appointment_id or answer.get("waitlist_id"):
        return Question.CANCEL, str(cancels)
    return Question.ADDRESS, str(answer.get("email")).casefold()
