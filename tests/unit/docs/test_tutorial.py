"""Callers' words in tutorial and quick start mean a single time on any day: with two times, the agent asks and books nothing."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from askproai_runtime.spoken_times import understand

PAGE = "".join((Path(__file__).parents[3] / f"docs/{page}.md").read_text() for page in ("tutorial", "schnellstart"))
MONDAY = datetime(2026, 11, 23, 9, tzinfo=ZoneInfo("Europe/Berlin"))
SAID = re.compile(r"""(?:--say "[^"]*?|date=")((?:nächste Woche|am|morgen|übermorgen)\b[^",.]* um [\w$]+)""")
HOURS = re.search(r"for hour in ([\w ]+);", PAGE)
IS_OPEN = range(9, 18)


def list_phrases() -> list[str]:
    assert HOURS is not None
    phrases = SAID.findall(PAGE)
    return [phrase.replace("$hour", hour) for phrase in phrases for hour in HOURS[1].split() if "$hour" in phrase] + [
        phrase for phrase in phrases if "$hour" not in phrase
    ]


@pytest.mark.parametrize("day", range(7))
def test_tutorial_phrase_means_one_time_on_every_weekday(day: int) -> None:
    now, phrases = MONDAY + timedelta(days=day), list_phrases()
    assert len(phrases) > 6, phrases
    for phrase in phrases:
        found = understand(phrase, at=now, zone=MONDAY.tzinfo).candidates  # type: ignore[arg-type]
        assert len([each for each in found if each.start.hour in IS_OPEN]) == 1, (phrase, now)
