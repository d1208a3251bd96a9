"""What the demo's agent makes of a sentence of which one part is no time, no service or no wish: it loses none without a remark.

Where it cannot place a part, it calls no function with the rest. Each row is a call: what answers come first, then the sentences.
"""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from askproai_runtime.german_dates import understand
from askproai_sandbox.caller import ScriptedModel, ToolCall, phrases
from askproai_sandbox.caller.catalogue import read_catalogue

NOW = datetime(2026, 11, 22, 12, tzinfo=ZoneInfo("Europe/Berlin"))  # a Sunday
LOAN, EBIKES = "Bekomme ich ein Leihrad?", "Reparieren Sie auch E-Bikes?"
CATALOGUE = read_catalogue(
    "## Buchbar\n- Inspektion (60 Minuten)\n- Reifenwechsel (30 Minuten)\n\n## Team\n- Werkstatt: Jonas, Frau Petersen\n\n"
    f"## Häufige Fragen\n- {LOAN}\n- {EBIKES}\n- Was kostet die Inspektion von einem Lastenrad?\n"
)
NAMED = ("appointment_id", "appointment_date", "appointment_time")
DECLARED = {
    "check_availability": ("service", "staff", "date", "time", "part_of_day"),
    "book_appointment": ("start", "service", "customer_name"),
    "find_appointments": (),
    "reschedule_appointment": (*NAMED, "date", "time", "start"),
    "cancel_appointment": (*NAMED, "confirmed"),
    "join_waitlist": ("service", "date", "time", "part_of_day", "customer_name"),
    "leave_message": ("message", "recipient", "customer_name", "call_back"),
    "business_information": ("topic", "question", "service", "date"),
}
TOOLS: dict[str, Any] = {
    name: {"parameters": {"properties": {each: {} for each in names}}} for name, names in DECLARED.items()
}
TUESDAY = {"start": "2026-11-24T16:00:00+01:00", "spoken": "Dienstag, den 24. November, um 16 Uhr bei Jonas"}
THURSDAY = {"start": "2026-11-26T16:00:00+01:00", "spoken": "Donnerstag, den 26. November, um 16 Uhr bei Jonas"}
WHEN = ("date", "time", "part_of_day")


def new_model() -> ScriptedModel:
    return ScriptedModel(TOOLS, "+491", CATALOGUE, now=NOW)


def offering(text: str, *offers: dict[str, str]) -> ScriptedModel:
    model = new_model()
    model.hear(text)
    model.learn({"success": True, "slots": list(offers)})
    return model


def booked(text: str = "Eine Inspektion am Dienstag um vier") -> ScriptedModel:
    model = offering(text, TUESDAY)
    assert called(model, "Ja, Lutz Meier")["tool"] == "book_appointment"
    model.learn({"success": True, "appointment_id": "a-1", "end": "2026-11-24T17:00:00+01:00"})
    return model


def called(model: ScriptedModel, text: str) -> dict[str, Any]:
    reaction = model.hear(text)
    assert isinstance(reaction, ToolCall), (text, reaction, model.remark)
    assert model.remark is None, model.remark
    return {"tool": reaction.name, **reaction.args}


def when(model: ScriptedModel, text: str) -> str:
    """Return the words for the time that a sentence makes the model search, in the order in which the pods read them."""
    args = called(model, text)
    assert args["tool"] == "check_availability"
    return " | ".join(args[name] for name in WHEN if name in args)


