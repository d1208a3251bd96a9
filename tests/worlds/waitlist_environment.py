"""Callers who wait for a time of a salon, and the worker's task that offers them what becomes free."""

from typing import Any
from uuid import UUID, uuid4

from askproai_runtime.book.actor import DeskRequest
from askproai_runtime.book.waitlist_offers import WaitlistKeeper
from askproai_runtime.conversation.types import Answer
from askproai_runtime.desk.waitlist import decline_offer
from askproai_runtime.tasks import TaskRun
from tests.worlds.booking_environment import MORNING, Salon, booking_args, call, join_waitlist
from tests.worlds.full_calendar import nothing_free

FRIDAY = {"service": "Haarschnitt", "date": "2026-11-27", "customer_name": "Petra Müller"}
FIRST, SECOND = "+4915100000001", "+4915100000002"
OFFERS = """SELECT o.*, w.phone FROM waitlist_offers o JOIN waitlist w ON w.id = o.entry_id ORDER BY o.id"""


def task_run() -> TaskRun:
    async def save(_: dict[str, Any]) -> None: ...

    return TaskRun("waitlist", {}, "corr-run", save)


async def run(salon: Salon) -> None:
    await WaitlistKeeper(salon.booking).run(task_run())


async def wait(salon: Salon, phone: str = FIRST, **args: Any) -> str:
    answer = await join(salon, f"call_of_{phone}", phone, **args)
    assert answer.success, answer
    return str(answer.fields["waitlist_id"])


async def join(salon: Salon, call_id: str, caller: str | None, **args: Any) -> Answer:
    """Ask to be put on the list while nothing is free."""
    async with nothing_free(salon):
        return await join_waitlist(salon.booking, call(call_id, caller), FRIDAY | args)


async def book(salon: Salon, start: str = MORNING, call_id: str = "call_b", caller: str | None = None) -> str:
    answer = await salon.booking.book_appointment(call(call_id, caller or "+4915112345678"), booking_args(start))
    assert answer.success, answer
    return str(answer.fields["appointment_id"])


async def offer_freed_time(salon: Salon, *phones: str, **args: Any) -> list[str]:
    """Let callers wait for a booked time, cancel its appointment, and run the task; return the entries."""
    appointment = await book(salon)
    entries = [await wait(salon, phone, **args) for phone in phones]
    await salon.cancel(appointment)
    await run(salon)
    return entries


async def decline(salon: Salon, entry: str | UUID) -> None:
    """Decline the open offer of an entry, as the desk."""
    (offer,) = await salon.rows(
        "SELECT id FROM waitlist_offers WHERE entry_id = $1 AND state = 'open'", UUID(str(entry))
    )
    await decline_offer(salon.booking, DeskRequest(uuid4(), "karin"), UUID(str(entry)), offer["id"], "corr")


async def offered(salon: Salon) -> list[tuple[str, str]]:
    return [(row["phone"], row["state"]) for row in await salon.rows(OFFERS)]
