"""The endpoints of the private API as functions, for the page: what a role may see is decided in one place."""

from collections.abc import Mapping, Sequence
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec

from askproai_runtime.admin_api.endpoint import Access, ApiRequest, Asked, Endpoint
from askproai_runtime.booking import DeskRequest
from askproai_runtime.process import Process

T = TypeVar("T", bound=msgspec.Struct)


class PrivateApi:
    """The endpoints of one tenant, asked in the same process."""

    def __init__(self, endpoints: Sequence[Endpoint], process: Process) -> None:
        self._endpoints = {(endpoint.method, endpoint.path): endpoint for endpoint in endpoints}
        self._process = process

    async def get(
        self,
        kind: type[T],
        path: str,
        access: Access,
        correlation_id: str,
        *,
        claimed_by: str = "",
        query: Mapping[str, str] | None = None,
        **in_path: str,
    ) -> T:
        """Return what a GET of `path`, as its endpoint has it, answers to this access. Raises its `Problem`."""
        return await self._ask(
            kind, self._endpoints["GET", path], Asked(in_path, query or {}, access, correlation_id, claimed_by)
        )

    async def change(
        self, kind: type[T], path: str, access: Access, correlation_id: str, request: DeskRequest,
        fields: Mapping[str, str | bool], **in_path: str,
    ) -> T:  # fmt: skip
        """Return what a POST of `path`, with `fields` as its body, answers to this access. Raises its `Problem`.

        Each endpoint says which right it needs; a reader changes nothing, as over HTTP. A change without a body has the
        request's id all the same.
        """
        endpoint = self._endpoints["POST", path]
        access.require(endpoint.right, "change something" if access.is_reader else endpoint.right)
        content = {**fields, "request_id": str(request.request_id), "by": request.by}
        body = msgspec.json.encode(content) if endpoint.body is not None else b""
        asked = Asked(in_path, {}, access, correlation_id, request.by, body, str(request.request_id))
        return await self._ask(kind, endpoint, asked)

    async def _ask(self, kind: type[T], endpoint: Endpoint, asked: Asked) -> T:
        zone = ZoneInfo(self._process.config.current.time_zone)
        answer = await endpoint.handle(ApiRequest(asked, endpoint, zone, self._process.clock.now()))
        assert isinstance(answer, kind), "each endpoint has one shape of answer"
        return answer
