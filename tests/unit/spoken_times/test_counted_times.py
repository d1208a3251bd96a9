"""A new time counted from the appointment is the time that a person would calculate."""

from datetime import datetime

from askproai_runtime.spoken_times import count_from
from tests.worlds.rows import each_row

OLD = datetime(2026, 12, 3, 17, 30)  # noqa: DTZ001  a Thursday, local


@each_row(
    ("date", "clock", "expected"),
    [
        ("eine Stunde später", None, ("2026-12-03", "18:30")),
        (None, "eine halbe Stunde früher", ("2026-12-03", "17:00")),
        (None, "um eine Stunde nach hinten", ("2026-12-03", "18:30")),
        (None, "zwei Stunden nach vorne", ("2026-12-03", "15:30")),
        (None, "eine Viertelstunde eher", ("2026-12-03", "17:15")),
        (None, "anderthalb Stunden später", ("2026-12-03", "19:00")),
        (None, "20 Minuten später", ("2026-12-03", "17:50")),
        ("Freitag", "eine Stunde später", ("freitag", "18:30")),
        ("eine Woche später", None, ("2026-12-10", None)),
        ("eine Woche später", "gleiche Uhrzeit", ("2026-12-10", "17:30")),
        ("eine Woche später, selbe Zeit", None, ("2026-12-10", "17:30")),
        ("vierzehn Tage später", "um drei", ("2026-12-17", "um drei")),
        ("am Tag danach", None, ("2026-12-04", None)),
        ("am Tag danach, also Freitag", "so um halb vier", ("2026-12-04", "so um halb vier")),
        ("the day after, so Friday", None, ("2026-12-04", None)),
        ("am Tag danach, also Samstag", None, None),
        ("den Tag davor", "um zehn", ("2026-12-02", "um zehn")),
        ("auf den nächsten Tag", None, ("2026-12-04", None)),
        ("am nächsten Tag", "19 Uhr", ("2026-12-04", "19 uhr")),
        ("am folgenden Tag", "gleiche Uhrzeit", ("2026-12-04", "17:30")),
        ("the next day", "at ten", ("2026-12-04", "at ten")),
        ("in der Woche darauf", "zur gleichen Zeit", ("2026-12-10", "17:30")),
        ("einen Tag früher", None, ("2026-12-02", None)),
        ("am Montag danach", None, ("2026-12-07", None)),
        ("am Dienstag davor", "dieselbe Uhrzeit", ("2026-12-01", "17:30")),
        ("den Donnerstag darauf", None, ("2026-12-10", None)),
        ("Freitag", "gleiche Uhrzeit", ("freitag", "17:30")),
        ("am Freitag", "selbe Uhrzeit wie bisher", ("am freitag", "17:30")),
        ("nächste Woche", "die gleiche Zeit", ("naechste woche donnerstag", "17:30")),
        ("nächste Woche Montag", "selbe Zeit", ("naechste woche montag", "17:30")),
        ("am selben Tag", "um zehn", ("2026-12-03", "um zehn")),
        ("am gleichen Tag", "eine Stunde später", ("2026-12-03", "18:30")),
        ("two days later", "at the same time", ("2026-12-05", "17:30")),
        (None, "half an hour earlier", ("2026-12-03", "17:00")),
        (None, "another half hour later", ("2026-12-03", "18:00")),
        (None, "another hour later", ("2026-12-03", "18:30")),
        (None, "yet another two hours earlier", ("2026-12-03", "15:30")),
        (None, "nochmal eine halbe Stunde später", ("2026-12-03", "18:00")),
        (None, "eine weitere halbe Stunde später", ("2026-12-03", "18:00")),
        (None, "eine weitere Stunde später", ("2026-12-03", "18:30")),
        ("the week after", None, ("2026-12-10", None)),
        ("the Saturday after", None, ("2026-12-05", None)),
        ("the Saturday after", "at ten", ("2026-12-05", "at ten")),
        ("the Thursday after that", None, ("2026-12-10", None)),
        ("the Tuesday before", None, ("2026-12-01", None)),
        ("the next Saturday after that", None, ("2026-12-05", None)),
        ("the following Saturday", None, ("2026-12-05", None)),
        ("am darauffolgenden Samstag", None, ("2026-12-05", None)),
        ("the following week", None, ("2026-12-10", None)),
        ("in der Folgewoche", None, ("2026-12-10", None)),
        ("tags darauf", None, ("2026-12-04", None)),
        ("am Folgetag", None, ("2026-12-04", None)),
        ("am übernächsten Tag", None, ("2026-12-05", None)),
        ("die Woche drauf am Montag", None, ("2026-12-07", None)),
        ("Samstag der Woche drauf", None, ("2026-12-12", None)),
        ("Saturday the week after", None, ("2026-12-12", None)),
        ("zwei Wochen später am Montag um zehn", None, ("2026-12-14", "um zehn")),
        ("und am Tag danach auch", None, ("2026-12-04", None)),
        (None, "1,5 Stunden später", ("2026-12-03", "19:00")),
        (None, "1.5 hours later", ("2026-12-03", "19:00")),
        (None, "2,5 Stunden früher", ("2026-12-03", "15:00")),
        ("noch eine Stunde später", None, ("2026-12-03", "18:30")),
        (None, "lieber eine Stunde früher, bitte", ("2026-12-03", "16:30")),
        ("am Freitag eine Stunde später", None, ("am freitag", "18:30")),
        (None, "zweieinhalb Stunden später", ("2026-12-03", "20:00")),
        (None, "eine dreiviertel Stunde früher", ("2026-12-03", "16:45")),
        (None, "ne Viertelstunde später", ("2026-12-03", "17:45")),
        (None, "two and a half hours earlier", ("2026-12-03", "15:00")),
        ("einen Tag später um 10", None, ("2026-12-04", "um 10")),
        (None, "eine Woche später, um halb drei", ("2026-12-10", "um halb drei")),
    ],
)
def test_times_counted_from_appointment_are_computed(
    date: str | None, clock: str | None, expected: tuple[str, str | None]
) -> None:
    assert count_from(date, clock, OLD) == expected


@each_row(
    ("date", "clock"),
    [
        ("Freitag", "um zehn"), ("in einer Woche", None), ("morgen", None), (None, None), ("in zwei Stunden", None),
        ("später", None), ("in den nächsten Tagen", None),
        ("noch am Nachmittag", "etwas früher"), ("übernächste Woche", None), ("die Woche nach Ostern", None),
        (None, "nach drei"), ("the day after tomorrow", "at ten"), ("the week after next", None),
        ("am Dienstag danach, vormittags", "um elf"),
        ("Montag später Nachmittag", "17 Uhr"), ("Freitag eher nachmittags", "um vier"), ("am Freitag früher", "um zehn"),
        ("Mittwoch früher Vormittag", None), ("Freitag", "eine Woche später"), ("am dritten, zwei Tage später", None),
        ("anderthalb Wochen später", None), ("1,5 Tage später", None), ("einen Tag später um zehn", "vormittags"),
        ("einen Tag später morgens", None), ("zwei, drei Stunden später", None), ("eine Stunde später am Nachmittag", None),
    ],
)  # fmt: skip
def test_absolute_times_are_not_relative_to_an_appointment(date: str | None, clock: str | None) -> None:
    assert count_from(date, clock, OLD) is None
