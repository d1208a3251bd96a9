"""Offers of a storm."""

from dataclasses import replace

from tests.soak.books import Books
from tests.soak.history import Answer
from tests.worlds.soak_histories import SPOKEN, START, answer, remote

BOOKS = Books(bookings=[remote()])


def offered(second: float, *starts: str, call_id: str = "call_1", **body: str) -> Answer:
    slots = [{"start": start} for start in starts]
    found = answer(second, "check_availability", "Frei ist …", slots=slots, **body)
    return replace(found, call_id=call_id)


def refused(second: float, *alternatives: str, obstacle: str = "taken") -> Answer:
    message = f"{SPOKEN[START]} ist leider nichts mehr frei."
    slots = [{"start": start} for start in alternatives]
    return answer(second, "book_appointment", message, obstacle=obstacle, alternatives=slots)
