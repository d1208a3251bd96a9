"""A move names an old and a new time in many forms: the old time identifies the appointment, the new time is its target."""

from typing import Any

import pytest

from askproai_runtime.conversation.arguments.reading import read_arguments
from tests.worlds.rows import each_row

OLD, NEW = "2026-12-10", "2026-12-11"
OLD_DAY = {"appointment_date": OLD}
OLD_TIME = OLD_DAY | {"appointment_time": "10:00"}
NEW_TIME = {"date": NEW, "time": "14:00"}
NEW_START = {"start": f"{NEW}T14:00"}


@pytest.mark.parametrize(
    ("args", "values"),
    [
        ({"date": OLD, "time": "10:00"}, OLD_TIME),
        ({"appointment_id": "a-1", "date": OLD}, {"appointment_id": "a-1"} | OLD_DAY),
        ({"day": "Freitag"}, {"appointment_date": "Freitag"}),
        ({"weekday": "Freitag", "uhrzeit": "10 Uhr"}, {"appointment_date": "Freitag", "appointment_time": "10 Uhr"}),
        ({"start": f"{OLD}T10:00"}, {"appointment_date": f"{OLD}T10:00"}),
        ({"appointment_start": f"{OLD}T10:00"}, OLD_TIME),
        ({"appointment_date": OLD, "appointment_time": "10:00"}, OLD_TIME),
    ],
)
def test_time_identifies_the_appointment_to_cancel(args: dict[str, Any], values: dict[str, str]) -> None:
    assert read_arguments("cancel_appointment", args).values == values


