"""Values as models write them are accepted without a question if they have only one possible reading."""

from datetime import date
from typing import Any

import pytest

from tests.worlds.spoken_calls import CUT, SpokenCall, friday_at

BOOK, CHECK = "book_appointment", "check_availability"


def written(call: SpokenCall, form: str) -> str:
    day = date.fromisoformat(friday_at(call.pod)["date"])
    return form.format(day=day.day, month=day.month)


@pytest.mark.parametrize("form", ["{day}.{month}", "{day}.{month}.", " {day}.{month} "])
async def test_written_date_without_final_period_is_understood(call: SpokenCall, form: str) -> None:
    booked = await call.ask(BOOK, friday_at(call.pod, date=written(call, form)))
    assert (booked["success"], "Freitag, den 27. November, um 14 Uhr" in booked["message"]) == (True, True), booked


@pytest.mark.parametrize("clock", ["2:30", "14:30+01:00", "14:30 CET", "14:30 MEZ", "14:30:00+01:00"])
async def test_time_with_one_reading_is_booked(call: SpokenCall, clock: str) -> None:
    assert (await call.ask(BOOK, friday_at(call.pod, clock)))["success"]
    assert [each[1] for each in await call.live()] == ["14:30"]


@pytest.mark.parametrize("clock", ["14:30+05:00", "14:30 CEST", "02:30"])
async def test_time_of_another_zone_is_asked_about(call: SpokenCall, clock: str) -> None:
    assert not (await call.ask(BOOK, friday_at(call.pod, clock)))["success"]


@pytest.mark.parametrize(
    ("clock", "live"),
    [("14:00–14:45", ["14:00"]), ("14:00-14:45", ["14:00"]), ("14:00-15:00", []), ("14:15-15:00", [])],
)
async def test_offered_time_with_its_end_is_booked(call: SpokenCall, clock: str, live: list[str]) -> None:
    assert (await call.ask(CHECK, friday_at(call.pod, "14:00")))["success"]
    await call.ask(BOOK, friday_at(call.pod, clock))
    assert [each[1] for each in await call.live()] == live


@pytest.mark.parametrize("day", ["ab dem 14. Dezember", "ab 14.12.", "from December 14", "nach dem 13. Dezember"])
async def test_hour_after_a_minimum_day_is_searched_later(call: SpokenCall, day: str) -> None:
    found = await call.ask(CHECK, {"service": CUT, "date": day, "time": "11 Uhr"})
    assert (found["success"], found["slots"][0]["start"][:16]) == (True, "2026-12-15T11:00"), found


@pytest.mark.parametrize(
    ("name", "notes"),
    [
        ("Petra Lange 0151 23456789", "0151 23456789"), ("Petra Lange, 0151/23456789", "0151/23456789"),
        ("Petra Lange petra@lange.de", "petra@lange.de"), ("Petra Lange +49 151 23456789", "0049 151 23456789"),
        ({"first": "Petra", "last": "Lange"}, None), ("Petra Lange", None),
    ],
)  # fmt: skip
async def test_words_beside_the_name_become_notes(call: SpokenCall, name: Any, notes: str | None) -> None:
    assert (await call.ask(BOOK, friday_at(call.pod, customer_name=name)))["success"]
    assert [each[3] for each in await call.live()] == ["Petra Lange"]
    assert await call.pod.db.fetchval("SELECT notes FROM appointments WHERE call_id = $1", call.call_id) == notes


@pytest.mark.parametrize("phone", ["23125000", "231 25000", "zwei drei eins zwei fünf null null null"])
async def test_phone_number_without_area_code_is_asked_about(call: SpokenCall, phone: str) -> None:
    call.say("Haarschnitt am Freitag um zwei, Petra Lange.")
    asked = await call.ask(BOOK, friday_at(call.pod, phone=phone))
    assert (asked["success"], asked["needs_phone"]) == (False, "unclear"), asked
    call.say("Null drei null, zwei drei eins zwei fünf null null null.")
    booked = await call.ask(BOOK, friday_at(call.pod, phone="03023125000"))
    assert "0 3 0, 2 3 1, 2 5 0, 0 0" in booked["message"], booked


@pytest.mark.parametrize("said", ["Das früheste am Freitag.", "Um zwei bitte.", "For my husband, please.", "Ja."])
@pytest.mark.parametrize("service", ["men's cut", "Men's haircut"])
async def test_english_service_name_is_confirmed_once(call: SpokenCall, said: str, service: str) -> None:
    args = friday_at(call.pod, service=service)
    call.say("I would like a cut.")
    assert (await call.ask(BOOK, args))["message"] == "Meinen Sie Haarschnitt?"
    call.say(said)
    assert (await call.ask(BOOK, args))["success"]


async def test_no_to_the_suggested_service_books_nothing(call: SpokenCall) -> None:
    args = friday_at(call.pod, service="men's cut")
    call.say("I would like a cut.")
    await call.ask(BOOK, args)
    call.say("Nein, das nicht.")
    assert not (await call.ask(BOOK, args))["success"]
