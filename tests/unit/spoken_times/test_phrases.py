"""The possible meanings of a caller's phrase. The call starts on Friday 20 November 2026 at 10:00 in Berlin."""

import datetime as dt
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from askproai_core.languages import Language
from askproai_runtime.sentences import format_day, format_spoken, speaking
from askproai_runtime.spoken_times import Days, Grain, Refusal, understand, understand_parts
from askproai_runtime.spoken_times.atoms import Clock, Part
from askproai_runtime.spoken_times.excluded_days import find_excluded_days
from tests.worlds.rows import each_row

BERLIN = ZoneInfo("Europe/Berlin")
CALL = datetime(2026, 11, 20, 10, tzinfo=BERLIN)
MONDAY_CALL = datetime(2026, 11, 23, 8, tzinfo=BERLIN)


def starts(text: str, at: datetime = CALL) -> list[str]:
    return [f"{c.start:%d.%m. %H:%M}" for c in understand(text, at=at, zone=BERLIN).candidates]


@each_row(
    ("text", "expected"),
    [
        ("heute um 15 Uhr", ["20.11. 15:00"]),
        ("morgen um drei", ["21.11. 15:00"]),
        ("übermorgen um halb vier", ["22.11. 15:30"]),
        ("ÜBERMORGEN um 15 Uhr 30", ["22.11. 15:30"]),
        ("am Montag um zehn", ["23.11. 10:00"]),
        ("kommenden Freitag um 15 Uhr", ["27.11. 15:00"]),
        ("diesen Samstag um 11:15", ["21.11. 11:15"]),
        ("am 5. Dezember um drei", ["05.12. 15:00"]),
        ("5.12. um halb drei", ["05.12. 14:30"]),
        ("3.12. 14 Uhr", ["03.12. 14:00"]),
        ("am dritten Zwölften um elf", ["03.12. 11:00"]),
        ("am fünften Jänner um elf", ["05.01. 11:00"]),
        ("in 2 Wochen um zwölf", ["04.12. 12:00"]),
        ("in vierzehn Tagen um ein Uhr", ["04.12. 13:00"]),
        ("um drei", ["20.11. 15:00"]),
        ("um 15 Uhr", ["20.11. 15:00"]),
        ("halb drei", ["20.11. 14:30"]),
        ("viertel drei", ["20.11. 14:15"]),
        ("dreiviertel drei", ["20.11. 14:45"]),
        ("viertel nach drei", ["20.11. 15:15"]),
        ("fünf nach halb drei", ["20.11. 14:35"]),
        ("zehn vor drei", ["20.11. 14:50"]),
        ("morgen um acht", ["21.11. 08:00", "21.11. 20:00"]),
        ("morgen um acht abends", ["21.11. 20:00"]),
        ("Montag morgen um acht", ["23.11. 08:00"]),
        ("morgen um drei nachmittags", ["21.11. 15:00"]),
        ("Freitag, den 27. November, um 14 Uhr 30", ["27.11. 14:30"]),
        ("Freitag 27. November", ["27.11. 00:00"]),
        ("am Samstag um 24 Uhr", ["22.11. 00:00"]),
        ("2026-11-27T14:30:00+01:00", ["27.11. 14:30"]),
        ("2026-11-27 14:30", ["27.11. 14:30"]),
        ("2026-11-27T13:30:00Z", ["27.11. 13:30", "27.11. 14:30"]),
        ("2026-11-27T14:30+02:00", ["27.11. 13:30", "27.11. 14:30"]),
    ],
)
def test_german_time_phrase_has_its_usual_meaning(text, expected):
    assert starts(text) == expected


