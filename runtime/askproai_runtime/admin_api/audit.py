"""The endpoint that lists the audit log: changes by hand, refusals, and differences from the remote calendar."""

from datetime import datetime
from typing import Any

import msgspec

from askproai_core.http_server import Problem
from askproai_runtime.admin_api.endpoint import Endpoint
from askproai_runtime.admin_api.parameters import PAGE, Paging, next_cursor
from askproai_runtime.admin_api.request import ApiRequest


class AuditEntry(msgspec.Struct, frozen=True):
    """One entry of the audit log. The actor `desk` proves use of the admin token only; `detail.claimed_by` is a claimed name."""

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


async def list_page(request: ApiRequest, paging: Paging) -> AuditPage:
    limit, after = paging.limit, paging.after(datetime, str)
    if after is not None and not (after[1].isascii() and after[1].isdigit() and len(after[1]) < 19):  # noqa: PLR2004  digits of a bigint
        raise Problem(400, "Bad Request", "cursor is not the `next` of a page of this list")
    rows = await request.api.store.list_audit(after=after, limit=limit)
    entries = [msgspec.convert(dict(row) | {"detail": msgspec.json.decode(row["detail"])}, AuditEntry) for row in rows]
    following = next_cursor(entries[-1].at, entries[-1].id) if len(entries) == limit else None
    return AuditPage(entries, following, request.zone.key)


ENDPOINTS = (
    Endpoint(
        "GET", "/audit", "The audit log, newest first", AuditPage, lambda request, given: list_page(request, given.paging()), PAGE
    ),
)  # fmt: skip
