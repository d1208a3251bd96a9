"""Joining the waiting list: for times that are not free but possible; missing details are asked for."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from askproai_core.languages import Language
from askproai_runtime.book.waiting import ENTRIES_PER_CALL, ENTRIES_PER_HOUR, ENTRIES_PER_PHONE
from askproai_runtime.conversation.types import Answer
from askproai_runtime.sentences import speaking
from tests.worlds.booking_environment import Salon, call, join_waitlist
from tests.worlds.full_calendar import nothing_free
from tests.worlds.waitlist_environment import FIRST, FRIDAY, book, join, wait

pytestmark = pytest.mark.nightly


async def test_repeated_waitlist_request_adds_no_second_entry(salon: Salon) -> None:
    entry = await wait(salon)
    async with nothing_free(salon):
        calls = (call(f"call_{n}", FIRST) for n in range(4))
        answers = await asyncio.gather(*(join_waitlist(salon.booking, each, FRIDAY) for each in calls))
    assert {answer.fields["waitlist_id"] for answer in answers} == {entry}
    for day in range(ENTRIES_PER_PHONE - 1):
        await wait(salon, date=f"2026-12-0{day + 1}")
    refused = await join(salon, "call_x", FIRST, date="2026-12-09")
    assert (refused.success, refused.outcome.value) == (False, "limited")


@pytest.mark.parametrize(
    ("names", "waiting"),
    [
        (("Petra Lange", "Otto Kurz"), ["Otto Kurz", "Petra Lange"]),
        (("Petra Lange", "Otto Lange", "Mia Lange"), ["Mia Lange", "Otto Lange", "Petra Lange"]),
        (("Petra Lange", "Otto Kurz", "Petra Lange"), ["Otto Kurz", "Petra Lange"]),
        (("Petra Lange", "Frau Petra Lange"), ["Petra Lange"]),
        (("Frau Lange", "Lange"), ["Frau Lange"]),
        (("Petra Meier", "Petra Meyer"), ["Petra Meyer"]),
    ],
)
async def test_each_person_of_a_number_gets_an_entry(salon: Salon, names: tuple[str, ...], waiting: list[str]) -> None:
    for number, name in enumerate(names):
        assert (await join(salon, f"call_{number}", FIRST, customer_name=name)).success
    rows = await salon.rows("SELECT name FROM waitlist WHERE state = 'waiting' ORDER BY name")
    assert [row["name"] for row in rows] == waiting


async def test_missing_waitlist_details_are_asked_for(salon: Salon) -> None:
    for args, word in (
        ({"date": ""}, "welchen Tag"),
        ({"customer_name": ""}, "Namen"),
        ({"date": "irgendwie xyz"}, "?"),
        ({"date": "", "time": "zehn Uhr"}, "welchen Tag"),  # and not today at ten
        ({"date": "", "part_of_day": "vormittags"}, "welchen Tag"),
    ):
        answer = await join(salon, "call_1", FIRST, **args)
        assert not answer.success
        assert word in answer.message
    withheld = await join(salon, "call_w", None)
    assert "Nummer" in withheld.message
    named = await join(salon, "call_w", None, phone="0170 1234567")
    assert named.success
    assert await salon.rows("SELECT phone FROM waitlist") == [{"phone": "+491701234567"}]


async def test_entries_per_call_and_caller_are_limited(salon: Salon) -> None:
    async def named(call_id: str, number: int) -> Answer:
        name = f"Petra {chr(65 + number % 26)}{chr(97 + number // 26)}lm"  # the same name with another number corrects the entry
        return await join(salon, call_id, None, phone=f"+49151000001{number:02}", customer_name=name)

    for number in range(ENTRIES_PER_CALL):
        assert (await named("call_1", number)).success
    refused = await named("call_1", 90)
    assert (refused.success, refused.outcome.value) == (False, "limited")
    assert (await named("call_1", 0)).success, "it waits already"
    answers = [await named(f"w{n}", 10 + n) for n in range(ENTRIES_PER_HOUR)]
    assert sum(answer.success for answer in answers) == ENTRIES_PER_HOUR - ENTRIES_PER_CALL
    assert (await join(salon, "call_2", FIRST)).success, "another caller"


async def test_unreadable_phone_number_is_asked_for_again(salon: Salon) -> None:
    caller = "+4915112345678"
    answer = await join(salon, "call_1", caller, phone="die vom Büro")
    assert (answer.success, "Nummer" in answer.message) == (False, True)
    assert (await join(salon, "call_1", caller, phone="null")).success
    assert await salon.rows("SELECT phone FROM waitlist") == [{"phone": "+4915112345678"}]


@pytest.mark.parametrize(
    ("args", "first"),
    [
        ({}, "2026-11-27T09:00:00+01:00"),
        ({"part_of_day": "vormittags"}, "2026-11-27T09:00:00+01:00"),
        ({"time": "10:00"}, "2026-11-27T10:00:00+01:00"),
        ({"date": "nächste Woche"}, "2026-11-24T09:00:00+01:00"),
        ({"customer_name": ""}, "2026-11-27T09:00:00+01:00"),  # before a name is asked for
    ],
)
async def test_waiting_for_a_free_time_gets_an_offer(salon: Salon, args: dict[str, str], first: str) -> None:
    answer = await join_waitlist(salon.booking, call(), FRIDAY | args)
    assert (answer.success, answer.outcome.value, answer.fields["slots"][0]["start"]) == (False, "offered", first)
    assert answer.message.startswith("Da brauchen Sie keine Warteliste. Frei ist ")
    assert await salon.rows("SELECT 1 FROM waitlist") == []
    (held,) = await salon.rows("SELECT starts_at FROM appointments WHERE status = 'held'")
    assert held["starts_at"] in {datetime.fromisoformat(slot["start"]) for slot in answer.fields["slots"]}


@pytest.mark.parametrize(
    ("args", "why", "outcome"),
    [
        ({"date": "2026-11-22"}, "Sonntag, den 22. November: Da ist nicht geöffnet.", "closed_day"),
        ({"date": "2026-12-25"}, "Da ist nicht geöffnet, es ist Erster Weihnachtstag.", "closed_day"),
        ({"date": "2026-12-24"}, "Da ist nicht geöffnet", "closed_day"),
        ({"date": "2026-11-27", "time": "20:00"}, "um 20 Uhr: Da ist nicht geöffnet.", "outside_hours"),
        ({"date": "2026-11-24", "staff": "Mehmet"}, "Da arbeitet Mehmet nicht.", "day_off"),
        ({"date": "2026-12-29", "staff": "Mehmet"}, "Da arbeitet Mehmet nicht.", "day_off"),
        ({"date": "2027-05-04"}, "So weit im Voraus vergeben wir keine Termine, nur bis", "too_far"),
        ({"date": "im Juni"}, "So weit im Voraus vergeben wir keine Termine, nur bis", "too_far"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("full", [False, True])
async def test_impossible_waitlist_time_offers_the_next_free_times(salon: Salon, args, why, outcome, full) -> None:
    joining = join(salon, "call_1", FIRST, **args) if full else join_waitlist(salon.booking, call(), FRIDAY | args)
    answer = await joining
    assert (answer.success, answer.outcome.value) == (False, outcome)
    assert why in answer.message
    instead = "Für welchen" if outcome == "too_far" else "Möglich ist das als Nächstes"
    assert (instead if full else "Frei ist") in answer.message
    assert bool(answer.fields["slots"]) is not full
    assert await salon.rows("SELECT 1 FROM waitlist") == []


async def test_waiting_for_the_end_of_today_is_refused(salon: Salon) -> None:
    # Friday, 17:10: a haircut ends after six, and the notice is an hour.
    salon.clock.advance(timedelta(hours=7, minutes=10))
    late = replace(call(), started_at=salon.clock.now())
    answer = await join_waitlist(salon.booking, late, FRIDAY | {"date": "heute"})
    assert (answer.success, answer.outcome.value) == (False, "too_soon")
    assert "zu kurzfristig. Frei ist zum Beispiel Samstag, der 21. November, um 9 Uhr" in answer.message


async def test_partly_possible_span_can_be_waited_for(salon: Salon) -> None:
    away = {"date": "28. bis 31. Dezember", "staff": "Mehmet"}
    assert not (await join(salon, "call_1", FIRST, **away)).success
    assert (await join(salon, "call_2", FIRST, date="28. Dezember bis 10. Januar", staff="Mehmet")).success


async def test_another_persons_free_time_does_not_prevent_waiting(salon: Salon) -> None:
    await book(salon)
    answer = await join_waitlist(salon.booking, call(), FRIDAY | {"time": "10:00", "staff": "Anna"})
    assert (answer.success, answer.outcome.value) == (True, "waiting")


async def test_waiting_list_answers_in_english(salon: Salon) -> None:
    with speaking(Language.EN):
        answer = await join(salon, "call_1", FIRST, customer_name="Petra Lange", companions=[{}])
    assert answer.message.endswith("Whoever comes along needs an entry of their own: in which name?")