@each_row(
    ("args", "values"),
    [
        ({"date": OLD, "new_date": NEW, "new_time": "14:00"}, OLD_DAY | NEW_TIME),
        ({"date": OLD, "time": "10:00", "new_date": NEW, "new_time": "14:00"}, OLD_TIME | NEW_TIME),
        ({"old_date": OLD, "old_time": "10:00", "new_date": NEW, "new_time": "14:00"}, OLD_TIME | NEW_TIME),
        ({"old": {"date": OLD, "time": "10:00"}, "new": {"date": NEW, "time": "14:00"}}, OLD_TIME | NEW_TIME),
        ({"from": {"date": OLD, "time": "10:00"}, "to": {"date": NEW, "time": "14:00"}}, OLD_TIME | NEW_TIME),
        ({"current_appointment": {"day": OLD, "time": "10:00"}, "new_appointment": {"date": NEW, "time": "14:00"}},
         OLD_TIME | NEW_TIME),
        ({"original": {"start": f"{OLD}T10:00:00+01:00"}, "updated": NEW_START}, OLD_TIME | NEW_START),
        ({"from": f"{OLD}T10:00", "to": f"{NEW}T14:00"}, OLD_TIME | NEW_START),
        ({"from": OLD, "to": NEW}, OLD_DAY | {"date": NEW}),
        ({"from": "Donnerstag", "to": "Freitag"}, {"appointment_date": "Donnerstag", "date": "Freitag"}),
        ({"from": f"{OLD}T10:00", "new_date": NEW, "new_time": "14:00"}, OLD_TIME | NEW_TIME),
        ({"to": f"{NEW}T14:00"}, NEW_START),
        ({"to": "14:00"}, {"time": "14:00"}),
        ({"to": "Freitag"}, {"date": "Freitag"}),
        ({"to": NEW, "time": "14:00"}, NEW_TIME),
        ({"from": OLD, "to": NEW, "time": "14:00"}, OLD_DAY | NEW_TIME),
        ({"date": NEW, "to": "14:00"}, NEW_TIME),
        ({"date": OLD, "time": "10:00", "to": "14:00"}, OLD_TIME | {"time": "14:00"}),
        ({"date": OLD, "to": "Freitag um 14 Uhr"}, OLD_DAY | {"date": "Freitag um 14 Uhr"}),
        ({"date": NEW, "to": "nachmittags"}, {"date": NEW, "part_of_day": "nachmittags"}),
        ({"start": f"{OLD}T10:00", "new_start": f"{NEW}T14:00"}, OLD_TIME | NEW_START),
        ({"from_date": OLD, "from_time": "10:00", "to_date": NEW, "to_time": "14:00"}, OLD_TIME | NEW_TIME),
        ({"appointment": {"date": OLD, "time": "10:00"}, **NEW_TIME}, OLD_TIME | NEW_TIME),
        ({"appointment": {"start": f"{OLD}T10:00", "service": "Bart"}, **NEW_START}, OLD_TIME | NEW_START | {"service": "Bart"}),
        ({"booking": {"date": OLD}, "new_date": NEW, "new_time": "14:00"}, OLD_DAY | NEW_TIME),
        ({"termin": {"datum": OLD, "uhrzeit": "10:00"}, "neues_datum": NEW, "neue_uhrzeit": "14:00"}, OLD_TIME | NEW_TIME),
        ({"appointment": NEW_TIME}, NEW_TIME), ({"appointment": NEW_TIME, **NEW_TIME}, NEW_TIME),
        ({"appointment": {"service": "Bart"}, **NEW_TIME}, {"service": "Bart"} | NEW_TIME),
        ({"appointment_start": f"{OLD}T10:00:00+01:00", **NEW_START}, OLD_TIME | NEW_START),
        ({"appointment_start_time": f"{OLD} 10:00", **NEW_TIME}, OLD_TIME | NEW_TIME),
        ({"until": NEW, "time": "14:00"}, {"date": f"bis {NEW}", "time": "14:00"}),
        ({"bis": "Freitag", "time": "14:00"}, {"date": "bis Freitag", "time": "14:00"}),
        ({"ab": NEW, "time": "14:00"}, {"date": f"ab {NEW}", "time": "14:00"}),
        ({"date": OLD, "time": "10:00", "new": {"date": NEW, "time": "14:00"}}, OLD_TIME | NEW_TIME),
        ({"date": OLD, "time": "10:00", "new_time": "14:00"}, OLD_TIME | {"time": "14:00"}),
        ({"date": NEW, "new_time": "14:00"}, NEW_TIME),
        ({"new_date": NEW, "time": "14:00"}, NEW_TIME),
        ({"date": NEW, "time": "14:00"}, NEW_TIME),
        ({"old_appointment": f"{OLD}T10:00", "date": NEW, "time": "14:00"}, OLD_TIME | NEW_TIME),
        ({"alter_termin": {"datum": OLD, "uhrzeit": "10:00"}, "neuer_termin": {"datum": NEW, "uhrzeit": "14:00"}},
         OLD_TIME | NEW_TIME),
        ({"date": NEW, "from": "14:00"}, {"date": NEW, "part_of_day": "ab 14:00"}),
        ({"date": NEW, "from": "14:00", "to": "16:00"}, {"date": NEW, "part_of_day": "14:00 - 16:00"}),
        ({"args": {"from": f"{OLD}T10:00", "to": f"{NEW}T14:00"}}, OLD_TIME | NEW_START),
        ({"appointment_date": f"von {OLD} auf {NEW}", "time": "14:00"}, OLD_DAY | NEW_TIME),
        ({"appointment_date": f"from {OLD} to {NEW}"}, OLD_DAY | {"date": NEW}),
        ({"appointment_date": f"statt {OLD} {NEW}"}, OLD_DAY | {"date": NEW}),
        ({"appointment_date": f"{NEW} instead of {OLD}", "date": NEW}, OLD_DAY | {"date": NEW}),
        ({"appointment_date": "von Freitag 10 Uhr auf Samstag 14 Uhr"},
         {"appointment_date": "Freitag 10 Uhr", "date": "Samstag 14 Uhr"}),
        ({"appointment_date": "statt Donnerstag den zehnten Freitag den elften"},
         {"appointment_date": "Donnerstag den zehnten", "date": "Freitag den elften"}),
        ({"appointment_date": OLD, "appointment_time": "von zehn auf elf"}, OLD_DAY | {"appointment_time": "zehn", "time": "elf"}),
        ({"appointment_time": "von zehn auf elf", "date": NEW}, {"appointment_time": "zehn", "date": NEW, "time": "elf"}),
        ({"appointment_time": "from ten to eleven"}, {"appointment_time": "ten", "time": "eleven"}),
        ({"appointment_time": "statt zehn lieber elf"}, {"appointment_time": "zehn", "time": "elf"}),
        ({"appointment_time": "doch lieber elf statt zehn"}, {"appointment_time": "zehn", "time": "elf"}),
        ({"appointment_time": "from ten to eleven", **NEW_TIME}, {"appointment_time": "from ten to eleven"} | NEW_TIME),
        ({"appointment_time": "von zehn bis elf"}, {"appointment_time": "von zehn bis elf"}),
        ({"date": f"von {OLD} auf {NEW}"}, {"date": f"von {OLD} auf {NEW}"}),
    ],
)  # fmt: skip
def test_move_arguments_name_old_and_new_time(args: Any, values: dict[str, Any]) -> None:
    read = read_arguments("reschedule_appointment", args)
    assert (read.values, read.unclear) == (values, ())


@pytest.mark.parametrize("function", ["check_availability", "book_appointment"])
def test_search_bounds_are_not_read_as_a_move(function: str) -> None:
    read = read_arguments(function, {"date": NEW, "from": "10:00", "to": "12:00"})
    assert read.values == {"date": NEW, "part_of_day": "10:00 - 12:00"}
