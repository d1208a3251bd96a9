"""Every phrase of `english_phrases.txt` has its stated meaning, or is asked about; the table is older than the grammar."""

from datetime import datetime
from functools import cache, partial
from zoneinfo import ZoneInfo

import pytest

from askproai_core.languages import Language
from askproai_runtime.sentences import speaking
from askproai_runtime.spoken_times import Refusal, understand, understand_parts
from tests.unit.spoken_times.notation import list_changed, read_expected, read_table, read_understood
from tests.worlds.rows import each_row

BERLIN = ZoneInfo("Europe/Berlin")
CALL = datetime(2026, 11, 20, 10, tzinfo=BERLIN)
TABLE = read_table("english_phrases.txt")
read = cache(partial(understand, at=CALL, zone=BERLIN))  # in English alone: two tests read the table


@pytest.fixture(autouse=True)
def english():
    with speaking(Language.EN):
        yield


@each_row(("phrase", "meaning"), TABLE)
def test_a_phrase_means_what_the_table_says(phrase, meaning):
    understood = read(phrase)
    readings = [candidate.reading for candidate in understood.candidates]
    assert read_understood(understood) in read_expected(meaning), readings or understood.refused


@pytest.mark.random_cases
def test_punctuation_or_please_changes_no_phrases_meaning():
    phrases = [phrase for phrase, _ in TABLE if not phrase.endswith(".")]
    assert list_changed(phrases, [".", "!", "?", ". Please."], read) == []


def test_understood_phrase_is_read_back_in_english():
    [exact] = understand("Tuesday at half past two", at=CALL, zone=BERLIN).candidates
    assert exact.reading == "Tuesday, 24 November 2026, 2:30 pm"
    [week] = understand("next week after four, but not Mondays", at=CALL, zone=BERLIN).candidates
    assert week.reading == "Monday, 23 November 2026 to Sunday, 29 November 2026, except Mondays, from 4 pm"


def test_arguments_of_a_function_are_read_as_english():
    for day, clock, minute in (("next Tuesday", "ten", 600), ("Tuesday", "14:30", 870), ("Tuesday.", "14.30.", 870)):
        meant = understand_parts(day, clock, None, at=CALL, zone=BERLIN).exact
        assert meant == datetime(2026, 11, 24, minute // 60, minute % 60, tzinfo=BERLIN)
    (candidate,) = understand_parts("next week, but not on Monday", "four", None, at=CALL, zone=BERLIN).candidates
    assert candidate.daily is not None
    assert 0 not in candidate.daily.weekdays
    assert understand_parts("Tuesday", None, "morning", at=CALL, zone=BERLIN).candidates[0].end is not None


def test_a_callers_phrase_is_read_in_one_language():
    assert understand("nächsten Dienstag um halb drei", at=CALL, zone=BERLIN).refused is Refusal.NOT_UNDERSTOOD
    with speaking(Language.DE):
        assert understand("next Tuesday at half past two", at=CALL, zone=BERLIN).refused is Refusal.NOT_UNDERSTOOD
