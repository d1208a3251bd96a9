"""A time that becomes free."""

from typing import Any

from askproai_runtime.book.waitlist_offers import WaitlistKeeper
from askproai_runtime.tasks import TaskRun
from tests.worlds.booking_environment import call, join_waitlist
from tests.worlds.full_calendar import nothing_free
from tests.worlds.notification_environment import NotificationEnvironment


async def offer_freed_time(env: NotificationEnvironment) -> None:
    """Put a customer on the waiting list, cancel an appointment, and run the waiting list's task."""

    async def save(_: dict[str, Any]) -> None: ...

    appointment = await env.book(email=None)
    friday = {"service": "Haarschnitt", "date": "2026-11-27", "customer_name": "Wanda Wartend"}
    async with nothing_free(env.salon):
        assert (await join_waitlist(env.salon.booking, call("call_w", "+4915100000001"), friday)).success
    await env.salon.cancel(appointment)
    await WaitlistKeeper(env.salon.booking).run(TaskRun("waitlist", {}, "corr", save))
