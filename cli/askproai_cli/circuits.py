"""`askproai circuits`."""

from typing import Annotated, Any

import typer

from askproai_cli.choices import ProviderChoice
from askproai_cli.client import TenantOption, UrlOption, request
from askproai_cli.output import Output, OutputOption, print_rows

circuits = typer.Typer(
    no_args_is_help=True,
    help="The states of a tenant's circuit breakers for Retell and Cal.com.",
    epilog="Example: `askproai circuits list -t salon-mueller.salon-mueller`",
)


@circuits.command("list", epilog="Example: `askproai circuits list -t salon-mueller.salon-mueller`")
def list_command(tenant: TenantOption, url: UrlOption = None, output: OutputOption = Output.TEXT) -> None:
    """Show each provider's circuit: closed; open after five failures in a row; half_open while one request tests it."""
    _print(request(tenant, url, "GET", "circuits"), output)


@circuits.command(epilog="Example: `askproai circuits reset calcom -t salon-mueller.salon-mueller`")
def reset(
    provider: Annotated[ProviderChoice, typer.Argument(help="Whose circuit.", metavar="PROVIDER")],
    tenant: TenantOption,
    url: UrlOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Close a circuit by hand, so that the next request goes out. One that the coordinator opened for all tenants stays open."""
    _print({"circuits": [request(tenant, url, "POST", f"circuits/{provider}/reset")]}, output)


def _print(answer: dict[str, Any], output: Output) -> None:
    columns = {"provider": "provider", "state": "state", "failures": "failures", "wait": "next try", "says": "says"}
    print_rows(output, answer, map(_to_row, answer["circuits"]), columns)


def _to_row(row: dict[str, Any]) -> dict[str, Any]:
    wait, scope = row["retry_after_seconds"], "all pods" if row["shared"] else "this process alone"
    return row | {
        "state": "closed, asked to slow down" if row["state"] == "closed" and wait else row["state"],
        "wait": f"in {wait:.0f} s" if wait else "now",
        "says": "the coordinator, for all tenants" if row["everywhere"] else scope,
    }
