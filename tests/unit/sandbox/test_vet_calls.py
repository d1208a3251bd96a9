"""Calls of a veterinary practice: moves by an hour, what is no service, who is meant after a no, what nobody can change."""

from copy import deepcopy
from typing import Any

import pytest
from held_calls import TEN, TOOLS, function_of, hold

from askproai_sandbox.caller import ScriptedModel, phrases
from askproai_sandbox.caller.catalogue import read_catalogue
from askproai_sandbox.caller.name_answer import read_names

VET = read_catalogue(
    "## Buchbar\n- Impfung (15 Minuten; auch: Impfen, Impftermin, Auffrischung)\n- Kastration (60 Minuten; auch: Kastrieren)\n"
    "- Krallen schneiden (10 Minuten; auch: Krallenschneiden)\n"
    "- Sprechstunde (20 Minuten; auch: Untersuchung, Tierarzttermin)\n- Zahnsanierung (90 Minuten; auch: Zahnreinigung)\n\n"
    "## Team\n- Praxis: Doktor Huber, Doktor Sharma\n\n## Häufige Fragen\n- Muss mein Hund an die Leine?\n"
)
TODAY, MOVE = "Eine Impfung am Donnerstag um zehn.", "reschedule_appointment"
AFTERNOON = "Ich möchte meinen Termin am Donnerstag auf Freitag Nachmittag um drei verschieben."


def vet(**answers: dict[str, Any]) -> tuple[ScriptedModel, Any]:
    """Return a model whose functions take companions and parts of the day, and a function that says a sentence to it."""
    tools = deepcopy(TOOLS)
    for name in ("check_availability", "book_appointment"):
        tools[name]["parameters"]["properties"]["companions"] = {"type": "array"}
    answers = {
        "check_availability": {"success": True, "slots": [TEN]},
        "book_appointment": {"success": True, "appointment_id": "a-1"},
        **answers,
    }
    model = ScriptedModel(tools, "+491", VET)

    def say(text: str) -> Any:
        reaction = model.hear(text)
        if isinstance(reaction, str):
            return reaction
        model.learn({"message": "…", **answers.get(reaction.name, {"success": True})})
        return reaction.name, reaction.args

    return model, say


@pytest.mark.parametrize(
    ("said", "time"),
    [
        ("Kann ich meinen Termin eine Stunde später haben?", "eine Stunde später"),
        ("Geht mein Termin auch eine Stunde früher?", "eine Stunde früher"),
        ("Können wir meine Impfung zwei Stunden später machen?", "zwei Stunden später"),
        ("Ich hätte meinen Termin gern eine Stunde später.", "eine Stunde später"),
        ("Kann ich den eine Stunde später haben?", "eine Stunde später"),
    ],
)
def test_an_hour_later_moves_the_appointment_and_names_no_service(said: str, time: str) -> None:
    called, remark = hold(VET, said)
    expected = ("find_appointments", {}) if "Impfung" in said else (MOVE, {"time": time})
    assert (called, remark) == (expected, None)


def test_an_hour_later_is_counted_from_the_appointment_of_the_day_that_is_named() -> None:
    called, remark = hold(VET, "Kann ich meinen Termin am Donnerstag eine Stunde später haben?")
    assert (called, remark) == ((MOVE, {"appointment_date": "Donnerstag", "time": "eine Stunde später"}), None)


def test_a_lesson_is_still_meant_by_an_hour() -> None:
    music = read_catalogue("## Buchbar\n- Klavierstunde (45 Minuten)\n\n## Team\n- Haus: Nina\n")
    assert function_of(music, "Ich hätte gern eine Stunde am Donnerstag.")[1]["service"] == "Klavierstunde"


@pytest.mark.parametrize("noun", ["Ultraschalluntersuchung", "Blutuntersuchung", "Augenuntersuchung"])
def test_an_examination_of_another_kind_is_passed_on_as_it_was_said(noun: str) -> None:
    assert function_of(VET, f"Ich hätte gern eine {noun} am Donnerstag um fünf.")[1]["service"] == noun
    assert function_of(VET, f"Was kostet eine {noun}?")[1]["service"] == noun


@pytest.mark.parametrize("noun", ["Untersuchung", "Routineuntersuchung", "Hundeuntersuchung"])
def test_an_examination_is_the_service_whomever_it_is_for(noun: str) -> None:
    assert function_of(VET, f"Ich hätte gern eine {noun} am Donnerstag um fünf.")[1]["service"] == "Sprechstunde"


