"""Calls of a speech therapy practice with two branches, whose callers speak of children, ordinals and two appointments."""

import pytest
from held_calls import TOOLS, function_of, hold

from askproai_sandbox.caller import ScriptedModel, ToolCall, phrases
from askproai_sandbox.caller.catalogue import read_catalogue

PRACTICE = read_catalogue(
    "## Buchbar\n- Erstgespräch (45 Minuten)\n- Diagnostik (45 Minuten)\n"
    "- Kindertherapie (45 Minuten; auch: Kinderlogopädie, Sprachtherapie für Kinder, Sprachförderung)\n"
    "- Schlucktherapie (45 Minuten)\n- Stimmtherapie (45 Minuten), nur in Sprachraum Bonn\n\n"
    "## Team\n- Sprachraum Bonn: Frau Hoffmann, Herr Becker\n\n"
    "## Weitere Filialen\n- Sprachraum Siegburg\n"
)
FIRST = "Ein Erstgespräch am Donnerstag um zehn."
HOFFMANN = {
    "start": "2026-11-27T09:00:00+01:00",
    "spoken": "Freitag, den 27. November, um 9 Uhr bei Frau Hoffmann",
    "staff": "Frau Hoffmann",
}


@pytest.mark.parametrize("day", ["Auf den ersten.", "Auf den dritten, bitte.", "Auf den vierten."])
def test_an_ordinal_to_which_is_moved_is_a_day(day: str) -> None:
    model = ScriptedModel(TOOLS, "+491", PRACTICE)
    assert isinstance(model.hear("Kann ich meinen Termin verschieben?"), ToolCall)
    model.learn({"success": False, "message": "Auf welchen Tag und welche Uhrzeit soll ich den Termin verschieben?"})
    moved = model.hear(day)
    assert isinstance(moved, ToolCall)
    assert "date" in moved.args


def test_a_day_for_an_appointment_that_is_not_cancelled_after_all_is_kept() -> None:
    says = ("Ich muss meinen Termin absagen.", "Nee, warten Sie, lieber verschieben, auf den dritten.")
    assert "dritten" in function_of(PRACTICE, *says)[1]["date"]


def test_whoever_has_time_is_no_caller() -> None:
    says = (FIRST, "Egal wann, wenn Frau Hoffmann Zeit hat, gern Freitag früh.", "Neun Uhr passt.")
    assert hold(PRACTICE, *says, offers=(HOFFMANN,))[0] == phrases.ASK_NAME


@pytest.mark.parametrize(
    "said",
    [
        "Paula Heinrichs, das Kind heißt Mia.",
        "Mein Name ist Sonja Kraft, mein Kind heißt Tom Kraft.",
        "Für mein Kind, Mia Peters.",
        "Ja, Paula Heinrichs, das Kind heißt Mia.",
    ],
)
def test_a_child_beside_the_name_names_no_service(said: str) -> None:
    """It is asked once more, for the service that was accepted."""
    _, args = function_of(PRACTICE, FIRST, "Ja, gern.", said, "Ja, Mia Peters.")
    assert args["service"] == "Erstgespräch"


@pytest.mark.parametrize(
    ("said", "answer", "when"),
    [
        ("Sagen Sie bitte Frau Hoffmann, sie soll mich zurückrufen.", "Julia Brandt, morgen nach 17 Uhr.", "17 Uhr"),
        ("Sagen Sie Herrn Becker bitte, er soll mich anrufen.", "Gerd Moll, morgen Vormittag.", "Vormittag"),
    ],
)
def test_the_time_of_a_callback_that_is_asked_for_as_a_message_is_kept(said: str, answer: str, when: str) -> None:
    name, args = function_of(PRACTICE, said, answer)
    assert name == "leave_message"
    assert when in args["call_back"]


def test_until_when_something_is_needed_is_part_of_the_message() -> None:
    says = ("Können Sie Herrn Becker ausrichten, dass ich den Bericht brauche?", "Paul Sommer, bis Freitag bitte.")
    _, args = function_of(PRACTICE, *says)
    assert args["customer_name"] == "Paul Sommer"
    assert args["message"] == "dass ich den Bericht brauche. bis Freitag"


@pytest.mark.parametrize(
    "said",
    [
        "Baum, guten Tag. Ich möchte den Termin von Lukas am Freitag nach Bonn verlegen.",
        "Horn, ich würde meinen Termin gern nach Bonn verlegen.",
        "Ich möchte meinen Termin von Siegburg nach Bonn verlegen.",
    ],
)
def test_a_move_into_the_branch_that_was_called_is_one_into_another(said: str) -> None:
    assert hold(PRACTICE, said)[0] == phrases.NO_BRANCH_MOVE


