"""The customer of an appointment, if a model names more than one person."""

from typing import Any

import pytest

from askproai_core.tenant_config import Function
from askproai_runtime.conversation.arguments.companions import COUNTED
from askproai_runtime.conversation.arguments.reading import read_arguments
from askproai_runtime.conversation.counted_people import count_people
from tests.worlds.rows import each_row

PETRA, OTTO = "Petra Lange", "Otto Kurz"
AT = {"service": "Haarschnitt", "date": "2026-12-10", "time": "10:00"}
COMES = [{"customer_name": OTTO}]

CHECK, BOOK, WAIT = Function.CHECK_AVAILABILITY, Function.BOOK_APPOINTMENT, Function.JOIN_WAITLIST
KEYS = (
    "quantity", "count", "persons", "party_size", "guests", "number_of_people", "anzahl", "anzahl_personen", "personenzahl",
    "numGuests", "headcount", "how_many_people", "pax", "number_of_appointments",
)  # fmt: skip


@each_row("caller", [{"customer_name": PETRA}, {"customer": {"name": PETRA}}, {"caller_name": PETRA}])
@each_row(
    "person",
    [
        {"booked_for": OTTO},
        {"on_behalf_of": OTTO},
        {"for": OTTO},
        {"for": {"name": OTTO}},
        {"forPerson": {"first_name": "Otto Kurz", "last_name": "Kurz"}},
        {"patient": OTTO},
        {"patient": {"full_name": OTTO}},
        {"patient_name": OTTO},
        {"child_name": OTTO},
        {"child": '{"name": "Otto Kurz"}'},
        {"für": OTTO},
        {"beneficiary": OTTO},
        {"booking_for_name": OTTO},
        {"appointmentFor": [OTTO]},
        {"booked_for": "meinen Sohn Otto Kurz"},
    ],
)
def test_appointment_is_for_the_named_person(caller: dict[str, Any], person: dict[str, Any]) -> None:
    for args in (AT | caller | person, AT | person | caller, {"booking": AT | caller | person}):
        read = read_arguments("book_appointment", args)
        assert (read.values["customer_name"], read.unclear, "companions" in read.values) == (OTTO, (), False), read
        assert PETRA in read.unread.values()


@each_row(
    ("other", "name"),
    [
        *((other, PETRA) for other in (
            {"for": "me"}, {"for": "mein Sohn"}, {"for": PETRA}, {"booked_for": "Petra"}, {"patient": True}, {"patient": "new"},
            {"for": "2026-12-10"}, {"kind": "haircut"}, {"kind": "new client"}, {"format": "Haarschnitt"},
            {"for": "my two kids"}, {"caller_name": OTTO}, {"booked_by": OTTO},
        )),
        ({"for": "Otto"}, None), ({"patient": OTTO, "child_name": "Mia Lange"}, None),
    ],
)  # fmt: skip
def test_only_an_ambiguous_customer_is_asked_about(other: dict[str, Any], name: str | None) -> None:
    read = read_arguments("book_appointment", AT | {"customer_name": PETRA} | other)
    assert (read.values.get("customer_name"), read.unclear) == (name, () if name else ("customer_name",)), read


@each_row("caller", [{}, {"customer_name": PETRA}, {"customer": {"name": PETRA}}])
@each_row(
    "people",
    [
        {"names": [PETRA, OTTO]},
        {"customers": [PETRA, OTTO]},
        {"customers": [{"name": PETRA}, {"name": OTTO}]},
        {"names": f"{PETRA} und {OTTO}"},
        {"people": [PETRA, OTTO]},
    ],
)
def test_two_names_are_two_people(caller: dict[str, Any], people: dict[str, Any]) -> None:
    read = read_arguments("book_appointment", AT | caller | people)
    assert (read.values.get("customer_name"), read.values.get("companions")) == (PETRA, COMES), read
    assert read.unclear == ()


@pytest.mark.parametrize("people", [{key: [OTTO, "Mia Lange"]} for key in ("names", "customers", "booked_for")])
def test_two_further_people_are_asked_about(people: dict[str, Any]) -> None:
    assert read_arguments("book_appointment", AT | {"customer_name": PETRA} | people).unclear == ("companions",)


@pytest.mark.parametrize(
    ("companions", "expected"),
    [
        ([{}], [{}]),
        ([{"customer_name": ""}], []),
        ([{"customer_name": ""}, {"customer_name": ""}], [{}, {}]),
        ([{"customer_name": "", "service": "any", "staff": ""}], []),
        ([{"customer_name": "", "service": "Haarschnitt", "staff": ""}], [{"service": "Haarschnitt"}]),
        ([{}, {"name": OTTO}], [{}, *COMES]),
        (1, [COUNTED]),
    ],
)
def test_empty_entry_differs_from_filled_in_schema(companions: Any, expected: list[dict[str, str]]) -> None:
    read = read_arguments("book_appointment", AT | {"customer_name": PETRA, "companions": companions})
    assert (read.values.get("companions"), read.unclear) == (expected, ()), read


