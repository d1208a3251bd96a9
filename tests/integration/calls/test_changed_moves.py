"""A move may change the staff member. If it names another service, the caller is asked first."""

from typing import Any

import pytest

from askproai_runtime.sentences import say
from tests.worlds.spoken_calls import COLOR, CUT, SpokenCall, friday_at

BOOK, MOVE, SEARCH = "book_appointment", "reschedule_appointment", "check_availability"
PETRA = "Petra Lange"


@pytest.fixture
async def call(call: SpokenCall) -> SpokenCall:
    """Petra Lange has a haircut with Mehmet at 14:00, from an earlier call of this number."""
    assert (await call.ask(BOOK, friday_at(call.pod, staff="Mehmet")))["success"]
    return SpokenCall(call.pod, call.number)


async def live(call: SpokenCall) -> list[tuple[str, ...]]:
    return [each[:3] for each in await call.live(of_number=True)]


def day(call: SpokenCall) -> str:
    return str(friday_at(call.pod)["date"])


@pytest.mark.parametrize(
    "named", [{"staff": "Anna"}, {"new_staff": "Anna"}, {"stylist": "nicht Mehmet"}, {"new_stylist": "zu Anna"}]
)
@pytest.mark.parametrize("at", ["14:00", "16:00"])
async def test_named_staff_member_gets_the_moved_appointment(call: SpokenCall, named: dict[str, Any], at: str) -> None:
    moved = await call.ask(MOVE, {"date": day(call), "time": at, **named})
    assert (moved["success"], moved["staff"]) == (True, "anna"), moved
    assert say().only_time_moved not in moved["message"]
    again = await call.ask(MOVE, {"date": day(call), "time": at, **named})
    assert again["message"].startswith("Der Termin steht schon"), again
    assert await live(call) == [("haarschnitt", at, "anna")]


@pytest.mark.parametrize("named", [{}, {"staff": "Mehmet"}, {"staff": "egal"}, {"staff": "mehmet"}])
async def test_plain_move_keeps_the_staff_member(call: SpokenCall, named: dict[str, str]) -> None:
    moved = await call.ask(MOVE, {"date": day(call), "time": "16:00", **named})
    assert moved["message"].endswith("Haarschnitt bei Mehmet."), moved
    assert await live(call) == [("haarschnitt", "16:00", "mehmet")]


async def test_unknown_staff_name_moves_nothing(call: SpokenCall) -> None:
    asked = await call.ask(MOVE, {"date": day(call), "time": "16:00", "staff": "Julia"})
    assert (asked["success"], asked["staff"]) == (False, ["anna", "mehmet"]), asked
    assert await live(call) == [("haarschnitt", "14:00", "mehmet")]


@pytest.mark.parametrize(("said", "staff"), [("Ja, gern.", "anna"), ("Nein, lassen Sie.", "mehmet"), (None, "mehmet")])
async def test_staff_change_without_a_time_is_confirmed_first(call: SpokenCall, said: str | None, staff: str) -> None:
    """The name may have been to pick the appointment."""
    asked = await call.ask(MOVE, {"staff": "Anna"})
    assert "zur selben Zeit bei Anna" in asked["message"], asked
    if said is not None:
        call.say(said)
    await call.ask(MOVE, {"staff": "Anna"})
    assert await live(call) == [("haarschnitt", "14:00", staff)]


async def test_taken_time_offers_slots_with_named_staff_member(call: SpokenCall) -> None:
    other = SpokenCall(call.pod)
    assert (await other.ask(BOOK, friday_at(call.pod, "16:00", staff="Anna", customer_name="Otto Kurz")))["success"]
    offer = await call.ask(MOVE, {"date": day(call), "time": "16:00", "staff": "Anna"})
    assert {each["staff"] for each in offer["alternatives"]} == {"anna"}, offer
    call.say("Dann die erste.")
    moved = await call.ask(MOVE, {"start": offer["alternatives"][0]["start"]})
    assert (moved["success"], moved["staff"]) == (True, "anna"), moved


async def test_accepted_offer_moves_to_the_offered_staff_member(call: SpokenCall) -> None:
    offer = await call.ask(SEARCH, {"service": CUT, "date": day(call), "time": "16:00", "staff": "Anna"})
    call.say("Ja, dahin verschieben.")
    assert (await call.ask(MOVE, {"start": offer["slots"][0]["start"]}))["success"]
    assert await live(call) == [("haarschnitt", "16:00", "anna")]


@pytest.mark.parametrize("service", [COLOR, "Coloring", f"{CUT} und {COLOR}"])
@pytest.mark.parametrize("more", [{}, {"time": "16:00"}, {"time": "16:00", "staff": "Anna"}])
async def test_another_service_replaces_appointment_after_a_yes(
    call: SpokenCall, service: str, more: dict[str, str]
) -> None:
    asked = await call.ask(MOVE, {"service": service, **more})
    assert (asked["success"], COLOR in asked["message"]) == (False, True), asked
    assert await live(call) == [("haarschnitt", "14:00", "mehmet")]
    call.say("Ja, bitte.")
    done = await call.ask(MOVE, {"service": service, **more})
    assert (done["success"], "abgesagt" in done["message"]) == (True, True), done
    (booked,) = await live(call)
    assert booked[1:] == (more.get("time", "14:00"), more.get("staff", "Mehmet").lower())
    assert "faerben" in booked[0]
    again = await call.ask(MOVE, {"service": service, **more})
    assert "abgesagt" not in again["message"]
    assert await live(call) == [booked]


async def test_another_service_is_not_booked_after_no(call: SpokenCall) -> None:
    wanted = {"service": COLOR, "date": day(call), "time": "16:00"}
    asked = await call.ask(MOVE, wanted)
    call.say("Nein, doch nicht.")
    kept = await call.ask(MOVE, wanted)
    assert (kept["success"], kept["message"] == asked["message"]) == (False, False), kept
    call.say("Nur die Zeit.")
    assert (await call.ask(MOVE, {"date": day(call), "time": "16:00"}))["success"]
    assert await live(call) == [("haarschnitt", "16:00", "mehmet")]


@pytest.mark.parametrize("named", [{"service": CUT}, {"service": "Schneiden"}, {"service": "Dauerwelle"}])
async def test_move_naming_its_own_service_needs_no_question(call: SpokenCall, named: dict[str, str]) -> None:
    moved = await call.ask(MOVE, {"date": day(call), "time": "16:00", **named})
    assert (moved["success"], await live(call)) == (True, [("haarschnitt", "16:00", "mehmet")]), moved
