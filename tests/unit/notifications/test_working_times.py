"""The daily list names when a staff member works: not the time in which a customer waits."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from msgspec.structs import replace

from askproai_core.tenant_config import Segment, SegmentKind
from askproai_runtime.notifications.render import render
from askproai_runtime.notifications.types import AppointmentFacts, Kind, Recipient, State, StoredNotification
from tests.worlds.compiled_salon import salon_config
from tests.worlds.notification_environment import mail_settings, notify_business

PARTS = (Segment(15), Segment(15, SegmentKind.WAIT), Segment(15))
START = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # 2:30 in Berlin, half an hour before 3:00 becomes 2:00


@pytest.mark.parametrize(
    ("segments", "minutes", "times"),
    [
        ((), 45, "02:30–02:15"),
        (PARTS, 45, "02:30–02:45 + 02:00–02:15"),
        (PARTS, 60, "02:30–02:30"),  # booked before the service had these segments
    ],
)
def test_the_times_of_work_are_listed(segments: tuple[Segment, ...], minutes: int, times: str) -> None:
    config = salon_config(notifications=mail_settings(25, business=notify_business()))
    config = replace(config, services=(replace(config.services[0], segments=segments),))
    appointment = AppointmentFacts(
        uuid4(), "mitte", "haarschnitt", "anna", START, START + timedelta(minutes=minutes), "confirmed", 1, "Petra", None, None
    )  # fmt: skip
    row = StoredNotification(
        uuid4(), Kind.DAILY_LIST, Recipient.BUSINESS, "Email", None, {"day": "2026-10-25"}, State.WAITING, 0, START, "corr",
        appointment=None,
    )  # fmt: skip
    assert f"\n{times}, Haarschnitt, Anna, Petra" in render(row, config, [appointment]).text
