"""Arguments in another language than the call's: each is read separately, in the call's language first."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from askproai_core.languages import Language
from askproai_runtime.sentences import speaking
from askproai_runtime.spoken_times import Argument, Grain, Refusal, understand_parts
from askproai_runtime.spoken_times.arguments import find_open_span, find_part_argument
from askproai_runtime.spoken_times.excluded_days import find_excluded_days
from tests.worlds.rows import each_row

BERLIN = ZoneInfo("Europe/Berlin")
CALL = datetime(2026, 11, 27, 9, tzinfo=BERLIN)  # a Friday
DE, EN = Language.DE, Language.EN

TABLE = (
    (DE, "Thursday KW 50", None, ["Donnerstag, 10. Dezember 2026"]),
    (DE, "Thursday nächste Woche", None, ["Donnerstag, 3. Dezember 2026"]),
    (DE, "10. December", None, ["Donnerstag, 10. Dezember 2026"]),
    (DE, "2026-W50-4", None, ["Donnerstag, 10. Dezember 2026"]),
    (EN, "Thursday KW 50", None, ["Thursday, 10 December 2026"]),
    (EN, "Donnerstag, calendar week 50", None, ["Thursday, 10 December 2026"]),
    (EN, "Thursday of week 50", None, ["Thursday, 10 December 2026"]),
    (DE, "tomorrow", "6 pm", ["Samstag, 28. November 2026, 18:00 Uhr"]),
    (DE, "tomorrow", "18 Uhr", ["Samstag, 28. November 2026, 18:00 Uhr"]),
    (DE, "morgen", "half past three", ["Samstag, 28. November 2026, 15:30 Uhr"]),
    (DE, "Monday", "ten", ["Montag, 30. November 2026, 10:00 Uhr"]),
    (DE, "tomorrow", "halb vier", ["Samstag, 28. November 2026, 15:30 Uhr"]),
    (DE, "next week, any day except Tuesday", None, ["Montag, 30. November 2026 bis Sonntag, 6. Dezember 2026, außer dienstags"]),
    (DE, "day after tomorrow afternoon", None, ["Sonntag, 29. November 2026, Nachmittag"]),
    (DE, "next Friday", None, ["Freitag, 4. Dezember 2026"]),
    (DE, "Dec 3rd", None, ["Donnerstag, 3. Dezember 2026"]),
    (DE, "first week of January", None, ["Montag, 4. Januar 2027 bis Sonntag, 10. Januar 2027"]),
    (DE, "Tuesday, late afternoon", None, ["Dienstag, 1. Dezember 2026, 16:00 bis 18:00 Uhr"]),
    (DE, "Tuesday, not too early", None, ["Dienstag, 1. Dezember 2026, ab 10:00 Uhr"]),
    (DE, "Wednesday", "between 2 and 4", ["Mittwoch, 2. Dezember 2026, 14:00 bis 16:00 Uhr"]),
    (DE, "tomorrow morning", "9", ["Samstag, 28. November 2026, 09:00 Uhr"]),
    (EN, "übermorgen nachmittags", None, ["Sunday, 29 November 2026, afternoon"]),
    (EN, "kommenden Dienstag", None, ["Tuesday, 1 December 2026"]),
    (EN, "tomorrow", "18 Uhr", ["Saturday, 28 November 2026, 6 pm"]),
    (EN, "am 15.", "um zehn", ["Tuesday, 15 December 2026, 10 am"]),
    (EN, "heute", "gegen drei", ["Friday, 27 November 2026, about 3 pm"]),
    (EN, "Dienstag, nicht zu früh", None, ["Tuesday, 1 December 2026, from 10 am"]),
)  # fmt: skip


@each_row(("language", "date", "time", "readings"), TABLE)
def test_argument_may_be_in_either_language(language, date, time, readings):
    with speaking(language):
        understood = understand_parts(date, time, None, at=CALL, zone=BERLIN)
    assert [candidate.reading for candidate in understood.candidates] == readings


def test_half_four_in_the_other_language_is_ambiguous():
    with speaking(DE):
        assert understand_parts("tomorrow", "half four", None, at=CALL, zone=BERLIN).ambiguous


@pytest.mark.parametrize(
    ("language", "said", "refused"),
    [
        (DE, "yesterday", Refusal.PAST),
        (DE, "February 30th", Refusal.IMPOSSIBLE),
        (EN, "gestern", Refusal.PAST),
        (EN, "31. Februar", Refusal.IMPOSSIBLE),
        (DE, "the", Refusal.NOT_UNDERSTOOD),
        (EN, "die", Refusal.NOT_UNDERSTOOD),
        (DE, "whenever Bello barks", Refusal.NOT_UNDERSTOOD),
    ],
)
def test_neither_language_guesses_an_impossible_day(language, said, refused):
    with speaking(language):
        assert understand_parts(said, None, None, at=CALL, zone=BERLIN).refused is refused


def test_argument_kind_is_found_in_either_language():
    with speaking(DE):
        assert find_part_argument("half past three") is Argument.TIME
        assert find_part_argument("ten") is Argument.TIME
        assert find_part_argument("next Friday") is Argument.DATE
        assert find_open_span("Thursday") is Grain.WEEK
        assert find_excluded_days("whenever Bello barks, but not on Monday") == {0: None}
    with speaking(EN):
        assert find_part_argument("halb vier") is Argument.TIME
