"""`askproai circuits`."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from askproai_cli.output import Output, OutputOption
from askproai_cli.reach import TenantOption, UrlOption, ask
from askproai_runtime.guard import Provider, State

circuits = typer.Typer(no_args_is_help=True, help="How a tenant's circuits to Retell and Cal.com stand.")


@circuits.command("list", epilog="Example: `askproai circuits list -t salon-mueller.salon-mueller`")
def list_command(tenant: TenantOption, url: UrlOption = None, output: OutputOption = Output.TEXT) -> None:
    """Show each provider's circuit: closed, open after five failures in a row, half_open while one call tries it."""
    _show(ask(tenant, url, "GET", "circuits"), output)


@circuits.command(epilog="Example: `askproai circuits reset calcom -t salon-mueller.salon-mueller`")
def reset(
    provider: Annotated[Provider, typer.Argument(help="Whose circuit.")],
    tenant: TenantOption,
    url: UrlOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Close a circuit by hand, so that the next call goes through. What the coordinator says of all tenants stays."""
    _show({"circuits": [ask(tenant, url, "POST", f"circuits/{provider}/reset")]}, output)


def _show(answer: dict[str, Any], output: Output) -> None:
    if output is Output.JSON:
        typer.echo(json.dumps(answer))
        return
    table = Table("provider", "state", "failures", "next try", "says", box=None, pad_edge=False)
    for row in answer["circuits"]:
        wait = row["retry_after_seconds"]
        slow = row["state"] == State.CLOSED and wait
        says = (
            "the coordinator, for all tenants"
            if row["everywhere"]
            else "all pods"
            if row["shared"]
            else "this process alone"
        )
        table.add_row(
            row["provider"],
            "closed, asked to slow down" if slow else row["state"],
            str(row["failures"]),
            f"in {wait:.0f} s" if wait else "now",
            says,
        )
    Console().print(table)
