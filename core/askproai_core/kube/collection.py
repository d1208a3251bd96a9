"""Whole collections of objects at the API server: lists in chunks, and the changes after a list (a watch)."""

from collections.abc import AsyncIterator, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

import aiohttp
import msgspec

from askproai_core.api_resource import ApiResource
from askproai_core.kube.http import ApiError, HttpTransport, api_error

_CHUNK: Final = 500  # objects
_WATCH_SECONDS: Final = 300  # then the server ends a watch; the next watch continues there


async def list_chunks(
    transport: HttpTransport, path: str, selector: str = "", chunk: int = _CHUNK
) -> AsyncIterator[tuple[list[dict[str, Any]], str]]:
    """Yield the objects of a collection in chunks, each with the `resourceVersion` for a watch. Raises ApiError."""
    params = {"limit": str(chunk)} | ({"labelSelector": selector} if selector else {})
    while True:
        page = await transport.request("GET", path, params=params)
        yield page["items"], page["metadata"].get("resourceVersion", "")
        token = page["metadata"].get("continue")
        if not token:
            return
        params["continue"] = token


async def list_all(
    transport: HttpTransport, ref: ApiResource, namespace: str | None, selector: str = ""
) -> list[dict[str, Any]]:
    """Return all objects of a kind; empty if the cluster does not serve the kind. Raises ApiError."""
    found: list[dict[str, Any]] = []
    try:
        async for items, _ in list_chunks(transport, ref.path(namespace), selector):
            found += ({"kind": ref.kind} | item for item in items)
    except ApiError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
    return found


async def watch(
    transport: HttpTransport, path: str, query: Mapping[str, str], on_event: Callable[[str, dict[str, Any]], None]
) -> None:
    """Call `on_event(type, object)` for each change until the server ends the watch, as it does every few minutes.

    Raises ApiError, with status 410 if the server no longer knows the `resourceVersion` of the query, and aiohttp's errors if
    the body breaks off.
    """
    query = {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(_WATCH_SECONDS)} | dict(query)
    timeout = aiohttp.ClientTimeout(total=_WATCH_SECONDS + 30, sock_connect=5)
    async with transport.stream(path, query, timeout) as content:
        partial_line = b""
        async for chunk in content.iter_any():
            *lines, partial_line = (partial_line + chunk).split(b"\n")  # an object may exceed readline()'s buffer
            for line in lines:
                event = msgspec.json.decode(line, type=dict[str, Any])
                if event["type"] == "ERROR":
                    status = event["object"]
                    raise api_error(
                        status.get("code", 500), status.get("reason") or "Unknown", status.get("message", "")
                    )
                on_event(event["type"], event["object"])
