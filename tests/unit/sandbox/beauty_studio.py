"""The demo's agent of a beauty studio, and calls held with it to their last sentence, each function answered as the pods do."""

from copy import deepcopy
from datetime import datetime
from typing import Any

from held_calls import TOGETHER

from askproai_sandbox.caller import ScriptedModel, ToolCall
from askproai_sandbox.caller.catalogue import read_catalogue

DEPOSIT, AGE, PREGNANT = (
    "Muss ich eine Anzahlung leisten?",
    "Ab welchem Alter kann man zum Waxing kommen?",
    "Kann ich in der Schwangerschaft kommen?",
)
STUDIO = read_catalogue(
    "## Buchbar\n- Augenbrauenlifting (45 Minuten; auch: Brauenlaminierung, Augenbrauen laminieren)\n"
    "- Gesichtsbehandlung (75 Minuten; auch: Kosmetikbehandlung, Ausreinigung)\n- Maniküre (40 Minuten; auch: Handpflege)\n"
    "- Paarbehandlung (90 Minuten; auch: Wellness zu zweit, Pärchenbehandlung)\n"
    "- Permanent-Make-up (150 Minuten; auch: PMU, Permanent Make-up)\n"
    "- Beratung zum Permanent-Make-up (30 Minuten; auch: PMU-Beratung, Vorgespräch)\n"
    "- Achselwaxing (15 Minuten; auch: Waxing Achseln, Achseln wachsen)\n"
    "- Beinwaxing (45 Minuten; auch: Waxing Beine, Beine wachsen)\n- Brazilian Waxing (30 Minuten; auch: Bikinizone)\n"
    "- Wimpernlifting (60 Minuten; auch: Lash Lifting)\n\n"
    "## Team\n- Seidenweich Altstadt: Frau Wolff, Aylin, Jule\n\n"
    "## Weitere Filialen\n- Seidenweich Krämpfervorstadt\n\n"
    f"## Häufige Fragen\n- {DEPOSIT}\n- {AGE}\n- {PREGNANT}\n- Tut Waxing weh?\n- Wo kann ich parken?\n"
    "- Ist der Eingang barrierefrei?\n"
)
NOW = datetime.fromisoformat("2026-11-24T19:00:00+01:00")  # a Tuesday
ON_SATURDAY = {
    "start": "2026-11-28T10:00:00+01:00",
    "spoken": "Samstag, den 28. November, um 10 Uhr bei Frau Wolff",
    "staff": "Frau Wolff",
}
AT_NOON = {
    "start": "2026-11-28T12:00:00+01:00",
    "spoken": "Samstag, den 28. November, um 12 Uhr bei Frau Wolff",
    "staff": "Frau Wolff",
}
ASKS_SATURDAY = f"Das ist {ON_SATURDAY['spoken']}. Soll ich das eintragen?"
_ANSWERS: dict[str, dict[str, Any]] = {
    "book_appointment": {"success": True, "appointment_id": "a-1", "end": "2026-11-28T11:00:00+01:00"},
    "cancel_appointment": {"success": False, "needs_confirmation": True, "appointment_id": "a-9"},
    "reschedule_appointment": {"success": True, "appointment_id": "a-8", "end": "2026-11-26T11:15:00+01:00"},
    "business_information": {
        "success": False,
        "message": "Das kann ich Ihnen leider nicht sagen. Soll ich Sie mit dem Team verbinden oder ihm etwas ausrichten?",
    },
}


def hold_call(
    *says: str, offers: tuple[dict[str, str], ...] = (ON_SATURDAY,), answers: dict[str, dict[str, Any]] | None = None
) -> tuple[list[ToolCall], str, str | None]:
    """Return the functions that the agent calls, what it says to the last sentence itself, and its remark on that."""
    tools = deepcopy(TOGETHER)
    tools["book_appointment"]["parameters"]["properties"]["staff"] = {}
    tools["join_waitlist"] = {"parameters": tools["check_availability"]["parameters"]}
    tools["decline_recording"] = {"parameters": {}}
    model = ScriptedModel(tools, "+491", STUDIO, now=NOW)
    known = {"check_availability": {"success": True, "slots": list(offers)}, **_ANSWERS, **(answers or {})}
    calls: list[ToolCall] = []
    answer = ""
    for said in says:
        reaction: ToolCall | str | None = model.hear(said)
        while isinstance(reaction, ToolCall):
            calls.append(reaction)
            reaction = model.learn({"message": "…", **known.get(reaction.name, {"success": True})}) or model.take_up()
        answer = reaction or ""
    return calls, answer, model.remark


def studio(*says: str, **options: Any) -> tuple[Any, str | None]:
    """Return what the agent does at the last sentence, a function with its arguments or what it says, and its remark."""
    before = len(hold_call(*says[:-1], **options)[0])
    calls, answer, remark = hold_call(*says, **options)
    return ((calls[-1].name, calls[-1].args) if len(calls) > before else answer), remark


def studio_function(*says: str, **options: Any) -> tuple[str, dict[str, Any]]:
    called, remark = studio(*says, **options)
    assert isinstance(called, tuple), (called, remark)
    return called
