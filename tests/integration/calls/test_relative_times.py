"""A time counted from another time is taken if its meaning is certain. Otherwise the caller is asked before a change."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from tests.worlds.spoken_calls import CUT, SpokenCall, friday_at
from tests.worlds.tenant_pod import next_friday

CHECK, BOOK, MOVE = "check_availability", "book_appointment", "reschedule_appointment"


def friday(call: SpokenCall, number: int = 1) -> date:
    return next_friday(call.pod, 10, number).date()


async def book(call: SpokenCall, day: date, clock: str = "10:00", **more: Any) -> None:
    answer = await call.ask(BOOK, friday_at(call.pod, clock, date=day.isoformat(), staff="Anna") | more)
    assert answer["success"], answer


async def later_call(call: SpokenCall, day: date) -> SpokenCall:
    """Return a later call of a number that has an appointment on this day, at 10."""
    await book(call, day)
    return SpokenCall(call.pod, call.number)


async def move(call: SpokenCall, words: str, day: str | None, clock: str) -> dict[str, Any]:
    call.say(words)
    return await call.ask(MOVE, {"date": day, "time": clock})


def starts(answer: dict[str, Any]) -> list[str]:
    return [each["start"][:16] for each in answer["candidates"]]


@pytest.mark.parametrize(
    ("words", "clock"),
    [
        ("sechs Stunden früher", "16:00"),
        ("six hours earlier", "16:00"),
        ("fünf Stunden vorher", "17:00"),
    ],
)
@pytest.mark.parametrize("day", [None, "Freitag", "iso"])
async def test_relative_hours_start_from_the_refused_time(
    call: SpokenCall, words: str, clock: str, day: str | None
) -> None:
    on = friday(call, 2)
    later = await later_call(call, on)
    refused = await move(later, "Auf 22 Uhr.", on.isoformat(), "22:00")
    assert refused["obstacle"] == "outside_hours", refused
    for said in (words, "Danke."):  # the model repeats itself
        moved = await move(later, said, on.isoformat() if day == "iso" else day, words)
        assert (moved["success"], moved.get("start", "")[:16]) == (True, f"{on}T{clock}"), moved


@pytest.mark.parametrize("words", ["eine Stunde später", "an hour later", "eine halbe Stunde später"])
async def test_relative_hours_start_from_the_appointment(call: SpokenCall, words: str) -> None:
    later = await later_call(call, friday(call))
    moved = await move(later, words, None, words)
    assert (moved["success"], moved["start"][11:16]) == (True, "10:30" if "halbe" in words else "11:00"), moved


async def test_repeated_hours_still_count_from_the_appointment(call: SpokenCall) -> None:
    later = await later_call(call, friday(call))
    for said in ("Neun Stunden später.", "Ja, bitte."):
        refused = await move(later, said, None, "neun Stunden später")
        assert "um 19 Uhr" in refused["message"], refused


@pytest.mark.parametrize("words", ["eine Stunde später", "an hour later", "ne Stunde später"])
async def test_hours_counted_after_an_offer_are_asked_about(call: SpokenCall, words: str) -> None:
    on = friday(call)
    later = await later_call(call, on)
    other = on - timedelta(days=2)
    await later.ask(CHECK, {"service": CUT, "date": other.isoformat(), "time": "14:00"})
    asked = await move(later, words, None, words)
    assert starts(asked) == [f"{other}T15:00", f"{on}T11:00"], asked


async def test_hours_counted_on_offered_day_are_asked_about(call: SpokenCall) -> None:
    on = friday(call)
    later = await later_call(call, on - timedelta(days=1))
    offered = await later.ask(MOVE, {"date": on.isoformat()})
    hours = {datetime.fromisoformat(each["start"]).hour + 1 for each in offered["alternatives"]}
    asked = await move(later, "Eine Stunde später.", on.isoformat(), "eine Stunde später")
    assert {int(each[11:13]) for each in starts(asked)} <= hours | {11}, asked
    assert len(asked["candidates"]) > 1, asked


async def test_relative_hours_start_from_the_times_in_question(call: SpokenCall) -> None:
    later = await later_call(call, friday(call))
    first = await move(later, "In zwei Wochen.", "nächste Woche Freitag", "11 Uhr")
    assert len(first["candidates"]) > 1, first
    asked = await move(later, "Eine Stunde später.", None, "eine Stunde später")
    assert starts(asked) == [each.replace("T11", "T12") for each in starts(first)], asked


@pytest.mark.parametrize(
    ("words", "days"),
    [
        ("diesen Donnerstag", (6, 20)),
        ("kommenden Donnerstag", (6, 20)),
        ("this Thursday", (6, 20)),
        ("nächste Woche Donnerstag", (6, 20)),
        ("Thursday next week", (6, 20)),
        ("in zwei Wochen", (14, 28)),
        ("in a fortnight", (14, 28)),
        ("in vierzehn Tagen", (14, 28)),
    ],
)
async def test_relative_day_of_a_move_is_asked_about(call: SpokenCall, words: str, days: tuple[int, int]) -> None:
    on = friday(call, 2)
    today = on - timedelta(days=14)
    later = await later_call(call, on)
    asked = await move(later, f"Auf {words} um elf.", words, "11 Uhr")
    assert starts(asked) == [f"{today + timedelta(days=each)}T11:00" for each in days], asked
    moved = await move(later, f"Am {today + timedelta(days=days[1]):%d.%m.}", words, "11 Uhr")
    assert (moved["success"], moved["start"][:10]) == (True, str(today + timedelta(days=days[1]))), moved


@pytest.mark.parametrize("words", ["diesen Samstag", "this Saturday", "morgen", "tomorrow"])
async def test_unambiguous_relative_day_moves_without_a_question(call: SpokenCall, words: str) -> None:
    """ "This Saturday" is one day where the appointment is in the same week; no appointment has a tomorrow."""
    on = friday(call)
    today = on - timedelta(days=7)
    is_tomorrow = words in {"morgen", "tomorrow"}
    later = await later_call(call, on if is_tomorrow else today)
    moved = await move(later, f"Auf {words} um elf.", words, "11 Uhr")
    assert (moved["success"], moved["start"][:10]) == (True, str(today + timedelta(days=1))), moved


async def test_relative_day_already_offered_needs_no_question(call: SpokenCall) -> None:
    on = friday(call, 2)
    later = await later_call(call, on)
    await later.ask(CHECK, {"service": CUT, "date": "nächste Woche Donnerstag"})
    moved = await move(later, "Um elf.", "nächste Woche Donnerstag", "11 Uhr")
    assert (moved["success"], moved["start"][:10]) == (True, str(on - timedelta(days=8))), moved


@pytest.mark.parametrize("words", ["in zwei Wochen", "in a fortnight", "nächste Woche Freitag", "Friday next week"])
async def test_relative_day_after_a_booking_is_asked_about(call: SpokenCall, words: str) -> None:
    on = friday(call, 2) - timedelta(days=2)
    call.say("Einen Haarschnitt.")
    await book(call, on)
    otto = friday_at(call.pod, "11:00", date=words, customer_name="Otto Kurz", another=True)
    call.say(f"Und {words} noch einen für Otto Kurz.")
    asked = await call.ask(BOOK, otto)
    assert len(asked["candidates"]) > 1, asked
    assert starts(asked)[-1][:10] > str(on), asked
    call.say(f"Am {datetime.fromisoformat(starts(asked)[0]):%d.%m.}")
    booked = await call.ask(BOOK, otto)
    assert booked["start"][:16] == starts(asked)[0], booked


@pytest.mark.parametrize(
    "words",
    ["Donnerstag in 14 Tagen", "Donnerstag in zwei Wochen", "in zwei Wochen am Donnerstag", "Thursday in a fortnight"],
)
async def test_weekday_counted_in_weeks_is_asked_about(call: SpokenCall, words: str) -> None:
    asked = await call.ask(BOOK, friday_at(call.pod, "11:00", date=words))
    today = friday(call) - timedelta(days=7)
    assert starts(asked) == [f"{today + timedelta(days=each)}T11:00" for each in (13, 20)], asked


@pytest.mark.parametrize("words", ["in zwei Wochen", "in vierzehn Tagen", "in a fortnight", "Freitag in zwei Wochen"])
async def test_unambiguous_day_in_weeks_is_booked(call: SpokenCall, words: str) -> None:
    booked = await call.ask(BOOK, friday_at(call.pod, "11:00", date=words))
    assert booked["start"][:10] == str(friday(call, 2)), booked
