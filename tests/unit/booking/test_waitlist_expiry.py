"""The end of an offer of a freed time: after two hours, which do not run in the tenant's quiet hours."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from askproai_core.tenant_config.notifications import QuietHours
from askproai_runtime.book.waitlist_offers import expiry

BERLIN = ZoneInfo("Europe/Berlin")
NOON = QuietHours(begins=time(12), ends=time(15))
LATE = QuietHours(begins=time(19), ends=time(10))
NEARLY_ALWAYS = QuietHours(begins=time(19), ends=time(18, 30))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("now", "quiet", "until"),
    [
        ("2026-11-27T11:30", None, "2026-11-27T13:30"),
        ("2026-11-27T21:30", None, "2026-11-28T10:00"),
        ("2026-11-27T06:30", None, "2026-11-27T10:00"),
        ("2026-11-27T12:30", NOON, "2026-11-27T17:00"),
        ("2026-11-27T11:30", NOON, "2026-11-27T13:30"),  # the message is sent before they begin
        ("2026-11-27T19:30", LATE, "2026-11-28T12:00"),
        ("2026-11-27T22:30", LATE, "2026-11-28T12:00"),
        ("2026-11-27T07:30", LATE, "2026-11-27T12:00"),
        ("2026-11-27T10:00", NEARLY_ALWAYS, "2026-11-27T20:30"),
        ("2026-03-28T22:30", LATE, "2026-03-29T12:00"),  # the clocks change in that night
    ],
)
def test_answer_period_begins_when_asking_is_allowed(now: str, quiet: QuietHours | None, until: str) -> None:
    start = at(now) + timedelta(days=3)
    assert expiry(at(now), start, BERLIN, quiet) == at(until)


def test_no_waitlist_offer_is_open_after_its_start() -> None:
    start = at("2026-11-27T16:00")
    assert expiry(at("2026-11-27T12:30"), start, BERLIN, NOON) == start
