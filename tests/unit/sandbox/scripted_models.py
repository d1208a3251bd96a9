"""Models of the demo's agent, and what they say, for tests without a call."""

from collections.abc import Mapping, Sequence
from typing import Any

from played_calls import OFFER

from askproai_sandbox.caller import ScriptedModel, ToolCall

ASK_NAME = "Auf welchen Namen darf ich buchen?"
ASK_TIME = "Wann würde es Ihnen besser passen?"
SUSPENDED = "Termine kann ich zurzeit leider nicht annehmen. Soll ich Sie mit einem Mitarbeiter verbinden?"

_NAMED = ("appointment_id", "appointment_date", "appointment_time")
FUNCTIONS = {
    "check_availability": ("service", "staff", "date", "time", "part_of_day"),
    "book_appointment": ("start", "service", "customer_name"),
    "find_appointments": (),
    "reschedule_appointment": (*_NAMED, "date", "time"),
    "cancel_appointment": (*_NAMED, "confirmed"),
    "leave_message": ("message", "recipient", "customer_name", "call_back", "phone"),
    "business_information": ("topic", "question", "service", "date"),
}


def make_tools(declared: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return the tools of an agent: by name, with their arguments."""
    return {tool: {"parameters": {"properties": {name: {} for name in names}}} for tool, names in declared.items()}


def new_model_tools() -> dict[str, Any]:
    declared = {
        "check_availability": ("service", "date", "time", "part_of_day"),
        "book_appointment": ("start", "service", "customer_name"),
    }
    tools = make_tools(declared)
    tools["book_appointment"]["parameters"]["required"] = ["customer_name"]
    return tools


def new_model() -> ScriptedModel:
    return ScriptedModel(new_model_tools(), "+491")


def called(model: ScriptedModel, text: str) -> dict[str, Any]:
    call = model.hear(text)
    assert isinstance(call, ToolCall), call
    return {"tool": call.name, **call.args}


def offering_model(*offers: dict[str, str]) -> ScriptedModel:
    model = new_model()
    model.hear("Einen Haarschnitt am Freitag um halb drei")
    model.learn({"success": True, "slots": list(offers or (OFFER,))})
    return model