def test_todays_weekday_means_today_or_next_week():
    assert starts("am Freitag um halb drei") == ["20.11. 14:30", "27.11. 14:30"]
    assert starts("am Freitag um neun Uhr 5 vormittags") == ["27.11. 09:05"], "today's is over"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("am 1. oder am 15. Dezember", ["2026-12-15"]), ("am 1. oder 15. Dezember", ["2026-12-15"]),
        ("am 15. Dezember oder am 1. Dezember", ["2026-12-15"]), ("am 1.12. oder am 20.12.", ["2026-12-20"]),
        ("am 1. Dezember", ["2027-12-01"]), ("am 1. oder am 10. Dezember", ["2027-12-01", "2027-12-10"]),
        ("am 1. oder am 20. Dezember nächstes Jahr", ["2027-12-01", "2027-12-20"]),
        ("am 1. Dezember 2027 oder am 20. Dezember", ["2026-12-20", "2027-12-01"]),
        ("am 20. Dezember oder am 10. Januar", ["2026-12-20", "2027-01-10"]),
        ("am 20. Dezember, nein, am 1. Dezember", ["2027-12-01"]),
        ("am 15. Dezember oder am 1.", ["2026-12-15", "2027-01-01"]),
    ],
)  # fmt: skip
def test_past_day_of_the_month_is_dropped(text, expected):
    found = understand(text, at=datetime(2026, 12, 15, 10, tzinfo=BERLIN), zone=BERLIN)
    assert [each.start.date().isoformat() for each in found.candidates] == expected
    assert not found.ambiguous


def test_naechsten_freitag_has_two_readings_where_they_differ():
    understood = understand("nächsten Freitag", at=MONDAY_CALL, zone=BERLIN)
    assert understood.ambiguous
    assert starts("nächsten Freitag", MONDAY_CALL) == ["27.11. 00:00", "04.12. 00:00"]
    assert starts("nächsten Freitag") == ["27.11. 00:00"], "said on a Friday, both readings are the same day"


def test_in_acht_tagen_has_two_readings():
    assert starts("in acht Tagen") == ["27.11. 00:00", "28.11. 00:00"]


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("Montag vormittags", "23.11. 09:00", "23.11. 12:00"),
        ("Montagnachmittag", "23.11. 12:00", "23.11. 18:00"),
        ("morgen früh", "21.11. 06:00", "21.11. 10:00"),
        ("am Mittwoch am Abend", "25.11. 17:00", "25.11. 22:00"),
    ],
)
def test_part_of_the_day_gets_start_and_end(text, first, last):
    (candidate,) = understand(text, at=CALL, zone=BERLIN).candidates
    assert candidate.grain is Grain.PART_OF_DAY
    assert (f"{candidate.start:%d.%m. %H:%M}", f"{candidate.end:%d.%m. %H:%M}") == (first, last)


def test_day_of_the_clock_change_has_23_hours():
    (day,) = understand("2027-03-28", at=CALL, zone=BERLIN).candidates
    assert day.grain is Grain.DAY
    assert (day.end.astimezone(UTC) - day.start.astimezone(UTC)).total_seconds() == 23 * 3600


@each_row(
    ("text", "refusal"),
    [
        ("31.02.", Refusal.IMPOSSIBLE),
        ("am 31. April um drei", Refusal.IMPOSSIBLE),
        ("morgen um 25 Uhr", Refusal.IMPOSSIBLE),
        ("Donnerstag, den 27. November", Refusal.IMPOSSIBLE),
        ("2027-03-28 02:30", Refusal.IMPOSSIBLE),
        ("31.12.9999", Refusal.IMPOSSIBLE),
        ("9999-12-31T23:59-12:00", Refusal.IMPOSSIBLE),
        ("9999-12-31 10:00", Refusal.IMPOSSIBLE),
        ("0001-01-01T00:00", Refusal.IMPOSSIBLE),
        ("0001-01-01T00:00+14:00", Refusal.IMPOSSIBLE),
        ("01.01.0001 um 3 Uhr", Refusal.PAST),
        ("morgen um 9:75", Refusal.IMPOSSIBLE),
        ("9:99", Refusal.IMPOSSIBLE),
        ("morgen um 9.75 Uhr", Refusal.IMPOSSIBLE),
        ("morgen um 9 Uhr 75", Refusal.IMPOSSIBLE),
        ("75 nach drei", Refusal.IMPOSSIBLE),
        ("60 Minuten vor drei", Refusal.IMPOSSIBLE),
        ("1.1.2020", Refusal.PAST),
        ("heute um 9:30", Refusal.PAST),
        ("wenn der Hund schläft", Refusal.NOT_UNDERSTOOD),
        ("am nächsten Tag", Refusal.NOT_UNDERSTOOD),  # after which one?
        ("", Refusal.NOT_UNDERSTOOD),
        ("Freitag um halb drei oder vier", Refusal.NOT_UNDERSTOOD),
    ],
)
def test_impossible_past_or_unknown_phrase_is_not_guessed(text, refusal):
    understood = understand(text, at=CALL, zone=BERLIN)
    assert (understood.refused, understood.candidates) == (refusal, ())


