"""The sandbox's Kubernetes client: requests by path, watches, and mirrors of collections kept by list and watch."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Self

import aiohttp
import msgspec
import structlog

from askproai_core.kube import ApiError, HttpTransport, NoAnswer, read_access, watch

log = structlog.get_logger(__name__)

Object = dict[str, Any]
"""One Kubernetes object, or any JSON object of the API."""

RETRY_SECONDS = 0.5
ABSENT_SECONDS = 5.0  # a resource whose definition may come later
_TIMEOUT = aiohttp.ClientTimeout(total=30)
_NOT_FOUND = 404

UNREACHED = (NoAnswer, aiohttp.ClientError, TimeoutError)
"""Errors of a request without a complete answer, from any server. `NoAnswer` is an ApiError, too: catch `UNREACHED` first."""


def object_key(obj: Mapping[str, Any]) -> str:
    """Return `<namespace>/<name>`."""
    return f"{obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}"


class KubeClient:
    """A client of the cluster in a kubeconfig. Use as `async with`. Methods raise ApiError; NoAnswer if no response comes."""

    def __init__(self, kubeconfig: Path) -> None:
        self._transport = HttpTransport(partial(read_access, kubeconfig), timeout=_TIMEOUT, connections=0)

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._transport.__aexit__()

    async def request(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        *,
        content_type: str = "application/json",
        **query: str,
    ) -> Object:
        """Send one request and return the decoded response; a response that is no JSON object becomes the field `message`."""
        return await self._transport.request(method, path, params=query, body=body, content_type=content_type)

    async def get(self, path: str, **query: str) -> Object:
        return await self.request("GET", path, None, **query)

    async def create(self, path: str, body: Object) -> Object:
        return await self.request("POST", path, body)

    async def merge(self, path: str, body: Object) -> Object:
        """Merge `body` into the object at `path`; a list replaces the whole list."""
        return await self.request("PATCH", path, body, content_type="application/merge-patch+json")

    async def delete(self, path: str, body: Object | None = None) -> None:
        """Delete the object at `path`. If it does not exist, it counts as deleted."""
        try:
            await self.request("DELETE", path, body)
        except ApiError as error:
            if error.status != _NOT_FOUND:
                raise

    async def watch(self, path: str, on_event: Callable[[str, Object], None], **query: str) -> None:
        """Call `on_event(type, object)` for each change until the server ends the watch, as it does every few minutes."""
        await watch(self._transport, path, query, on_event)


class Mirror:
    """A live copy of one collection in `objects`. `on_change(old, new)` is called for each change; None means that the object
    does not exist.

    A resource that the cluster does not serve is an empty collection.
    """

    def __init__(
        self,
        client: KubeClient,
        path: str,
        on_change: Callable[[Object | None, Object | None], None] = lambda _old, _new: None,
        **query: str,
    ) -> None:
        self.objects: dict[str, Object] = {}
        self.synced = asyncio.Event()
        self._client = client
        self._path = path
        self._query = query
        self._on_change = on_change
        self._version = ""

    async def run(self) -> None:
        """Keep the copy current until cancelled. After a broken watch, a new list finds the missed changes."""
        while True:
            try:
                if not self._version:
                    await self._list()
                await self._client.watch(self._path, self._apply_event, resourceVersion=self._version, **self._query)
            except (ApiError, *UNREACHED, msgspec.DecodeError) as error:
                if not self._version and isinstance(error, ApiError) and error.status == _NOT_FOUND:
                    self._replace({})
                    await asyncio.sleep(ABSENT_SECONDS)
                    continue
                log.info("mirror.interrupted", path=self._path, error=f"{type(error).__name__}: {error}")
                self._version = ""
                await asyncio.sleep(RETRY_SECONDS)

    async def _list(self) -> None:
        answer = await self._client.get(self._path, **self._query)
        self._replace({object_key(item): item for item in answer["items"]})
        self._version = answer["metadata"]["resourceVersion"]

    def _replace(self, found: dict[str, Object]) -> None:
        for key in self.objects.keys() - found.keys():
            self._put(key, None)
        for key, item in found.items():
            self._put(key, item)
        self.synced.set()

    def _apply_event(self, type_: str, obj: Object) -> None:
        self._version = obj["metadata"]["resourceVersion"]
        if type_ != "BOOKMARK":
            self._put(object_key(obj), None if type_ == "DELETED" else obj)

    def _put(self, key: str, new: Object | None) -> None:
        old = self.objects.pop(key, None)
        if new is not None:
            self.objects[key] = new
        old_version, new_version = (obj and obj["metadata"]["resourceVersion"] for obj in (old, new))
        if old_version != new_version:
            self._on_change(old, new)
