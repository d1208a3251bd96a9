"""Spellings of one name, and the names of two people."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from askproai_runtime.language.phrases import format_reading, join_list
from askproai_runtime.person_names import fold, proves_name, same_name
from askproai_runtime.spoken_times import understand
from tests.worlds.rows import each_row


@each_row(
    ("first", "second"),
    [
        ("Petra Müller", "petra mueller"),
        ("Frau Müller", "Petra Muller"),
        ("Dr. Groß", "Gross"),
        ("Meyer", "Maier"),
        ("Schmidt", "Schmitt"),
        ("Sofie Beck", "Sophie Beck"),
        ("Karl", "Carl"),
        ("Yılmaz", "Yilmaz"),
        ("Núñez", "Nunez"),
        ("Anna-Lena Vogt", "Anna Lena Vogt"),
        ("Annalena Vogt", "Anna-Lena Vogt"),
        ("Müller, Petra", "Petra Müller"),
        ("Frau Müller", "Sabine Müller"),
        ("Herr Schmidt", "Peter Schmitt"),
        ("P. Schmidt", "Petra Schmid"),
        ("Herr und Frau Müller", "herr und frau mueller"),
        ("Herrn Müller", "Herr Mueller"),
        ("Petra", "Petra Müller"),
        ("Mayr", "Mayer"),
        ("Meier", "Meyer"),
        ("Günther Kühn", "Guenter Kuehn"),
        ("Thomas Hoffmann", "Tomas Hofmann"),
        ("Stephan Schultz", "Stefan Schulz"),
        ("Christian Weiß", "Kristian Weis"),
        ("Sarah Jahn", "Sara Jan"),
        ("Frau", "frau"),
    ],
)
def test_spellings_of_one_name_are_equal(first: str, second: str) -> None:
    assert same_name(first, second)
    assert same_name(second, first)


@each_row(
    ("first", "second"),
    [
        ("Petra Müller", "Karl Hoffmann"),
        ("Thomas Müller", "Tobias Müller"),
        ("Anna", "Berta"),
        ("Müller", ""),
        ("Anna Schmidt", "Anna Schulze"),
        ("Peter Schmidt", "Petra Schmidt"),
        ("Martin Klein", "Martina Klein"),
        ("Jan Klein", "Jana Klein"),
        ("Christian Voss", "Christina Voss"),
        ("Andrea Koch", "Andreas Koch"),
        ("Anna Koch", "Anne Koch"),
        ("Hanna Koch", "Anna Koch"),
        ("Tim Koch", "Tom Koch"),
        ("Petra Müller", "Petra Möller"),
        ("Petra Meier", "Petra Maurer"),
        ("Petra Schmidt", "Petra Schmitz"),
        ("Herr Müller", "Frau Müller"),
        ("P. Schmidt", "Anna Schmidt"),
    ],
)
def test_names_of_two_people_differ(first: str, second: str) -> None:
    assert not same_name(first, second)
    assert not same_name(second, first)


def test_umlauts_are_folded_and_lists_joined() -> None:
    assert fold("  Färben &  Föhnen ") == "faerben foehnen"
    assert fold("FA\u0308RBEN") == fold("färben")  # composed or not
    assert join_list(["a"]) == "a"
    assert join_list(["a", "b", "c"]) == "a, b oder c"


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        ("Petra Müller", "Petra Müller"),
        ("Frau Mueller", "Petra Müller"),
        ("Müller, Petra", "Petra Müller"),
        ("Petra Müller", "Müller, Petra"),
        ("Müller", "Müller, Petra"),
        ("Hanspeter Koch", "Hans-Peter Koch"),
        ("Gerd Udo Koch", "Gerdudo Koch"),
        ("Petra Müller", "Frau Müller"),
        ("Doktor Meier", "Anna Maier"),
        ("Petra M.", "Petra M."),
        ("Thomas Herr", "Thomas Herr"),
        ("Herr Thomas Herr", "Thomas Herr"),
        ("Herr, Thomas", "Thomas Herr"),
        ("Petra Müller", "Frau Dr. Petra Müller"),
    ],
)
def test_matching_name_identifies_the_customer(said: str, stored: str) -> None:
    assert proves_name(said, stored)


@each_row(
    ("said", "stored"),
    [
        (" ".join("abcdefghijklmnopqrstuvwxyz"), "Petra Müller"),
        ("P. M.", "Petra Müller"),
        ("P. Müller", "Petra Müller"),
        ("Müller Schmidt Koch Weber", "Petra Müller"),
        ("Müller Schmidt Koch Weber", "Müller"),
        ("Koch, Müller, Weber", "Petra Müller"),
        ("Petra", "Petra Müller"),
        ("Petra Schmidt", "Petra Müller"),
        ("Herr Müller", "Frau Müller"),
        ("Frau", "Frau Müller"),
        ("Frau", "Frau"),
        ("Thomas", "Thomas Herr"),
        ("Herr Thomas", "Thomas Herr"),
        ("Herr", "Thomas Herr"),
        ("Herr Doktor", "Herr Doktor"),
        ("Eva", "Eva Professor"),
        ("", "Petra Müller"),
        ("Petra Müller", ""),
    ],
)
def test_partial_or_wrong_name_identifies_nobody(said: str, stored: str) -> None:
    assert not proves_name(said, stored)


@pytest.mark.parametrize(
    ("said", "spoken"),
    [
        ("Donnerstag um zehn", "Donnerstag, den 26. November, um 10 Uhr"),
        ("Donnerstag vormittag", "Donnerstag, den 26. November, Vormittag"),
        ("Donnerstag gegen elf", "Donnerstag, den 26. November, gegen 11 Uhr"),
        ("nächste Woche um 15:30", "Montag, den 23. November bis Sonntag, den 29. November, um 15 Uhr 30"),
        ("Donnerstag zwischen zwei und vier", "Donnerstag, den 26. November, 14 bis 16 Uhr"),
        ("nächste Woche", "Montag, den 23. November bis Sonntag, den 29. November"),
        ("am 24. November 2027 nachmittags", "Mittwoch, den 24. November 2027, Nachmittag"),
    ],
)
def test_spoken_day_is_followed_by_time_or_hours(said: str, spoken: str) -> None:
    zone, now = ZoneInfo("Europe/Berlin"), datetime(2026, 11, 20, 9, tzinfo=UTC)
    (meant,) = understand(said, at=now, zone=zone).candidates
    assert format_reading(meant, zone, now) == spoken
