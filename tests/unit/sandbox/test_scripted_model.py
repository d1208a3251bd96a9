"""What the demo's agent makes of a caller's sentences when the caller wants a new appointment, or somebody else."""

import pytest
from played_calls import OFFER
from scripted_models import ASK_NAME, ASK_TIME, SUSPENDED, called, new_model, new_model_tools, offering_model

from askproai_sandbox.caller import ScriptedModel, ToolCall, phrases
from askproai_sandbox.caller.catalogue import read_catalogue

HEARD = [
    (
        "Guten Morgen, einen Termin für eine Vorsorge morgen Nachmittag bitte",
        {"service": "Vorsorge", "date": "morgen", "part_of_day": "Nachmittag"},
    ),
    ("Haben Sie nächsten Dienstag um 15 Uhr 30 etwas frei?", {"date": "nächsten Dienstag", "time": "15 Uhr 30"}),
    ("Ich brauche einen Termin zum Strähnen färben am 5. Dezember", {"service": "Strähnen", "date": "5. Dezember"}),
    ("In zwei Wochen um viertel nach vier, Herrenschnitt", {"date": "In zwei Wochen", "time": "viertel nach vier"}),
    ("Übermorgen um drei", {"date": "Übermorgen", "time": "drei"}),
    ("Am 5.12. um 14:30 Uhr", {"date": "5.12.", "time": "14:30 Uhr"}),
    ("Ein Herrenschnitt, bitte, morgen um zehn", {"service": "Herrenschnitt", "date": "morgen", "time": "zehn"}),
    ("Einen Haarschnitt morgen um zehn", {"service": "Haarschnitt", "date": "morgen", "time": "zehn"}),
    ("Morgen um zehn", {"date": "Morgen", "time": "zehn"}),
    ("morgen um zehn, bitte", {"date": "morgen", "time": "zehn"}),
    ("Damenschnitt, bitte", {"service": "Damenschnitt"}),
    ("Guten Morgen, bitte einen Haarschnitt", {"service": "Haarschnitt"}),
    ("Am 5. Dezember bitte", {"date": "5. Dezember"}),
    ("Am Vormittag, bitte", {"part_of_day": "Vormittag"}),
    ("Ein Termin bitte, am Freitag", {"date": "Freitag"}),
]


@pytest.mark.parametrize(("text", "args"), HEARD)
def test_the_model_hears_what_is_asked(text: str, args: dict[str, str]) -> None:
    assert called(new_model(), text) == {"tool": "check_availability", **args}


def test_the_model_remembers_day_service_name_and_offers() -> None:
    model = new_model()
    model.hear("Hier ist Erika Mustermann, einen Haarschnitt am Freitag um drei bitte")
    model.learn({"success": False, "message": "Um drei ist nichts frei.", "alternatives": [OFFER, {"start": "later"}]})
    expected = {"tool": "check_availability", "service": "Haarschnitt", "date": "Freitag", "time": "vier"}
    assert called(model, "Lieber um vier") == expected
    model.learn({"success": False, "message": "Wie bitte?"})
    booked = called(model, "Den zweiten bitte, ja")
    assert (booked["tool"], booked["start"]) == ("book_appointment", "later")
    assert booked["customer_name"] == "Erika Mustermann"
    model.learn({"success": True, "message": "Gebucht."})
    assert isinstance(model.hear("Ja, danke"), str), "nothing is on offer any more"


def test_a_yes_to_the_question_which_of_two_is_meant_books_none() -> None:
    first, second = ({**OFFER, "start": f"2026-{day}T09:00:00+01:00", "spoken": spoken} for day, spoken in (
        ("11-26", "Donnerstag, den 26. November, um 9 Uhr bei Anna"), ("12-03", "Donnerstag, den 3. Dezember, um 9 Uhr bei Anna"),
    ))  # fmt: skip
    model = offering_model(first, second)
    model.learn(
        {"success": True, "slots": [first, second], "candidates": [{}, {}], "message": "Welchen Termin meinen Sie?"}
    )
    assert model.hear("Ja, Franz Huber") == (
        "Welcher Termin passt Ihnen: Donnerstag, den 26. November, um 9 Uhr bei Anna"
        " oder Donnerstag, den 3. Dezember, um 9 Uhr bei Anna?"
    )
    assert called(model, "Den am 3. Dezember")["start"] == "2026-12-03T09:00:00+01:00"


