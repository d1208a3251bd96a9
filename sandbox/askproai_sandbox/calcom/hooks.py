"""The register of webhooks (reference §5)."""

import uuid

from aiohttp import web

from askproai_sandbox.calcom import answers, requests, webhooks
from askproai_sandbox.calcom.account import Account, Webhook
from askproai_sandbox.calcom.server import Server, integer, ok
from askproai_sandbox.simulator import Refusal, body_of


class Webhooks:
    """Handlers of /v2/webhooks, which need no version header."""

    def __init__(self, server: Server) -> None:
        self._server = server
        for method, path, operation, handler in (
            ("POST", "", "create-webhook", self._create_hook),
            ("GET", "", "list-webhooks", self._list_hooks),
            ("GET", "/{id}", "get-webhook", self._get_hook),
            ("PATCH", "/{id}", "update-webhook", self._update_hook),
            ("DELETE", "/{id}", "delete-webhook", self._delete_hook),
        ):
            server.route(method, f"/v2/webhooks{path}", operation, handler)

    def _own_hook(self, request: web.Request) -> tuple[Account, Webhook]:
        account, hook_id = self._server.account(request), request.match_info["id"]
        if hook_id in account.webhooks:
            return account, account.webhooks[hook_id]
        foreign = any(hook_id in other.webhooks for other in self._server.accounts.values())
        raise Refusal(403, "User is not the owner of this webhook") if foreign else Refusal(
            404, f"Webhook ({hook_id}) not found")  # fmt: skip

    @staticmethod
    def _free_url(account: Account, url: str | None, own: Webhook | None = None) -> None:
        if any(hook.fields["subscriberUrl"] == url for hook in account.webhooks.values() if hook is not own):
            raise Refusal(409, "Webhook with this subscriber url already exists for this user")

    async def _create_hook(self, request: web.Request) -> web.Response:
        account, body = self._server.account(request), await body_of(request)
        for name in ("subscriberUrl", "triggers", "active"):
            if name not in body:
                raise requests.wrong(name, f"{name} should not be null or undefined")
        fields = {name: value for name, value in body.items() if name in webhooks.FIELDS}
        webhooks.check(fields)
        self._free_url(account, fields["subscriberUrl"])
        hook = Webhook(str(uuid.uuid4()), self._server.clock.now(), fields)
        account.webhooks[hook.id] = hook
        return ok(answers.webhook(account, hook), 201)

    async def _list_hooks(self, request: web.Request) -> web.Response:
        account = self._server.account(request)
        take = integer(request.query.get("take", "250"), "take", 1, 250)
        skip = integer(request.query.get("skip", "0"), "skip", 0)
        hooks = self._server.seen("list-webhooks", account.webhooks.values())[skip : skip + take]
        return ok([answers.webhook(account, hook) for hook in hooks])  # no pagination object (§5)

    async def _get_hook(self, request: web.Request) -> web.Response:
        return ok(answers.webhook(*self._own_hook(request)))

    async def _update_hook(self, request: web.Request) -> web.Response:
        account, hook = self._own_hook(request)
        changes = {name: value for name, value in (await body_of(request)).items() if name in webhooks.FIELDS}
        webhooks.check(changes)
        self._free_url(account, changes.get("subscriberUrl"), hook)
        hook.fields |= changes
        return ok(answers.webhook(account, hook))

    async def _delete_hook(self, request: web.Request) -> web.Response:
        account, hook = self._own_hook(request)
        del account.webhooks[hook.id]
        return ok(answers.webhook(account, hook))
