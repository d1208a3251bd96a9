"""The origin of a request to the page: the published host, or a forwarded private port. Pure."""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from aiohttp import web

# Set in the application of the published port: the port of a request is certain, whereas its headers can be forged.
IS_PUBLISHED: Final = web.AppKey("is_published", bool)

_FORWARDED: Final = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?")


@dataclass(frozen=True, slots=True)
class Origin:
    """The address of the page in a visitor's browser. `base_url` is None if the address is not known for certain.

    At the published host a token opens no session, and a session that a token opened elsewhere is not accepted.
    """

    is_published: bool
    base_url: str | None
    cookie: str
    is_secure: bool

    @property
    def login_path(self) -> str:
        """Return the path of the login form's cookie: `/` for a `__Host-` name, since browsers refuse other paths for it."""
        return "/" if self.cookie.startswith("__Host-") else "/login"

    @property
    def redirect_uri(self) -> str | None:
        """Return the URL to which an issuer sends the browser back, or None if the base URL is unknown."""
        return f"{self.base_url}/login/callback" if self.base_url else None


def origin_of(request: web.Request, tenant: str, host: str) -> Origin:
    """Return the origin of a request. `host` is the published host of the page.

    At the published port, the origin is the published host, whatever the headers are. At the private port, it is the local port
    that is forwarded; any other `Host` could be a stranger's page, to which the issuer would send the browser.
    """
    name = cookie_name(tenant)
    if request.app.get(IS_PUBLISHED, False):
        return Origin(is_published=True, base_url=f"https://{host}", cookie=f"__Host-{name}", is_secure=True)
    base_url = f"http://{request.host}" if is_forwarded(request) else None
    # A header that claims TLS makes the cookie stricter, and nothing else.
    is_secure = request.headers.get("X-Forwarded-Proto", "") == "https"
    return Origin(is_published=False, base_url=base_url, cookie=name, is_secure=is_secure)


def cookie_name(tenant: str) -> str:
    """Return the name of a tenant's cookie. It differs by tenant, since all forwarded ports of a host share their cookies."""
    return f"askproai-{hashlib.sha256(tenant.encode()).hexdigest()[:12]}"


def is_forwarded(request: web.Request) -> bool:
    """Return True if the browser addressed a port of its own machine, as with `kubectl port-forward`."""
    return _FORWARDED.fullmatch(request.host) is not None
