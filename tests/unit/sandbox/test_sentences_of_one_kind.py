"""Sentences that the demo's agent must not take for a request for a new appointment: other forms of what the page lists."""

import pytest
from workshop_model import CATALOGUE, LOAN, NOW, TOOLS, TUESDAY, booked, called, new_model, offering

from askproai_sandbox.caller import ScriptedModel, phrases
from askproai_sandbox.caller.catalogue import read_catalogue

OWN = [
    "Um wie viel Uhr ist mein Termin?",
    "Um wieviel Uhr war mein Termin gleich wieder?",
    "Um wie viel Uhr ist der Termin?",
    "Wann ist denn mein Reifenwechsel?",
    "Wann ist noch mal die Inspektion?",
    "Wann habe ich die Inspektion?",
    "Habe ich morgen eine Inspektion?",
    "Wann war das noch mal?",
    "Wann soll ich kommen?",
    "Um wie viel Uhr muss ich da sein?",
    "An welchem Tag ist mein Termin?",
    "Wie spät ist mein Termin?",
    "Bei wem ist mein Termin?",
    "Steht mein Termin noch?",
    "Können Sie nachsehen, ob ich am Montag einen Termin habe?",
    "Ich weiß nicht mehr, wann ich den Termin habe.",
]


@pytest.mark.parametrize("text", OWN)
def test_who_asks_for_the_own_appointment_hears_of_it(text: str) -> None:
    assert called(new_model(), text) == {"tool": "find_appointments"}
    assert called(booked(), text) == {"tool": "find_appointments"}


@pytest.mark.parametrize("text", ["Um wie viel Uhr ist der Termin?", "Wann war das noch mal?"])
def test_a_question_about_an_offer_is_answered_with_the_offer(text: str) -> None:
    assert TUESDAY["spoken"] in str(offering("Eine Inspektion", TUESDAY).hear(text))


@pytest.mark.parametrize(
    "text", ["Wann ist am Freitag eine Inspektion möglich?", "Wann ist der nächste Reifenwechsel frei?"]
)
def test_a_question_for_a_free_time_is_none_for_an_own_appointment(text: str) -> None:
    assert called(new_model(), text)["tool"] == "check_availability"


@pytest.mark.parametrize(
    "text",
    [
        "Kann ich ein Leihrad bekommen?",
        "Haben Sie ein Leihrad?",
        "Gibt es bei Ihnen Leihräder?",
        "Ich bräuchte ein Leihrad.",
    ],
)
def test_the_noun_of_a_known_question_is_no_service(text: str) -> None:
    known = {"tool": "business_information", "topic": "other", "question": LOAN}
    assert called(new_model(), text) == known
    assert called(offering("Eine Inspektion", TUESDAY), text) == known


@pytest.mark.parametrize("known", ["Gutschein", "Gutscheine", "Karten", "Schläuche"])
@pytest.mark.parametrize("said", ["Gutschein", "Gutscheinen", "Karte", "Schlauch"])
def test_a_noun_is_known_in_any_form(known: str, said: str) -> None:
    catalogue = read_catalogue(f"## Häufige Fragen\n- Verkaufen Sie {known}?\n")
    assert bool(catalogue.find_questions_about(f"Haben Sie {said}?")) == (known[0] == said[0])


@pytest.mark.parametrize(
    "text", ["Kann ich ein Leihrad reservieren?", "Ein Leihrad am Freitag um zehn.", "Ein E-Bike, bitte."]
)
def test_what_a_known_question_may_not_answer_is_not_understood(text: str) -> None:
    model = new_model()
    assert model.hear(text) == phrases.HELP
    assert "known question" in str(model.remark)