@each_row(
    ("date", "time", "part", "expected"),
    [
        ("2026-11-27", "14:30", None, "27.11. 14:30"),
        ("2026-11-27", "halb drei", None, "27.11. 14:30"),
        ("am 27.11.", "drei", "nachmittags", "27.11. 15:00"),
        (None, "2026-11-27T14:30", None, "27.11. 14:30"),
        ("27. November um halb drei", "halb drei", None, "27.11. 14:30"),
        ("2026-11-27", None, "Nachmittag", "27.11. 12:00"),
        ("2026-11-27", ">=16:00", "nach Feierabend", "27.11. 16:00"),
        ("2026-11-27", ">=09:00", "nachmittags", "27.11. 12:00"),
        ("2026-11-27 .", "14:30", None, "27.11. 14:30"),
        ("2026-11-27 14.30", None, None, "27.11. 14:30"),
        ("am 27.", "16.", None, "27.11. 16:00"),
        ("27.11.", "bis 16.", None, "27.11. 00:00"),
        ("27.11.", "27.11.", None, "27.11. 00:00"),
        ("am 27.", "am 27.11.", None, "27.11. 00:00"),
        ("Freitag", "am 27.", None, "27.11. 00:00"),
        (None, "27.11.", None, "27.11. 00:00"),
        ("Fri Nov 27 2026 00:00:00 GMT+0100 (CET)", "14:30", None, "27.11. 14:30"),
        ("Fri Nov 27 2026 14:30:00 GMT+0100 (Central European Standard Time)", None, None, "27.11. 14:30"),
        ("Fri Nov 27 2026 13:00:00 GMT+0100", None, None, "27.11. 13:00"),
        ("Fri, 27 Nov 2026 13:30:00 +0100", None, None, "27.11. 13:30"),
        (None, "der 27.", None, "27.11. 00:00"),
    ],
)
def test_function_arguments_may_mix_iso_and_german(date, time, part, expected):
    (candidate,) = understand_parts(date, time, part, at=CALL, zone=BERLIN).candidates
    assert f"{candidate.start:%d.%m. %H:%M}" == expected


@pytest.mark.parametrize(
    ("date", "time", "part", "weekdays", "opens"),
    [
        ("nächste Woche, aber nicht am Montag", "vier", None, {1, 2, 3, 4, 5, 6}, 16),
        ("nächste Woche, aber nicht am Montag", None, "Nachmittag", {1, 2, 3, 4, 5, 6}, 12),
        ("nächste Woche außer Montag und Dienstag", "16:00", "nachmittags", {2, 3, 4, 5, 6}, 16),
        ("nicht am Montag", "um zehn", None, {1, 2, 3, 4, 5, 6}, 10),
    ],
)
def test_excluded_days_also_apply_to_the_time_argument(date, time, part, weekdays, opens):
    (candidate,) = understand_parts(date, time, part, at=CALL, zone=BERLIN).candidates
    assert candidate.daily is not None
    assert (candidate.daily.weekdays, candidate.daily.opens) == (weekdays, dt.time(opens))


def test_time_beside_unclear_exclusions_is_refused():
    for date in ("nicht Montag, lieber Dienstag", "Montag nicht"):
        assert understand_parts(date, "vier", None, at=CALL, zone=BERLIN).refused is Refusal.NOT_UNDERSTOOD


