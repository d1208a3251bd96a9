"""Calls of a beauty studio: a visit that changes, who else comes, a list to wait on, and questions that ask for no appointment."""

from datetime import datetime
from typing import Any

import pytest
from held_calls import TOOLS, function_of, hold
from scripted_models import FUNCTIONS, make_tools

from askproai_sandbox.caller import ScriptedModel, ToolCall
from askproai_sandbox.caller.catalogue import Catalogue
from askproai_sandbox.caller.service import Service

TEAM = ("Frau Wolff", "Aylin", "Jule")
STUDIO = Catalogue(
    services=(
        Service("Gesichtsbehandlung", ("Kosmetikbehandlung",), TEAM[:2], minutes=75),
        Service("Augenbrauenlifting", ("Brauenlaminierung", "Augenbrauen laminieren"), minutes=45),
        Service("Beinwaxing", ("Waxing Beine", "Beine wachsen"), minutes=40),
        Service("Achselwaxing", ("Waxing Achseln", "Achseln wachsen"), minutes=15),
        Service("Brazilian Waxing", ("Bikinizone", "Intimwaxing"), minutes=30),
        Service("Pediküre", ("Fußpflege",), minutes=45),
    ),
    staff=TEAM,
    branches=("Seidenweich",),
    questions=("Kann ich in der Schwangerschaft kommen?", "Ab welchem Alter darf man zum Waxing?"),
    teams={"Seidenweich": TEAM},
)
NOW = datetime.fromisoformat("2026-11-24T16:10:00+01:00")  # a Tuesday
WITH_AYLIN = {
    "start": "2026-11-27T11:00:00+01:00",
    "spoken": "Freitag, den 27. November, um 11 Uhr bei Aylin",
    "staff": "aylin",
}
WITH_WOLFF = {
    "start": "2026-11-26T14:30:00+01:00",
    "spoken": "Donnerstag, den 26. November, um 14 Uhr 30 bei Frau Wolff",
    "staff": "katharina",
}
OFFERS = (WITH_WOLFF, WITH_AYLIN)


def studio(*says: str) -> tuple[Any, str | None]:
    return hold(STUDIO, *says, offers=OFFERS, now=NOW)


def studio_function(*says: str) -> tuple[str, dict[str, Any]]:
    return function_of(STUDIO, *says, offers=OFFERS, now=NOW)


@pytest.mark.parametrize(
    "says",
    [
        "Ach nein, doch die Beine statt der Achseln.",
        "Statt der Achseln lieber die Beine, bitte.",
        "Nicht die Achseln, sondern die Beine.",
    ],
)
def test_a_part_of_a_visit_is_replaced_and_the_others_stay(says: str) -> None:
    _, args = studio_function("Brazilian Waxing und Achselwaxing am Freitag um elf, bitte.", says)
    assert args["service"] == "Brazilian Waxing, Beinwaxing"


def test_who_does_not_care_who_does_it_is_asked_for_nobody_afterwards() -> None:
    first = "Gesichtsbehandlung am Freitag um elf bei Frau Wolff, bitte."
    name, args = studio_function(first, "Dann egal bei wem, Hauptsache elf Uhr.", "Ja, Marlies Graf.")
    assert (name, args["start"]) == ("book_appointment", WITH_AYLIN["start"])
    says = (first, "Dann egal bei wem, Hauptsache elf Uhr.", "Ja, Marlies Graf.", "Und für meinen Mann am Freitag.")
    name, args = studio_function(*says)
    assert name == "check_availability"
    assert "staff" not in args


@pytest.mark.parametrize(
    "says",
    [
        "Dann setzen Sie mich bitte für Samstag um elf auf die Liste, falls jemand abspringt.",
        "Schreiben Sie mich auf Ihre Liste für Samstag um elf.",
        "Wenn jemand absagt, rufen Sie mich bitte an.",
    ],
)
def test_a_list_for_freed_times_is_the_waiting_list(says: str) -> None:
    model = ScriptedModel(
        make_tools(FUNCTIONS | {"join_waitlist": ("service", "date", "time")}), "+491", STUDIO, now=NOW
    )
    model.hear("Gesichtsbehandlung am Samstag um elf.")
    model.learn({"success": True, "message": "…", "slots": list(OFFERS)})
    assert model.hear(says) == "Auf welchen Namen darf ich Sie auf die Warteliste setzen?", model.remark


@pytest.mark.parametrize(
    "says",
    [
        "Meine Tochter ist fünfzehn, darf die schon zum Waxing kommen?",
        "Darf mein Sohn mit zwölf überhaupt schon zur Pediküre?",
        "Dürfen Schwangere zum Waxing kommen?",
    ],
)
def test_who_asks_whether_somebody_may_come_books_nothing(says: str) -> None:
    name, args = studio_function(says)
    assert (name, args["topic"]) == ("business_information", "other")


@pytest.mark.parametrize(
    "says",
    [
        "Und ich bin schwanger, kann ich in der Schwangerschaft kommen?",
        "Ich erwarte ein Kind. Kann ich in der Schwangerschaft kommen?",
    ],
)
def test_a_known_question_is_heard_behind_its_reason(says: str) -> None:
    called, remark = studio(says)
    assert called == (
        "business_information",
        {"topic": "other", "question": "Kann ich in der Schwangerschaft kommen?"},
    ), remark


