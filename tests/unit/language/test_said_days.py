"""Words after an offer choose or reject a day only if they leave no doubt."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from askproai_runtime.language.said_days import read_said_days

ZONE = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 20, 8, tzinfo=ZONE)
FRIDAY = datetime(2026, 11, 27, 10, tzinfo=ZONE)
TIMES = [FRIDAY, FRIDAY + timedelta(days=1)]
F, S = (each.date() for each in TIMES)


@pytest.mark.parametrize(
    ("words", "chosen", "rejected"),
    [
        ("Samstag kann ich nicht. Geht wirklich nicht um zehn?", [], [S]),
        ("Nein, Samstag nicht. Um zehn bitte.", [], [S]),
        ("Am Samstag arbeite ich.", [], [S]),
        ("Am Samstag, da kann ich nicht.", [], [S]),
        ("Am Samstag. Da kann ich nicht.", [], []),
        ("Das geht nicht. Dann Samstag um zehn.", [S], []),
        ("Nicht Freitag, sondern Samstag um zehn.", [S], [F]),
        ("Nein, am Freitag um zehn.", [F], []),
        ("Ja, Samstag passt mir gut.", [S], []),
        ("Also nur Samstag?", [], []),
        ("Freitag wäre mir lieber als Samstag, um zehn.", [], []),
        ("Wenn Samstag frei ist, um zehn.", [], []),
    ],
)
def test_clearly_named_day_is_chosen_or_rejected(words: str, chosen: list[date], rejected: list[date]) -> None:
    said = read_said_days([words], TIMES, NOW)
    assert ([*said.chosen], [*said.rejected], said.elsewhere) == (chosen, rejected, False)


@pytest.mark.parametrize(
    ("words", "objects", "keeps"),
    [
        ("Das passt ihm nicht. Dann um vier.", True, False),
        ("Nein, um vier.", True, False),
        ("Neun ist zu früh, dann um zehn.", False, False),
        ("Kein Problem, um zehn.", False, False),
        ("Lassen Sie uns zehn Uhr nehmen.", False, False),
        ("Der Tag bleibt, nur um fünf.", False, True),
        ("Ich lasse den Tag.", False, True),
        ("Keep my day, but at five.", False, True),
    ],
)
def test_objection_to_a_day_is_recognized(words: str, objects: bool, keeps: bool) -> None:
    said = read_said_days([words], TIMES, NOW)
    assert (said.objects, said.keeps) == (objects, keeps)


@pytest.mark.parametrize(
    "words", ["Nein, lieber Montag um zehn.", "Ginge auch Montag?", "Wäre Montag besser?", "Would Monday be better?"]
)
def test_mention_of_another_day_is_noticed(words: str) -> None:
    assert read_said_days([words], TIMES, NOW).may_mean_another([F, S])
