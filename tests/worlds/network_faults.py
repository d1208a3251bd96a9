"""Toxiproxy between a pod and its servers: delays, silence and cuts of the real TCP connections."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from askproai_sandbox.cluster import free_port, spawn
from tests.worlds.tools import find_program
from tests.worlds.waiting import eventually


@dataclass(frozen=True)
class Proxy:
    """One listening port that forwards to a server, through the active toxics."""

    name: str
    port: int
    api: str
    session: aiohttp.ClientSession

    def through(self, url: str) -> str:
        """Return a URL that reaches its server through the proxy."""
        parts = urlsplit(url)
        return urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{self.port}"))

    @asynccontextmanager
    async def toxic(self, kind: str, stream: str = "downstream", **attributes: int) -> AsyncIterator[None]:
        """Apply one toxic to all connections meanwhile. `downstream` is the direction from the server."""
        body = {"name": kind, "type": kind, "stream": stream, "attributes": attributes}
        await self._request("POST", f"/proxies/{self.name}/toxics", body)
        try:
            yield
        finally:
            await self._request("DELETE", f"/proxies/{self.name}/toxics/{kind}")

    async def _request(self, method: str, path: str, body: Any = None) -> None:
        async with self.session.request(method, self.api + path, json=body) as answer:
            assert answer.ok, await answer.text()


@asynccontextmanager
async def proxies(folder: Path, **upstreams: str) -> AsyncIterator[dict[str, Proxy]]:
    """Start Toxiproxy with one proxy for each upstream URL, by name."""
    port = free_port()
    child = await spawn(
        "toxiproxy", [find_program("toxiproxy"), "-host", "127.0.0.1", "-port", str(port)], directory=folder
    )
    api = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession() as session:

        async def is_up() -> bool:
            try:
                async with session.get(f"{api}/version") as answer:
                    return answer.ok
            except aiohttp.ClientError:
                return False

        await eventually(is_up)
        started = {}
        for name, url in upstreams.items():
            proxy = Proxy(name, free_port(), api, session)
            upstream = urlsplit(url).netloc.rpartition("@")[2]
            body = {"name": name, "listen": f"127.0.0.1:{proxy.port}", "upstream": upstream, "enabled": True}
            await proxy._request("POST", "/proxies", body)
            started[name] = proxy
        yield started
    await child.stop()
