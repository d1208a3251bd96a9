"""The correlation id: one word that ties a request to its event, its job, its log lines and its answer."""

import re
import uuid

from aiohttp import web

_CORRELATION = web.RequestKey("correlation", str)
_PLAIN_WORD = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


def correlation_id(request: web.Request) -> str:
    """Give the request's correlation id: the sender's `X-Correlation-Id` if it is a plain word, else a new one."""
    known: str | None = request.get(_CORRELATION)
    if known is None:
        given = request.headers.get("X-Correlation-Id", "")
        known = given if _PLAIN_WORD.fullmatch(given) else uuid.uuid4().hex
        request[_CORRELATION] = known
    return known
