"""Bookings by the desk: their customers, their places, and their entries in the audit log."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from askproai_core.fault_injection import FaultPoints
from askproai_runtime.book.actor import DeskRequest
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.book.outcomes import Booked, Moved
from askproai_runtime.desk.booking import Customer, Place, book_for_desk
from askproai_runtime.desk.outcomes import NotDone
from tests.worlds.booking_environment import HALF_PAST_TWO, BookingService, Salon

PETRA = Customer("Petra Müller", "0151 12345678", "petra@example.org", "braucht Hilfe an der Treppe")
ANNA = Place("mitte", "haarschnitt", "anna")


class Killed(BaseException):
    """The process died here."""


class Killing(FaultPoints):
    """Dies at one point, without ending the test's own process."""

    def reach(self, name: str) -> None:
        if name == self.armed:
            raise Killed


def desk() -> DeskRequest:
    return DeskRequest(uuid4(), "karin@laptop")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


async def book(
    salon: Salon | BookingService,
    start: str = HALF_PAST_TWO,
    place: Place = ANNA,
    request: DeskRequest | None = None,
    customer: Customer = PETRA,
) -> Booked | NotDone:
    context = salon.booking if isinstance(salon, Salon) else salon
    return await book_for_desk(context, request or desk(), place, at(start), customer, "corr-desk")


def changed(outcome: Booked | Moved | NotDone) -> Appointment:
    """Return the appointment that is booked or moved."""
    assert not isinstance(outcome, NotDone), outcome
    (appointment,) = [outcome.appointment] if isinstance(outcome, Moved) else outcome.appointments
    return appointment


def refused(outcome: Booked | Moved | NotDone) -> NotDone:
    """Return the outcome of a booking or move that was not done."""
    assert isinstance(outcome, NotDone), outcome
    return outcome


async def audit(salon: Salon) -> list[tuple[str, dict[str, Any]]]:
    rows = await salon.rows("SELECT actor, action, detail FROM audit_log ORDER BY id")
    assert {row["actor"] for row in rows} <= {"desk"}
    return [(row["action"], json.loads(row["detail"])) for row in rows]