def is_asked_again(model: ScriptedModel, text: str) -> bool:
    """Return whether the model calls nothing, and says in its remark that it cannot place a part of the sentence."""
    return model.hear(text) == phrases.ASK_WHEN and "cannot place" in (model.remark or "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Reifenwechsel am Dienstag um 16 Uhr 15.", "Dienstag | 16 Uhr 15"),
        ("Reifenwechsel am Dienstag um 14:30.", "Dienstag | 14:30"),
        ("Reifenwechsel um 14 Uhr 30.", "14 Uhr 30"),
        ("Inspektion morgen um 9 Uhr 10.", "morgen | 9 Uhr 10"),
        ("Inspektion morgen um 9 Uhr 10. Danke.", "morgen | 9 Uhr 10"),
        ("Reifenwechsel am Dienstag, den 24. November, um 15 Uhr 30.", "Dienstag, den 24. November | 15 Uhr 30"),
        ("Reifenwechsel am 24. um 15 Uhr 30.", "24. | 15 Uhr 30"),
        ("Reifenwechsel am 24.11. um 9.", "24.11. | 9"),
        ("Reifenwechsel um 9 Uhr am 24.", "24. | 9 Uhr"),
        ("Inspektion am Freitag nach 9 Uhr 30.", "Freitag | nach 9 Uhr 30"),
        ("Inspektion am Freitag zwischen 14 und 15.", "Freitag | zwischen 14 und 15"),
        ("Inspektion am Freitag zwischen 9 Uhr 30 und 10 Uhr 15.", "Freitag | zwischen 9 Uhr 30 und 10 Uhr 15"),
        ("Inspektion um 14 Uhr am 30. November.", "30. November | 14 Uhr"),
    ],
)
def test_a_full_stop_behind_minutes_ends_the_sentence(text: str, expected: str) -> None:
    assert when(new_model(), text).rstrip(".") == expected.rstrip(".")


def test_minutes_are_no_day_of_a_month_in_a_move_and_in_another_wish() -> None:
    assert when(offering("Eine Inspektion am Freitag", THURSDAY), "Lieber um 14 Uhr 30.") == "Freitag | 14 Uhr 30."
    moved = called(booked(), "Verschieben Sie das bitte auf 15 Uhr 15.")
    assert (moved["tool"], moved["time"]) == ("reschedule_appointment", "15 Uhr 15.")
    assert "date" not in moved


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Jetzt noch den Reifenwechsel am Freitag um elf.", "Freitag | elf"),
        ("Jetzt bräuchte ich noch einen Reifenwechsel am Freitag um elf.", "Freitag | elf"),
        ("So, jetzt noch einen Reifenwechsel am Freitag.", "Freitag"),
        ("Gleich noch einen Reifenwechsel am Freitag um elf.", "Freitag | elf"),
        ("Sofort noch einen Reifenwechsel am Freitag.", "Freitag"),
        ("Ich möchte jetzt einen Reifenwechsel am Freitag buchen.", "Freitag"),
        ("Ich hab heute schon mal angerufen, gibt es am Freitag noch was?", "Freitag"),
        ("Ich habe gestern mit Ihnen telefoniert, einen Reifenwechsel am Freitag bitte.", "Freitag"),
        ("Heute rufe ich an wegen Reifenwechsel am Freitag um elf.", "Freitag | elf"),
        ("Ich rufe heute an, weil ich am Freitag einen Reifenwechsel brauche.", "Freitag"),
        ("Ich war gestern schon da. Am Freitag einen Reifenwechsel bitte.", "Freitag"),
        ("Ich brauche nächste Woche einen Reifenwechsel, am liebsten Dienstag.", "nächste Woche Dienstag"),
        ("Kann ich jetzt gleich vorbeikommen?", "jetzt"),
    ],
)
def test_words_that_only_fill_are_no_day_beside_a_day(text: str, expected: str) -> None:
    assert when(new_model(), text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Eine Inspektion, aber nicht am Montag.", "nicht am Montag"),
        ("Eine Inspektion bei Frau Petersen, aber nicht am Montag.", "nicht am Montag"),
        ("Eine Inspektion, nur nicht am Freitag.", "nicht am Freitag"),
        ("Eine Inspektion, montags geht nicht.", "montags geht nicht"),
        ("Eine Inspektion, montags kann ich nie.", "außer montags"),
        ("Eine Inspektion, auf keinen Fall am Montag.", "außer Montag"),
        ("Eine Inspektion bitte, egal wann, nur Montag nicht.", "egal wann, nur Montag nicht"),
        ("Eine Inspektion, nicht am Montag und nicht am Dienstag.", "nicht am Montag, nicht am Dienstag"),
        ("Eine Inspektion, Montag oder Dienstag kann ich nicht.", "außer Montag oder Dienstag"),
        ("Am Montag kann ich nicht, sonst immer. Eine Inspektion bitte.", "immer, Am Montag kann ich nicht"),
        ("Am Montag bin ich im Urlaub, eine Inspektion bitte.", "außer Montag"),
        ("Ich habe Montag keine Zeit, eine Inspektion bitte.", "außer Montag"),
        ("Eine Inspektion nächste Woche, Montag geht nicht.", "nächste Woche, Montag geht nicht"),
        ("Eine Inspektion nachmittags, aber nicht am Montag.", "nachmittag, nicht am Montag"),
        ("Eine Inspektion um vier, aber nicht am Montag.", "um vier, nicht am Montag"),
        ("Eine Inspektion, nicht Montag, lieber Dienstag.", "Dienstag"),
    ],
)
def test_an_excluded_day_reaches_the_function(text: str, expected: str) -> None:
    assert when(new_model(), text) == expected
    if expected != "Dienstag":
        found = understand(expected, at=NOW, zone=ZoneInfo("Europe/Berlin")).candidates
        assert found, "the pods understand it"
        weekday = 4 if "Freitag" in text else 0
        assert all(each.daily and weekday not in each.daily.weekdays for each in found)


