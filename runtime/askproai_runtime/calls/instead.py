"""What an answer offers a caller for whom nothing could be done: to leave a message, or to wait for a time. Pure."""

from dataclasses import replace

from askproai_core.tenant_config import Function, TenantConfig
from askproai_runtime.booking import Answer, FunctionOutcome
from askproai_runtime.sentences import say

_NOT_POSSIBLE = frozenset(
    {FunctionOutcome.NOT_BOOKABLE, FunctionOutcome.LIMITED, FunctionOutcome.GONE, FunctionOutcome.REFUSED}
)
_NOT_FREE = frozenset({FunctionOutcome.TAKEN, FunctionOutcome.CLOSED_DAY, FunctionOutcome.OUTSIDE_HOURS})
_NOTES = frozenset({Function.LEAVE_MESSAGE, Function.JOIN_WAITLIST})


def offer_instead(answer: Answer, function: Function, config: TenantConfig) -> Answer:
    """Return the answer with an offer at its end, if it has no slots and an agent of the tenant has the function for it."""
    if function in _NOTES or answer.fields.get("slots") or answer.fields.get("alternatives"):
        return answer
    if answer.outcome in _NOT_FREE and config.joins_waitlist:
        return _append(answer, say().offer_waitlist)
    if answer.outcome in _NOT_POSSIBLE | _NOT_FREE and config.leaves_messages:
        return _append(answer, say().offer_message)
    return answer


def offer_message(answer: Answer, config: TenantConfig) -> Answer:
    """Return the answer with the offer of a message, if an agent of the tenant can note one."""
    return _append(answer, say().offer_message) if config.leaves_messages else answer


def _append(answer: Answer, question: str) -> Answer:
    joined = (
        say().or_instead.format(question=question)
        if answer.message.endswith("?")
        else f"{question[0].upper()}{question[1:]}"
    )
    return replace(answer, message=f"{answer.message} {joined}")
