"""What becomes of an appointment that another request is asked for beside: the caller chooses, and the model passes the choice on.

A question for one of several has `choices` in its answer. The words of callers are not read for it: a model understands them, and
any list of words turns some of them around (docs/decisions/0100-a-second-time-for-one-person-is-asked-for.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from askproai_runtime.booking.phrases import fold
from askproai_runtime.booking.request import read_text
from askproai_runtime.booking.store.appointments import Appointment
from askproai_runtime.booking.types import AskedChoice, CallContext, Choice, ClarificationNeeded


@dataclass(frozen=True, slots=True)
class Chosen:
    """A choice, and the id of what it is about."""

    choice: Choice
    about: str


def read_chosen(call: CallContext, args: Mapping[str, Any]) -> Chosen | None:
    """Return what a request says that the caller has chosen; None where the call was not asked, or asked for something else.

    A model that fills each argument chooses nothing by that before it was asked. Without a transcript the id of the appointment
    says that it was.
    """
    asked = call.asked_choice
    if call.replies is None and (named := read_text(args, "appointment_id")):
        asked = AskedChoice(named, frozenset(Choice))
    said = fold(str(args.get("choice") or ""))
    return Chosen(Choice(said), asked.about) if asked is not None and said in asked.choices else None


def ask_choice(question: str, appointment: Appointment, *choices: Choice) -> ClarificationNeeded:
    """Return the question what becomes of an appointment; the next request has one of the `choices`."""
    return ClarificationNeeded(question, appointment_id=str(appointment.id), choices=[*choices])
