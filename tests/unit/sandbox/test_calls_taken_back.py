"""What a caller takes back: what is done is not said to be undone, and who asks about an appointment books no second one."""

import pytest
from held_calls import TEN, TOOLS, function_of, hold

from askproai_sandbox.caller import ScriptedModel, ToolCall, phrases
from askproai_sandbox.caller.catalogue import read_catalogue

SCHOOL = read_catalogue(
    "## Buchbar\n- Einstufungstest (30 Minuten; auch: Test)\n- Probestunde Englisch (45 Minuten; auch: Englisch)\n\n"
    "## Team\n- Sprachschule: Nina, Mr Brown\n"
)
TEST = "Einen Einstufungstest am Donnerstag um zehn bitte."
BOOKED = (TEST, "Ja, Nora Behn")
ASKS = ("cancel_appointment", {"appointment_id": "a-1"})


@pytest.mark.parametrize(
    "said",
    [
        "Nein, doch nicht.", "Ach, lieber doch nicht.", "Ich hab's mir anders überlegt.", "Nein, das stimmt so nicht.",
        "Den will ich doch nicht.", "Doch nicht, das war falsch.",
    ],
)  # fmt: skip
def test_who_takes_a_booking_back_is_asked_by_the_function_whether_to_cancel_it(said: str) -> None:
    assert function_of(SCHOOL, *BOOKED, said) == ASKS
    cancelled = ("cancel_appointment", {"appointment_id": "a-9", "confirmed": True})
    assert function_of(SCHOOL, *BOOKED, said, "Ja, bitte.") == cancelled
    assert hold(SCHOOL, *BOOKED, said, "Nein, danke.")[0] == phrases.KEPT


@pytest.mark.parametrize(
    "said", ["Machen Sie das bitte rückgängig.", "Nein, das war falsch, machen Sie das bitte wieder rückgängig"]
)
def test_who_wants_a_booking_undone_cancels_it(said: str) -> None:
    assert function_of(SCHOOL, *BOOKED, said)[0] == "cancel_appointment"


def test_a_no_to_the_question_whether_to_cancel_keeps_it() -> None:
    two = read_catalogue("## Buchbar\n- Test (30 Minuten)\n\n## Team\n- Nord: Nina\n- Süd: Ben\n")
    said = ("Einen Test am Donnerstag um zehn bitte.", "Ja, Nora Behn", "Doch lieber in Süd.")
    assert hold(two, *said)[0] == phrases.OTHER_BRANCH
    assert hold(two, *said, "Nein, doch nicht.")[0] == phrases.KEPT


def test_who_leaves_it_as_it_is_keeps_it() -> None:
    assert hold(SCHOOL, *BOOKED, "Nein, lassen Sie alles so.")[0] == phrases.KEPT


@pytest.mark.parametrize(
    "said",
    [
        ("Sagen Sie Nina bitte, dass ich krank bin.", "Nora Behn"),
        ("Setzen Sie mich auf die Warteliste für Freitag, Einstufungstest.", "Nora Behn"),
    ],
)
def test_what_is_noted_is_not_said_to_be_nothing(said: tuple[str, ...]) -> None:
    model = ScriptedModel({**TOOLS, "join_waitlist": {"parameters": {"properties": {"date": {}}}}}, "+491", SCHOOL)
    for each in said:
        if isinstance(model.hear(each), ToolCall):
            model.learn({"success": True, "message": "…"})
    assert model.hear("Nein, doch nicht.") == phrases.NOTED


@pytest.mark.parametrize("said", ["Ach nein, ich will ihn behalten.", "Nein, doch nicht."])
def test_what_is_cancelled_is_not_said_to_be_kept(said: str) -> None:
    model = ScriptedModel(TOOLS, "+491", SCHOOL)
    model.hear("Ich muss meinen Termin absagen.")
    model.learn({"success": False, "message": "Soll ich …?", "needs_confirmation": True, "appointment_id": "a-9"})
    model.hear("Ja.")
    model.learn({"success": True, "message": "Abgesagt.", "appointment_id": "a-9"})
    assert model.hear(said) == phrases.CANCELLED


def test_a_booked_name_is_not_changed_without_a_remark() -> None:
    said = "Nein, der Name ist falsch, ich heiße Behm."
    assert hold(SCHOOL, *BOOKED, said)[1] == phrases.NOT_UNDERSTOOD.format(said)


@pytest.mark.parametrize(
    "said",
    [
        "Da kann ich leider nicht kommen.",
        "Am Donnerstag kann ich doch nicht kommen.",
        "Donnerstag wird's bei mir nichts.",
    ],
)
def test_who_cannot_come_to_an_offer_cancels_nothing_and_takes_nothing(said: str) -> None:
    assert hold(SCHOOL, TEST, said)[0] == phrases.ASK_TIME


