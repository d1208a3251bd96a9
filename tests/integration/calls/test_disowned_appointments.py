"""A caller who is not introduced as the customer hears the customer's name with the appointment."""

import pytest

from tests.worlds.spoken_calls import SpokenCall, friday_at

BOOK, MOVE, CANCEL, FIND = "book_appointment", "reschedule_appointment", "cancel_appointment", "find_appointments"


async def call_again(call: SpokenCall, said: str) -> SpokenCall:
    """Book for Otto Lange, and call again with these words."""
    assert (await call.ask(BOOK, friday_at(call.pod, customer_name="Otto Lange")))["success"]
    later = SpokenCall(call.pod, call.number)
    later.say(said)
    return later


@pytest.mark.parametrize(
    "said",
    [
        "Hier Petra, die Frau vom Otto Lange.",
        "Hier ist die Tochter von Otto Lange.",
        "Guten Tag.",
    ],
)
async def test_relative_hears_the_customers_name_before_cancellation(call: SpokenCall, said: str) -> None:
    later = await call_again(call, f"{said} Ich muss absagen.")
    assert "für Otto Lange" in (answer := await later.ask(CANCEL, {}))["message"], answer


@pytest.mark.parametrize("said", ["Hier ist Otto Lange.", "Mein Name ist Otto Lange.", "Otto Lange am Apparat."])
async def test_introduced_customer_hears_no_name_at_cancellation(call: SpokenCall, said: str) -> None:
    later = await call_again(call, f"{said} Ich muss absagen.")
    asked = await later.ask(CANCEL, {})
    assert ("Ihren Termin" in asked["message"], "für Otto" in asked["message"]) == (True, False), asked
    later.say("Ja.")
    assert (await later.ask(CANCEL, {"confirmed": True}))["success"]


@pytest.mark.parametrize(
    "said",
    [
        "Nein, nicht von Otto. Meinen bitte absagen.", "Das ist der von meinem Mann. Meinen bitte absagen.",
        "No, that is my husband's. Cancel mine.",
    ],
)  # fmt: skip
async def test_rejected_appointment_is_not_called_the_callers_own(call: SpokenCall, said: str) -> None:
    later = await call_again(call, "Welche Termine habe ich?")
    await later.ask(FIND, {})
    later.say(said)
    asked = await later.ask(CANCEL, {})
    assert ("Soll ich den Termin" in asked["message"], "für Otto Lange" in asked["message"]) == (True, True), asked
