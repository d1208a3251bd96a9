"""Calls of a law firm: what a caller reports is not what is wished, and a word of many services is none of them alone."""

import pytest
from held_calls import function_of, hold

from askproai_sandbox.caller.catalogue import read_catalogue

FIRM = read_catalogue(
    "## Buchbar\n- Erstberatung Mietrecht (45 Minuten; auch: Mietrecht, Mietberatung)\n- Testamentsberatung (60 Minuten)\n"
    "- Telefonberatung (20 Minuten; auch: telefonische Beratung)\n- Ersttermin (30 Minuten; auch: erster Termin)\n\n"
    "## Team\n- Altstadt: Frau Dr. Hellwig, Herr Osman\n\n"
    "## Häufige Fragen\n- Nehmen Sie Rechtsschutzversicherungen?\n- Beraten Sie auch per Video?\n- Verkaufen Sie Gutscheine?\n"
)


def test_a_word_that_many_services_end_in_is_asked_about() -> None:
    asked, _ = hold(FIRM, "Mein Vermieter hat mir gekündigt, ich bräuchte dringend eine Beratung.")
    assert asked == "Möchten Sie Erstberatung Mietrecht oder Testamentsberatung oder Telefonberatung?"


def test_a_name_with_the_word_termin_is_that_service() -> None:
    assert function_of(FIRM, "Ich hätte gern einen ersten Termin am Montag.")[1]["service"] == "Ersttermin"
    assert "service" not in function_of(FIRM, "Ich hätte gern einen Termin am Montag.")[1]


def test_a_prescription_is_for_what_it_is_and_the_wish_is_another() -> None:
    said = "Ich habe eine Überweisung für Mietrecht bekommen und bräuchte einen ersten Termin."
    assert function_of(FIRM, said)[1]["service"] == "Ersttermin"


@pytest.mark.parametrize(
    "said",
    [
        "Ich hab ein Schreiben vom Gericht bekommen und muss bis Freitag antworten, geht vorher noch was?",
        "Ich hatte einen Arbeitsunfall und hätte gern einen Termin.",
        "Meine Tochter hat Schwierigkeiten beim Lesen, wir bräuchten einen Termin.",
        "Ich habe eine Kündigung bekommen und brauche einen Anwalt.",
    ],
)
def test_what_a_caller_has_got_or_had_is_no_service(said: str) -> None:
    name, args = function_of(FIRM, said)
    assert (name, "service" in args) == ("check_availability", False)


@pytest.mark.parametrize(
    "said",
    [
        "Rechnen Sie auch mit der Versicherung ab? Ich hatte einen Unfall.",
        "Nein, ich wollte nur wissen, ob Sie über die Versicherung abrechnen.",
        "Sind Sie auf Mietrecht spezialisiert?",
        "Bin ich da richtig bei der Testamentsberatung?",
        "Zahlt die Versicherung das Mietrecht?",
    ],
)
def test_a_question_is_passed_on_and_is_no_wish(said: str) -> None:
    assert function_of(FIRM, said) == ("business_information", {"topic": "other", "question": said})


@pytest.mark.parametrize(
    ("said", "known"),
    [
        ("Beraten Sie auch per Video? Meine Mutter kann nicht mehr laufen.", "Beraten Sie auch per Video?"),
        ("Haben Sie Gutscheine? Ich möchte meiner Schwester was schenken.", "Verkaufen Sie Gutscheine?"),
    ],
)
def test_what_is_told_behind_a_known_question_does_not_hide_it(said: str, known: str) -> None:
    assert function_of(FIRM, said)[1]["question"] == known


def test_now_is_no_day_where_it_only_fills() -> None:
    assert "date" not in function_of(FIRM, "Mein Vater braucht jetzt eine Testamentsberatung.")[1]
    assert function_of(FIRM, "Testamentsberatung, haben Sie jetzt gleich was frei?")[1]["date"].startswith("jetzt")


def test_a_day_that_we_cannot_make_is_replaced_by_the_one_said_with_it() -> None:
    says = ("Mietrecht, heute bitte.", "Nein, heute schaffen wir nicht, lieber nächste Woche Dienstag gegen drei.")
    assert function_of(FIRM, *says)[1]["date"] == "nächste Woche Dienstag"


def test_whether_a_booking_is_another_service_is_looked_up() -> None:
    says = (
        "Mietrecht, bitte.",
        "Um zehn, Manuela Böttcher.",
        "Ist das denn jetzt der Ersttermin? Ich war noch nie da.",
    )
    assert function_of(FIRM, *says)[0] == "find_appointments"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("Ich bin morgen zehn Minuten später dran, Voß mein Name.", "dran, mein Name ist Voß."),
        (
            "Hallo, Voß hier, mit der Rechnung stimmt was nicht, bitte rufen Sie mich zurück.",
            "Hallo, mein Name ist Voß",
        ),
    ],
)
def test_a_name_that_is_said_amid_a_message_is_written_as_one(said: str, message: str) -> None:
    assert message in function_of(FIRM, said)[1]["message"]


def test_the_name_behind_a_message_is_who_leaves_it() -> None:
    called = function_of(FIRM, "Richten Sie Herrn Osman aus, er soll mich zurückrufen, Bernd Claasen.")
    assert called[1]["customer_name"] == "Bernd Claasen"
    says = ("Ich rufe wegen der Rechnung an, da stimmt was nicht.", "Ja bitte, Hella Thiessen.")
    assert function_of(FIRM, *says)[1]["customer_name"] == "Hella Thiessen"


def test_who_wants_an_appointment_after_a_question_leaves_no_message() -> None:
    says = ("Bin ich da richtig bei der Testamentsberatung?", "Dann hätte ich gern einen Termin.")
    assert function_of(FIRM, *says)[0] == "check_availability"