@pytest.mark.parametrize(
    ("companions", "names", "note"),
    [
        ([{"customer_name": "Otto (8 Jahre)"}], ["Otto"], "8 Jahre"),
        ([{"customer_name": "Otto, mein Sohn"}], ["Otto"], "mein Sohn"),
        ("Otto Lange, 8 Jahre", ["Otto Lange"], "8 Jahre"),
        ("Otto, 8, und Mia, 6", ["Otto", "Mia"], "8, 6"),
        ([{"customer_name": "Otto, 8, und Mia, 6"}], ["Otto", "Mia"], "8, 6"),
        ("Otto, Mia", ["Otto", "Mia"], None),
        ("Otto Lange, Sohn von Petra Lange", ["Otto Lange"], "Sohn von Petra Lange"),
        ("Otto Lange (Sohn von Petra Lange)", ["Otto Lange"], "Sohn von Petra Lange"),
        ([{"customer_name": "Otto Lange, der Mann von Petra"}], ["Otto Lange"], "der Mann von Petra"),
        ("Otto Bartschnitt, Mia Haarschnitt", ["Otto Bartschnitt", "Mia Haarschnitt"], None),
    ],
)
def test_description_of_a_companion_is_a_note(companions: Any, names: list[str], note: str | None) -> None:
    read = read_arguments("book_appointment", AT | {"customer_name": PETRA, "companions": companions})
    assert [each["customer_name"] for each in read.values["companions"]] == names
    assert (read.unread, read.unclear) == ({} if note is None else {"companions.note": note}, ())


@each_row("name", ["unbekannt", "noch offen", "tbd", "not known yet", "weiß ich noch nicht"])
@each_row("function", ["check_availability", "book_appointment", "join_waitlist"])
def test_companion_without_a_name_counts(function: str, name: str) -> None:
    for companions in (name, [name], [{"customer_name": name}]):
        assert len(read_arguments(function, AT | {"companions": companions}).values["companions"]) == 1


@pytest.mark.parametrize(
    "companions",
    [
        "none", "niemand", "nur ich", "keine", "Nobody", "solo", "only the caller", "niemand sonst", "just me", "keine Begleitung",
        "no companions", "niemand weiteres", "1 adult", "allein", [{"customer_name": "niemand"}], ["keiner"], [],
    ],
)  # fmt: skip
def test_words_for_nobody_add_no_companion(companions: Any) -> None:
    assert not read_arguments("book_appointment", AT | {"companions": companions}).values.get("companions")


@pytest.mark.parametrize("function", ["find_appointments", "reschedule_appointment", "cancel_appointment"])
@pytest.mark.parametrize("person", [{"patient_name": OTTO}, {"booked_for": OTTO, "customer_name": PETRA}])
def test_appointment_functions_use_the_named_customer(function: str, person: dict[str, Any]) -> None:
    assert read_arguments(function, person).values == {"customer_name": OTTO}


def test_message_argument_for_names_the_recipient() -> None:
    read = read_arguments("leave_message", {"customer_name": PETRA, "for": OTTO, "message": "Danke"})
    assert (read.values["customer_name"], read.values["recipient"]) == (PETRA, OTTO)


def count(function: Function, **args: Any) -> dict[str, Any]:
    return count_people(read_arguments(function.name.lower(), args), function).values


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", [2, 2.0, "2", "2.0", "zwei", "two people"])
def test_party_of_two_adds_one_companion(key: str, value: Any) -> None:
    for function in (CHECK, BOOK, WAIT):
        assert count(function, **{key: value})["companions"] == [COUNTED]
    named = [{"customer_name": "Mia Lange"}]
    assert count(BOOK, **{key: value}, companions=named) == {"companions": named}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", [1, "1", "viel", True])
def test_party_of_one_is_no_group(key: str, value: Any) -> None:
    assert count(BOOK, **{key: value}) == read_arguments("book_appointment", {key: value}).values


@pytest.mark.parametrize(
    "args",
    [
        {"product": {"name": "Shampoo", "quantity": 2}}, {"age": 8}, {"packs": 2}, {"duration": 45}, {"size": 2}, {"total": 2},
        {"children": 2}, {"notes": "zwei Kinder zu Hause, 2 cm kürzen"},
    ],
)  # fmt: skip
def test_unrelated_numbers_are_no_party_size(args: dict[str, Any]) -> None:
    assert count(BOOK, **args) == read_arguments("book_appointment", args).values


@pytest.mark.parametrize(
    ("notes", "size"),
    [("für zwei Personen", 2), ("2 Pers.", 2), ("wir sind zu dritt", 3), ("for two people", 2), ("a party of 4", 4)],
)
def test_notes_may_state_the_party_size(notes: str, size: int) -> None:
    assert count(BOOK, notes=notes) == {"notes": notes, "companions": [COUNTED] * (size - 1)}


def test_larger_party_size_adds_unnamed_companions() -> None:
    for function in (CHECK, BOOK):
        assert count(function, party_size=3, companions=["Mia Lange"])["companions"] == [
            {"customer_name": "Mia Lange"},
            COUNTED,
        ]


@pytest.mark.parametrize(
    ("first", "last", "name"),
    [
        ("Jutta", "Maiwald", "Jutta Maiwald"), ("Jutta Maiwald", "Maiwald", "Jutta Maiwald"),
        ("Jutta", "jutta maiwald", "jutta maiwald"), ("Jutta Maiwald", "Jutta Maiwald", "Jutta Maiwald"),
        ("Maiwald", "Maiwald", "Maiwald"), ("Frau Maiwald", "Maiwald", "Frau Maiwald"), ("Frau", "Maiwald", "Frau Maiwald"),
        ("Peter", "Peters", "Peter Peters"),
    ],
)  # fmt: skip
def test_parts_of_a_name_are_joined_without_doubling(first: str, last: str, name: str) -> None:
    for args in ({"first_name": first, "last_name": last}, {"customer": {"first": first, "last": last}}):
        assert read_arguments("book_appointment", AT | args).values["customer_name"] == name
