"""The calendar file of each mail opens in a program that shares nothing with the library that writes it (`vobject`)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import vobject

from askproai_runtime.notifications.types import AppointmentFacts, Kind, Recipient
from tests.worlds.composed_mails import EMMA, calendar_file_of, compose

BERLIN = ZoneInfo("Europe/Berlin")
# Berlin's clock goes back at 3:00 on 25 October 2026, and forward at 2:00 on 28 March 2027.
STARTS = {
    "in summer": (datetime(2026, 7, 15, 14, 30, tzinfo=BERLIN), "2026-07-15T12:30:00Z"),
    "in winter": (datetime(2026, 12, 15, 14, 30, tzinfo=BERLIN), "2026-12-15T13:30:00Z"),
    "the day before the clock goes back": (datetime(2026, 10, 24, 10, tzinfo=BERLIN), "2026-10-24T08:00:00Z"),
    "the day on which it went back": (datetime(2026, 10, 25, 10, tzinfo=BERLIN), "2026-10-25T09:00:00Z"),
    "the first of two hours of a name": (datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN), "2026-10-25T00:30:00Z"),
    "the second of them": (datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1), "2026-10-25T01:30:00Z"),
    "the day before the clock goes forward": (datetime(2027, 3, 27, 10, tzinfo=BERLIN), "2027-03-27T09:00:00Z"),
    "the day on which it went forward": (datetime(2027, 3, 28, 10, tzinfo=BERLIN), "2027-03-28T08:00:00Z"),
}
LENGTH = timedelta(minutes=45)


def opened(mail: EmailMessage) -> tuple[str, Any]:
    """Return the method of a mail's file and its only event, as another program reads them."""
    (calendar,) = vobject.readComponents(calendar_file_of(mail).decode())
    (event,) = calendar.vevent_list
    return calendar.method.value, event


def facts_at(start: datetime, version: int, status: str = "confirmed") -> AppointmentFacts:
    begin = start.astimezone(UTC)
    return replace(EMMA, starts_at=begin, ends_at=begin + LENGTH, version=version, status=status)


@pytest.mark.parametrize(("start", "instant"), STARTS.values(), ids=STARTS)
def test_foreign_library_parses_our_calendar_file(start: datetime, instant: str) -> None:
    first, moved_to = datetime.fromisoformat(instant), datetime.fromisoformat(instant) + timedelta(days=1, hours=2)
    changes = [
        (Kind.BOOKED, facts_at(start, 1), first, "REQUEST", "CONFIRMED"),
        (Kind.MOVED, facts_at(moved_to, 2), moved_to, "REQUEST", "CONFIRMED"),
        (Kind.CANCELLED, facts_at(moved_to, 3, "cancelled"), moved_to, "CANCEL", "CANCELLED"),
    ]
    uids, sequences = set[str](), list[int]()
    for kind, facts, begins, expected_method, status in changes:
        mail = compose(kind, Recipient.CUSTOMER, facts)
        method, event = opened(mail)
        assert (method, event.status.value) == (expected_method, status)
        assert [part.get_param("method") for part in mail.walk() if part.get_content_type() == "text/calendar"] == [
            method
        ]
        assert (event.dtstart.value, event.dtend.value) == (begins, begins + LENGTH)
        assert event.summary.value == "Haarschnitt bei Salon Müller"
        assert event.location.value == "Torstraße 1, 10119 Berlin"
        assert event.organizer.value == "mailto:termine@salon-mueller.example"
        assert event.organizer.params["CN"] == ["Salon Müller"]
        uids.add(event.uid.value)
        sequences.append(int(event.sequence.value))
    assert uids == {f"{EMMA.id}@askproai.de"}
    assert sequences == [0, 1, 2]
