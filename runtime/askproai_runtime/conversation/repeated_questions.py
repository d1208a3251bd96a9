"""End a question that a call leaves unanswered: after two equal questions, the third answer offers a way on. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from askproai_core.tenant_config import Function
from askproai_runtime.calls.payload import OngoingCall
from askproai_runtime.conversation.full_names import ASKED_NAME
from askproai_runtime.conversation.instead import AgentFunctions, lead_on
from askproai_runtime.conversation.transcript import Exchange, read_answers
from askproai_runtime.conversation.types import Answer, Choice, FunctionOutcome
from askproai_runtime.language.answer_words import only_waits
from askproai_runtime.language.replies import rename_key
from askproai_runtime.sentences import say

MOST_ASKED: Final = 2
# A caller answers these with other words. The other answers without a success state a fact, and lead on where they can.
_ASKS: Final = frozenset({
    FunctionOutcome.ASKED_BACK, FunctionOutcome.UNKNOWN_SERVICE, FunctionOutcome.UNKNOWN_STAFF, FunctionOutcome.NOT_UNDERSTOOD,
    FunctionOutcome.IMPOSSIBLE, FunctionOutcome.PAST, FunctionOutcome.NOT_BOOKABLE, FunctionOutcome.GONE,
})  # fmt: skip
_NAMES_TIMES: Final = ("slots", "alternatives")


def list_heard(exchanges: Sequence[Exchange], args: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the answers of a call before its request with `args`, oldest first, without the questions that the caller has not
    heard, since the model itself followed one with another request before the caller spoke, or to which the caller said "Moment".
    """
    requests = [{} if each.request is None else each.request.read_arguments() for each in exchanges]
    return [
        each.answer
        for each, own, later in zip(exchanges, requests, [*requests[1:], args], strict=False)
        if each.answer is not None
        if each.answer.get("success")
        or ((each.said or each.request is None or own == later) and not only_waits(each.said))
    ]


def read_unclear(call: OngoingCall) -> frozenset[str]:
    """Return the markers (the field `unclear`, or `rename_key`) of all questions that this call's answers have asked. The markers
    of questions for a full name are dropped at the next booking, whoever it is for.
    """
    asked = set[str]()
    for answer in read_answers(call):
        asked.add(str(answer.get("unclear")))
        if Choice.RENAME in (answer.get("choices") or ()):
            asked.add(rename_key(str(answer.get("appointment_id", answer.get("waitlist_id")))))
        if answer.get("success") is True and "customer_name" in answer:
            asked = {each for each in asked if not each.startswith(ASKED_NAME)}
    return frozenset(asked)


def end_question(
    answer: Answer, function: Function, earlier: Sequence[Mapping[str, Any]], agent: AgentFunctions
) -> Answer:
    """Return the answer unchanged, unless two `earlier` answers of the call asked the same: then return an answer that asks no
    more and offers the team.

    Answers before the call's last change do not count: a second booking may also ask for a name. The new answer has no fields,
    so that a yes to its offer is not read as a yes to the question.
    """
    if answer.outcome not in _ASKS or any(answer.fields.get(each) for each in _NAMES_TIMES):
        return answer
    asked = 0
    for each in reversed(earlier):
        if each.get("success") is True and "appointment_id" in each:
            break
        asked += each.get("message") == answer.message
    if asked < MOST_ASKED:
        return answer
    if function is Function.LEAVE_MESSAGE:  # which has just not been noted
        agent = replace(agent, leaves_messages=False)
    question = lead_on(agent)
    message = f"{say().cannot_be_settled} {question[0].upper()}{question[1:]}"
    return replace(answer, message=message, fields={})
