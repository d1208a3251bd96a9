"""A move makes no two appointments of one person overlap, unless the caller confirms it."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from askproai_runtime.language.replies import Reply, details_key
from tests.worlds.booking_environment import Salon, call
from tests.worlds.overlapping_services import salon
from tests.worlds.segmented_services import at
from tests.worlds.visits import book

pytestmark = pytest.mark.nightly

__all__ = ["salon"]  # the fixture
ROSA = {"customer_name": "Rosa Lange"}


@pytest.fixture
async def moved(salon: Salon) -> str:
    """A person with two appointments, the second of which is to be moved."""
    await book(salon, "Schneiden", "14:30", **ROSA)
    second = await book(salon, "Föhnen", "16:00", **ROSA)
    return str(second.fields["appointment_id"])


async def move(salon: Salon, appointment_id: str, clock: str, call_id: str = "call_1", replies: Any = None) -> Any:
    args = {"appointment_id": appointment_id, "start": at(clock)}
    context = replace(call(call_id, f"+4915{1:08}"), replies=replies)
    return await salon.booking.reschedule_appointment(context, args)


@pytest.mark.parametrize("call_id", ["call_1", "call_later"])
@pytest.mark.parametrize("clock", ["14:30", "14:45", "14:15"])
async def test_overlapping_move_is_asked_about(salon: Salon, moved: str, clock: str, call_id: str) -> None:
    before = await salon.live()
    asked = await move(salon, moved, clock, call_id)
    assert not asked.success
    assert asked.message == (
        "Um diese Zeit ist schon ein Termin eingetragen: Freitag, den 27. November, um 14 Uhr 30, Schneiden bei Anna. "
        "Soll ich trotzdem dorthin verschieben?"
    )
    assert await salon.live() == before
    for reply in ({}, {details_key(moved): Reply.NO}):
        assert not (await move(salon, moved, clock, call_id, reply)).success
    assert (await move(salon, moved, clock, call_id, {details_key(moved): Reply.YES})).success


async def test_yes_before_the_overlap_question_confirms_nothing(salon: Salon, moved: str) -> None:
    yes = {details_key(moved): Reply.YES}
    assert not (await move(salon, moved, "14:30", replies=yes)).success
    assert not (await move(salon, moved, "14:45", replies=yes)).success


@pytest.mark.parametrize("clock", ["15:00", "14:00", "16:15"])
async def test_move_without_an_overlap_is_not_asked_about(salon: Salon, moved: str, clock: str) -> None:
    assert (await move(salon, moved, clock)).success
    assert (await move(salon, moved, clock)).success


async def test_different_people_may_share_a_time(salon: Salon, moved: str) -> None:
    other = await book(salon, "Föhnen", "17:00", customer_name="Otto Berg")
    assert (await move(salon, other.fields["appointment_id"], "14:30")).success


async def test_simultaneous_moves_never_overlap_for_one_person(salon: Salon) -> None:
    first = await book(salon, "Schneiden", "14:30", **ROSA)
    second = await book(salon, "Föhnen", "16:00", **ROSA)
    ids = [str(each.fields["appointment_id"]) for each in (first, second)]
    moves = await asyncio.gather(*(move(salon, each, "17:00", f"call_{each}") for each in ids))
    assert sorted(each.success for each in moves) == [False, True], [each.message for each in moves]
    (asked,) = [each.message for each in moves if not each.success]
    assert "Soll ich trotzdem dorthin verschieben?" in asked
