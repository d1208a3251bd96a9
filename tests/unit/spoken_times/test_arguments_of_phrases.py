"""The call function argument to which a phrase belongs does not depend on the day of the call."""

import weakref

import pytest

from askproai_runtime.spoken_times import Argument, Grain
from askproai_runtime.spoken_times.arguments import find_argument, find_open_span, is_understood
from tests.unit.spoken_times.notation import read_table
from tests.worlds.rows import each_row


@pytest.mark.parametrize("said", ["übermorgen, Sonntag", "in fünf Tagen am Mittwoch", "am Samstag in zehn Tagen"])
def test_weekday_with_counted_days_is_date_argument(said: str) -> None:
    assert find_argument(said) is Argument.DATE
    assert is_understood(said)


def test_weekday_counted_in_months_is_never_understood() -> None:
    assert find_argument("Dienstag in acht Monaten") is None
    assert not is_understood("Dienstag in acht Monaten")


def test_no_phrase_of_the_table_raises_an_error() -> None:
    for said, _ in read_table("phrases.txt"):
        find_argument(said)


@pytest.mark.parametrize("said", ["Krambambuli", "der 31. Februar", "25 Uhr", "Freitag und Samstag am Montag"])
def test_cached_phrase_does_not_retain_its_request(said: str) -> None:
    class Request:
        """The data of a caller."""

    def read() -> weakref.ref[Request]:
        request = Request()
        find_argument(said)
        return weakref.ref(request)

    assert [read()() for _ in range(2)] == [None, None]


@each_row(
    ("text", "open_span"),
    [
        ("Donnerstag", Grain.WEEK), ("lieber am Donnerstag um zehn", Grain.WEEK), ("am siebten", Grain.MONTH),
        ("Dienstag, den 12.", Grain.MONTH), ("nächsten Donnerstag", None), ("Donnerstag nächste Woche", None),
        ("dienstags", None), ("am 7. Januar", None), ("morgen", None), ("in zwei Wochen", None), ("um zehn", None),
        ("Dienstag oder Mittwoch", None), ("nicht am Dienstag", None), ("Krambambuli", None),
        ("nicht Donnerstag, sondern Freitag", Grain.WEEK), ("Freitag, und nicht Donnerstag", Grain.WEEK),
        ("Freitag statt Donnerstag um drei", Grain.WEEK), ("Donnerstag, nein, Freitag", Grain.WEEK),
        ("nicht am 10., sondern am 11.", Grain.MONTH), ("nicht Freitag, sondern morgen", None), ("ab Freitag", None),
    ],
)  # fmt: skip
def test_span_after_which_a_day_recurs_is_found(text: str, open_span: Grain | None) -> None:
    assert find_open_span(text) is open_span
