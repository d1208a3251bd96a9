"""HTTP to the API server: one session, logged in as kopf is, answers as dictionaries, refusals as typed errors."""

import json
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import kopf

from askproai_operator.engine.errors import Unreachable, api_error
from askproai_operator.engine.refs import MANAGER

_TIMEOUT = aiohttp.ClientTimeout(total=30, connect=5)
_UNAUTHORIZED, _FIRST_ERROR = 401, 400
_logger = logging.getLogger(__name__)


def connection(kubeconfig: Path | None = None) -> kopf.ConnectionInfo:
    """Read the kubeconfig, or the pod's service account. Called again on a 401, because mounted tokens rotate.

    By kopf's own logins, so that its watches and our client are the same person. Raises kopf.LoginError when there is neither.
    """
    kept = os.environ.get("KUBECONFIG")
    if kubeconfig is not None:
        os.environ["KUBECONFIG"] = str(kubeconfig)  # kopf's login knows no other way to name the file
    try:
        for login in (kopf.login_with_kubeconfig, kopf.login_with_service_account):
            info = login(settings=kopf.OperatorSettings(), logger=_logger)
            if info is not None:
                return info
    finally:
        if kubeconfig is not None:
            os.environ.pop("KUBECONFIG")
            os.environ.update({"KUBECONFIG": kept} if kept is not None else {})
    raise kopf.LoginError(
        "no API server: set ASKPROAI_KUBECONFIG or KUBECONFIG, or run in a pod with a service account"
    )


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
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        """Give the answer. Raises ApiError for a refusal, Unreachable when there is none."""
        used = self._info
        status, answer = await self._send(method, path, params or {}, body, content_type)
        if status == _UNAUTHORIZED:  # the mounted token was rotated: read it again, once for all who were refused
            if self._info is used:
                self._info = self.login()
            status, answer = await self._send(method, path, params or {}, body, content_type)
        if status >= _FIRST_ERROR:
            raise api_error(status, answer.get("reason") or "Unknown", answer.get("message") or f"{method} {path}")
        return answer

    async def _send(
        self, method: str, path: str, params: Mapping[str, str], body: object, content_type: str
    ) -> tuple[int, dict[str, Any]]:
        assert self.session is not None, "open() comes first"
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": content_type} | self._info.as_http_headers()
        url = self._info.server + path
        try:
            async with self.session.request(method, url, params=params, data=data, headers=headers) as response:
                text = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreachable(f"{method} {path}: {type(error).__name__}") from error
        try:
            return response.status, json.loads(text)
        except ValueError:  # a proxy's own page, not the API server's answer
            return response.status, {"message": text[:200].decode(errors="replace")}
