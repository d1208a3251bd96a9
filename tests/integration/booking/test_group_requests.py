"""Requests for groups as models write them: names in another order, no service, or the caller among the companions."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from askproai_core.tenant_config.config import BookingLimits
from askproai_core.tenant_config.services import Segment
from askproai_core.tenant_config.vocabulary import SegmentKind
from askproai_runtime.conversation.types import FunctionOutcome
from tests.worlds.booking_environment import Salon
from tests.worlds.groups import (
    COLOUR,
    CUT,
    MIA,
    block,
    book,
    book_heard,
    booked,
    caller,
    heard,
    look,
    salon,
    starts_by_name,
)
from tests.worlds.segmented_services import at, with_services

pytestmark = pytest.mark.nightly

ROSA = {"customer_name": "Rosa Rot"}
BEN = {"customer_name": "Ben Rot"}
WITH_WAIT = msgspec.structs.replace(
    COLOUR, segments=(Segment(20), Segment(20, SegmentKind.WAIT), Segment(20)), buffer_after_minutes=0
)
__all__ = ["salon"]


async def test_group_with_swapped_names_is_the_same_group(salon: Salon) -> None:
    await block(salon, "mehmet", "10:00")
    await look(salon, {})
    assert (await book(salon, "10:00", MIA)).success
    assert (await starts_by_name(salon))["Mia Rot"] == "09:40"
    swapped = await book(salon, "10:00", ROSA, customer_name="Mia Rot")
    assert (swapped.outcome, len(await booked(salon))) == (FunctionOutcome.ALREADY_BOOKED, 3), swapped.message


async def test_changed_group_offer_is_not_called_taken(salon: Salon) -> None:
    await block(salon, "mehmet", "10:00")
    offer = await look(salon, {})
    assert "um 10 Uhr bei Anna und um 10 Uhr 40" in offer.message
    (row,) = await salon.rows("SELECT id FROM appointments WHERE customer_name = 'Fremd'")
    await salon.cancel(str(row["id"]))
    await salon.pool.execute("UPDATE claims SET expires_at = clock_timestamp() WHERE state = 'held'")
    await block(salon, "anna", "10:40", number=91)
    await block(salon, "mehmet", "10:40", number=92)
    late = await book_heard(salon, heard(offer), "10:00", companions=[MIA])
    assert late.message.startswith("So, wie ich es angeboten hatte, geht es leider nicht mehr. Frei ist "), late.message
    assert "um 10 Uhr bei Anna und Mehmet" in late.message
    assert not late.success


async def test_unclear_service_of_each_companion_is_asked(salon: Salon) -> None:
    """The order of the names would be a guess, since the offer has no name for the first person."""
    offer = await look(salon, {"service": "Färben"}, {"service": "Haarschnitt"})
    asked = await book_heard(salon, heard(offer), "10:00", companions=[BEN, MIA])
    assert asked.message == "Wer bekommt welche Leistung?"
    assert await booked(salon) == []
    answer = await book_heard(salon, heard(offer), "10:00", companions=[BEN, {"service": "Färben", **MIA}])
    assert answer.success, answer.message
    assert "Färben bei Anna für Mia Rot" in answer.message
    assert "Haarschnitt bei Mehmet für Ben Rot" in answer.message
    agreed = offer.fields["slots"][0]
    expected = [agreed["start"], *(each["start"] for each in agreed["companions"])]
    assert sorted(each["start"] for each in answer.fields["appointments"]) == sorted(expected), "in whatever order"


async def test_offered_group_is_remembered_without_the_transcript(salon: Salon) -> None:
    await look(salon, {"service": "Färben"})
    alone = await book_heard(salon, caller(), "10:00")
    assert alone.message == "Auf welchen Namen darf ich den anderen Termin eintragen? Oder kommen Sie allein?"
    assert await booked(salon) == []
    answer = await book_heard(salon, caller(), "10:00", companions=[MIA])
    assert "Färben bei Anna für Mia Rot" in answer.message, "what was offered to her"
    await look(salon, {}, number=2, time="14 Uhr")
    assert (await book_heard(salon, caller(2), "14:00", companions=[])).success, "alone after all"
    await look(salon, {}, number=3, time="16 Uhr")
    assert (await book_heard(salon, caller(3), "16:00", companions=[MIA])).success, "one service for all is certain"


async def test_caller_listed_as_companion_is_asked_about(salon: Salon) -> None:
    asked = await book(salon, "10:00", {"customer_name": "rosa rot"})
    assert asked.message == "Soll ich 2 Termine für Rosa Rot eintragen, oder nur einen?"
    assert await booked(salon) == []
    assert (await book(salon, "10:00", ROSA, another=True)).success, "two cars have one owner"
    assert (await book(salon, "10:00", ROSA, another=True)).outcome == FunctionOutcome.ALREADY_BOOKED
    assert [name for _, _, name in await booked(salon)] == ["Rosa Rot", "Rosa Rot"]


@pytest.mark.parametrize("name", ["meine Tochter", "Tochter", "my daughter", "Person 2", "zweite Person", "2"])
async def test_description_instead_of_a_name_is_asked_about(salon: Salon, name: str) -> None:
    answer = await book(salon, "10:00", {"customer_name": name, "service": "Haarschnitt"})
    assert answer.message == "Auf welchen Namen darf ich den anderen Termin eintragen?"
    assert await booked(salon) == []


async def test_corrected_group_is_asked_about_as_a_whole(salon: Salon) -> None:
    await book(salon, "10:00", MIA)
    answer = await book(salon, "12:00", MIA)
    assert answer.message == (
        "Es sind schon Termine eingetragen: Freitag, den 27. November, um 10 Uhr, Haarschnitt bei Anna für"
        " Rosa Rot und Freitag, den 27. November, um 10 Uhr, Haarschnitt bei Mehmet für Mia Rot. Sollen das weitere sein?"
        " Sonst ändere ich einen nach dem anderen: Welchen zuerst?"
    )
    assert answer.fields["choices"] == ["further"], "each is moved by its own id"
    assert [each["customer_name"] for each in answer.fields["appointments"]] == ["Rosa Rot", "Mia Rot"]
    for each in answer.fields["appointments"]:
        moving = {"appointment_id": each["appointment_id"], "start": at("12:00")}
        assert (await salon.booking.reschedule_appointment(caller(), moving)).success
    assert {start for start, _, _ in await booked(salon)} == {"11:00"}
    assert (await book(salon, "12:00", MIA)).outcome == FunctionOutcome.ALREADY_BOOKED


async def test_booking_limit_refuses_a_group_as_a_whole(salon: Salon) -> None:
    config = salon.configs[-1]
    assert (await book(salon, "09:00", customer_name="Solo")).success
    for limits, sentence in (
        (
            BookingLimits(per_call=2),
            "In einem Gespräch kann ich nicht mehr als 2 Termine eintragen, gebucht habe ich also",
        ),
        (
            BookingLimits(per_caller_and_day=2),
            "So viele Termine kann ich heute für Ihre Rufnummer nicht mehr eintragen, ",
        ),
    ):
        salon.apply_config(msgspec.structs.replace(config, booking_limits=limits))
        answer = await book(salon, "10:00", MIA)
        assert (answer.outcome, answer.message.startswith(sentence)) == (FunctionOutcome.LIMITED, True), answer.message
    salon.apply_config(msgspec.structs.replace(config, booking_limits=BookingLimits(anonymous_per_hour=1)))
    withheld = replace(caller(2), caller=None)
    answer = await book_heard(salon, withheld, "10:00", companions=[MIA])
    assert "kann ich im Moment nicht so viele Termine eintragen, gebucht habe ich also keinen davon." in answer.message
    assert len(await booked(salon)) == 1, "the one that would fit is not booked, either"


async def test_group_holds_are_limited_like_single_callers_holds(salon: Salon) -> None:
    with_anna: dict[str, Any] = {"staff": "Anna"}
    for number in range(1, 5):
        await look(salon, with_anna, with_anna, staff="Anna", time=None, number=number)
    (row,) = await salon.rows(
        "SELECT count(*) AS held FROM claims WHERE state = 'held' AND expires_at > clock_timestamp()"
    )
    assert row["held"] == 6, "as many times of one staff member and day as single callers hold"


async def test_total_length_of_a_group_is_said(salon: Salon) -> None:
    salon.apply_config(with_services(salon.configs[-1], CUT, WITH_WAIT))
    offer = await look(salon, {"staff": "Anna"}, service="Färben", staff="Anna")
    assert "um 10 Uhr bei Anna und um 11 Uhr bei Anna" in offer.message
    assert "Das dauert insgesamt 2 Stunden." in offer.message, "not the hour of one of them"
    answer = await book_heard(salon, heard(offer), "10:00", service="Färben", staff="Anna", companions=[MIA])
    for each in ("Rosa Rot", "Mia Rot"):
        assert f"Der Termin für {each} dauert insgesamt eine Stunde, bis " in answer.message
