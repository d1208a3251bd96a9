"""Calls of a podiatry that callers lead as they do with people: what is asked beside an appointment, and for whom it is."""

import pytest
from played_calls import OFFER
from scripted_models import FUNCTIONS, called, make_tools

from askproai_sandbox.caller import ScriptedModel
from askproai_sandbox.caller.catalogue import Catalogue
from askproai_sandbox.caller.service import Service

PEDICURE, CARE = "Pediküre", "Medizinische Fußpflege"
CATALOGUE = Catalogue(
    services=(Service(CARE, ("Fußpflege",)), Service(PEDICURE)), staff=("Frau Petersen", "Herr Clausen"),
)  # fmt: skip
BOOKED = {"success": True, "appointment_id": "a1", "start": OFFER["start"], "end": "2026-11-27T15:15:00+01:00"}


def podiatry() -> ScriptedModel:
    return ScriptedModel(
        make_tools(FUNCTIONS | {"book_appointment": ("start", "service", "customer_name", "another")}),
        "+491",
        CATALOGUE,
    )


def booked_podiatry() -> ScriptedModel:
    model = podiatry()
    called(model, "Eine Fußpflege am Freitag um halb drei.")
    model.learn({"success": True, "slots": [OFFER]})
    assert called(model, "Ja, mein Name ist Gerda Thiele.")["tool"] == "book_appointment"
    model.learn(BOOKED)
    return model


@pytest.mark.parametrize(
    "said", ["Und für meinen Mann bitte direkt danach.", "Und noch einen für meinen Mann gleich danach."]
)
def test_the_same_for_somebody_else_is_looked_for_after_the_own_one(said: str) -> None:
    expected = {"tool": "check_availability", "service": CARE, "date": "2026-11-27", "time": "ab 15:15 Uhr"}
    assert called(booked_podiatry(), said) == expected


def test_a_further_appointment_is_booked_as_another_one() -> None:
    model = booked_podiatry()
    called(model, "Und noch einen Termin am Freitag um vier.")
    model.learn({"success": True, "slots": [OFFER]})
    assert called(model, "Ja, bitte.")["another"] is True


@pytest.mark.parametrize("said", ["Gut, dann gehe ich direkt danach einkaufen.", "Danke, Ihnen auch!"])
def test_what_asks_for_nothing_looks_for_nothing(said: str) -> None:
    assert isinstance(booked_podiatry().hear(said), str)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Haben Sie am 24. Dezember auf?", {"tool": "business_information", "topic": "opening_hours", "date": "24. Dezember"}),
        ("Muss ich da was bezahlen, wenn ich nicht komme?", {"tool": "business_information", "topic": "cancellation"}),
        ("Mein Sohn ist krank, wir können morgen nicht kommen.", {"tool": "cancel_appointment", "appointment_date": "morgen"}),
        ("Ich wollte nur fragen, ob mein Termin noch steht.", {"tool": "find_appointments"}),
        ("Was haben Sie am Freitag für Zeiten?", {"tool": "check_availability", "date": "Freitag"}),
    ],
)  # fmt: skip
def test_the_function_is_the_one_that_the_sentence_means(said: str, expected: dict[str, str]) -> None:
    found = called(podiatry(), said)
    assert {name: value for name, value in found.items() if name != "question"} == expected


def test_who_tells_what_has_been_asks_for_no_time() -> None:
    model = podiatry()
    assert isinstance(model.hear("Ich hatte gestern einen Termin und habe meine Tasche liegen lassen."), str)
    assert model.remark is not None


def test_who_wants_to_speak_to_the_boss_wants_no_service() -> None:
    tools = make_tools(FUNCTIONS) | {"transfer_to_human": {"type": "transfer_call"}}
    model = ScriptedModel(tools, "+491", CATALOGUE)
    assert called(model, "Ich möchte den Chef sprechen.") == {"tool": "transfer_to_human"}


def test_a_further_question_about_opening_hours_may_be_a_date() -> None:
    model = podiatry()
    called(model, "Haben Sie am 24. Dezember auf?")
    model.learn({"success": True, "topic": "opening_hours"})
    assert called(model, "Und am 28.?")["topic"] == "opening_hours"


@pytest.mark.parametrize(
    "said", ["Ach stimmt, mittwochs ist ja zu. Dann Donnerstag.", "Da haben Sie ja zu, dann Donnerstag."]
)
def test_a_day_that_is_closed_is_not_the_one_that_is_wanted(said: str) -> None:
    model = podiatry()
    called(model, "Eine Fußpflege am Mittwoch um 15 Uhr.")
    model.learn({"success": False, "alternatives": [OFFER, OFFER | {"start": "2026-11-27T16:00:00+01:00"}]})
    assert called(model, said) == {
        "tool": "check_availability",
        "service": CARE,
        "date": "Donnerstag",
        "time": "15 Uhr",
    }


def test_a_thing_that_a_question_names_beside_offers_is_no_service() -> None:
    model = podiatry()
    called(model, "Eine Pediküre am Freitag um halb drei.")
    model.learn({"success": True, "slots": [OFFER, OFFER | {"start": "2026-11-27T16:00:00+01:00"}]})
    assert isinstance(model.hear("Hm, muss man ein Handtuch dabei haben?"), str)
