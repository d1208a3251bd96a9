"""A time that only the caller's own appointment blocks is offered as a move of that appointment."""

from datetime import date, timedelta

import pytest

from tests.worlds.spoken_calls import CUT, SpokenCall, friday_at

pytestmark = pytest.mark.nightly

BOOK, CHECK, MOVE, WAIT = "book_appointment", "check_availability", "reschedule_appointment", "join_waitlist"
PETRA = "Petra Lange"


@pytest.fixture
async def call(call: SpokenCall) -> SpokenCall:
    """Petra Lange has a haircut with Anna at 14:00 from an earlier call of the number."""
    earlier = SpokenCall(call.pod, call.number)
    assert (await earlier.ask(BOOK, friday_at(call.pod, staff="Anna")))["success"]
    return call


def at(call: SpokenCall, time: str, **more: str) -> dict[str, str]:
    return {"service": CUT, "staff": "Anna", "date": friday_at(call.pod)["date"], "time": time} | more


async def booked(call: SpokenCall) -> list[tuple[str, str]]:
    return [(each[1], each[2]) for each in await call.live(of_number=True)]


@pytest.mark.parametrize(
    ("time", "clock"), [("halb drei", "14:30"), ("13:30", "13:30"), ("viertel nach zwei", "14:15")]
)
@pytest.mark.parametrize("named", ["start", "time"])
async def test_search_blocked_by_own_appointment_offers_a_move(
    call: SpokenCall, time: str, clock: str, named: str
) -> None:
    call.say("Petra Lange hier, ginge es auch etwas anders?")
    offer = await call.ask(CHECK, at(call, time))
    assert "wenn wir Ihren Termin" in offer["message"], offer
    assert [each["staff"] for each in offer["alternatives"]] == ["anna"]
    call.say("Ja, bitte.")
    wanted = {"start": offer["alternatives"][0]["start"]} if named == "start" else {"time": time}
    moved = await call.ask(MOVE, wanted)
    assert (moved["success"], await booked(call)) == (True, [(clock, "anna")]), moved


async def test_booking_beside_own_appointment_offers_a_move(call: SpokenCall) -> None:
    call.say("Ginge auch halb drei?")
    await call.ask(CHECK, at(call, "halb drei"))
    call.say("Ja.")
    wanted = at(call, "halb drei", customer_name=PETRA)
    asked = await call.ask(BOOK, wanted)
    assert (asked["choices"], await booked(call)) == (["further", "move"], [("14:00", "anna")]), asked
    call.say("Verschieben.")
    assert (await call.ask(BOOK, wanted | {"choice": "move"}))["success"]
    assert await booked(call) == [("14:30", "anna")]


async def test_appointment_booked_in_the_call_counts_as_own(call: SpokenCall) -> None:
    other = SpokenCall(call.pod)
    assert (await other.ask(BOOK, friday_at(call.pod, "16:00", staff="Anna")))["success"]
    other.say("Ginge auch halb fünf?")
    assert "wenn wir Ihren Termin" in (await other.ask(CHECK, at(call, "16:30")))["message"]


@pytest.mark.parametrize("time", ["14:15", "14:30"])
async def test_own_appointment_prevents_waiting_for_its_time(call: SpokenCall, time: str) -> None:
    assert (await SpokenCall(call.pod).ask(BOOK, friday_at(call.pod, staff="Mehmet")))["success"]
    call.say("Ich möchte auf die Warteliste.")
    offer = await call.ask(WAIT, at(call, time, customer_name=PETRA))
    assert (offer["success"], "wenn wir Ihren Termin" in offer["message"]) == (False, True), offer
    call.say("Für meinen Mann Otto.")
    assert (await call.ask(WAIT, at(call, time, customer_name="Otto Lange")))["success"]


@pytest.mark.parametrize(("taken", "time"), [("15:00", "14:30"), ("13:00", "13:30")])
async def test_time_blocked_by_another_customer_is_called_taken(call: SpokenCall, taken: str, time: str) -> None:
    assert (await SpokenCall(call.pod).ask(BOOK, friday_at(call.pod, taken, staff="Anna")))["success"]
    call.say("Ginge es auch etwas anders?")
    offer = await call.ask(CHECK, at(call, time))
    assert (offer["success"], "wenn wir" in offer["message"]) == (False, False), offer


@pytest.mark.parametrize("time", ["halb drei", "13:30", "viertel nach zwei"])
async def test_weekday_with_two_readings_is_asked_first(call: SpokenCall, time: str) -> None:
    """Today is a Friday, and only the next one is that of the own appointment."""
    call.say(f"Geht Freitag auch {time}?")
    asked = await call.ask(CHECK, at(call, time) | {"date": "Freitag"})
    own, days = friday_at(call.pod)["date"], [each["start"][:10] for each in asked["candidates"]]
    assert (asked["success"], days) == (False, [str(date.fromisoformat(own) - timedelta(weeks=1)), own]), asked
    call.say("Ja.")
    assert not (await call.ask(MOVE, {"date": "Freitag", "time": time}))["success"]
    call.say("Freitag nächste Woche.")
    moved = await call.ask(MOVE, {"date": "Freitag nächste Woche", "time": time})
    assert (moved["success"], moved["start"][:10]) == (True, own), moved


async def test_time_taken_on_one_possible_day_is_mentioned(call: SpokenCall) -> None:
    today = date.fromisoformat(friday_at(call.pod)["date"]) - timedelta(weeks=1)
    other = SpokenCall(call.pod)
    taken = at(call, "14:30", customer_name="Ida Vogt") | {"date": today.isoformat()}
    assert (await other.ask(BOOK, taken))["success"]
    call.say("Geht Freitag auch halb drei?")
    offer = await call.ask(CHECK, at(call, "halb drei") | {"date": "Freitag"})
    assert "nichts mehr frei" in offer["message"], offer
    assert "wenn wir Ihren Termin" in offer["message"], offer