def test_a_move_within_the_branch_that_was_called_is_none() -> None:
    assert function_of(PRACTICE, "Ich möchte meinen Termin in Bonn verschieben.")[0] == "reschedule_appointment"


def test_who_waits_for_a_clock_time_keeps_the_day() -> None:
    declared = {"parameters": {"properties": {name: {} for name in ("service", "date", "time", "customer_name")}}}
    model = ScriptedModel({**TOOLS, "join_waitlist": declared}, "+491", PRACTICE)
    assert isinstance(model.hear("Stimmtherapie am Mittwoch um zehn."), ToolCall)
    model.learn({"success": True, "slots": [HOFFMANN], "message": "Um zehn ist nichts mehr frei."})
    model.hear("Schade, ich kann nur um zehn. Setzen Sie mich bitte auf die Warteliste.")
    joined = model.hear("Gisela Kurz.")
    assert isinstance(joined, ToolCall)
    assert (joined.name, joined.args["date"], "zehn" in joined.args["time"]) == ("join_waitlist", "Mittwoch", True)


@pytest.mark.parametrize("second", ["Und den am Freitag um acht bitte.", "Ja, und Freitag um acht."])
def test_the_second_of_two_appointments_that_were_asked_for_moves_nothing(second: str) -> None:
    says = ("Kann ich zwei Termine für Schlucktherapie haben, einmal Mittwoch um acht und einmal Freitag um acht?",)
    called, args = function_of(PRACTICE, *says, "Ja, Karl Winter.", second)
    assert called == "check_availability"
    assert args["date"].endswith("Freitag")


def test_a_correction_after_the_first_of_two_still_moves_it() -> None:
    says = ("Kann ich zwei Termine für Schlucktherapie haben, einmal Mittwoch um acht und einmal Freitag um acht?",)
    assert function_of(PRACTICE, *says, "Ja, Karl Winter.", "Nein, doch lieber um neun.")[0] == "reschedule_appointment"


@pytest.mark.parametrize("bye", ["Ok, ich überlege es mir. Tschüss.", "Ok, tschüss.", "Alles klar, danke, tschüss."])
def test_who_says_goodbye_is_not_connected(bye: str) -> None:
    model = ScriptedModel(TOOLS, "+491", PRACTICE)
    assert isinstance(model.hear("Haben Sie einen Aufzug?"), ToolCall)
    message = "Das kann ich Ihnen leider nicht sagen. Soll ich Sie mit dem Team verbinden oder ihm etwas ausrichten?"
    model.learn({"success": False, "message": message})
    assert model.hear(bye) == phrases.GOODBYE


@pytest.mark.parametrize("said", ["Danke, wo muss ich da hin?", "Danke, haben Sie einen Aufzug?"])
def test_thanks_before_a_question_end_no_call(said: str) -> None:
    assert hold(PRACTICE, FIRST, "Ja, Ole Groß.", said)[0] != phrases.GOODBYE


@pytest.mark.parametrize(
    "bye", ["Vielen Dank.", "Perfekt, bis dann.", "Merci, schönes Wochenende!", "Gut, danke, bis Mittwoch."]
)
def test_a_call_ends_with_many_words(bye: str) -> None:
    assert hold(PRACTICE, FIRST, "Ja, Ole Groß.", bye) == (phrases.GOODBYE, None)


@pytest.mark.parametrize("said", ["Und bei wem ist das dann?", "Bei wem ist das?"])
def test_with_whom_is_asked_of_what_was_moved(said: str) -> None:
    says = ("Verschieben Sie meinen Termin bitte auf Freitag, halb elf.", said)
    assert function_of(PRACTICE, *says)[0] == "find_appointments"


def test_anders_is_a_family_name() -> None:
    _, args = function_of(PRACTICE, FIRST, "Ja, Rolf Anders.")
    assert args["customer_name"] == "Rolf Anders"


# Questions and remarks after a booking, places and people

HOTLINE = read_catalogue(
    "## Buchbar\n- Erstgespräch (45 Minuten)\n- Kindertherapie (45 Minuten)\n"
    "- Stimmtherapie (45 Minuten), nur in Sprechwerk Bonn\n"
    "- Rezeptabholung (10 Minuten; auch: Rezept abholen, Verordnung abholen), nur in Sprechwerk Bonn\n\n"
    "## Team\n- Sprechwerk Bonn: Frau Lindner, Herr Hoffmann, Frau Yildiz\n- Sprechwerk Siegburg: Frau Yildiz\n\n"
    "## Häufige Fragen\n- Brauche ich ein Rezept?\n"
)