@pytest.mark.parametrize(
    ("said", "customer"),
    [
        (("Nein, doch nicht.", "Und noch Krallen schneiden am Freitag um halb neun."), "Rosa Rot"),
        (("Nein, das passt nicht.", "Und noch Krallen schneiden am Freitag um halb neun."), "Rosa Rot"),
        (("Nein, das passt nicht.", "Lieber am Freitag um zehn."), "Mia Rot"),
    ],
)
def test_who_declines_an_offer_for_somebody_books_in_the_own_name_again(said: tuple[str, ...], customer: str) -> None:
    own = (TODAY, "Ja, Rosa Rot.", "Und für meine Tochter Mia Rot am Donnerstag um zehn.")
    name, args = function_of(VET, *own, *said, "Ja.")
    assert (name, args["customer_name"]) == ("book_appointment", customer)


def test_who_has_said_no_name_but_that_of_another_is_asked_for_it() -> None:
    said = ("Für meine Tochter Mia Rot eine Impfung am Donnerstag um zehn.", "Nein, doch nicht.", TODAY, "Ja.")
    assert hold(VET, *said)[0] == phrases.ASK_NAME


def test_a_clock_time_replaces_the_part_of_the_day_that_was_refused() -> None:
    refused = {"success": False, "alternatives": [TEN], "message": "Was passt Ihnen?"}
    _, say = vet(reschedule_appointment=refused)
    say(AFTERNOON)
    assert say("Dann Freitag um neun.") == (MOVE, {"appointment_date": "Donnerstag", "date": "Freitag", "time": "neun"})


@pytest.mark.parametrize(
    "said",
    [
        "Und wenn ich absagen muss, kostet das was?",
        "Muss ich was zahlen, wenn ich absagen muss?",
        "Falls ich doch nicht kommen kann, muss ich dann was zahlen?",
    ],
)
def test_what_a_cancellation_costs_cancels_nothing(said: str) -> None:
    assert function_of(VET, said) == ("business_information", {"topic": "cancellation", "question": said})


def test_whether_an_animal_must_be_sober_is_a_question_about_the_service() -> None:
    said = "Muss mein Hund zur Zahnsanierung nüchtern sein?"
    assert function_of(VET, said) == (
        "business_information",
        {"topic": "service", "question": said, "service": "Zahnsanierung"},
    )
    assert hold(VET, said)[1] is None


@pytest.mark.parametrize(
    "said",
    [
        "Ja, Karl Ernst, Eva Ernst und Paul Ernst.",
        "Ja, gern. Karl Ernst, Eva Ernst, Paul Ernst.",
        "Karl Ernst, Eva Ernst, Paul Ernst",
    ],
)
def test_names_in_a_row_are_those_of_several_people(said: str) -> None:
    assert read_names(said) == ("Karl Ernst", "Eva Ernst", "Paul Ernst")


def test_a_name_that_is_a_day_is_one_name() -> None:
    assert read_names("Sonntag, Petra Sonntag") == ("Petra Sonntag",)


def test_two_who_come_at_three_are_two() -> None:
    _, say = vet()
    said = "Ich möchte mit meinem Mann zusammen kommen, zweimal Impfung am Donnerstag um drei."
    assert say(said)[1]["companions"] == [{}]


def test_a_group_gets_no_remark_on_one_thing_after_the_other() -> None:
    model, say = vet()
    say("Ich hätte gern zwei Termine gleichzeitig, für mich und meine Schwester, Sprechstunde am Dienstag um zehn.")
    assert model.remark is None


def test_a_day_that_there_is_not_is_no_day_of_the_next_time() -> None:
    _, say = vet(check_availability={"success": False, "message": "Diesen Tag gibt es nicht."})
    assert say("Impfung am 31. November um zehn.")[1]["date"] == "31. November"
    assert "31. November" not in say("Impfung am Dienstag um 25 Uhr.")[1].values()


def test_a_yes_to_several_appointments_asks_which_one_is_meant() -> None:
    several = [{"appointment_id": name, "start": TEN["start"], "customer_name": name} for name in ("Eva A", "Udo A")]
    model, say = vet(cancel_appointment={"success": False, "appointments": several, "message": "Welchen Termin?"})
    say("Ich möchte beide Termine am Donnerstag absagen.")
    assert model.remark == phrases.ONE_BY_ONE
    assert say("Ja.") == phrases.ASK_APPOINTMENT


@pytest.mark.parametrize(
    ("said", "answers"),
    [
        ("Ich habe einen Termin auf den falschen Namen gebucht, ich heiße Rita Renger.", ("Ja, gern.",)),
        ("Ich stehe auf der Warteliste, streichen Sie mich bitte.", ("Ja, gern.", "Rita Renger.")),
        ("Bitte streichen Sie mich von der Warteliste.", ("Ja, gern.", "Rita Renger.")),
    ],
)
def test_what_no_function_changes_is_offered_to_be_passed_on(said: str, answers: tuple[str, ...]) -> None:
    assert hold(VET, said) == (phrases.OFFER_MESSAGE, phrases.NOT_UNDERSTOOD.format(said))
    assert function_of(VET, said, *answers) == ("leave_message", {"message": said, "customer_name": "Rita Renger"})
