"""A salon at the Cal.com simulator whose webhooks never arrive: only the task `calendar-poll` finds what happens there."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec

from askproai_core.provider_limits import CircuitBreakers, CircuitRules, RequestBudget
from askproai_core.tenant_config import Service, TenantConfig
from askproai_core.tenant_config.services import EventType, OwnEventType
from askproai_runtime.book.context import BookingContext
from askproai_runtime.calendars import ProviderCallRecorder, build_calendar
from askproai_runtime.events import CalendarPoll
from askproai_runtime.tasks import Next, TaskRun
from tests.worlds.booking_environment import Salon
from tests.worlds.calcom_environment import KEY, CalcomEnvironment, open_calcom_environment
from tests.worlds.tenant_redis import tenant_client

EVERY = timedelta(minutes=5)
GUEST = {"name": "Karl Hoffmann", "email": "karl@example.com", "timeZone": "Europe/Berlin"}
OWN_KEY, OWN_FILE = "cal_anna", "calcom-api-key-anna"


@dataclass
class PollEnvironment:
    """`watermark` is the value that the last run returned or saved; `keys` are the mounted credentials."""

    env: CalcomEnvironment
    keys: dict[str, str] = field(default_factory=lambda: {"calcom-api-key": KEY, OWN_FILE: OWN_KEY})
    watermark: dict[str, Any] = field(default_factory=dict)
    context: BookingContext = None  # type: ignore[assignment]  # set below

    @property
    def salon(self) -> Salon:
        return self.env.salon

    async def poll(self) -> Next:
        """Run the task once, as a worker does."""

        async def save(watermark: dict[str, Any]) -> None:
            self.watermark = msgspec.json.decode(msgspec.json.encode(watermark))

        run = TaskRun("calendar-poll", self.watermark, "corr-poll", save)
        result = await CalendarPoll(self.context, EVERY).run(run)
        await save(result.watermark)
        return result

    async def create(self, start: str, event_type: int = 1001, key: str = KEY, **fields: Any) -> str:
        """Book as a guest at Cal.com; return the uid."""
        body = {"key": key, "action": "create", "eventTypeId": event_type, "start": start, "attendee": GUEST, **fields}
        async with self.env.session.post(f"{self.env.url}/_sim/dashboard", json=body) as response:
            assert response.status == 201, await response.text()
            return str((await response.json())["uid"])

    def update(self, uid: str, at: datetime, key: str = KEY) -> None:
        """Set the time of a booking's last change, by Cal.com's clock."""
        self.env.calcom.accounts[key].bookings[uid].updated = at

    def date(self, uid: str, at: datetime, key: str = KEY) -> None:
        """Set the times of a booking's creation and last change, by Cal.com's clock."""
        booking = self.env.calcom.accounts[key].bookings[uid]
        booking.created = booking.updated = at

    def requests(self) -> list[dict[str, Any]]:
        """Return the requests to bookings so far, except the dashboard's."""
        return [entry for entry in self.env.calcom.journal.entries if entry["path"].startswith("/v2/bookings")]

    def account(self, name: str = "") -> dict[str, Any]:
        found: dict[str, Any] = self.watermark["accounts"][name]
        return found

    async def appointments(self) -> list[tuple[str, str]]:
        """Return status and start of all appointments, holds excluded."""
        rows = await self.salon.rows(
            "SELECT status, starts_at FROM appointments WHERE status <> 'held' ORDER BY starts_at"
        )
        return [(row["status"], f"{row['starts_at']:%m-%d %H:%M}") for row in rows]

    def change_service(self, change: Callable[[Service], Service]) -> None:
        services = (change(self.env.config.services[0]), *self.env.config.services[1:])
        self.env.config = msgspec.structs.replace(self.env.config, services=services)

    async def give_anna_an_account(self) -> None:
        """Replace Anna's event type by 2001, in an account of her own."""
        body = {"key": OWN_KEY, "id": 2001, "lengthInMinutes": 45, "afterEventBuffer": 10, "host": "anna"}
        async with self.env.session.post(f"{self.env.url}/_sim/event-types", json=body) as response:
            assert response.status == 201
        his = (EventType(staff="mehmet", event_type_id=1002),)
        hers = (OwnEventType(staff="anna", event_type_id=2001, credential=OWN_FILE),)
        self.change_service(lambda each: msgspec.structs.replace(each, event_types=his, own_event_types=hers))


@asynccontextmanager
async def open_poll_environment(
    new_salon: Callable[..., Awaitable[Salon]], budget: RequestBudget | None = None
) -> AsyncIterator[PollEnvironment]:
    async with open_calcom_environment(new_salon) as env:
        env.calcom.settings["rate_limit"] = 0
        polled = PollEnvironment(env)
        clock, circuits = env.salon.clock, CircuitBreakers(None, env.salon.clock)
        no_redis = tenant_client(None, env.salon.store.tenant)
        no_limit = RequestBudget(no_redis, clock, "calcom", lambda: 0, for_callers=False)

        def config() -> TenantConfig:
            return env.config

        recorder = ProviderCallRecorder(env.salon.pool, env.salon.store.tenant, env.salon.metrics)
        calendar = build_calendar(
            config, polled.keys.get, env.session, circuits, CircuitRules(), clock, recorder,
            budget or no_limit,
        )  # fmt: skip
        polled.context = replace(env.worker, calendar=calendar, config=config)
        yield polled


def tick(polled: PollEnvironment, **duration: float) -> None:
    """Advance Cal.com's clock and ours."""
    for clock in (polled.env.calcom.clock, polled.salon.clock):
        clock.advance(timedelta(**duration))  # type: ignore[attr-defined]
