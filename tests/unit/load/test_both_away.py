"""Of what was refused, the bench says what is not in the book: each kind of event by what it means."""

from datetime import UTC, datetime

import pytest

from tests.load.both_away import Books, Event, missing

pytestmark = pytest.mark.nightly

TEN, ELEVEN = (datetime(2026, 11, 27, hour, tzinfo=UTC) for hour in (10, 11))


@pytest.mark.parametrize(
    ("there", "here", "is_missing"),
    [
        ({"a": TEN}, {"a": TEN}, False),
        ({"a": TEN}, {}, True),
        ({"a": TEN}, {"a": ELEVEN}, True),
        ({}, {"a": TEN}, True),
        ({}, {}, False),
    ],
    ids=["created", "not here", "here at another time", "cancelled there only", "cancelled on both sides"],
)
def test_a_booking_is_in_the_book_as_it_is_at_calcom(
    there: dict[str, datetime], here: dict[str, datetime], is_missing: bool
) -> None:
    event = Event("BOOKING_CREATED", "a", 503)
    assert missing([event], Books(there, here, {})) == [event] * is_missing


@pytest.mark.parametrize(("ended", "analyzed", "count"), [(False, False, 2), (True, False, 1), (True, True, 0)])
def test_each_event_of_a_call_brings_a_part_of_it(ended: bool, analyzed: bool, count: int) -> None:
    sent = [Event(name, "call_1", 503) for name in ("call_started", "call_ended", "call_analyzed")]
    assert len(missing(sent, Books({}, {}, {"call_1": (ended, analyzed)}))) == count
    assert len(missing(sent, Books({}, {}, {}))) == 3


def test_acknowledged_event_is_not_the_polls_matter() -> None:
    sent = [Event("BOOKING_CREATED", "a", status) for status in (200, 503, None)]
    assert missing(sent, Books({"a": TEN}, {}, {})) == sent[1:]
