"""The document with all stored data of one caller, for that person (Art. 15 and 20 GDPR), without data of other people."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from askproai_core.tenant_config import TenantConfig
from askproai_runtime.book.context import BookingContext
from askproai_runtime.privacy.store import find_traces, read_caller, read_time, record_audit
from askproai_runtime.sentences import say
from askproai_runtime.visits import find_by_name


class CallerNames(msgspec.Struct, frozen=True):
    """The present display names for ids in an export, `staff` by branch and id. An id that is no longer declared is absent."""

    branches: dict[str, str]
    services: dict[str, str]
    staff: dict[str, dict[str, str]]


class CallerExport(msgspec.Struct, frozen=True):
    """All stored data of a number, as of `created_at`. Times have the tenant's offset.

    An appointment that the number booked `for_somebody_else` leaves out that person. `events` are the reports of Retell and
    the remote calendar. A processed event has its data in the other lists; any other event has its `body` here. An entry is
    `not_readable` if its key is gone. `elsewhere` names the other holders of the caller's data.
    """

    created_at: datetime
    tenant: str
    business: str
    caller: str
    customer: dict[str, Any] | None
    appointments: list[dict[str, Any]]
    calls: list[dict[str, Any]]
    requests_in_calls: list[dict[str, Any]]
    messages: list[dict[str, Any]]
    waiting_list: list[dict[str, Any]]
    notifications: list[dict[str, Any]]
    no_reminders_to: list[dict[str, Any]]
    attempts_to_prove_who_it_is: list[dict[str, Any]]
    events: list[dict[str, Any]]
    elsewhere: list[str]
    names: CallerNames
    zone: str


async def export_caller(ctx: BookingContext, number: str, claimed_by: str, correlation_id: str) -> CallerExport:
    """Return the stored data of a number (E.164). The read is audited first; if the audit entry fails, raise its error."""
    config, cipher = ctx.config(), ctx.cipher
    async with ctx.pool.acquire() as conn, conn.transaction(isolation="repeatable_read"):
        traces = await find_traces(conn, config, number, await read_time(conn), cipher)
        detail = {"token": "admin", "claimed_by": claimed_by, "calls": len(traces.calls)}
        await record_audit(conn, config.tenant, "desk", "caller.exported", detail, correlation_id)
        customer, lists = await read_caller(conn, config.tenant, traces, cipher)
    return CallerExport(
        created_at=ctx.clock.now(), tenant=config.tenant, business=config.display_name, caller=number,
        customer=customer, elsewhere=_elsewhere(config), zone=config.time_zone,
        names=_names(config, (entry for entries in lists.values() for entry in entries)), **lists,
    )  # fmt: skip


def _names(config: TenantConfig, entries: Iterable[Mapping[str, Any]]) -> CallerNames:
    branches: dict[str, str] = {}
    services: dict[str, str] = {}
    staff: dict[str, dict[str, str]] = {}
    for entry in entries:
        if branch := config.find_branch(entry.get("branch")):
            branches[branch.name] = branch.display_name
            members = {each.id: each.display_name for each in branch.staff if each.id == entry.get("staff")}
            staff.setdefault(branch.name, {}).update(members)
        if (name := entry.get("service")) and (service := find_by_name(config, name)):
            services[name] = service.display_name
    return CallerNames(branches, services, staff)


def _elsewhere(config: TenantConfig) -> list[str]:
    """Return sentences on the other holders of callers' data, for the document; the business knows the details."""
    holders = say().holders_of_data
    calendar = holders["calendar"].format(label=config.calendar.provider.label)
    found = [holders["retell"], *([calendar] if config.calendar.provider.is_remote else [])]
    found += [holders["notifications"]] if config.notifications is not None else []
    return [*found, holders["carrier"], holders["backups"]]
