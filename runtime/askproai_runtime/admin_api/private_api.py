"""The endpoints of the private API as functions, for its HTTP and for the page: rights and audit are decided in one place."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from askproai_runtime.admin_api.endpoint import Access, ApiRequest, Asked, Endpoint
from askproai_runtime.admin_api.roles import Right
from askproai_runtime.admin_api.store import record_read
from askproai_runtime.book.actor import DeskRequest
from askproai_runtime.process import Process

T = TypeVar("T", bound=msgspec.Struct)

# Lists that name customers, or say why a person is away; calls only where numbers and words are asked for.
_LISTS_OF_PEOPLE: Final = frozenset({"/appointments", "/messages", "/waitlist", "/reminder-opt-outs", "/blocks"})


class PrivateApi:
    """The endpoints of one tenant."""

    def __init__(self, endpoints: Sequence[Endpoint], process: Process) -> None:
        self._endpoints = {(endpoint.method, endpoint.path): endpoint for endpoint in endpoints}
        self._process = process

    async def get(
        self,
        kind: type[T],
        path: str,
        access: Access,
        correlation_id: str,
        claimed_by: str,
        *,
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

    async def answer(self, endpoint: Endpoint, asked: Asked) -> msgspec.Struct:
        """Return what an endpoint answers. The audit log has the reading of a list of people before it is read.

        Raises the endpoint's `Problem`, and what asyncpg raises.
        """
        zone = ZoneInfo(self._process.config.current.time_zone)
        request = ApiRequest(asked, endpoint, zone, self._process.clock.now())
        if _reads_people(endpoint, asked):
            detail = {"role": request.role, "claimed_by": request.claimed_by, "list": endpoint.path}
            await record_read(self._process.pool, self._process.tenant, "list.read", detail, request.correlation_id)
        return await endpoint.handle(request)

    async def _ask(self, kind: type[T], endpoint: Endpoint, asked: Asked) -> T:
        answer = await self.answer(endpoint, asked)
        assert isinstance(answer, kind), "each endpoint has one shape of answer"
        return answer


def _reads_people(endpoint: Endpoint, asked: Asked) -> bool:
    """Return whether a request reads a list of people; without the right to names it shows none."""
    personal = endpoint.path == "/calls" and asked.query.get("personal") == "true"
    is_list = endpoint.method == "GET" and (endpoint.path in _LISTS_OF_PEOPLE or personal)
    return is_list and asked.access.may(Right.NAMES)
