"""A no about some of the offered times declines exactly those, or none if its meaning is doubtful."""

import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from askproai_core.languages import Language
from askproai_runtime.language.declines import find_declined
from askproai_runtime.sentences import speaking
from tests.worlds.rows import each_row

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 20, 10, tzinfo=BERLIN)  # a Friday
NAMED = {
    name: datetime.fromisoformat(text).replace(tzinfo=BERLIN)
    for name, text in {
        "Tue10": "2026-11-24T10:00", "Tue14": "2026-11-24T14:30", "Fri8": "2026-11-27T08:30", "Fri16": "2026-11-27T16:00",
        "Mon10": "2026-11-30T10:00",
    }.items()
}  # fmt: skip
ALL = " ".join(NAMED)
TWO_TUESDAYS = {"24": NAMED["Tue10"], "1": datetime(2026, 12, 1, 10, tzinfo=BERLIN)}


def declined(said: str, named: dict[str, datetime] = NAMED, language: Language = Language.DE) -> str:
    with speaking(language):
        found = find_declined(said, named.values(), NOW)
    return " ".join(name for name, at in named.items() if at in found)


@each_row(
    ("said", "expected"),
    [
        # parts of the day
        ("Vormittags kann ich nicht.", "Tue10 Mon10"),
        ("Nein, vormittags kann ich nicht.", "Tue10 Mon10"),
        ("vormittags, da kann ich nicht", "Tue10 Mon10"),
        ("Vormittags passt mir leider gar nicht, nachmittags aber schon.", "Tue10 Mon10"),
        ("Nein, vormittags arbeite ich.", "Tue10 Mon10"),
        ("Nachmittags habe ich keine Zeit", "Tue14 Fri16"),
        ("Morgens ist mir zu früh.", "Fri8"),
        # weekdays and dates
        ("Dienstags geht es bei mir gar nicht", "Tue10 Tue14"),
        ("Am Dienstag kann ich nicht.", "Tue10 Tue14"),
        ("Nicht am Dienstag.", "Tue10 Tue14"),
        ("Am Dienstag, dem 24., kann ich nicht.", "Tue10 Tue14"),
        ("Am 24. kann ich nicht.", "Tue10 Tue14"),
        ("Am 24.11. kann ich nicht.", "Tue10 Tue14"),
        ("Am vierundzwanzigsten November habe ich leider keine Zeit.", "Tue10 Tue14"),
        ("Montag und Dienstag geht nicht", "Tue10 Tue14 Mon10"),
        ("Weder am Montag noch am Dienstag.", "Tue10 Tue14 Mon10"),
        ("Nein, Montag und Dienstag arbeite ich.", "Tue10 Tue14 Mon10"),
        ("Nein, am Montag und am Dienstag arbeite ich.", "Tue10 Tue14 Mon10"),
        ("Nächste Woche kann ich nicht", "Tue10 Tue14 Fri8 Fri16"),
        ("Am Dienstagvormittag passt mir keine der Zeiten, setzen Sie mich auf die Warteliste.", "Tue10"),
        # times
        ("Um zehn kann ich nicht.", "Tue10 Mon10"), ("Zehn ist mir zu früh.", "Tue10 Mon10"),
        ("Zehn passt mir nicht, halb drei auch nicht.", "Tue10 Tue14 Mon10"), ("Um 14:30 Uhr kann ich nicht.", "Tue14"),
        ("Vor zehn geht bei mir nichts", "Fri8"), ("nach 14 Uhr kann ich nicht", "Tue14 Fri16"),
        ("nach 16 Uhr kann ich nicht", ""),
        # times that were not offered are not declined
        ("Mittwochs kann ich nicht.", ""), ("Heute kann ich nicht.", ""), ("Am Wochenende kann ich nicht.", ""),
        # a no to all of them, except the times that are requested instead
        ("Nein.", ALL), ("Nein, da kann ich nicht.", ALL), ("Das ist mir alles zu früh.", ALL), ("Nein, einen anderen Tag.", ALL),
        ("Setzen Sie mich auf die Warteliste.", ALL),
        ("Nein, lieber nachmittags.", "Tue10 Fri8 Mon10"), ("Nein, lieber am Freitag.", "Tue10 Tue14 Mon10"),
        ("Das passt nicht so gut am Montag.", "Mon10"), ("Montag kann ich nicht und Dienstag auch nicht.", "Tue10 Tue14 Mon10"),
    ],
)  # fmt: skip
def test_spoken_no_declines_only_the_times_mentioned(said: str, expected: str) -> None:
    assert declined(said) == expected


