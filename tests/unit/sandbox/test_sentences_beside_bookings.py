"""What callers say beside a booking: follow-up questions, giving an appointment up, messages; and what calls no function."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from scripted_models import FUNCTIONS, make_tools

from askproai_sandbox.caller import ScriptedModel, ToolCall, phrases
from askproai_sandbox.caller.catalogue import read_catalogue

TEST, LENSES = "Sehtest", "Kontaktlinsenanpassung"
REPAIR, INSURANCE, DOG = (
    "Reparieren Sie auch Brillen?",
    "Zahlt die Krankenkasse etwas dazu?",
    "Kann ich meinen Hund mitbringen?",
)
CATALOGUE = read_catalogue(
    f"## Buchbar\n- {TEST} (30 Minuten; auch: Augentest)\n- {LENSES} (60 Minuten; auch: Kontaktlinsen)\n\n"
    f"## Team\n- Altstadt: Frau Sonnleitner, Herr Aydin\n\n## Häufige Fragen\n- {REPAIR}\n- {INSURANCE}\n- {DOG}\n"
)
TOOLS = make_tools(FUNCTIONS)
OFFERS = [
    {"start": "2026-11-27T14:45:00+01:00", "spoken": "Freitag, den 27. November, um 14 Uhr 45 bei Herrn Aydin"},
    {"start": "2026-11-28T13:30:00+01:00", "spoken": "Samstag, den 28. November, um 13 Uhr 30 bei Frau Sonnleitner"},
]
WISH = "Einen Sehtest am Freitag um zehn vor drei"


def play(*says: str) -> tuple[dict[str, Any] | str, str | None]:
    """Return what the model does at the last sentence, and its remark."""
    model = ScriptedModel(TOOLS, "+491", CATALOGUE, now=datetime(2026, 11, 22, 12, tzinfo=ZoneInfo("Europe/Berlin")))
    reaction: ToolCall | str = ""
    for said in says:
        reaction = model.hear(said)
        name = reaction.name if isinstance(reaction, ToolCall) else ""
        if name:
            answers = {"check_availability": {"slots": OFFERS}, "book_appointment": {"appointment_id": "a-1"}}
            model.learn({"success": True, "message": "…", **answers.get(name, {})})
    return ({"tool": reaction.name, **reaction.args} if isinstance(reaction, ToolCall) else reaction), model.remark


ABOUT = [  # sentences, and the topic and the service of the last one
    (("Was kostet ein Sehtest?", "Und Kontaktlinsen?", "Muss ich dazu etwas mitbringen?"), "service", LENSES),
    (("Was kostet ein Sehtest?", "Und die Kontaktlinsen?", "Wie lange dauert das?"), "service", LENSES),
    (("Was kostet ein Sehtest?", "Was kosten Gleitsichtgläser?"), "prices", "Gleitsichtgläser"),
    (("Was kostet ein Sehtest?", "Was kosten Gleitsichtgläser?", "Wie lange dauert das?"), "service", "Gleitsichtgläser"),
    (("Was kostet ein Sehtest?", "Und die Gleitsichtgläser?"), "prices", "Gleitsichtgläser"),
    (("Was kostet Färben?",), "prices", "Färben"),
    (("Was kostet denn die Dauerwelle?",), "prices", "Dauerwelle"),
    (("Wie teuer sind Gleitsichtgläser?",), "prices", "Gleitsichtgläser"),
    (("Sind Gleitsichtgläser teuer?",), "prices", "Gleitsichtgläser"),
    (("Was würden Gleitsichtgläser kosten?",), "prices", "Gleitsichtgläser"),
    (("Wie lange dauert Färben?",), "service", "Färben"),
    (("Was kostet ein Sehtest?", "Was kostet das Ganze bei Herrn Aydin?"), "prices", TEST),
    (("Was kostet ein Sehtest?", "Was kostet das für Kinder?"), "prices", TEST),
]  # fmt: skip


@pytest.mark.parametrize(("says", "topic", "service"), ABOUT)
def test_a_question_is_about_the_noun_it_names_or_what_was_talked_of_last(
    says: tuple[str, ...], topic: str, service: str
) -> None:
    asked = {"tool": "business_information", "topic": topic, "question": says[-1], "service": service}
    assert play(*says) == (asked, None)


def test_a_question_about_another_service_does_not_change_what_is_offered() -> None:
    booked, _ = play(WISH, "Was kosten Kontaktlinsen?", "Die erste. Eva Ernst")
    assert isinstance(booked, dict)
    assert (booked["tool"], booked["service"]) == ("book_appointment", TEST)


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("Guten Tag, ich habe eine Frage: Zahlt die Krankenkasse etwas dazu?", INSURANCE),
        ("Danke. Und zahlt die Krankenkasse eigentlich etwas dazu?", INSURANCE),
        ("Ich wollte noch fragen: Zahlt die Krankenkasse etwas dazu?", INSURANCE),
        ("Und reparieren Sie auch Brillen?", REPAIR),
        ("Hallo! Reparieren Sie eigentlich Brillen?", REPAIR),
        ("Eine Frage noch, reparieren Sie auch Brillen?", REPAIR),
        ("Und kann ich meinen Hund mitbringen?", DOG),
    ],
)
def test_a_known_question_is_known_with_what_leads_to_it(text: str, known: str) -> None:
    asked = {"tool": "business_information", "topic": "other", "question": known}
    for before in ((), ("Was kostet ein Sehtest?",), (WISH,)):
        assert play(*before, text) == (asked, None)


@pytest.mark.parametrize(
    "text",
    [
        "Nachmittags haben Sie da zu, oder?",
        "Sie haben am Samstag zu, oder?",
        "Haben Sie am Samstag zu, nicht wahr?",
        "Ist am Samstag geöffnet?",
    ],
)
def test_a_question_with_a_tag_is_one_for_the_opening_hours(text: str) -> None:
    asked, _ = play(text)
    assert isinstance(asked, dict)
    assert (asked["tool"], asked["topic"]) == ("business_information", "opening_hours")


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("Ich schaffe es morgen leider nicht.", "morgen"),
        ("Guten Tag, ich schaffe es am Freitag nicht!", "Freitag"),
        ("Am Freitag schaffe ich es nicht mehr.", "Freitag"),
        ("Ich schaff's am Freitag nicht.", "Freitag"),
        ("Ich schaffe meinen Termin am 5. Dezember leider nicht.", "5. Dezember"),
        ("Ich schaffe es am Freitag nicht zu kommen.", "Freitag"),
        ("Ich kann morgen leider nicht.", "morgen"),
        ("Ich kann morgen doch nicht.", "morgen"),
        ("Bei mir klappt es am Freitag leider nicht.", "Freitag"),
    ],
)
def test_who_cannot_come_and_wants_nothing_else_cancels(text: str, when: str) -> None:
    cancelled = {"tool": "cancel_appointment", "appointment_date": when}
    assert play(text) == (cancelled, None)
    assert play(WISH, "Die erste. Eva Ernst", text) == (cancelled, None)
    beside_offers, _ = play(WISH, text)
    assert ("cancel_appointment" in str(beside_offers)) == ("zu kommen" in text), (
        "it may be an offer that does not suit"
    )


@pytest.mark.parametrize(
    "text",
    [
        "Ich schaffe es morgen nicht, kann ich am Dienstag kommen?",
        "Ich schaffe den Sehtest morgen nicht, kann ich am Dienstag kommen?",
        "Ich schaffe es morgen nicht. Geht auch Dienstag?",
        "Ich kann morgen leider nicht, geht Dienstag um zehn?",
        "Ich schaffe es morgen nicht, dann lieber am Dienstag.",
        "Mir ist für morgen etwas dazwischengekommen.",
    ],
)
def test_who_cannot_come_and_names_another_time_gets_no_second_appointment(text: str) -> None:
    assert play(text) == (phrases.CANCEL_OR_MOVE, phrases.NO_CHANGE.format(text))


@pytest.mark.parametrize(
    ("says", "date"),
    [
        (("Einen Sehtest, bitte. Am Montag schaffe ich es nicht.",), "außer Montag"),
        (("Ich brauche einen Termin, am Montag kann ich leider nicht.",), "am Montag kann ich leider nicht"),
        (("Am Dienstag, bitte, am Montag kann ich leider nicht.",), "Dienstag"),
        ((WISH, "Freitag schaffe ich es doch nicht, geht Montag?"), "Montag"),
    ],
)
def test_a_day_without_which_a_time_is_wanted_cancels_nothing(says: tuple[str, ...], date: str) -> None:
    searched, _ = play(*says)
    assert isinstance(searched, dict)
    assert (searched["tool"], searched["date"]) == ("check_availability", date)


@pytest.mark.parametrize("before", [(), (WISH, "Die erste. Eva Ernst")])
@pytest.mark.parametrize(
    "text",
    [
        "Was haben Sie jetzt notiert?",
        "Sagen Sie mir, was Sie jetzt notiert haben.",
        "Hier ist Clara Dorn, wer zahlt das?",
    ],
)
def test_what_is_not_understood_looks_for_nothing_and_changes_nothing(text: str, before: tuple[str, ...]) -> None:
    reaction, remark = play(*before, text)
    is_asked = isinstance(reaction, dict) and reaction["tool"] == "business_information"
    assert isinstance(reaction, str) or is_asked
    assert remark == phrases.NOT_UNDERSTOOD.format(text)


def test_who_checks_what_was_booked_hears_of_the_appointment() -> None:
    assert play(WISH, "Die erste. Eva Ernst", "Moment, war das jetzt der Mittwoch?") == (
        {"tool": "find_appointments"},
        None,
    )


@pytest.mark.parametrize(
    ("text", "recipient"),
    [
        ("Bitte rufen Sie mich zurück, meine neue Brille ist kaputt.", None),
        ("Die Rechnung stimmt nicht, bitte rufen Sie mich zurück.", None),
        ("Meine Brille ist kaputt, rufen Sie mich zurück, es geht um die linke Seite.", None),
        ("Sagen Sie der Chefin, die Rechnung stimmt nicht, sie soll mich zurückrufen.", "Chefin"),
        ("Sagen Sie der Chefin, die Rechnung stimmt nicht.", "Chefin"),
        ("Richten Sie Herrn Aydin aus, ich komme zehn Minuten später, er soll bitte warten.", "Herr Aydin"),
    ],
)
def test_a_message_is_never_noted_without_what_it_says(text: str, recipient: str | None) -> None:
    assert play(text) == (phrases.ASK_WHO, None)
    noted, _ = play(text, "Willi Ulm.")
    assert isinstance(noted, dict)
    assert (noted["message"], noted.get("recipient")) == (text, recipient)


@pytest.mark.parametrize("text", ["Ich bitte um Rückruf.", "Kann Herr Aydin mich morgen zurückrufen?"])
def test_a_callback_alone_has_no_message(text: str) -> None:
    noted, _ = play(text, "Willi Ulm.")
    assert isinstance(noted, dict)
    assert "message" not in noted


@pytest.mark.parametrize(
    "text",
    [
        "Ja, aber lieber bei Frau Sonnleitner.",
        "Ja, aber bei Frau Sonnleitner bitte, Uta Vogt.",
        "Lieber bei Frau Sonnleitner.",
    ],
)
def test_a_wish_for_another_person_keeps_day_and_time(text: str) -> None:
    searched, _ = play(WISH, text)
    assert isinstance(searched, dict)
    assert {searched[name] for name in ("tool", "staff", "date", "time")} == {
        "check_availability", "Frau Sonnleitner", "Freitag", "zehn vor drei"
    }  # fmt: skip
