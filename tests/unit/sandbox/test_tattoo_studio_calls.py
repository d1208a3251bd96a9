"""Calls of a tattoo and piercing studio: what a caller restricts, does to what there is already, or asks beside."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from held_calls import TOOLS, function_of, hold
from scripted_models import ASK_NAME

from askproai_sandbox.caller import ScriptedModel, ToolCall
from askproai_sandbox.caller.catalogue import Catalogue
from askproai_sandbox.caller.service import Service

KNOWN = "Gibt es einen Parkplatz?"
TEAM = ("Frau Meyer-Lansky", "Juri", "Doktor Kühn-Albrecht")
STUDIO = Catalogue(
    services=(
        Service("Tattoo-Beratung", ("Beratung",), ("Juri", "Doktor Kühn-Albrecht")),
        Service("Tattoo", ("Tätowierung",)),
        Service("Cover-up", ("Überstechen",)),
        Service("Piercing", ("Nasenpiercing",)),
        Service("Piercingwechsel", ("Schmuckwechsel",)),
        Service("Tattoo-Entfernung", ("Lasern", "Laserbehandlung")),
        Service("Ohrlochstechen", ("Ohrlöcher", "Ohrringe stechen")),
    ),
    staff=TEAM,
    branches=("Neustadt",),
    teams={"Neustadt": TEAM},
    questions=(KNOWN, "Ab welchem Alter stechen Sie?"),
)
GARAGE = Catalogue(
    services=(Service("Bremsen"), Service("Bremsenprüfung"), Service("Bremsenwechsel"), Service("Inspektion"))
)
NOW = datetime.fromisoformat("2026-11-24T10:00:00+01:00")  # a Tuesday


def _offer(start: str, spoken: str) -> dict[str, str]:
    return {"start": f"{start}:00+01:00", "spoken": spoken, "staff": "Juri"}


ON_THURSDAY = _offer("2026-11-26T15:00", "Donnerstag, den 26. November, um 15 Uhr bei Juri")
ON_FRIDAY = _offer("2026-11-27T11:15", "Freitag, den 27. November, um 11 Uhr 15 bei Juri")
IN_DECEMBER = _offer("2026-12-17T15:00", "Donnerstag, den 17. Dezember, um 15 Uhr bei Juri")
ON_TUESDAY = _offer("2026-12-01T12:00", "Dienstag, den 1. Dezember, um 12 Uhr bei Juri")
TWO = (ON_THURSDAY, ON_FRIDAY)
ASKS_THURSDAY = f"Das ist {ON_THURSDAY['spoken']}. Soll ich das eintragen?"
ASKS_DECEMBER = f"Das ist {IN_DECEMBER['spoken']}. Soll ich das eintragen?"
WANTS_DECEMBER = "Piercing am Donnerstag, den 17. Dezember um drei."


def studio(*says: str, offers: tuple[dict[str, str], ...] = TWO) -> tuple[Any, str | None]:
    return hold(STUDIO, *says, offers=offers, now=NOW)


def studio_function(*says: str, offers: tuple[dict[str, str], ...] = TWO) -> tuple[str, dict[str, Any]]:
    return function_of(STUDIO, *says, offers=offers, now=NOW)


@pytest.mark.parametrize(
    "said",
    [
        "Ich kann aber nur um drei.",
        "Um drei.",
        "Ja, um drei.",
        "Den um 15 Uhr.",
        "Ich muss um drei weg.",
        "Es geht nur am Donnerstag um drei.",
    ],
)
def test_an_offer_on_another_day_than_was_asked_for_is_not_booked_by_its_time_alone(said: str) -> None:
    asked = "Piercing am Freitag um drei, ich heiße Lars Hut."
    assert studio(asked, said)[0] == ASKS_THURSDAY
    assert studio_function(asked, said, "Ja.")[1]["start"] == ON_THURSDAY["start"]


@pytest.mark.parametrize("said", ["Am Donnerstag um drei.", "Die erste, bitte.", "Donnerstag passt."])
def test_an_offer_that_is_named_by_its_day_or_place_is_taken(said: str) -> None:
    assert studio("Piercing am Freitag um drei.", said)[0] == ASK_NAME


def test_an_offer_on_the_day_that_was_asked_for_is_taken_by_its_time() -> None:
    assert studio("Piercing am Donnerstag um zwei.", "Um drei.")[0] == ASK_NAME


@pytest.mark.parametrize("said", ["Erst ab drei.", "Nicht vor drei.", "Nur vormittags."])
def test_a_restriction_looks_on(said: str) -> None:
    assert studio_function("Piercing am Freitag um drei.", said, offers=(ON_THURSDAY,))[0] == "check_availability"


@pytest.mark.parametrize(
    ("said", "service"),
    [
        ("Ich möchte mein Piercing wechseln lassen, am Mittwoch um vier.", "Piercingwechsel"),
        ("Kann ich mein Tattoo am Freitag entfernen lassen?", "Tattoo-Entfernung"),
        ("Ich möchte mein altes Tattoo lasern lassen, am Donnerstag um drei.", "Tattoo-Entfernung"),
        ("Mein Tattoo überstechen lassen, am Donnerstag um drei.", "Cover-up"),
        ("Ich möchte mir ein Tattoo stechen lassen, am Donnerstag um drei.", "Tattoo"),
        ("Ich möchte ein Piercing machen lassen, am Donnerstag um drei.", "Piercing"),
        ("Ein Tattoo und ein Piercing am Freitag um drei", "Tattoo, Piercing"),
    ],
)
def test_the_verb_says_which_service_is_meant(said: str, service: str) -> None:
    assert studio_function(said)[1]["service"] == service


@pytest.mark.parametrize(
    ("catalogue", "said", "service"),
    [
        (GARAGE, "Ich möchte meine Bremsen wechseln lassen, am Mittwoch um vier.", "Bremsenwechsel"),
        (GARAGE, "Können Sie am Mittwoch um vier meine Bremsen prüfen?", "Bremsenprüfung"),
    ],
)
def test_the_verb_says_so_in_other_businesses(catalogue: Catalogue, said: str, service: str) -> None:
    assert function_of(catalogue, said, now=NOW)[1]["service"] == service


@pytest.mark.parametrize(
    ("said", "asks"),
    [
        (
            "Ich will mein Tattoo wegmachen lassen, am Donnerstag um drei.",
            "Möchten Sie Tattoo oder Tattoo-Beratung oder Tattoo-Entfernung?",
        ),
        ("Mein Piercing muss raus, geht Freitag um drei?", "Möchten Sie Piercing oder Piercingwechsel?"),
    ],
)  # fmt: skip
def test_where_the_verb_is_in_no_name_it_asks_which_service_is_meant(said: str, asks: str) -> None:
    assert studio(said)[0] == asks
    answered = studio_function(said, "Tattoo-Entfernung, bitte.")[1]
    assert (answered["service"], answered["time"]) == ("Tattoo-Entfernung", "drei")


@pytest.mark.parametrize(
    ("said", "when"),
    [
        ("Piercing. Samstag. Eins.", {"date": "Samstag", "time": "Eins"}),
        ("Piercing, Samstag, eins.", {"date": "Samstag", "time": "eins"}),
        ("Piercing Donnerstag vier", {"date": "Donnerstag", "time": "vier"}),
        ("Piercing, vier, Donnerstag", {"date": "Donnerstag", "time": "vier"}),
        ("Piercing am 17. Dezember, 16 bitte.", {"date": "17. Dezember", "time": "16"}),
        ("Piercing am Freitag, 27. November", {"date": "Freitag, 27. November"}),
        ("Piercing am Freitag, 27.11.", {"date": "Freitag, 27.11."}),
        ("Piercing am Donnerstag um drei, vier geht nicht", {"date": "Donnerstag", "time": "drei"}),
        ("Ohrlöcher am Donnerstag vormittags oder nach 17 Uhr.", {"date": "Donnerstag vormittags oder nach 17 Uhr"}),
        (
            "Ohrlöcher am Freitag, den 18. Dezember, vormittags oder nach 17 Uhr.",
            {"date": "Freitag, den 18. Dezember, vormittags oder nach 17 Uhr"},
        ),
    ],
)  # fmt: skip
def test_the_whole_time_reaches_the_function(said: str, when: dict[str, str]) -> None:
    args = studio_function(said)[1]
    assert {name: args[name] for name in ("date", "time", "part_of_day") if name in args} == when


@pytest.mark.parametrize(
    ("said", "date"),
    [
        ("Doch lieber am Freitag.", "2026-12-18"),
        ("Und am Freitag?", "2026-12-18"),
        ("Und am Montag?", "2026-12-14"),
        ("Lieber nächsten Freitag.", "nächsten Freitag"),
    ],
)
def test_a_weekday_after_a_date_is_of_the_same_week(said: str, date: str) -> None:
    assert studio_function(WANTS_DECEMBER, said, offers=(IN_DECEMBER,))[1]["date"] == date


def test_a_weekday_after_another_one_is_the_next() -> None:
    assert studio_function("Piercing am Montag um drei.", "Lieber am Freitag.", offers=())[1]["date"] == "Freitag"


@pytest.mark.parametrize(
    ("said", "quoted"),
    [
        ("Ja, aber nur, wenn es nicht länger als eine Stunde dauert.", "aber nur, wenn es nicht länger als eine Stunde dauert"),
        ("Gern, falls es nicht wehtut.", "falls es nicht wehtut"),
        ("Ja, sofern das nicht teurer ist, Ina Boll.", "sofern das nicht teurer ist, Ina Boll"),
    ],
)  # fmt: skip
def test_a_yes_on_a_condition_gets_the_offer_once_more(said: str, quoted: str) -> None:
    answer, remark = studio(WANTS_DECEMBER, said, offers=(IN_DECEMBER,))
    assert answer == ASKS_DECEMBER
    assert f"“{quoted}”" in str(remark)


@pytest.mark.parametrize(
    ("said", "function"),
    [
        ("Ich hab morgen um drei bei Frau Doktor Kühn-Albrecht einen Termin, steht der noch?", "find_appointments"),
        ("Ich habe Ausschlag und möchte einen Termin.", "check_availability"),
    ],
)
def test_who_has_an_appointment_does_not_want_one(said: str, function: str) -> None:
    assert studio_function(said)[0] == function


@pytest.mark.parametrize(
    ("said", "is_two"),
    [
        ("Was kostet ein Tattoo und tut das weh?", True),
        ("Was kostet ein Tattoo? Und blutet es?", True),
        ("Ich wollte fragen, ob ein Tattoo wehtut und was es kostet.", True),
        ("Was kostet ein Tattoo für mich und für Sie?", False),
        ("Was kostet ein Tattoo und ein Piercing?", False),
        ("Danke. Und wie lange dauert ein Tattoo?", False),
    ],
)
def test_a_second_question_is_quoted(said: str, is_two: bool) -> None:
    called, remark = studio(said)
    assert called[0] == "business_information"
    assert (remark is not None and said in remark) is is_two


@pytest.mark.parametrize(
    ("said", "function"),
    [
        ("Ist das bei Ihnen barrierefrei?", "business_information"),
        ("Ist das schmerzhaft?", "business_information"),
        ("Ist das am Donnerstag?", "find_appointments"),
        ("Ist das jetzt fest eingetragen?", "find_appointments"),
    ],
)
def test_a_question_after_a_booking_is_about_it_only_where_it_names_it(said: str, function: str) -> None:
    assert studio_function(WANTS_DECEMBER, "Ja, Ute Sand.", said, offers=(IN_DECEMBER,))[0] == function


def test_a_question_beside_an_offer_that_is_not_about_it_is_quoted() -> None:
    answer, remark = studio(WANTS_DECEMBER, "Ist das schmerzhaft?", offers=(IN_DECEMBER,))
    assert answer == ASKS_DECEMBER
    assert "schmerzhaft" in str(remark)


@pytest.mark.parametrize(
    "said",
    [
        "Kann man bei Ihnen parken?",
        "Wo kann ich parken?",
        "Haben Sie Parkplätze?",
        "Gibt es ein Parkhaus?",
        "Ist das Parken bei Ihnen kostenlos?",
        "Was kostet das Parken?",
    ],
)
def test_a_question_about_parking_finds_the_known_one(said: str) -> None:
    assert studio_function(said)[1]["question"] == KNOWN
    called, remark = hold(replace(STUDIO, questions=()), said)
    assert called[1]["topic"] == "address"
    assert said in str(remark)


def test_instead_of_a_rejected_person_it_asks_for_one_who_does_the_service() -> None:
    called = studio_function("Eine Beratung, aber nicht bei Juri.", "Übermorgen um eins.")[1]
    assert called["staff"] == "Doktor Kühn-Albrecht"


def test_a_weekday_behind_a_first_name_is_a_name_though_no_offer_is_open() -> None:
    answer, remark = studio("Eine Beratung, aber nicht bei Juri.", "Ja, Erwin Sonntag.", offers=(ON_THURSDAY,))
    assert isinstance(answer, str)
    assert "Erwin Sonntag" in str(remark)


def test_who_sums_up_who_comes_and_then_says_who_gets_what_is_understood() -> None:
    tools = {name: {"parameters": {**tool.get("parameters", {})}} for name, tool in TOOLS.items()}
    searches = tools["check_availability"]["parameters"]
    searches["properties"] = {**searches["properties"], "companions": {}}
    model = ScriptedModel(tools, "+491", STUDIO, now=NOW)
    called = model.hear(
        "Ich möchte am Donnerstag um fünf für mich und meinen Mann buchen, Ohrlochstechen für mich,"
        " Beratung bei Juri für meinen Mann."
    )
    assert isinstance(called, ToolCall)
    assert called.args["service"] == "Ohrlochstechen"
    assert called.args["companions"] == [{"service": "Tattoo-Beratung", "staff": "Juri"}]
    model = ScriptedModel(tools, "+491", STUDIO, now=NOW)
    assert isinstance(model.hear("Ohrlochstechen und Beratung für mich und meinen Mann am Donnerstag um drei."), str)
    model.hear("Ja, Carla Weiß und Tom Weiß.")
    assert "Carla Weiß und Tom Weiß" in str(model.remark)
    assert isinstance(
        model.hear("meine Schwester und ich möchten uns beide am Samstag Ohrlöcher stechen lassen."), ToolCall
    )
    assert model.remark is None


def test_what_is_too_early_keeps_the_date_of_the_offer() -> None:
    said = ("Beratung am Dienstag um zwölf.", "Nein, der ist mir zu früh.")
    assert studio_function(*said, offers=(ON_TUESDAY,))[1]["date"] == "2026-12-01"


@pytest.mark.parametrize(
    ("said", "before"),
    [
        ("Ja.", (WANTS_DECEMBER, "Ja, Ute Sand.", "Ach nein, ich wollte ja nur einen Schmuckwechsel.")),
        ("Ist das noch rechtzeitig?", ("Ich muss den Termin am Freitag absagen.",)),
    ],
)
def test_what_answers_no_question_is_quoted(said: str, before: tuple[str, ...]) -> None:
    answer, remark = studio(*before, said, offers=(IN_DECEMBER,))
    assert isinstance(answer, str)
    assert said in str(remark)


def test_who_looks_for_work_looks_for_no_appointment() -> None:
    called, remark = studio("Ich rufe an wegen Ihrer Anzeige, suchen Sie noch eine Aushilfe?")
    assert called[0] == "business_information"
    assert "Aushilfe" in str(remark)
