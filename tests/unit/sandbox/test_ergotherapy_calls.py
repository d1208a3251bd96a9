"""Calls of an ergotherapy practice: what has been is not asked for, and names as they are said."""

import pytest
from held_calls import TOGETHER, function_of, hold

from askproai_sandbox.caller import phrases
from askproai_sandbox.caller.catalogue import read_catalogue

PRACTICE = read_catalogue(
    "## Buchbar\n- Ergotherapie (45 Minuten; auch: Behandlung)\n- Kindertherapie (45 Minuten)\n\n"
    "## Team\n- Kaßberg: Frau Lohse, Herr Zimmer\n"
)


def test_a_sound_before_a_name_is_no_part_of_it() -> None:
    says = ("Ergotherapie am Donnerstag um zehn.", "Ja.", "Äh, Lieselotte Kunze.")
    assert function_of(PRACTICE, *says)[1]["customer_name"] == "Lieselotte Kunze"


@pytest.mark.parametrize(
    ("said", "args"),
    [
        ("Ich möchte zu Herrn Zimmer, der hat mich letztes Jahr behandelt.", {"staff": "Herr Zimmer"}),
        (
            "Mein Baby ist letzten Freitag geboren, jetzt brauch ich jemanden zur Kindertherapie.",
            {"service": "Kindertherapie"},
        ),
    ],
)
def test_a_time_that_is_over_is_not_looked_for(said: str, args: dict[str, str]) -> None:
    assert function_of(PRACTICE, said) == ("check_availability", args)


def test_a_person_of_the_team_may_be_asked_to_ring() -> None:
    called = function_of(PRACTICE, "Könnte Frau Lohse mich mal anrufen wegen dem Bericht?", "Uhlig.")
    assert (called[0], called[1]["recipient"], called[1]["call_back"]) == ("leave_message", "Frau Lohse", "egal wann")


def test_how_many_appointments_there_are_is_looked_up() -> None:
    assert function_of(PRACTICE, "Können Sie mir sagen, wie viele Termine ich noch habe?")[0] == "find_appointments"


def test_which_appointment_somebody_needs_is_none_that_there_is() -> None:
    said = "Was für einen Termin brauche ich denn bei einer Fraktur?"
    assert function_of(PRACTICE, said)[0] != "find_appointments"


def test_what_is_needed_is_a_question() -> None:
    said = "Brauch ich eine Überweisung?"
    assert function_of(PRACTICE, said) == ("business_information", {"topic": "other", "question": said})


def test_who_had_booked_a_time_and_asks_for_another_day_moves_it() -> None:
    said = "Ich hatte Donnerstag um zehn gebucht, könnte ich doch Freitag kommen?"
    args = {"appointment_date": "Donnerstag", "appointment_time": "zehn", "date": "Freitag"}
    assert function_of(PRACTICE, said) == ("reschedule_appointment", args)


def test_a_last_name_that_is_a_day_is_a_name_after_the_question_for_one() -> None:
    called = function_of(PRACTICE, "Ergotherapie bitte.", "Um zehn.", "Für Helga Sonntag.")
    assert (called[0], called[1]["customer_name"]) == ("book_appointment", "Helga Sonntag")


def test_who_wants_an_appointment_rather_at_another_time_moves_it() -> None:
    said = "Ich bin's noch mal, Kunze, ich wollte meinen Termin doch lieber am Nachmittag haben."
    assert function_of(PRACTICE, said)[0] == "reschedule_appointment"


def test_after_a_cancellation_a_time_is_that_of_the_new_appointment() -> None:
    says = ("Ich möchte den Termin am Donnerstag absagen, und einen neuen ausmachen.", "Ja.", "Nächste Woche Dienstag.")
    cancelled = {"cancel_appointment": {"success": True, "appointment_id": "a-9"}}
    assert function_of(PRACTICE, *says, answers=cancelled) == ("check_availability", {"date": "Nächste Woche Dienstag"})


def test_what_is_done_in_a_service_is_asked_of_that_service() -> None:
    said = "Was machen Sie da eigentlich bei der Kindertherapie?"
    assert function_of(PRACTICE, said) == (
        "business_information",
        {"topic": "service", "question": said, "service": "Kindertherapie"},
    )


def test_a_branch_that_another_one_replaces_is_not_asked_for() -> None:
    two = read_catalogue(
        "## Buchbar\n- Ergotherapie (45 Minuten)\n\n## Team\n- Kaßberg: Frau Lohse\n- Flöha: Frau Uhlig\n"
    )
    said = "Kann ich statt zum Kaßberg auch nach Flöha kommen?"
    assert function_of(two, said) == ("check_availability", {"branch": "Flöha"})


