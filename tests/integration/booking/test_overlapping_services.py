"""A further booking that overlaps an appointment of the same person is asked about."""

from dataclasses import replace
from typing import Any

import pytest

from tests.worlds.booking_environment import Salon, call
from tests.worlds.overlapping_services import salon
from tests.worlds.segmented_services import at
from tests.worlds.visits import book

pytestmark = pytest.mark.nightly

__all__ = ["salon"]  # the fixture


@pytest.mark.parametrize(
    ("service", "clock", "more"),
    [
        ("Föhnen", "14:30", {}),
        ("Föhnen", "14:30", {"customer_name": "Rosa"}),
        ("Föhnen", "14:30", {"staff": "mehmet"}),
        ("Föhnen", "14:45", {}),
        ("Föhnen", "14:15", {}),
        ("Schneiden und Föhnen", "14:45", {}),
        ("Schneiden und Föhnen", "14:00", {}),
        ("Föhnen", "14:30", {"companions": [{"customer_name": "Otto Lange"}]}),
    ],
)
async def test_overlapping_service_is_asked_about(salon: Salon, service: str, clock: str, more: dict[str, Any]) -> None:
    first = await book(salon, "Schneiden", "14:30", customer_name="Rosa Lange")
    asked = await book(salon, service, clock, **{"customer_name": "Rosa Lange", **more})
    assert (asked.success, asked.fields["appointment_id"]) == (False, first.fields["appointment_id"])
    assert "um 14 Uhr 30, Schneiden bei Anna" in asked.message
    assert f"oder soll ich diesen absagen und stattdessen {service} eintragen?" in asked.message
    assert len(await salon.live()) == 1


@pytest.mark.parametrize(
    ("service", "clock", "more"),
    [
        ("Föhnen", "15:00", {}),  # one after the other, in one visit
        ("Waschen", "14:15", {}),
        ("Föhnen", "14:30", {"customer_name": "Otto Berg"}),
        ("Föhnen", "14:30", {"another": True}),
    ],
)
async def test_booking_without_an_overlap_is_made(salon: Salon, service: str, clock: str, more: dict[str, Any]) -> None:
    await book(salon, "Schneiden", "14:30", customer_name="Rosa Lange")
    second = await book(salon, service, clock, **{"customer_name": "Rosa Lange", **more})
    assert second.success, second.message
    assert len(await salon.live()) == 2


@pytest.mark.parametrize(
    ("service", "clock", "question"),
    [
        ("Schneiden", "14:30", "Dieser Termin ist schon eingetragen: {}. Soll das ein weiterer sein?"),
        (
            "Schneiden",
            "14:45",
            "Um diese Zeit ist schon ein Termin eingetragen: {}. Soll das ein weiterer sein, oder soll",
        ),
        (
            "Föhnen",
            "14:30",
            "Um diese Zeit ist schon ein Termin eingetragen: {}. Soll das ein weiterer sein, oder soll",
        ),
    ],
)
async def test_later_call_is_also_asked_about_an_overlap(salon: Salon, service: str, clock: str, question: str) -> None:
    """Who was cut off, or makes sure, says it all again: somebody else would be free at that time."""
    args = {"service": service, "start": at(clock), "customer_name": "Rosa Lange"}
    first = await book(salon, "Schneiden", "14:30", customer_name="Rosa Lange")
    later = replace(call("call_1", f"+4915{1:08}"), call_id="call_later")
    asked = await salon.booking.book_appointment(later, args)
    assert (asked.success, asked.fields["appointment_id"]) == (False, first.fields["appointment_id"])
    booked = "Freitag, den 27. November, um 14 Uhr 30, Schneiden bei Anna"
    assert asked.message.startswith(question.format(booked))
    assert (await salon.booking.book_appointment(later, args | {"another": True})).success


async def test_replacement_service_is_booked_after_the_cancellation(salon: Salon) -> None:
    first = await book(salon, "Schneiden", "14:30")
    await book(salon, "Föhnen", "14:30")
    cancelled = await salon.booking.cancel_appointment(
        call("call_1", f"+4915{1:08}"), {"appointment_id": first.fields["appointment_id"]}
    )
    assert cancelled.success
    assert (await book(salon, "Föhnen", "14:30")).success
    assert [row["service"] for row in await salon.live()] == ["foehnen"]