def test_a_yes_to_the_question_which_day_is_meant_books_nothing_that_was_offered_before() -> None:
    model = offering_model(OFFER)
    model.hear("Lieber Donnerstag in einer Woche")
    question = "Meinen Sie Donnerstag, den 26. November oder Donnerstag, den 3. Dezember?"
    model.learn({"success": False, "slots": [], "candidates": [{}, {}], "message": question})
    assert model.hear("Ja, Franz Huber") == question


NAMED = {
    "Erika Mustermann.": "Erika Mustermann",
    "Auf Mustermann, bitte.": "Mustermann",
    "Ja, auf den Namen Erika Mustermann": "Erika Mustermann",
    "Das ist Frau Müller": "Müller",
    "Mein Name ist Jonas Köhler": "Jonas Köhler",
}


@pytest.mark.parametrize(("text", "name"), NAMED.items())
def test_a_name_that_was_asked_for_books(text: str, name: str) -> None:
    model = new_model()
    model.hear("Einen Haarschnitt morgen um zehn")
    model.learn({"success": True, "slots": [OFFER, {"start": "later"}]})
    assert model.hear("Ja, die zweite bitte") == ASK_NAME
    assert model.hear("Einen Moment, bitte") == ASK_NAME, "that was no name"
    assert model.hear("Wie bitte?") == ASK_NAME
    booked = {"tool": "book_appointment", "service": "Haarschnitt", "start": "later", "customer_name": name}
    assert called(model, text) == booked


def test_a_yes_may_carry_the_name() -> None:
    model = new_model()
    model.hear("Einen Haarschnitt morgen um zehn")
    model.learn({"success": True, "slots": [OFFER]})
    assert called(model, "Ja, Anna Beispiel")["customer_name"] == "Anna Beispiel"


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("Ja aber nicht um halb drei, lieber um vier.", {"date": "Freitag", "time": "vier"}),
        ("Ja aber nicht nachmittags, lieber vormittags", {"date": "Freitag", "part_of_day": "vormittag"}),
        ("Nicht am Freitag, lieber am Montag", {"date": "Montag", "time": "halb drei"}),
        ("Das ist mir zu früh", {"date": "Freitag", "part_of_day": "Abend"}),
        ("Ja, schon, aber halb drei ist mir zu spät", {"date": "Freitag", "part_of_day": "Vormittag"}),
    ],
)
def test_a_rejected_time_is_never_booked(text: str, when: dict[str, str]) -> None:
    expected = {"tool": "check_availability", "service": "Haarschnitt", **when}
    assert called(offering_model(), text) == expected


@pytest.mark.parametrize("text", ["Ja aber nicht um halb drei", "Um halb drei kann ich nicht", "Nicht am Freitag"])
def test_a_rejection_alone_makes_the_agent_ask_and_is_remembered(text: str) -> None:
    model = offering_model()
    assert model.hear(text) == ASK_TIME
    asked = called(model, "um vier")
    if "Freitag" in text:
        assert (asked["date"], asked.get("time")) == ("um vier, Nicht am Freitag", None)
    else:
        assert (asked["date"], asked["time"]) == ("Freitag", "vier")


def test_a_part_of_the_day_beyond_which_there_is_none_is_asked_for() -> None:
    assert offering_model({**OFFER, "start": "2026-11-27T18:00:00+01:00"}).hear("Das ist mir zu früh") == ASK_TIME


def test_a_yes_to_a_question_that_was_no_offer_books_nothing_and_hears_the_question_again() -> None:
    model = new_model()
    model.hear("Einen Haarschnitt irgendwann am Freitag")
    model.learn({"success": False, "message": "Wann genau möchten Sie kommen?"})
    assert model.hear("Ja, gern. Erika Mustermann") == "Wann genau möchten Sie kommen?"
    assert model.remark is not None


def test_who_wants_nothing_books_nothing() -> None:
    assert isinstance(new_model().hear("Ich will keinen Termin"), str)
    model = offering_model()
    assert isinstance(model.hear("Nein, dann lassen wir es"), str)
    assert isinstance(model.hear("Ja, gern"), str), "nothing is on offer any more"


def test_a_callback_is_no_booking_and_is_marked() -> None:
    for text in ("Rückruf bitte", "Können Sie mich am Freitag zurückrufen?"):
        model = new_model()
        assert isinstance(model.hear(text), str)
        assert model.remark == "the agent at Retell has no function that notes a callback"