@each_row(
    ("text", "days"),
    [
        ("nächste Woche ums Mondlicht, aber nicht am Montag", "0"),
        ("außer Montag und Mittwoch irgendwie vielleicht", "0 2"),
        ("am Montag ums Mondlicht", ""),
        ("Außer samstags kann ich nie", "0 1 2 3 4 6"),
        ("Ich kann außer samstags nicht", "0 1 2 3 4 6"),
        ("Also außer am Samstag geht bei mir gar nichts", "0 1 2 3 4 6"),
        ("Es geht gar nicht, außer am Samstag", "0 1 2 3 4 6"),
        ("Außer samstags geht da nichts", "0 1 2 3 4 6"),
        ("Except on Saturdays I can never come", "0 1 2 3 4 6"),
        ("Egal wann außer montags da kann ich nicht", "0"),
        ("Egal wann, außer montags, da kann ich nicht", "0"),
        ("Mittwochs kann ich nicht, außer vormittags", "2"),
        ("Nicht nur freitags, auch samstags", ""),
        ("Wenn es nicht am Samstag geht, dann egal wann", ""),
        ("Egal, nur am Freitag nicht", "4"),
        ("Nicht von Dienstag bis Donnerstag", "1 2 3"),
        ("Samstag, Sonntag und Montag kann ich nicht", "0 5 6"),
        ("Montag bis Mittwoch bin ich nicht da", "0 1 2"),
        ("Mittwoch nachmittag geht nicht", "2 nachmittag"),
        ("aber nicht am Mittwoch um zehn", "2 10:00"),
        ("Weder Freitag noch Samstag", "4 5"),
        ("Neither Friday nor Saturday", "4 5"),
        ("An Freitagen nicht", "4"),
        ("Freitag ist schlecht", "4"),
        ("Heute nicht mehr, sonst egal", "20.11.-20.11."),
        ("Tomorrow doesn't work", "21.11.-21.11."),
        ("Am 24. vormittags kann ich nicht", "24.11.-24.11. vormittag"),
        ("Diese Woche kann ich nicht", "20.11.-22.11."),
        ("Ich bin bis Mittwoch verreist", "20.11.-25.11."),
        ("Ab Dienstag bin ich weg", "24.11.-"),
        ("Freitag kann ich nicht mit dem Auto kommen", ""),
        ("Freitag war ich nicht da", ""),
        ("Montag nicht, ab Dienstag geht es", "0"),
        ("Freitag nicht, aber Samstag", "4"),
        ("Nicht am Freitag, lieber am Samstag", "4"),
        ("Mittwoch nicht, Freitag oder Samstag passt", "2"),
        ("Freitag Vormittag kann ich nicht, Freitag Nachmittag schon", "4 vormittag"),
        ("Nicht am Freitag, Samstag oder Dienstag", "1 4 5"),
        ("Freitags, dienstags und mittwochs kann ich nicht", "1 2 4"),
        ("Ich kann immer, außer samstags nicht", "5"),
        ("Ich bin flexibel, außer freitags geht nicht", "4"),
        ("Freitag kann ich und Samstag nicht", "5"),
        ("Freitag passt mir gut, Samstag und Sonntag nicht", "5 6"),
        ("Samstag kann ich und Sonntag und Montag nicht", "0 6"),
        ("Dienstag nicht und Mittwoch auch nicht", "1 2"),
        ("Dienstag kann ich nicht kommen", "1"),
        ("Ich kann am Dienstag und Mittwoch leider nicht kommen", "1 2"),
        ("Freitag ist ganz schlecht", "4"),
        ("Freitag konnte ich nicht kommen", ""),
        ("Außer Samstag geht sonst nichts", "0 1 2 3 4 6"),
        ("Ich kann sonst nie, außer samstags", "0 1 2 3 4 6"),
        ("Montag passt, Dienstag und Mittwoch kann ich nicht", "1 2"),
        ("Am liebsten Mittwoch, Donnerstag und Freitag kann ich nicht", "3 4"),
        ("Nicht Montag, lieber Mittwoch oder Donnerstag", "0"),
        ("Nächste Woche, nicht Montag oder Dienstag, lieber Mittwoch oder Donnerstag", "0 1"),
        ("Freitag können Sie nicht? Dann Mittwoch.", "4"),
        ("Freitag nicht? Dann Samstag.", "4"),
        ("in der Woche vom 14. Dezember, Dienstag und Donnerstag kann ich gar nicht", "1 3"),
        ("Ich kann freitags nicht vor zehn", ""),
        ("Am Freitag brauche ich den Termin nicht", ""),
        ("", ""),
    ],
)
def test_excluded_days_are_found_beside_unknown_words(text, days):
    def write(day: int | Days) -> str:
        return (
            str(day) if isinstance(day, int) else f"{day[0]:%d.%m.}-{day[1]:%d.%m.}" if day[1] else f"{day[0]:%d.%m.}-"
        )

    def write_hours(hours: Part | Clock | None) -> str:
        return hours.name if isinstance(hours, Part) else f"{hours.hour}:{hours.minute:02}" if hours else ""

    found = find_excluded_days(text, CALL)
    assert " ".join(sorted(f"{write(day)} {write_hours(hours)}".strip() for day, hours in found.items())) == days


