"""`askproai events …`: stored events and dead letters."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from askproai_cli.client import TenantOption, UrlOption, request
from askproai_cli.output import LimitOption, Output, OutputOption, SinceOption, parse_since, print_json, print_rows

events = typer.Typer(
    no_args_is_help=True,
    help="Stored events, and the dead letters among them.",
    epilog="Example: `askproai events list --status dead -t salon-mueller.salon-mueller`",
)

_COLUMNS = {"id": "id", "received_at": "received", "source": "source", "type": "type", "status": "status",
            "attempts": "tries", "call_id": "call", "error": "error"}  # fmt: skip

IdArgument = Annotated[str, typer.Argument(help="As listed: a number, or `job:<number>`.", metavar="ID")]


@events.command("list", epilog="Example: `askproai events list --status dead -t salon-mueller.salon-mueller`")
def list_command(
    tenant: TenantOption,
    status: Annotated[str | None, typer.Option(help="received, processing, processed, failed or dead.")] = None,
    source: Annotated[str | None, typer.Option(help="retell, calcom, stripe or calendar-sync.")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="Such as call_ended.")] = None,
    since: SinceOption = None,
    limit: LimitOption = 50,
    url: UrlOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """List stored events, newest first. Jobs without an event are listed when they are dead, as `job:<id>`."""
    received = since and parse_since(since, datetime.now(UTC))
    filters = {"status": status, "source": source, "type": type_, "since": received, "limit": limit}
    answer = request(tenant, url, "GET", "events", **filters)
    print_rows(output, answer, answer["events"], _COLUMNS, "no such events", with_seconds={"received_at"})


@events.command("show", epilog="Example: `askproai events show 17 -t salon-mueller.salon-mueller`")
def show_command(
    event: IdArgument, tenant: TenantOption, url: UrlOption = None, output: OutputOption = Output.TEXT
) -> None:
    """Show one event: why it failed, how often it was tried, when it is tried again."""
    answer = request(tenant, url, "GET", f"events/{event}")
    facts = {
        **answer["event"],
        **{name: value for name, value in answer.items() if name not in {"event", "job", "zone"}},
    }
    facts |= {f"job {name}": value for name, value in (answer["job"] or {}).items()}
    rows = ({"name": name, "value": value} for name, value in facts.items())
    print_rows(output, answer, rows, {"name": "", "value": ""}, with_seconds={"value"})


@events.command(epilog="Example: `askproai events redrive 17 -t salon-mueller.salon-mueller`")
def redrive(
    tenant: TenantOption,
    event: Annotated[str | None, typer.Argument(help="As listed: a number, or `job:<number>`.", metavar="ID")] = None,
    dead: Annotated[
        bool, typer.Option("--all-dead", help="All dead letters, at most a thousand for each run.")
    ] = False,
    url: UrlOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Redrive a dead letter, with all its attempts. The audit log records it."""
    if (event is None) is not dead:
        raise typer.BadParameter("name one ID, or say --all-dead")
    answer = request(tenant, url, "POST", f"events/{event}/redrive" if event else "events/redrive")
    if output is Output.JSON:
        print_json(answer)
    else:
        typer.echo(f"redriven: {', '.join(answer['redriven']) or 'nothing'}")
