"""Moves to times that are counted from the appointment, and moves to times that are not understood."""

from datetime import date, timedelta

import pytest

from tests.worlds.spoken_calls import SpokenCall, friday_at

BOOK, MOVE = "book_appointment", "reschedule_appointment"


async def call_again(call: SpokenCall, said: str = "Meinen Termin bitte verschieben.") -> SpokenCall:
    """Book Friday at two, and call again."""
    assert (await call.ask(BOOK, friday_at(call.pod)))["success"]
    later = SpokenCall(call.pod, call.number)
    later.say(said)
    return later


@pytest.mark.parametrize(
    ("time", "at"),
    [
        ("eine Stunde vorziehen", "13:00"), ("zwei Stunden nach hinten schieben", "16:00"), ("+1h", "15:00"),
        ("-30min", "13:30"), ("2h später", "16:00"), ("eine halbe Stunde vorverlegen", "13:30"),
    ],
)  # fmt: skip
async def test_relative_hours_move_the_appointment_directly(call: SpokenCall, time: str, at: str) -> None:
    later = await call_again(call)
    assert (await later.ask(MOVE, {"time": time}))["success"]
    assert [each[1] for each in await call.live(of_number=True)] == [at]


@pytest.mark.parametrize("day", ["Samstag derselben Woche", "same week Saturday", "Samstag in der gleichen Woche"])
async def test_weekday_of_the_same_week_is_understood(call: SpokenCall, day: str) -> None:
    later = await call_again(call)
    moved = await later.ask(MOVE, {"date": day, "time": "11:00"})
    assert (moved["success"], "Samstag, den 28. November, um 11 Uhr" in moved["message"]) == (True, True), moved


@pytest.mark.parametrize("time", ["die alte Zeit", "wie vorher", "um dieselbe wie Otto"])
async def test_unclear_time_of_a_move_is_reported(call: SpokenCall, time: str) -> None:
    later = await call_again(call)
    offered = await later.ask(MOVE, {"time": time})
    assert offered["message"].startswith("Die Uhrzeit habe ich nicht verstanden. Frei ist"), offered


async def book_on_saturday(call: SpokenCall) -> SpokenCall:
    """Book the Saturday in eight days, and call again: in 15 days is a Saturday, and 15 days after the appointment a Sunday."""
    day = date.fromisoformat(friday_at(call.pod)["date"]) + timedelta(days=1)
    assert (await call.ask(BOOK, friday_at(call.pod, "11:00", date=day.isoformat())))["success"]
    later = SpokenCall(call.pod, call.number)
    later.say("Meinen Termin bitte in 15 Tagen.")
    return later


@pytest.mark.parametrize("said", ["Ja.", "Ja, genau.", "Der Samstag ist gut."])
@pytest.mark.parametrize("days", ["in 15 Tagen", "in fünfzehn Tagen"])
async def test_ambiguous_day_count_of_move_is_confirmed_first(call: SpokenCall, said: str, days: str) -> None:
    later = await book_on_saturday(call)
    args = {"date": days, "time": "11 Uhr"}
    asked = await later.ask(MOVE, args)
    assert (asked["success"], asked["message"]) == (False, "Meinen Sie Samstag, den 5. Dezember, um 11 Uhr?")
    later.say(said)
    assert (await later.ask(MOVE, args))["success"]


async def test_no_to_the_suggested_day_moves_nothing(call: SpokenCall) -> None:
    later = await book_on_saturday(call)
    args = {"date": "in 15 Tagen", "time": "11 Uhr"}
    await later.ask(MOVE, args)
    later.say("Nein, fünfzehn Tage nach dem Termin.")
    assert not (await later.ask(MOVE, args))["success"]
    later.say("Dann den 8. Dezember.")
    assert (await later.ask(MOVE, {"date": "8. Dezember", "time": "11 Uhr"}))["success"]


async def test_exact_date_moves_without_a_question(call: SpokenCall) -> None:
    later = await book_on_saturday(call)
    assert (await later.ask(MOVE, {"date": "5. Dezember", "time": "11 Uhr"}))["success"]
