"""`askproai tenants`: all tenants of a cluster, the worst first."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from askproai_cli.cluster import describe_cluster
from askproai_cli.output import LimitOption, Output, OutputOption, format_count, print_json, print_rows

_COLUMNS = {
    "tenant": "tenant", "state": "state", "since": "since", "calls_24h": "calls", "booked_percent": "booked %",
    "budget_percent": "budget %", "what": "what",
}  # fmt: skip
_INTENDED = frozenset({"Paused", "Suspended", "Deleting"})  # by a person


class Severity(IntEnum):
    """How much a tenant needs somebody, the worst first."""

    FAILING = 0  # something of it is not Ready
    OVER_BUDGET = 1
    INTENDED = 2
    GOOD = 3


@dataclass(frozen=True, slots=True)
class FleetRow:
    """One tenant. `tenant` is what commands take as `-t`; `what` is which of its objects is not Ready, and why.

    `since` is when the worst object became so, as the API server writes it. The figures are those of `Tenant.status`: calls of the
    last 24 hours, bookings of these that succeeded and the error budget that is left of 30 days, both in percent; None where
    nothing was counted.
    """

    tenant: str
    display_name: str
    severity: Severity
    state: str
    since: str | None
    calls_24h: int | None
    booked_percent: str | None
    budget_percent: str | None
    what: str | None


def tenants(
    search: Annotated[
        str | None, typer.Option(help="Only those with this text in name, displayed name, state or cause.")
    ] = None,
    failing: Annotated[
        bool,
        typer.Option("--failing", help="Only those of which something is not Ready, or whose error budget is used up."),
    ] = False,
    limit: LimitOption = 50,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", help="Only of this namespace. Default: all.")
    ] = None,
    kubeconfig: Annotated[
        Path | None, typer.Option(help="Kubeconfig file. Default: KUBECONFIG, then ~/.kube/config.")
    ] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """List the tenants of the cluster, the worst first: what is not Ready for longest, then whose error budget is used up.

    It reads the four kinds, and needs the right to list them. JSON has all that match, without a limit.
    """
    import asyncio

    from askproai_core.kube import AccessError, ApiError

    try:
        rows = rank(asyncio.run(_read(kubeconfig, namespace)))
    except (ApiError, AccessError, OSError) as error:  # OSError: no such kubeconfig
        typer.echo(f"{describe_cluster(kubeconfig)} cannot be asked: {error}", err=True)
        raise typer.Exit(1) from None
    shown = [row for row in rows if _matches(row, search, failing=failing)]
    if output is Output.JSON:
        print_json({"tenants": [asdict(row) | {"severity": row.severity.name.lower()} for row in shown], **count(rows)})
        return
    page = [asdict(row) for row in shown[:limit]]
    print_rows(output, {}, page, _COLUMNS, "no tenant matches" if rows else "there are no tenants")
    if len(shown) > limit:
        typer.echo(f"{len(shown) - limit} more: narrow it by --search or --failing, or raise --limit")
    if rows:
        counts = count(rows)
        typer.echo(
            f"{format_count(len(rows), 'tenant')}: {counts['failing']} failing, {counts['over_budget']} over budget, "
            f"{counts['intended']} paused, suspended or being deleted, {counts['good']} good"
        )


def count(rows: Iterable[FleetRow]) -> dict[str, int]:
    """Return how many tenants there are of each severity."""
    found = [row.severity for row in rows]
    return {severity.name.lower(): found.count(severity) for severity in Severity}


def rank(objects: Iterable[Mapping[str, Any]]) -> list[FleetRow]:
    """Return a row for each Tenant, the worst first. `objects` are those of our kinds, as the API server has them."""
    objects = list(objects)
    owners = {_key(each): each["spec"]["tenantRef"]["name"] for each in objects if "tenantRef" in each["spec"]}
    parts: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for each in objects:
        if each["kind"] != "Tenant" and (owner := _owner(each, owners)) is not None:
            parts.setdefault((each["metadata"]["namespace"], owner), []).append(each)
    rows = (_row(each, parts.get(_name(each), ())) for each in objects if each["kind"] == "Tenant")
    return sorted(rows, key=_order)


def _order(row: FleetRow) -> tuple[Any, ...]:
    budget = float(row.budget_percent) if row.budget_percent is not None else 100.0
    return row.severity, row.since or "" if row.severity is Severity.FAILING else "", budget, row.tenant


def _name(each: Mapping[str, Any]) -> tuple[str, str]:
    return each["metadata"]["namespace"], each["metadata"]["name"]


def _key(each: Mapping[str, Any]) -> tuple[str, str, str]:
    return (each["kind"], *_name(each))


def _owner(each: Mapping[str, Any], owners: Mapping[tuple[str, str, str], str]) -> str | None:
    """Return the name of the Tenant to which a Branch, a service or an agent belongs; None if its Branch does not exist."""
    if branch := each["spec"].get("branchRef"):
        return owners.get(("Branch", each["metadata"]["namespace"], branch["name"]))
    return owners.get(_key(each))


def _row(tenant: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]) -> FleetRow:
    status = tenant.get("status") or {}
    budget = status.get("errorBudgetPercent")
    # While the Tenant itself is not Ready, the others wait for it.
    found = [bad for each in ([tenant] if _not_ready(tenant) else parts) if (bad := _not_ready(each)) is not None]
    unintended = [bad for bad in found if bad[0] not in _INTENDED]
    state, since, what = min(unintended or found, key=lambda bad: bad[1] or "", default=("Ready", None, None))
    if unintended:
        severity = Severity.FAILING
    elif found:
        severity = Severity.INTENDED
    elif budget is not None and float(budget) <= 0:
        severity = Severity.OVER_BUDGET
    else:
        severity = Severity.GOOD
    namespace, name = _name(tenant)
    return FleetRow(
        f"{namespace}.{name}", tenant["spec"].get("displayName", name), severity, state, since, status.get("calls24h"),
        status.get("bookingSuccessPercent"), budget, what,
    )  # fmt: skip


def _not_ready(each: Mapping[str, Any]) -> tuple[str, str | None, str] | None:
    """Return reason, time and cause of what is not Ready, or is paused; None for everything else."""
    conditions = (each.get("status") or {}).get("conditions") or ()
    ready = next((condition for condition in conditions if condition["type"] == "Ready"), None)
    name = f"{each['kind']} {each['metadata']['name']}"
    if ready is None:
        return (
            "NotReconciled",
            each["metadata"].get("creationTimestamp"),
            f"{name}: the operator has not looked at it yet",
        )
    if ready["status"] == "True" and ready["reason"] not in _INTENDED:
        return None
    return ready["reason"], ready.get("lastTransitionTime"), f"{name}: {ready['message']}"


def _matches(row: FleetRow, search: str | None, *, failing: bool) -> bool:
    if failing and row.severity not in {Severity.FAILING, Severity.OVER_BUDGET}:
        return False
    texts = (row.tenant, row.display_name, row.state, row.what or "")
    return search is None or any(search.casefold() in text.casefold() for text in texts)


async def _read(kubeconfig: Path | None, namespace: str | None) -> Collection[Mapping[str, Any]]:
    """Return the objects of our kinds. Raises ApiError, AccessError, and OSError for an absent kubeconfig."""
    from askproai_cli.cluster_login import log_in
    from askproai_cli.doctor.reading import list_all
    from askproai_core.clock import SystemClock
    from askproai_core.kube import HttpTransport
    from askproai_operator.resources import CUSTOM, MANAGER

    access = log_in(kubeconfig, SystemClock())
    async with HttpTransport(lambda: access, user_agent=MANAGER) as transport:
        return [each for ref in CUSTOM for each in await list_all(transport, ref, namespace)]
