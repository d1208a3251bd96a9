"""A sentence is right for whatever a business calls its services, and for each day."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from askproai_core.languages import Language
from askproai_runtime.sentences import format_day, format_spoken, say, service_as_subject, speaking


@pytest.mark.parametrize(
    ("name", "german", "english"),
    [
        ("Haarschnitt", "Haarschnitt kostet 5 Euro", "Haarschnitt costs 5 Euro"),
        ("Strähnen", "Strähnen: das kostet 5 Euro", "Strähnen: that costs 5 Euro"),
        ("Färben", "Färben: das kostet 5 Euro", "Färben: that costs 5 Euro"),
        ("Extensions", "Extensions: das kostet 5 Euro", "Extensions: that costs 5 Euro"),
        ("Highlights (half)", "Highlights (half): das kostet 5 Euro", "Highlights (half): that costs 5 Euro"),
        ("Schnitt und Bart", "Schnitt und Bart: das kostet 5 Euro", "Schnitt und Bart: that costs 5 Euro"),
        ("Nägel", "Nägel: das kostet 5 Euro", "Nägel: that costs 5 Euro"),
        ("Ölwechsel", "Ölwechsel kostet 5 Euro", "Ölwechsel costs 5 Euro"),
        ("Kinder", "Kinder: das kostet 5 Euro", "Kinder: that costs 5 Euro"),
    ],
)
def test_verb_agrees_with_the_services_name(name: str, german: str, english: str) -> None:
    for language, expected in ((Language.DE, german), (Language.EN, english)):
        with speaking(language):
            assert say().costs.format(service=service_as_subject(name), price="5 Euro") == expected


def test_days_as_subjects_are_in_the_nominative() -> None:
    day, today = date(2026, 12, 3), date(2026, 11, 27)
    assert format_day(day, today, as_subject=True) == "Donnerstag, der 3. Dezember"
    assert format_day(day, today) == "Donnerstag, den 3. Dezember"
    at = datetime(2026, 12, 3, 9, tzinfo=UTC)
    with speaking(Language.EN):
        assert format_spoken(at, ZoneInfo("Europe/Berlin"), at, as_subject=True) == "Thursday, 3 December at 10 am"
