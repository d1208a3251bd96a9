"""The last time before a day: the day may be in one argument, and the rest of the phrase in another."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from askproai_core.languages import Language
from askproai_runtime.conversation.arguments.reading import read_arguments
from askproai_runtime.sentences import speaking
from askproai_runtime.spoken_times import understand_parts

ZONE = ZoneInfo("Europe/Berlin")
AT = datetime(2026, 11, 26, 10, tzinfo=ZONE)
EVE, NEXT = date(2026, 12, 24), date(2026, 12, 25)


@pytest.mark.parametrize(
    ("language", "said", "end"),
    [
        ("de", {"date": "2026-12-24", "time": "das Letzte vor Weihnachten"}, EVE),
        ("de", {"date": "24.12.2026", "time": "der letzte freie Termin vor dem 24.12."}, EVE),
        ("de", {"date": "2026-12-25", "part_of_day": "letzter Termin vor Weihnachten"}, EVE),
        ("de", {"date": "2026-12-24", "wish": "so spät wie möglich vor dem 24."}, EVE),
        ("de", {"date": "2026-12-24", "wunsch": "der letzte Termin bis zum 24.12."}, NEXT),
        ("de", {"date": "vor dem 24.12.", "wish": "der letzte"}, EVE),
        ("de", {"date": "spätestens am 24.12.", "time": "so spät wie möglich"}, NEXT),
        ("de", {"wish": "das Letzte vor Weihnachten"}, EVE),
        ("en", {"date": "2026-12-24", "time": "latest before Christmas"}, EVE),
        ("en", {"date": "before December 24th", "time": "latest"}, EVE),
        ("en", {"date": "2026-12-24", "wish": "last slot by December 24th"}, NEXT),
        ("en", {"date": "latest by Dec 24"}, NEXT),
        ("en", {"date": "before 2026-12-24", "wish": "the latest"}, EVE),
    ],
)  # fmt: skip
def test_last_slot_before_a_day_excludes_that_day(language: str, said: dict[str, str], end: date) -> None:
    with speaking(Language(language)):
        values = read_arguments("check_availability", said).values
        found = understand_parts(*map(values.get, ("date", "time", "part_of_day")), at=AT, zone=ZONE)
    (candidate,) = found.candidates
    assert candidate.end is not None
    assert (candidate.end.date(), candidate.latest, found.unclear) == (end, True, None)


def test_argument_without_a_known_meaning_is_unread() -> None:
    read = read_arguments("check_availability", {"date": "2026-12-24", "wish": "Fensterplatz"})
    assert (read.values, read.unread) == ({"date": "2026-12-24"}, {"wish": "Fensterplatz"})


@pytest.mark.parametrize("time", ["vor 12 Uhr", "bis 12 Uhr"])
def test_hour_limit_does_not_shift_the_day(time: str) -> None:
    (candidate,) = understand_parts("2026-12-24", time, None, at=AT, zone=ZONE).candidates
    assert candidate.start.date() == EVE


def test_date_beyond_the_spoken_bound_is_a_contradiction() -> None:
    assert understand_parts("2026-12-30", "vor dem 24.12.", None, at=AT, zone=ZONE).contradicts
