"""`askproai audit`: the audit log, which records changes by hand."""

from typing import Any

import typer

from askproai_cli.output import LimitOption
from askproai_cli.tenant_api import TenantApi, example, for_tenant

audit = typer.Typer(
    no_args_is_help=True,
    help="Changes by hand, and requests of agents that are not the tenant's.",
    epilog=example("audit list"),
)

_COLUMNS = {"at": "at", "actor": "actor", "action": "action", "who": "claimed by", "detail": "detail"}
_NOT_SHOWN = {"claimed_by", "request", "token"}


@audit.command("list", epilog=example("audit list"))
@for_tenant
def list_command(api: TenantApi, limit: LimitOption = 50) -> None:
    """List the audit log, newest first: bookings, moves and cancellations by `askproai`, blocks added and removed, redriven
    events, adopted data, who has read a call's transcript, and requests, calls and events of agents and numbers that are not
    the tenant's.

    Not in it: a change that was refused, changes by callers and the remote calendar (`timeline`), and resets of circuits, which
    the pod logs. `claimed by` is the user that the command named; only the admin token is certain.
    """
    answer = api.get("audit", limit=limit)
    rows = ({**entry, **_facts(entry["detail"])} for entry in answer["entries"])
    api.print_rows(answer, rows, _COLUMNS, "the audit log is empty")


def _facts(detail: dict[str, Any]) -> dict[str, Any]:
    shown = (f"{name}={_short(value)}" for name, value in detail.items() if name not in _NOT_SHOWN)
    return {"who": detail.get("claimed_by"), "detail": " ".join(shown)}


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return "/".join(str(part) for part in value.values())
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
