"""Calls of a barber: a service of two things, and who does not make it to an appointment."""

from held_calls import function_of, hold

from askproai_sandbox.caller.catalogue import read_catalogue

BARBER = read_catalogue(
    "## Buchbar\n- Haarschnitt (30 Minuten; auch: Haare schneiden)\n- Bart trimmen (20 Minuten; auch: Bart)\n"
    "- Haare und Bart (45 Minuten)\n\n## Team\n- Nordstadt: Ali, Hassan\n"
)


def test_a_service_of_two_things_is_not_booked_beside_one_of_them() -> None:
    assert (
        function_of(BARBER, "Habt ihr heut noch was frei für Haare schneiden und Bart?")[1]["service"]
        == "Haare und Bart"
    )
    assert function_of(BARBER, "Einmal Haare schneiden bitte.")[1]["service"] == "Haarschnitt"


def test_who_does_not_make_it_and_asks_for_another_time_moves() -> None:
    said = "Ich hab um drei nen Termin bei Ali, ich schaff's nicht, geht auch vier?"
    assert function_of(BARBER, said) == ("reschedule_appointment", {"appointment_time": "drei", "time": "vier"})


def test_who_is_not_content_asks_for_no_time() -> None:
    said, _ = hold(BARBER, "Ich war letzte Woche bei Hassan und bin nicht zufrieden, das ist total schief.")
    assert said == "Damit kann ich Ihnen leider nicht selbst helfen. Soll ich etwas ausrichten?"
