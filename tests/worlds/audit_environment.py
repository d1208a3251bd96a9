"""A salon at the Cal.com simulator whose two books a test makes differ without events, polls or jobs."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec

from askproai_core.audit_state import AuditState
from askproai_runtime.calendar_sync.audit import CalendarAudit, read_audit_state
from askproai_runtime.tasks import Next, TaskRun
from askproai_sandbox.calcom.account import Booking
from tests.worlds.booking_environment import Salon, booking_args, call
from tests.worlds.calcom_environment import KEY
from tests.worlds.poll_environment import PollEnvironment, open_poll_environment

EVERY = timedelta(minutes=30)


@dataclass
class AuditEnvironment:
    """`watermark` is the value that the last run of the audit returned or saved."""

    polled: PollEnvironment
    watermark: dict[str, Any]

    @property
    def salon(self) -> Salon:
        return self.polled.salon

    async def audit(self, *, settled: bool = True) -> Next:
        """Run the task once, as a worker does. By default all earlier changes count as one hour old."""
        if settled:
            await self.settle()

        async def save(watermark: dict[str, Any]) -> None:
            self.watermark = msgspec.json.decode(msgspec.json.encode(watermark))

        run = TaskRun("calendar-audit", self.watermark, "corr-audit", save)
        result = await CalendarAudit(self.polled.context, EVERY).run(run)
        await save(result.watermark)
        return result

    async def settle(self) -> None:
        self.tick(hours=1)
        await self.salon.pool.execute("UPDATE appointments SET updated_at = updated_at - interval '1 hour'")

    def tick(self, **duration: float) -> None:
        self.polled.env.advance(timedelta(**duration))

    @property
    def state(self) -> AuditState:
        state = read_audit_state(self.watermark)
        assert state is not None
        return state

    def sorts(self) -> list[str]:
        return [each.sort.value for each in self.state.differences]

    async def book(self, staff: str = "anna", name: str = "a", **args: Any) -> dict[str, Any]:
        """Book as a caller; return the confirmed appointment."""
        named = {"name": {"a": "Petra Anders", "b": "Otto Brehm"}.get(name, f"Uwe {name.title()}")} | args
        answer = await self.salon.booking.book_appointment(call(name), booking_args(staff=staff, **named))
        assert answer.success, answer
        return (await self.salon.live())[-1]

    def booking(self, uid: str, key: str = KEY) -> Booking:
        return self.polled.env.calcom.accounts[key].bookings[uid]

    def delete(self, uid: str) -> None:
        """Delete a booking at Cal.com without an event."""
        del self.polled.env.calcom.accounts[KEY].bookings[uid]

    def cancel(self, uid: str) -> None:
        """Cancel a booking at Cal.com without an event, and with its former change date, so that no poll finds it."""
        self.booking(uid).status = "cancelled"

    def move(self, uid: str, hours: float) -> None:
        """Move a booking at Cal.com by `hours`, without an event, and with its former change date and uid."""
        booking = self.booking(uid)
        booking.start, booking.end = booking.start + timedelta(hours=hours), booking.end + timedelta(hours=hours)

    def copy(self, uid: str, *, start: datetime | None = None, **changes: Any) -> str:
        """Add a copy of a booking at Cal.com with `changes`, without an event; return the copy's uid."""
        model = self.booking(uid)
        begins = start or model.start
        copied = replace(
            model,
            uid=secrets.token_hex(8),
            id=model.id + 5000,
            start=begins,
            end=begins + (model.end - model.start),
            **changes,
        )
        self.polled.env.calcom.accounts[KEY].bookings[copied.uid] = copied
        return copied.uid

    async def snapshot(self) -> tuple[Any, ...]:
        """Return everything that a run may change, here and at Cal.com."""
        ours = await self.salon.rows("SELECT * FROM appointments ORDER BY id")
        jobs = await self.salon.rows("SELECT id, kind, state FROM jobs ORDER BY id")
        audit = await self.salon.rows("SELECT count(*) FROM audit_log")
        return ours, jobs, audit, self.polled.env.calcom.dump()["accounts"]


@asynccontextmanager
async def open_audit_environment(new_salon: Callable[..., Awaitable[Salon]]) -> AsyncIterator[AuditEnvironment]:
    async with open_poll_environment(new_salon) as polled:
        yield AuditEnvironment(polled, {})
