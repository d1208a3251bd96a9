"""Somebody with a browser at a tenant's page, or the fleet's: cookies, forms, links."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from typing import Protocol

import aiohttp
from aiohttp.web import HTTPTooManyRequests
from yarl import URL

from askproai_runtime.page.routes import PATHS
from tests.worlds.waiting import eventually

VIEWS = tuple(path for path in PATHS if path not in {"/login", "/live", "/page/{digest}/{name}"})


class Served(Protocol):
    """Whatever serves a page: a tenant's pod, or the coordinator."""

    @property
    def private_url(self) -> str: ...


class Visitor:
    """A browser without JavaScript. It follows no redirect by itself."""

    def __init__(self, pod: Served, session: aiohttp.ClientSession) -> None:
        self.pod, self.session = pod, session

    async def get(self, path: str, **headers: str) -> tuple[int, str, aiohttp.ClientResponse]:
        url = URL(f"{self.pod.private_url}{path}", encoded=True)
        async with self.session.get(url, allow_redirects=False, headers=headers) as answer:
            return answer.status, await answer.text(), answer

    async def post(self, path: str, **form: str) -> tuple[int, str, aiohttp.ClientResponse]:
        async with self.session.post(f"{self.pod.private_url}{path}", data=form, allow_redirects=False) as answer:
            return answer.status, await answer.text(), answer

    async def log_in(self, token: str, name: str = "") -> int:
        """Return the status of the login, tried again while there are too many at once."""
        _, form, _ = await self.get("/login")

        async def post() -> int | None:
            status, _, _ = await self.post("/login", csrf=hidden(form), token=token, name=name)
            return None if status == HTTPTooManyRequests.status_code else status

        return await eventually(post, every=0.3)

    def cookies(self) -> dict[str, str]:
        return {
            name: morsel.value
            for name, morsel in self.session.cookie_jar.filter_cookies(URL(self.pod.private_url)).items()
        }


@asynccontextmanager
async def visiting(pod: Served, **headers: str) -> AsyncIterator[Visitor]:
    jar = aiohttp.CookieJar(unsafe=True)  # also of hosts that are addresses
    async with aiohttp.ClientSession(cookie_jar=jar, headers=headers) as session:
        yield Visitor(pod, session)


def hidden(page: str) -> str:
    """Return the token of the page's forms."""
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page)
    assert found, page
    return found[1]


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags(page: str) -> list[tuple[str, dict[str, str | None]]]:
    """Return the elements of a page, as a browser finds them."""
    parser = _Tags()
    parser.feed(page)
    return parser.found