def test_an_excluded_day_stays_excluded_until_it_is_wanted() -> None:
    model = offering("Eine Inspektion, aber nicht am Montag.", TUESDAY, THURSDAY)
    assert when(model, "Lieber um fünf.") == "um fünf, nicht am Montag"
    assert when(model, "Dann doch am Montag.") == "Montag | fünf"


def test_an_offer_on_a_day_that_is_rejected_later_is_taken_no_more() -> None:
    model = offering("Eine Inspektion nach 16 Uhr", TUESDAY, THURSDAY)
    assert model.hear("Am Dienstag kann ich nicht.") == phrases.ASK_TIME
    chosen = called(model, "Egal, die erste. Lutz Meier")
    assert (chosen["tool"], chosen["start"]) == ("book_appointment", THURSDAY["start"])
    model = offering("Eine Inspektion nach 16 Uhr", TUESDAY)
    assert model.hear("Dienstag geht nicht.") == phrases.ASK_TIME
    assert when(model, "Nächste Woche.") == "Nächste Woche nach 16 Uhr, Dienstag geht nicht"


@pytest.mark.parametrize(
    "text",
    [
        "Eine Inspektion, aber bitte nicht vormittags.",
        "Eine Inspektion, aber nicht um zehn.",
        "Eine Inspektion am Dienstag, aber nicht um zehn.",
        "Eine Inspektion, nicht am Freitagnachmittag.",
        "Eine Inspektion, aber nicht morgen.",
        "Haben Sie nächste Woche was frei, aber nicht vormittags?",
        "Bis Mittwoch bin ich im Urlaub. Eine Inspektion, bitte.",
        "Eine Inspektion am Dienstag. Am Mittwoch habe ich Geburtstag.",
        "Ich möchte meinen Termin auf Mittwoch verschieben, aber nicht vormittags.",
    ],
)
def test_with_a_part_that_cannot_be_placed_no_function_is_called(text: str) -> None:
    model = new_model()
    assert is_asked_again(model, text)
    assert text in str(model.remark)


