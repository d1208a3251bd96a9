"""Calls of a music school: services that differ by their length, a branch by a part of its name, a service's word in a question."""

from datetime import datetime
from typing import Any

import pytest
from held_calls import TOOLS, function_of, hold

from askproai_sandbox.caller import ScriptedModel
from askproai_sandbox.caller.catalogue import Catalogue, read_catalogue
from askproai_sandbox.caller.service import Service

TEAM = ("Annegret Hoffmann", "Tomasz Kowalski", "Lena Richter")
LESSONS = tuple(f"Klavierstunde {minutes} Minuten" for minutes in (30, 45, 60))
WHICH = f"Möchten Sie {' oder '.join(LESSONS)}?"
SCHOOL = Catalogue(
    services=(
        Service("Gesangsprobestunde", ("Gesangsstunde",), ("Lena Richter",), minutes=45),
        Service("Gitarrenkurs-Schnupperstunde", ("Schnupperstunde Gitarre",), ("Lena Richter",), minutes=45),
        Service("Instrumentenberatung", ("Klavierberatung",), minutes=30),
        *(Service(name, (), TEAM[:2], minutes=int(name.split()[1])) for name in LESSONS),
    ),
    staff=TEAM,
    branches=("Musikschule Tonleiter",),
    other_branches=("Klavierwerkstatt Tonleiter",),
    questions=("Ab welchem Alter können Kinder anfangen?", "Kann man bei Ihnen Instrumente ausleihen?"),
    teams={"Musikschule Tonleiter": TEAM},
)
NOW = datetime.fromisoformat("2026-11-24T16:10:00+01:00")  # a Tuesday
ON_MONDAY = {
    "start": "2026-11-30T14:00:00+01:00",
    "spoken": "Montag, den 30. November, um 14 Uhr bei Annegret Hoffmann",
    "staff": "Annegret Hoffmann",
}


def school(*says: str) -> tuple[Any, str | None]:
    return hold(SCHOOL, *says, offers=(ON_MONDAY,), now=NOW)


def school_function(*says: str) -> tuple[str, dict[str, Any]]:
    return function_of(SCHOOL, *says, offers=(ON_MONDAY,), now=NOW)


@pytest.mark.parametrize(
    ("said", "lesson"),
    [
        ("30 Minuten Klavier am Montag um 14 Uhr, bitte.", LESSONS[0]),
        ("Eine halbe Stunde Klavier am Montag.", LESSONS[0]),
        ("Ich hätte gern eine Dreiviertelstunde Klavier.", LESSONS[1]),
        ("Eine Stunde Klavier am Montag um zwei.", LESSONS[2]),
        ("Klavier, sechzig Minuten, am Montag.", LESSONS[2]),
    ],
)
def test_a_length_says_which_of_several_services_is_meant(said: str, lesson: str) -> None:
    assert school_function(said)[1]["service"] == lesson


@pytest.mark.parametrize(
    "answer", ["Die mit 45 Minuten.", "45 Minuten, bitte.", "Die zweite.", "Eine Dreiviertelstunde."]
)
def test_the_question_which_service_is_answered_by_its_length_or_its_place(answer: str) -> None:
    assert school("Ich bräuchte eine Klavierstunde am Montag.")[0] == WHICH
    called = school_function("Ich bräuchte eine Klavierstunde am Montag.", answer)
    assert called == ("check_availability", {"service": LESSONS[1], "date": "Montag"})


def test_while_it_is_not_known_which_service_is_meant_nothing_is_looked_for_and_nothing_booked() -> None:
    says = ("Eine Klavierstunde 30 Minuten am Montag um zwei.", "Ja, aber lieber eine andere Klavierstunde.")
    assert school(*says)[0] == WHICH
    assert school(*says, "Ja, Olaf Brandt.")[0] == WHICH, "the offer was of the service that is not wanted any more"
    assert school(*says, "Um 16 Uhr.", "Ja, Olaf Brandt.")[0] == WHICH
    assert school_function(*says, "Um 16 Uhr.", "Die letzte.")[1]["service"] == LESSONS[2]


