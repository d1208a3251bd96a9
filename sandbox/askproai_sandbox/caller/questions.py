"""What the demo's agent does with questions about the business: topics for the function, answers from its prompt. Pure."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from askproai_sandbox.caller.catalogue import Catalogue
from askproai_sandbox.caller.sentence import Intent, Sentence

_UNKNOWN = "Das kann ich Ihnen leider nicht sagen. Möchten Sie einen Termin vereinbaren?"
INFORMATION = "business_information"
TOPICS = {
    Intent.DETAILS: "service",
    Intent.PRICES: "prices",
    Intent.HOURS: "opening_hours",
    Intent.ADDRESS: "address",
    Intent.CANCELLATION: "cancellation",
}
_FURTHER = re.compile(r"\W*(?:und|oder)\b[^.?!]*\?\W*", re.IGNORECASE)
_COST_OR_DEADLINE = re.compile(r"\b(?:gebühr\w*|\w*zahlen|berechne\w*|bis wann|wie lange vorher)\b", re.IGNORECASE)
# "bis wann muss ich …" looks like a question for the caller's appointments
_MAY_BE_ABOUT_CANCELLING = frozenset({None, Intent.LIST, Intent.PRICES})
# What an agent without that function cannot answer: a real model has only the free text of the manifest's `prompt`.
_UNANSWERED = {
    Intent.DETAILS: "how long a service takes and what it needs",
    Intent.PRICES: "prices",
    Intent.HOURS: "opening hours",
    Intent.ADDRESS: "an address",
    Intent.CANCELLATION: "the rule for cancellations",
}


class Answer(NamedTuple):
    """What the agent says, and the remark that the prompt has no answer."""

    text: str
    remark: str | None = None


def read_while_cancelling(sentence: Sentence) -> Sentence:
    """Return a sentence that is said while a cancellation is under way: what "it" costs is the cancellation."""
    asks_price = sentence.intent is Intent.PRICES and not sentence.unknown_service
    asks = asks_price or bool(_COST_OR_DEADLINE.search(sentence.text))
    if sentence.services or sentence.intent not in _MAY_BE_ABOUT_CANCELLING or not asks:
        return sentence
    return replace(sentence, intent=Intent.CANCELLATION)


def read_further_question(sentence: Sentence, args: Mapping[str, str]) -> dict[str, str] | None:
    """Return the arguments of a question that goes on from the last one, which had `args`: "Und Färben?"; None if it does not."""
    if sentence.intent is not None or not _FURTHER.fullmatch(sentence.text):
        return None
    service = sentence.service or next(iter(sentence.services), None) or sentence.unknown_service
    if args.get("topic") in {"prices", "service"} and service and not sentence.when:
        return {**args, "question": sentence.text, "service": service}
    if args.get("topic") == "opening_hours" and "date" in sentence.when and not service:
        return {**args, "question": sentence.text, "date": sentence.when["date"]}
    return None


def answer_question(sentence: Sentence, catalogue: Catalogue) -> Answer | None:
    """Return the answer to a question; None if the sentence is none, or asks for a list that is empty."""
    names: tuple[str, ...] = ()
    match sentence.intent:
        case Intent.AI:
            return Answer("Ich bin ein KI-Assistent.")
        case Intent.DETAILS | Intent.PRICES | Intent.HOURS | Intent.ADDRESS | Intent.CANCELLATION:
            remark = (
                f"the agent has no function that says {_UNANSWERED[sentence.intent]}: add BusinessInformation to spec.functions of"
                " its RetellAgent; a real model could read them in the free text of `llm.prompt`, which this one does not interpret"
            )
            return Answer(_UNKNOWN, remark)
        case Intent.WORKING_HOURS:
            return Answer(
                _UNKNOWN, "no function and no section of the prompt says when a person works; ask for a free time"
            )
        case Intent.SERVICES:
            names = tuple(service.name for service in catalogue.services)
        case Intent.STAFF:
            names = catalogue.staff
    return Answer(f"Sie können wählen: {', '.join(names)}. Was möchten Sie?") if names else None
