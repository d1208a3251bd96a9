"""`askproai notifications …`: mails and messages, including dead ones, and the addresses that want no reminders."""

from typing import Annotated

import typer

from askproai_cli.output import LimitOption
from askproai_cli.tenant_api import RequestOption, TenantApi, example, for_tenant, redrive

notifications = typer.Typer(
    no_args_is_help=True,
    help="Mails and messages to customers and to the business.",
    epilog=example("notifications list --state dead"),
)

_COLUMNS = {"created_at": "created", "kind": "kind", "recipient": "to", "channel": "by", "state": "state",
            "attempts": "tries", "appointment_id": "appointment", "id": "id", "error": "error"}  # fmt: skip
_OPT_OUTS = {"address": "address", "since": "since", "changed_by": "by"}
AddressArgument = Annotated[
    str, typer.Argument(help="An e-mail address, or a telephone number such as +4915112345678.", metavar="ADDRESS")
]


@notifications.command("list", epilog=example("notifications list --state dead"))
@for_tenant
def list_command(
    api: TenantApi,
    state: Annotated[str | None, typer.Option(help="waiting, sending, sent, dropped or dead.")] = None,
    limit: LimitOption = 50,
) -> None:
    """List notifications, newest first. `dropped` are those that were not needed any more; `error` says why."""
    answer = api.get("notifications", state=state, limit=limit)
    api.print_rows(answer, answer["notifications"], _COLUMNS, "no such notifications", with_seconds={"created_at"})


@notifications.command("redrive", epilog=example("notifications redrive --all-dead"))
@for_tenant
def redrive_command(
    api: TenantApi,
    notification: Annotated[str | None, typer.Argument(help="As listed.", metavar="ID")] = None,
    dead: Annotated[bool, typer.Option("--all-dead", help="All dead ones, at most a thousand for each run.")] = False,
) -> None:
    """Send a dead notification again, with all its attempts anew, unless it is not needed any more. The audit log records it."""
    redrive(api, "notifications", notification, all_dead=dead)


@notifications.command("opt-outs", epilog=example("notifications opt-outs"))
@for_tenant
def opt_outs(api: TenantApi) -> None:
    """List the addresses and numbers that want no reminders."""
    answer = api.get("reminder-opt-outs")
    api.print_rows(answer, answer["opt_outs"], _OPT_OUTS, "nobody has refused reminders")


@notifications.command("opt-out", epilog=example("notifications opt-out petra@example.org"))
@for_tenant
def opt_out(
    api: TenantApi,
    address: AddressArgument,
    resume: Annotated[bool, typer.Option("--resume", help="Begin their reminders again.")] = False,
    request_id: RequestOption = None,
) -> None:
    """Stop the reminders of an address or number, for all its appointments. Confirmations are sent all the same."""
    answer = api.change("reminder-opt-outs", {"address": address, "reminders": resume}, request_id)
    now = "reminders again" if answer["reminders"] else "no reminders any more"
    api.print_lines(answer, [f"{answer['address']} gets {now}"])