def test_function_arguments_in_year_one_raise_no_error():
    for date, time in (("0001-01-01", "00:00"), ("0001-01-01T00:00", None), (None, "0001-01-01T00:00Z")):
        assert understand_parts(date, time, None, at=CALL, zone=BERLIN).refused is not None


def test_spoken_form_has_full_understandable_date():
    spoken = format_spoken(datetime(2026, 11, 27, 13, 30, tzinfo=UTC), BERLIN, CALL)
    assert spoken == "Freitag, den 27. November, um 14 Uhr 30"
    assert starts(spoken) == ["27.11. 14:30"]


@pytest.mark.parametrize(
    ("day", "spoken"),
    [
        (dt.date(2027, 10, 15), "Freitag, den 15. Oktober"),
        (dt.date(2027, 10, 16), "Samstag, den 16. Oktober"),
        (dt.date(2027, 10, 17), "Sonntag, den 17. Oktober 2027"),
        (dt.date(2027, 11, 27), "Samstag, den 27. November 2027"),
        (dt.date(2025, 12, 25), "Donnerstag, den 25. Dezember"),
        (dt.date(2025, 11, 27), "Donnerstag, den 27. November 2025"),
    ],
)
def test_distant_day_is_said_with_its_year(day, spoken):
    """On 20 November a "27. November" is that of this year; the caller who wants that of the next one must hear it."""
    assert format_day(day, dt.date(2026, 11, 20)) == spoken


def test_spoken_time_with_year_is_understood_again():
    start = datetime(2027, 11, 26, 13, 30, tzinfo=UTC)
    spoken = format_spoken(start, BERLIN, CALL)
    assert spoken == "Freitag, den 26. November 2027, um 14 Uhr 30"
    (candidate,) = understand(spoken, at=CALL, zone=BERLIN).candidates
    assert candidate.start == start


SATURDAY, SUNDAY = datetime(2026, 11, 21, 9, tzinfo=BERLIN), datetime(2026, 11, 22, 16, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("text", "language", "on_saturday", "on_sunday"),
    [
        ("am Wochenende", "de", ["21.11."], ["22.11.", "28.11."]),
        ("dieses Wochenende", "de", ["21.11."], ["22.11."]),
        ("am kommenden Wochenende", "de", ["28.11."], ["28.11."]),
        ("nächstes Wochenende", "de", ["28.11."], ["28.11."]),
        ("übernächstes Wochenende", "de", ["05.12."], ["05.12."]),
        ("at the weekend", "en", ["21.11."], ["22.11.", "28.11."]),
        ("over this weekend", "en", ["21.11."], ["22.11."]),
        ("this coming weekend", "en", ["28.11."], ["28.11."]),
        ("next weekend", "en", ["28.11."], ["28.11."]),
    ],
)
def test_next_weekend_differs_on_a_weekend(text: str, language: str, on_saturday: list[str], on_sunday: list[str]):
    with speaking(Language(language)):
        assert [start[:6] for start in starts(text, SATURDAY)] == on_saturday
        assert [start[:6] for start in starts(text, SUNDAY)] == on_sunday


@pytest.mark.parametrize("said", ["das dritte Mal", "zum zweiten Mal", "das 3. Mal"])
def test_ordinal_of_repetition_is_no_day_of_month(said: str) -> None:
    assert understand(said, at=CALL, zone=BERLIN).refused is Refusal.NOT_UNDERSTOOD
    assert understand(f"{said} am Freitag um zehn", at=CALL, zone=BERLIN).refused is None
