"""What is known of a move or a cancellation that a caller has asked for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from askproai_sandbox.caller.choice import Item
from askproai_sandbox.caller.intent import Intent
from askproai_sandbox.caller.sentence import Sentence

CHANGES_MIND = re.compile(
    r"^(?!.*\bnoch ein).*(?:\bändern|\bdoch\b|\blieber\b|\bwarten Sie\b)", re.IGNORECASE | re.DOTALL
)
_DOES_NOT = re.compile(r"\b(?:doch|dann)\s+(?:(?:eben|halt|lieber|doch)\s+)?nicht\b", re.IGNORECASE)
_NO_ALONE = re.compile(r"\W*(?:nein|nee)\W*(?:danke)?\W*", re.IGNORECASE)
TOOL_OF_CHANGE = {Intent.CANCEL: "cancel_appointment", Intent.MOVE: "reschedule_appointment"}


@dataclass(frozen=True, slots=True)
class Change:
    """A move or a cancellation that is under way."""

    tool: str | None = None
    appointments: tuple[Item, ...] = ()  # the caller's, to choose from
    args: Mapping[str, Any] = field(default_factory=dict)  # what names the appointment for the function
    to_confirm: Mapping[str, Any] = field(default_factory=dict)  # the appointment that the function asked about
    asked_about: str = ""  # the id of the appointment of "Meinen Sie …?"
    named: str = ""  # the words that name an appointment, until the appointments are known


def drops_change(sentence: Sentence, *, is_time_offered: bool) -> bool:
    """Return whether a sentence ends a move or a cancellation that is under way. "Nein" to offered times asks for others."""
    if sentence.yes or sentence.when or sentence.rejected:
        return False
    is_no_alone = bool(_NO_ALONE.fullmatch(sentence.text)) and not is_time_offered
    return is_no_alone or bool(_DOES_NOT.search(sentence.text))
