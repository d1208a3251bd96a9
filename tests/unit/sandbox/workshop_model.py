"""The demo's agent of a workshop with known questions, and what it calls, for tests without a call."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from scripted_models import make_tools

from askproai_sandbox.caller import ScriptedModel, ToolCall, phrases
from askproai_sandbox.caller.catalogue import read_catalogue

NOW = datetime(2026, 11, 22, 12, tzinfo=ZoneInfo("Europe/Berlin"))  # a Sunday
LOAN, EBIKES = "Bekomme ich ein Leihrad?", "Reparieren Sie auch E-Bikes?"
CATALOGUE = read_catalogue(
    "## Buchbar\n- Inspektion (60 Minuten)\n- Reifenwechsel (30 Minuten)\n\n## Team\n- Werkstatt: Jonas, Frau Petersen\n\n"
    f"## Häufige Fragen\n- {LOAN}\n- {EBIKES}\n- Was kostet die Inspektion von einem Lastenrad?\n"
)
NAMED = ("appointment_id", "appointment_date", "appointment_time")
DECLARED = {
    "check_availability": ("service", "staff", "date", "time", "part_of_day"),
    "book_appointment": ("start", "service", "customer_name"),
    "find_appointments": (),
    "reschedule_appointment": (*NAMED, "date", "time", "start"),
    "cancel_appointment": (*NAMED, "confirmed"),
    "join_waitlist": ("service", "date", "time", "part_of_day", "customer_name"),
    "leave_message": ("message", "recipient", "customer_name", "call_back"),
    "business_information": ("topic", "question", "service", "date"),
}
TOOLS = make_tools(DECLARED)
TUESDAY = {"start": "2026-11-24T16:00:00+01:00", "spoken": "Dienstag, den 24. November, um 16 Uhr bei Jonas"}
THURSDAY = {"start": "2026-11-26T16:00:00+01:00", "spoken": "Donnerstag, den 26. November, um 16 Uhr bei Jonas"}
WHEN = ("date", "time", "part_of_day")


def new_model() -> ScriptedModel:
    return ScriptedModel(TOOLS, "+491", CATALOGUE, now=NOW)


def offering(text: str, *offers: dict[str, str]) -> ScriptedModel:
    model = new_model()
    model.hear(text)
    model.learn({"success": True, "slots": list(offers)})
    return model


def booked(text: str = "Eine Inspektion am Dienstag um vier") -> ScriptedModel:
    model = offering(text, TUESDAY)
    assert called(model, "Ja, Lutz Meier")["tool"] == "book_appointment"
    model.learn({"success": True, "appointment_id": "a-1", "end": "2026-11-24T17:00:00+01:00"})
    return model


def called(model: ScriptedModel, text: str) -> dict[str, Any]:
    reaction = model.hear(text)
    assert isinstance(reaction, ToolCall), (text, reaction, model.remark)
    assert model.remark is None, model.remark
    return {"tool": reaction.name, **reaction.args}


def when(model: ScriptedModel, text: str) -> str:
    """Return the words for the time that a sentence makes the model search, in the order in which the pods read them."""
    args = called(model, text)
    assert args["tool"] == "check_availability"
    return " | ".join(args[name] for name in WHEN if name in args)


def is_asked_again(model: ScriptedModel, text: str) -> bool:
    """Return whether the model calls nothing, and says in its remark that it cannot place a part of the sentence."""
    return model.hear(text) == phrases.ASK_WHEN and "cannot place" in (model.remark or "")
