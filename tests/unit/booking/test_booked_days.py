"""A weekday or a clock time alone, said after a booking of the call: its week and its day are asked about, never guessed."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from askproai_runtime.booking.booked_days import put_on_booked
from askproai_runtime.booking.store.appointments import Appointment, Status
from askproai_runtime.booking.types import CallContext, ClarificationNeeded, NamedSlot
from tests.worlds.compiled_salon import salon_config
from tests.worlds.rows import each_row

CONFIG = salon_config()
ZONE = ZoneInfo(CONFIG.time_zone)
NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)  # a Friday
EARLY, THURSDAY, NEXT = (datetime(2026, 12, day, 10, tzinfo=ZONE) for day in (3, 10, 17))
JANUARY = datetime(2027, 1, 5, 10, tzinfo=ZONE)
HOUR = timedelta(hours=1)


def booked(start: datetime, status: Status = Status.CONFIRMED) -> Appointment:
    utc = start.astimezone(UTC)
    return Appointment(uuid4(), "mitte", "haarschnitt", "anna", utc, utc + HOUR, status, "call_1", "corr")


def after_offers(*starts: datetime) -> CallContext:
    utc = tuple(start.astimezone(UTC) for start in starts)
    named = tuple((NamedSlot("mitte", "haarschnitt", "anna", start),) for start in utc)
    return CallContext("call_1", "mitte", None, NOW, "corr", offered=named, offered_last=utc)


@pytest.mark.parametrize(
    ("offers", "own", "said", "days"),
    [
        ((), (THURSDAY,), {"date": "Donnerstag", "time": "11 Uhr"}, ["2026-12-03", "2026-12-10"]),
        ((), (THURSDAY,), {"time": "Donnerstag um elf"}, ["2026-12-03", "2026-12-10"]),
        ((), (THURSDAY,), {"start": "Thursday at 11 am"}, ["2026-12-03", "2026-12-10"]),
        ((), (THURSDAY,), {"date": "Donnerstag"}, ["2026-12-03", "2026-12-10"]),
        ((), (THURSDAY,), {"date": "am Freitag", "time": "10 Uhr"}, ["2026-12-04", "2026-12-11"]),
        ((), (EARLY, THURSDAY), {"date": "Freitag", "time": "10 Uhr"}, ["2026-12-04", "2026-12-11"]),
        ((), (JANUARY,), {"date": "am 8.", "time": "10 Uhr"}, ["2026-12-08", "2027-01-08"]),
        ((EARLY,), (THURSDAY,), {"date": "Donnerstag", "time": "11 Uhr"}, ["2026-12-03", "2026-12-10"]),
        ((NEXT,), (THURSDAY,), {"date": "Freitag", "time": "10 Uhr"}, ["2026-12-04", "2026-12-11", "2026-12-18"]),
        ((), (THURSDAY,), {"time": "11 Uhr"}, ["2026-12-10"]),
        ((), (EARLY, THURSDAY), {"time": "11 Uhr"}, ["2026-12-03", "2026-12-10"]),
        ((EARLY,), (THURSDAY,), {"time": "11 Uhr"}, ["2026-12-03", "2026-12-10"]),
    ],
)
def test_the_day_is_asked(
    offers: tuple[datetime, ...], own: tuple[datetime, ...], said: dict[str, str], days: list[str]
) -> None:
    with pytest.raises(ClarificationNeeded) as asked:
        put_on_booked(CONFIG, after_offers(*offers), {"service": "Haarschnitt"} | said, [booked(each) for each in own])
    assert [each["start"][:10] for each in asked.value.answer.fields["candidates"]] == days


@pytest.mark.parametrize(
    ("offers", "own", "said", "date"),
    [
        ((), (THURSDAY,), {"date": "am selben Tag", "time": "11 Uhr"}, "2026-12-10"),
        ((THURSDAY,), (THURSDAY,), {"date": "the same day", "time": "11 am"}, "2026-12-10"),
        ((), (THURSDAY, THURSDAY + HOUR), {"date": "am gleichen Tag", "time": "12 Uhr"}, "2026-12-10"),
        ((EARLY,), (THURSDAY,), {"date": "am selben Tag", "time": "11 Uhr"}, "2026-12-03 oder 2026-12-10"),
    ],
)
def test_the_same_day_is_the_booked_one(
    offers: tuple[datetime, ...], own: tuple[datetime, ...], said: dict[str, str], date: str
) -> None:
    found = put_on_booked(CONFIG, after_offers(*offers), said, [booked(each) for each in own])
    assert found["date"] == date


@each_row(
    ("offers", "own", "said"),
    [
        ((), (), {"date": "Donnerstag", "time": "11 Uhr"}),
        ((), (), {"time": "11 Uhr"}),
        ((), (EARLY,), {"date": "Freitag", "time": "10 Uhr"}),
        ((), (EARLY,), {"date": "Donnerstag", "time": "10 Uhr"}),
        ((), (EARLY, THURSDAY), {"date": "Donnerstag", "time": "10 Uhr"}),  # the model repeats itself
        ((), (THURSDAY,), {"date": "2026-12-03", "time": "11:00"}),
        ((), (THURSDAY,), {"start": EARLY.isoformat()}),
        ((), (THURSDAY,), {"date": "diesen Donnerstag", "time": "11 Uhr"}),
        ((), (THURSDAY,), {"date": "Donnerstag, den 3. Dezember", "time": "11 Uhr"}),
        ((), (THURSDAY,), {"date": "morgen", "time": "11 Uhr"}),
        ((), (THURSDAY,), {"date": "eine Woche später", "time": "11 Uhr"}),
        ((), (THURSDAY,), {"time": "gleich danach"}),
        ((), (THURSDAY,), {}),
        ((EARLY,), (THURSDAY,), {"date": "Donnerstag", "time": "10 Uhr"}),
        ((NEXT,), (THURSDAY,), {"date": "Donnerstag", "time": "10 Uhr"}),
        ((NEXT,), (THURSDAY,), {"time": "10 Uhr"}),
        ((THURSDAY,), (THURSDAY,), {"time": "11 Uhr"}),
    ],
)
def test_other_words_stay_as_they_are(
    offers: tuple[datetime, ...], own: tuple[datetime, ...], said: dict[str, Any]
) -> None:
    args = {"service": "Haarschnitt"} | said
    assert put_on_booked(CONFIG, after_offers(*offers), args, [booked(each) for each in own]) is args


def test_only_booked_appointments_are_anchors() -> None:
    args = {"service": "Haarschnitt", "time": "11 Uhr"}
    for status in (Status.CANCELLED, Status.HELD):
        assert put_on_booked(CONFIG, after_offers(), args, [booked(THURSDAY, status)]) is args
