"""The book keeps a call's offers with its hold: requests without a transcript find them until the hold ends."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import asyncpg
import pytest

from askproai_runtime.book.appointments import NamedSlot
from askproai_runtime.conversation.types import Answer
from tests.worlds.booking_environment import HALF_PAST_TWO, MORNING, Salon, booking_args, call, join_waitlist

FRIDAY = "2026-11-27"
LATER = "2026-12-04"  # a Friday, too


async def search(salon: Salon, **args: Any) -> Answer:
    answer = await salon.booking.check_availability(call(), {"service": "Haarschnitt", **args})
    assert answer.fields["slots"], answer
    return answer


def starts(answer: Answer) -> list[str]:
    return [slot["start"] for slot in answer.fields["slots"]]


async def kept(salon: Salon) -> list[dict[str, Any]]:
    return await salon.rows("SELECT offers FROM appointments WHERE offers IS NOT NULL")


@pytest.mark.parametrize("asked", [{"staff": "Mehmet"}, {"staff": "Anna"}, {"staff": "nicht Anna"}])
async def test_each_offered_start_keeps_its_staff_member(salon: Salon, asked: dict[str, str]) -> None:
    offer = await search(salon, date=FRIDAY, part_of_day="nachmittags", **asked)
    slot = offer.fields["slots"][-1]
    assert len(offer.fields["slots"]) > 1
    booked = await salon.book(slot["start"])
    assert booked.success, booked
    (row,) = await salon.live()
    assert row["staff"] == slot["staff"]
    assert await kept(salon) == []


async def test_excluded_staff_member_stays_excluded(salon: Salon) -> None:
    await search(salon, date=FRIDAY, part_of_day="nachmittags", staff="nicht Anna")
    again = await search(salon, date=LATER, part_of_day="nachmittags")
    assert {slot["staff"] for slot in again.fields["slots"]} == {"mehmet"}
    booked = await salon.book(f"{LATER}T16:00:00+01:00")
    assert booked.success, booked
    assert [row["staff"] for row in await salon.live()] == ["mehmet"]


async def test_alternatives_of_a_refused_booking_can_be_booked(salon: Salon) -> None:
    await search(salon, date=FRIDAY, time="10 Uhr")
    other = booking_args(HALF_PAST_TWO, staff="Mehmet")
    assert (await salon.booking.book_appointment(call("call_2", "+4915166660001"), other)).success
    refused = await salon.booking.book_appointment(call(), other)
    alternatives = [slot for slot in refused.fields["alternatives"] if slot["staff"] == "mehmet"]
    assert not refused.success
    assert alternatives
    booked = await salon.book(alternatives[-1]["start"])
    assert booked.success, booked
    assert [row["staff"] for row in await salon.live()] == ["mehmet", "mehmet"]


async def test_earlier_offers_stay_bookable_after_another_search(salon: Salon) -> None:
    first = await search(salon, date=LATER, part_of_day="nachmittags", staff="Mehmet")
    await search(salon, date=FRIDAY, staff="Anna")
    booked = await salon.book(starts(first)[-1])
    assert booked.success, booked
    assert [row["staff"] for row in await salon.live()] == ["mehmet"]


@pytest.mark.parametrize(("said", "day"), [({}, LATER), ({"date": "eine Woche später"}, "2026-12-11")])
async def test_search_without_a_day_uses_the_stored_offers(salon: Salon, said: dict[str, str], day: str) -> None:
    await search(salon, date=LATER, part_of_day="nachmittags")
    assert starts(await search(salon, time="15 Uhr", **said)) == [f"{day}T15:00:00+01:00"]


async def test_search_for_another_day_begins_with_offered_day(salon: Salon) -> None:
    await search(salon, date=LATER)
    examples = await search(salon, date="an einem anderen Tag")
    assert not examples.success
    assert min(starts(examples))[:10] == LATER
    assert starts(await search(salon, date="an einem anderen Tag")) == starts(examples)


@pytest.mark.parametrize("is_in_transcript", [True, False])
async def test_start_named_as_example_keeps_its_staff_member(salon: Salon, is_in_transcript: bool) -> None:
    first = await search(salon, date=LATER, part_of_day="nachmittags", staff="Anna")
    examples = await search(salon, date="mal schauen", part_of_day="nachmittags", staff="Mehmet")
    start = min({*starts(first)} & {*starts(examples)})
    told = call()
    if is_in_transcript:
        named = tuple(
            (NamedSlot("mitte", "haarschnitt", each["staff"], datetime.fromisoformat(each["start"])),)
            for each in (*first.fields["slots"], *examples.fields["slots"])
        )
        last = tuple(datetime.fromisoformat(each) for each in starts(examples))
        told = replace(told, offered=named, offered_last=last)
    booked = await salon.book(start, by=told)
    assert booked.success, booked
    assert [row["staff"] for row in await salon.live()] == ["mehmet"]


async def test_booking_for_another_person_asks_for_the_day(salon: Salon) -> None:
    assert (await salon.book(f"{LATER}T14:00:00+01:00")).success
    args = {"service": "Haarschnitt", "customer_name": "Otto Kurz", "date": "Donnerstag", "time": "15 Uhr"}
    asked: Any = await salon.booking.book_appointment(call(), args)
    assert [each["start"][:10] for each in asked.fields["candidates"]] == ["2026-11-26", "2026-12-03"]
    assert (await salon.booking.check_availability(call(), args)).fields["candidates"] == asked.fields["candidates"]
    together = await salon.booking.book_appointment(call(), args | {"date": None})
    assert (together.success, together.fields["start"][:10]) == (True, LATER)


async def test_offer_is_booked_by_its_ordinal_number(salon: Salon) -> None:
    offer = await search(salon, date=LATER)
    booked = await salon.book("der zweite")
    assert (booked.success, booked.fields.get("start")) == (True, starts(offer)[1])


async def test_offers_are_stored_only_with_a_hold(salon: Salon) -> None:
    await search(salon, date=FRIDAY)
    assert len(await kept(salon)) == 1
    with pytest.raises(asyncpg.CheckViolationError):
        await salon.pool.execute("UPDATE appointments SET status = 'confirmed'")
    start = datetime.fromisoformat(starts(await search(salon, date=LATER))[0])
    assert [row["starts_at"] for row in await salon.rows("SELECT starts_at FROM appointments")] == [start]
    assert len(await kept(salon)) == 1


async def test_request_for_other_times_gets_new_slots(new_salon) -> None:
    salon, wish = await new_salon(), {"service": "Haarschnitt", "date": LATER}
    first = await search(salon, **wish)
    assert starts(await search(salon, **wish)) == starts(first), "nothing was said in between"
    named = frozenset(
        NamedSlot(each["branch"], each["service"], each["staff"], datetime.fromisoformat(each["start"]))
        for each in first.fields["slots"]
    )
    asking = replace(call(), wants_others_than=named)
    others = await salon.booking.check_availability(asking, wish)
    assert others.success
    assert set(starts(others)).isdisjoint(starts(first))
    again = await salon.booking.check_availability(asking, wish)
    assert again.message == others.message, "the model has only sent it once more"
    exact = await salon.booking.check_availability(asking, {"service": "Haarschnitt", "start": starts(first)[0]})
    assert (exact.success, starts(exact)) == (True, starts(first)[:1])


async def test_move_to_an_offered_start_asks_nothing(salon: Salon) -> None:
    assert (await salon.book(MORNING)).success
    offer = starts(await search(salon, date=LATER))[1]
    moved = await salon.booking.reschedule_appointment(call(), {"start": offer, "date": "Freitag"})
    assert (moved.success, moved.fields.get("start")) == (True, offer)


async def test_waiting_excludes_a_staff_member_excluded_before(salon: Salon) -> None:
    await search(salon, date=FRIDAY, part_of_day="nachmittags", staff="nicht Anna")
    wish = {"service": "Haarschnitt", "date": LATER, "customer_name": "Petra Müller"}
    answer = await join_waitlist(salon.booking, call(), wish)
    assert answer.message == "Meinen Sie Mehmet?"
