"""What the demo's agent makes of callers' names that are days, of people who are not wanted, and of two appointments."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from scripted_models import ASK_NAME, called, new_model_tools

from askproai_runtime.german_dates import understand_parts
from askproai_sandbox.caller import ScriptedModel, ToolCall, phrases
from askproai_sandbox.caller.catalogue import read_catalogue

CATALOGUE = read_catalogue(
    "## Buchbar\n- Krankengymnastik (20 Minuten)\n- Massage (30 Minuten)\n\n## Team\n- Praxis: Frau Krause, Frau Vogel"
)
KRAUSE = {"start": "2026-11-26T12:00:00+01:00", "spoken": "Donnerstag, den 26. November, um 12 Uhr bei Frau Krause"}
VOGEL = {"start": "2026-11-26T13:00:00+01:00", "spoken": "Donnerstag, den 26. November, um 13 Uhr bei Frau Vogel"}
UTC = ZoneInfo("UTC")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def new_model() -> ScriptedModel:
    tools = new_model_tools()
    for tool in tools.values():
        tool["parameters"]["properties"] |= {"staff": {}}
    tools["business_information"] = {"parameters": {"properties": {"topic": {}, "date": {}}}}
    tools["reschedule_appointment"] = {"parameters": {"properties": {"date": {}, "appointment_date": {}}}}
    return ScriptedModel(tools, "+491", CATALOGUE)


def offering(*offers: dict[str, str]) -> ScriptedModel:
    model = new_model()
    model.hear("Krankengymnastik am Donnerstag um zwölf")
    model.learn({"success": True, "slots": list(offers)})
    return model


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Sonntag, Petra Sonntag.", "Petra Sonntag"),
        ("Peter Freitag, bitte", "Peter Freitag"),
        ("Freitag, Peter", "Peter Freitag"),
        ("Freitag.", "Freitag"),
        ("Auf den Namen Klaus März", "Klaus März"),
        ("Herr Winter", "Winter"),
        ("Frau Krause", "Krause"),
        ("Mein Name ist Sonntag", "Sonntag"),
    ],
)
def test_the_answer_to_the_question_for_the_name_is_a_name(text: str, name: str) -> None:
    model = offering(KRAUSE)
    assert model.hear("Ja") == ASK_NAME
    heard = called(model, text)
    assert (heard["tool"], heard["customer_name"]) == ("book_appointment", name)


@pytest.mark.parametrize(
    "text", ["Am Freitag", "Freitag Nachmittag", "Freitagnachmittag", "Freitag um elf", "Übermorgen"]
)
def test_a_time_instead_of_the_name_is_a_time(text: str) -> None:
    model = offering(KRAUSE)
    assert model.hear("Ja") == ASK_NAME
    assert called(model, text)["tool"] == "check_availability"


def test_another_request_instead_of_the_name_is_no_name() -> None:
    model = offering(KRAUSE)
    assert model.hear("Ja") == ASK_NAME
    assert model.hear("Rückruf, bitte") == phrases.IMPOSSIBLE


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ja, Peter Freitag.", "Peter Freitag"),
        ("Ja, Morgenstern.", "Morgenstern"),
        ("Ja, Frau Schmidt.", "Schmidt"),
        ("Ja gern, Petra Sonntag", "Petra Sonntag"),
    ],
)
def test_a_yes_carries_a_name_that_is_a_day(text: str, name: str) -> None:
    heard = called(offering(KRAUSE), text)
    assert (heard["tool"], heard["customer_name"]) == ("book_appointment", name)


@pytest.mark.parametrize("text", ["Ja. Wunderbar.", "Ja, Perfekt.", "Ja. Gerne.", "Ja, Krause"])
def test_a_yes_with_a_word_that_is_no_name_carries_none(text: str) -> None:
    assert offering(KRAUSE).hear(text) == ASK_NAME


@pytest.mark.parametrize("text", ["Ja, Freitag.", "Ja, Freitag Nachmittag", "Ja, Lieber Freitag"])
def test_a_yes_with_a_day_is_no_name(text: str) -> None:
    heard = called(offering(KRAUSE), text)
    assert (heard["tool"], heard["date"]) == ("check_availability", "Freitag")


def test_who_is_rejected_is_not_asked_for_and_never_booked() -> None:
    model = new_model()
    heard = called(model, "Krankengymnastik am Donnerstag um zwölf, aber nicht bei Frau Krause.")
    assert (heard["tool"], heard["staff"], heard["date"]) == ("check_availability", "Frau Vogel", "Donnerstag")
    assert model.remark == phrases.NOT_WITH.format("Frau Krause", "Frau Vogel")
    message = "Bei Frau Vogel ist nichts frei. Frei ist 12 Uhr bei Frau Krause. Soll ich das eintragen?"
    model.learn({"success": False, "alternatives": [KRAUSE], "message": message})
    assert model.hear("Ja, Ute Lenz.") == message
    assert model.remark == phrases.NO_OFFER.format("Ja, Ute Lenz.")


def test_who_is_rejected_after_offers_is_left_out_of_them_until_named_again() -> None:
    model = offering(KRAUSE, VOGEL)
    assert model.hear("Nicht bei Frau Krause") == ASK_NAME, "the only offer that is left"
    assert called(model, "Ute Lenz")["start"] == VOGEL["start"]
    model = offering(KRAUSE)
    assert called(model, "Bitte nicht bei Frau Krause")["staff"] == "Frau Vogel"
    assert called(model, "Dann doch bei Frau Krause")["staff"] == "Frau Krause"
    model.learn({"success": True, "slots": [KRAUSE]})
    assert called(model, "Ja, Ute Lenz")["tool"] == "book_appointment"


def test_a_question_that_is_put_in_the_negative_rejects_nobody() -> None:
    model = new_model()
    model.hear("Geht es nicht bei Frau Krause?")
    assert model.remark is None


def test_two_appointments_of_one_person_are_made_one_after_the_other() -> None:
    model = new_model()
    model.hear("Ich brauche zwei Termine für Krankengymnastik, am Montag um neun und am Donnerstag um neun.")
    assert model.remark == phrases.ONE_BY_ONE
    model.learn({"success": True, "slots": [KRAUSE]})
    assert model.hear("Ja, beide.") == phrases.ONE_AT_A_TIME.format(KRAUSE["spoken"])
    assert called(model, "Ja, Karin Busch.")["tool"] == "book_appointment"


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("Ich brauche zwei Termine: einmal Massage am Dienstag um zehn und einmal Krankengymnastik um zwölf.", "Dienstag"),
        ("Einmal Massage am Dienstag um zehn und eine Krankengymnastik am Mittwoch um zwölf.", "Dienstag"),
        ("Zwei Termine für Massage bitte, am Dienstag um zehn und am Mittwoch um elf", "Dienstag"),
    ],
)  # fmt: skip
def test_the_first_of_two_appointments_is_asked_for(text: str, date: str) -> None:
    model = new_model()
    assert called(model, text) == {"tool": "check_availability", "service": "Massage", "date": date, "time": "zehn"}
    assert model.remark == phrases.ONE_BY_ONE


def test_two_services_at_one_time_are_one_visit() -> None:
    model = new_model()
    assert (
        called(model, "Eine Massage und einmal Krankengymnastik am Dienstag")["service"] == "Massage, Krankengymnastik"
    )
    assert model.remark is None


def test_after_the_booked_appointment_is_after_its_end() -> None:
    model = offering(KRAUSE)
    called(model, "Ja, Ute Lenz")
    model.learn(
        {"success": True, "message": "Eingetragen.", "appointment_id": "a-1", "end": "2026-11-26T12:20:00+01:00"}
    )
    asked = called(model, "Und noch einen Termin zur Massage danach, bitte.")
    assert (asked["service"], asked["date"], asked["time"]) == ("Massage", "2026-11-26", "ab 12:20 Uhr")
    assert understand_parts(asked["date"], asked["time"], None, at=NOW, zone=UTC).candidates
    assert model.remark is None


def test_a_question_about_the_time_after_an_appointment_asks_for_no_free_time() -> None:
    model = offering(KRAUSE)
    called(model, "Ja, Ute Lenz")
    model.learn(
        {"success": True, "message": "Eingetragen.", "appointment_id": "a-1", "end": "2026-11-26T12:20:00+01:00"}
    )
    assert called(model, "Kann ich danach gleich Sport machen?")["tool"] == "business_information"


def test_before_an_appointment_is_remarked_and_the_booked_time_is_not_asked_for_again() -> None:
    model = offering(KRAUSE)
    called(model, "Ja, Ute Lenz")
    model.learn(
        {"success": True, "message": "Eingetragen.", "appointment_id": "a-1", "end": "2026-11-26T12:20:00+01:00"}
    )
    text = "Und noch eine Massage davor, bitte."
    assert "time" not in called(model, text)
    assert model.remark == phrases.NO_NEIGHBOUR.format(text)


@pytest.mark.parametrize(
    "text",
    ["Do you speak English? I would like a haircut for my dog on Friday at ten.", "Hello, do you speak English?"],
)
def test_english_is_remarked_and_is_no_german_day(text: str) -> None:
    model = new_model()
    assert model.hear(text) == phrases.GERMAN_ONLY
    assert model.remark == phrases.ENGLISH


@pytest.mark.parametrize(
    "text",
    [
        "Ich brauche am Montag zwei Termine, für mich und meine Tochter",
        "Am Freitag um zehn eine Krankengymnastik für meine Tochter und eine für mich.",
    ],
)
def test_appointments_of_two_people_need_two_calls(text: str) -> None:
    model = new_model()
    model.hear(text)
    assert model.remark == phrases.ONE_APPOINTMENT


@pytest.mark.parametrize("person", ["Frau Vogel", "Doktor Winter"])
def test_when_a_person_works_is_nothing_that_the_agent_knows(person: str) -> None:
    model = new_model()
    assert isinstance(model.hear(f"Wann arbeitet {person}?"), str)
    assert model.remark is not None
    assert "when a person works" in model.remark


def test_a_move_to_another_person_is_remarked() -> None:
    model = new_model()
    model.hear("Ich möchte meinen Termin zu Frau Vogel umbuchen.")
    assert model.remark == phrases.SAME_PERSON.format("Frau Vogel")
    model.hear("Ich möchte meinen Termin bei Frau Vogel verschieben.")
    assert model.remark is None


def test_opening_hours_of_a_part_of_a_day_are_asked_for_that_day() -> None:
    reaction = new_model().hear("Haben Sie am Mittwochnachmittag auf?")
    assert isinstance(reaction, ToolCall)
    assert reaction.args == {"topic": "opening_hours", "date": "Mittwoch"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ja, Rita Öztürk, R I T A, dann Ö Z T Ü R K.", "Rita Öztürk"),
        ("Ja, Rita Öztürk, Ö-Z-T-Ü-R-K.", "Rita Öztürk"),
        ("Ja, mein Name ist Öztürk, Ö Z T Ü R K", "Öztürk"),
        ("Ja, Rita Östürk, Ö Z T Ü R K.", "Rita Östürk"),
        ("Ja, Rita Öztürk, R I T A, meine E-Mail ist rita at web punkt de.", "Rita Öztürk"),
        ("Ja, R I T A, dann Ö Z T Ü R K.", "Rita Öztürk"),
        ("Ja, auf R-I-T-A Ö-Z-T-Ü-R-K, bitte", "Rita Öztürk"),
    ],
)
def test_letters_that_spell_a_name_are_not_the_name(text: str, name: str) -> None:
    heard = called(offering(KRAUSE), text)
    assert (heard["tool"], heard["customer_name"]) == ("book_appointment", name)


def test_a_name_that_was_asked_for_may_be_spelled() -> None:
    model = offering(KRAUSE)
    assert model.hear("Ja") == ASK_NAME
    assert called(model, "Z A N D E R")["customer_name"] == "Zander"


def test_a_service_may_be_spelled() -> None:
    catalogue = read_catalogue("## Buchbar\n- Zahnreinigung (45 Minuten; auch: PZR)\n\n## Team\n- Praxis: Anna Sommer")
    model = ScriptedModel(new_model_tools(), "+491", catalogue)
    assert called(model, "Eine P Z R bei Anna Sommer am Montag")["service"] == "Zahnreinigung"
