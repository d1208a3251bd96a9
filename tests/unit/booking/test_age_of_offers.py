"""The basis of a list of free times is computed between the requests of other callers."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from askproai_core.tenant_config import Staff
from askproai_core.tenant_config.services import EventType
from askproai_runtime.availability.free_slots import free_slots
from askproai_runtime.availability.slots import SlotQuery, Span
from askproai_runtime.book.bookables import linked_bookables
from askproai_runtime.book.context import Basis
from askproai_runtime.book.free_times import FreeTimesReader
from askproai_runtime.book.store.free_times import KnownDay, YieldingSpan
from tests.worlds.cpu_time import assert_takes_less
from tests.worlds.opening_salon import local, rules

FRIDAY = date(2026, 11, 27)
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
PEOPLE = tuple(Staff(id=f"p{n}", display_name=f"Person {n}", resource_ids=(n,)) for n in range(1, 61))
LINKS = tuple(EventType(staff=member.id, event_type_id=n) for n, member in enumerate(PEOPLE, 1))
PRACTICE = rules(*PEOPLE, event_types=LINKS, duration_minutes=15, slot_step_minutes=15)


def reader(cancelled: int) -> FreeTimesReader:
    """Return a reader with everybody free until two, and the first people's cancelled bookings from two to four."""
    settings = SimpleNamespace(free_times_age=timedelta(minutes=5))
    clock = SimpleNamespace(now=lambda: NOW)
    ctx: Any = SimpleNamespace(calendar=SimpleNamespace(remote=True), settings=settings, clock=clock)
    found = FreeTimesReader(ctx, PRACTICE, "test")
    free = ((epoch("09:00"), epoch("14:00")),)
    links = linked_bookables(ctx, PRACTICE.service).values()
    found._remember(KnownDay(link, FRIDAY, free, 900, timedelta(seconds=9)) for link in links)
    two_to_four = Span(local(f"{FRIDAY}T14:00"), local(f"{FRIDAY}T16:00"))
    found._yielding += [YieldingSpan(member.id, two_to_four, is_cancelled=True) for member in PEOPLE[:cancelled]]
    return found


def epoch(clock: str) -> int:
    return int(local(f"{FRIDAY}T{clock}").timestamp())


def test_only_times_of_cancelled_appointments_are_uncertain() -> None:
    slots = free_slots(PRACTICE, {}, SlotQuery(NOW, local(f"{FRIDAY}T09:00"), local(f"{FRIDAY}T16:00")))
    first = [slot for slot in slots if slot.staff == "p1"]
    hidden = [slot for slot in first if slot.start >= local(f"{FRIDAY}T14:00")]
    read = reader(cancelled=1)
    assert read.basis(hidden[:1]) is Basis.OWN_BOOK
    assert read.basis([slot for slot in first if slot not in hidden]) is Basis.CALENDAR
    others = [slot for slot in slots if slot.staff == "p2" and slot.start < hidden[0].start]
    assert read.basis(others) is Basis.CALENDAR


def test_day_of_sixty_people_does_not_stop_callers() -> None:
    slots = free_slots(PRACTICE, {}, SlotQuery(NOW, local(f"{FRIDAY}T09:00"), local(f"{FRIDAY}T18:00")))
    assert len(slots) == 60 * 36

    def look() -> None:
        read = reader(cancelled=60)
        read.basis(slots)
        read.read_at(slots)

    assert_takes_less(0.080, look)
