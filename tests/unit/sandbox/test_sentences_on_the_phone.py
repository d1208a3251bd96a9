"""What callers say in passing on the telephone: instead of a name or a message, about who is late, and after a booking."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from scripted_models import FUNCTIONS, make_tools

from askproai_sandbox.caller import ScriptedModel, ToolCall, phrases
from askproai_sandbox.caller.catalogue import read_catalogue

CATALOGUE = read_catalogue(
    "## Buchbar\n- Maniküre (30 Minuten; auch: Nägel machen, Handpflege)\n- Neumodellage (90 Minuten; auch: Gelnägel)\n"
    "- Auffüllen (60 Minuten)\n- Shellac (45 Minuten)\n- Pediküre (45 Minuten; auch: Fußpflege), nur bei Frau Yilmaz\n\n"
    "## Team\n- Nagelstudio Perle: Jasmin, Frau Yilmaz, Tom\n\n"
    "## Häufige Fragen\n- Gibt es einen Aufzug?\n"
)
TOOLS = make_tools(FUNCTIONS)
TOOLS["book_appointment"]["parameters"]["required"] = ["customer_name"]
TOOLS["transfer_to_human"] = {"type": "transfer_call"}
OFFER = {"start": "2026-11-26T10:00:00+01:00", "spoken": "Donnerstag, den 26. November, um 10 Uhr bei Jasmin"}
UNKNOWN_PRICE = "Das kann ich Ihnen nicht sagen. Soll ich Sie mit dem Team verbinden oder ihm etwas ausrichten?"
WISH, ACCEPTED = "Maniküre am Donnerstag um zehn", ("Maniküre am Donnerstag um zehn", "Ja, das passt.")
BOOKED = (WISH, "Ja, Eva Kurz")


def play(
    *says: str, price: str = "", offers: Sequence[Mapping[str, str]] = (OFFER,), refuses: str = ""
) -> tuple[dict[str, Any] | str, str | None]:
    """Return what the model does at the last sentence, and its remark.

    A question is answered by the refusal `price`, if there is one, and a search for the date `refuses` asks back.
    """
    model = ScriptedModel(TOOLS, "+491", CATALOGUE, now=datetime(2026, 11, 22, 12, tzinfo=ZoneInfo("Europe/Berlin")))
    reaction: ToolCall | str = ""
    for said in says:
        reaction = model.hear(said)
        name = reaction.name if isinstance(reaction, ToolCall) else ""
        answers: dict[str, Any] = {
            "check_availability": {"slots": list(offers), "message": "Frei ist Donnerstag. Soll ich das eintragen?"},
            "book_appointment": {"appointment_id": "a-1"},
            "cancel_appointment": {"appointment_id": "a-1"},
            "business_information": {"success": not price, "message": price},
        }
        if isinstance(reaction, ToolCall) and refuses and reaction.args.get("date") == refuses:
            model.learn({"success": False, "message": "Diesen Tag gibt es nicht. Welchen Tag meinen Sie?"})
        elif name:
            model.learn({"success": True, "message": "…", **answers.get(name, {})})
    return ({"tool": reaction.name, **reaction.args} if isinstance(reaction, ToolCall) else reaction), model.remark


def left(*says: str) -> dict[str, Any]:
    """Return the arguments of the message that a call's last sentence leaves."""
    called, remark = play(*says)
    assert isinstance(called, dict), (called, remark)
    assert (called.pop("tool"), remark) == ("leave_message", None)
    return called


