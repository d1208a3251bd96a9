"""A client of a simulator that asserts the status of each answer, and a receiver of webhooks and tool requests."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp


@dataclass
class Api:
    """A client of one simulator; `await api("POST", path, body, expect=201)` returns the answer's JSON."""

    url: str
    session: aiohttp.ClientSession
    key: str
    version: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)  # of the last answer

    async def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        expect: int = 200,
        key: str | None = None,
        version: str | None = None,
        version_: Any = None,
        **query: Any,
    ) -> Any:
        headers = {"Authorization": f"Bearer {key or self.key}"}
        if version or self.version:
            headers["cal-api-version"] = version or self.version or ""
        if version_ is not None:  # Retell's query parameter of that name
            query["version"] = version_
        async with self.session.request(
            method, f"{self.url}{path}", json=body, headers=headers, params=query
        ) as response:
            text = await response.text()
            assert response.status == expect, f"{response.status} {text}"
            self.headers = response.headers
            return await response.json() if text else None

    async def fault(self, operation: str, fault: str, **fields: Any) -> None:
        await self("POST", "/_sim/faults", {"operation": operation, "fault": fault, **fields})

    async def journal(self) -> list[dict[str, Any]]:
        return (await self("GET", "/_sim/journal"))["entries"]


@dataclass
class Receiver:
    """Replaces a tenant's runtime: records every request and answers by path.

    An answer in `answers` is JSON, a web.Response, or a list of these to use one after the other.
    """

    url: str
    answers: dict[str, Any] = field(default_factory=dict)
    requests: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)

    def at(self, path: str) -> list[tuple[Mapping[str, str], bytes]]:
        return [(headers, body) for request_path, headers, body in self.requests if request_path == path]
