"""By which way a request to the page has come: the published host, or the private port. Pure."""

import hashlib
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from aiohttp import web

# The parts of an application that serves the published port: only by which port a request came is certain, its headers can be
# anybody's.
IS_PUBLISHED: Final = web.AppKey("is_published", bool)

_FORWARDED: Final = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?")
_DESTINATION: Final = re.compile(r"/(?!/)[A-Za-z0-9_.~%@:+,=/-]*(\?[A-Za-z0-9_.~%@:+,=/&-]*)?")
_MAX_DESTINATION: Final = 500


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the page is in a visitor's browser: `base_url` is None where that is not known for certain.

    At the published host a token opens nothing, neither by the form nor by a session that it has opened elsewhere.
    """

    is_published: bool
    base_url: str | None
    cookie: str
    is_secure: bool

    @property
    def login_path(self) -> str:
        """Return for which paths the login's own cookie is: browsers take one whose name begins with `__Host-` for all alone."""
        return "/" if self.cookie.startswith("__Host-") else "/login"

    @property
    def redirect_uri(self) -> str | None:
        """Return the URL to which an issuer sends the browser back."""
        return f"{self.base_url}/login/callback" if self.base_url else None


def origin_of(request: web.Request, tenant: str, host: str) -> Origin:
    """Return the origin of a request; `host` is the one at which the page is published.

    At the published port it is that of the config, whatever the headers say. At the private one it is the machine to which the port
    is forwarded: any other `Host` could be a page of somebody else's that the issuer would send the browser to.
    """
    name = cookie_name(tenant)
    if request.app.get(IS_PUBLISHED, False):
        return Origin(is_published=True, base_url=f"https://{host}", cookie=f"__Host-{name}", is_secure=True)
    base_url = f"http://{request.host}" if is_forwarded(request) else None
    # A header that claims TLS makes the cookie stricter, and nothing else.
    is_secure = request.headers.get("X-Forwarded-Proto", "") == "https"
    return Origin(is_published=False, base_url=base_url, cookie=name, is_secure=is_secure)


def cookie_name(tenant: str) -> str:
    """Return the name of a tenant's cookie: all ports of one host share their cookies, and each may be another tenant's page."""
    return f"askproai-{hashlib.sha256(tenant.encode()).hexdigest()[:12]}"


def is_forwarded(request: web.Request) -> bool:
    """Return whether the browser has asked for a port of its own machine, as `kubectl port-forward` opens one."""
    return _FORWARDED.fullmatch(request.host) is not None


def destination_of(text: str) -> str:
    """Return where to go after a login: a path of this page alone, never another host; the first view for any other text."""
    return text if len(text) <= _MAX_DESTINATION and _DESTINATION.fullmatch(text) else "/"


def login_location(request: web.Request) -> str:
    """Return the login that leads back to the view of a request."""
    wanted = destination_of(str(request.rel_url)) if request.method == "GET" else "/"
    return "/login" if wanted == "/" else f"/login?next={quote(wanted, safe='/')}"
