"""Reading a request within its bounds, and answering JSON."""

from typing import Any

import msgspec
from aiohttp import web

from askproai_runtime.serving.problems import Problem


async def read_body(request: web.Request, limit: int) -> bytes:
    """Give the raw body, as signed. Raises 413 past `limit` bytes and 415 for a compressed one.

    Compressed bodies are refused because aiohttp inflates them before anyone has checked a signature.
    """
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem(415, "Unsupported Content-Encoding", "Send the body without Content-Encoding")
    too_large = Problem(413, "Content Too Large", f"The body may have {limit} bytes")
    if request.content_length is not None and request.content_length > limit:
        raise too_large
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise too_large
    return bytes(body)


def json_answer(answer: Any, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(answer), status=status, content_type="application/json")