@pytest.mark.parametrize(
    "text",
    [
        "Moment, ich muss noch kurz in den Kalender schauen.",
        "Wofür brauchen Sie denn meinen Namen?",
        "Ich suche gerade meine Brille.",
        "Für meine Tochter.",
        "Weil ich gerade im Theater bin.",
    ],
)
def test_what_is_said_instead_of_a_name_is_none(text: str) -> None:
    assert play(*ACCEPTED, text)[0] == phrases.ASK_NAME
    booked, _ = play(*ACCEPTED, text, "Eva Kurz")
    assert isinstance(booked, dict)
    assert (booked["tool"], booked["customer_name"]) == ("book_appointment", "Eva Kurz")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Na gut, Engel.", "Engel"),
        ("Ja, passt. Schulze.", "Schulze"),
        ("Okay, dann auf Gisela Baum.", "Gisela Baum"),
        ("Schreiben Sie einfach Meier.", "Meier"),
        ("Das wäre dann der Müller.", "Müller"),
        ("Er heißt Paul Ernst.", "Paul Ernst"),
        ("Ihr Name ist Lilly Beck.", "Lilly Beck"),
        ("Auf Herrn Schwarz.", "Schwarz"),
        ("Schmidt mit dt.", "Schmidt"),
        ("Das ist für meine Tochter Emma Klein.", "Emma Klein"),
        ("von der Heide, Anja von der Heide.", "Anja von der Heide"),
    ],
)
def test_a_name_is_heard_among_the_words_that_go_with_it(text: str, name: str) -> None:
    booked, _ = play(*ACCEPTED, text)
    assert isinstance(booked, dict)
    assert (booked["tool"], booked["customer_name"]) == ("book_appointment", name)


CALL_ME, BROKEN = "Können Sie mich morgen zurückrufen?", "Mir ist ein Nagel abgebrochen und ich möchte mich beschweren."
VOUCHER = "Ja, also, es geht um meinen Gutschein, der ist abgelaufen."
LATE, COMPLAINT = (
    "Ich stehe im Stau und verspäte mich um eine Viertelstunde.",
    "Ich war letzte Woche da und alles ist abgeplatzt.",
)


@pytest.mark.parametrize(
    ("says", "noted"),
    [
        # said instead of the name
        ((CALL_ME, BROKEN), {"call_back": "morgen", "message": BROKEN}),
        (("Ich bitte um Rückruf.", VOUCHER), {"call_back": "egal wann", "message": VOUCHER}),
        (
            ("Sagen Sie Tom, dass ich warte.", "Es geht um eine Rechnung."),
            {"recipient": "Tom", "message": "dass ich warte. Es geht um eine Rechnung."},
        ),
        (
            ("Sagen Sie ihm bitte, dass ich warte.", "Und sagen Sie ihm, dass es regnet."),
            {"message": "Sagen Sie ihm bitte, dass ich warte. Und sagen Sie ihm, dass es regnet."},
        ),
        # to whom
        (
            ("Sagen Sie Jasmin bitte, ich komme fünf Minuten später.",),
            {"recipient": "Jasmin", "message": "Sagen Sie Jasmin bitte, ich komme fünf Minuten später."},
        ),
        (
            ("Können Sie Jasmin sagen, dass ich im Stau stehe?",),
            {"recipient": "Jasmin", "message": "dass ich im Stau stehe"},
        ),
        (
            ("Und sagen Sie ihm, er braucht ihn nicht zu schicken, ich hole ihn ab.",),
            {"message": "Und sagen Sie ihm, er braucht ihn nicht zu schicken, ich hole ihn ab."},
        ),
        (
            ("Ich möchte Frau Yilmaz etwas ausrichten lassen.", "Dass ich die Woche im Urlaub bin."),
            {"recipient": "Frau Yilmaz", "message": "Dass ich die Woche im Urlaub bin."},
        ),
        # who is late
        (("Ich komme am Freitag zehn Minuten zu spät.",), {"message": "Ich komme am Freitag zehn Minuten zu spät."}),
        (("Ich komme am Freitag etwas später.",), {"message": "Ich komme am Freitag etwas später."}),
        (("Ich werde mich etwas verspäten.",), {"message": "Ich werde mich etwas verspäten."}),
        ((LATE, "Sagen Sie das bitte Frau Yilmaz."), {"recipient": "Frau Yilmaz", "message": LATE}),
        # what was said before
        ((COMPLAINT, "Geben Sie das bitte an die Chefin weiter."), {"recipient": "Chefin", "message": COMPLAINT}),
        # a number in words
        (
            ("Rufen Sie mich zurück, meine Nummer ist null eins sieben eins.",),
            {
                "call_back": "egal wann",
                "message": "Rufen Sie mich zurück, meine Nummer ist null eins sieben eins.",
            },
        ),
    ],
)
def test_nothing_of_a_message_is_lost(says: tuple[str, ...], noted: dict[str, str]) -> None:
    assert play(*says)[0] == phrases.ASK_WHO
    assert left(*says, "Karin Vogel.") == {**noted, "customer_name": "Karin Vogel"}


