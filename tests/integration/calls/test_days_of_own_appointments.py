"""After a list of the caller's appointments, a weekday or a time without a day means a listed day if possible."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from tests.worlds.spoken_calls import SpokenCall, friday_at
from tests.worlds.tenant_pod import next_friday

BOOK, MOVE, LIST = "book_appointment", "reschedule_appointment", "find_appointments"


def friday(call: SpokenCall) -> date:
    return next_friday(call.pod, 10, 2).date()


@pytest.fixture
async def later(call: SpokenCall) -> SpokenCall:
    """Return a later call of a number that has an appointment on the second Friday, at 10."""
    await book(call, friday(call))
    return SpokenCall(call.pod, call.number)


async def book(call: SpokenCall, day: date, **more: Any) -> None:
    answer = await call.ask(BOOK, friday_at(call.pod, "10:00", date=day.isoformat(), staff="Anna") | more)
    assert answer["success"], answer


async def listed(call: SpokenCall, said: str) -> None:
    call.say("Wann ist mein Termin?")
    assert (await call.ask(LIST, {}))["appointments"]
    call.say(said)


@pytest.mark.parametrize("words", [{"date": "Freitag", "time": "11 Uhr"}, {"date": "Friday at 11 am"}, {"time": "11"}])
@pytest.mark.parametrize("by", [BOOK, MOVE])
async def test_weekday_after_a_list_means_the_listed_day(later: SpokenCall, by: str, words: dict[str, str]) -> None:
    await listed(later, "Dann am Freitag um elf noch einen." if by == BOOK else "Dann am Freitag um elf.")
    args = friday_at(later.pod, another=True) | {"date": None, "time": None} if by == BOOK else {}
    answer = await later.ask(by, args | words)
    assert (answer["success"], answer.get("start", "")[:13]) == (True, f"{friday(later)}T11"), answer


async def test_unlisted_weekday_means_its_next_date(later: SpokenCall) -> None:
    await listed(later, "Am Mittwoch um elf noch einen.")
    answer = await later.ask(BOOK, friday_at(later.pod, another=True) | {"date": "Mittwoch", "time": "11 Uhr"})
    start = answer.get("start") or answer["alternatives"][0]["start"]
    assert datetime.fromisoformat(start).date() < friday(later) - timedelta(days=2), answer


async def test_weekday_of_two_listed_days_is_asked_about(call: SpokenCall) -> None:
    days = [friday(call), next_friday(call.pod, 10, 3).date()]
    for day in days:
        await book(call, day, another=day is not days[0])
    later = SpokenCall(call.pod, call.number)
    await listed(later, "Am Freitag um elf noch einen.")
    asked = await later.ask(BOOK, friday_at(later.pod) | {"date": "Freitag", "time": "11 Uhr"})
    assert [each["start"][:10] for each in asked["candidates"]] == [day.isoformat() for day in days], asked


@pytest.mark.parametrize(
    ("said", "clock"), [("11:00", "11 Uhr"), ("vormittags um neun", "9 Uhr"), ("halb zwölf", "11 Uhr 30")]
)
async def test_cancellation_by_time_asks_without_naming_a_day(later: SpokenCall, said: str, clock: str) -> None:
    later.say("Ich möchte absagen.")
    answer = await later.ask("cancel_appointment", {"appointment_time": said})
    assert answer["message"].startswith(f"{clock}: Da finde ich keinen Termin"), answer


@pytest.mark.parametrize(
    ("words", "moved"),
    [
        ({"date": "nächsten Samstag danach", "time": "gleiche Uhrzeit"}, (1, "10:00")),
        ({"date": "Samstag, den {day}", "time": "gleiche Uhrzeit"}, (1, "10:00")),
        ({"date": "Saturday {day}", "time": "same time"}, (1, "10:00")),
        ({"date": "{iso}", "time": "11:00"}, (1, "11:00")),
        ({"time": "16 Uhr"}, (0, "16:00")),
        ({"time": "eine Stunde später"}, (0, "11:00")),
    ],
)
async def test_present_start_beside_a_new_day_is_replaced(
    later: SpokenCall, words: dict[str, str], moved: tuple[int, str]
) -> None:
    saturday = friday(later) + timedelta(days=1)
    words = {name: text.format(day=f"{saturday:%d.%m.}", iso=saturday.isoformat()) for name, text in words.items()}
    args = {"start": f"{friday(later)}T10:00:00+01:00", **words}
    later.say("Meinen Termin bitte verschieben.")
    for _ in range(2):  # the model repeats itself
        answer = await later.ask(MOVE, args)
        start = f"{friday(later) + timedelta(days=moved[0])}T{moved[1]}"
        assert (answer["success"], answer.get("start", "")[:16]) == (True, start), answer


@pytest.mark.parametrize("words", [{}, {"date": "Freitag", "time": "10 Uhr"}, {"part_of_day": "vormittags"}])
async def test_move_to_the_present_start_is_already_done(later: SpokenCall, words: dict[str, str]) -> None:
    await listed(later, "Der soll so bleiben.")
    answer = await later.ask(MOVE, {"start": f"{friday(later)}T10:00:00+01:00", **words})
    assert answer["message"].startswith("Der Termin steht schon"), answer


@pytest.mark.parametrize(("day", "clock"), [("Freitag", "10 Uhr"), ("Friday", "10 am")])
async def test_new_time_equal_to_present_time_changes_nothing(later: SpokenCall, day: str, clock: str) -> None:
    await listed(later, "Der soll so bleiben, wie er war.")
    args = {"appointment_date": day, "appointment_time": clock, "date": day, "time": clock}
    answer = await later.ask(MOVE, args)
    assert (answer["success"], answer["message"][:22]) == (True, "Der Termin steht schon"), answer
    assert friday(later).isoformat() == answer["start"][:10]


@pytest.mark.parametrize("name", ["date", "appointment_date"])
@pytest.mark.parametrize(
    "words", ["vom {old} auf den {new}", "from {old} to {new}", "statt {old} {new}", "{new} statt {old}"]
)
async def test_text_with_two_days_names_appointment_and_target(later: SpokenCall, words: str, name: str) -> None:
    old, new = friday(later), friday(later) + timedelta(days=1)
    await book(later, old - timedelta(days=1), another=True)
    call = SpokenCall(later.pod, later.number)
    call.say("Meinen Termin bitte verschieben.")
    for _ in range(2):  # the model repeats itself
        moved = await call.ask(
            MOVE, {name: words.format(old=f"{old:%d.%m.}", new=f"{new:%d.%m.}"), "time": "gleiche Zeit"}
        )
        assert (moved["success"], moved.get("start", "")[:16]) == (True, f"{new}T10:00"), moved
