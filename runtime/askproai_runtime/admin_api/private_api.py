"""The endpoints of the private API as functions, for the page: what a role may see is decided in one place."""

from collections.abc import Mapping, Sequence
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec

from askproai_runtime.admin_api.endpoint import Access, ApiRequest, Asked, Endpoint
from askproai_runtime.process import Process

T = TypeVar("T", bound=msgspec.Struct)


class PrivateApi:
    """The reading endpoints of one tenant, asked in the same process."""

    def __init__(self, endpoints: Sequence[Endpoint], process: Process) -> None:
        self._reading = {endpoint.path: endpoint for endpoint in endpoints if endpoint.method == "GET"}
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
        endpoint = self._reading[path]
        asked = Asked(in_path, query or {}, access, correlation_id, claimed_by)
        zone = ZoneInfo(self._process.config.current.time_zone)
        answer = await endpoint.handle(ApiRequest(asked, endpoint, zone, self._process.clock.now()))
        assert isinstance(answer, kind), "each endpoint has one shape of answer"
        return answer