@pytest.mark.parametrize(
    ("first", "text", "expected"),
    [
        ("am Dienstag oder Donnerstag nach 16 Uhr", "Der am Donnerstag wäre gut.", "Donnerstag | nach 16 Uhr"),
        ("am Dienstag nach 16 Uhr", "Und am Donnerstag?", "Donnerstag | nach 16 Uhr"),
        ("am Dienstag um vier", "Geht auch Mittwoch?", "Mittwoch | vier"),
        ("am Dienstag Nachmittag", "Lieber am Mittwoch.", "Mittwoch | Nachmittag"),
        ("am Dienstag Nachmittag", "Und am Mittwoch Vormittag?", "Mittwoch | Vormittag"),
        ("nach 16 Uhr", "Dann übernächste Woche.", "übernächste Woche | nach 16 Uhr"),
        ("am Dienstag um vier", "Lieber um fünf.", "Dienstag | fünf"),
        ("am Dienstag um vier", "Lieber vormittags.", "Dienstag | vormittag"),
        ("am Dienstag um vier", "Egal wann, am Donnerstag", "Egal wann, am Donnerstag"),
        ("am Dienstag um vier", "Nicht um vier. Und am Donnerstag?", "Donnerstag"),
        ("am Dienstag um vier", "Um vier kann ich nicht, lieber am Donnerstag.", "Donnerstag"),
        ("am Dienstag um vier", "Das ist mir zu früh, lieber am Donnerstag.", "Donnerstag"),
    ],
)
def test_a_day_keeps_the_clock_time_and_a_clock_time_the_day(first: str, text: str, expected: str) -> None:
    assert when(offering(f"Eine Inspektion {first}", TUESDAY), text) == expected


def test_the_next_appointment_keeps_no_clock_time() -> None:
    assert when(booked(), "Und noch einen Reifenwechsel am Freitag.") == "Freitag"


OWN = [
    "Um wie viel Uhr ist mein Termin?",
    "Um wieviel Uhr war mein Termin gleich wieder?",
    "Um wie viel Uhr ist der Termin?",
    "Wann ist denn mein Reifenwechsel?",
    "Wann ist noch mal die Inspektion?",
    "Wann habe ich die Inspektion?",
    "Habe ich morgen eine Inspektion?",
    "Wann war das noch mal?",
    "Wann soll ich kommen?",
    "Um wie viel Uhr muss ich da sein?",
    "An welchem Tag ist mein Termin?",
    "Wie spät ist mein Termin?",
    "Bei wem ist mein Termin?",
    "Steht mein Termin noch?",
    "Können Sie nachsehen, ob ich am Montag einen Termin habe?",
    "Ich weiß nicht mehr, wann ich den Termin habe.",
]


@pytest.mark.parametrize("text", OWN)
def test_who_asks_for_the_own_appointment_hears_of_it(text: str) -> None:
    assert called(new_model(), text) == {"tool": "find_appointments"}
    assert called(booked(), text) == {"tool": "find_appointments"}


@pytest.mark.parametrize("text", ["Um wie viel Uhr ist der Termin?", "Wann war das noch mal?"])
def test_a_question_about_an_offer_is_answered_with_the_offer(text: str) -> None:
    assert TUESDAY["spoken"] in str(offering("Eine Inspektion", TUESDAY).hear(text))


@pytest.mark.parametrize(
    "text", ["Wann ist am Freitag eine Inspektion möglich?", "Wann ist der nächste Reifenwechsel frei?"]
)
def test_a_question_for_a_free_time_is_none_for_an_own_appointment(text: str) -> None:
    assert called(new_model(), text)["tool"] == "check_availability"


@pytest.mark.parametrize(
    "text",
    [
        "Kann ich ein Leihrad bekommen?",
        "Haben Sie ein Leihrad?",
        "Gibt es bei Ihnen Leihräder?",
        "Ich bräuchte ein Leihrad.",
        "Was kostet ein Leihrad?",
    ],
)
def test_the_noun_of_a_known_question_is_no_service(text: str) -> None:
    known = {"tool": "business_information", "topic": "other", "question": LOAN}
    assert called(new_model(), text) == known
    assert called(offering("Eine Inspektion", TUESDAY), text) == known


