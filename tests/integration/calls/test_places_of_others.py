"""An entry of the waiting list is said with its customer's name if the caller may be another person."""

import pytest

from tests.worlds.spoken_calls import CUT, SpokenCall, friday_at

CANCEL, FIND, JOIN = "cancel_appointment", "find_appointments", "join_waitlist"
PLACE = "Haarschnitt, Freitag, den 27. November"
ANOTHER = [("Hier ist Otto Lange.", {}), ("Guten Tag.", {"customer_name": "Otto Lange"}), ("Otto Lange hier.", {})]


async def call_again(call: SpokenCall, said: str) -> SpokenCall:
    """Put Petra Lange on the list, and call again with these words."""
    args = {"service": CUT, "date": friday_at(call.pod)["date"], "customer_name": "Petra Lange"}
    await call.ask(JOIN, args)
    call.say("Nein, das passt mir alles nicht.")
    assert (await call.ask(JOIN, args))["success"]
    later = SpokenCall(call.pod, call.number)
    later.say(f"{said} Bitte von der Warteliste streichen.")
    return later


@pytest.mark.parametrize(("said", "args"), ANOTHER)
async def test_removal_question_names_the_waiting_customer(call: SpokenCall, said: str, args: dict[str, str]) -> None:
    later = await call_again(call, said)
    asked = await later.ask(CANCEL, args)
    assert asked["message"].endswith(f"Soll ich den Platz auf der Warteliste streichen: {PLACE} für Petra Lange?"), (
        asked
    )


@pytest.mark.parametrize(("said", "args"), ANOTHER)
async def test_search_names_the_waiting_customer(call: SpokenCall, said: str, args: dict[str, str]) -> None:
    later = await call_again(call, said)
    found = await later.ask(FIND, args)
    assert found["message"].endswith(f"auf der Warteliste steht aber: {PLACE} für Petra Lange."), found


@pytest.mark.parametrize(
    ("said", "args"), [("Hier ist Petra Lange.", {}), ("Hallo.", {"customer_name": "Petra Lange"})]
)
async def test_waiting_callers_own_name_is_not_spoken(call: SpokenCall, said: str, args: dict[str, str]) -> None:
    later = await call_again(call, said)
    assert (await later.ask(CANCEL, args))["message"].endswith(f"streichen: {PLACE}?")
    later.say("Ja.")
    assert (await later.ask(CANCEL, args | {"confirmed": True}))["success"]
