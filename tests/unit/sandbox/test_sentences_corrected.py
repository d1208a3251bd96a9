"""What a caller corrects in a sentence: the demo's agent follows it, asks back, or says in its remark what it leaves out."""

from itertools import cycle
from typing import Any

import pytest
from held_calls import hold

from askproai_sandbox.caller import phrases
from askproai_sandbox.caller.catalogue import read_catalogue
from askproai_sandbox.caller.corrections import cut_corrected

PHYSIO = read_catalogue(
    "## Buchbar\n- Massage (30 Minuten)\n- Fango (30 Minuten)\n- Krankengymnastik (30 Minuten)\n"
    "- Manuelle Lymphdrainage (45 Minuten; auch: Lymphdrainage)\n\n## Team\n- Praxis: Frau Petersen, Herr Clausen\n"
)
LAWYER = read_catalogue(
    "## Buchbar\n- Erstgespräch (30 Min.) (30 Minuten)\n- Beratung Mietrecht (60 Minuten)\n- Beratung (30 Minuten)\n\n"
    "## Team\n- Kanzlei: Dr. Annette Sommer, Herr Dr. Klaus Berg\n"
)
MUSIC = read_catalogue(
    "## Buchbar\n- Klavierunterricht (30 Minuten)\n- Gesangsunterricht (30 Minuten)\n\n"
    "## Team\n- Südstadt: Frau Vogel\n- Altstadt: Herr Krause\n"
)
CORRECTED = [
    "Eine {a}, nein, doch lieber {b} am Montag um neun.",
    "Ich hätte gern eine {a}, ach nein, Entschuldigung, {b}, am Montag um neun.",
    "{a} am Montag um neun. Quatsch, {b}.",
    "Statt {a} lieber {b} am Montag um neun.",
    "{b} statt {a} am Montag um neun, bitte.",
    "{a} und {b}, nein, nur {b}, am Montag um neun.",
    "Am Montag um neun {b}, ohne {a}.",
    "Ich brauche {a} - nein, {b} - am Montag um neun.",
    "{a} am Montag um neun, nein warten Sie, {b}.",
    "Nicht die {a}, die {b} bitte, am Montag um neun.",
]
NAMED = [
    (PHYSIO, "Massage", "Fango", "Fango"),
    (PHYSIO, "Fango", "Lymphdrainage", "Manuelle Lymphdrainage"),
    (LAWYER, "Beratung Mietrecht", "Erstgespräch", "Erstgespräch (30 Min.)"),
]


def called(catalogue: Any, *says: str) -> dict[str, Any]:
    reaction, remark = hold(catalogue, *says)
    assert isinstance(reaction, tuple), (reaction, remark)
    assert remark is None, remark
    return {"tool": reaction[0], **reaction[1]}


@pytest.mark.parametrize(("said", "named"), tuple(zip(CORRECTED, cycle(NAMED), strict=False)), ids=CORRECTED)
def test_the_last_service_counts(said: str, named: tuple[Any, str, str, str]) -> None:
    catalogue, a, b, service = named
    args = called(catalogue, said.format(a=a, b=b))
    assert (args["service"], args["date"], args["time"]) == (service, "Montag", "neun")


@pytest.mark.parametrize(
    "said",
    [
        "Massage und Fango am Montag.",
        "Massage, äh, und Fango am Montag.",
        "Nicht nur Massage, sondern auch Fango am Montag.",
        "Massage am Montag und dazu noch Fango.",
    ],
)
def test_what_is_added_is_no_correction(said: str) -> None:
    assert called(PHYSIO, said)["service"] == "Massage, Fango"


def test_a_word_of_a_service_counts_beside_the_name_of_another() -> None:
    catalogue = read_catalogue("## Buchbar\n- Massage (30 Minuten)\n- Manuelle Lymphdrainage (45 Minuten)\n")
    both = called(catalogue, "Eine Massage und eine Lymphdrainage am Montag.")
    assert both["service"] == "Massage, Manuelle Lymphdrainage"


@pytest.mark.parametrize(
    "said",
    [
        "Massage, ach Mist, Fango, am Montag um neun.",
        "Ich sagte Massage, gemeint war Fango, am Montag um neun.",
        "Massage am Montag um neun, nein, am Dienstag und Fango.",
    ],
)
def test_what_may_be_a_correction_is_asked_back(said: str) -> None:
    assert hold(PHYSIO, said)[0] == "Möchten Sie Massage oder Fango?"


@pytest.mark.parametrize(
    "said", ["Ja, aber ohne Fango.", "Nein, nur Massage.", "Die Fango brauche ich nicht.", "Lassen wir Fango weg."]
)
def test_a_service_of_a_visit_can_be_left_out(said: str) -> None:
    args = called(PHYSIO, "Massage und Fango am Montag um neun.", said)
    assert args == {"tool": "check_availability", "service": "Massage", "date": "Montag", "time": "neun"}


