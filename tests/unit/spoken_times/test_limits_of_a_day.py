"""Limits behind a day, and corrected days: the understood day is kept, and no other day is meant."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from askproai_core.languages import Language
from askproai_runtime.sentences import speaking
from askproai_runtime.spoken_times import Argument, Refusal, understand, understand_parts
from tests.worlds.rows import each_row

BERLIN = ZoneInfo("Europe/Berlin")
CALL = datetime(2026, 11, 27, 9, tzinfo=BERLIN)  # a Friday
DE, EN = Language.DE, Language.EN


def read(language: Language, phrase: str) -> list[str]:
    with speaking(language):
        return [candidate.reading for candidate in understand(phrase, at=CALL, zone=BERLIN).candidates]


@each_row(
    ("language", "phrase", "readings"),
    [
        (DE, "Samstag in einer Woche, aber nicht vor zehn", ["Samstag, 5. Dezember 2026, ab 10:00 Uhr"]),
        (DE, "Samstag in einer Woche, aber keinesfalls vor zehn", ["Samstag, 5. Dezember 2026, ab 10:00 Uhr"]),
        (DE, "Freitag in acht Tagen, aber bitte nicht nachmittags", ["Freitag, 4. Dezember 2026, bis 12:00 Uhr"]),
        (DE, "Samstag, neun Uhr oder direkt danach", ["Samstag, 28. November 2026, ab 09:00 Uhr"]),
        (DE, "Samstag um neun oder gleich danach", ["Samstag, 28. November 2026, ab 09:00 Uhr"]),
        (DE, "Samstag, 9 Uhr oder kurz danach", ["Samstag, 28. November 2026, ab 09:00 Uhr"]),
        (DE, "Samstag, 9 Uhr oder etwas später", ["Samstag, 28. November 2026, ab 09:00 Uhr"]),
        (DE, "Samstag, elf Uhr oder kurz davor", ["Samstag, 28. November 2026, bis 11:00 Uhr"]),
        (EN, "Saturday at nine or right after", ["Saturday, 28 November 2026, from 9 am"]),
        (EN, "Saturday at nine or a little later", ["Saturday, 28 November 2026, from 9 am"]),
        (EN, "Saturday, 11 am or just before", ["Saturday, 28 November 2026, until 11 am"]),
        (DE, "Mittwoch, aber erst nach 14 Uhr", ["Mittwoch, 2. Dezember 2026, ab 14:00 Uhr"]),
        (DE, "Mittwoch, aber nicht nach drei", ["Mittwoch, 2. Dezember 2026, bis 15:00 Uhr"]),
        (DE, "Donnerstag, nicht vor elf und nicht nach vier", ["Donnerstag, 3. Dezember 2026, 11:00 bis 16:00 Uhr"]),
        (DE, "Donnerstag, bloß nicht vormittags", ["Donnerstag, 3. Dezember 2026, ab 12:00 Uhr"]),
        (DE, "Donnerstag, allerdings nicht abends", ["Donnerstag, 3. Dezember 2026, bis 17:00 Uhr"]),
        (EN, "Saturday in a week, but not before ten", ["Saturday, 5 December 2026, from 10 am"]),
        (EN, "a week from today, but not in the morning", ["Friday, 4 December 2026, from 12 pm"]),
        (EN, "Wednesday, but only after 2 pm", ["Wednesday, 2 December 2026, from 2 pm"]),
        (EN, "Thursday, just not before nine and not after twelve", ["Thursday, 3 December 2026, 9 am to 12 pm"]),
    ],
)
def test_a_limit_bounds_the_hours_of_its_day(language, phrase, readings):
    assert read(language, phrase) == readings


def test_eight_days_from_today_keep_both_readings():
    assert read(DE, "heute in acht Tagen, aber nicht vormittags") == [
        "Freitag, 4. Dezember 2026, ab 12:00 Uhr",
        "Samstag, 5. Dezember 2026, ab 12:00 Uhr",
    ]


@pytest.mark.parametrize(
    ("language", "phrase", "readings"),
    [
        (DE, "morgen, ach nein, da kann ich nicht, am Samstag drauf", ["Samstag, 5. Dezember 2026"]),
        (DE, "Montag, ach nein, da muss ich arbeiten, den Dienstag drauf", ["Dienstag, 1. Dezember 2026"]),
        (DE, "übermorgen, ach Quatsch, da bin ich weg, am Dienstag danach", ["Dienstag, 1. Dezember 2026"]),
        (DE, "heute, nein, das schaffe ich nicht, morgen", ["Samstag, 28. November 2026"]),
        (EN, "tomorrow, oh no, I can't, the Saturday after", ["Saturday, 5 December 2026"]),
        (EN, "tomorrow, no wait, I'm busy, Monday instead", ["Monday, 30 November 2026"]),
    ],
)
def test_corrected_day_is_not_asked_about_again(language, phrase, readings):
    assert read(language, phrase) == readings


@pytest.mark.parametrize("phrase", [
    "Montag, da habe ich keine Zeit", "morgen, ach nein, da muss ich arbeiten", "nicht vormittags",
    "Montag, nein, da kann ich nicht",
])  # fmt: skip
def test_withdrawn_day_leaves_no_candidate(phrase):
    assert read(DE, phrase) == []


@pytest.mark.parametrize(
    ("language", "phrase"),
    [
        (DE, "Dienstag, aber nicht um drei"),
        (DE, "Dienstag, aber nicht um drei, wenn Bello bellt"),
        (DE, "Dienstag, aber nicht zwischen zwölf und zwei"),
        (EN, "Tuesday, but not between twelve and two"),
        (DE, "Tuesday, but not between twelve and two"),
    ],
)
def test_unclear_hour_limit_does_not_discard_the_day(language, phrase):
    with speaking(language):
        understood = understand_parts(phrase, None, None, at=CALL, zone=BERLIN)
    assert (understood.refused, understood.unclear) == (Refusal.NOT_UNDERSTOOD, Argument.TIME)
    assert [each.start.date().isoformat() for each in understood.kept] == ["2026-12-01"]


@pytest.mark.parametrize(
    "phrase", ["Dienstag, nein, Bello bellt", "Dienstag, Bello bellt Mittwoch", "Dienstag, da habe ich keine Zeit"]
)
def test_possibly_withdrawn_day_is_dropped(phrase):
    assert understand_parts(phrase, None, None, at=CALL, zone=BERLIN).kept == ()


@pytest.mark.parametrize(
    ("clock", "bound"),
    [
        ("10:00", "ab 10:00"), ("10:00", "ab 09:00"), ("10:00", "bis 10:45"), ("10:00", "bis 12:00"), ("10:00", "bis 10:00"),
        ("10:00", "10:00 - 12:00"), ("14:00", "nicht vormittags"), ("10:00", "nicht nachmittags"), ("10:00", "after 9"),
        ("10:00", "not in the afternoon"), ("10:00", "not before 9"), ("09:00", "nicht nach zehn"),
    ],
)  # fmt: skip
def test_time_within_its_bound_is_accepted(clock, bound):
    understood = understand_parts("2026-12-10", clock, bound, at=CALL, zone=BERLIN)
    alone = understand_parts("2026-12-10", clock, None, at=CALL, zone=BERLIN)
    assert (understood.exact, understood.refused) == (alone.exact, None)


@pytest.mark.parametrize(
    ("clock", "bound"),
    [("10:00", "ab 11:00"), ("10:00", "bis 9:00"), ("10:00", "nicht vormittags"), ("ab 16:00", "vormittags")],
)
def test_time_outside_its_bound_is_asked_about(clock, bound):
    assert understand_parts("2026-12-10", clock, bound, at=CALL, zone=BERLIN).contradicts


@pytest.mark.parametrize("words", ["zwei Wochen später", "zwei Wochen später um 10", "two weeks later"])
def test_counted_days_beside_a_date_are_not_understood(words):
    understood = understand_parts("2026-12-10", words, None, at=CALL, zone=BERLIN)
    assert understood.refused is Refusal.NOT_UNDERSTOOD


@pytest.mark.parametrize(("clock", "is_meant"), [("10:00", False), ("10:30", True)])
def test_later_than_a_time_excludes_that_time(clock, is_meant):
    understood = understand_parts("2026-12-10", clock, "später als 10 Uhr", at=CALL, zone=BERLIN)
    assert understood.contradicts is not is_meant
