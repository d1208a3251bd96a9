"""The Cal.com simulator, put together."""

from typing import Any

from aiohttp import web

from askproai_sandbox.calcom import answers
from askproai_sandbox.calcom.account import EventType
from askproai_sandbox.calcom.bookings import Bookings
from askproai_sandbox.calcom.event_types import EventTypes
from askproai_sandbox.calcom.hooks import Webhooks
from askproai_sandbox.calcom.server import Server, ok
from askproai_sandbox.simulator import Clock, body_of


class CalcomSimulator(Server):
    """Cal.com's API v2, as a self-hosted server serves it."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        EventTypes(self)
        Bookings(self)
        Webhooks(self)
        self.route("GET", "/v2/me", "me", self._me)
        self.app.router.add_post("/_sim/event-types", self._seed)

    def dump(self) -> dict[str, Any]:
        return {"accounts": {key: {
            "event_types": [answers.event_type(a, kind) for kind in a.event_types.values()],
            "bookings": [answers.booking(b) for b in a.bookings.values()],
            "webhooks": [{**answers.webhook(a, hook), "secret": "***"} for hook in a.webhooks.values()],
        } for key, a in self.accounts.items()}}  # fmt: skip

    async def _me(self, request: web.Request) -> web.Response:
        return ok(answers.me(self.account(request)))

    async def _seed(self, request: web.Request) -> web.Response:
        """Make an event type with a given id: `{key, id, lengthInMinutes, title, slug, host?, …}`.

        `host` names who is busy with its bookings, as a managed team type's children do; without it the key's user.
        """
        body = await body_of(request)
        account, number = self.account_of(body.pop("key")), int(body.pop("id"))
        host = body.pop("host", account.username)
        if unknown := body.keys() - answers.EVENT_TYPE_FIELDS:
            raise ValueError(f"unknown fields of an event type: {', '.join(sorted(unknown))}")
        named = {"title": f"Event {number}", "slug": f"event-{number}", "minimumBookingNotice": 0, **body}
        fields = {**answers.EVENT_TYPE_DEFAULTS, "lengthInMinutes": 30, **named}
        account.event_types[number] = EventType(number, self.clock.now(), host, fields)
        return web.json_response(answers.event_type(account, account.event_types[number]), status=201)
