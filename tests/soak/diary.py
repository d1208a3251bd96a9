"""Entries of a tenant's people at Cal.com beside bookings, and their deletion: events of linked calendars, and absences."""

import json
import random
import time
from datetime import datetime, timedelta
from typing import Any

from askproai_sandbox.simulator import Refusal
from tests.soak.environment import OWNER, Environment, Tenant
from tests.soak.history import ILLNESS, BusyTime


class Diary:
    """Entries of a tenant's people beside bookings: events of linked calendars, and absences."""

    def __init__(self, env: Environment, tenant: Tenant) -> None:
        self._env, self._tenant = env, tenant
        self._busy_times: dict[int, BusyTime] = {}  # by Cal.com's ids
        self._absences: dict[int, BusyTime] = {}

    def count(self, staff: str) -> int:
        return sum(entry.staff == staff for entry in (*self._busy_times.values(), *self._absences.values()))

    async def enter_busy_time(self, staff: str, start: datetime, length: timedelta) -> None:
        """Enter an event in a staff member's linked calendar."""
        times = {"start": start.isoformat(), "end": (start + length).isoformat()}
        entered_at = time.time()
        made = await self._control("busy", staff, **times)
        self._busy_times[made["id"]] = self._record(
            BusyTime(
                self._tenant.key, staff, start.timestamp(), (start + length).timestamp(), entered_at,
                "an event of a linked calendar",
            )
        )  # fmt: skip

    async def enter_absence(self, staff: str, first: datetime, days: int) -> None:
        """Let a staff member be absent from a local day on, unless exactly this absence exists already."""
        await self._write_absence(staff, first, days)

    async def change_absence(self, choose: random.Random, staff: str, first: datetime, days: int) -> None:
        """Give one of a staff member's absences other days, if there is one."""
        if found := self._find(self._absences, staff):
            number = choose.choice(found)
            await self._write_absence(staff, first, days, number)

    async def remove_one(self, choose: random.Random, staff: str) -> None:
        """Delete one of a staff member's entries, if there is one. Cal.com sends nothing about it."""
        entries = [
            (name, table, number)
            for name, table in (("busy", self._busy_times), ("absences", self._absences))
            for number in self._find(table, staff)
        ]
        if entries:
            name, table, number = choose.choice(entries)
            await self._control(name, staff, delete=number)
            table.pop(number).removed_at = time.time()

    async def _write_absence(self, staff: str, first: datetime, days: int, update: int = 0) -> None:
        midnight = first.replace(hour=0, minute=0)
        # Cal.com keeps days of UTC, and reads them as local ones.
        start, end = (f"{day:%Y-%m-%d}T00:00:00.000Z" for day in (midnight, midnight + timedelta(days=days - 1)))
        changed, entered_at = {"update": update} if update else {}, time.time()
        try:
            made = await self._control("absences", staff, start=start, end=end, reason="sick", notes=ILLNESS, **changed)
        except Refusal:
            return
        if update:
            self._absences[update].removed_at = time.time()
        span = midnight.timestamp(), (midnight + timedelta(days=days)).timestamp()
        event = (made["uuid"], start[:10]) if staff == OWNER else ("", "")
        entry = BusyTime(self._tenant.key, staff, *span, entered_at, "an absence", event)
        self._absences[made["id"]] = self._record(entry)

    def _find(self, table: dict[int, BusyTime], staff: str) -> list[int]:
        return [number for number, entry in table.items() if entry.staff == staff]

    def _record(self, entry: BusyTime) -> BusyTime:
        self._env.history.busy_times.append(entry)
        return entry

    async def _control(self, name: str, staff: str, **fields: Any) -> dict[str, Any]:
        body = {"key": self._tenant.calcom_key, "host": self._env.host(self._tenant, staff).name, **fields}
        response = await self._env.calcom.controls[name](body)
        result: dict[str, Any] = json.loads(response.body)  # type: ignore[arg-type]
        return result
