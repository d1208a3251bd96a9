"""Regional words, and words that a caller takes back or explains: read if unambiguous, otherwise asked about."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from askproai_runtime.spoken_times import Refusal, understand
from tests.unit.spoken_times.notation import read_expected, read_understood

BERLIN = ZoneInfo("Europe/Berlin")
CALL = datetime(2026, 11, 20, 10, tzinfo=BERLIN)
MEANT = {
    "heit no um viere": "20.11. 16:00",
    "am Samschdag um zehne": "21.11. 10:00",
    "am Middwoch auf d'Nacht": "25.11. abend",
    "Dunnerschdag um dreie": "26.11. 15:00",
    "am Dienschtag de achte": "8.12.",
    "in a halben Stund": "20.11. 10:30",
    "jede Woche am Dienstag": "jetzt- nur Di",
    "nicht diesen, sondern nächsten Montag": "23.11. / 30.11. | 30.11. | 23.11.",
    "Dienstag, nein, da geht's leider nicht, Donnerstag um elf": "26.11. 11:00",
    "Moment, ich schau mal kurz im Kalender, Dienstag um zwölf": "24.11. 12:00",
    "am Montag, Entschuldigung, am Dienstag meine ich": "24.11.",
    "Dienstag um drei, falls Sie da geöffnet haben": "24.11. 15:00",
    "wann geht's am ehesten": "jetzt-",
    "nur sonntags, unter der Woche muss ich arbeiten": "jetzt- nur So",
}
# Each is near to one that is understood, and can mean two things, or leaves nothing.
ASKED = (
    "bis zwei bin ich daheim, danach gern",
    "Montag, nein, da kann ich nicht",
    "nicht nächsten, sondern übernächsten",
    "falls Sie da offen haben",
    "Mittwoch, unter der Woche arbeite ich",
    "wir sind zu viert, Donnerstag um drei oder vier Personen",
    "jede Woche am Mittwoch oder Donnerstag",
    "Samstag geht nicht, unter der Woche arbeite ich",
    "nicht samstags, unter der Woche arbeite ich",
    "ich muss um sechs am Bahnhof sein",
)


@pytest.mark.parametrize(("phrase", "meaning"), MEANT.items(), ids=MEANT)
def test_a_spoken_form_is_understood(phrase: str, meaning: str) -> None:
    understood = understand(phrase, at=CALL, zone=BERLIN)
    assert read_understood(understood) in read_expected(meaning), understood


@pytest.mark.parametrize("phrase", ASKED)
def test_similar_unclear_phrase_is_not_understood(phrase: str) -> None:
    assert understand(phrase, at=CALL, zone=BERLIN).refused is Refusal.NOT_UNDERSTOOD