@pytest.mark.parametrize(
    "said",
    [
        "Ist mein Termin noch da?", "Haben Sie meinen Termin?", "Steht mein Test?", "Ich weiß nicht mehr, wann mein Test ist.",
        "Muss ich morgen kommen?", "Findet die Probestunde morgen statt?", "Fällt mein Test morgen aus?",
    ],
)  # fmt: skip
def test_who_asks_about_an_appointment_hears_it_and_is_offered_no_second_one(said: str) -> None:
    assert function_of(SCHOOL, said) == ("find_appointments", {})


@pytest.mark.parametrize(
    "said", ["Ist am Freitag ein Termin frei?", "Wann ist der nächste Test frei?", "Ist mein Test kostenlos?"]
)
def test_other_questions_are_not_about_the_own_appointment(said: str) -> None:
    assert function_of(SCHOOL, said)[0] != "find_appointments"


def test_an_appointment_for_somebody_is_in_the_name_that_is_said() -> None:
    _, args = function_of(SCHOOL, "Eine Probestunde Englisch für meinen Sohn Paul Behn am Freitag um vier.", "Ja.")
    assert args["customer_name"] == "Paul Behn"


@pytest.mark.parametrize(
    "said",
    [
        "Ja, aber das ist mir zu teuer.",
        "Ja, das hatte ich aber schon.",
        "Klingt gut, aber da arbeite ich.",
    ],
)
def test_a_yes_that_says_more_gets_the_offer_once_more_before_the_name_is_asked_for(said: str) -> None:
    reaction, remark = hold(SCHOOL, TEST, said)
    assert reaction == phrases.ASK_YES.format(TEN["spoken"])
    assert remark is not None


@pytest.mark.parametrize(
    "said",
    [
        "Meinetwegen.", "Na gut, von mir aus.", "Wird gemacht.", "Da spricht nichts dagegen.", "Da kann ich.", "Ich nehm den.",
        "Den will ich.", "Reservieren Sie den bitte.", "Okay, dann bis Donnerstag!", "Ich komme.",
    ],
)  # fmt: skip
def test_an_offer_is_accepted_reluctantly_and_gladly(said: str) -> None:
    assert hold(SCHOOL, TEST, said) == (phrases.ASK_NAME, None)


@pytest.mark.parametrize("said", ["Na ja.", "Da hab ich noch nichts vor.", "Kein Problem."])
def test_what_may_be_a_yes_or_a_no_gets_the_offer_once_more(said: str) -> None:
    assert hold(SCHOOL, TEST, said)[0] == phrases.ASK_YES.format(TEN["spoken"])


def test_who_comes_back_later_books_nothing() -> None:
    assert hold(SCHOOL, TEST, "Okay, ich melde mich.")[0] == phrases.NOTHING


def test_a_yes_to_a_new_appointment_is_asked_when() -> None:
    model = ScriptedModel(TOOLS, "+491", SCHOOL)
    model.hear("Wann ist mein Termin?")
    model.learn(
        {"success": True, "appointments": [], "message": "Ich finde keinen. Möchten Sie sonst einen neuen Termin?"}
    )
    assert model.hear("Ja, gern.") == phrases.ASK_WHEN


def test_a_day_beside_the_branch_is_the_wanted_one() -> None:
    model = ScriptedModel(TOOLS, "+491", SCHOOL)
    model.hear("Einen Einstufungstest am Mittwoch, bitte.")
    model.learn({"success": False, "message": "Möchten Sie dort einen Termin?", "branches": ["altstadt"]})
    asked = model.hear("Ja, in der Altstadt, aber lieber am Freitag")
    assert isinstance(asked, ToolCall)
    assert asked.args["date"] == "Freitag"


@pytest.mark.parametrize("said", ["Wie immer.", "In Mitte.", "Die zwei.", "In 13187.", "Eins"])
def test_a_branch_alone_changes_no_day(said: str) -> None:
    model = ScriptedModel(TOOLS, "+491", SCHOOL)
    model.hear("Einen Einstufungstest am Mittwoch um vier, bitte.")
    model.learn({"success": False, "message": "Für welche Filiale?", "branches": ["mitte", "pankow"]})
    asked = model.hear(said)
    assert isinstance(asked, ToolCall)
    assert (asked.args["date"], asked.args["time"], asked.args["branch"]) == ("Mittwoch", "vier", said)


def test_another_person_for_an_appointment_that_there_is_has_a_remark() -> None:
    said = "Ich möchte den Termin am Donnerstag doch lieber bei Nina"
    assert hold(SCHOOL, said) == (phrases.IMPOSSIBLE, phrases.SAME_PERSON.format("Nina"))


def test_the_same_time_on_another_day_is_passed_on_and_not_left_out() -> None:
    called, remark = hold(SCHOOL, *BOOKED, "Doch lieber am Freitag um die gleiche Zeit")
    moved = {"appointment_id": "a-1", "date": "Freitag", "time": "um die gleiche Zeit"}
    assert (called, remark) == (("reschedule_appointment", moved), None)
