"""Times and spans as people read them: each says its day, and only the clock times that it has."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from askproai_core.languages import Language
from askproai_runtime.sentences import format_call_back, format_written_span

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("start", "end", "german", "english"),
    [
        ("2026-11-25T17:00", None, "Mittwoch, 25. November 2026, 17:00 Uhr", "Wednesday, 25 November 2026, 17:00"),
        ("2026-11-25T17:00", "2026-11-26", "Mittwoch, 25. November 2026, ab 17:00 Uhr", "Wednesday, 25 November 2026, from 17:00"),
        (
            "2026-11-25", "2026-11-25T12:00",
            "Mittwoch, 25. November 2026, bis 12:00 Uhr", "Wednesday, 25 November 2026, until 12:00",
        ),
        (
            "2026-11-25T13:00", "2026-11-25T17:30",
            "Mittwoch, 25. November 2026, 13:00 bis 17:30 Uhr", "Wednesday, 25 November 2026, 13:00 to 17:30",
        ),
        ("2026-11-25", "2026-11-26", "Mittwoch, 25. November 2026", "Wednesday, 25 November 2026"),
        (
            "2026-11-30", "2026-12-05",
            "Montag, 30. November 2026 bis Freitag, 4. Dezember 2026", "Monday, 30 November 2026 to Friday, 4 December 2026",
        ),
        (
            "2026-11-30T12:00", "2026-12-01",
            "Montag, 30. November 2026, ab 12:00 Uhr", "Monday, 30 November 2026, from 12:00",
        ),
        (
            "2026-11-30T12:00", "2026-12-02",
            "Montag, 30. November 2026, 12:00 Uhr bis Dienstag, 1. Dezember 2026, 24:00 Uhr",
            "Monday, 30 November 2026, 12:00 to Tuesday, 1 December 2026, 24:00",
        ),
    ],
)  # fmt: skip
def test_span_says_its_days_and_bounding_times(start: str, end: str | None, german: str, english: str) -> None:
    first, last = at(start), at(end) if end else None
    assert format_written_span(first, last, Language.DE) == german
    assert format_written_span(first, last, Language.EN) == english


def test_callback_time_has_the_callers_words() -> None:
    understood = format_call_back("morgen um fünf", at("2026-11-25T17:00"), None, Language.DE)
    assert understood == "Mittwoch, 25. November 2026, 17:00 Uhr („morgen um fünf“)"
    assert format_call_back("egal wann", None, None, Language.DE) == "egal wann"
    assert format_call_back(None, None, None, Language.DE) == ""
