"""Days named beside other days: excluded, counted from another day, around a date, or each at several times."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from askproai_core.languages import Language
from askproai_runtime.sentences import speaking
from askproai_runtime.spoken_times import Refusal, understand, understand_parts
from tests.worlds.rows import each_row

BERLIN = ZoneInfo("Europe/Berlin")
CALL = datetime(2026, 11, 27, 9, tzinfo=BERLIN)  # a Friday
DE, EN = Language.DE, Language.EN


def read(language: Language, date: str, time: str | None = None) -> list[str]:
    with speaking(language):
        found = understand_parts(date, time, None, at=CALL, zone=BERLIN).candidates
    ends = [f"-{each.end:%d}" if each.end and (each.end - each.start).days > 1 else "" for each in found]
    clock = "" if time is None else "T%H:%M"
    return [f"{each.start:%m-%d{clock}}{end}" for each, end in zip(found, ends, strict=True)]


@pytest.mark.parametrize(
    ("language", "phrase", "days"),
    [
        (DE, "nächsten Samstag also nicht morgen der fünfte", ["12-05"]),
        (DE, "Montag, also nicht heute, den dreißigsten", ["11-30"]),
        (DE, "kommenden Samstag, nicht morgen", ["12-05"]),
        (DE, "am 5. Dezember, nicht am 6.", ["12-05"]),
        (DE, "übermorgen, nicht morgen", ["11-29"]),
        (DE, "den zehnten also nicht den elften oder zwölften", ["12-10"]),
        (DE, "nächste Woche Freitag, nicht heute", ["12-04"]),
        (DE, "Samstag der fünfte, nicht morgen der achtundzwanzigste", ["12-05"]),
        (DE, "nächsten Dienstag, nicht diesen", ["12-08"]),
        (EN, "next Saturday, not tomorrow, the fifth", ["12-05"]),
        (EN, "Saturday the fifth, so not tomorrow", ["12-05"]),
        (EN, "next Tuesday, not this one", ["12-08"]),
        (EN, "the tenth not the eleventh", ["12-10"]),
        (EN, "December 5th, not 6th", ["12-05"]),
    ],
)
def test_excluded_day_beside_another_day_is_left_out(language, phrase, days):
    assert read(language, phrase) == days


@pytest.mark.parametrize("phrase", ["nicht morgen, den fünften", "nicht heute oder morgen", "morgen, nicht morgen"])
def test_denied_day_alone_is_asked_about(phrase):
    assert understand(phrase, at=CALL, zone=BERLIN).refused is Refusal.NOT_UNDERSTOOD


@each_row(
    ("language", "phrase", "days"),
    [
        (EN, "a week later Thursday the tenth", ["12-10"]),
        (EN, "the week after, Thursday the tenth", ["12-10"]),
        (DE, "eine Woche danach am Donnerstag, den 10. Dezember", ["12-10"]),
        (DE, "die Woche drauf, Donnerstag der 10.", ["12-10"]),
        (EN, "wednesday week or the thursday after", ["12-09", "12-10"]),
        (EN, "Tuesday week or the day after", ["12-08", "12-09"]),
        (EN, "Wednesday or the Thursday after", ["12-02", "12-03"]),
        (EN, "Monday or the following Tuesday", ["11-30", "12-01"]),
        (EN, "Friday next week or the Monday after that", ["12-04", "12-07"]),
        (EN, "tomorrow, no wait, a week later", ["12-05"]),
        (DE, "Mittwoch oder Donnerstag danach", ["12-02", "12-03"]),
        (DE, "Dienstag oder den Tag danach", ["12-01", "12-02"]),
        (DE, "am 10. oder einen Tag später", ["12-10", "12-11"]),
        (DE, "am 10. oder eine Woche früher", ["12-03", "12-10"]),
        (EN, "a week later", []),
        (DE, "einen Tag später am Montag", []),
    ],
)
def test_second_day_counts_from_the_first(language, phrase, days):
    assert read(language, phrase) == days


@pytest.mark.parametrize(
    ("language", "phrase"),
    [
        *((DE, f"{about} 10. Dezember") for about in ("um den", "so um den", "rund um den", "ungefähr am", "circa")),
        (DE, "ungefähr Donnerstag, den 10. Dezember"), (DE, "around 2026-12-10"), (EN, "around December 10th"),
        (EN, "sometime around the tenth"), (EN, "roughly December 10"),
    ],
)  # fmt: skip
def test_days_around_a_date_are_searched(language, phrase):
    with speaking(language):
        (candidate,) = understand_parts(phrase, None, None, at=CALL, zone=BERLIN).candidates
    assert (f"{candidate.start:%m-%d}", f"{candidate.end:%m-%d}", f"{candidate.about:%m-%d}") == (
        "12-08",
        "12-13",
        "12-10",
    )


CROSSED = ["12-01T10:00", "12-01T14:00", "12-03T10:00", "12-03T14:00"]


@each_row(
    ("language", "date", "time", "starts"),
    [
        (DE, "Dienstag oder Donnerstag", "10 oder 14 Uhr", CROSSED),
        (DE, "Dienstag oder Donnerstag", "10, 14 Uhr", CROSSED),
        (DE, "Dienstag oder Donnerstag", "10/14 Uhr", CROSSED),
        (DE, "Dienstag oder Donnerstag", "um zehn oder um zwei", CROSSED),
        (DE, "2026-12-01 oder 2026-12-03", "10:00 oder 14:00", CROSSED),
        (EN, "Tuesday or Thursday", "10 or 2pm", CROSSED),
        (EN, "Tuesday or Thursday", "ten or two", CROSSED),
        (DE, "2026-12-01", "10 oder 15", ["12-01T10:00", "12-01T15:00"]),
        (DE, "2026-12-01", "10:00, 15:00", ["12-01T10:00", "12-01T15:00"]),
        (DE, "2026-12-01", "10 und 15 Uhr", ["12-01T10:00", "12-01T15:00"]),
        (DE, "2026-12-01", "10, 11 oder 15 Uhr", ["12-01T10:00", "12-01T11:00", "12-01T15:00"]),
        (DE, "2026-12-01", "vormittags und abends", ["12-01T09:00", "12-01T17:00"]),
        (EN, "2026-12-01", "10, 11 or 3pm", ["12-01T10:00", "12-01T11:00", "12-01T15:00"]),
        (EN, "Tuesday at 10 or Thursday at 2pm", "", ["12-01T10:00", "12-03T14:00"]),
        (DE, "2026-12-01", "um halb vier, also 15:30", ["12-01T15:30"]),
    ],
)
def test_each_day_is_combined_with_each_time(language, date, time, starts):
    assert read(language, date, time) == starts


@pytest.mark.parametrize("language", [DE, EN])
@pytest.mark.parametrize("said", ["sun", "Sun.", "SUN", "Sun, Dec 6"])
def test_sun_means_sunday(language, said):
    assert read(language, said) in (["11-29"], ["12-06"])


@pytest.mark.parametrize(
    ("language", "date", "starts"),
    [
        (DE, "Dienstag oder so", ["12-01T10:00"]),
        (DE, "Dienstag, Mittwoch oder so", ["12-01T10:00", "12-02T10:00"]),
        (EN, "Tuesday or so", ["12-01T10:00"]),
        (DE, "Mittwoch oder Donnerstag, lieber Mittwoch", ["12-02T10:00"]),
        (DE, "Mittwoch oder Donnerstag, am liebsten Donnerstag", ["12-03T10:00"]),
        (DE, "Dienstag, Mittwoch oder Donnerstag, lieber am Mittwoch", ["12-02T10:00"]),
        (DE, "nächste Woche Dienstag oder Mittwoch, lieber Dienstag", ["12-01T10:00"]),
        (EN, "Wednesday or Thursday, preferably Wednesday", ["12-02T10:00"]),
    ],
)
def test_a_day_named_again_is_preferred(language, date, starts):
    assert read(language, date, "10 Uhr") == starts
