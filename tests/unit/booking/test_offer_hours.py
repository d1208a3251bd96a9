"""Requests for a part of a day or with a limit: why nothing is free then, and alternatives at the same hours."""

from datetime import UTC, date, datetime, timedelta

import pytest

from askproai_core.tenant_config import Weekday
from askproai_runtime.availability.obstacles import Obstacle
from askproai_runtime.availability.slots import Busy, BusySpan, Span
from askproai_runtime.book.context import BookingSettings
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.conversation.offer_choice import Offer, choose_offer
from askproai_runtime.conversation.open_readings import keep_open_readings
from askproai_runtime.spoken_times import understand
from tests.worlds.opening_salon import ANNA, BERLIN, hours, local, rules
from tests.worlds.rows import each_row

SUNDAY = datetime(2026, 11, 22, 9, tzinfo=UTC)
WHOLE_DAYS = Weekday.MON, Weekday.TUE, Weekday.WED, Weekday.THU
OPENING = hours("07:30", "16:00", *WHOLE_DAYS), hours("07:30", "12:00", Weekday.FRI)


async def offer(phrase: str, *taken: tuple[str, str], opening=OPENING, notice: int = 60) -> Offer:
    """Return the offers on that Sunday of a service of half an hour, with these times taken."""
    practice = rules(ANNA, opening=opening, duration_minutes=30, slot_step_minutes=30, minimum_notice_minutes=notice)

    async def read_busy(_: Span) -> Busy:
        return {1: [BusySpan(local(start), local(end)) for start, end in taken]}

    request = ServiceRequest(practice, None)
    understood = keep_open_readings(understand(phrase, at=SUNDAY, zone=BERLIN), request)
    return await choose_offer(request, read_busy, SUNDAY, understood, BookingSettings())


def starts(chosen: Offer) -> list[str]:
    return [f"{slot.start.astimezone(BERLIN):%a %d %H:%M}" for slot in chosen.slots]


AFTERNOON, DAY = ("2026-11-25T12:00", "2026-11-25T18:00"), ("2026-11-25T07:00", "2026-11-25T18:00")
OUTSIDE, OFF_GRID, TAKEN = Obstacle.OUTSIDE_HOURS, Obstacle.OFF_GRID, Obstacle.TAKEN


@each_row(
    ("phrase", "taken", "obstacle", "instead"),
    [
        ("Freitag Nachmittag", (), OUTSIDE, ["Mon 30 13:00", "Mon 30 15:00", "Tue 01 13:00"]),
        ("Freitag ab drei", (), OUTSIDE, ["Mon 30 15:00", "Tue 01 15:00", "Wed 02 15:00"]),
        ("Freitag zwischen 13 und 14 Uhr", (), OUTSIDE, ["Mon 30 13:00", "Tue 01 13:00", "Wed 02 13:00"]),
        ("Samstag Nachmittag", (), Obstacle.CLOSED_DAY, ["Mon 30 13:00", "Mon 30 15:00", "Tue 01 13:00"]),
        ("Freitag gegen zwei", (), OUTSIDE, ["Fri 27 11:30", "Fri 27 10:30", "Thu 26 14:00"]),
        ("Freitag um drei", (), OUTSIDE, ["Fri 27 11:30", "Fri 27 10:30", "Thu 26 15:00"]),
        ("Mittwoch Nachmittag", (AFTERNOON,), TAKEN, ["Thu 26 13:00", "Thu 26 15:00", "Mon 30 13:00"]),
        ("Mittwoch ab drei", (AFTERNOON,), TAKEN, ["Thu 26 15:00", "Thu 26 15:30", "Mon 30 15:00"]),
        ("Mittwoch gegen drei", (AFTERNOON,), TAKEN, ["Wed 25 11:30", "Wed 25 10:30", "Thu 26 15:00"]),
        ("Mittwoch", (DAY,), TAKEN, ["Thu 26 07:30"]),
        ("dienstags um viertel nach neun", (), OFF_GRID, ["Tue 24 09:00", "Tue 24 08:00", "Tue 24 10:00"]),
        (
            "dienstags oder freitags um viertel nach neun",
            (),
            OFF_GRID,
            ["Tue 24 09:00", "Tue 24 08:00", "Tue 24 10:00"],
        ),
        ("immer um Viertel nach neun", (), OFF_GRID, ["Mon 23 09:00", "Mon 23 10:00", "Tue 24 09:00"]),
        ("Dienstag zwischen 9 Uhr 10 und 9 Uhr 20", (), OFF_GRID, ["Tue 24 09:00", "Tue 24 10:00", "Wed 25 09:00"]),
        ("Dienstag um viertel nach neun", (), OFF_GRID, ["Tue 24 09:00", "Tue 24 10:00", "Wed 25 09:00"]),
    ],
)
async def test_alternatives_are_at_the_requested_hours(
    phrase: str, taken: tuple[tuple[str, str], ...], obstacle: Obstacle, instead: list[str]
) -> None:
    chosen = await offer(phrase, *taken)
    assert (chosen.obstacle, starts(chosen)[: len(instead)], chosen.keeps_hours) == (obstacle, instead, True)