@each_row(
    "said",
    [
        "Nicht nur vormittags.", "Außer dienstags passt mir nichts.", "Es geht nur dienstags nicht.",
        "Dienstags habe ich nichts vor.",
        "Dienstags habe ich keine Termine.", "Dienstags muss ich nicht arbeiten.", "Dienstags ist mir nicht zu früh.",
        "Dienstags kann ich nicht immer.", "Dienstag? Nein, da kann ich nicht.", "Der erste passt nicht.",
        "Die anderen auch nicht.",
        "Am 31. Februar kann ich nicht.", "Bei Frau Freitag möchte ich nicht.", "Dienstags stört mich nicht.",
        "Vormittags geht nicht, elf Uhr passt.", "Ja, vormittags kann ich nicht absagen.", "Vormittags kann ich nicht, oder?",
        "Um drei vormittags kann ich nicht.", "Nein, lieber um drei vormittags.",
        "Montag kann ich nicht und Dienstag kann ich.", "Nein, am Montag arbeite ich und am Dienstag habe ich Zeit.",
        "Am Dienstag kann ich nicht um zehn.", "Am Dienstag hab ich noch nichts.", "Am Dienstag ist mir nichts zu früh.",
        "Freitag ist weder zu früh noch zu spät.", "Dagegen spricht nichts.", "Freitag, nein.", "Freitag nein",
        "Freitag kann ich noch nicht sagen.", "Keine Vormittage.", "Freitag muss ich nicht.", "Können wir nicht den Montag nehmen",
        "Ginge nicht auch Montag",
        "Am Montag ist leider nichts frei oder",
    ],
)  # fmt: skip
def test_ambiguous_no_declines_nothing(said: str) -> None:
    assert declined(said) == ""


def test_weekday_of_two_offers_declines_neither_without_plural() -> None:
    assert declined("Am Dienstag kann ich nicht.", TWO_TUESDAYS) == ""
    assert declined("Diesen Dienstag kann ich nicht.", TWO_TUESDAYS) == "24"
    assert declined("Am kommenden Dienstag kann ich nicht.", TWO_TUESDAYS) == "24"
    assert declined("Dienstags kann ich nicht.", TWO_TUESDAYS) == "24 1"
    assert declined("Am Ersten kann ich nicht.", TWO_TUESDAYS) == "1"


def test_today_is_the_branchs_local_day() -> None:
    shortly_after_midnight = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
    assert find_declined("Heute kann ich nicht.", NAMED.values(), shortly_after_midnight) == {
        NAMED["Tue10"],
        NAMED["Tue14"],
    }


@pytest.mark.parametrize(
    ("hour", "said", "is_declined"),
    [
        (12, "Nachmittags kann ich nicht.", False), (13, "Nachmittags kann ich nicht.", False),
        (14, "Nachmittags kann ich nicht.", True), (17, "Nachmittags kann ich nicht.", False),
        (17, "Abends kann ich nicht.", True), (12, "Mittags kann ich nicht.", True), (11, "Vormittags kann ich nicht.", True),
    ],
)  # fmt: skip
def test_time_between_two_parts_of_day_is_doubtful(hour: int, said: str, *, is_declined: bool) -> None:
    at = datetime(2026, 11, 24, hour, tzinfo=BERLIN)
    assert bool(declined(said, {"it": at})) is is_declined


@each_row(
    ("said", "expected"),
    [
        ("Mornings don't work for me.", "Tue10 Fri8 Mon10"), ("I can't do Tuesdays.", "Tue10 Tue14"),
        ("Tuesday is no good.", "Tue10 Tue14"), ("Not in the morning, please.", "Tue10 Fri8 Mon10"),
        ("Ten doesn't work.", "Tue10 Mon10"), ("Neither Monday nor Tuesday.", "Tue10 Tue14 Mon10"),
        ("Not only mornings.", ""), ("Tuesdays are not too early.", ""), ("None of those.", ALL),
        ("Tuesday at ten isn't too early.", ""), ("I don't work Tuesdays.", ""), ("I never work on Tuesday.", ""),
        ("No mornings", ""), ("Monday, no.", ""), ("I can't on Monday and Tuesday I can.", ""), ("I don't see why not Monday.", ""),
        ("I don't care, Monday.", ""), ("Won't Monday work", ""), ("Mondays don't work.", "Mon10"),
        ("I can't do Monday so Tuesday.", "Mon10"),
    ],
)  # fmt: skip
def test_english_partial_declines_are_understood(said: str, expected: str) -> None:
    assert declined(said, language=Language.EN) == expected


@pytest.mark.parametrize(
    "words", ["weder ", "um zehn nicht. ", "arbeite dienstags, ", "leider nicht 1,", "nicht vorm. "]
)
def test_overlong_speech_is_not_read(words: str) -> None:
    """The event loop waits for it: one of 20,000 characters took over a second."""
    began = time.process_time()
    for length in (500, 20_000):
        assert not declined(("nein, " + words * length)[:length]) or length == 500
    assert time.process_time() - began < 0.1
