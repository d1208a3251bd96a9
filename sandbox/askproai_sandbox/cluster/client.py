"""A small Kubernetes client for the sandbox: requests, and mirrors of collections kept by list and watch."""

import asyncio
import base64
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import aiohttp
import msgspec
import structlog
import yaml

log = structlog.get_logger(__name__)

Object = dict[str, Any]
RETRY_SECONDS = 0.5
ABSENT_SECONDS = 5.0  # a resource whose definition may come later
WATCH_SECONDS = 300
NOT_SERVED = 404


class ApiError(RuntimeError):
    """The API server refused; `status` is the HTTP status, and the message is the server's own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


UNREACHED = (aiohttp.ClientError, TimeoutError)
"""How a request fails that got no whole answer."""


def object_key(thing: Mapping[str, Any]) -> str:
    """Give `<namespace>/<name>`."""
    return f"{thing['metadata'].get('namespace', '')}/{thing['metadata']['name']}"


class KubeClient:
    """Speaks to the cluster of a kubeconfig that names a server, its certificate and a token, as ours does."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._server = cluster["server"]
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=ssl.create_default_context(cadata=authority), limit=0),
            headers={"Authorization": f"Bearer {user['token']}"},
            timeout=aiohttp.ClientTimeout(total=30),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def request(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        *,
        content_type: str = "application/json",
        **query: str,
    ) -> Object:
        """Send one request and give the answer; ApiError when it is refused, one of `UNREACHED` when none came."""
        data = None if body is None else msgspec.json.encode(body)
        headers = {"Content-Type": content_type}
        async with self._session.request(
            method, self._server + path, params=query, data=data, headers=headers
        ) as answer:
            content = await answer.read()
            if answer.status >= 400:
                raise ApiError(answer.status, _message(content))
            return msgspec.json.decode(content, type=Object) if answer.content_type == "application/json" else {}

    async def get(self, path: str, **query: str) -> Object:
        return await self.request("GET", path, None, **query)

    async def create(self, path: str, body: Object) -> Object:
        return await self.request("POST", path, body)

    async def merge(self, path: str, body: Object) -> Object:
        """Merge `body` into what stands at `path`; a list replaces the whole list."""
        return await self.request("PATCH", path, body, content_type="application/merge-patch+json")

    async def delete(self, path: str, body: Object | None = None) -> None:
        """Delete what stands at `path`; that it was gone already is fine."""
        try:
            await self.request("DELETE", path, body)
        except ApiError as error:
            if error.status != 404:
                raise

    async def watch(self, path: str, seen: Callable[[str, Object], None], **query: str) -> None:
        """Call `seen(type, object)` for each change until the server ends the watch, as it does every few minutes."""
        query = {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(WATCH_SECONDS)} | query
        patience = aiohttp.ClientTimeout(total=WATCH_SECONDS + 30, sock_connect=5)
        async with self._session.get(self._server + path, params=query, timeout=patience) as answer:
            if answer.status >= 400:
                raise ApiError(answer.status, _message(await answer.read()))
            rest = b""
            async for chunk in answer.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")  # not readline(): an object may be longer than its buffer
                for line in lines:
                    event = msgspec.json.decode(line, type=Object)
                    if event["type"] == "ERROR":
                        raise ApiError(event["object"].get("code", 500), event["object"].get("message", ""))
                    seen(event["type"], event["object"])


class Mirror:
    """A live copy of one collection; `changed(old, new)` is told each change (None: was not there, is gone).

    A resource that the cluster does not know is an empty collection.
    """

    def __init__(
        self,
        client: KubeClient,
        path: str,
        changed: Callable[[Object | None, Object | None], None] = lambda _old, _new: None,
        **query: str,
    ) -> None:
        self.objects: dict[str, Object] = {}
        self.synced = asyncio.Event()
        self._client = client
        self._path = path
        self._query = query
        self._changed = changed
        self._version = ""

    async def run(self) -> None:
        """Keep the copy true until cancelled. Whatever breaks a watch, the next list finds what was missed."""
        while True:
            try:
                if not self._version:
                    await self._list()
                await self._client.watch(self._path, self._seen, resourceVersion=self._version, **self._query)
            except (ApiError, *UNREACHED, msgspec.DecodeError) as error:
                if not self._version and isinstance(error, ApiError) and error.status == NOT_SERVED:
                    self._take({})
                    await asyncio.sleep(ABSENT_SECONDS)
                    continue
                log.info("mirror.interrupted", path=self._path, error=f"{type(error).__name__}: {error}")
                self._version = ""
                await asyncio.sleep(RETRY_SECONDS)

    async def _list(self) -> None:
        answer = await self._client.get(self._path, **self._query)
        self._take({object_key(item): item for item in answer["items"]})
        self._version = answer["metadata"]["resourceVersion"]

    def _take(self, found: dict[str, Object]) -> None:
        for key in self.objects.keys() - found.keys():
            self._put(key, None)
        for key, item in found.items():
            self._put(key, item)
        self.synced.set()

    def _seen(self, kind: str, thing: Object) -> None:
        self._version = thing["metadata"]["resourceVersion"]
        if kind != "BOOKMARK":
            self._put(object_key(thing), None if kind == "DELETED" else thing)

    def _put(self, key: str, new: Object | None) -> None:
        old = self.objects.pop(key, None)
        if new is not None:
            self.objects[key] = new
        before, now = (thing and thing["metadata"]["resourceVersion"] for thing in (old, new))
        if before != now:
            self._changed(old, new)


def _message(content: bytes) -> str:
    try:
        return str(msgspec.json.decode(content, type=Object).get("message", ""))
    except msgspec.DecodeError:
        return content.decode(errors="replace")[:200]
