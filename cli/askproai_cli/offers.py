"""`askproai offers …`: pause the bookings of a tenant from now on, and resume them. A pause is a block of everybody."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer

from askproai_cli.blocks import describe_block, echo_added
from askproai_cli.changes import RequestOption, YesOption, change, confirm
from askproai_cli.client import TenantOption, UrlOption, request
from askproai_cli.output import Output, OutputOption, format_count, print_json, print_rows

PAUSE_EXAMPLE = "Example: `askproai offers pause --until Freitag --reason Wasserschaden -t salon-mueller.salon-mueller`"

offers = typer.Typer(
    no_args_is_help=True,
    help="Whether callers are offered appointments: pause it for everybody at once, and resume it.",
    epilog=PAUSE_EXAMPLE,
)

_COLUMNS = {"branches": "branches", "start": "since", "end": "until", "reason": "reason", "id": "id"}

BranchOption = Annotated[str | None, typer.Option(help="One branch, by id or name. Default: all.")]


@offers.command(epilog=PAUSE_EXAMPLE)
def pause(
    tenant: TenantOption,
    branch: BranchOption = None,
    until: Annotated[
        str | None,
        typer.Option(help="The last day, or a time; German words, too. Default: until `resume`, 400 days at most."),
    ] = None,
    reason: Annotated[str, typer.Option(help="For colleagues; no caller hears it.")] = "",
    yes: YesOption = False,
    request_id: RequestOption = None,
    url: UrlOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Offer and book nothing from now on. Callers hear so; questions and messages go on, and appointments stay.

    It is a block of everybody, in the branch or in all: `askproai blocks` lists it. Cal.com's booking pages do not know it.
    """
    body = {name: value for name, value in {"branch": branch, "to": until, "reason": reason}.items() if value}
    where = f"of {branch}" if branch else "of all branches"
    end = f"until {until}" if until else "until you resume them"
    confirm(f"Pause bookings {where} {end}?", yes=yes)
    answer = change(tenant, url, "pauses", body, request_id)
    if output is Output.JSON:
        print_json(answer)
        return
    echo_added(answer, "paused")


@offers.command(epilog="Example: `askproai offers resume -t salon-mueller.salon-mueller`")
def resume(
    tenant: TenantOption,
    branch: BranchOption = None,
    yes: YesOption = False,
    url: UrlOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """End the pauses that are in force now, so that callers are offered appointments again. Repeated, it does nothing."""
    answer = request(tenant, url, "GET", "pauses")
    found = [each for each in answer["pauses"] if branch is None or branch in each["branches"]]
    for each in found:
        if branch is not None and each["branches"] != [branch]:
            typer.echo(
                f"That pause is of {', '.join(each['branches'])}: resume them together, without --branch", err=True
            )
            raise typer.Exit(1)
    for each in found:
        confirm(f"Resume bookings: end {describe_block(each['block'], answer['zone'])}?", yes=yes)
    ended = [change(tenant, url, f"blocks/{each['block']['id']}/remove", {}, None) for each in found]
    if output is Output.JSON:
        print_json({"ended": ended, "zone": answer["zone"]})
        return
    if not found:
        typer.echo("nothing is paused")
    for each in ended:
        typer.echo(f"resumed: {describe_block(each, answer['zone'])}")
    others = {other["id"]: other for each in ended for other in each["still_blocked_by"]}
    if others:
        typer.echo(
            f"{format_count(len(others), 'block')} of single people or times in it, still in force: `askproai blocks list`"
        )


@offers.command(epilog="Example: `askproai offers show -t salon-mueller.salon-mueller`")
def show(tenant: TenantOption, url: UrlOption = None, output: OutputOption = Output.TEXT) -> None:
    """Show which branches book nothing now, since when and until when."""
    answer = request(tenant, url, "GET", "pauses")
    print_rows(output, answer, _rows(answer["pauses"]), _COLUMNS, "nothing is paused")


def _rows(pauses: Iterable[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    return ({**each["block"], "branches": ", ".join(each["branches"])} for each in pauses)
