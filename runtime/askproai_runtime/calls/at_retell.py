"""The client for calls in Retell's API: get or delete a call by its id, and list calls by start (docs/vendors/retell.md)."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec

from askproai_core.providers import MAX_PAGE_BYTES, CredentialMissing, Json, ProviderHttp, Reply
from askproai_runtime.calendars import ProviderCallRecorder
from askproai_runtime.calls.payload import RetellCall
from askproai_runtime.intake import ProviderId

T = TypeVar("T")
API_KEY: Final = "retell-api-key"  # the mounted file; Retell signs webhooks with the same key
_GET_PATH, _LIST_PATH = "/v2/get-call/{call_id}", "/v3/list-calls"
_DELETE_PATH = "/v2/delete-call/{call_id}"
_TIMEOUT = aiohttp.ClientTimeout(total=10, connect=1)
_PAGE_SIZE = 50  # a call with its transcripts may have some hundred kilobytes, and an answer 8 MiB
# Retell has no such call, or the id is not in its format. Other refusals concern the key or the server, and so all calls.
_NO_CALL = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})


class RetellUnavailable(Exception):
    """Retell could not be asked; ask again later. `retry_after` is the time to wait, None if unknown."""

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ListedCall(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a call in a list that are used. Times are Unix milliseconds."""

    call_id: ProviderId
    start_timestamp: float


@dataclass(frozen=True, slots=True)
class CallPage:
    """A page of a list of calls, the earliest call first. `next_key` is None on the last page."""

    calls: tuple[ListedCall, ...]
    next_key: str | None


@dataclass(frozen=True, slots=True)
class FoundCall:
    """A call at Retell: `raw` is the object as in webhooks, `call` its parsed fields, or None if it cannot be parsed."""

    raw: Json
    call: RetellCall | None


@dataclass(frozen=True, slots=True)
class CallsAtRetell:
    """A client for the calls of the tenant's workspace. It calls `base_url` and `api_key` for each request: both may change."""

    http: ProviderHttp
    base_url: Callable[[], str]
    api_key: Callable[[], str | None]
    recorder: ProviderCallRecorder

    @property
    def can_be_asked(self) -> bool:
        """Return True if a server and an API key are known. A tenant without an agent has no server."""
        return bool(self.base_url() and self.api_key())

    async def get(self, call_id: str, correlation_id: str) -> FoundCall | None:
        """Return the call with this id; None if Retell has no such call. Raises `RetellUnavailable`."""
        reply = await self._send("GET", _GET_PATH.format(call_id=quote(call_id, safe="")), limit=MAX_PAGE_BYTES)
        found = _parse_call(reply, call_id)
        outcome = "found" if found else "not_found" if _is_unknown(reply) else "failed"
        await self.recorder.record("get-call", reply, outcome, correlation_id, _GET_PATH)
        if outcome == "failed":
            raise _unavailable("did not show a call", reply)
        return found

    async def list_begun(
        self, agent_ids: Collection[str], since: datetime, until: datetime, correlation_id: str, after: str | None = None
    ) -> CallPage:  # fmt: skip
        """Return a page of the agents' calls that began between `since` and `until`. `after` is the previous page's `next_key`.

        Raises `RetellUnavailable`.
        """
        began = {"type": "range", "op": "bt", "value": [_milliseconds(since), _milliseconds(until)]}
        criteria = {"agent": [{"agent_id": each} for each in sorted(agent_ids)], "start_timestamp": began}
        body: Json = {"filter_criteria": criteria, "sort_order": "ascending", "limit": _PAGE_SIZE}
        if after is not None:
            body["pagination_key"] = after
        reply = await self._send("POST", _LIST_PATH, json=body, limit=MAX_PAGE_BYTES)
        page = _parse_page(reply)
        await self.recorder.record("list-calls", reply, "listed" if page else "failed", correlation_id, _LIST_PATH)
        if page is None:
            raise _unavailable("did not list its calls", reply)
        return page

    async def delete(self, call_id: str, correlation_id: str) -> bool:
        """Delete a call with its transcript and recording. Return False if Retell has no such call. Raises `RetellUnavailable`."""
        reply = await self._send("DELETE", _DELETE_PATH.format(call_id=quote(call_id, safe="")))
        is_deleted = reply.status == HTTPStatus.NO_CONTENT
        outcome = "deleted" if is_deleted else "not_found" if _is_unknown(reply) else "failed"
        await self.recorder.record("delete-call", reply, outcome, correlation_id, _DELETE_PATH)
        if outcome == "failed":
            raise _unavailable("did not delete a call", reply)
        return is_deleted

    async def _send(self, method: str, path: str, **content: Any) -> Reply:
        key = self.api_key()
        if not key:
            error = CredentialMissing("no Retell API key is mounted: fill the Secret that the Tenant names")
            return Reply(method, 0, None, error=error)
        headers = {"Authorization": f"Bearer {key}"}
        return await self.http.send(method, self.base_url().rstrip("/") + path, _TIMEOUT, headers=headers, **content)


def _parse_call(reply: Reply, call_id: str) -> FoundCall | None:
    if reply.status != HTTPStatus.OK or not isinstance(reply.body, dict) or reply.body.get("call_id") != call_id:
        return None
    return FoundCall(reply.body, _convert(reply.body, RetellCall))


def _parse_page(reply: Reply) -> CallPage | None:
    """Return the page in a reply; None if the reply is no page. Calls that cannot be parsed are left out."""
    items = reply.body.get("items") if reply.status == HTTPStatus.OK and isinstance(reply.body, dict) else None
    if not isinstance(items, list):
        return None
    calls = tuple(call for item in items if (call := _convert(item, ListedCall)) is not None)
    key = reply.body.get("pagination_key") if reply.body.get("has_more") is True else None
    return CallPage(calls, key if isinstance(key, str) else None)


def _convert(value: Any, kind: type[T]) -> T | None:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None


def _is_unknown(reply: Reply) -> bool:
    """Return True if Retell itself answers that it has no such call, and not a proxy or a server without this endpoint."""
    return reply.status in _NO_CALL and isinstance(reply.body, dict) and not reply.message.startswith("Cannot ")


def _unavailable(what: str, reply: Reply) -> RetellUnavailable:
    return RetellUnavailable(f"Retell {what}: {reply.reason}", reply.retry_after)


def _milliseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)
