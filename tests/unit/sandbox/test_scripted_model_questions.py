"""The demo's agent does not take a question for something else: which appointment, which person, and what it does not know."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from played_calls import Tools, ring, salon
from sandbox_clients import Api, Receiver
from scripted_models import called, new_model_tools

from askproai_sandbox.caller import ScriptedModel, ToolCall, phrases
from askproai_sandbox.caller.catalogue import read_catalogue

CATALOGUE = read_catalogue(
    "## Buchbar\n- Zahnsanierung (60 Minuten)\n- Impfung (20 Minuten)\n- Krallenschneiden (20 Minuten), nur bei Frau Bauer\n\n"
    "## Team\n- Praxis: Doktor Hoffmann, Doktor Petersen, Frau Bauer"
)
VACCINATION = {
    "appointment_id": "a-1",
    "start": "2026-11-24T15:50:00+01:00",
    "spoken": "Dienstag, den 24. November, um 15 Uhr 50, Impfung bei Doktor Hoffmann",
}
CLAWS = {
    "appointment_id": "a-2",
    "start": "2026-11-25T10:00:00+01:00",
    "spoken": "Mittwoch, den 25. November, um 10 Uhr, Krallenschneiden bei Frau Bauer",
}
OFFER = {"start": "2026-11-24T10:00:00+01:00", "spoken": "Dienstag, den 24. November, um 10 Uhr bei Doktor Petersen"}
MOVE = "Ich hab nächste Woche zwei Termine, kann ich den zum Krallenschneiden auf fünf Uhr verlegen?"
NAMED = ("appointment_id", "appointment_date", "appointment_time")


def new_model() -> ScriptedModel:
    tools = new_model_tools()
    for tool in tools.values():
        tool["parameters"]["properties"] |= {"staff": {}}
    for name, args in {
        "find_appointments": (),
        "reschedule_appointment": (*NAMED, "start", "date", "time"),
        "cancel_appointment": (*NAMED, "confirmed"),
        "business_information": ("topic", "question", "date", "service"),
    }.items():
        tools[name] = {"parameters": {"properties": {key: {} for key in args}}}
    return ScriptedModel(tools, "+491", CATALOGUE, now=datetime(2026, 11, 22, 10, tzinfo=UTC))


@pytest.mark.parametrize(
    "text",
    [
        MOVE,
        "Ich hab nächste Woche zwei Termine, den zum Krallenschneiden muss ich absagen.",
        "Können Sie das Krallenschneiden verschieben?",
        "Kann ich den Termin zum Krallenschneiden auf fünf Uhr verlegen?",
    ],
)
def test_an_appointment_is_looked_up_by_its_service(text: str) -> None:
    model = new_model()
    assert (called(model, text), model.remark) == ({"tool": "find_appointments"}, None)
    changed = model.learn({"success": True, "appointments": [VACCINATION, CLAWS]})
    assert isinstance(changed, ToolCall)
    assert changed.args["appointment_id"] == "a-2"


@pytest.mark.parametrize("text", [MOVE, "Können Sie das Krallenschneiden verschieben?"])
def test_an_appointment_of_another_service_is_moved_after_a_yes_only(text: str) -> None:
    model = new_model()
    called(model, text)
    assert model.learn({"success": True, "appointments": [VACCINATION]}) == phrases.ASK_THIS_APPOINTMENT
    assert called(model, "Ja, genau.")["appointment_id"] == "a-1"


def test_an_appointment_is_not_moved_for_a_service_that_there_is_not() -> None:
    model = new_model()
    assert (
        called(model, "Kann ich den Termin am Dienstag zum Baden auf fünf Uhr verlegen?")["tool"] == "find_appointments"
    )
    assert model.learn({"success": True, "appointments": [VACCINATION]}) == phrases.ASK_THIS_APPOINTMENT
    assert model.hear("Nein.") == phrases.KEPT


def test_an_appointment_that_was_listed_is_not_moved_for_another_service() -> None:
    model = new_model()
    called(model, "Welche Termine habe ich?")
    model.learn({"success": True, "appointments": [VACCINATION]})
    assert called(model, MOVE) == {"tool": "find_appointments"}, "there may be new ones"
    assert model.learn({"success": True, "appointments": [VACCINATION]}) == phrases.ASK_THIS_APPOINTMENT
    for text in ("Den zum Krallenschneiden.", "Ja, den zum Krallenschneiden."):
        assert model.hear(text) == phrases.ASK_APPOINTMENT


async def test_the_appointments_are_heard_before_the_question_for_one(
    retell: Api, receiver: Receiver, tools: Tools
) -> None:
    named = {name: {"type": "string"} for name in NAMED}
    changes = [
        {
            **tools[0],
            "name": name,
            "url": f"{receiver.url}/{name}",
            "parameters": {"type": "object", "properties": args},
        }
        for name, args in (("find_appointments", {}), ("reschedule_appointment", named))
    ]
    await salon(retell, receiver, [*tools, *changes])
    receiver.answers["/find_appointments"] = {"success": True, "message": "Einer.", "appointments": [VACCINATION]}
    record = await ring(retell, "Kann ich den Termin zum Baden verlegen?")
    assert [step.name or step.text for step in record.steps if step.kind in {"tool", "heard"}][-3:] == [
        "find_appointments", "Einer.", phrases.ASK_THIS_APPOINTMENT,
    ]  # fmt: skip


def test_who_has_no_appointment_is_asked_for_none() -> None:
    model = new_model()
    called(model, MOVE)
    assert model.learn({"success": False, "message": "Ich finde keinen.", "appointments": []}) is None


def offering() -> ScriptedModel:
    model = new_model()
    model.hear("Eine Impfung am Dienstag um zehn")
    model.learn({"success": True, "slots": [OFFER]})
    return model


@pytest.mark.parametrize("text", ["Bei wem wäre das?", "Bei wem ist die Impfung?"])
def test_who_asks_with_whom_an_offer_is_hears_the_offer(text: str) -> None:
    model = offering()
    assert (model.hear(text), model.remark) == (phrases.ASK_YES.format(OFFER["spoken"]), None)


def test_an_offer_that_names_nobody_does_not_say_with_whom_it_is() -> None:
    model = offering()
    model.learn({"success": True, "slots": [OFFER | {"spoken": "Dienstag um 10 Uhr"}]})
    model.hear("Bei wem wäre das?")
    assert model.remark == phrases.NOT_UNDERSTOOD.format("Bei wem wäre das?")


def test_only_who_does_a_service_is_a_choice_for_it() -> None:
    for model in (new_model(), offering()):
        answer = str(model.hear("Bei wem kann ich Krallenschneiden buchen?"))
        assert ("Frau Bauer" in answer, "Hoffmann" in answer, model.remark) == (True, False, None)
    for text in ("Bei wem kann ich buchen?", "Bei wem kann ich eine Impfung buchen?"):
        assert "Hoffmann" in str(new_model().hear(text))


def test_the_team_is_no_choice_for_a_service_of_which_the_prompt_does_not_say_who_does_it() -> None:
    services = "- Impfung (20 Minuten), nur in Mitte\n- Schur (20 Minuten), nur in Mitte und Nord, nur bei Anna und Mia"
    catalogue = read_catalogue(f"## Buchbar\n{services}\n\n## Team\n- Mitte: Anna, Mia\n- Nord: Ida, Mia")
    model = ScriptedModel(new_model_tools(), "+491", catalogue)
    assert "Anna" not in str(model.hear("Bei wem kann ich eine Impfung buchen?"))
    assert "does not say who" in (model.remark or "")
    assert "Anna, Mia." in str(model.hear("Bei wem kann ich die Schur buchen?"))


def test_a_question_for_closed_days_is_one_for_the_opening_hours() -> None:
    heard = called(new_model(), "Haben Sie am Freitag zu?")
    assert (heard["tool"], heard["topic"], heard["date"]) == ("business_information", "opening_hours", "Freitag")


def test_who_does_not_make_it_cancels() -> None:
    model = new_model()
    heard = called(model, "Ich habe am Donnerstag einen Termin, ich schaffe das nicht.")
    assert heard == {"tool": "cancel_appointment", "appointment_date": "Donnerstag"}


def test_who_asks_for_the_hour_of_an_appointment_hears_of_it() -> None:
    assert called(new_model(), "Um wie viel Uhr ist jetzt die Impfung?") == {"tool": "find_appointments"}


@pytest.mark.parametrize("models", [new_model, offering])
def test_a_question_for_another_language_has_the_remark_that_there_is_none(models: Callable[[], ScriptedModel]) -> None:
    model = models()
    assert isinstance(model.hear("Sprechen Sie auch Englisch?"), str)
    assert model.remark == phrases.ENGLISH


@pytest.mark.parametrize(
    "text",
    [
        "Ist Doktor Petersen am Freitag da?",
        "Arbeitet Frau Bauer am Freitag?",
        "Ich kann morgen doch nicht, geht es auch am Mittwoch um elf?",
        "Operiert Doktor Petersen am Freitag?",
        "Haben Sie am Freitag Kaffee?",
    ],
)
def test_a_question_that_is_no_wish_has_a_remark(text: str) -> None:
    model = new_model()
    model.hear(text)
    assert model.remark


@pytest.mark.parametrize(
    "text",
    [
        "Am Freitag?",
        "Wie sieht es am Freitag aus?",
        "Ist am Freitag noch ein Termin da?",
        "Und bei Frau Bauer am Freitag um zehn?",
        "Haben Sie am Freitag noch etwas?",
        "Geht Freitag?",
    ],
)
def test_a_question_for_a_time_has_none(text: str) -> None:
    model = new_model()
    assert (called(model, text)["tool"], model.remark) == ("check_availability", None)


def test_a_weekday_alone_is_that_of_the_offers() -> None:
    model = new_model()
    model.hear("Eine Impfung am Freitag um zehn")
    friday, *mondays = (
        {"start": f"2026-11-{at}:00+01:00", "spoken": at} for at in ("27T11:00", "30T09:00", "30T09:20")
    )
    model.learn({"success": False, "alternatives": [friday, *mondays]})
    assert called(model, "Dann Montag.")["date"] == "2026-11-30"
    model.learn({"success": False, "alternatives": [friday]})
    assert called(model, "Dann Freitag um neun.")["date"] == "Freitag", "it is the next one anyway"


def test_a_day_that_follows_another_one_is_passed_on_whole() -> None:
    heard = called(new_model(), "Okay, und eine Impfung am Freitag drauf um neun?")
    assert (heard["date"], heard["time"]) == ("Freitag drauf", "neun")


def test_who_is_asked_for_a_service_and_asks_back_has_not_named_one() -> None:
    model = new_model()
    model.hear("Ich brauche einen Termin.")
    model.learn({"success": False, "message": "Was möchten Sie buchen?", "services": []})
    assert called(model, "Tragen Sie Handschuhe?")["tool"] == "business_information"
    assert model.remark == phrases.NOT_UNDERSTOOD.format("Tragen Sie Handschuhe?")
