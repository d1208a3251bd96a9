"""Controls of hosts: absences, events of linked calendars, and schedules (docs/vendors/calcom.md). Their APIs are not simulated."""

import itertools
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web

from askproai_sandbox.calcom import requests, webhooks
from askproai_sandbox.calcom.hosts import Absence, Host, Override, WorkingHours, iso
from askproai_sandbox.calcom.server import Server
from askproai_sandbox.simulator import Refusal


class Absences:
    """The control paths for a host's absences, calendar and schedule."""

    def __init__(self, server: Server) -> None:
        self._server, self._ids = server, itertools.count(1)
        server.controls |= {"absences": self._play_absence, "busy": self._play_busy, "hosts": self._play_host}

    def _span(self, host: Host, body: requests.AbsenceBody) -> tuple[datetime, datetime]:
        """Return start and end of an absence in whole UTC days. Raises Refusal for no span, or that of another absence."""
        start, end = (datetime.fromisoformat(value).astimezone(UTC).date() for value in (body.start, body.end))
        if end < start:
            raise Refusal(400, "Start date must be before end date.")
        span = datetime.combine(start, time(), UTC), datetime.combine(end, time(23, 59, 59, 999000), UTC)
        if any((other.start, other.end) == span for other in host.absences.values()):
            raise Refusal(409, "Ooo entry already exists.")
        return span

    async def _play_absence(self, body: dict[str, Any]) -> web.Response:
        """Enter an absence as a person does in the web app, `{key, host?, start, end, reason?}`, change one, `{…, update: id}`,
        or delete one, `{key, host?, delete: id}`.

        An entry or a change sends the webhook OOO_CREATED; a deletion sends none. A user's webhooks get the user's own absences
        only: those of other members go to a team's webhooks, which are not simulated.
        """
        account = self._server.account_of(body.pop("key"))
        host = account.host(body.pop("host", None))
        if "delete" in body:
            return web.json_response(host.absences.pop(body["delete"]).body())
        absence = host.absences.get(body.pop("update", 0))
        fields = requests.parse(requests.AbsenceBody, body)
        start, end = self._span(host, fields)
        if absence is None:
            absence = Absence(next(self._ids), host.id, start, end, fields.reason, fields.notes)
            host.absences[absence.id] = absence
        else:
            absence.start, absence.end = start, end
        if host.id == account.user_id:
            payload = webhooks.absence_payload(absence, host, iso(self._server.clock.now()))
            await webhooks.send(self._server, account, "OOO_CREATED", payload)
        return web.json_response(absence.body(), status=201)

    async def _play_busy(self, body: dict[str, Any]) -> web.Response:
        """Add an event to a host's linked calendar, `{key, host?, start, end}`, or delete it, `{key, host?, delete: id}`.

        Cal.com sends no webhook for such an event: it only removes free slots, and bookings in it are refused.
        """
        host = self._server.account_of(body["key"]).host(body.get("host"))
        if "delete" in body:
            del host.busy_times[body["delete"]]
            return web.json_response({})
        number = next(self._ids)
        start, end = (requests.utc(datetime.fromisoformat(body[name])) for name in ("start", "end"))
        host.busy_times[number] = (start, end)
        return web.json_response({"id": number}, status=201)

    async def _play_host(self, body: dict[str, Any]) -> web.Response:
        """Change a host's schedule: `{key, host?, timeZone?, availability?, overrides?}`, in the form of /v2/schedules.

        `availability` are `{days, startTime, endTime}`, `overrides` are `{date, startTime, endTime}`, in the host's own zone.
        """
        host = self._server.account_of(body["key"]).host(body.get("host"))
        if "timeZone" in body:
            host.time_zone = ZoneInfo(body["timeZone"])
        if "availability" in body:
            host.availability = msgspec.convert(body["availability"], list[WorkingHours])
        if "overrides" in body:
            host.overrides = msgspec.convert(body["overrides"], list[Override])
        return web.json_response(host.body())
