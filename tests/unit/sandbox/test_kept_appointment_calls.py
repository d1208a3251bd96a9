"""What callers say to "Der andere Termin am … bleibt bestehen"."""

import pytest
from held_calls import hold

from askproai_sandbox.caller.catalogue import read_catalogue

PRACTICE = read_catalogue("## Buchbar\n- Akupunktur (45 Minuten)\n\n## Team\n- Weststadt: Nina, Frau Sommer\n")
BOOKING = ("Akupunktur am Donnerstag", "Um zehn ist okay, Frieda Kern")


@pytest.mark.parametrize(
    "said",
    [
        "Ach so, den anderen können Sie absagen",
        "Den anderen brauche ich nicht mehr",
        "Nein, der andere soll weg",
        "Der andere kann weg",
        "Oh, dann sagen Sie bitte den alten ab",
        "Den alten Termin brauchen wir dann nicht",
    ],
)
def test_the_other_one_is_cancelled_and_not_the_one_that_was_just_booked(said: str) -> None:
    """The pods ask which one, or whether it is this one: what was booked in the call is not named for them."""
    assert hold(PRACTICE, *BOOKING, said)[0] == ("cancel_appointment", {})


def test_the_other_one_is_named_by_its_day() -> None:
    called, _ = hold(PRACTICE, *BOOKING, "Ach den hatte ich vergessen, den am Montag sagen Sie bitte ab")
    assert called == ("cancel_appointment", {"appointment_date": "Montag"})


@pytest.mark.parametrize("said", ["Welcher andere Termin", "Was für ein anderer Termin denn"])
def test_which_one_that_is_is_looked_up(said: str) -> None:
    called, _ = hold(PRACTICE, *BOOKING, said)
    assert called[0] == "find_appointments"


def test_who_asks_for_another_time_to_choose_from_is_asked_when() -> None:
    assert hold(PRACTICE, BOOKING[0], "Welcher andere Termin ginge denn")[0] == "Wann würde es Ihnen besser passen?"


def test_both_may_stay() -> None:
    assert hold(PRACTICE, *BOOKING, "Ja, beide bitte")[0] == "Kann ich sonst noch etwas für Sie tun?"
