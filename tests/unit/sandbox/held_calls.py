"""Calls held with the demo's agent to their last sentence, each function answered as the pods do."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime
from typing import Any

from scripted_models import FUNCTIONS, make_tools

from askproai_sandbox.caller import ScriptedModel, ToolCall
from askproai_sandbox.caller.catalogue import Catalogue

TOOLS = make_tools({
    **FUNCTIONS,
    "check_availability": (*FUNCTIONS["check_availability"], "branch"),
    "book_appointment": (*FUNCTIONS["book_appointment"], "another"),
})  # fmt: skip
TOOLS["book_appointment"]["parameters"]["required"] = ["customer_name"]
TOOLS["transfer_to_human"] = {"type": "transfer_call"}
TOGETHER = deepcopy(TOOLS)  # of a version whose functions take those who come together
for _name in ("check_availability", "book_appointment"):
    TOGETHER[_name]["parameters"]["properties"]["companions"] = {"type": "array"}
TEN = {
    "start": "2026-11-26T10:00:00+01:00",
    "spoken": "Donnerstag, den 26. November, um 10 Uhr bei Nina",
    "staff": "Nina",
}
HALF_PAST_TWO = {
    "start": "2026-11-26T14:30:00+01:00",
    "spoken": "Donnerstag, den 26. November, um 14 Uhr 30 bei Frau Sommer",
    "staff": "Frau Sommer",
}


def finding(start: str, spoken: str) -> dict[str, dict[str, Any]]:
    """Return the answer of a look-up that finds one appointment of the caller, `a-7`, for `answers`."""
    own = {"appointment_id": "a-7", "start": start, "spoken": spoken}
    return {"find_appointments": {"success": True, "appointments": [own]}}


def hold(
    catalogue: Catalogue,
    *says: str,
    offers: tuple[dict[str, str], ...] = (TEN,),
    now: datetime | None = None,
    answers: dict[str, dict[str, Any]] | None = None,
    tools: Mapping[str, Any] = TOOLS,
) -> tuple[Any, str | None]:
    """Return what the model does at the last sentence of a call, a function with its arguments or what it says, and its remark."""
    model = ScriptedModel(tools, "+491", catalogue, now=now)
    known: dict[str, dict[str, Any]] = {
        "check_availability": {"success": True, "slots": list(offers)},
        "book_appointment": {"success": True, "appointment_id": "a-1"},
        "cancel_appointment": {"success": False, "needs_confirmation": True, "appointment_id": "a-9"},
        "reschedule_appointment": {"success": True, "appointment_id": "a-8"},
        "business_information": {"success": False, "message": "Soll ich etwas ausrichten?"},
        **(answers or {}),
    }
    reaction: ToolCall | str = ""
    for said in says:
        reaction = model.hear(said)
        if isinstance(reaction, ToolCall):
            model.learn({"message": "…", **known.get(reaction.name, {"success": True})})
    return ((reaction.name, reaction.args) if isinstance(reaction, ToolCall) else reaction), model.remark


def function_of(
    catalogue: Catalogue,
    *says: str,
    offers: tuple[dict[str, str], ...] = (TEN,),
    now: datetime | None = None,
    answers: dict[str, dict[str, Any]] | None = None,
) -> tuple[str, dict[str, Any]]:
    called, remark = hold(catalogue, *says, offers=offers, now=now, answers=answers)
    assert isinstance(called, tuple), (called, remark)
    return called
