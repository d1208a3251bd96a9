"""Calls of a car repair shop: what is done to what ("die Reifen wechseln"), and what is said beside a choice or a yes."""

from typing import Any

import pytest
from held_calls import HALF_PAST_TWO, TEN, TOGETHER, TOOLS, function_of, hold

from askproai_sandbox.caller import ScriptedModel, ToolCall, phrases
from askproai_sandbox.caller.catalogue import read_catalogue

SHOP = read_catalogue(
    "## Buchbar\n- Inspektion (90 Minuten)\n- Hauptuntersuchung (45 Minuten; auch: TÜV, HU)\n- Nachprüfung (30 Minuten)\n"
    "- Reifenwechsel (30 Minuten; auch: Räderwechsel, Winterreifen, Sommerreifen)\n- Ölwechsel (45 Minuten; auch: Öl)\n"
    "- Bremsenprüfung (45 Minuten; auch: Bremsen)\n- Reklamation (30 Minuten)\n- Fenstereinstellung (45 Minuten)\n\n"
    "## Team\n- Nord: Herr Wendland, Murat\n- Vellmar: Oleg\n"
)
DONE = {"success": True, "message": "…"}


def answer(model: ScriptedModel, called: ToolCall | str, **answer: Any) -> ToolCall | str | None:
    assert isinstance(called, ToolCall), called
    return model.learn(DONE | answer)


@pytest.mark.parametrize(
    ("said", "service"),
    [
        ("Die Reifen bitte wechseln, am Donnerstag.", "Reifenwechsel"),
        ("Ich würd gern das Öl wechseln lassen, am Donnerstag.", "Ölwechsel"),
        ("Am Donnerstag müssten die Bremsen geprüft werden.", "Bremsenprüfung"),
        ("Inspektion am Donnerstag und dabei gleich die Reifen wechseln lassen.", "Inspektion, Reifenwechsel"),
    ],
)
def test_a_thing_and_what_is_done_to_it_is_the_service_of_both_words(said: str, service: str) -> None:
    assert function_of(SHOP, said) == ("check_availability", {"service": service, "date": "Donnerstag"})


@pytest.mark.parametrize(
    ("said", "service"),
    [
        ("Ich hab zwei Autos, die müssten beide zum TÜV.", "Hauptuntersuchung"),
        ("Für unsere beiden Autos bräuchten wir Winterreifen.", "Reifenwechsel"),
    ],
)
def test_things_are_no_people_and_one_appointment_is_made_after_the_other(said: str, service: str) -> None:
    assert hold(SHOP, said, tools=TOGETHER) == (("check_availability", {"service": service}), phrases.ONE_BY_ONE)


@pytest.mark.parametrize(
    ("said", "asks"),
    [
        ("Um zehn, mein Name ist Ulrike Sander. Und kommt das Öl dann direkt danach?", "Ölwechsel"),
        ("Um zehn, Ulrike Sander, geht da auch gleich der Reifenwechsel mit?", "Reifenwechsel"),
    ],
)
def test_the_chosen_offer_is_booked_before_another_service_is_looked_for(said: str, asks: str) -> None:
    model = ScriptedModel(TOOLS, "+491", SHOP)
    answer(model, model.hear("Eine Inspektion am Donnerstag."), slots=[TEN, HALF_PAST_TWO])
    booked = model.hear(said)
    assert isinstance(booked, ToolCall)
    assert (booked.name, booked.args["service"], booked.args["customer_name"]) == (
        "book_appointment",
        "Inspektion",
        "Ulrike Sander",
    )
    answer(model, booked, appointment_id="a-1", end="2026-11-26T11:30:00+01:00")
    further = model.take_up()
    assert isinstance(further, ToolCall)
    assert (further.name, further.args["service"]) == ("check_availability", asks)


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Ja, und sagen Sie Murat bitte, dass ich mich melde.", None),
        ("Ja, und dann bitte die Inspektion am Montag um eins.", "check_availability"),
    ],
)
def test_a_cancellation_is_confirmed_before_what_is_said_with_the_yes(said: str, name: str | None) -> None:
    model = ScriptedModel(TOOLS, "+491", SHOP)
    asked = model.hear("Ich möchte meinen Termin am Freitag absagen.")
    answer(model, asked, success=False, needs_confirmation=True, appointment_id="a-9")
    cancelled = model.hear(said)
    assert isinstance(cancelled, ToolCall)
    assert (cancelled.name, cancelled.args["confirmed"]) == ("cancel_appointment", True)
    answer(model, cancelled, appointment_id="a-9")
    further = model.take_up()
    assert (further.name if isinstance(further, ToolCall) else further) == (name or phrases.ASK_WHO)


def test_what_the_second_of_two_appointments_is_may_be_said_with_the_yes_to_the_first() -> None:
    model = ScriptedModel(TOOLS, "+491", SHOP)
    answer(model, model.hear("Ich brauche zwei Termine, am Donnerstag Reifenwechsel um zehn."), slots=[TEN])
    booked = model.hear("Ja, Uwe Schmitz, und die Nachprüfung bitte am Dienstag um neun.")
    assert answer(model, booked, appointment_id="a-1") is None, "the second one is known"
    further = model.take_up()
    assert isinstance(further, ToolCall)
    assert (further.args["service"], further.args["date"]) == ("Nachprüfung", "Dienstag")