def test_a_service_that_is_corrected_by_its_length_is_the_one_that_is_booked() -> None:
    says = ("Eine Klavierstunde 30 Minuten am Donnerstag um sechs.", "Ja, aber doch lieber 45 Minuten.")
    wanted = {"service": LESSONS[1], "date": "Donnerstag", "time": "sechs"}
    assert school_function(*says) == ("check_availability", wanted)
    assert school_function(*says, "Ja, Olaf Brandt.")[1]["service"] == LESSONS[1]


@pytest.mark.parametrize(
    ("says", "service"),
    [
        (("Was kostet eine Klavierstunde?",), "Klavierstunde"),
        (("Was kostet eine Klavierstunde?", "Und 60 Minuten?"), LESSONS[2]),
        (("Was kostet eine Geigenstunde?",), "Geigenstunde"),
    ],
)
def test_a_question_for_a_price_says_which_service_it_is_about(says: tuple[str, ...], service: str) -> None:
    name, args = school_function(*says)
    assert (name, args["topic"], args["service"]) == ("business_information", "prices", service)


@pytest.mark.parametrize(
    "place", ["in der Werkstatt", "in der Klavierwerkstatt", "in der Werkstatt bei Herrn Kowalski"]
)
def test_a_branch_is_named_by_the_last_part_of_its_name(place: str) -> None:
    name, args = school_function(f"Eine Instrumentenberatung {place}, am Montag um drei.")
    assert (name, args["branch"]) == ("check_availability", "Klavierwerkstatt Tonleiter")


@pytest.mark.parametrize(
    "said",
    ["Ab welchem Alter kann mein Kind Klavier lernen?", "Kann man bei Ihnen eine Gitarre ausleihen?"],
)
def test_a_question_with_a_word_of_a_service_is_passed_on_and_no_wish_for_it(said: str) -> None:
    called, remark = school(said)
    assert called == ("business_information", {"topic": "other", "question": said})
    assert said in str(remark)


def test_a_complaint_looks_for_no_time_and_is_offered_to_be_passed_on() -> None:
    said = "Das ist jetzt das dritte Mal, dass ich anrufe, und mein Klavier ist immer noch nicht fertig!"
    answer, remark = school(said)
    assert not isinstance(answer, tuple)
    assert "ausrichten" in answer
    assert said in str(remark)


def test_without_a_transfer_the_wish_for_the_boss_is_offered_to_be_passed_on() -> None:
    tools = {name: tool for name, tool in TOOLS.items() if name != "transfer_to_human"}
    model = ScriptedModel(tools, "+491", SCHOOL, now=NOW)
    assert "ausrichten" in str(model.hear("Ich will sofort den Chef sprechen!"))
    called = model.hear("Dann richten Sie ihm aus, dass ich mein Geld zurück will. Hartmut Grosse.")
    assert getattr(called, "args", {}).get("customer_name") == "Hartmut Grosse"


@pytest.mark.parametrize("said", ["Äh, hallo? Ja, also, Moment mal.", "Hallo? Hören Sie mich?"])
def test_who_has_not_said_yet_what_is_wanted_is_asked(said: str) -> None:
    assert school(said) == ("Wie kann ich Ihnen helfen?", None)


def test_who_does_a_service_is_said() -> None:
    assert school("Wer unterrichtet bei Ihnen Gitarre?")[0] == "Sie können wählen: Lena Richter. Was möchten Sie?"


def test_the_length_of_a_service_is_read_from_the_prompt() -> None:
    (service,) = read_catalogue("## Buchbar\n- Färben (90 Minuten, davon 30 Minuten Wartezeit; auch: Farbe)").services
    assert (service.minutes, service.spoken_names) == (90, ("Farbe",))
