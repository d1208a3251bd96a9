"""Who may use the private API: the bearer of the admin token."""

import hmac
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Middleware

from askproai_core.http_server import Problem
from askproai_runtime.watched_files import Credentials


def require_token(request: web.Request, token_file: Path) -> None:
    """Let only the bearer of the admin token pass; the file may change at any time. Raises 401."""
    token = Credentials(token_file.parent).get(token_file.name)
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    fits = hmac.compare_digest((token or "").encode(), given.strip().encode("utf-8", "surrogateescape"))
    if token is None or kind.lower() != "bearer" or not fits:
        raise Problem(401, "Unauthorized", "Send the token of Secret T-admin as bearer", {"WWW-Authenticate": "Bearer"})


def with_token(token_file: Path) -> Middleware:
    """Ask for the token before anything else, so that a stranger does not even learn which paths there are."""

    @web.middleware
    async def check(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        require_token(request, token_file)
        return await handler(request)

    return check
