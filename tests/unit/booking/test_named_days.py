"""A weekday or time alone means a day of the last answer that named days; if another day fits, the caller is asked."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from askproai_runtime.book.appointments import NamedSlot
from askproai_runtime.conversation.named_days import keep_offered_days, put_on_named_day
from askproai_runtime.conversation.relative_times import add_offered_weeks
from askproai_runtime.conversation.requested_services import parse_service_request
from askproai_runtime.conversation.types import CallContext, ClarificationNeeded, NamedTimes, Naming
from tests.worlds.compiled_salon import salon_config
from tests.worlds.rows import each_row

CONFIG = salon_config()
ZONE = ZoneInfo(CONFIG.time_zone)
NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)  # a Friday
TUESDAY, THURSDAY, FRIDAY = (datetime(2026, 12, day, 9, tzinfo=ZONE) for day in (8, 10, 11))
JANUARY = datetime(2027, 1, 5, 10, tzinfo=ZONE)
EARLY = datetime(2026, 12, 1, 13, tzinfo=ZONE)
TUESDAY_AT_ONE = TUESDAY + timedelta(hours=4)


def after_offers(*starts: datetime, before: tuple[datetime, ...] = ()) -> CallContext:
    utc = [start.astimezone(UTC) for start in (*before, *starts)]
    named = tuple((NamedSlot("mitte", "haarschnitt", "anna", start),) for start in utc)
    last = tuple(utc[len(before) :])
    offers_last = NamedTimes(Naming.OFFERED, last) if last else None
    return CallContext("call_1", "mitte", None, NOW, "corr", offered=named, offered_last=last, named_last=offers_last)


def after(naming: Naming, *starts: datetime, offers: tuple[datetime, ...] = (), **fields: Any) -> CallContext:
    named = NamedTimes(naming, tuple(start.astimezone(UTC) for start in starts), **fields)
    return replace(after_offers(*offers), named_last=named)


SECOND = datetime(2026, 12, 2, 9, tzinfo=ZONE)
BOOKED, LISTED = after(Naming.CHANGED, THURSDAY), after(Naming.LISTED, FRIDAY)


def put(call: CallContext, args: dict[str, Any]) -> Mapping[str, Any]:
    return put_on_named_day(call, args, ZONE, lambda: parse_service_request(CONFIG, call, args))


def list_asked_days(call: CallContext, said: dict[str, Any]) -> list[str]:
    """Return month and day of each day in the question that these arguments prompt."""
    with pytest.raises(ClarificationNeeded) as asked:
        put(call, {"service": "Haarschnitt"} | said)
    return [each["start"][5:10] for each in asked.value.answer.fields["candidates"]]


def search(call: CallContext, args: dict[str, Any], service: str = "haarschnitt") -> Mapping[str, Any]:
    request = parse_service_request(CONFIG, call, {"service": "haarschnitt"})
    named = msgspec.structs.replace(request.rules.service, name=service)
    return keep_offered_days(call, args, replace(request, rules=replace(request.rules, service=named)))


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
        ((TUESDAY, THURSDAY), {"date": "der zweite", "time": "9 Uhr"}, THURSDAY),
        ((TUESDAY, THURSDAY), {"start": "Den ersten, bitte"}, TUESDAY),
        ((TUESDAY, THURSDAY, FRIDAY), {"start": "the last one"}, FRIDAY),
        ((TUESDAY, THURSDAY), {"date": "am 8.", "time": "9 Uhr"}, TUESDAY),
        ((TUESDAY, EARLY), {"date": "Dienstag", "time": "13 Uhr"}, EARLY),
        ((TUESDAY, THURSDAY), {"time": "the first one"}, TUESDAY),
        ((TUESDAY, THURSDAY), {"date": "der zweite Termin"}, THURSDAY),
        ((TUESDAY, THURSDAY, FRIDAY), {"date": "Freitag", "time": "der erste"}, FRIDAY),
        ((THURSDAY, FRIDAY), {"date": "2026-12-11", "time": "das erste"}, FRIDAY),
        ((THURSDAY, FRIDAY), {"start": "der letzte", "date": "Donnerstag"}, THURSDAY),
        ((TUESDAY, THURSDAY, FRIDAY), {"date": "Freitag, der erste"}, FRIDAY),
        ((TUESDAY, TUESDAY_AT_ONE, THURSDAY), {"date": "der zweite", "time": "9 Uhr"}, THURSDAY),
        ((FRIDAY - timedelta(days=7), FRIDAY), {"date": "der zweite Freitag", "time": "9 Uhr"}, FRIDAY),
        ((FRIDAY - timedelta(days=7), FRIDAY), {"date": "the second Friday", "time": "9 am"}, FRIDAY),
        ((TUESDAY, THURSDAY, FRIDAY), {"date": "Friday, the first one"}, FRIDAY),
        ((TUESDAY, THURSDAY), {"date": "am ersten Donnerstag", "time": "9 Uhr"}, THURSDAY),
        ((THURSDAY, THURSDAY + timedelta(hours=4)), {"date": "am ersten Donnerstag um neun"}, THURSDAY),
        ((THURSDAY, THURSDAY + timedelta(hours=4)), {"date": "the first Thursday at nine"}, THURSDAY),
    ],
)
def test_words_matching_an_offer_mean_that_offer(
    offers: tuple[datetime, ...], said: dict[str, str], start: datetime
) -> None:
    found = put(after_offers(*offers), {"service": "Haarschnitt"} | said)
    assert datetime.fromisoformat(str(found["start"])) == start
    assert (found["date"], found["time"]) == (None, None)


@each_row(
    ("call", "said", "days"),
    [
        (after_offers(THURSDAY), {"date": "Freitag", "time": "10 Uhr"}, ["12-04", "12-11"]),
        (after_offers(THURSDAY, FRIDAY), {"time": "9 Uhr"}, ["12-10", "12-11"]),
        (after_offers(THURSDAY, FRIDAY), {"start": "der dritte"}, ["12-10", "12-11"]),
        (after_offers(THURSDAY, FRIDAY), {"start": "2"}, ["12-10", "12-11"]),
        (after_offers(THURSDAY, FRIDAY), {"start": 9}, ["12-10", "12-11"]),
        (after_offers(THURSDAY, FRIDAY), {"start": "1", "date": "2026-12-10"}, ["12-10", "12-11"]),
        (after_offers(THURSDAY), {"start": "2"}, ["12-10"]),
        (after_offers(THURSDAY, FRIDAY), {"date": "der erste", "time": "10 Uhr"}, ["12-10", "12-11"]),
        (after_offers(TUESDAY, THURSDAY), {"date": "am zweiten", "time": "9 Uhr"}, ["12-02", "12-10"]),
        (after_offers(TUESDAY, THURSDAY), {"date": "am ersten Dienstag", "time": "11 Uhr"}, ["12-01", "12-08"]),
        (after_offers(TUESDAY, THURSDAY), {"date": "am dritten Tag", "time": "11 Uhr"}, ["12-08", "12-10"]),
        (after_offers(TUESDAY_AT_ONE, FRIDAY), {"date": "der letzte Tag", "time": "nachmittags"}, ["12-08", "12-11"]),
        (after_offers(SECOND, SECOND + timedelta(days=1)), {"date": "der zweite"}, ["12-02", "12-03"]),
        (BOOKED, {"date": "Donnerstag", "time": "11 Uhr"}, ["12-03", "12-10"]),
        (BOOKED, {"time": "Donnerstag um elf"}, ["12-03", "12-10"]),
        (BOOKED, {"start": "Thursday at 11 am"}, ["12-03", "12-10"]),
        (BOOKED, {"date": "Donnerstag", "time": "gleiche Zeit"}, ["12-03", "12-10"]),
        (BOOKED, {"date": "Donnerstag", "time": "direkt danach"}, ["12-03", "12-10"]),
        (after(Naming.CHANGED, JANUARY), {"date": "am 8.", "time": "10 Uhr"}, ["12-08", "01-08"]),
        (
            after(Naming.CHANGED, TUESDAY, offers=(TUESDAY, THURSDAY + timedelta(hours=4))),
            {"time": "13 Uhr"},
            ["12-08", "12-10"],
        ),
        (
            after(Naming.LISTED, FRIDAY, FRIDAY + timedelta(days=7)),
            {"date": "Freitag", "time": "11 Uhr"},
            ["12-11", "12-18"],
        ),
    ],
)
def test_words_that_fit_another_day_are_asked_about(call: CallContext, said: dict[str, Any], days: list[str]) -> None:
    assert list_asked_days(call, said) == days


def after_day(*said_since: str) -> CallContext:
    return after(Naming.OFFERED, THURSDAY, offers=(THURSDAY,), said_since=said_since)


@each_row(
    ("call", "said", "date"),
    [
        *(
            (after(Naming.CHANGED, THURSDAY, offers=(THURSDAY,)), said | {"time": "11 Uhr"}, date)
            for said, date in (
                ({}, "2026-12-10"),
                ({"date": "am selben Tag"}, "2026-12-10"),
                ({"date": "eine Woche später"}, "2026-12-17"),
                ({"date": "diesen Donnerstag"}, "diesen Donnerstag"),
                ({"date": "Donnerstag, den 3. Dezember"}, "Donnerstag, den 3. Dezember"),
                ({"date": "nächsten Donnerstag"}, "nächsten Donnerstag"),  # the model repeats itself
                ({"date": "morgen"}, "morgen"),
            )
        ),
        (LISTED, {"date": "Freitag", "time": "11 Uhr"}, "2026-12-11"),
        (LISTED, {"time": "Friday at eleven"}, "2026-12-11"),
        (LISTED, {"time": "11 Uhr"}, "2026-12-11"),
        (LISTED, {"date": "the Saturday after", "time": "11 am"}, "2026-12-12"),
        (LISTED, {"date": "Donnerstag", "time": "11 Uhr"}, "Donnerstag"),
        (LISTED, {"date": "nächsten Freitag", "time": "11 Uhr"}, "nächsten Freitag"),
        (after(Naming.LISTED, TUESDAY, FRIDAY), {"date": "Freitag", "time": "11 Uhr"}, "2026-12-11"),
        (after(Naming.LISTED, TUESDAY, FRIDAY), {"date": "der zweite", "time": "11 Uhr"}, "der zweite"),
        (after(Naming.LISTED, JANUARY), {"date": "am 5.", "time": "11 Uhr"}, "2027-01-05"),
        # A day that counts from another one is applied only if it was spoken since.
        (after_day("Um elf bitte."), {"date": "am Tag danach", "time": "11 Uhr"}, "2026-12-10"),
        (after_day("Und am Tag danach um elf?"), {"date": "am Tag danach", "time": "11 Uhr"}, "2026-12-11"),
        (after_day("Gut."), {"date": "am Tag danach", "time": "11 Uhr"}, "2026-12-11"),
        (after_day(), {"date": "am Tag danach", "time": "11 Uhr"}, "2026-12-11"),
    ],
)
def test_day_comes_from_the_booking_list_or_offer(call: CallContext, said: dict[str, Any], date: str) -> None:
    assert put(call, {"service": "Haarschnitt"} | said)["date"] == date


@pytest.mark.parametrize(
    ("offers", "said"),
    [
        ((), {"date": "Dienstag", "time": "13 Uhr"}),
        ((TUESDAY,), {"date": "2026-12-01", "time": "13:00"}),
        ((TUESDAY,), {"date": "nächsten Dienstag", "time": "13 Uhr"}),
        ((TUESDAY, datetime(2026, 12, 3, 9, tzinfo=ZONE)), {"date": "Mittwoch", "time": "13 Uhr"}),
        ((TUESDAY,), {"date": "morgen", "time": "9 Uhr"}),
        ((), {"start": "der zweite"}),
        ((TUESDAY,), {"start": TUESDAY_AT_ONE.isoformat()}),
        ((TUESDAY,), {}),
        ((datetime(2026, 11, 28, 9, tzinfo=ZONE),), {"date": "Dienstag", "time": "10 Uhr"}),
    ],
)
def test_unrelated_words_stay_unchanged(offers: tuple[datetime, ...], said: dict[str, Any]) -> None:
    args = {"service": "Haarschnitt"} | said
    assert put(after_offers(*offers), args) is args


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
def test_search_without_a_day_uses_offered_day(offers: tuple[datetime, ...], said: dict[str, str], date: str) -> None:
    found = search(after_offers(*offers), said)
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
def test_search_naming_its_day_is_unchanged(offers: tuple[datetime, ...], said: dict[str, Any]) -> None:
    assert search(after_offers(*offers), said) is said


@each_row(
    ("offers", "said", "date"),
    [
        ((TUESDAY,), {"date": "am nächsten Tag", "time": "13 Uhr"}, "2026-12-09"),
        ((TUESDAY, THURSDAY), {"date": "am nächsten Tag", "time": "13 Uhr"}, "2026-12-09 oder 2026-12-11"),
        ((THURSDAY,), {"time": "um elf"}, "2026-12-10"),
        ((TUESDAY, TUESDAY_AT_ONE), {"date": "Dienstag", "time": "14 Uhr"}, "2026-12-08"),
        *(
            ((TUESDAY, THURSDAY), {"date": said}, "2026-12-10")
            for said in ("diesen Donnerstag", "Yes, on this Thursday")
        ),
    ],
)
def test_time_after_an_offer_is_on_its_day(offers: tuple[datetime, ...], said: dict[str, str], date: str) -> None:
    found = put(after_offers(*offers), {"service": "Haarschnitt"} | said)
    assert (found["date"], found.get("time", "").lower()) == (date, said.get("time", "").lower())


def test_same_time_means_the_only_offers_time() -> None:
    found = search(after_offers(TUESDAY), {"date": "Freitag", "time": "gleiche Zeit"})
    assert (found["date"], found["time"]) == ("2026-12-11", "09:00")


@pytest.mark.parametrize(("service", "date"), [("faerben", "2026-12-10"), ("haarschnitt", None)])
def test_another_service_keeps_the_offered_days(service: str, date: str | None) -> None:
    found = search(after_offers(THURSDAY), {}, service)
    assert found.get("date") == date


def test_weekday_of_last_offers_outranks_rejected_offers() -> None:
    rejected = TUESDAY - timedelta(days=7)
    call = after_offers(TUESDAY, before=(rejected,))
    found = put(call, {"service": "Haarschnitt", "date": "Dienstag", "time": "9 Uhr"})
    assert datetime.fromisoformat(str(found["start"])) == TUESDAY


@pytest.mark.parametrize("said", ["nächsten Donnerstag", "next Thursday"])
def test_next_weekday_in_an_offers_week_is_certain(said: str) -> None:
    args = {"service": "Haarschnitt", "date": said}
    call = after_offers(EARLY)
    assert add_offered_weeks(args, call, ZONE, lambda: parse_service_request(CONFIG, call, args)) is args


@pytest.mark.parametrize(
    "said", [{"date": "11. Dezember", "time": "der letzte"}, {"date": "2026-12-11", "time": "das erste"}]
)
def test_ordinal_beside_an_unoffered_day_is_ignored(said: dict[str, str]) -> None:
    found = put(after_offers(THURSDAY, THURSDAY + timedelta(hours=4)), said)
    assert (found["date"], found["time"]) == (said["date"], None)


def test_question_about_days_names_no_times() -> None:
    second, ninth = (datetime(2026, 12, day, tzinfo=ZONE) for day in (2, 9))
    with pytest.raises(ClarificationNeeded) as asked:
        put(after(Naming.ASKED, second, ninth, is_exact=False), {"date": "der zweite"})
    assert "0 Uhr" not in asked.value.answer.message
    assert len(asked.value.answer.fields["candidates"]) == 2


def test_ordinal_weekday_selects_a_day_of_last_question() -> None:
    fridays = FRIDAY - timedelta(days=7), FRIDAY
    found = put(after(Naming.ASKED, *fridays), {"date": "Freitag, der zweite", "time": "9 Uhr"})
    assert datetime.fromisoformat(str(found["start"])) == FRIDAY
    days = after(Naming.ASKED, *fridays, is_exact=False)
    assert put(days, {"date": "der zweite Freitag", "time": "11 Uhr"}) == {"date": "2026-12-11", "time": "11 Uhr"}


def test_ordinal_selects_the_second_day_in_question() -> None:
    call = after(Naming.ASKED, TUESDAY, THURSDAY, is_exact=False)
    assert put(call, {"date": "der zweite", "time": "11 Uhr"}) == {"date": "2026-12-10", "time": "11 Uhr"}
