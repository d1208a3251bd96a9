"""What the demo's agent makes of a sentence of which one part is no time, or none that it can place. It loses none silently.

Where it cannot place a part, it calls no function with the rest.
"""

from zoneinfo import ZoneInfo

import pytest
from workshop_model import NOW, THURSDAY, TUESDAY, booked, called, is_asked_again, new_model, offering, when

from askproai_runtime.german_dates import understand
from askproai_sandbox.caller import phrases


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
        ("Einen Reifenwechsel in fünf Tagen am Mittwoch bitte.", "in fünf Tagen am Mittwoch bitte"),
        ("Am 31. April einen Reifenwechsel bitte.", "31. April"),
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
        ("Eine Inspektion nächste Woche, ohne den Montag.", "nächste Woche, ohne den Montag"),
        ("Eine Inspektion bitte, egal wann, nur Montag nicht.", "egal wann, nur Montag nicht"),
        ("Eine Inspektion, nicht am Montag und nicht am Dienstag.", "nicht am Montag, nicht am Dienstag"),
        ("Eine Inspektion, Montag oder Dienstag kann ich nicht.", "Montag oder Dienstag kann ich nicht"),
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
