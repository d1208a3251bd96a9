"""An unknown field of a booking changes nothing if the known arguments are clear, and is noted."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from askproai_core.tenant_config import Function
from askproai_runtime.conversation.arguments.known_names import KnownNames
from askproai_runtime.conversation.arguments.reading import read_arguments
from askproai_runtime.conversation.arguments.texts import NOTES_LIMIT
from askproai_runtime.conversation.instead import AgentFunctions
from askproai_runtime.conversation.types import Answer, CallContext, FunctionOutcome
from askproai_runtime.conversation.unclear import ask_unclear
from askproai_runtime.conversation.unread_fields import note_unread, say_unread
from askproai_runtime.sentences import say
from tests.worlds.compiled_salon import salon_config
from tests.worlds.rows import each_row

BOOK, MOVE, WAIT = Function.BOOK_APPOINTMENT, Function.RESCHEDULE_APPOINTMENT, Function.JOIN_WAITLIST
PETRA = {"service": "Haarschnitt", "date": "2026-12-10", "time": "10:00", "customer_name": "Petra Lange"}
HAIRCUT = salon_config().services[0]
DYEING = msgspec.structs.replace(HAIRCUT, name="faerben", display_name="Färben", spoken_names=())
CONFIG = salon_config(services=(HAIRCUT, DYEING))
KNOWN = KnownNames(CONFIG)
CALL = CallContext("call_1", "mitte", "+491715556677", datetime(2026, 12, 1, 9, tzinfo=UTC), "corr")


@each_row(
    ("extra", "notes"),
    [
        *(
            ({key: said}, f"{key.replace('_', ' ')}: {said}")
            for key, said in [
                ("last_visit_date", "2026-03-01"), ("wedding_date", "2027-05-02"), ("hochzeit", "2. Mai 2027"),
                ("due_date", "2027-01-01"), ("request_date", "2026-11-27"), ("reminder_time", "08:00"),
                ("preferred_contact_time", "15:00"), ("inspection_date", "2026-12-24"), ("abholzeit", "17:30"),
                ("recommended_by", "Julia"), ("last_stylist", "Anna"), ("empfohlen_von", "Mehmet"),
                ("address", "Hauptstr. 5, 12345 Berlin"), ("license_plate", "B-AB 123"), ("special", "Rollstuhl"),
                ("recurring", "weekly"), ("repeat", "4"), ("number_of_appointments", "2"), ("duration", "90"),
                ("reason", "nach dem Färben kaputt"), ("mother", "Julia Lange"), ("type", "Erstbesuch"),
            ]
        ),
        ({"insurance": {"name": "AOK"}}, "insurance name: AOK"),
        ({"pet": {"name": "Rex", "species": "Hund"}}, "pet name: Rex, pet species: Hund"),
        ({"emergency_contact": {"name": "Otto", "phone": "0151 22334455"}},
         "emergency contact name: Otto, emergency contact phone: 0151 22334455"),
        ({"pet_details": {"name": "Rex"}}, "pet details name: Rex"),
        ({"referred_by": {"first_name": "Eva", "last_name": "Ott"}}, "referred by full name: Eva Ott"),
        ({"appointment": {"company": {"name": "Lange GmbH"}}}, "company name: Lange GmbH"),
        ({"story": "lang " * 150}, f"story: {'lang ' * 149}lang"), ({"story": "y" * 3_000}, None),
        ({"notes": "leise", "symptoms": ["Husten", "Fieber"]}, "leise, symptoms: Husten, Fieber"),
        ({"urgent": True, "first_visit": False}, "urgent"),
        ({"companions": [{"name": "Mia Rot", "notes": "Allergie"}]}, "companions notes: Allergie"),
        ({"staff": "Mehmet", "mother": "Anna"}, "mother: Anna"),
        ({"wedding": {"date": "2027-05-02", "name": "Lange"}}, "wedding name: Lange, wedding date: 2027-05-02"),
        ({"reminder": {"time": "09:00"}, "previous_visit": {"staff": "Anna", "service": "Färben"}},
         "previous visit staff: Anna, previous visit service: Färben, reminder time: 09:00"),
        ({"mother": {"name": "Anna Groß"}, "no_perfume": "true"}, "no perfume, mother name: Anna Groß"),
        ({"duration_minutes": HAIRCUT.duration_minutes, "provider": "Salon Müller in Berlin"}, None),
        ({"customer": {"title": "Frau", "phone": {"type": "mobile", "number": "this number"}}, "salutation": "Ms."}, None),
        ({"call_id": "c1", "agent_id": "a1", "language": "de", "end_time": "11:00", "confirmed": True}, None),
        ({"source": "phone_call", "gender": "female", "language": "German", "caller_id": "+4915112345678"}, None),
        ({"booking_source": "AI agent", "origin": "call", "geschlecht": "weiblich", "sprache": "Deutsch", "intent": "book"}, None),
        ({"appointment_source": "phone", "confirmation_sent": True, "reminderSent": "ja", "email": {"sent": True},
          "appointment_status": "neu gebucht", "booking_summary": "Haarschnitt, 10 Uhr", "terminstatus": "offen",
          "bestaetigung_gesendet": True}, None),
        ({"appointment_source": "Empfehlung", "photos_sent": True, "patient_status": "privat"},
         "appointment source: Empfehlung, photos sent, patient status: privat"),
        ({"source": "Empfehlung", "language": "Türkisch", "preferences": {"gender": "female"}},
         "source: Empfehlung, language: Türkisch, preferences gender: female"),
        ({"service": {"name": "Haarschnitt", "price": 25}, "quantity": 1, "title": "Haarschnitt"}, None),
        ({"provider": "Salon Müller", "location": "Berlin", "store": "Torstraße 1"}, None),
        ({"customer": {"vip": "ja"}, "lead": {"name": "Petra Lange"}}, "vip: ja"),
    ],
)  # fmt: skip
def test_unknown_field_becomes_a_note(extra: dict[str, Any], notes: str | None) -> None:
    read = note_unread(read_arguments("book_appointment", PETRA | extra, KNOWN), BOOK, KNOWN)
    assert ask_unclear(read, CONFIG, BOOK) is None
    assert read.values.get("notes") == notes
    assert {name: read.values[name] for name in PETRA} == PETRA


@each_row(
    ("extra", "asked"),
    [
        *(
            ({key: said}, "service")
            for key, said in [("färben", True), ("bart_färben", "ja"), ("type", "Färben"), ("category", "Färben"),
                              ("reason", "Färben"), ("mitFärben", True)]
        ),
        ({"exclude": "Anna", "wunsch_friseur": "Anna"}, "staff"), ({"hair_artist": "Anna"}, "staff"),
        ({"staff": "egal", "exclude": ["Anna", "Mehmet"]}, "staff"), ({"last_stylist": "nicht Anna"}, "staff"),
        ({"full_name": "Otto Meier"}, "customer_name"), ({"customer": {"name": "Otto Meier"}}, "customer_name"),
        ({"client_details": {"name": "Otto Meier"}}, "customer_name"),
        ({"visit": {"date": "2026-12-11"}}, "date"),
        ({"preferred_hair_artist": "Anna"}, "staff"), ({"färben": "true"}, "service"),
        ({"confirmed": "vielleicht"}, "confirmed"),
        ({"preferred_day": "2026-12-11"}, "date"), ({"termindatum": "11.12.2026"}, "date"),
    ],
)  # fmt: skip
def test_unclear_decision_is_asked_despite_noted_fields(extra: dict[str, Any], asked: str) -> None:
    read = note_unread(read_arguments("book_appointment", PETRA | extra, KNOWN), BOOK, KNOWN)
    answer = ask_unclear(read, CONFIG, BOOK)
    assert answer is not None
    assert answer.fields["unclear"] == asked
    assert "confirmed" not in read.values.get("notes", "")


def test_argument_name_may_exclude_a_staff_member() -> None:
    read = read_arguments("book_appointment", PETRA | {"not_anna": True}, KNOWN)
    assert read.values["staff"] == "not anna"


def test_name_of_a_pet_is_no_customer() -> None:
    assert read_arguments("book_appointment", {"pet": {"name": "Rex"}}).values == {}
    lead = {"anmeldung": {"name": "Petra Lange", "service": "Haarschnitt"}}
    assert read_arguments("book_appointment", lead).values["customer_name"] == "Petra Lange"


@pytest.mark.parametrize(
    ("function", "extra", "sentences"),
    [
        (MOVE, {"notes": "und Färben dazu"}, ["only_time_moved", "offer_message"]),
        (MOVE, {"phone": "0151 22334455"}, ["only_time_moved", "offer_message"]),
        (MOVE, {"phone": "0171 5556677"}, []),
        (MOVE, {"phone": "this number", "reschedule_reason": "TÜV"}, []),
        (MOVE, {"reason": "Färben dazu"}, ["only_time_moved", "offer_message"]),
        (MOVE, {"staff": "Anna"}, []),
        (MOVE, {"staff": "Anna", "notes": "Rollstuhl"}, ["nothing_else_noted", "offer_message"]),
        (MOVE, {"confirmed": True, "call_id": "c1", "duration": HAIRCUT.duration_minutes}, []),
        (WAIT, {"wedding_date": "2027-05-02"}, ["nothing_else_noted", "offer_message"]),
        (WAIT, {"agent_id": "a1"}, []),
        *((BOOK, extra, ["rest_noted"]) for extra in (
            {"special": "Rollstuhl"}, {"appointment_style": "Bob"}, {"terminerinnerung": "per SMS"},
            {"allergies": "Duftstoffe", "is_new_customer": True}, {"booked_for": "mother"},
        )),
        *((BOOK, extra, ["rest_noted_of_one"]) for extra in (
            {"recurring": "weekly"}, {"number_of_appointments": "2"}, {"repeat": "4"}, {"wiederholung": "alle vier Wochen"},
            {"special": "jede Woche"}, {"frequenz": "Wöchentlich"}, {"party": "2 Personen"},
            {"comes_with": "mother"},
        )),
        (BOOK, {"duration": HAIRCUT.duration_minutes}, []),
        (BOOK, {"one": "x" * 499, "two": "y" * 499, "three": "z" * 499, "four": "1" * 499},
         ["rest_noted", "not_all_noted"]),
    ],
)  # fmt: skip
def test_the_answer_reports_unread_fields(function: Function, extra: dict[str, Any], sentences: list[str]) -> None:
    base = {"date": "2026-12-10", "time": "10:00"} if function is MOVE else PETRA
    read = note_unread(read_arguments(function.name.lower(), base | extra, KNOWN), function, KNOWN)
    made = Answer(success=True, message="Gut.", fields={}, outcome=FunctionOutcome.BOOKED)
    message = say_unread(made, read, function, KNOWN, AgentFunctions(leaves_messages=True), CALL).message
    found = [getattr(say(), name) for name in sentences]
    assert message.casefold() == " ".join(["Gut.", *found]).casefold()
    assert len(read.values.get("notes", "")) <= NOTES_LIMIT


def test_unread_field_note_precedes_the_question() -> None:
    read = note_unread(read_arguments("book_appointment", PETRA | {"special": "Rollstuhl"}, KNOWN), BOOK, KNOWN)
    asked = Answer(
        success=True,
        message=f"Gut.{say().which_full_name}",
        fields={"needs_name": True},
        outcome=FunctionOutcome.BOOKED,
    )
    message = say_unread(asked, read, BOOK, KNOWN, AgentFunctions(), CALL).message
    assert message == f"Gut. {say().rest_noted}{say().which_full_name}"
    refused = Answer(success=False, message="Nein.", fields={}, outcome=FunctionOutcome.TAKEN)
    assert say_unread(refused, read, BOOK, KNOWN, AgentFunctions(), CALL) == refused


@each_row(
    ("key", "is_own"),
    [
        ("customer", True), ("customers", True), ("clientInfo", True), ("kundendaten", True), ("patientin", True),
        ("contacts", True), ("appointments", True), ("buchungsdaten", True), ("contact_details", True), ("insurance", False),
        ("pet_details", False), ("emergency_contact", False), ("staff_info", False), ("mother", False), ("preferredX", False),
    ],
)  # fmt: skip
def test_object_key_decides_whether_its_name_is_customers(key: str, is_own: bool) -> None:
    name = read_arguments("book_appointment", {key: {"name": "Petra Lange"}}).values.get("customer_name")
    assert name == ("Petra Lange" if is_own else None)


def test_long_hostile_argument_name_is_read_quickly() -> None:
    assert read_arguments("book_appointment", {"ens" * 5_000 + "x": {"name": "Petra Lange"}}).values == {}


def test_text_beside_an_object_becomes_a_note() -> None:
    read = note_unread(read_arguments("book_appointment", [PETRA, "ohne Föhnen"], KNOWN), BOOK, KNOWN)
    assert read.values["notes"] == "ohne Föhnen"
