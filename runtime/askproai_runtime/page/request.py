"""Shared code for the page's requests and responses: forms, cookies, headers, and the way to the login and back."""

import asyncio
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs, quote

from aiohttp import web

from askproai_core.http_server import Problem
from askproai_runtime.arrivals import require_readable_body

UNKNOWN_PATH: Final = "/{unknown}"
_DESTINATION: Final = re.compile(r"/(?!/)[A-Za-z0-9_.~%@:+,=/-]*(\?[A-Za-z0-9_.~%@:+,=/&-]*)?")
_MAX_DESTINATION: Final = 500
_MAX_BODY_BYTES: Final = 4096
_BODY_SECONDS: Final = 10.0
SECURITY: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Language, Cookie",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
}


async def read_form(request: web.Request) -> Mapping[str, str]:
    """Return the fields of a small form. Raises `Problem` if it is too large, too slow, not a form, or sent by another site."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        # Without a session a form is shown again to be sent once more, so another site must not fill it in.
        raise Problem(403, "Forbidden", "The form is of another site")
    require_readable_body(request, _MAX_BODY_BYTES)
    body = b""
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for part in request.content.iter_any():  # a proxy may send it in several
                body += part
                if len(body) > _MAX_BODY_BYTES:
                    raise Problem(413, "Content Too Large", f"The body may have {_MAX_BODY_BYTES} bytes at most")
    except TimeoutError:
        raise Problem(400, "Bad Request", f"The body took longer than {_BODY_SECONDS:.0f} seconds") from None
    try:
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        raise Problem(400, "Bad Request", "The body is not a form") from None
    return {name: values[-1] for name, values in fields.items()}


def path_of(request: web.Request) -> str:
    """Return the path template of a request's route, such as `/blocks/{id}`."""
    resource = request.match_info.route.resource
    assert resource is not None, "the router found it"
    return resource.canonical


def set_cookie(
    response: web.Response, name: str, value: str, seconds: int, path: str, *, secure: bool, same_site: str = "Strict"
) -> None:
    """Set a cookie that scripts cannot read. With SameSite Strict no other site sends it; with Lax a link from one does."""
    response.set_cookie(name, value, max_age=seconds, path=path, httponly=True, samesite=same_site, secure=secure)


def send_to_login(request: web.Request) -> web.Response:
    """Redirect a request without a session to the login. htmx needs its own header: it would insert the form into the page."""
    if "HX-Request" in request.headers:
        return web.Response(status=401, headers=SECURITY | {"HX-Redirect": "/login"})
    if request.path == "/live":
        return web.Response(status=401, headers=SECURITY)
    return web.Response(status=303, headers=SECURITY | {"Location": login_location(request)})


def login_location(request: web.Request) -> str:
    """Return the path of the login form, with the requested view as the destination after the login."""
    wanted = destination_of(str(request.rel_url)) if request.method == "GET" else "/"
    return "/login" if wanted == "/" else f"/login?next={quote(wanted, safe='/')}"


def destination_of(text: str) -> str:
    """Return `text` if it is a path of this page, else `/`: the destination after a login never leads to another host."""
    return text if len(text) <= _MAX_DESTINATION and _DESTINATION.fullmatch(text) else "/"


def end_login(cookie: str, *, is_secure: bool) -> web.Response:
    """Return the redirect after a logout, which deletes the session's cookie."""
    response = web.Response(status=303, headers=SECURITY | {"Location": "/login"})
    response.del_cookie(cookie, path="/", secure=is_secure, httponly=True, samesite="Strict")
    return response
