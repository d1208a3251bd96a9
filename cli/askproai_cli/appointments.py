"""`askproai appointments list` and `askproai slots`."""

from datetime import datetime
from typing import Annotated

import typer

from askproai_cli.client import TenantOption, UrlOption, request
from askproai_cli.output import LimitOption, Output, OutputOption, find_zone, print_rows
from askproai_core.terminal import format_day, name_zone

appointments = typer.Typer(
    no_args_is_help=True,
    help="The appointments book of a tenant.",
    epilog="Example: `askproai appointments list -t salon-mueller.salon-mueller`",
)

_COLUMNS = {
    "start": "start",
    "staff": "with",
    "service": "service",
    "customer_name": "for",
    "status": "status",
    "id": "id",
    "call_id": "call",
}


@appointments.command(
    "list", epilog="Example: `askproai appointments list -t salon-mueller.salon-mueller --from 2026-11-20`"
)
def list_command(
    tenant: TenantOption,
    first: Annotated[str | None, typer.Option("--from", help="Starts then or later: a day, or a local time.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Starts before then.")] = None,
    branch: Annotated[str | None, typer.Option(help="Only in this branch.")] = None,
    staff: Annotated[str | None, typer.Option(help="Only with this person.")] = None,
    status: Annotated[str | None, typer.Option(help="Only these, such as confirmed or pending_sync.")] = None,
    limit: LimitOption = 50,
    url: UrlOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """List appointments by start, held ones included."""
    filters = {"from": first, "to": end, "branch": branch, "staff": staff, "status": status, "limit": limit}
    answer = request(tenant, url, "GET", "appointments", **filters)
    print_rows(output, answer, answer["appointments"], _COLUMNS, "no appointments")


def slots(
    tenant: TenantOption,
    branch: Annotated[str, typer.Option(help="Name of the branch.")],
    service: Annotated[str, typer.Option(help="Name of the service.")],
    date: Annotated[str, typer.Option(help="The day, such as 2026-11-27.")],
    url: UrlOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show what is free on a day, one entry for each person: what a caller could be offered. Nothing is held."""
    answer = request(tenant, url, "GET", "slots", branch=branch, service=service, date=date)
    times: dict[str, list[str]] = {}
    for slot in answer["slots"]:
        times.setdefault(slot["staff"], []).append(f"{datetime.fromisoformat(slot['start']):%H:%M}")
    rows = ({"staff": staff, "times": " ".join(free)} for staff, free in times.items())
    heading = "free starts"
    if answer["slots"]:
        first = datetime.fromisoformat(answer["slots"][0]["start"])
        first = first.astimezone(find_zone(answer.get("zone")) or first.tzinfo)
        heading = f"free starts on {format_day(first)}, {name_zone(first)}"
    print_rows(output, answer, rows, {"staff": "with", "times": heading}, "nothing is free on that day")