@pytest.mark.parametrize(
    "text",
    [
        "Haben Sie am Samstag noch was frei?",
        "Haben Sie bei Frau Petersen was frei?",
        "Haben Sie was für mein Kind frei?",
    ],
)
def test_a_day_a_person_and_a_child_make_no_wish_a_known_question(text: str) -> None:
    catalogue = read_catalogue(
        "## Buchbar\n- Inspektion (60 Minuten)\n\n## Team\n- Werkstatt: Jonas, Frau Petersen\n\n## Häufige Fragen\n"
        "- Haben Sie am Samstag Parkplätze?\n- Haben Sie eine Spielecke für Kinder?\n- Haben Sie in Frau Petersen eine Chefin?\n"
    )
    assert "business_information" not in str(ScriptedModel(TOOLS, "+491", catalogue, now=NOW).hear(text))


def test_a_question_beside_a_wish_is_not_lost_without_a_remark() -> None:
    model = new_model()
    model.hear("Eine Inspektion am Freitag, und bekomme ich ein Leihrad?")
    assert LOAN in str(model.remark)
    assert called(new_model(), "Was kostet die Inspektion?")["topic"] == "prices"


@pytest.mark.parametrize(
    ("text", "recipient"),
    [
        ("Ach, und sagen Sie dem Chef bitte, dass mein Rad noch bei ihm steht.", "Chef"),
        ("Sagen Sie der Werkstatt, dass mein Rad noch bei ihm steht.", "Werkstatt"),
        ("Sagen Sie bitte dem Meister Bescheid, dass mein Rad noch bei ihm steht.", "Meister"),
        ("Geben Sie bitte an die Werkstatt weiter, dass mein Rad noch bei ihm steht.", "Werkstatt"),
        ("Sagen Sie dem Herrn Krause doch bitte, dass mein Rad noch bei ihm steht.", "Herrn Krause"),
        ("Sagen Sie bitte Frau Petersen, dass mein Rad noch bei ihm steht.", "Frau Petersen"),
    ],
)
def test_a_message_says_for_whom_it_is(text: str, recipient: str) -> None:
    model = new_model()
    assert model.hear(text) == phrases.ASK_WHO
    passed_on = called(model, "Lutz Meier")
    assert (passed_on["message"], passed_on["recipient"]) == ("dass mein Rad noch bei ihm steht", recipient)


def test_a_message_for_who_has_no_name_is_passed_on_whole() -> None:
    model, text = new_model(), "Sagen Sie ihm bitte, dass ich später komme."
    model.hear(text)
    assert called(model, "Lutz Meier")["message"] == text


def test_a_part_of_the_day_reaches_a_function_that_has_no_argument_for_it() -> None:
    moved = called(booked(), "Kann ich den auf Mittwoch Nachmittag verschieben?")
    assert (moved["tool"], moved["date"]) == ("reschedule_appointment", "Mittwoch Nachmittag")
    assert called(booked(), "Kann ich den auf den Vormittag verschieben?")["time"] == "Vormittag"


@pytest.mark.parametrize(
    "text",
    [
        "Nein, dann nicht.",
        "Nein, dann lieber nicht.",
        "Ach, dann eben nicht.",
        "Dann bleibt es so.",
        "Dann lasse ich es.",
        "Dann behalte ich den Termin.",
    ],
)
def test_a_change_that_is_given_up_is_over(text: str) -> None:
    model = booked()
    model.hear("Kann ich den auf Mittwoch Nachmittag verschieben?")
    model.learn({"success": False, "message": "Um wie viel Uhr genau?"})
    assert model.hear(text) == phrases.KEPT


def test_the_agent_of_a_suspended_tenant_offers_no_appointment() -> None:
    greeting = "Termine kann ich zurzeit leider nicht annehmen. Soll ich Sie mit einem Mitarbeiter verbinden?"
    model = ScriptedModel({"transfer_to_human": {"type": "transfer_call"}}, "+491", CATALOGUE, greeting=greeting)
    assert model.hear("Was kostet eine Inspektion?") == greeting
    assert "suspended tenant" in str(model.remark)
    assert called(model, "Ja, gern.")["tool"] == "transfer_to_human"
