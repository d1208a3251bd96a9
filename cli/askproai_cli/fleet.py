"""`askproai tenants`: all tenants of a cluster, the worst first."""

from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from askproai_cli.cluster import KubeconfigOption, describe_cluster
from askproai_cli.output import LimitOption, Output, OutputOption, fail, format_count, print_json, print_rows

if TYPE_CHECKING:
    from askproai_core.fleet import FleetObject, FleetRow

_COLUMNS = {
    "tenant": "tenant", "state": "state", "since": "since", "calls_24h": "calls", "booked_percent": "booked %",
    "budget_percent": "budget %", "what": "what",
}  # fmt: skip


def tenants(
    search: Annotated[
        str | None, typer.Option(help="Only those with this text in name, displayed name, state or cause.")
    ] = None,
    failing: Annotated[
        bool, typer.Option("--failing", help="Only those with something not Ready, or whose error budget is used up.")
    ] = False,
    limit: LimitOption = 50,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", help="Only of this namespace. Default: all.")
    ] = None,
    kubeconfig: KubeconfigOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """List the tenants of the cluster, the worst first: longest not Ready, then error budget used up.

    The command reads the four kinds, and needs the right to list them. JSON has all that match, without a limit.
    """
    import asyncio

    from askproai_core.fleet import count, rank
    from askproai_core.kube import AccessError, ApiError

    try:
        rows = rank(asyncio.run(_read(kubeconfig, namespace)))
    except (ApiError, AccessError, OSError) as error:  # OSError: no such kubeconfig
        fail(f"{describe_cluster(kubeconfig)} cannot be asked: {error}")
    shown = [row for row in rows if _matches(row, search, failing=failing)]
    if output is Output.JSON:
        print_json({"tenants": [asdict(row) | {"severity": row.severity.name.lower()} for row in shown], **count(rows)})
        return
    page = [asdict(row) | {"what": _cause_of(row)} for row in shown[:limit]]
    print_rows(output, {}, page, _COLUMNS, "no tenant matches" if rows else "there are no tenants")
    if len(shown) > limit:
        typer.echo(f"{len(shown) - limit} more: narrow it by --search or --failing, or raise --limit")
    if rows:
        counts = count(rows)
        typer.echo(
            f"{format_count(len(rows), 'tenant')}: {counts['failing']} failing, {counts['over_budget']} over budget, "
            f"{counts['intended']} paused, suspended or being deleted, {counts['good']} good"
        )


def _cause_of(row: "FleetRow") -> str | None:
    """Return why a tenant needs attention: an object that is not Ready, or a used-up error budget; None if neither is so."""
    from askproai_core.fleet import Severity

    if row.severity is Severity.OVER_BUDGET and row.what is None:
        return f"error budget used up: askproai figures -t {row.tenant}"
    return row.what


def _matches(row: "FleetRow", search: str | None, *, failing: bool) -> bool:
    from askproai_core.fleet import Severity, matches

    if failing and row.severity not in {Severity.FAILING, Severity.OVER_BUDGET}:
        return False
    return matches(row, search)


async def _read(kubeconfig: Path | None, namespace: str | None) -> "Collection[FleetObject]":
    """Return the custom resources of a cluster. Raises ApiError, AccessError, and OSError for an absent kubeconfig."""
    from askproai_cli.cluster_login import log_in
    from askproai_core.clock import SystemClock
    from askproai_core.fleet import read_object
    from askproai_core.kube import HttpTransport, list_all
    from askproai_operator.resources import CUSTOM, MANAGER

    access = log_in(kubeconfig, SystemClock())
    async with HttpTransport(lambda: access, user_agent=MANAGER) as transport:
        return [read_object(each) for ref in CUSTOM for each in await list_all(transport, ref, namespace)]
