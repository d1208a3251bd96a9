"""`askproai notifications …`: mails and messages, the dead ones among them, and who wants no reminders."""

from typing import Annotated

import typer

from askproai_cli.changes import RequestOption, change
from askproai_cli.client import TenantOption, UrlOption, request
from askproai_cli.output import LimitOption, Output, OutputOption, print_json, print_rows

notifications = typer.Typer(
    no_args_is_help=True,
    help="Mails and messages to customers and to the business.",
    epilog="Example: `askproai notifications list --state dead -t salon-mueller.salon-mueller`",
)

_COLUMNS = {"created_at": "created", "kind": "kind", "recipient": "to", "channel": "by", "state": "state",
            "attempts": "tries", "appointment_id": "appointment", "id": "id", "error": "error"}  # fmt: skip
_OPT_OUTS = {"address": "address", "since": "since", "changed_by": "by"}
AddressArgument = Annotated[
    str, typer.Argument(help="An e-mail address, or a telephone number such as +4915112345678.", metavar="ADDRESS")
]


@notifications.command(
    "list", epilog="Example: `askproai notifications list --state dead -t salon-mueller.salon-mueller`"
)
def list_command(
    tenant: TenantOption,
    state: Annotated[str | None, typer.Option(help="waiting, sending, sent, dropped or dead.")] = None,
    limit: LimitOption = 50,
    url: UrlOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """List notifications, newest first. `dropped` are those that were not needed any more; `error` says why."""
    answer = request(tenant, url, "GET", "notifications", state=state, limit=limit)
    print_rows(output, answer, answer["notifications"], _COLUMNS, "no such notifications", with_seconds={"created_at"})


@notifications.command(epilog="Example: `askproai notifications redrive --all-dead -t salon-mueller.salon-mueller`")
def redrive(
    tenant: TenantOption,
    notification: Annotated[str | None, typer.Argument(help="As listed.", metavar="ID")] = None,
    dead: Annotated[bool, typer.Option("--all-dead", help="All dead ones, at most a thousand for each run.")] = False,
    url: UrlOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Send a dead notification again, with all its attempts, unless it is no longer needed. The audit log records it."""
    if (notification is None) is not dead:
        raise typer.BadParameter("name one ID, or say --all-dead")
    path = f"notifications/{notification}/redrive" if notification else "notifications/redrive"
    answer = request(tenant, url, "POST", path)
    if output is Output.JSON:
        print_json(answer)
    else:
        typer.echo(f"redriven: {', '.join(answer['redriven']) or 'nothing'}")


@notifications.command("opt-outs", epilog="Example: `askproai notifications opt-outs -t salon-mueller.salon-mueller`")
def opt_outs(tenant: TenantOption, url: UrlOption = None, output: OutputOption = Output.TEXT) -> None:
    """List who wants no reminders."""
    answer = request(tenant, url, "GET", "reminder-opt-outs")
    print_rows(output, answer, answer["opt_outs"], _OPT_OUTS, "nobody has refused reminders")


@notifications.command(
    "opt-out", epilog="Example: `askproai notifications opt-out petra@example.org -t salon-mueller.salon-mueller`"
)
def opt_out(
    address: AddressArgument,
    tenant: TenantOption,
    resume: Annotated[bool, typer.Option("--resume", help="Begin their reminders again.")] = False,
    request_id: RequestOption = None,
    url: UrlOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Stop the reminders of an address or number, for all its appointments. Confirmations are sent all the same."""
    answer = change(tenant, url, "reminder-opt-outs", {"address": address, "reminders": resume}, request_id)
    if output is Output.JSON:
        print_json(answer)
    else:
        typer.echo(f"{answer['address']} gets {'reminders again' if answer['reminders'] else 'no reminders any more'}")
