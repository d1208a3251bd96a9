"""Models of the demo's agent, and what they say, for tests without a call."""

from typing import Any

from played_calls import OFFER

from askproai_sandbox.caller import ScriptedModel, ToolCall

ASK_NAME = "Auf welchen Namen darf ich buchen?"
ASK_TIME = "Wann würde es Ihnen besser passen?"
SUSPENDED = "Termine kann ich zurzeit leider nicht annehmen. Soll ich Sie mit einem Mitarbeiter verbinden?"


def new_model_tools() -> dict[str, Any]:
    declared = {
        "check_availability": ("service", "date", "time", "part_of_day"),
        "book_appointment": ("start", "service", "customer_name"),
    }
    tools: dict[str, Any] = {
        tool: {"parameters": {"properties": {name: {} for name in names}}} for tool, names in declared.items()
    }
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
