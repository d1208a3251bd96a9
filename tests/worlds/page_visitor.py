"""Somebody with a browser at a tenant's page, or the fleet's: cookies, forms, links."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from typing import Protocol
from urllib.parse import quote

import aiohttp
from aiohttp.web import HTTPFound, HTTPSeeOther, HTTPTooManyRequests
from yarl import URL

from tests.worlds.waiting import eventually


class Served(Protocol):
    """The server of a page: a tenant's pod, or the coordinator, whose page is not published by us."""

    @property
    def private_url(self) -> str: ...
    @property
    def page_url(self) -> str: ...


class Visitor:
    """A browser without JavaScript, at the private port or at the published page. It follows no redirect by itself."""

    def __init__(self, pod: Served, session: aiohttp.ClientSession, *, published: bool = False) -> None:
        self.pod, self.session, self.published = pod, session, published

    @property
    def base_url(self) -> str:
        return self.pod.page_url if self.published else self.pod.private_url

    async def get(self, path: str, **headers: str) -> tuple[int, str, aiohttp.ClientResponse]:
        url = URL(f"{self.base_url}{path}", encoded=True)
        async with self.session.get(url, allow_redirects=False, headers=headers) as answer:
            return answer.status, await answer.text(), answer

    async def post(self, path: str, **form: str) -> tuple[int, str, aiohttp.ClientResponse]:
        async with self.session.post(f"{self.base_url}{path}", data=form, allow_redirects=False) as answer:
            return answer.status, await answer.text(), answer

    async def log_in(self, token: str, name: str = "") -> int:
        """Return the status of the login, which is repeated while there are too many logins."""
        _, form, _ = await self.get("/login")

        async def post() -> int | None:
            status, _, _ = await self.post("/login", csrf=hidden(form), token=token, name=name)
            return None if status == HTTPTooManyRequests.status_code else status

        return await eventually(post, every=0.3)

    async def log_in_at_issuer(self, wanted: str = "/") -> tuple[int, str]:
        """Log in at the issuer to which the page sends the browser. Return the status and page at the browser's return."""
        status, page, sent = await self.get(f"/login/issuer?next={quote(wanted, safe='')}")
        if status != HTTPSeeOther.status_code:
            return status, page
        async with self.session.get(URL(sent.headers["Location"], encoded=True), allow_redirects=False) as asked:
            assert asked.status == HTTPFound.status_code, await asked.text()
            back = URL(asked.headers["Location"], encoded=True)
        return await self.come_back(back)

    async def come_back(self, back: URL) -> tuple[int, str]:
        """Follow the issuer's redirect, again while there are too many at once. The page's own host is its port here."""

        async def follow() -> tuple[int, str] | None:
            status, page, _ = await self.get(back.raw_path_qs)
            return None if status == HTTPTooManyRequests.status_code else (status, page)

        return await eventually(follow, every=0.3)

    def cookies(self) -> dict[str, str]:
        return {
            name: morsel.value for name, morsel in self.session.cookie_jar.filter_cookies(URL(self.base_url)).items()
        }


@asynccontextmanager
async def visiting(pod: Served, *, published: bool = False, **headers: str) -> AsyncIterator[Visitor]:
    # Also of hosts that are addresses; and behind an Ingress the browser has TLS.
    secure = [URL(pod.page_url)] if published else []
    jar = aiohttp.CookieJar(unsafe=True, treat_as_secure_origin=secure)
    async with aiohttp.ClientSession(cookie_jar=jar, headers=headers) as session:
        yield Visitor(pod, session, published=published)


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
