"""A caller who requests the latest time is offered exactly one: the last free time within the named days."""

import pytest

from askproai_runtime.availability.slots import BusySpan, Span
from askproai_runtime.book.context import BookingSettings
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.conversation.offer_choice import Offer, choose_offer
from askproai_runtime.spoken_times import understand
from tests.worlds.opening_salon import ANNA, BERLIN, hours, local, rules, span
from tests.worlds.rows import each_row

NOW = local("2026-11-20T10:00")
OPENING = (hours("09:00", "18:00"),)


async def _offer(phrase: str, *taken: BusySpan, **service: int) -> Offer:
    async def read_busy(_window: Span) -> dict[int, list[BusySpan]]:
        return {1: sorted(taken, key=lambda each: each.start)}

    understood = understand(phrase, at=NOW, zone=BERLIN)
    assert understood.candidates, understood.refused
    request = ServiceRequest(rules(ANNA, opening=OPENING, **service), None)
    return await choose_offer(request, read_busy, NOW, understood, BookingSettings())


CHRISTMAS = "das Letzte, was vor Weihnachten geht"
EVENING, LAST_DAY = span("2026-11-26", "17:00", "18:00"), span("2026-12-23", "09:00", "18:00")


@each_row(
    ("phrase", "taken", "horizon", "start"),
    [
        (CHRISTMAS, EVENING, 60, "2026-12-23T17:00"),
        (CHRISTMAS, LAST_DAY, 60, "2026-12-22T17:00"),
        ("der letzte Termin vor Weihnachten", EVENING, 60, "2026-12-23T17:00"),
        ("der letzte Termin vor Weihnachten", EVENING, 10, "2026-11-30T17:00"),
        ("der letzte Termin am Donnerstag", EVENING, 60, "2026-11-26T16:00"),
        ("Donnerstag so spät wie möglich", EVENING, 60, "2026-11-26T16:00"),
        ("nächste Woche vormittags so spät wie möglich", EVENING, 60, "2026-11-29T11:00"),
        ("Mittwoch oder Donnerstag, so spät wie möglich", EVENING, 60, "2026-11-26T16:00"),
        ("so spät wie möglich", EVENING, 60, "2026-11-20T17:00"),
        ("der letzte Termin in diesem Jahr", EVENING, 60, "2026-12-31T17:00"),
    ],
)
async def test_the_latest_free_time_is_offered_alone(phrase: str, taken: BusySpan, horizon: int, start: str) -> None:
    offer = await _offer(phrase, taken, booking_horizon_days=horizon)
    assert [slot.start for slot in offer.slots] == [local(start)]


@pytest.mark.parametrize("phrase", ["vor Weihnachten", "so früh wie möglich", "spätestens vor Weihnachten"])
async def test_as_early_as_possible_offers_the_earliest_first(phrase: str) -> None:
    offer = await _offer(phrase)
    assert offer.slots[0].start == local("2026-11-20T10:00")
    assert len(offer.slots) > 1


async def test_earliest_free_hour_of_named_day_comes_first() -> None:
    offer = await _offer("am Donnerstag so früh wie möglich", span("2026-11-26", "09:00", "10:00"))
    assert offer.slots[0].start == local("2026-11-26T10:00")