def test_a_name_that_is_a_day_may_follow_the_choice() -> None:
    called = function_of(PRACTICE, "Ergotherapie bitte.", "Um zehn bitte, Helga Sonntag.")
    assert (called[0], called[1]["customer_name"]) == ("book_appointment", "Helga Sonntag")
    assert function_of(PRACTICE, "Ergotherapie bitte.", "Nein, am Sonntag.")[1]["date"] == "Sonntag"


def test_a_couple_that_chooses_a_time_is_looked_for_together() -> None:
    says = ("Ergotherapie bitte.", "Um zehn passt, wir kommen zu zweit, mein Mann und ich.")
    (name, args), _ = hold(PRACTICE, *says, tools=TOGETHER)
    assert (name, args["companions"]) == ("check_availability", [{}])


def test_a_couple_that_comes_to_one_appointment_is_booked_under_both_names() -> None:
    says = ("Mein Mann und ich möchten eine Ergotherapie.", "Zusammen.", "Um zehn.", "Auf Gerda und Heinz Otto.")
    (name, args), remark = hold(PRACTICE, *says, tools=TOGETHER)
    assert (name, args["customer_name"], args.get("companions")) == ("book_appointment", "Gerda und Heinz Otto", None)
    assert remark is None


@pytest.mark.parametrize(
    "said", ["Und brauchen wir ein Rezept?", "Ich wollte fragen, ob ich ein Rezept brauche, das ist das erste Mal."]
)
def test_a_known_question_is_known_in_the_plural_and_indirectly(said: str) -> None:
    practice = read_catalogue(
        "## Buchbar\n- Ergotherapie (45 Minuten)\n\n## Häufige Fragen\n- Brauche ich ein Rezept?\n"
    )
    assert function_of(practice, said)[1]["question"] == "Brauche ich ein Rezept?"


def test_a_question_does_not_end_the_call() -> None:
    said, _ = hold(PRACTICE, "Nein danke, dann nicht, tschüss. Oder wo ist denn das andere?")
    assert said != phrases.GOODBYE


def test_who_needs_a_service_and_asks_how_gets_times() -> None:
    said = "Meine Tochter braucht Kindertherapie, was muss ich da machen?"
    assert function_of(PRACTICE, said) == ("check_availability", {"service": "Kindertherapie"})


def test_who_has_forgotten_when_it_is_has_it_looked_up() -> None:
    said = "Ich komme nächste Woche zur Kindertherapie, hab aber vergessen wann genau."
    assert function_of(PRACTICE, said)[0] == "find_appointments"


def test_an_appointment_of_another_branch_is_not_booked_once_more() -> None:
    two = read_catalogue(
        "## Buchbar\n- Ergotherapie (45 Minuten)\n\n## Team\n- Kaßberg: Frau Lohse\n\n## Weitere Filialen\n- Flöha\n"
    )
    said = "Ich hab am zweiten Dezember Ergotherapie in Kaßberg, ginge das auch in Flöha?"
    assert hold(two, said)[0] == phrases.NO_BRANCH_MOVE
    assert function_of(two, "Ich hab am Freitag Zeit, ginge das auch in Flöha?")[0] == "check_availability"


@pytest.mark.parametrize("said", ["Machen Sie eigentlich auch Handtherapie?", "Ich brauche eine Kunsttherapie."])
def test_another_kind_of_therapy_is_not_taken_for_the_one_that_there_is(said: str) -> None:
    practice = read_catalogue(
        "## Buchbar\n- Ergotherapie (45 Minuten; auch: Therapie)\n- Kindertherapie (45 Minuten)\n"
    )
    assert "Ergotherapie" not in practice.find_services(said)
    assert practice.find_services("Ich hätte gern eine Therapie.") == ("Ergotherapie",)


def test_a_clear_yes_cancels_whatever_is_asked_behind_it() -> None:
    says = ("Den Termin am Donnerstag absagen.", "Ja bitte absagen. Das kostet mich jetzt aber nichts, oder?")
    called, remark = hold(PRACTICE, *says)
    assert called == ("cancel_appointment", {"appointment_id": "a-9", "confirmed": True})
    assert "kostet" in str(remark)


def test_a_day_that_is_asked_for_next_is_of_the_same_question() -> None:
    says = ("Wie haben Sie am Donnerstag geöffnet?", "Gut, und am Freitag?")
    assert function_of(PRACTICE, *says)[1]["topic"] == "opening_hours"


def test_a_second_time_beside_the_yes_does_not_lose_the_first() -> None:
    says = ("Ergotherapie am Donnerstag um zehn.", "Ja, auf Rolf Uhlig, und dann noch den am Mittwoch um neun.")
    called = function_of(PRACTICE, *says)
    assert (called[0], called[1]["customer_name"], called[1]["start"]) == (
        "book_appointment",
        "Rolf Uhlig",
        "2026-11-26T10:00:00+01:00",
    )
