"""No value that a model passes is lost: it is read, or reported as unread."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from askproai_core.tenant_config import Function
from askproai_runtime.conversation.arguments.known_names import KnownNames
from askproai_runtime.conversation.arguments.reading import read_arguments
from askproai_runtime.conversation.arguments.table import FUNCTION_NAMES, NOT_NEEDED, fold_key, rules_of
from askproai_runtime.conversation.unread_fields import note_unread
from tests.worlds.cases import cases
from tests.worlds.compiled_salon import salon_config
from tests.worlds.rows import each_row

BOOK, SEARCH, NOTE, CANCEL = "book_appointment", "check_availability", "leave_message", "cancel_appointment"
DAY, HOUR = "2026-12-11", "10:00"


@each_row(
    ("function", "args", "values", "unread"),
    [
        (BOOK, {"appointment": {"date": DAY, "wish": "Fensterplatz"}}, {"date": DAY}, {"appointment.wish"}),
        (BOOK, {"appointment": {"details": {"date": DAY}}}, {"date": DAY}, set()),
        (BOOK, {"date": {"date": DAY, "time": HOUR, "wish": "leise"}}, {"date": DAY, "time": HOUR}, {"date.wish"}),
        (BOOK, {"notes": {"text": "Fensterplatz", "more": "leise"}}, {"notes": "Fensterplatz, more: leise"}, set()),
        (BOOK, {"notes": ["Fensterplatz", "leise"]}, {"notes": "Fensterplatz, leise"}, set()),
        (NOTE, {"message": {"text": "Rückruf", "from": "Frau Ott"}}, {"message": "Rückruf, from: Frau Ott"}, set()),
        (NOTE, {"message": {"text": "Hallo", "phone": "0151"}}, {"message": "Hallo", "phone": "0151"}, set()),
        (NOTE, {"phone": "0151 1/a@x.de"}, {"phone": "0151 1"}, {"email"}),
        (BOOK, {"phone": "0151 1, a@x.de", "email": "b@x.de"}, {"phone": "0151 1", "email": "b@x.de"}, {"email"}),
        (BOOK, {"phone": "0151 1, a@x.de", "email": "a@x.de"}, {"phone": "0151 1", "email": "a@x.de"}, set()),
        (NOTE, {"call_back": {"day": "morgen"}}, {"call_back": "morgen"}, set()),
        (BOOK, [{"date": DAY}, "ohne Föhnen"], {"date": DAY}, {"args"}),
        (BOOK, {"appointments": [{"date": DAY, "time": HOUR}]}, {"date": DAY, "time": HOUR}, set()),
        (BOOK, "morgen um zehn", {}, {"args"}),
        (BOOK, [1], {}, {"args"}),
        (BOOK, {"customer": {"name": "Petra", "phone": "0151"}}, {"customer_name": "Petra", "phone": "0151"}, set()),
        (BOOK, {"staff": {"id": "kim", "name": "Kim"}}, {"staff": "Kim"}, set()),
        (BOOK, {"service": {"name": "Haarschnitt", "minutes": 30}}, {"service": "Haarschnitt"}, {"service.minutes"}),
        (BOOK, {"slot": {"start": f"{DAY}T10:00", "staff": "kim"}}, {"start": f"{DAY}T10:00", "staff": "kim"}, set()),
        (BOOK, {"companions": [{"name": "Mia", "age": 7}]}, {"companions": [{"customer_name": "Mia"}]}, {"companions.age"}),
        (BOOK, {"people": 3, "urgent": True, "new": False}, {}, {"people", "urgent"}),
        (BOOK, {"first_name": "Petra", "last_name": "Ott"}, {"customer_name": "Petra Ott"}, set()),
        (SEARCH, {"day": 11, "month": 12, "year": 2026}, {"date": "11.12.2026"}, set()),
        (SEARCH, {"hour": 14, "minute": 30}, {"time": "14:30"}, set()),
        (SEARCH, {"time": {"from": "10:00", "to": "12:00"}}, {"time": "10:00 - 12:00"}, set()),
        (BOOK, {"birth_date": {"day": 1, "month": 2, "year": 1980}}, {"birth_date": "1.2.1980"}, set()),
        (CANCEL, {"reason": "x" * 600}, {"reason": "x" * 500}, {"reason"}),
    ],
)  # fmt: skip
def test_each_argument_part_is_used_or_listed_unread(
    function: str, args: Any, values: dict[str, Any], unread: set[str]
) -> None:
    read = read_arguments(function, args)
    assert (read.values, set(read.unread)) == (values, unread)


ODD = ([[[["x"]]]], float("inf"), float("nan"), 10**5000, 10**30, "\ud800", {"a": {"b": 1}})


@pytest.mark.parametrize("rest", ODD, ids=range(len(ODD)))
def test_invalid_values_do_not_affect_valid_arguments(rest: Any) -> None:
    read = read_arguments(BOOK, {"date": DAY, "time": HOUR, "customer_name": rest, "companions": rest, "odd": rest})
    assert (read.values["date"], read.values["time"]) == (DAY, HOUR)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(["ja", DAY, HOUR]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = sorted({name for function in FUNCTION_NAMES for name in rules_of(function)} | {"wish", "args", "appointment"})


@pytest.mark.random_cases
@settings(max_examples=cases(80, 2000), deadline=None)
@given(st.sampled_from(FUNCTION_NAMES), st.dictionaries(st.sampled_from(NAMES), JSON, max_size=3) | JSON)
def test_argument_of_any_type_raises_no_error(function: str, args: Any) -> None:
    read = read_arguments(function, args)
    json.dumps([read.values, read.unread], ensure_ascii=False).encode()


WORDS = st.sampled_from(["Fensterplatz", "leise", "zimtrot"])
NESTED = st.recursive(
    WORDS,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(
            st.sampled_from(["text", "name", "id", "more", "date", "phone", "note"]), inner, min_size=1, max_size=3
        )
    ),
    max_leaves=5,
)


@pytest.mark.random_cases
@settings(max_examples=cases(80, 2000), deadline=None)
@given(st.sampled_from(FUNCTION_NAMES), st.dictionaries(st.sampled_from(NAMES), NESTED, min_size=1, max_size=3))
def test_each_argument_word_is_used_or_listed_unread(function: str, args: dict[str, Any]) -> None:
    read = read_arguments(function, args)
    kept = json.dumps([read.values, read.unread], ensure_ascii=False)
    said = {word for word in ("Fensterplatz", "leise", "zimtrot") if word in json.dumps(args)}
    named = {fold_key(name) for name in args} <= NOT_NEEDED
    assert named or all(word in kept for word in said), (args, read)


@each_row(
    ("name", "said", "read"),
    [
        ("confirmed", "ja bitte", True), ("confirmed", "jo genau", True), ("confirmed", "yes please", True),
        ("confirmed", "sure", True), ("confirmed", "ja, absagen", True), ("confirmed", "confirmed", True),
        ("confirmed", "bestätigt", True), ("confirmed", "Y", True), ("confirmed", 1, True), ("confirmed", ["ja"], True),
        ("confirmed", "nein danke", False), ("confirmed", "no thanks, keep it", False),
        ("confirmed", "false?", False), ("confirmed", "true?", False),
        ("confirmed", "nicht bestätigt", False), ("confirmed", "not confirmed", False), ("confirmed", 0, False),
        ("confirmed", "vielleicht", None), ("confirmed", "maybe", None), ("confirmed", "ja?", None), ("confirmed", 7, None),
        ("confirmed", "caller explicitly confirmed", True), ("confirmed", "hat zugestimmt", True), ("confirmed", "absagen", True),
        ("confirmed", "ja, lieber verschieben", None), ("confirmed", "wants to reschedule instead of cancel", None),
        ("confirmed", "absagen oder verschieben", None), ("confirmed", "to be confirmed", False),
        ("confirmed", "yes if there is another slot", None), ("confirmed", "will confirm later", None),
        ("confirmed", "cancel only if a new slot is free", None), ("confirmed", "erst neuen termin buchen, dann absagen", None),
        ("confirmed", "cancel the second one", None), ("confirmed", "lieber verschieben statt absagen", None),
        ("confirmed", "appointment confirmed", None), ("confirmed", "Termin bestätigt", None),
        ("confirmed", "Der Termin passt", None),
        ("confirmed", "the customer was right", None), ("confirmed", "sicher ist sicher", None),
        ("confirmed", "cancellation confirmed", True), ("confirmed", "Absage bestätigt", True),
        ("another", "weitere Infos", None), ("another", "second attempt", None), ("another", "noch einmal", None),
        ("another", "additional notes: allergic", None), ("another", "zweiter Versuch", None), ("another", "one more time", None),
        ("another", "yes instead of the first", None), ("another", "ein weiterer Termin", True),
        ("another", "another one please", True),
        ("confirmed", "ja, aber nicht absagen", None), ("confirmed", "Petra", None),
        ("another", "ja, noch einen", True), ("another", "noch einen", True), ("another", "one more", True),
        ("another", "ja gerne", True), ("another", "nein, nur den", False), ("another", "keinen weiteren", False),
        ("another", "not another one", False), ("another", "weiß der Kuckuck", None),
        ("email_confirmed", "stimmt", True), ("email_confirmed", "stimmt nicht", False), ("email_confirmed", "falsch", False),
    ],
)  # fmt: skip
def test_yes_or_no_is_read_or_reported_unread(name: str, said: Any, read: bool | None) -> None:
    found = read_arguments(CANCEL if name == "confirmed" else BOOK, {name: said})
    assert (found.values.get(name), name in found.unread) == (read, read is None)


@pytest.mark.parametrize(
    ("function", "name", "said", "kept"),
    [
        ("book_appointment", "notes", "[Kunde hat Nussallergie]", "[Kunde hat Nussallergie]"),
        ("book_appointment", "notes", "[Kunde ist gehbehindert]", "[Kunde ist gehbehindert]"),
        ("book_appointment", "notes", "(first time customer)", "(first time customer)"),
        ("book_appointment", "notes", "[insert notes here]", None),
        ("leave_message", "message", "{'text': 'Bitte Rezept'}", "Bitte Rezept"),
        ("leave_message", "message", "[Patient braucht Rezept]", "[Patient braucht Rezept]"),
        ("book_appointment", "customer_name", "[customer name]", None),
        ("book_appointment", "customer_name", "<insert your name here>", None),
        ("book_appointment", "phone", "(phone number)", None),
    ],
)
def test_bracketed_words_stay_in_their_argument(function: str, name: str, said: str, kept: str | None) -> None:
    assert read_arguments(function, {name: said}).values.get(name) == kept


def test_malformed_json_is_parsed() -> None:
    values = {"service": "Haarschnitt", "date": "2026-12-10"}
    assert read_arguments("check_availability", """{"service":"Haarschnitt","date":"2026-12-10",}""").values == values
    assert read_arguments("check_availability", """{'service': 'Haarschnitt', 'date': '2026-12-10'}""").values == values
    broken = """{"service":"Haarschnitt","confirmed":true,}"""
    assert read_arguments("check_availability", broken).unread == {"confirmed": "true"}


@pytest.mark.parametrize("said", ["a guest", "1 guest", "companion", "person"])
def test_unnamed_guest_counts_as_companion(said: str) -> None:
    read = read_arguments("book_appointment", {"companions": said})
    assert read.values.get("companions") or read.unclear


@pytest.mark.parametrize("said", [
    "bitte keine E-Mail", "no email please", "kein Rückruf nötig", "no call back please", "Bitte nicht anrufen", "no phone number",
    "nein, kein Rückruf",
])  # fmt: skip
def test_refusal_within_a_text_stays_text(said: str) -> None:
    assert read_arguments(BOOK, {"notes": said}).values == {"notes": said}
    assert read_arguments(NOTE, {"message": {"text": said}}).values == {"message": said}
    assert read_arguments(BOOK, {"remark_of_caller": said}).unread == {"remark_of_caller": said}
    assert read_arguments(NOTE, {"call_back": "kein Rückruf nötig"}).values == {"call_back": "kein Rückruf nötig"}


@pytest.mark.parametrize(
    "said", ["keine", "none", "nicht angegeben", "nein danke", "no preference", "keine Angabe", "N/A"]
)
def test_words_for_nothing_count_as_no_text(said: str) -> None:
    read = read_arguments(BOOK, {"notes": said, "remark_of_caller": said})
    assert (read.values, read.unread) == ({}, {})


@each_row(
    ("args", "message", "unread"),
    [
        ({"message": "Rezept", "medication": "Ibuprofen 600", "urgency": "hoch"},
         "Rezept, medication: Ibuprofen 600, urgency: hoch", set()),
        ({"message": "Rezept", "date": "Montag", "time": "10 Uhr"}, "Rezept, date: Montag, time: 10 Uhr", set()),
        ({"message": "Rezept", "recipient": "Anna", "to": "Dr. Weber"}, "Rezept, to: Dr. Weber", set()),
        ({"patient": {"birth_date": "1.2.1980", "insurance_company": "AOK"}},
         "birth date: 1.2.1980, insurance company: AOK", set()),
        ({"message": "Rezept", "urgent": True, "insured": False}, "Rezept, urgent", set()),
        ({"message": "Rezept für Ibuprofen 600", "allergy": "Ibuprofen 600"},
         "Rezept für Ibuprofen 600, allergy: Ibuprofen 600", set()),
        ({"message": "Bitte ein Rezept für morgen", "summary": "bitte ein Rezept für morgen."},
         "Bitte ein Rezept für morgen", set()),
        ({"message": "Rezept, packungen: 2", "packungen": "2"}, "Rezept, packungen: 2", set()),
        ({"message": "Um 10 Uhr für 2", "packungen": "2", "anzahl": 10}, "Um 10 Uhr für 2, packungen: 2, anzahl: 10", set()),
        ({"message": "Rezept", "requested_doctor": "Weber", "call_reason": "Schmerzen", "agent": "Weber"},
         "Rezept, requested doctor: Weber, call reason: Schmerzen, agent: Weber", set()),
        ({"message": "Rezept", "session": "drei", "kid": "Mia", "kleid": "rosa", "insurance_id": "A1"},
         "Rezept, session: drei, kid: Mia, kleid: rosa, insurance id: A1", set()),
        ({"message": "Rezept", "insurance": {"id": "A1"}, "call": {"id": "c1"}}, "Rezept, insurance id: A1", {"call.id"}),
        ({"message": "Rezept", "preferred_language": "Türkisch", "channel": "WhatsApp"},
         "Rezept, preferred language: Türkisch, channel: WhatsApp", set()),
        ({"call_summary": "Rezept", "confirmation_sent": True}, "call summary: Rezept", {"confirmation_sent"}),
        ({"message": "Filter", "version": "Modell 3"}, "Filter, version: Modell 3", set()),
        ({"language": "de-DE", "channel": "voice", "agentId": "a", "agent_version": 3},
         None, {"language", "channel", "agentId", "agent_version"}),
        ({"message": "Rezept", "call_id": "call_7", "timestamp": "17"}, "Rezept", {"call_id", "timestamp"}),
        ({"call_id": "call_7"}, None, {"call_id"}),
    ],
)  # fmt: skip
def test_unknown_fields_are_added_to_the_message(args: Any, message: str | None, unread: set[str]) -> None:
    read = note_unread(read_arguments(NOTE, args), Function.LEAVE_MESSAGE, KnownNames(salon_config()))
    assert (read.values.get("message"), set(read.unread), read.unclear) == (message, unread, ())


@pytest.mark.parametrize(
    "said",
    [
        "no", "nein", "false", "true", "True", False, "nicht nötig", "not needed", "kein Rückruf", "no preference",
        "keine Angabe",
    ],
)  # fmt: skip
def test_words_for_a_call_back_are_kept(said: object) -> None:
    read = read_arguments("leave_message", {"message": "Farbe", "call_back": said})
    assert (read.values["call_back"], read.unread) == (str(said) if said else "false", {})


@pytest.mark.parametrize("said", [None, "", "null", "N/A", "undefined", "{{call_back}}", "[REDACTED]"])
def test_placeholders_request_no_call_back(said: object) -> None:
    assert "call_back" not in read_arguments("leave_message", {"message": "Farbe", "call_back": said}).values
