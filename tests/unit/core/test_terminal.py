"""Output on a terminal has one notation of time, and tables whose cells can be copied."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from askproai_core.terminal import format_time, render_table

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("instant", "zone", "expected"),
    [
        ("2026-11-27T09:00:00+00:00", "Europe/Berlin", "Fri 27 Nov 2026 10:00 CET"),
        ("2026-07-03T08:30:59+00:00", "Europe/Berlin", "Fri 03 Jul 2026 10:30 CEST"),
        ("2026-11-27T10:00:00+01:00", "Europe/Berlin", "Fri 27 Nov 2026 10:00 CET"),
        ("2026-11-27T09:00:00+00:00", "UTC", "Fri 27 Nov 2026 09:00 UTC"),
        ("2026-11-27T09:00:00+00:00", "Asia/Dubai", "Fri 27 Nov 2026 13:00 UTC+04"),
        ("2026-11-27T10:00:00+01:00", None, "Fri 27 Nov 2026 10:00 UTC+01:00"),
    ],
)
def test_instant_has_its_weekday_and_names_its_zone(instant: str, zone: str | None, expected: str) -> None:
    assert format_time(datetime.fromisoformat(instant), ZoneInfo(zone) if zone else None) == expected


def test_utc_without_zone_is_shown_in_local_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    instant = datetime.fromisoformat("2026-11-27T09:00:00+00:00")
    shown = format_time(instant)
    assert shown == format_time(instant.astimezone(), instant.astimezone().tzinfo)


def test_time_format_shows_seconds_only_on_request() -> None:
    instant = datetime.fromisoformat("2026-11-27T09:00:07+00:00")
    assert format_time(instant, BERLIN, seconds=True) == "Fri 27 Nov 2026 10:00:07 CET"


COLUMNS = ("id", "for", "error")
ROWS = [
    ["e311b064-bcd1-4c81-b3d7-c9672b00240a", "Karl-Friedrich von Hohenzollern", "Cal.com refused the event type"],
    ["0b2f7a10-5f0e-4d2e-9a43-2f3c8d1e7b66", "Ana", ""],
]


def test_long_cell_continues_on_a_further_line() -> None:
    table = render_table(COLUMNS, ROWS, 80)
    assert table.head == ["id                                    for", "  error"]
    assert table.body == [
        "e311b064-bcd1-4c81-b3d7-c9672b00240a  Karl-Friedrich von Hohenzollern",
        "  Cal.com refused the event type",
        "0b2f7a10-5f0e-4d2e-9a43-2f3c8d1e7b66  Ana",
    ]


def test_redirected_output_has_one_line_per_row() -> None:
    table = render_table(COLUMNS, [["1", "Ana", "x" * 500], ["2", "Bo", "y"]], None)
    assert (len(table.head), len(table.body)) == (1, 2)


cells = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=60)


@given(st.lists(st.lists(cells, min_size=4, max_size=4), min_size=1, max_size=5), st.integers(20, 200))
def test_table_cuts_no_word_at_any_width(rows: list[list[str]], width: int) -> None:
    printed = "\n".join(render_table(("a", "b", "c", "d"), rows, width).body)
    words = re.split(r"\s+", printed.strip())
    assert words == [word for row in rows for cell in row for word in re.split(r"\s+", cell)]
