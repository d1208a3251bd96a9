"""The audit log: what was changed by hand, and what was refused or disagreed."""

from datetime import datetime
from typing import Any

import msgspec

from askproai_core.http_server import Problem
from askproai_runtime.admin_api.endpoint import PAGE, ApiRequest, Endpoint, next_cursor
from askproai_runtime.admin_api.store import AdminApiStore


class AuditEntry(msgspec.Struct, frozen=True):
    """One entry. Only the admin token of the actor `desk` is certain; `detail.claimed_by` is the name that the sender claims."""

    id: str
    at: datetime
    actor: str
    action: str
    detail: dict[str, Any]
    correlation_id: str


class AuditPage(msgspec.Struct, frozen=True):
    entries: list[AuditEntry]
    next: str | None
    zone: str


class Audit:
    """The endpoint of one tenant's audit log."""

    def __init__(self, store: AdminApiStore) -> None:
        self._store = store

    def endpoints(self) -> tuple[Endpoint, ...]:
        return (Endpoint("GET", "/audit", "The audit log, newest first", AuditPage, self.list_page, PAGE),)

    async def list_page(self, request: ApiRequest) -> AuditPage:
        limit, after = request.limit(), request.cursor(datetime, str)
        if after is not None and not (after[1].isascii() and after[1].isdigit() and len(after[1]) < 19):  # noqa: PLR2004  digits of a bigint
            raise Problem(400, "Bad Request", "cursor is not the `next` of a page of this list")
        rows = await self._store.list_audit(after=after, limit=limit)
        entries = [
            msgspec.convert(dict(row) | {"detail": msgspec.json.decode(row["detail"])}, AuditEntry) for row in rows
        ]
        following = next_cursor(entries[-1].at, entries[-1].id) if len(entries) == limit else None
        return AuditPage(entries, following, request.zone.key)
