"""docs/demo-agent.md promises only times that the grammar of the product understands, and names those that it does not."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from askproai_runtime.german_dates import Understanding, understand_parts
from askproai_sandbox.caller.catalogue import Catalogue
from askproai_sandbox.caller.sentence import read_sentence

PAGE = (Path(__file__).parents[3] / "docs/demo-agent.md").read_text()
BERLIN = ZoneInfo("Europe/Berlin")
SATURDAY_NIGHT = datetime(2026, 11, 21, 2, 30, tzinfo=BERLIN)


def list_phrases(heading: str) -> Iterator[str]:
    """Yield what is in quotes in the table of a section."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    for row in re.findall(r"^\|.*\|$", section, re.MULTILINE):
        yield from re.findall(r'"([^"]+)"', row)


def interpret(phrase: str) -> Understanding | None:
    """Read a phrase as the demo's agent does, and interpret its times as the pods do. None if it names no time."""
    when = read_sentence(phrase, Catalogue()).when
    if not when:
        return None
    parts = [when.get(name) for name in ("date", "time", "part_of_day")]
    return understand_parts(*parts, at=SATURDAY_NIGHT, zone=BERLIN)


@pytest.mark.parametrize("phrase", list(list_phrases("What it understands")))
def test_every_time_that_the_page_promises_is_understood(phrase: str) -> None:
    understood = interpret(phrase)
    assert understood is None or understood.candidates, understood


def test_the_row_about_times_has_times() -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith("| name a time"))
    assert [phrase for phrase in re.findall(r'"([^"]+)"', row) if interpret(phrase) is None] == []


@pytest.mark.parametrize("phrase", list(list_phrases("What your tenant's pods refuse")))
def test_every_time_that_the_page_excludes_is_passed_on_and_refused(phrase: str) -> None:
    understood = interpret(phrase)
    assert understood is not None, "the demo's agent drops it"
    assert understood.refused is not None, "the page can promise it"
