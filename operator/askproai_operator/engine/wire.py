"""HTTP to the API server: one session, logged in as kopf is, answers as dictionaries, refusals as typed errors."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import kopf

from askproai_operator.engine.errors import Unreachable, api_error
from askproai_operator.engine.refs import MANAGER

_TIMEOUT = aiohttp.ClientTimeout(total=30, connect=5)
_UNAUTHORIZED, _FIRST_ERROR = 401, 400


class Wire:
    """Sends requests. `open` it inside the event loop, and `close` it."""

    def __init__(self, login: Callable[[], kopf.ConnectionInfo]) -> None:
        self.login = login
        self._info = login()
        self.session: aiohttp.ClientSession | None = None

    def open(self) -> None:
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._info.as_ssl_context()),
            headers={"User-Agent": MANAGER},
            proxy=self._info.proxy_url,
            timeout=_TIMEOUT,
        )

    async def close(self) -> None:
        if self.session is not None:
            await self.session.close()

    async def request(
        self, method: str, path: str, params: Mapping[str, str], body: object, content_type: str
    ) -> dict[str, Any]:
        """Give the answer. Raises ApiError for a refusal, Unreachable when there is none."""
        used = self._info
        status, answer = await self._send(method, path, params, body, content_type)
        if status == _UNAUTHORIZED:  # the mounted token was rotated: read it again, once for all who were refused
            if self._info is used:
                self._info = self.login()
            status, answer = await self._send(method, path, params, body, content_type)
        if status >= _FIRST_ERROR:
            raise api_error(status, answer.get("reason") or "Unknown", answer.get("message") or f"{method} {path}")
        return answer

    async def _send(
        self, method: str, path: str, params: Mapping[str, str], body: object, content_type: str
    ) -> tuple[int, dict[str, Any]]:
        assert self.session is not None, "open() comes first"
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": content_type} | self._info.as_http_headers()
        try:
            async with self.session.request(
                method, self._info.server + path, params=params, data=data, headers=headers
            ) as response:
                text = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreachable(f"{method} {path}: {type(error).__name__}") from error
        try:
            return response.status, json.loads(text)
        except ValueError:  # a proxy's own page, not the API server's answer
            return response.status, {"message": text[:200].decode(errors="replace")}