@pytest.mark.parametrize(
    "says",
    [
        "Wird das Gespräch hier aufgenommen? Das möchte ich nicht.",
        "Nehmen Sie das auf? Das will ich nicht.",
        "Wird das mitgeschnitten? Bitte nicht.",
    ],
)
def test_who_asks_whether_it_is_recorded_and_does_not_want_it_books_and_cancels_nothing(says: str) -> None:
    tools = make_tools(FUNCTIONS) | make_tools({"decline_recording": ()})
    reaction = ScriptedModel(tools, "+491", STUDIO, now=NOW).hear(says)
    assert isinstance(reaction, ToolCall), reaction
    assert reaction.name == "decline_recording"


def test_the_day_of_a_move_that_was_just_made_can_be_asked_for() -> None:
    name, _ = studio_function(
        "Ich möchte meinen Termin am Donnerstag auf Freitag um elf verschieben.", "War das jetzt der Freitag?"
    )
    assert name == "find_appointments"


def test_a_way_of_doing_it_that_no_service_names_is_asked_for_and_no_other_service() -> None:
    _, args = studio_function("Ich möchte mir die Augenbrauen per Permanent Make-up machen lassen.")
    assert args["service"] == "Permanent Make-up"


@pytest.mark.parametrize("says", ["Meine Freundin heißt Ines Vogt.", "Sie heißt Ines Vogt.", "Ines Vogt heißt sie."])
def test_the_name_of_who_comes_along_is_taken_in_a_sentence(says: str) -> None:
    tools = make_tools({
        **FUNCTIONS,
        "check_availability": (*FUNCTIONS["check_availability"], "companions"),
        "book_appointment": (*FUNCTIONS["book_appointment"], "companions"),
    })  # fmt: skip
    model = ScriptedModel(tools, "+491", STUDIO, now=NOW)
    model.hear("Meine Freundin und ich möchten beide eine Gesichtsbehandlung am Freitag um elf.")
    model.learn({"success": True, "message": "…", "slots": [WITH_AYLIN]})
    booked = model.hear("Ja, gern. Paula Roth.")
    assert isinstance(booked, ToolCall), booked
    asked = "Auf welchen Namen darf ich den anderen Termin eintragen?"
    model.learn({"success": False, "message": asked, "needs_names": 1, "missing": ["companions"]})
    again = model.hear(says)
    assert isinstance(again, ToolCall), again
    assert again.args["companions"] == [{"customer_name": "Ines Vogt"}]


@pytest.mark.parametrize(
    ("says", "further"),
    [
        ("Ja, Paul Bock. Außerdem noch eine Pediküre am Samstag um drei.", {"service": "Pediküre", "date": "Samstag"}),
        ("Ja, gern, Paul Bock. Und dann bräuchte ich noch Waxing Beine am Montag um elf.", {"service": "Beinwaxing"}),
        ("Ja bitte eintragen, Paul Bock, und gleich noch die Pediküre am Mittwoch um neun dazu.", {"date": "Mittwoch"}),
        ("Ja, Paul Bock, und mein Freund kommt mit und möchte eine Pediküre.", {"service": "Pediküre"}),
    ],
)
def test_what_was_accepted_is_booked_before_a_further_wish_of_the_same_sentence(
    says: str, further: dict[str, str]
) -> None:
    model = ScriptedModel(TOOLS, "+491", STUDIO, now=NOW)
    model.hear("Gesichtsbehandlung am Freitag um elf.")
    model.learn({"success": True, "message": "…", "slots": [WITH_AYLIN]})
    booked = model.hear(says)
    assert isinstance(booked, ToolCall), booked
    assert (booked.name, booked.args["customer_name"]) == ("book_appointment", "Paul Bock")
    model.learn({"success": True, "message": "Eingetragen.", "appointment_id": "a-1"})
    searched = model.take_up()
    assert isinstance(searched, ToolCall), searched
    assert searched.name == "check_availability"
    assert searched.args.items() >= further.items()


def test_an_appointment_is_cancelled_after_the_accepted_one_is_booked() -> None:
    model = ScriptedModel(TOOLS, "+491", STUDIO, now=NOW)
    model.hear("Gesichtsbehandlung am Freitag um elf.")
    model.learn({"success": True, "message": "…", "slots": [WITH_AYLIN]})
    booked = model.hear("Ja, passt, Wenke Storm, und ich möchte meinen Termin am Samstag absagen.")
    assert isinstance(booked, ToolCall), booked
    assert booked.name == "book_appointment"
    model.learn({"success": True, "message": "Eingetragen.", "appointment_id": "a-1"})
    assert model.take_up() == ToolCall("cancel_appointment", {"appointment_date": "Samstag"})


def test_a_name_that_is_still_missing_is_asked_for_before_the_further_wish() -> None:
    model = ScriptedModel(TOOLS, "+491", STUDIO, now=NOW)
    model.hear("Gesichtsbehandlung am Freitag um elf.")
    model.learn({"success": True, "message": "…", "slots": [WITH_AYLIN]})
    assert model.hear("Ja. Und außerdem noch eine Pediküre am Samstag um drei.") == "Auf welchen Namen darf ich buchen?"
    booked = model.hear("Paul Bock.")
    assert isinstance(booked, ToolCall), booked
    assert booked.name == "book_appointment"


def test_another_service_instead_of_the_offered_one_books_nothing() -> None:
    name, args = studio_function(
        "Gesichtsbehandlung am Freitag um elf.", "Ja, aber lieber noch eine Pediküre am Samstag."
    )
    assert (name, args["service"]) == ("check_availability", "Pediküre")