def test_the_price_that_is_asked_for_with_a_choice_does_not_lose_it() -> None:
    said = "Um zehn passt, ich heiße Torsten Böhm, was kostet mich das denn?"
    called, remark = hold(SHOP, "Eine Inspektion am Donnerstag.", said, offers=(TEN, HALF_PAST_TWO))
    assert called[0] == "book_appointment"
    assert remark is not None
    assert "was kostet mich das denn?" in remark


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ((), "Haben Sie auch gebrauchte Felgen für einen Audi A4?"),
        ((), "Wir haben letzte Woche Bremsen bestellt, wann kommen die denn?"),
        ((), "Kann ich meinen Hund zur Inspektion mitbringen?"),
        (
            ("Winterreifen am Donnerstag.", "Um zehn, Deniz Yilmaz."),
            "Kann ich die Sommerreifen bei Ihnen auch einlagern?",
        ),
        (("Winterreifen am Donnerstag.", "Um zehn, Deniz Yilmaz."), "Ich wollte nur wissen, ob Sie Bremsen verkaufen."),
    ],
)
def test_a_question_that_wants_no_appointment_is_asked_as_it_is(before: tuple[str, ...], said: str) -> None:
    asked = ("business_information", {"topic": "other", "question": said})
    assert function_of(SHOP, *before, said, offers=(TEN, HALF_PAST_TWO)) == asked


def test_what_has_been_is_no_wish() -> None:
    assert hold(SHOP, "Murat hat gestern bei uns sein Werkzeug vergessen.")[0] == phrases.OFFER_MESSAGE


def test_a_complaint_may_be_a_service() -> None:
    assert function_of(SHOP, "Ich ruf an wegen der Reklamation.") == ("check_availability", {"service": "Reklamation"})


def test_how_far_a_pregnancy_is_names_no_day() -> None:
    said = "Ich bin in der zwanzigsten Woche und brauche eine Inspektion."
    assert function_of(SHOP, said) == ("check_availability", {"service": "Inspektion"})


def test_a_service_is_no_place() -> None:
    said = "Ich suche für Februar einen Platz im Ölwechsel."
    assert function_of(SHOP, said) == ("check_availability", {"service": "Ölwechsel", "date": "Februar"})


def test_who_cannot_so_early_moves_the_appointment() -> None:
    said = "Ich habe nächste Woche TÜV bei Ihnen und schaffe das leider nicht so früh, geht das auch am Mittwoch?"
    assert function_of(SHOP, said)[0] == "reschedule_appointment"
    said = "Der Termin für die Inspektion am Mittwoch, kann der auch am Nachmittag sein?"
    assert function_of(SHOP, said)[0] == "find_appointments"


def test_an_adjective_alone_names_no_service() -> None:
    pottery = read_catalogue("## Buchbar\n- Freies Arbeiten (120 Minuten)\n- Drehkurs (90 Minuten)\n")
    assert function_of(pottery, "Ist am Donnerstag noch was frei?") == ("check_availability", {"date": "Donnerstag"})
    assert function_of(pottery, "Freies Arbeiten, bitte.") == ("check_availability", {"service": "Freies Arbeiten"})


def test_whether_an_own_appointment_is_up_to_date_looks_for_it() -> None:
    assert function_of(SHOP, "Mein Termin am Donnerstag, ist der noch aktuell?")[0] == "find_appointments"


def test_who_agrees_says_no_name() -> None:
    says = ("Sagen Sie Murat bitte, dass der Schlüssel da ist.", "Gut, danke.")
    assert hold(SHOP, *says)[0] == phrases.ASK_WHO


def test_a_branch_may_be_called_one() -> None:
    said = "Ölwechsel in der Vellmarfiliale, bitte."
    assert function_of(SHOP, said) == ("check_availability", {"service": "Ölwechsel", "branch": "Vellmar"})


BOOKED = ("Einen Ölwechsel am Donnerstag um zehn.", "Ja, Uwe Stein.")


def test_another_service_is_no_change_and_the_booked_one_can_be_cancelled() -> None:
    says = ("Moment, Öl? Ich wollte um zehn doch die Inspektion.", "Ändern bitte, um zehn die Inspektion.")
    assert hold(SHOP, *BOOKED, says[0])[0] == phrases.CHANGE_OR_FURTHER
    assert hold(SHOP, *BOOKED, *says)[0] == phrases.OTHER_SERVICE
    cancelled = function_of(SHOP, *BOOKED, *says, "Ja, bitte.")
    assert cancelled == ("cancel_appointment", {"appointment_id": "a-1", "confirmed": True})


def test_a_booked_time_that_stays_is_not_looked_for() -> None:
    kept = hold(SHOP, *BOOKED, "Nein, keinen neuen, Donnerstag um zehn bleibt. Danke, tschüss.")[0]
    assert kept == phrases.KEPT


def test_an_own_address_is_passed_on_and_not_asked_for() -> None:
    assert hold(SHOP, "Ich bin umgezogen und möchte meine neue Adresse durchgeben.")[0] == phrases.ASK_WHO


def test_what_an_appointment_needs_is_a_question_about_it() -> None:
    said = "Was brauche ich denn für den ersten Termin?"
    assert function_of(SHOP, said) == ("business_information", {"topic": "service", "question": said})