@pytest.mark.parametrize("text", ["Ach nein, lassen Sie, hat sich erledigt.", "Nein danke.", "Nein, doch nicht."])
def test_a_message_is_dropped_that_is_not_wanted_any_more(text: str) -> None:
    for asks in ("Kann ich eine Nachricht hinterlassen?", "Sagen Sie Tom, dass ich warte."):
        assert play(asks, text) == (phrases.NO_MESSAGE, None)
        assert play(asks, text, "Eva Kurz")[0] == phrases.HELP
        assert play(asks, "Danke.") == play(asks)


def test_a_yes_to_a_message_is_none_to_be_connected() -> None:
    assert play("Was kostet Shellac?", "Ja, bitte ausrichten.", price=UNKNOWN_PRICE)[0] == phrases.ASK_MESSAGE
    assert play("Was kostet Shellac?", "Ja, bitte.", price=UNKNOWN_PRICE)[0] == {"tool": "transfer_to_human"}


@pytest.mark.parametrize(
    "text",
    ["Sagen Sie Freitag bitte ab.", "Sagen Sie bitte meinen Termin am Freitag ab.", "Bitte sagen Sie den Termin ab."],
)
def test_an_appointment_is_cancelled_and_no_message(text: str) -> None:
    called, _ = play(text)
    assert isinstance(called, dict)
    assert called["tool"] == "cancel_appointment"


def test_who_cannot_keep_an_appointment_cancels_it() -> None:
    cancelled = {"tool": "cancel_appointment", "appointment_date": "vierten"}
    assert play("Mein Termin am vierten, den schaffe ich nicht.") == (cancelled, None)


def test_what_it_costs_after_a_cancellation_is_the_cancellation() -> None:
    asked, _ = play("Ich möchte meinen Termin absagen.", "Ja", "Kostet mich das jetzt was?")
    assert isinstance(asked, dict)
    assert (asked["tool"], asked["topic"]) == ("business_information", "cancellation")


def test_the_time_of_a_new_appointment_is_not_that_of_the_cancelled_one() -> None:
    cancelled = {"tool": "cancel_appointment"}
    assert play("Ich möchte meinen Termin absagen und einen neuen am Freitag um zehn.") == (
        cancelled,
        phrases.ONE_BY_ONE,
    )


@pytest.mark.parametrize(
    "says",
    [
        ("Ich hab morgen einen Termin, oder?",),
        ("Ich habe am Freitag um zehn einen Termin bei Ihnen.",),
        (*BOOKED, "Also Donnerstag um zehn, ja?"),
        (*BOOKED, "Donnerstag um zehn bei Jasmin, richtig?"),
        ("Wann muss ich da sein?",),
        ("Wann bin ich dran?",),
        ("Können Sie mir sagen, wann ich dran bin?",),
    ],
)
def test_a_caller_who_is_not_sure_hears_the_appointments(says: tuple[str, ...]) -> None:
    assert play(*says) == ({"tool": "find_appointments"}, None)


@pytest.mark.parametrize("text", ["Und am Freitag geht auch, oder?", "Ich habe morgen Zeit für einen Termin."])
def test_a_wish_is_no_question_for_the_own_appointments(text: str) -> None:
    called, _ = play(text)
    assert isinstance(called, dict)
    assert called["tool"] == "check_availability"
    assert play(*BOOKED, text)[0] != {"tool": "find_appointments"}


@pytest.mark.parametrize(
    "text",
    [
        "Das geht leider nicht.",
    ],
)
def test_what_is_not_understood_calls_nothing(text: str) -> None:
    assert play(text) == (phrases.HELP, phrases.NOT_UNDERSTOOD.format(text))