@pytest.mark.parametrize(
    ("phrase", "taken", "offered"),
    [
        ("Mittwoch Nachmittag", (), "Wed 25 13:00"),
        ("nächste Woche nachmittags", (), "Mon 23 13:00"),
        ("Mittwoch Nachmittag", (("2026-11-25T12:30", "2026-11-25T18:00"),), "Wed 25 12:00"),
        ("Mittwoch zwischen 12 und 18 Uhr", (), "Wed 25 12:00"),
        ("Mittwoch Mittag", (), "Wed 25 11:30"),
    ],
)
async def test_an_afternoon_begins_after_noon(phrase: str, taken: tuple[tuple[str, str], ...], offered: str) -> None:
    chosen = await offer(phrase, *taken)
    assert (chosen.obstacle, starts(chosen)[0]) == (None, offered)


@pytest.mark.parametrize("phrase", ["vom 23. November bis 6. Dezember um 15 Uhr", "die nächsten zwei Wochen um 15 Uhr"])
async def test_two_week_search_begins_after_last_named_day(phrase: str) -> None:
    """Callers hear that nothing is free at that time "in the two weeks after it": so these are searched, too."""
    until = [date(2026, 11, 23) + timedelta(days=days) for days in range(17)]
    taken = [(f"{day}T14:30", f"{day}T16:00") for day in until]
    chosen = await offer(phrase, *taken)
    assert (chosen.obstacle, chosen.keeps_hours, starts(chosen)[0]) == (Obstacle.TAKEN, True, "Thu 10 15:00")


@each_row(
    "phrase", ["Mittwoch Abend", "nächste Woche abends", "Montag nach 18 Uhr", "dienstags um viertel nach sechs abends"]
)
async def test_hours_outside_every_day_are_replaced(phrase: str) -> None:
    chosen = await offer(phrase)
    assert (chosen.obstacle, chosen.keeps_hours, len(chosen.slots)) == (OUTSIDE, False, 3)
    assert phrase != "Mittwoch Abend" or starts(chosen) == ["Wed 25 15:30", "Wed 25 14:30", "Thu 26 15:30"]
    short = await offer("Freitag Nachmittag", opening=(hours("07:30", "12:20", Weekday.FRI),))
    assert (short.obstacle, short.keeps_hours) == (OUTSIDE, False), "the afternoon is too short for the service"


@pytest.mark.parametrize(
    ("phrase", "instead"),
    [
        ("morgen um zehn", ["Mon 23 12:00", "Mon 23 13:00", "Tue 24 10:00"]),
        ("morgen gegen zehn", ["Mon 23 12:00", "Mon 23 13:00", "Tue 24 10:00"]),
        ("morgen früh", ["Tue 24 07:30", "Tue 24 09:00", "Wed 25 07:30"]),
        ("morgen vormittag", ["Tue 24 09:00", "Tue 24 11:00", "Wed 25 09:00"]),
    ],
)
async def test_time_within_the_notice_offers_later_times(phrase, instead) -> None:
    chosen = await offer(phrase, notice=26 * 60)  # until Monday, 12 o'clock
    assert (chosen.obstacle, starts(chosen)) == (Obstacle.TOO_SOON, instead)


@pytest.mark.parametrize(
    ("phrase", "notice", "obstacle"),
    [
        ("morgen", 36 * 60, Obstacle.TOO_SOON),
        ("morgen", 26 * 60, Obstacle.TAKEN),  # the afternoon was bookable, and is booked
        ("morgen vormittag", 26 * 60, Obstacle.TOO_SOON),
        ("morgen nachmittag", 26 * 60, Obstacle.TAKEN),
        ("nächste Woche", 10 * 24 * 60, Obstacle.TOO_SOON),
    ],
)
async def test_day_within_minimum_notice_is_not_called_full(phrase: str, notice: int, obstacle: Obstacle) -> None:
    chosen = await offer(phrase, ("2026-11-23T07:30", "2026-11-23T16:00"), notice=notice)
    assert chosen.obstacle is obstacle