@pytest.mark.parametrize(
    "text", ["Kann ich ein Leihrad reservieren?", "Ein Leihrad am Freitag um zehn.", "Ein E-Bike, bitte."]
)
def test_what_a_known_question_may_not_answer_is_not_understood(text: str) -> None:
    model = new_model()
    assert model.hear(text) == phrases.HELP
    assert "known question" in str(model.remark)


def test_a_question_beside_a_wish_is_not_lost_without_a_remark() -> None:
    model = new_model()
    model.hear("Eine Inspektion am Freitag, und bekomme ich ein Leihrad?")
    assert LOAN in str(model.remark)
    assert called(new_model(), "Was kostet die Inspektion?")["topic"] == "prices"


@pytest.mark.parametrize(
    ("text", "recipient"),
    [
        ("Ach, und sagen Sie dem Chef bitte, dass mein Rad noch bei ihm steht.", "Chef"),
        ("Sagen Sie der Werkstatt, dass mein Rad noch bei ihm steht.", "Werkstatt"),
        ("Sagen Sie bitte dem Meister Bescheid, dass mein Rad noch bei ihm steht.", "Meister"),
        ("Geben Sie bitte an die Werkstatt weiter, dass mein Rad noch bei ihm steht.", "Werkstatt"),
        ("Sagen Sie dem Herrn Krause doch bitte, dass mein Rad noch bei ihm steht.", "Herrn Krause"),
        ("Sagen Sie bitte Frau Petersen, dass mein Rad noch bei ihm steht.", "Frau Petersen"),
    ],
)
def test_a_message_says_for_whom_it_is(text: str, recipient: str) -> None:
    model = new_model()
    assert model.hear(text) == phrases.ASK_WHO
    passed_on = called(model, "Lutz Meier")
    assert (passed_on["message"], passed_on["recipient"]) == ("dass mein Rad noch bei ihm steht", recipient)


def test_a_message_for_who_has_no_name_is_passed_on_whole() -> None:
    model, text = new_model(), "Sagen Sie ihm bitte, dass ich später komme."
    model.hear(text)
    assert called(model, "Lutz Meier")["message"] == text


def test_a_part_of_the_day_reaches_a_function_that_has_no_argument_for_it() -> None:
    moved = called(booked(), "Kann ich den auf Mittwoch Nachmittag verschieben?")
    assert (moved["tool"], moved["date"]) == ("reschedule_appointment", "Mittwoch Nachmittag")
    assert called(booked(), "Kann ich den auf den Vormittag verschieben?")["time"] == "Vormittag"


@pytest.mark.parametrize(
    "text",
    [
        "Nein, dann nicht.",
        "Nein, dann lieber nicht.",
        "Ach, dann eben nicht.",
        "Dann bleibt es so.",
        "Dann lasse ich es.",
        "Dann behalte ich den Termin.",
    ],
)
def test_a_change_that_is_given_up_is_over(text: str) -> None:
    model = booked()
    model.hear("Kann ich den auf Mittwoch Nachmittag verschieben?")
    model.learn({"success": False, "message": "Um wie viel Uhr genau?"})
    assert model.hear(text) == phrases.KEPT


def test_the_agent_of_a_suspended_tenant_offers_no_appointment() -> None:
    greeting = "Termine kann ich zurzeit leider nicht annehmen. Soll ich Sie mit einem Mitarbeiter verbinden?"
    model = ScriptedModel({"transfer_to_human": {"type": "transfer_call"}}, "+491", CATALOGUE, greeting=greeting)
    assert model.hear("Was kostet eine Inspektion?") == greeting
    assert "suspended tenant" in str(model.remark)
    assert called(model, "Ja, gern.")["tool"] == "transfer_to_human"
