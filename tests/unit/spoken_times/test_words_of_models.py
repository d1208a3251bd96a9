"""Values that models invent: names with underscores, abbreviated days, and filler words."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from askproai_core.languages import Language
from askproai_runtime.sentences import speaking
from askproai_runtime.spoken_times import Refusal, understand_parts
from tests.worlds.cases import cases
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
def test_model_notation_of_a_day_is_read(language: str, date: str, part: str | None, first: str) -> None:
    with speaking(Language(language)):
        understood = understand_parts(date, None, part, at=AT, zone=ZONE)
    assert [f"{each.start:%Y-%m-%d}" for each in understood.candidates][:1] == [first]
    assert not understood.ambiguous


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize(
    "said",
    [
        "10-Dec-2026", "Dec-10-2026", "2026-Dec-10", "10/Dec/2026", "10-dec-26", "10-Dec", "10-Dez-2026", "10.Dez.2026", "10. Dez.",
        "Thu, 10-Dec-2026", "2026/Dez/10", "Dezember/10/2026",
    ],
)  # fmt: skip
def test_signs_beside_a_month_are_read(language: str, said: str) -> None:
    with speaking(Language(language)):
        (found,) = understand_parts(said, "10:00", None, at=AT, zone=ZONE).candidates
    assert f"{found.start:%Y-%m-%d %H}" == "2026-12-10 10"


@pytest.mark.parametrize("language", ["de", "en"])
@each_row(
    ("said", "hours"),
    [
        ("eleven-thirty", "11:30"),
        ("two-thirty pm", "14:30"),
        ("ten-fifteen", "10:15"),
        ("half-past-two", "14:30"),
        ("14-30 Uhr", "14:30"),
        ("10-30", "10:30"),
        ("2-30 pm", "14:30"),
        ("elf-dreißig", "11:30"),
        ("10-12", "10:00 12:00"),
        ("10 - 13 Uhr", "10:00 13:00"),
        ("10-24", "10:00 00:00"),
        ("ten-twelve", "10:00 12:00"),
    ],
)
def test_a_hyphen_joins_hours_and_minutes(language: str, said: str, hours: str) -> None:
    with speaking(Language(language)):
        (found,) = understand_parts("2026-12-11", said, None, at=AT, zone=ZONE).candidates
    assert " ".join(f"{each:%H:%M}" for each in (found.start, found.end) if each) == hours


@pytest.mark.parametrize(("language", "date"), [("de", "ein Tag"), ("en", "please"), ("de", "bitte"), ("de", "_")])
def test_filler_words_are_no_day(language: str, date: str) -> None:
    with speaking(Language(language)):
        assert understand_parts(date, "10:00", None, at=AT, zone=ZONE).refused is Refusal.NOT_UNDERSTOOD


@pytest.mark.random_cases
@settings(max_examples=cases(60, 2000), deadline=None)
@given(st.sampled_from(Language), *[st.none() | st.lists(st.sampled_from(WORDS)).map("".join) for _ in range(3)])
def test_no_model_words_raise_an_error(
    language: Language, date: str | None, time: str | None, part: str | None
) -> None:
    with speaking(language):
        understood = understand_parts(date, time, part, at=AT, zone=ZONE)
    assert understood.candidates or understood.refused or not (date or time or part)
