"""An instant in ISO 8601 that a program sends: read to the second, and no range of hours becomes an offset from UTC."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from askproai_runtime.spoken_times.iso import parse_instant
from tests.worlds.rows import each_row

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")


@each_row(
    "text, zone, expected",
    [
        ("2026-12-11T08:00+01:00", BERLIN, "2026-12-11T08:00:00+01:00"),
        ("2026-12-11T07:00Z", BERLIN, "2026-12-11T07:00:00+00:00"),
        ("2026-12-11T08:00:05-09:00", BERLIN, "2026-12-11T08:00:05-09:00"),  # seconds: no range has them
        ("2026-12-11T08:00-05:00", NEW_YORK, "2026-12-11T08:00:00-05:00"),  # the zone's own offset
        ("2026-12-11T04:30-05:00", NEW_YORK, "2026-12-11T04:30:00-05:00"),  # even behind an earlier hour
        ("2026-12-11T10:00-05:00", BERLIN, "2026-12-11T10:00:00-05:00"),  # a range does not end before it begins
        ("2026-12-11T08:00-08:00", BERLIN, "2026-12-11T08:00:00-08:00"),
        ("2026-12-11T08:00", BERLIN, "2026-12-11T08:00:00"),
    ],
)
def test_a_written_instant_is_read_exactly(text: str, zone: ZoneInfo, expected: str) -> None:
    assert parse_instant(text, zone) == datetime.fromisoformat(expected)


@each_row(
    "text, why",
    [
        ("2026-12-11T08:00-09:00", "a range of hours is no instant"),
        ("2026-12-11T04:30-05:00", "a range of hours is no instant"),
        ("2026-12-11T08:00-08:01", "a range of hours is no instant"),
        ("1969-12-11T08:00Z", "no year from 1970 to 2999"),
        ("Freitag um zehn", "Invalid isoformat"),
    ],
)
def test_other_texts_are_refused_as_instants(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_instant(text, BERLIN)
