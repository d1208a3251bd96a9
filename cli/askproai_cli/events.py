"""`askproai events …`: stored events and dead letters."""

from typing import Annotated

import typer

from askproai_cli.output import LimitOption, SinceOption
from askproai_cli.tenant_api import TenantApi, example, for_tenant, redrive, since_instant

events = typer.Typer(
    no_args_is_help=True,
    help="Stored events, and the dead letters among them.",
    epilog=example("events list --status dead"),
)

_COLUMNS = {"id": "id", "received_at": "received", "source": "source", "type": "type", "status": "status",
            "attempts": "tries", "call_id": "call", "error": "error"}  # fmt: skip

IdArgument = Annotated[str, typer.Argument(help="As listed: a number, or `job:<number>`.", metavar="ID")]


@events.command("list", epilog=example("events list --status dead"))
@for_tenant
def list_command(
    api: TenantApi,
    status: Annotated[str | None, typer.Option(help="received, processing, processed, failed or dead.")] = None,
    source: Annotated[str | None, typer.Option(help="The sender, such as retell, or calendar-sync.")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="Such as call_ended.")] = None,
    since: SinceOption = None,
    limit: LimitOption = 50,
) -> None:
    """List stored events, newest first. Jobs without an event are listed when they are dead, as `job:<id>`."""
    received = since_instant(since)
    filters = {"status": status, "source": source, "type": type_, "since": received, "limit": limit}
    answer = api.get("events", **filters)
    api.print_rows(answer, answer["events"], _COLUMNS, "no such events", with_seconds={"received_at"})


@events.command("show", epilog=example("events show 17"))
@for_tenant
def show_command(api: TenantApi, event: IdArgument) -> None:
    """Show one event: why it failed, how often it was tried, when it is tried again."""
    answer = api.get(f"events/{event}")
    facts = {
        **answer["event"],
        **{name: value for name, value in answer.items() if name not in {"event", "job", "zone"}},
    }
    facts |= {f"job {name}": value for name, value in (answer["job"] or {}).items()}
    rows = ({"name": name, "value": value} for name, value in facts.items())
    api.print_rows(answer, rows, {"name": "", "value": ""}, with_seconds={"value"})


@events.command("redrive", epilog=example("events redrive 17"))
@for_tenant
def redrive_command(
    api: TenantApi,
    event: Annotated[str | None, typer.Argument(help="As listed: a number, or `job:<number>`.", metavar="ID")] = None,
    dead: Annotated[
        bool, typer.Option("--all-dead", help="All dead letters, at most a thousand for each run.")
    ] = False,
) -> None:
    """Redrive a dead letter: try it again, with all its attempts anew. The audit log records it."""
    redrive(api, "events", event, all_dead=dead)