@pytest.mark.parametrize(
    "said",
    [
        "Moment, habe ich jetzt Dienstag um vier?",
        "Super, am Mittwoch um halb elf hab ich nämlich noch was vor.",
        "Gut, am Donnerstag um fünf geht mein Flug.",
        "Moment, hab ich jetzt Dienstag oder Donnerstag?",
    ],
)
def test_a_remark_with_a_day_moves_nothing_that_was_booked(said: str) -> None:
    reaction, _ = hold(HOTLINE, "Stimmtherapie am Montag um vier.", "Ja, Eva Bach.", said)
    assert isinstance(reaction, str) or reaction[0] != "reschedule_appointment"


def test_another_time_moves_what_was_booked_after_a_yes() -> None:
    says = ("Stimmtherapie am Montag um vier.", "Ja, Eva Bach.", "Geht auch Dienstag um vier?")
    assert hold(HOTLINE, *says)[0] == phrases.MOVE_BOOKED.format("Dienstag, vier")
    name, args = function_of(HOTLINE, *says, "Ja, bitte.")
    assert (name, args["appointment_id"], args["date"]) == ("reschedule_appointment", "a-1", "Dienstag")
    assert hold(HOTLINE, *says, "Nein.")[0] == phrases.KEPT


@pytest.mark.parametrize(
    "said", ["Und für ihren Bruder Leon Kern um zehn.", "Und für seine Schwester Leon Kern um zehn."]
)
def test_a_brother_is_booked_by_his_own_name(said: str) -> None:
    name, args = function_of(
        HOTLINE, "Kindertherapie am Freitag um neun in Siegburg.", "Ja, Mia Kern.", said, "Ja bitte."
    )
    assert (name, args["customer_name"]) == ("book_appointment", "Leon Kern")


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("Stimmtherapie um elf am Mittwoch in Bonn, bitte.", "am Mittwoch"),
        ("Ich hätte gerne Kindertherapie bei Frau Yildiz am Freitag in Siegburg.", "am Freitag"),
    ],
)
def test_a_day_before_a_place_is_kept(said: str, day: str) -> None:
    _, args = function_of(HOTLINE, said)
    assert (args["date"], args["branch"][:10]) == (day.removeprefix("am "), "Sprechwerk")


def test_a_further_question_about_another_branch_names_that() -> None:
    declared = {"parameters": {"properties": {name: {} for name in ("topic", "question", "date", "branch")}}}
    model = ScriptedModel({**TOOLS, "business_information": declared}, "+491", HOTLINE)
    for said, branch in (("Haben Sie in Siegburg am Montag auf?", "Siegburg"), ("Und in Bonn am Montag?", "Bonn")):
        asked = model.hear(said)
        assert isinstance(asked, ToolCall)
        assert (asked.args["topic"], asked.args["branch"]) == ("opening_hours", f"Sprechwerk {branch}")
        model.learn({"success": True, "message": "Am Montag ist geschlossen."})


def test_who_works_in_a_branch_is_said_of_that_branch() -> None:
    reaction, _ = hold(HOTLINE, "Wer arbeitet in Siegburg?")
    assert reaction == "Sie können wählen: Frau Yildiz. Was möchten Sie?"
    reaction, remark = hold(PRACTICE, "Wer arbeitet in Siegburg?")
    assert "Frau" not in str(reaction)
    assert remark == phrases.TEAM_NOT_KNOWN.format("Sprachraum Siegburg")


@pytest.mark.parametrize("asked", ["Brauche ich ein Rezept?", "Brauche ich dafür ein Rezept?"])
def test_a_question_with_half_of_a_service_chooses_none(asked: str) -> None:
    says = (
        "Was kostet denn das Erstgespräch?",
        asked,
        "Dann hätte ich gern einen Termin am Donnerstag um zwei in Bonn.",
    )
    assert function_of(HOTLINE, *says)[1]["service"] == "Erstgespräch"


def test_the_place_of_an_offer_is_said_and_not_changed() -> None:
    says = ("Kindertherapie in Siegburg am 15. Dezember um vier.", "Moment, ist das in Bonn?")
    reaction, _ = hold(HOTLINE, *says)
    assert str(reaction).startswith("Das ist in Sprechwerk Siegburg. ")