@pytest.mark.parametrize(
    "text",
    [
        "Ist der bei Jasmin?",
        "Kann ich in Raten zahlen?",
        "Gibt es Rabatt für Studenten?",
        "Wie oft muss man Shellac erneuern?",
    ],
)
def test_a_question_that_is_not_understood_is_one_to_the_business(text: str) -> None:
    called, remark = play(text)
    assert called == {"tool": "business_information", "topic": "other", "question": text}
    assert remark == phrases.NOT_UNDERSTOOD.format(text)


@pytest.mark.parametrize(
    "text",
    [
        "Das ist eine Frechheit!",
        "Ich habe einen Brief bekommen und verstehe kein Wort.",
        "Ich war letzte Woche da und alles ist abgeplatzt.",
        "Ich würde gern als Nageldesignerin bei Ihnen arbeiten.",
        "Ich möchte meinen Vertrag kündigen.",
    ],
)
def test_what_nothing_helps_with_can_be_passed_on(text: str) -> None:
    assert play(text) == (phrases.OFFER_MESSAGE, phrases.NOT_UNDERSTOOD.format(text))
    assert play(text, "Ja, gern.")[0] == phrases.ASK_WHO
    passed_on = play(text, "Ja, gern.", "Vera Thoma.")[0]
    assert passed_on == {"tool": "leave_message", "message": text, "customer_name": "Vera Thoma"}
    assert isinstance(play(text, "Nein, danke.", "Ja.")[0], str)


@pytest.mark.parametrize(
    "text", ["Wie bitte?", "Können Sie das noch mal wiederholen?", "Ich hab Sie akustisch nicht verstanden."]
)
def test_what_was_offered_is_said_again(text: str) -> None:
    assert play(WISH, text) == (phrases.ASK_YES.format(OFFER["spoken"]), None)


@pytest.mark.parametrize(
    ("text", "service"),
    [
        ("Zum Nägel auffüllen.", "Auffüllen"),
        ("Nägel machen lassen, bitte.", "Maniküre"),
        ("Nägel, Auffüllen und Pediküre, bitte.", "Maniküre, Auffüllen, Pediküre"),
    ],
)
def test_what_is_done_to_something_is_one_service(text: str, service: str) -> None:
    assert play(text)[0] == {"tool": "check_availability", "service": service}


@pytest.mark.parametrize("text", ["Sind Sie morgen da?", "Haben Sie montags Ruhetag?"])
def test_whether_somebody_is_there_is_a_question_for_the_opening_hours(text: str) -> None:
    asked, _ = play(text)
    assert isinstance(asked, dict)
    assert (asked["tool"], asked["topic"]) == ("business_information", "opening_hours")


@pytest.mark.parametrize(
    ("says", "args"),
    [
        (("Was kosten Ihre Behandlungen so?",), {"topic": "prices", "question": "Was kosten Ihre Behandlungen so?"}),
        (("Haben Sie einen Aufzug?",), {"topic": "other", "question": "Gibt es einen Aufzug?"}),
    ],
)
def test_an_answered_question_has_no_remark(says: tuple[str, ...], args: dict[str, str]) -> None:
    assert play(*says) == ({"tool": "business_information", **args}, None)


def test_who_does_a_service_is_asked_for_that_service() -> None:
    called, _ = play("Bei wem kann ich Pediküre machen lassen?", "Dann am Freitag um zehn bei Frau Yilmaz.")
    assert called == {
        "tool": "check_availability", "service": "Pediküre", "staff": "Frau Yilmaz", "date": "Freitag", "time": "zehn",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text", ["Nein, ich überlege es mir noch mal.", "Dann lassen wir alles so.", "Ich ruf später noch mal an."]
)
def test_who_wants_nothing_now_is_asked_for_nothing(text: str) -> None:
    assert play(WISH, text)[0] == phrases.NOTHING
    assert play(*ACCEPTED, text)[0] == phrases.NOTHING


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        ("Was kostet Shellac für zwei Personen?", phrases.ONE_APPOINTMENT),
        ("Was kostet Shellac?", None),
    ],
)
def test_what_an_answer_leaves_out_has_a_remark(text: str, remark: str | None) -> None:
    assert play(text)[1] == remark


