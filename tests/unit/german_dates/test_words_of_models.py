"""Values that models make up: names with underscores, abbreviated days, and words that only fill."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from askproai_core.tenant_config import Language
from askproai_runtime.german_dates import Refusal, understand_parts
from askproai_runtime.sentences import speaking
from tests.worlds.rows import each_row

ZONE = ZoneInfo("Europe/Berlin")
AT = datetime(2026, 11, 27, 10, tzinfo=ZONE)  # a Friday
WORDS = (
    "next",
    "week",
    "late",
    "early",
    "morning",
    "after",
    "work",
    "day",
    "twenty",
    "first",
    "nächste",
    "woche",
    "so",
    "halb",
    "_",
)


@each_row(
    ("language", "date", "part", "first"),
    [
        ("de", "next_week", None, "2026-11-30"),
        ("de", "day_after_tomorrow", None, "2026-11-29"),
        ("de", "nächste_woche", None, "2026-11-30"),
        ("en", "next_week", "early_morning", "2026-11-30"),
        ("en", "übernächste_woche", None, "2026-12-07"),
        ("de", "23.12.", "das erste", "2026-12-23"),
        ("de", "23.12.", "gleich das erste in der Früh", "2026-12-23"),
        ("de", "23.12.", "so zeitig wie es geht", "2026-12-23"),
        ("en", "December 23rd", "the first one", "2026-12-23"),
        ("en", "the earliest from Monday the thirtieth on", "earliest", "2026-11-30"),
        ("en", "from 2026-11-30", "earliest", "2026-11-30"),
        ("de", "ab Montag", "früheste", "2026-11-30"),
        ("de", "So", None, "2026-11-29"),
        ("de", "so.", None, "2026-11-29"),
        ("de", "tomorrow", "not too early, not too late", "2026-11-28"),
        ("en", "Do", None, "2026-12-03"),
        ("en", "So", None, "2026-11-29"),
    ],
)
def test_a_day_of_a_model_is_read(language: str, date: str, part: str | None, first: str) -> None:
    with speaking(Language(language)):
        understood = understand_parts(date, None, part, at=AT, zone=ZONE)
    assert [f"{each.start:%Y-%m-%d}" for each in understood.candidates][:1] == [first]
    assert not understood.ambiguous


@pytest.mark.parametrize(("language", "date"), [("de", "ein Tag"), ("en", "please"), ("de", "bitte"), ("de", "_")])
def test_words_that_only_fill_are_no_day(language: str, date: str) -> None:
    with speaking(Language(language)):
        assert understand_parts(date, "10:00", None, at=AT, zone=ZONE).refused is Refusal.NOT_UNDERSTOOD


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(Language), *[st.none() | st.lists(st.sampled_from(WORDS)).map("".join) for _ in range(3)])
def test_no_words_end_the_function(language: Language, date: str | None, time: str | None, part: str | None) -> None:
    with speaking(language):
        understood = understand_parts(date, time, part, at=AT, zone=ZONE)
    assert understood.candidates or understood.refused or not (date or time or part)
