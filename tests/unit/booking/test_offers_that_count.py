"""The offers that count for a request come from the transcript, or from the call's hold."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import msgspec
import pytest

from askproai_runtime.book.appointments import Appointment, NamedSlot, Status
from askproai_runtime.conversation.kept_offers import add_kept_offers
from askproai_runtime.conversation.types import CallContext, NamedTimes, Naming, Offers

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
NINE, ONE, FIVE = (datetime(2026, 12, 10, hour, tzinfo=UTC) for hour in (9, 13, 17))


def offers(staff: str, *starts: datetime) -> Offers:
    return Offers(tuple((NamedSlot("mitte", "haarschnitt", staff, start),) for start in starts), ("mehmet",))


def transcript_with(*heard: Offers) -> CallContext:
    call = CallContext("call_1", "mitte", None, NOW, "corr")
    for each in heard:
        last = tuple(slots[0].start for slots in each.slots)
        named = NamedTimes(Naming.OFFERED, last)
        call = replace(call, offered=(*call.offered, *each.slots), offered_last=last, named_last=named)
    return call


def hold(kept: Offers, status: Status = Status.HELD) -> Appointment:
    encoded = msgspec.json.encode(kept).decode() if status is Status.HELD else None
    return Appointment(uuid4(), "mitte", "haarschnitt", "anna", NINE, ONE, status, "call_1", "corr", offers=encoded)


@pytest.mark.parametrize(
    ("heard", "staff", "last"),
    [
        ((), "julia", (NINE, ONE)),
        ((offers("anna", NINE, ONE),), "anna", (NINE, ONE)),
        ((offers("anna", NINE, ONE), offers("julia", NINE, ONE)), "julia", (NINE, ONE)),
        ((offers("julia", NINE, ONE), offers("anna", FIVE)), "julia", (FIVE,)),
        ((offers("anna", FIVE),), "julia", (FIVE,)),
    ],
)
def test_transcript_outranks_kept_offers(heard: tuple[Offers, ...], staff: str, last: tuple[datetime, ...]) -> None:
    call = add_kept_offers(transcript_with(*heard), [hold(offers("julia", NINE, ONE))])
    assert call.list_offers("mitte", ONE, "haarschnitt")[0][0].staff == staff
    assert call.offered_last == last
    assert call.named_last == NamedTimes(Naming.OFFERED, last)


def test_booked_day_is_used_without_offers() -> None:
    own = [hold(Offers(), status) for status in (Status.CONFIRMED, Status.CANCELLED)]
    assert add_kept_offers(transcript_with(), own).named_last == NamedTimes(Naming.CHANGED, (NINE,))


def test_transcript_offers_are_unchanged_without_a_hold() -> None:
    call = transcript_with(offers("anna", NINE))
    assert add_kept_offers(call, []) is call
    assert add_kept_offers(call, [hold(Offers(), Status.CONFIRMED)]) is call


def test_kept_offers_name_the_excluded_staff() -> None:
    kept = [hold(offers("julia", NINE))]
    assert add_kept_offers(transcript_with(), kept).excluded_staff == {"mehmet"}
    assert add_kept_offers(transcript_with(offers("anna", ONE)), kept).excluded_staff == set()


def test_offers_of_one_start_keep_their_service() -> None:
    of = {name: ((NamedSlot("mitte", name, "anna", NINE),),) for name in ("faerben+haarschnitt", "bart")}
    kept = Offers(of["bart"], before=of["faerben+haarschnitt"])
    call = add_kept_offers(transcript_with(offers("julia", NINE)), [hold(kept)])
    assert [slot.service for (slot,) in call.list_offers("mitte", NINE)] == [
        "haarschnitt",
        "bart",
        "faerben+haarschnitt",
    ]
    assert call.list_offers("mitte", NINE, "haarschnitt+faerben") == [*of["faerben+haarschnitt"]]
    assert not call.list_offers("mitte", ONE)