TUESDAY = {"start": "2026-11-24T08:00:00+01:00", "spoken": "Dienstag, den 24. November, um 8 Uhr bei Tom"}
MONDAY = {"start": "2026-11-23T13:00:00+01:00", "spoken": "Montag, den 23. November, um 13 Uhr bei Jasmin"}


@pytest.mark.parametrize("text", ["Irgendwann nächste Woche am Nachmittag.", "Lieber im Dezember.", "Am Nachmittag."])
def test_a_week_or_a_month_is_no_choice(text: str) -> None:
    called, _ = play("Maniküre, bitte.", text, offers=[MONDAY, TUESDAY])
    assert isinstance(called, dict)
    assert called["tool"] == "check_availability"


def test_who_would_be_late_wants_another_offer() -> None:
    assert play(WISH, "Da bin ich zu spät dran.")[0] == phrases.ASK_TIME
    assert play(WISH, "Das ist mir zu früh, ich komme sonst zu spät.")[0] != phrases.ASK_WHO


@pytest.mark.parametrize(
    "text",
    [
        "Ich kann am Dienstag leider nicht, haben Sie am Mittwoch was für eine Maniküre?",
        "Ich würde gern kommen, aber am Montag schaffe ich es nicht. Maniküre.",
    ],
)
def test_who_cannot_come_and_names_a_service_wants_an_appointment(text: str) -> None:
    called, remark = play(text)
    assert isinstance(called, dict), remark
    assert (called["tool"], called["service"]) == ("check_availability", "Maniküre")


def test_a_yes_to_the_question_for_another_time_books_nothing() -> None:
    said, _ = play(WISH, "Lieber am 31. Februar.", "Ja, Ulf Busch.", refuses="31. Februar")
    assert said == phrases.ASK_YES.format(OFFER["spoken"])
    for says in ((WISH, "Lieber am 31. Februar.", "Ja, Ulf Busch.", "Ja."), (WISH, "Ja, Ulf Busch.")):
        booked, _ = play(*says, refuses="31. Februar")
        assert isinstance(booked, dict)
        assert (booked["tool"], booked["customer_name"]) == ("book_appointment", "Ulf Busch")


@pytest.mark.parametrize(
    ("says", "date"),
    [
        (("Maniküre in zwei Wochen, bitte.", "Donnerstag."), "in zwei Wochen Donnerstag"),
        (("Maniküre in zwei Wochen, bitte.", "Freitag.", "Lieber Dienstag."), "in zwei Wochen Dienstag"),
        (("Maniküre am Freitag, bitte.", "Dienstag."), "Dienstag"),
        (("Maniküre in zwei Wochen, bitte.", "Ja, Eva Kurz", "Und Pediküre am Dienstag."), "Dienstag"),
        (("Maniküre bitte, ich hatte an Dienstag gedacht.",), "Dienstag"),
        (("Maniküre in zwei Wochen, bitte.", "Nein, diesen Donnerstag."), "diesen Donnerstag"),
    ],
)
def test_a_weekday_is_of_the_week_that_was_asked_for(says: tuple[str, ...], date: str) -> None:
    called, _ = play(*says, offers=[MONDAY])
    assert isinstance(called, dict)
    assert called["date"] == date


@pytest.mark.parametrize(
    "text", ["Danke, schönen Abend noch.", "Danke, schönes Wochenende!", "Danke, schönen Sonntag."]
)
def test_a_farewell_is_no_time(text: str) -> None:
    assert play("Was kostet Shellac?", text) == (phrases.GOODBYE, None)


def test_what_is_asked_beside_the_own_appointment_is_answered() -> None:
    asked, _ = play("Ich hab morgen einen Termin und finde Sie nicht. Wo ist denn der Eingang?")
    assert isinstance(asked, dict)
    assert (asked["tool"], asked["topic"]) == ("business_information", "address")
