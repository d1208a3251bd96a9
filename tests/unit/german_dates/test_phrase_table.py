"""Every phrase of `phrases.txt` is understood as it says. The table was written before the grammar, from how people speak."""

import random
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from askproai_runtime.german_dates import understand
from tests.unit.german_dates.notation import read_expected, read_understood

BERLIN = ZoneInfo("Europe/Berlin")
CALL = datetime(2026, 11, 20, 10, tzinfo=BERLIN)
_LINES = Path(__file__).with_name("phrases.txt").read_text("utf-8").splitlines()
TABLE = [tuple(line.rsplit(" = ", 1)) for line in _LINES if line and not line.startswith("#")]


@pytest.mark.parametrize(("phrase", "meaning"), TABLE, ids=[phrase for phrase, _ in TABLE])
def test_a_phrase_means_what_the_table_says(phrase, meaning):
    understood = understand(phrase, at=CALL, zone=BERLIN)
    readings = [candidate.reading for candidate in understood.candidates]
    assert read_understood(understood) in read_expected(meaning), readings or understood.refused


def test_no_words_of_the_table_in_any_order_raise_an_error():
    seed = random.randrange(10**6)
    choose = random.Random(seed)
    words = " ".join(phrase for phrase, _ in TABLE).split()
    for _ in range(500):
        text = " ".join(choose.choices(words, k=choose.randint(1, 40)))
        understood = understand(text, at=CALL, zone=BERLIN)
        assert bool(understood.candidates) != (understood.refused is not None), (seed, text)
