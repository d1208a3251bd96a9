"""Where a login leads: a path of this page, never another host. Pure."""

import re
from typing import Final
from urllib.parse import quote

from aiohttp import web

_DESTINATION: Final = re.compile(r"/(?!/)[A-Za-z0-9_.~%@:+,=/-]*(\?[A-Za-z0-9_.~%@:+,=/&-]*)?")
_MAX_DESTINATION: Final = 500


def destination_of(text: str) -> str:
    """Return `text` if it is a path of this page, else `/`: the destination after a login never leads to another host."""
    return text if len(text) <= _MAX_DESTINATION and _DESTINATION.fullmatch(text) else "/"


def login_location(request: web.Request) -> str:
    """Return the path of the login form, with the requested view as the destination after the login."""
    wanted = destination_of(str(request.rel_url)) if request.method == "GET" else "/"
    return "/login" if wanted == "/" else f"/login?next={quote(wanted, safe='/')}"
