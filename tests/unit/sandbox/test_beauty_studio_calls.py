"""Calls of a beauty studio: services in one another's names, prices and preparation in everyday words, times not known."""

import pytest
from beauty_studio import studio, studio_function

ADVICE, MAKE_UP = "Beratung zum Permanent-Make-up", "Permanent-Make-up"
WISH = "Ich möchte ein Wimpernlifting am Samstag um zehn."
BOOKED = (WISH, "Ja, bitte. Lara Petersen.")


@pytest.mark.parametrize(
    ("said", "service"),
    [
        ("Eine Beratung für Permanent-Make-up am Donnerstag um zehn, bitte.", ADVICE),
        ("Permanent-Make-up-Beratung am nächsten Donnerstag um elf, bitte.", ADVICE),
        ("Eine Beratung, es geht um Permanent-Make-up.", ADVICE),
        ("Eine Beratung zum PMU am Donnerstag.", ADVICE),
        ("Permanent-Make-up am Donnerstag um zehn.", MAKE_UP),
        ("Beratung und Maniküre am Donnerstag.", f"{ADVICE}, Maniküre"),
    ],
)
def test_a_service_is_not_taken_for_the_one_that_is_a_part_of_its_name(said: str, service: str) -> None:
    assert studio_function(said)[1]["service"] == service


@pytest.mark.parametrize("said", ["Permanent-Make-up und eine Beratung.", "Permanent-Make-up, erst nur die Beratung."])
def test_where_one_or_two_services_may_be_meant_it_asks_which(said: str) -> None:
    assert studio(said)[0] == f"Möchten Sie {MAKE_UP} oder {ADVICE}?"


@pytest.mark.parametrize(
    ("says", "topic", "service"),
    [
        (("Ich interessiere mich für Permanent-Make-up, was muss man denn dafür hinlegen?",), "prices", MAKE_UP),
        (("Was nehmen Sie fürs Achselwaxing?",), "prices", "Achselwaxing"),
        (("Was verlangen Sie für eine Maniküre?",), "prices", "Maniküre"),
        ((*BOOKED, "Was muss ich denn davor beachten?"), "service", "Wimpernlifting"),
        ((*BOOKED, "Danke, und worauf muss ich vorher achten?"), "service", "Wimpernlifting"),
        (("Muss ich beim Wimpernlifting etwas beachten?",), "service", "Wimpernlifting"),
    ],
)
def test_prices_and_preparation_are_asked_for_in_everyday_words(
    says: tuple[str, ...], topic: str, service: str
) -> None:
    name, args = studio_function(*says)
    assert (name, args["topic"], args["service"]) == ("business_information", topic, service)


@pytest.mark.parametrize("when", ["eine halbe Stunde vor Feierabend", "gleich nach dem Mittagessen"])
def test_a_time_that_the_pods_do_not_know_is_asked_for_and_not_left_out(when: str) -> None:
    asked, remark = studio(WISH, f"Dann Donnerstag {when}.")
    assert not isinstance(asked, tuple)
    assert when in str(remark)