TRANSFERS = {"transfer_to_human": {"type": "transfer_call"}}


@pytest.mark.parametrize("text", ["Ja, bitte.", "Gern.", "Ja, verbinden Sie mich"])
def test_a_yes_to_the_offer_of_a_transfer_transfers(text: str) -> None:
    assert ScriptedModel(TRANSFERS, "+491", greeting=SUSPENDED).hear(text) == ToolCall("transfer_to_human", {})
    assert isinstance(ScriptedModel(TRANSFERS, "+491", greeting=SUSPENDED).hear("Nein, danke."), str)
    model = ScriptedModel(TRANSFERS | new_model_tools(), "+491")
    model.hear("Einen Haarschnitt am Freitag um drei")
    model.learn({"success": False, "message": "Ich kann Sie dafür gern verbinden."})
    assert model.hear(text) == ToolCall("transfer_to_human", {})


def test_a_suspended_agent_calls_no_function_that_it_does_not_have_and_repeats_its_greeting() -> None:
    model = ScriptedModel(TRANSFERS, "+491", greeting=SUSPENDED)
    assert model.hear("Einen Haarschnitt am Freitag um drei, bitte") == SUSPENDED
    assert model.remark is not None
    assert "check_availability" in model.remark
    assert model.hear("Ja, bitte") == ToolCall("transfer_to_human", {})


@pytest.mark.parametrize(
    "text",
    [
        "Zwei Haarschnitte am Freitag um zehn",
        "Einen Haarschnitt für mich und meine Tochter",
        "Einen Termin für zwei Personen",
    ],
)
def test_an_appointment_for_two_people_is_marked_as_one_call_for_each(text: str) -> None:
    model = new_model()
    model.hear(text)
    assert "one appointment after the other" in str(model.remark)


def test_another_requested_time_is_stronger_than_the_question_for_the_name() -> None:
    model = new_model()
    model.hear("Einen Haarschnitt morgen um zehn")
    model.learn({"success": True, "slots": [OFFER]})
    assert model.hear("Ja, bitte.") == ASK_NAME
    assert called(model, "Ach nein, lieber um elf")["time"] == "elf"
    model.learn({"success": True, "slots": [{"start": "eleven"}]})
    assert called(model, "Ich bin Erika Mustermann, geht es auch um zwölf?")["tool"] == "check_availability"
    assert called(model, "Ja, bitte")["customer_name"] == "Erika Mustermann"


def test_a_service_that_was_asked_for_keeps_the_day_and_the_time() -> None:
    model = new_model()
    assert called(model, "Eine Massage morgen um zehn")["service"] == "Massage"
    model.learn(
        {"success": False, "message": "Buchbar ist: Haarschnitt oder Farbe?", "services": ["haarschnitt", "farbe"]}
    )
    assert called(model, "Am Freitag um elf") == {"tool": "check_availability", "date": "Freitag", "time": "elf"}
    model.learn({"success": False, "message": "Was möchten Sie buchen?", "services": ["haarschnitt", "farbe"]})
    expected = {"tool": "check_availability", "service": "Farbe", "date": "Freitag", "time": "elf"}
    assert called(model, "Farbe.") == expected


def test_a_yes_with_another_person_asks_again_and_with_the_same_service_books() -> None:
    catalogue = read_catalogue("## Buchbar\n- Kontrolle (20 Minuten)\n\n## Team\n- Park: Doktor Winter, Doktor Sommer")
    declared = ("service", "staff", "date", "time", "start", "customer_name")
    tools = {
        name: {"parameters": {"properties": {field: {} for field in declared}}}
        for name in ("check_availability", "book_appointment")
    }
    offered = {"success": True, "slots": [{**OFFER, "spoken": "Freitag um 14 Uhr 30 bei Doktor Winter"}]}
    model = ScriptedModel(tools, "+491", catalogue)
    model.hear("Eine Kontrolle am Freitag um halb drei")
    model.learn(offered)
    asked = called(model, "Ja, aber bei Doktor Sommer, Anna Nym")
    assert (asked["tool"], asked["staff"], asked["time"]) == ("check_availability", "Doktor Sommer", "halb drei")
    model.learn(offered)
    assert called(model, "Ja, die Kontrolle bitte")["tool"] == "book_appointment"


