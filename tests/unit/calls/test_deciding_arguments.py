"""An argument that decides a change is read or asked for, never dropped, and never mixed with another request's."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from askproai_core.tenant_config import Function
from askproai_runtime.conversation.arguments.known_names import KnownNames
from askproai_runtime.conversation.arguments.reading import Arguments, read_arguments
from askproai_runtime.conversation.arguments.table import (
    DECIDING,
    DESCRIPTIONS,
    PREFERENCES,
    VALUE_KEYS,
    fold_key,
    rules_of,
)
from askproai_runtime.conversation.types import CallContext
from askproai_runtime.conversation.unclear import ask_unclear
from askproai_runtime.sentences import say
from tests.worlds.compiled_salon import salon_config
from tests.worlds.rows import each_row

BOOK, SEARCH, NOTE, CANCEL = "book_appointment", "check_availability", "leave_message", "cancel_appointment"
DAY = "2026-12-10"
TWO = [{"date": DAY, "customer_name": "Petra"}, {"date": DAY, "customer_name": "Otto", "phone": "0151 22334455"}]
MIA = {"name": "Mia"}


@each_row(
    ("function", "args", "dropped"),
    [
        (BOOK, {"staff": {"first_choice": "Mehmet", "second_choice": "Julia"}}, "staff"),
        (BOOK, {"staff": {"name": "Mehmet", "not": "Julia"}}, "staff"),
        (BOOK, {"staff": "Mehmet", "employee": "Julia"}, "staff"),
        (BOOK, {"service": "Haarschnitt", "behandlung": "Färben"}, "service"),
        (BOOK, {"service": {"name": "Haarschnitt", "id": "faerben"}}, "service"),
        (BOOK, {"service": {"requested": "Haarschnitt", "not_wanted": "Färben"}}, "service"),
        (BOOK, {"customer_name": "Hans Lange", "first_name": "Petra", "last_name": "Lange"}, "customer_name"),
        (BOOK, {"phone": "0151 22334455", "phone_number": "0151 99887766"}, "phone"),
        (BOOK, {"companions": [{**MIA, "time": "14:00"}]}, "companions"),
        (BOOK, {"companions": [{**MIA, "date": DAY}]}, "companions"),
        (BOOK, {"guests": ["petra@lange.de"]}, "companions"),
        (SEARCH, {"date": {"not": DAY}}, "date"),
        (BOOK, {"date": DAY, "datum": "11. Dezember"}, "date"),
        (BOOK, {"date": DAY, "datum": "in vier Tagen"}, "date"),
        (BOOK, {"date": DAY, "month": 11}, "date"),
        (BOOK, {"time": "10:00", "uhrzeit": "11 Uhr"}, "time"),
        (BOOK, {"time": "10:00", "hour": 10, "minute": 30}, "time"),
        (BOOK, {"time": "10:00", "hour": "10", "minutes": "15"}, "time"),
        (SEARCH, {"time": "10:00", "stunde": 11, "minute": 0}, "time"),
        (BOOK, {"date": DAY, "year": 2025}, "date"),
        (SEARCH, {"date": "10.12.2026", "jahr": "2027"}, "date"),
        (SEARCH, {"date": {"date": DAY, "unless": "Schnee"}}, "date"),
        (CANCEL, {"confirmed": True, "confirmation": "nein"}, "confirmed"),
        (SEARCH, {"arguments": '{"date": "2026-12-10", "time": "09:'}, "time"),
        (SEARCH, {"arguments": '{"date": "2026-12-1'}, "date"), (SEARCH, '{"date": "2026-12-10", "hour": 1', "time"),
        (BOOK, {"service": {"repeated": ["Haarschnitt", "Färben"]}}, "service"),
        (NOTE, {"phone": "0151 22334455", "phone_number": "0151 99887766"}, "phone"),
        *((function, {"phone": said}, "phone") for function in (BOOK, NOTE) for said in (
            ["0151 22334455", "0151 99887766"], {"primary": "0151 2233445", "second": "0151 9988776"},
        )),
    ],
)  # fmt: skip
def test_unreadable_decision_is_not_applied(function: str, args: Any, dropped: str) -> None:
    read = read_arguments(function, args)
    assert dropped not in read.values
    assert dropped in read.unclear


OTTO, DYED = {"customer_name": "Otto Lange"}, {"customer_name": "Otto Lange", "service": "Färben"}


@each_row(
    ("function", "args", "values"),
    [
        *((SEARCH, *row) for row in (
            ({"date": {"day": "Thursday", "date": DAY}}, {"date": f"Thursday {DAY}"}),
            ({"day": "Thursday", "date": DAY}, {"date": f"Thursday {DAY}"}),
            ({"day": "Donnerstag", "week": 50}, {"date": "Donnerstag KW 50"}),
            ({"date": {"day": "Donnerstag", "week": "übernächste Woche"}}, {"date": "Donnerstag übernächste Woche"}),
            ({"date": DAY, "not_before": "14:00"}, {"date": DAY, "part_of_day": "ab 14:00"}),
            ({"date": DAY, "min_time": "14:00"}, {"date": DAY, "part_of_day": "ab 14:00"}),
            *(({"date": DAY, key: "14:00"}, {"date": DAY, "part_of_day": "ab 14:00"}) for key in (
                "after_time", "earliest_start", "no_earlier_than", "not_earlier_than", "start_after",
            )),
            ({"date": DAY, "min_time": "14:00", "max_time": "16:00"}, {"date": DAY, "part_of_day": "14:00 - 16:00"}),
            ({"date": DAY, "latest_start": "16:00"}, {"date": DAY, "part_of_day": "bis 16:00"}),
            ({"date": DAY, "time": {"min": "14:00", "max": "16:00"}}, {"date": DAY, "time": "14:00 - 16:00"}),
            ({"date": DAY, "time": {"gte": "14:00"}}, {"date": DAY, "time": "ab 14:00"}),
            ({"date": DAY, "time_window": "14:00-16:00"}, {"date": DAY, "time": "14:00-16:00"}),
            ({"date": DAY, "date2": "2026-12-11"}, {"date": DAY}),  # in a search it is another choice
            ({"date": DAY, "time": True}, {"date": DAY}),
            ({"date": DAY, "available_from": "14:00"}, {"date": DAY, "part_of_day": "ab 14:00"}),
            ({"date": DAY, "ab_uhrzeit": "14"}, {"date": DAY, "part_of_day": "ab 14"}),
            ({"date": DAY, "earliest": "12:00", "latest": "14:00"}, {"date": DAY, "part_of_day": "12:00 - 14:00"}),
            ({"period": "morning", "before": "11:00"}, {"part_of_day": "morning", "time": "bis 11:00"}),
            ({"date": DAY, "start_time": "16:00", "end_time": "18:00"}, {"date": DAY, "start": "16:00 - 18:00"}),
            ({"date": DAY, "time_from": "16:00", "time_to": "18:00"}, {"date": DAY, "part_of_day": "16:00 - 18:00"}),
            ({"start": f"{DAY}T16:00", "end": f"{DAY}T18:00:00"}, {"start": f"{DAY}T16:00/{DAY}T18:00:00"}),
            ({"date": DAY, "time": "9:00", "end": "12:00"}, {"date": DAY, "time": "9:00 - 12:00"}),
            ({"date": DAY, "end_time": "10:00"}, {"date": DAY, "part_of_day": "bis 10:00"}),
            ({"date": DAY, "start_time": "16:00", "end_time": "16:45"}, {"date": DAY, "start": "16:00"}),
            ({"date": DAY, "start_time": "16:00", "end_time": "17:30"}, {"date": DAY, "start": "16:00 - 17:30"}),
            ({"dates": f"{DAY}, 2026-12-11"}, {"date": f"{DAY} oder 2026-12-11"}),
            ({"weekdays": "Donnerstag, Freitag"}, {"date": "Donnerstag oder Freitag"}),
            ({"days": "Thu, Fri", "times": "10:00, 11:00"}, {"date": "Thu oder Fri", "time": "10:00 oder 11:00"}),
            ({"dates": "Donnerstag, 10. Dezember"}, {"date": "10. Dezember"}),
            ({"date": "Donnerstag, 10. Dezember"}, {"date": "Donnerstag, 10. Dezember"}),
            ({"time": {"after": "14:00"}}, {"time": "ab 14:00"}),
            ({"time": {"latest": "10:00"}}, {"time": "bis 10:00"}),
            ({"date": {"after": DAY}}, {"date": f"ab {DAY}"}),
            ({"time": {"hour": 9, "minute": 0, "am_pm": "PM"}}, {"time": "09:00 PM"}),
            ({"hour": 9, "ampm": "pm"}, {"time": "9 pm"}),
            ({"time": "9:00", "meridiem": "PM"}, {"time": "9:00 PM"}),
            ({"start": {"dateTime": f"{DAY}T10:00", "timeZone": "Europe/Berlin"}, "end": {"dateTime": f"{DAY}T11:00"}},
             {"start": f"{DAY}T10:00", "timezone": "Europe/Berlin"}),
            ({"day": 10, "month": "Dezember", "year": 2026}, {"date": "10. Dezember 2026"}),
            ({"date": None, "day": 10, "month": 12, "year": 2026}, {"date": "10.12.2026"}),
            ({"date": "", "day": 10, "month": 12}, {"date": "10.12."}),
            ({"date": 10, "month": 12}, {"date": "10.12."}),
            ({"date": "10.12.", "year": 2027}, {"date": "10.12.2027"}),
            ({"date": "10.12", "jahr": "2027"}, {"date": "10.12.2027"}),
            ({"date": "10. Dezember", "year": 2027}, {"date": "10. Dezember 2027"}),
            ({"date": DAY, "year": 2026}, {"date": DAY}),
            ({"date": "December 10", "year": 2027}, {"date": "December 10 2027"}),
            ({"date": "10th December", "year": 2025}, {"date": "10th December 2025"}),
            ({"date": "Donnerstag, 10. Dezember", "year": 2026}, {"date": "Donnerstag, 10. Dezember 2026"}),
            ({"date": "10/12", "year": 2026}, {"date": "10/12/2026"}),
            ({"time": None, "hour": 10, "minute": 15}, {"time": "10:15"}),
            ({"time": "10:15", "hour": 10, "minute": 15}, {"time": "10:15"}),
            ({"date": {"day": "Thursday", "month": 12, "date": "10"}}, {"date": "Thursday 10.12."}),
            ({"day": "Thursday", "month": "December", "date": 10, "year": 2026}, {"date": "Thursday 10. December 2026"}),
            ({"weekday": "Donnerstag", "day": 10, "month": 12}, {"date": "Donnerstag 10.12."}),
            ({"date": {"dayOfWeek": "Thursday", "dayOfMonth": 10, "month": 12}}, {"date": "Thursday 10.12."}),
            ({"date": {"weekday": "Thursday", "kw": 50}}, {"date": "Thursday KW 50"}),
            ({"day": "Thursday", "week": "next"}, {"date": "Thursday next week"}),
            ({"day": "10.", "month": "12"}, {"date": "10.12."}),
            ({"day": "10", "month": "Dezember 2026"}, {"date": "10. Dezember 2026"}),
            ({"date": ["Donnerstag", DAY]}, {"date": DAY}),
            ({"date": [DAY, "Thursday"]}, {"date": DAY}),
            ({"date": ["Freitag", DAY]}, {"date": f"Freitag oder {DAY}"}),
            ({"start": [f"{DAY}T11:00", f"{DAY}T16:00"]}, {"start": f"{DAY}T11:00 oder {DAY}T16:00"}),
            ({"date": DAY, "month": 12}, {"date": DAY}),
            ({"date": DAY, "month": "Dezember"}, {"date": DAY}),
            ({"date": DAY, "day": "10"}, {"date": DAY}),
            ({"date": DAY, "day": "Thursday."}, {"date": f"Thursday {DAY}"}),
            ({"date": DAY, "datum": "Donnerstag, 10. Dezember"}, {"date": DAY}),
            ({"date": DAY, "wunschdatum": "10.12.2026"}, {"date": DAY}),
            ({"date": DAY, "datum": "December 10th"}, {"date": DAY}),
            ({"date": [DAY, "Donnerstag, 10. Dezember"]}, {"date": DAY}),
            ({"time": "10:00", "uhrzeit": "10 Uhr"}, {"time": "10:00"}),
            ({"time": "2:30 PM", "am_pm": "PM"}, {"time": "2:30 PM"}),
            ({"time": "10 AM", "am_pm": "a.m."}, {"time": "10 AM"}),
            ({"staff": {"id": "kim", "name": "Kim"}}, {"staff": "Kim"}),
            ({"start_date": DAY, "end_date": "2026-12-12"}, {"date": f"{DAY} - 2026-12-12"}),
            ({"staff": {"id": 17, "name": "Kim"}}, {"staff": "Kim"}),
            ({"staff": {"preferred": "Julia"}}, {"staff": "Julia"}),
            ({"mitarbeiter_name": "Julia"}, {"staff": "Julia"}),
            ({"service": {"name": "Haarschnitt", "minutes": 30, "price": 25}}, {"service": "Haarschnitt"}),
            ({"service": {"name": "Haarschnitt", "quantity": 1, "duration_min": 30}}, {"service": "Haarschnitt"}),
            ({"service": {"type": "Haarschnitt"}}, {"service": "Haarschnitt"}),
            ({"staff": {"name": "Kim", "title": "Stylist", "role": "senior"}}, {"staff": "Kim"}),
            ({"services": [{"name": "Haarschnitt"}, {"name": "Färben", "selected": False}]}, {"service": "Haarschnitt"}),
            ({"friseur": "Kim"}, {"staff": "Kim"}),
            ({"services": "Haarschnitt", "second_service": "Haarschnitt"}, {"service": "Haarschnitt"}),
            ({"second_service": "Bart", "service": "Haarschnitt"}, {"service": "Haarschnitt, Bart"}),
            ({"service": "Haarschnitt", "addons": ["Bart", "Färben"]}, {"service": "Haarschnitt, Bart, Färben"}),
            ({"service": "Haarschnitt", "additional_services": "Haarschnitt, Bart"}, {"service": "Haarschnitt, Bart"}),
            ({"service_name": "cut", "service_2": "beard", "extra_service": "none"}, {"service": "cut, beard"}),
            ({"service": "", "second_service": "Bart"}, {"service": "Bart"}),
        )),
        (BOOK, {"start_time": "16:00", "end_time": "18:00"}, {"start": "16:00"}),
        (BOOK, {"full_name": "Otto Lange", "first_name": "Otto", "last_name": "Lange"}, OTTO),
        (BOOK, {"phone": "+49 000 0000000", "email": ""}, {}),
        *((BOOK, args, {"companions": companions}) for args, companions in (
            ({"companions": {"full_name": "Otto Lange", "service_name": "Färben"}}, [DYED]),
            ({"companions": [{"person": "Otto Lange", "service_type": "Färben"}]}, [DYED]),
            ({"guests": [{"customer": "Otto Lange", "treatment": "Färben"}]}, [DYED]),
            ({"guests": {"customer": {"name": "Otto Lange", "behandlung": "Färben"}}}, [DYED]),
            ({"companions": {"full_name": "Otto Lange", "stylist": "Anna"}}, [OTTO | {"staff": "Anna"}]),
            ({"companions": ["Otto Lange"], "guests": [{"name": "Mia"}]}, [OTTO, {"customer_name": "Mia"}]),
            ({"companions": [DYED], "attendees": ["Otto Lange"]}, [DYED]),
            ({"companions": 1, "guests": ["Otto Lange"]}, [OTTO]),
            ({"companions": {"guest_1": "Mia", "guest_2": "Ben"}}, [{"customer_name": "Mia"}, {"customer_name": "Ben"}]),
            ({"companions": ["nur ich"]}, []),
            ({"companions": {"relation": "Sohn", "age": 7}}, [{}]),
        )),
        (BOOK, {"participants": 1}, {"companions": []}),
        (BOOK, {"companions": [{"first_name": "Mia", "last_name": "Rot", "age": 7}, None, ""]},
         {"companions": [{"customer_name": "Mia Rot"}]}),
        # Facts about other people change no decision.
        (BOOK, {"customer": {"name": "Petra Lange", "title": "Frau"}}, {"customer_name": "Petra Lange"}),
        (BOOK, {"customer": {"name": "Petra Lange", "id": "cust_42"}}, {"customer_name": "Petra Lange"}),
        (BOOK, {"customer_name": "Petra Lange", "name": "Frau Lange"}, {"customer_name": "Petra Lange"}),
        (BOOK, {"contact": [{"name": "Petra"}, {"phone": "0151 22334455"}]},
         {"customer_name": "Petra", "phone": "0151 22334455"}),
        (BOOK, {"date": DAY, "slots": [{"start": f"{DAY}T10:00", "staff": "kim"}, {"start": f"{DAY}T11:00", "staff": "kim"}]},
         {"date": DAY}),
        (BOOK, {"custom_fields": [{"name": "Haarfarbe", "value": "rot"}, {"name": "service", "value": "Haarschnitt"}]},
         {"service": "Haarschnitt"}),
        (NOTE, {"message": "Rezept", "medications": [{"name": "Ibuprofen"}, {"name": "Aspirin"}]}, {"message": "Rezept"}),
        (BOOK, {"phone": {"primary": "0151 22334455"}}, {"phone": "0151 22334455"}),
        (BOOK, {"staff": {"name": "Anna", "phone": "0151 99887766"}}, {"staff": "Anna"}),
        (BOOK, {"branch": {"name": "Mitte", "phone": "0151 99887766"}}, {"branch": "Mitte"}),
        (BOOK, {"mother": {"phone": "0151 99887766"}}, {}),
        (BOOK, {"staff": {"name": "Anna", "email": "anna@salon.de"}}, {"staff": "Anna"}),
        (BOOK, {"appointment": {"customer": {"phone": "0151 22334455"}}}, {"phone": "0151 22334455"}),
        (BOOK, {"guest_1": {"name": "Otto"}, "guest_2": {"name": "Mia"}},
         {"companions": [{"customer_name": "Otto"}, {"customer_name": "Mia"}]}),
        # A time under another name.
        (BOOK, {"start": DAY, "start_time": "11:00"}, {"date": DAY, "time": "11:00"}),
        (BOOK, {"start_time": "11 Uhr", "slot": "Freitag"}, {"date": "Freitag", "time": "11 Uhr"}),
        (BOOK, {"weekday": "Donnerstag"}, {"date": "Donnerstag"}), (BOOK, {"preferred_day": DAY}, {"date": DAY}),
        (BOOK, {"dates": [DAY]}, {"date": DAY}), (BOOK, {"booking_time": "15:00"}, {"time": "15:00"}),
        (BOOK, {"selected_slot": f"{DAY}T10:00"}, {"start": f"{DAY}T10:00"}), (BOOK, {"new_day": "Freitag"}, {"date": "Freitag"}),
        (BOOK, {"day_of_week": "Thursday"}, {"date": "Thursday"}), (BOOK, {"appointment_day": "Freitag"}, {"date": "Freitag"}),
        (BOOK, {"date_of_appointment": "10.12.2026"}, {"date": "10.12.2026"}),
        (BOOK, {"booking_day": "morgen"}, {"date": "morgen"}), (BOOK, {"wochentag": "Donnerstag"}, {"date": "Donnerstag"}),
        (BOOK, {"termindatum": "10.12."}, {"date": "10.12."}),
        (BOOK, {"date": DAY, "weekday": "Donnerstag"}, {"date": f"Donnerstag {DAY}"}),
    ],
)  # fmt: skip
def test_clear_arguments_are_combined(function: str, args: Any, values: dict[str, Any]) -> None:
    read = read_arguments(function, args)
    assert (read.values, read.unclear, read.is_several) == (values, (), False)


@pytest.mark.parametrize(
    "args",
    [
        {"companions": {"who": "Otto Lange", "wants": "Färben"}}, {"companions": {"Otto Lange": "Färben"}},
        {"companions": {"full_name": "Otto", "service": "Färben", "treatment": "Haarschnitt"}},
        {"time": "10:00", "companions": [{"name": "Otto", "time": "10:00"}], "guests": [{"name": "Mia", "time": "14:00"}]},
        {"companions": 3, "guests": ["Otto Lange"]},
    ],
)  # fmt: skip
def test_unclear_companions_are_asked_about(args: Any) -> None:
    read = read_arguments(BOOK, args)
    assert ("companions" in read.values, "companions" in read.unclear) == (False, True)


def test_contradicting_argument_values_are_listed_unread() -> None:
    read = read_arguments(BOOK, {"args": {"customer_name": "Anna"}, "customer_name": "Bert"})
    assert (read.values, set(read.unread["customer_name"].split(", "))) == ({}, {"Anna", "Bert"})


def test_companions_at_the_same_time_are_read() -> None:
    args = {"date": DAY, "time": "10:00", "companions": [{"name": "Mia", "date": DAY, "time": "10:00"}]}
    assert read_arguments(BOOK, args).unclear == ()
    assert "companions" in read_arguments(BOOK, args | {"time": "11:00"}).unclear


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (BOOK, {"appointments": TWO}), (BOOK, {"bookings": TWO}), (BOOK, TWO), (BOOK, {"args": TWO}),
        (BOOK, {"appointment_1": TWO[0], "appointment_2": TWO[1]}), (BOOK, {"first": TWO[0], "second": TWO[1]}),
        (BOOK, {"date": DAY, "time": "10:00", "date2": "2026-12-12", "time2": "10:00"}),
        (BOOK, {"datum1": DAY, "datum2": "2026-12-12"}),
        (NOTE, {"messages": [{"message": "Rezept A"}, {"message": "Rezept B"}]}),
    ],
)  # fmt: skip
def test_two_argument_objects_are_read_as_two_requests(function: str, args: Any) -> None:
    assert read_arguments(function, args).is_several
    assert not read_arguments(function, [TWO[0]]).is_several
    assert not read_arguments(BOOK, [TWO[0], TWO[0]]).is_several


STRANGE = st.text("abcdefghij", min_size=3, max_size=9).filter(
    lambda key: fold_key(key) not in {*rules_of(BOOK), *DESCRIPTIONS, *PREFERENCES, *VALUE_KEYS}
)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(DECIDING & {"service", "staff", "branch", "date", "time", "start", "companions"})), STRANGE
)
def test_unknown_part_of_a_decision_is_asked_about(name: str, key: str) -> None:
    read = read_arguments(BOOK, {name: {"name": "Kim", key: "zimtrot"}})
    assert name in read.unclear, read


@pytest.mark.parametrize(
    ("zone", "is_asked"),
    [("+00:00", True), ("UTC", True), ("-05:00", True), ("America/New_York", True), ("+01:00", False), ("+02:00", False),
     ("CET", False), ("MEZ", False), ("Europe/Vienna", False), ("local", False)],
)  # fmt: skip
def test_time_zone_is_judged_by_its_offset(zone: str, is_asked: bool) -> None:
    read = Arguments({"time": "10:00", "timezone": zone}, {})
    assert (ask_unclear(read, salon_config()) is not None) is is_asked


@each_row(
    ("args", "unread"),
    [
        (
            {"customer_name": "Klaus Berger", "first_name": "Klaus", "last_name": "Bergmann"},
            {"first_name", "customer_name"},
        ),
        ({"full_name": "Klaus Berger", "Vorname": "Klaus", "Nachname": "Bergmann"}, {"Vorname", "full_name"}),
        ({"name": "Petra Lange", "last_name": "Kurz"}, {"name", "last_name"}),
    ],
)
def test_only_sent_keys_are_called_unread(args: Any, unread: set[str]) -> None:
    assert {*read_arguments(BOOK, args).unread} == unread


@each_row(
    ("args", "question"),
    [
        ({"date": DAY, "time": "10:00", "preferred_time": "11:00"}, "Donnerstag, den 10. Dezember, um 10 Uhr oder {}, um 11 Uhr?"),
        ({"date": DAY, "time": "10:00", "hour": 11}, "Donnerstag, den 10. Dezember, um 10 Uhr oder {}, um 11 Uhr?"),
        ({"date": DAY, "time": "10:00", "requested_time": "ab elf"}, "{}, um 10 Uhr oder {}, ab 11 Uhr?"),
        ({"date": DAY, "time": "10:00", "hour": 9, "minute": 30}, "{}, um 10 Uhr oder {}, um 9 Uhr 30?"),
        ({"date": DAY, "new_date": "2026-12-11", "time": "10:00"}, "{}, um 10 Uhr oder Freitag, den 11. Dezember, um 10 Uhr?"),
        ({"date": DAY, "preferred_date": "2026-12-11"}, "{} oder Freitag, den 11. Dezember?"),
        ({"date": DAY, "day": 4, "month": 13}, None), ({"time": {"shift": "b"}}, None),
        ({"date": DAY, "time": "10:00", "uhrzeit": "quatsch"}, "Die Uhrzeit habe ich nicht verstanden. {}: Um wie viel Uhr genau?"),
    ],
)  # fmt: skip
def test_question_about_a_time_names_what_is_understood(args: Any, question: str | None) -> None:
    call = CallContext("call_1", "mitte", None, datetime(2026, 11, 26, 9, tzinfo=UTC), "corr")
    for function in (Function.BOOK_APPOINTMENT, Function.CHECK_AVAILABILITY, Function.JOIN_WAITLIST):
        answer = ask_unclear(read_arguments(function.name.lower(), args), salon_config(), function, call=call)
        assert answer is not None
        asked = (question or say().time_not_understood).replace("{}", "Donnerstag, den 10. Dezember")
        assert answer.message.removeprefix("Meinen Sie ") == asked


@each_row(
    ("args", "is_asked"),
    [
        ({"dont_want": "Anna"}, True), ({"avoid": ["Mehmet", "Anna"]}, True), ({"staff": "Anna", "not_with": "Anna"}, True),
        ({"zimtrot": "bloß nicht Anna"}, True), ({"zimtrot": "Anna"}, False), ({"staff": "Mehmet", "not_with": "Anna"}, False),
    ],
)  # fmt: skip
def test_search_asks_about_an_excluded_person(args: Any, is_asked: bool) -> None:
    config = salon_config()
    answer = ask_unclear(read_arguments(SEARCH, args, KnownNames(config)), config, Function.CHECK_AVAILABILITY)
    assert (answer is not None) is is_asked


@each_row(
    ("args", "asked"),
    [
        ({"avoid": ["Mehmet", "Anna"]}, "staff"),
        ({"preference": "nachmittags bei Mehmet"}, "staff"), ({"zimtrot": "Anna"}, "staff"),
        ({"staff": "Anna", "avoid": "Anna"}, "staff"), ({"zusatz": "Haarschnitt"}, "service"),
        ({"service": "Haarschnitt", "request": "Färben statt Haarschnitt"}, "service"),
        ({"notes": "Anna sagte, das geht"}, None), ({"staff": "Anna", "zimtrot": "Anna"}, None),
        ({"customer_name": "Anna Lange", "zimtrot": "Anna Lange"}, None), ({"zimtrot": "blau"}, None),
        ({"service": "Haarschnitt", "title": "Haarschnitt"}, None), ({"staff": {"name": "Anna", "email": "anna@salon.de"}}, None),
        ({"service": "Herrenschnitt", "service_id": "haarschnitt"}, None),
        ({"service_name": "Haarschnitt", "service_id": "7"}, None),
        ({"service": "Haarschnitt", "event_type": "in person"}, None), ({"staff": "Anna", "resource": "chair 2"}, None),
        ({"service": "Haarschnitt", "appointment_type": "regular"}, None), ({"staff": "Anna", "staff_id": "anna"}, None),
        ({"staff": "Anna", "employee": "Mehmet"}, "staff"), ({"staff": "Mehmet", "referred_by": "Anna"}, None),
        ({"staff": "Mehmet", "exclude_staff": "Anna"}, None), ({"staff": "Mehmet", "preference": "bei Anna"}, "staff"),
        ({"staff": "Anna", "excluded_staff": "Anna"}, "staff"),
    ],
)  # fmt: skip
def test_known_name_is_read_under_any_key(args: Any, asked: str | None) -> None:
    config = salon_config()
    answer = ask_unclear(read_arguments(BOOK, args, KnownNames(config)), config, Function.BOOK_APPOINTMENT)
    assert (answer.fields["unclear"] if answer else None) == asked


@pytest.mark.parametrize(
    ("args", "staff"),
    [
        ({"exclude_staff": "Anna"}, "nicht anna"), ({"ohne": "Anna"}, "nicht anna"), ({"avoid": ["Mehmet"]}, "nicht mehmet"),
        ({"preference": "bei Anna"}, "bei anna"), ({"wish": "nicht bei Anna"}, "nicht bei anna"),
        ({"staff": "Anna, Salon Müller Mitte"}, "anna"), ({"service": "Mehmet", "staff": "Haarschnitt"}, "mehmet"),
        ({"not_with": "Anna"}, "nicht anna"), ({"avoid_stylist": ["Anna"]}, "nicht anna"), ({"nicht_bei": "Anna"}, "nicht anna"),
        ({"unwantedStaff": "Anna"}, "nicht anna"), ({"butNot": "Anna"}, "nicht anna"), ({"if_not": "Anna"}, None),
        ({"preferences": ["Mehmet"]}, "mehmet"), ({"exclude": "Montag"}, None), ({"wish": "bei Anna", "ohne": "Mehmet"}, None),
    ],
)  # fmt: skip
def test_a_preference_for_a_person_is_read(args: Any, staff: str | None) -> None:
    read = read_arguments(BOOK, args, KnownNames(salon_config()))
    assert read.values.get("staff", "").lower() == (staff or "")


@pytest.mark.parametrize("key", ["inspection_date", "accident_day", "rechnungsdatum", "delivery_time_slot"])
def test_date_of_an_unrelated_matter_is_asked_about(key: str) -> None:
    assert read_arguments(BOOK, {key: "2026-12-10"}).unclear != ()


@pytest.mark.parametrize(
    ("function", "name", "question"),
    [
        (Function.BOOK_APPOINTMENT, "Petra Lange quasi", "Auf welchen Namen"),
        (Function.BOOK_APPOINTMENT, "Abu bakr Sayed", "Auf welchen Namen"),
        (Function.JOIN_WAITLIST, "Petra Lange quasi", "Auf welchen Namen"),
        (Function.BOOK_APPOINTMENT, "ich heiße Petra Lange", None),
        (Function.BOOK_APPOINTMENT, "Petra Lange, Stammkundin", None),
        (Function.BOOK_APPOINTMENT, "Kunde", None),
        (Function.CHECK_AVAILABILITY, "steht doch da", None),
    ],
)
def test_unknown_words_in_a_name_are_asked_once(function: Function, name: str, question: str | None) -> None:
    read = read_arguments(BOOK if function is not Function.CHECK_AVAILABILITY else SEARCH, {"customer_name": name})
    answer = ask_unclear(read, salon_config(), function)
    assert (answer is None) is (question is None)
    if answer and question:
        assert question in answer.message
        assert ask_unclear(read, salon_config(), function, {str(answer.fields["unclear"])}) is None


@each_row(
    ("args", "values"),
    [
        ({"date": "Donnerstag, um 14 Uhr bei Anna"}, {"staff": "Anna", "date": "Donnerstag, um 14 Uhr"}),
        ({"date": DAY, "time": "2 pm with Mehmet", "staff": "mehmet"}, {"date": DAY, "time": "2 pm", "staff": "mehmet"}),
        ({"date": DAY, "time": "14 Uhr bei Anna", "staff": "Mehmet"}, {"date": DAY, "time": "14 Uhr"}),
        ({"date": DAY, "time": "14 Uhr, nicht bei Anna"}, {"date": DAY, "time": "14 Uhr, nicht bei Anna"}),
        ({"date": DAY, "time": "14 Uhr bei Julia"}, {"date": DAY, "time": "14 Uhr bei Julia"}),
        ({"time": "14 Uhr einen Haarschnitt"}, {"service": "Haarschnitt", "time": "14 Uhr einen"}),
        ({"date": "Freitag um 14 Uhr, Schneiden", "service": "Haarschnitt"},
         {"date": "Freitag um 14 Uhr", "service": "Haarschnitt"}),
        ({"time": "14 Uhr Haarschnitt", "service": "Färben"}, {"time": "14 Uhr Haarschnitt", "service": "Färben"}),
    ],
)  # fmt: skip
def test_time_may_name_its_staff_or_service(args: Any, values: dict[str, str]) -> None:
    read = read_arguments(BOOK, args, KnownNames(salon_config()))
    assert read.values == values
    assert ("staff" in read.unclear) == (args.get("staff") == "Mehmet")
