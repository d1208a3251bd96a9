"""Read from the transcript of a call which services its answers asked about and offered."""

from askproai_runtime.calls.payload import OngoingCall
from askproai_runtime.conversation.transcript import read_exchanges
from askproai_runtime.conversation.types import AnsweredServices, OfferedService


def read_answered_services(call: OngoingCall) -> tuple[AnsweredServices, ...]:
    """Return the questions which service is meant, after which the caller has said something, with these words."""
    found = list[AnsweredServices]()
    for each in read_exchanges(call):
        answer = each.answer or {}
        asked = answer.get("services")
        if answer.get("success") is False and isinstance(asked, list) and each.said.strip():
            texts = each.request.read_texts() if each.request is not None else frozenset[str]()
            found.append(AnsweredServices(tuple(map(str, asked)), texts, each.said))
    return tuple(found)


def read_offered_services(call: OngoingCall) -> tuple[OfferedService, ...]:
    """Return the services that the call's answers offered, with the texts of their requests."""
    return tuple(
        OfferedService(str(slots[0].get("service")), each.request.read_texts())
        for each in read_exchanges(call)
        if each.request is not None and (slots := (each.answer or {}).get("slots"))
    )
