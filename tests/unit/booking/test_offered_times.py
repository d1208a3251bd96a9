"""A weekday or a clock time alone, said after offers, is that of an offer; in another week than all offers it is asked about."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from askproai_runtime.booking.offered_times import keep_offered_days, put_on_offer
from askproai_runtime.booking.types import CallContext, ClarificationNeeded, NamedSlot
from tests.worlds.compiled_salon import salon_config
from tests.worlds.rows import each_row

CONFIG = salon_config()
ZONE = ZoneInfo(CONFIG.time_zone)
NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)  # a Friday
TUESDAY, THURSDAY, FRIDAY = (datetime(2026, 12, day, 9, tzinfo=ZONE) for day in (8, 10, 11))
TUESDAY_AT_ONE = TUESDAY + timedelta(hours=4)


def after_offers(*starts: datetime, before: tuple[datetime, ...] = ()) -> CallContext:
    utc = [start.astimezone(UTC) for start in (*before, *starts)]
    named = tuple((NamedSlot("mitte", "haarschnitt", "anna", start),) for start in utc)
    last = tuple(utc[len(before) :])
    return CallContext("call_1", "mitte", None, NOW, "corr", offered=named, offered_last=last)


@pytest.mark.parametrize(
    ("offers", "said", "start"),
    [
        ((TUESDAY, TUESDAY_AT_ONE), {"date": "Dienstag", "time": "13 Uhr"}, TUESDAY_AT_ONE),
        ((TUESDAY, TUESDAY_AT_ONE), {"date": "am Dienstag", "time": "um neun"}, TUESDAY),
        ((TUESDAY, TUESDAY_AT_ONE), {"start": "Dienstag um 13 Uhr"}, TUESDAY_AT_ONE),
        ((TUESDAY, TUESDAY_AT_ONE), {"time": "Dienstag um dreizehn Uhr"}, TUESDAY_AT_ONE),
        ((TUESDAY, THURSDAY), {"date": "Donnerstag", "time": "9 Uhr"}, THURSDAY),
        (
            (datetime(2027, 1, 8, 9, tzinfo=ZONE),),
            {"date": "am 8.", "time": "9 Uhr"},
            datetime(2027, 1, 8, 9, tzinfo=ZONE),
        ),
        ((THURSDAY, THURSDAY + timedelta(hours=4)), {"time": "um neun"}, THURSDAY),
        ((THURSDAY, THURSDAY + timedelta(hours=4)), {"time": "13 Uhr"}, THURSDAY + timedelta(hours=4)),
        ((TUESDAY, THURSDAY), {"start": "der zweite"}, THURSDAY),
        ((TUESDAY, THURSDAY), {"start": "Den ersten, bitte"}, TUESDAY),
        ((TUESDAY, THURSDAY, FRIDAY), {"start": "the last one"}, FRIDAY),
        ((TUESDAY, THURSDAY), {"time": "the first one"}, TUESDAY),
        ((TUESDAY, THURSDAY), {"date": "der zweite Termin"}, THURSDAY),
    ],
)
def test_the_words_mean_an_offer(offers: tuple[datetime, ...], said: dict[str, str], start: datetime) -> None:
    found = put_on_offer(CONFIG, after_offers(*offers), {"service": "Haarschnitt"} | said)
    assert datetime.fromisoformat(str(found["start"])) == start
    assert (found["date"], found["time"]) == (None, None)


@pytest.mark.parametrize(
    ("offers", "said", "days"),
    [
        ((TUESDAY, TUESDAY_AT_ONE), {"date": "Dienstag", "time": "14 Uhr"}, ["2026-12-01", "2026-12-08"]),
        ((THURSDAY,), {"date": "Freitag", "time": "10 Uhr"}, ["2026-12-04", "2026-12-11"]),
        ((THURSDAY, FRIDAY), {"time": "9 Uhr"}, ["2026-12-10", "2026-12-11"]),
        ((THURSDAY, FRIDAY), {"start": "der dritte"}, ["2026-12-10", "2026-12-11"]),
        ((THURSDAY, FRIDAY), {"start": "2"}, ["2026-12-10", "2026-12-11"]),
        ((THURSDAY, FRIDAY), {"start": 9}, ["2026-12-10", "2026-12-11"]),
        ((THURSDAY, FRIDAY), {"start": "1", "date": "2026-12-10"}, ["2026-12-10", "2026-12-11"]),
        ((THURSDAY,), {"start": "2"}, ["2026-12-10"]),
    ],
)
def test_another_week_is_asked_about(offers: tuple[datetime, ...], said: dict[str, Any], days: list[str]) -> None:
    with pytest.raises(ClarificationNeeded) as asked:
        put_on_offer(CONFIG, after_offers(*offers), {"service": "Haarschnitt"} | said)
    assert [each["start"][:10] for each in asked.value.answer.fields["candidates"]] == days


@pytest.mark.parametrize(
    ("offers", "said"),
    [
        ((), {"date": "Dienstag", "time": "13 Uhr"}),
        ((TUESDAY,), {"date": "2026-12-01", "time": "13:00"}),
        ((TUESDAY,), {"date": "diesen Dienstag", "time": "13 Uhr"}),
        ((TUESDAY,), {"date": "nächsten Dienstag", "time": "13 Uhr"}),
        ((TUESDAY, datetime(2026, 12, 1, 13, tzinfo=ZONE)), {"date": "Dienstag", "time": "13 Uhr"}),
        ((TUESDAY, datetime(2026, 12, 3, 9, tzinfo=ZONE)), {"date": "Mittwoch", "time": "13 Uhr"}),
        ((TUESDAY,), {"date": "morgen", "time": "9 Uhr"}),
        ((), {"start": "der zweite"}),
        ((TUESDAY, THURSDAY), {"date": "am zweiten", "time": "9 Uhr"}),
        ((TUESDAY,), {"start": TUESDAY_AT_ONE.isoformat()}),
        ((TUESDAY, THURSDAY), {"date": "am 8.", "time": "9 Uhr"}),
        ((TUESDAY,), {}),
        ((datetime(2026, 11, 28, 9, tzinfo=ZONE),), {"date": "Dienstag", "time": "10 Uhr"}),
    ],
)
def test_other_words_stay_as_they_are(offers: tuple[datetime, ...], said: dict[str, Any]) -> None:
    args = {"service": "Haarschnitt"} | said
    assert put_on_offer(CONFIG, after_offers(*offers), args) is args


@each_row(
    ("offers", "said", "date"),
    [
        ((THURSDAY, THURSDAY + timedelta(hours=4)), {"time": "15 Uhr"}, "2026-12-10"),
        ((THURSDAY,), {"part_of_day": "afternoon"}, "2026-12-10"),
        ((THURSDAY,), {"staff": "Julia"}, "2026-12-10"),
        ((THURSDAY,), {"date": "Donnerstag", "time": "15 Uhr"}, "2026-12-10"),
        ((THURSDAY,), {"date": "am Freitag"}, "2026-12-11"),
        ((TUESDAY, THURSDAY), {"date": "Freitag"}, "2026-12-11"),
        ((TUESDAY, THURSDAY), {"time": "Freitag um zehn"}, "2026-12-11"),
        ((TUESDAY, TUESDAY_AT_ONE), {"date": "Freitag", "time": "gleiche Zeit"}, "2026-12-11"),
        ((TUESDAY, THURSDAY), {"time": "15 Uhr"}, "2026-12-08 oder 2026-12-10"),
        ((TUESDAY, THURSDAY), {"staff": "Julia"}, "2026-12-08 oder 2026-12-10"),
        ((TUESDAY, THURSDAY), {"part_of_day": "nachmittags"}, "2026-12-08 oder 2026-12-10"),
        ((TUESDAY, THURSDAY), {"date": "nächster Tag"}, "2026-12-11"),
        ((TUESDAY, THURSDAY), {"date": "am gleichen Tag", "time": "um elf"}, "2026-12-08 oder 2026-12-10"),
        ((TUESDAY,), {"date": "eine Woche später"}, "2026-12-15"),
        ((TUESDAY,), {"date": "the next day", "time": "11 am"}, "2026-12-09"),
        ((datetime(2027, 1, 5, 9, tzinfo=ZONE),), {"date": "am 8."}, "2027-01-08"),
    ],
)
def test_a_search_goes_on_from_the_last_offers(offers: tuple[datetime, ...], said: dict[str, str], date: str) -> None:
    found = keep_offered_days(CONFIG, after_offers(*offers), said)
    assert found["date"] == date
    assert {said[key] for key in said if key != "date"} <= set(found.values())


@pytest.mark.parametrize(
    ("offers", "said"),
    [
        ((), {"time": "15 Uhr"}),
        ((THURSDAY,), {}),
        ((), {"date": "nächster Tag"}),
        ((THURSDAY,), {"date": "morgen"}),
        ((THURSDAY,), {"date": "diesen Freitag"}),
        ((THURSDAY,), {"date": "2026-12-01", "time": "15:00"}),
        ((THURSDAY, datetime(2026, 12, 1, 9, tzinfo=ZONE)), {"date": "Freitag"}),
    ],
)
def test_a_search_with_its_own_day_keeps_it(offers: tuple[datetime, ...], said: dict[str, Any]) -> None:
    assert keep_offered_days(CONFIG, after_offers(*offers), said) is said


def test_a_booking_counts_from_the_offers() -> None:
    said = {"date": "am nächsten Tag", "time": "13 Uhr"}
    for offers, date in (((TUESDAY,), "2026-12-09"), ((TUESDAY, THURSDAY), "2026-12-09 oder 2026-12-11")):
        found = put_on_offer(CONFIG, after_offers(*offers), said)
        assert (found["date"], found["time"]) == (date, "13 uhr")


def test_the_same_time_is_the_only_offers() -> None:
    found = keep_offered_days(CONFIG, after_offers(TUESDAY), {"date": "Freitag", "time": "gleiche Zeit"})
    assert (found["date"], found["time"]) == ("2026-12-11", "09:00")


@pytest.mark.parametrize(("service", "date"), [("faerben", "2026-12-10"), ("haarschnitt", None)])
def test_another_service_keeps_the_days(service: str, date: str | None) -> None:
    found = keep_offered_days(CONFIG, after_offers(THURSDAY), {"service": service}, service)
    assert found.get("date") == date


def test_the_last_offers_count_before_rejected_ones() -> None:
    rejected = TUESDAY - timedelta(days=7)
    call = after_offers(TUESDAY, before=(rejected,))
    found = put_on_offer(CONFIG, call, {"service": "Haarschnitt", "date": "Dienstag", "time": "9 Uhr"})
    assert datetime.fromisoformat(str(found["start"])) == TUESDAY


def test_a_time_beside_offers_is_on_their_day() -> None:
    found = put_on_offer(CONFIG, after_offers(THURSDAY), {"service": "Haarschnitt", "time": "um elf"})
    assert (found["date"], found["time"]) == ("2026-12-10", "um elf")