def test_without_the_only_service_it_is_asked_for() -> None:
    assert hold(PHYSIO, "Massage am Montag um neun.", "Ja, Rosa Rot, aber ohne Massage.")[0] == phrases.ASK_SERVICE


@pytest.mark.parametrize(
    ("catalogue", "said", "staff"),
    [
        (PHYSIO, "Massage am Montag bei Frau Petersen, nein, bei Herrn Clausen.", "Herr Clausen"),
        (PHYSIO, "Massage bei Frau Petersen, Quatsch, Herrn Clausen, am Montag.", "Herr Clausen"),
        (PHYSIO, "Massage statt bei Frau Petersen lieber bei Herrn Clausen, am Montag.", "Herr Clausen"),
        (LAWYER, "Erstgespräch bei Dr. Sommer, ach nein, bei Dr. Berg, am Montag.", "Herr Dr. Klaus Berg"),
    ],
    ids=["nein", "Quatsch", "statt", "Dr."],
)
def test_the_last_person_counts(catalogue: Any, said: str, staff: str) -> None:
    args = called(catalogue, said)
    assert (args["staff"], args["date"]) == (staff, "Montag")


@pytest.mark.parametrize(
    "said",
    [
        "Klavierunterricht am Montag in der Südstadt, nein, in der Altstadt.",
        "Klavierunterricht in der Südstadt, Quatsch, Altstadt, am Montag.",
    ],
    ids=["nein", "Quatsch"],
)
def test_the_last_branch_counts(said: str) -> None:
    assert called(MUSIC, said)["branch"] == "Altstadt"


@pytest.mark.parametrize(
    ("catalogue", "said", "left"),
    [
        (PHYSIO, "Massage am Montag bei Frau Petersen oder Herrn Clausen.", "Herr Clausen"),
        (PHYSIO, "Massage bei Frau Petersen, wenn nicht, bei Herrn Clausen, am Montag.", "Herr Clausen"),
        (MUSIC, "Klavierunterricht am Montag in der Südstadt oder in der Altstadt.", "Altstadt"),
    ],
    ids=["person", "if-not", "branch"],
)
def test_a_second_person_or_branch_is_in_the_remark(catalogue: Any, said: str, left: str) -> None:
    reaction, remark = hold(catalogue, said)
    assert isinstance(reaction, tuple)
    assert remark == phrases.LEFT_OTHERS.format(left, said)


@pytest.mark.parametrize(
    ("said", "time"),
    [
        ("Massage am Montag um neun, Moment, um zehn.", "zehn"),
        ("Massage am Montag um neun, sorry, zehn.", "zehn"),
        ("Massage statt um neun lieber um zehn am Montag.", "zehn"),
    ],
)
def test_the_last_clock_time_counts(said: str, time: str) -> None:
    args = called(PHYSIO, said)
    assert (args["date"], args["time"]) == ("Montag", time)


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Ja, Anna Nym, nein, Anna Nimm.", "Anna Nimm"),
        ("Ja, auf Ulf Urban, Quatsch, Urbach.", "Ulf Urbach"),
        ("Ja, Meier, nein, Maier.", "Maier"),
    ],
)
def test_the_last_name_is_booked(said: str, name: str) -> None:
    assert called(PHYSIO, "Massage am Donnerstag um zehn.", said)["customer_name"] == name
    assert called(PHYSIO, "Massage am Donnerstag um zehn.", "Ja.", said.removeprefix("Ja, "))["customer_name"] == name


@pytest.mark.parametrize(
    "said",
    [
        "Ich brauche zehn Termine, jede Woche einen, Massage am Montag um neun.",
        "Sechs Massagen, jeden Montag um neun.",
        "Massage, sechsmal, immer montags um neun.",
        "Massage wöchentlich am Montag.",
        "Einmal die Woche Massage, am Montag um neun.",
        "Massage alle zwei Wochen am Montag um neun.",
        "Ich hab ein Rezept für 6x Massage, Montag um neun.",
        "Massage an den nächsten fünf Montagen um neun.",
        "Massage am Montag um neun, und das fünf Mal.",
        "Massage am Montag als Dauertermin.",
    ],
)
def test_of_a_series_the_remark_says_that_it_is_one_after_the_other(said: str) -> None:
    assert hold(PHYSIO, said)[1] == phrases.ONE_BY_ONE


def test_what_is_no_correction_stays_as_it_is_said() -> None:
    said = "Ich möchte lieber am Montag eine Massage, und Herr Clausen soll sie machen."
    assert cut_corrected(said, PHYSIO).text == said