@pytest.mark.parametrize(
    "text",
    ["Nein danke, auf Wiederhören.", "Tschüss.", "Wiederschauen!", "Danke, Tschüß", "Schade, dann nicht. Tschüss.",
     "Schade, tschüss!", "Na gut, dann melde ich mich am Montag wieder. Tschüss", "Dann bis Freitag, tschüss"],
)  # fmt: skip
def test_a_goodbye_is_understood_in_every_turn_and_is_no_service(text: str) -> None:
    asked, moving, fresh = new_model(), new_model(), new_model()
    asked.hear("Ich brauche einen Termin")
    asked.learn({"success": False, "message": "Was möchten Sie buchen?", "services": ["haarschnitt"]})
    moving.hear("Ich möchte meinen Termin verschieben")
    for_transfer, for_name = ScriptedModel(TRANSFERS, "+491", greeting=SUSPENDED), offering_model(OFFER)
    assert for_name.hear("Ja, bitte.") == ASK_NAME
    several = offering_model(OFFER, {"start": "2026-11-27T16:00:00+01:00", "spoken": "vier"})
    for model in (asked, moving, fresh, offering_model(OFFER), several, for_transfer, for_name):
        assert (str(model.hear(text)).endswith("Auf Wiederhören!"), model.remark) == (True, None)


def test_a_yes_before_a_goodbye_counts() -> None:
    assert isinstance(offering_model(OFFER).hear("Ja, gern. Mein Name ist Max Muster. Tschüss!"), ToolCall)
    model = offering_model(OFFER)
    assert model.hear("Ja, bitte.") == ASK_NAME
    assert called(model, "Muster, tschüss!")["customer_name"] == "Muster"


@pytest.mark.parametrize("text", ["Egal bei wem.", "Egal.", "Ganz egal"])
def test_egal_after_the_question_for_the_service_is_no_service(text: str) -> None:
    model = new_model()
    model.hear("Ich brauche einen Termin")
    model.learn({"success": False, "message": "Was möchten Sie buchen?", "services": ["haarschnitt"]})
    heard = model.hear(text)
    assert isinstance(heard, str) or "service" not in heard.args
    assert isinstance(heard, ToolCall) or model.remark


def test_the_service_of_a_question_is_remembered() -> None:
    model = ScriptedModel(
        new_model_tools(), "+491", read_catalogue("## Buchbar\n- Haarschnitt (45 Minuten)\n- Färben (90 Minuten)")
    )
    assert isinstance(model.hear("Was kostet einmal Färben?"), str)
    assert called(model, "Am Freitag um zehn")["service"] == "Färben"


def test_a_service_with_a_wait_is_among_those_that_the_prompt_names() -> None:
    catalogue = read_catalogue(
        "## Buchbar\n- Farbe (105 Minuten, davon 30 Minuten Wartezeit; auch: Färben), nur in Park"
    )
    assert [(each.name, each.spoken_names) for each in catalogue.services] == [("Farbe", ("Färben",))]


@pytest.mark.parametrize(
    "question",
    ["Ist das am Freitag?", "Ähm, warten Sie, ist das am Freitag?", "Ja, ist das am Freitag?", "ist das Freitag",
     "Das ist am Freitag, oder", "Geht das um halb drei?", "Ja, ist das bei Ihnen im Haus?"],
)  # fmt: skip
def test_a_question_is_no_yes_to_an_offer(question: str) -> None:
    model = offering_model()
    assert model.hear(question) == phrases.ASK_YES.format("halb drei")
    assert model.hear("Otto Brehm.") == phrases.ASK_YES.format("halb drei"), "still no yes"
    assert called(model, "Ja, Otto Brehm.")["start"] == OFFER["start"]


def test_a_question_after_the_yes_takes_it_back() -> None:
    model = offering_model()
    assert model.hear("Ja, bitte.") == ASK_NAME
    assert model.hear("Moment, ist das am Freitag?") == phrases.ASK_YES.format("halb drei")
    assert isinstance(model.hear("Otto Brehm."), str)


def test_a_question_that_names_one_of_several_offers_is_answered_with_that_one() -> None:
    model = offering_model(OFFER, {"start": "2026-11-27T16:00:00+01:00", "spoken": "vier"})
    assert model.hear("Ginge um vier?") == phrases.ASK_YES.format("vier")
    assert called(model, "Ja, Otto Brehm.")["start"] == "2026-11-27T16:00:00+01:00"
    assert model.hear("Wo sind Sie?") != phrases.ASK_YES.format("vier")
