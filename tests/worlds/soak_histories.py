"""Histories of a storm, as the checker reads them."""

from typing import Any

from tests.soak.books import Booking
from tests.soak.history import Answer, seconds

A, B = "ahorn.ahorn", "birke.birke"

START, LATER = "2026-11-27T14:30:00+01:00", "2026-11-28T10:00:00+01:00"

SPOKEN = {START: "Freitag, den 27. November, um 14 Uhr 30", LATER: "Samstag, den 28. November, um 10 Uhr"}

NOW = seconds("2026-11-20T09:00:00+01:00") or 0.0


def at(iso: str) -> float:
    return seconds(iso) or 0.0


def answer(
    second: float, function: str, message: str, *, asked: str = START, customer: str = "Petra", **body: Any
) -> Answer:
    """Return an answer at the given second of the storm, half a second after its question."""
    args = {"start": asked} if function in ("book_appointment", "reschedule_appointment") else {}
    if function in ("reschedule_appointment", "cancel_appointment"):
        args["appointment_id"] = "id-1"
    fields = {"message": message, "success": True, **body}
    return Answer(
        A, "call_1", "+4915111199001", function, args, NOW + second - 0.5, NOW + second, 200, fields, customer
    )


def booked(second: float = 1, message: str | None = None, **body: Any) -> Answer:
    sentence = message or f"Der Termin ist eingetragen: {SPOKEN[START]}, Haarschnitt bei Anna."
    fields = {"appointment_id": "id-1", "start": START, "status": "confirmed", **body}
    return answer(second, "book_appointment", sentence, **fields)


def remote(start: str = START, uid: str = "uid-1", *, live: bool = True, **more: Any) -> Booking:
    values = {"created": NOW + 0.7, "updated": NOW + 100, "request_id": "id-1"} | more
    return Booking(A, uid, "anna", at(start), at(start) + 2700, live, **values)
