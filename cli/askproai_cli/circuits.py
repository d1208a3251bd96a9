"""`askproai circuits`: the circuit breakers of a tenant's providers."""

from typing import Annotated, Any

import typer

from askproai_cli.tenant_api import TenantApi, example, for_tenant
from askproai_core.provider_names import Provider

circuits = typer.Typer(
    no_args_is_help=True,
    help="The states of a tenant's circuit breakers for Retell and the remote calendar.",
    epilog=example("circuits list"),
)


@circuits.command("list", epilog=example("circuits list"))
@for_tenant
def list_command(api: TenantApi) -> None:
    """Show each provider's circuit: closed; open after five failures in a row; half_open while one request tests it."""
    _print(api, api.get("circuits"))


@circuits.command(epilog=example("circuits reset calcom"))
@for_tenant
def reset(
    api: TenantApi, provider: Annotated[Provider, typer.Argument(help="Whose circuit.", metavar="PROVIDER")]
) -> None:
    """Close a circuit by hand, so that the next request goes out. One that the coordinator opened for all tenants stays open."""
    _print(api, {"circuits": [api.post(f"circuits/{provider}/reset")]})


def _print(api: TenantApi, answer: dict[str, Any]) -> None:
    columns = {"provider": "provider", "state": "state", "failures": "failures", "wait": "next try", "says": "says"}
    api.print_rows(answer, map(_to_row, answer["circuits"]), columns)


def _to_row(row: dict[str, Any]) -> dict[str, Any]:
    wait, scope = row["retry_after_seconds"], "all pods" if row["shared"] else "this process alone"
    return row | {
        "state": "closed, asked to slow down" if row["state"] == "closed" and wait else row["state"],
        "wait": f"in {wait:.0f} s" if wait else "now",
        "says": "the coordinator, for all tenants" if row["everywhere"] else scope,
    }
