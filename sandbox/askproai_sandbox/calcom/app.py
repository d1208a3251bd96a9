"""The Cal.com simulator, put together; its users, event types and register of webhooks (reference §1, §2, §5)."""

import uuid
from typing import Any

import msgspec
from aiohttp import web

from askproai_sandbox.calcom import requests
from askproai_sandbox.calcom.account import Account, EventType, Webhook
from askproai_sandbox.calcom.bookings import Bookings
from askproai_sandbox.calcom.bookings_v1 import BookingsV1
from askproai_sandbox.calcom.server import Server, ok
from askproai_sandbox.simulator import Clock, Refusal, json_body, without_secrets


class CalcomSimulator(Server):
    """Cal.com's API v2, as a self-hosted server serves it, and what we use of v1, which old ones still have."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        BookingsV1(self, Bookings(self))
        self.serve("GET", "/v2/me", "me", self._me)
        self.serve("GET", "/v2/event-types/{id}", "get-event-type", self._get_event_type, version="2024-06-14")
        for method, path, operation, work in (  # they need no version header
            ("POST", "", "create-webhook", self._create_hook),
            ("GET", "", "list-webhooks", self._list_hooks),
            ("PATCH", "/{id}", "update-webhook", self._update_hook),
            ("DELETE", "/{id}", "delete-webhook", self._delete_hook),
        ):
            self.serve(method, f"/v2/webhooks{path}", operation, work)
        self.controls["event-types"] = self._seed

    def dump(self) -> dict[str, Any]:
        return {"accounts": {key: {
            "event_types": [a.event_type(kind) for kind in a.event_types.values()],
            "bookings": [b.answer() for b in a.bookings.values()],
            "webhooks": [without_secrets(a.webhook(hook)) for hook in a.webhooks.values()],
        } for key, a in self.accounts.items()}}  # fmt: skip

    async def _seed(self, body: dict[str, Any]) -> web.Response:
        """Make an event type with a given id: `{key, id, title?, slug?, lengthInMinutes?, host?, …}`.

        `host` names who is busy with its bookings, as a managed team type's children do; without it the key's user.
        """
        account, number = self.account_of(body.pop("key")), int(body.pop("id"))
        kind = EventType.make(number, body.pop("host", account.username), body)
        account.event_types[number] = kind
        return web.json_response(account.event_type(kind), status=201)

    async def _me(self, _request: web.Request, account: Account) -> web.Response:
        return ok(account.me())

    async def _get_event_type(self, request: web.Request, account: Account) -> web.Response:
        number = request.match_info["id"]
        if not number.isdigit() or int(number) not in account.event_types:
            raise Refusal(404, f"Event type with id {number} not found.")
        return ok(account.event_type(account.event_types[int(number)]))

    def _hook(self, request: web.Request, account: Account) -> Webhook:
        uid = request.match_info["id"]
        if uid in account.webhooks:
            return account.webhooks[uid]
        if any(uid in other.webhooks for other in self.accounts.values()):
            raise Refusal(403, "User is not the owner of this webhook")
        raise Refusal(404, f"Webhook ({uid}) not found")

    async def _create_hook(self, request: web.Request, account: Account) -> web.Response:
        body = await json_body(request)
        for name in ("subscriberUrl", "triggers", "active"):
            if name not in body:
                raise requests.wrong(name, f"{name} should not be null or undefined")
        hook = Webhook(str(uuid.uuid4()), self.clock.now(), _hook_fields(body, account))
        account.webhooks[hook.uid] = hook
        return ok(account.webhook(hook), 201)

    async def _list_hooks(self, request: web.Request, account: Account) -> web.Response:
        page = requests.read(requests.Page, request.query)
        hooks = self.seen(request, account.webhooks.values())[page.skip : page.skip + page.take]
        return ok([account.webhook(hook) for hook in hooks])  # no pagination object (§5)

    async def _update_hook(self, request: web.Request, account: Account) -> web.Response:
        hook = self._hook(request, account)
        hook.fields |= _hook_fields(await json_body(request), account, hook)
        return ok(account.webhook(hook))

    async def _delete_hook(self, request: web.Request, account: Account) -> web.Response:
        hook = self._hook(request, account)
        del account.webhooks[hook.uid]
        return ok(account.webhook(hook))


def _hook_fields(body: dict[str, Any], account: Account, own: Webhook | None = None) -> dict[str, Any]:
    """Give what a POST or PATCH sets; an account has each URL once."""
    fields: dict[str, Any] = msgspec.to_builtins(requests.read(requests.WebhookBody, body))
    url = fields.get("subscriberUrl")
    if any(hook.fields["subscriberUrl"] == url for hook in account.webhooks.values() if hook is not own):
        raise Refusal(409, "Webhook with this subscriber url already exists for this user")
    return fields
