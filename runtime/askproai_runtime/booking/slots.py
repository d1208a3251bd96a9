"""What is free on a day, for people who look at the book: the same rules and claims as for callers, and nothing is held."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from askproai_runtime.booking.availability import Slot, SlotQuery, free_slots
from askproai_runtime.booking.request import rules_of
from askproai_runtime.booking.store import appointments
from askproai_runtime.booking.types import BookingContext

NO_CALL = ""  # nobody's own hold is out of the way


class UnknownName(LookupError):
    """There is no branch or service of this name; the message lists those that are."""


async def slots_of(desk: BookingContext, branch: str, service: str, day: date) -> list[Slot]:
    """Give every bookable start of a local day, one entry for each person. Raises `UnknownName`."""
    config = desk.config()
    in_branch = next((one for one in config.branches if one.name == branch), None)
    if in_branch is None:
        raise UnknownName(f"There is no branch {branch!r}; there are: {', '.join(one.name for one in config.branches)}")
    offered = [one for one in config.services if one.branch in {None, branch}]
    wanted = next((one for one in offered if one.name == service), None)
    if wanted is None:
        names = ", ".join(one.name for one in offered)
        raise UnknownName(f"Branch {branch} offers no service {service!r}; it offers: {names}")
    rules = rules_of(ZoneInfo(config.time_zone), in_branch, wanted)
    first, end = (datetime.combine(one, time(), rules.zone) for one in (day, day + timedelta(days=1)))
    rows = [row for person in rules.people for row in person.resource_ids]
    async with desk.pool.acquire() as conn:
        around = timedelta(days=1)
        busy = await appointments.busy(conn, desk.tenant, rows, first - around, end + around, NO_CALL)
    return free_slots(rules, busy, SlotQuery(desk.clock.now(), first, end))
