"""`askproai blocks …`, `askproai block` and `askproai unblock`: times in which callers cannot book a person."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer

from askproai_cli.changes import IdArgument, RequestOption, YesOption, change, confirm
from askproai_cli.client import TenantOption, UrlOption, request
from askproai_cli.output import (
    LimitOption,
    Output,
    OutputOption,
    find_zone,
    format_count,
    print_json,
    print_rows,
    to_cell,
)

ADD_EXAMPLE = "Example: `askproai block --staff anna --from 2026-11-27 --reason krank -t salon-mueller.salon-mueller`"
REMOVE_EXAMPLE = "Example: `askproai unblock 1f0c6a52 -t salon-mueller.salon-mueller`"

blocks = typer.Typer(
    no_args_is_help=True,
    help="Times in which callers cannot book a person: illness, an errand, a holiday at short notice.",
    epilog=ADD_EXAMPLE,
)

_COLUMNS = {"start": "from", "end": "until", "staff": "with", "reason": "reason", "id": "id"}
_OFFERS = {"start": "offered time", "staff": "with", "service": "service", "name": "for", "phone": "phone", "id": "id"}
_APPOINTMENTS = {
    "start": "start",
    "staff": "with",
    "service": "service",
    "customer_name": "for",
    "phone": "phone",
    "notes": "note",
    "id": "id",
}


def add(
    tenant: TenantOption,
    first: Annotated[
        str,
        typer.Option(
            "--from",
            help="A day, or a local time such as 2026-11-27T14:00; German words, too, such as 'Freitag Nachmittag'.",
        ),
    ],
    staff: Annotated[str | None, typer.Option(help="The person: id or name.")] = None,
    everyone: Annotated[
        bool, typer.Option("--everyone", help="Instead of a person, all who work in the branch, or in any.")
    ] = False,
    last: Annotated[
        str | None,
        typer.Option("--to", help="The last day, or a time. Default: the end of the first day, or of its part."),
    ] = None,
    reason: Annotated[str, typer.Option(help="For colleagues; no caller hears it.")] = "",
    branch: Annotated[
        str | None, typer.Option(help="If two people have the same id. With --everyone: whose staff.")
    ] = None,
    yes: YesOption = False,
    request_id: RequestOption = None,
    url: UrlOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Block a time of a person, in every branch, or of everyone: no caller is offered it or can book it.

    The question before it shows whose time it is, the span, and the appointments and open offers of the waiting list in it.
    Appointments stay: call the customers, and move or cancel each. Offers end: call whoever has heard of one. Cal.com's booking
    pages do not know the block. If there is a block of the same people and span, that one is shown, and none is added.
    """
    if everyone == (staff is not None):
        raise typer.BadParameter("name the person with --staff, or write --everyone")
    whose: dict[str, Any] = {"everyone": True} if everyone else {"staff": staff}
    asked: dict[str, Any] = whose | {"from": first, "to": last, "branch": branch}
    if not yes:
        preview = request(tenant, url, "GET", "block-preview", **asked | ({"everyone": "true"} if everyone else {}))
        echo_affected(preview, err=True)
        confirm(f"Block {describe_block(preview | {'reason': reason}, preview['zone'])}?", yes=False)
        asked |= {"from": preview["start"], "to": preview["end"]}  # what was shown, although "heute" may be over by now
    body = {name: value for name, value in (asked | {"reason": reason}).items() if value is not None}
    answer = change(tenant, url, "blocks", body, request_id)
    if output is Output.JSON:
        print_json(answer)
        return
    echo_added(answer, "blocked")


def remove(
    block: IdArgument,
    tenant: TenantOption,
    yes: YesOption = False,
    request_id: RequestOption = None,
    url: UrlOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Remove a block, so that its time is offered again, unless another block is in that time: then that one is shown."""
    found = request(tenant, url, "GET", f"blocks/{block}")
    in_force = found["block"]["in_force"]
    confirm(f"Remove the block: {describe_block(found['block'], found['zone'])}?", yes=yes or not in_force)
    answer = change(tenant, url, f"blocks/{found['block']['id']}/remove", {}, request_id)
    if output is Output.JSON:
        print_json(answer)
        return
    others = answer.get("still_blocked_by", [])
    done = "removed" if others else "no longer blocked"
    typer.echo(f"{done if in_force else 'it was removed already'}: {describe_block(answer, found['zone'])}")
    if others:
        typer.echo(f"{format_count(len(others), 'other block')} in that time, still in force:")
        print_rows(output, {"zone": found["zone"]}, _rows(others), _COLUMNS)


@blocks.command("list", epilog="Example: `askproai blocks list -t salon-mueller.salon-mueller`")
def list_command(
    tenant: TenantOption, limit: LimitOption = 50, url: UrlOption = None, output: OutputOption = Output.TEXT
) -> None:
    """List the blocks that are neither removed nor over, by start."""
    answer = request(tenant, url, "GET", "blocks", limit=limit)
    print_rows(output, answer, _rows(answer["blocks"]), _COLUMNS, "nothing is blocked")


@blocks.command(epilog="Example: `askproai blocks show 1f0c6a52 -t salon-mueller.salon-mueller`")
def show(
    block: IdArgument,
    tenant: TenantOption,
    url: UrlOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show a block, the appointments that are still in it, and the offers of the waiting list that it ends."""
    answer = request(tenant, url, "GET", f"blocks/{block}")
    if output is Output.TEXT:
        typer.echo(
            describe_block(answer["block"], answer["zone"]) + ("" if answer["block"]["in_force"] else " (removed)")
        )
    print_rows(output, answer, answer["appointments"], _APPOINTMENTS, "no appointments in it")
    if output is Output.TEXT:
        _echo_offers(answer)


blocks.command("add", epilog=ADD_EXAMPLE.replace("askproai block", "askproai blocks add"))(add)
blocks.command("remove", epilog=REMOVE_EXAMPLE.replace("askproai unblock", "askproai blocks remove"))(remove)


def echo_added(answer: Mapping[str, Any], done: str) -> None:
    """Print a block that was added, or the equal one that exists, and whom it affects. `done` is what was done."""
    block = answer["block"]
    said = done if answer.get("added", True) else "is already blocked, nothing was added"
    typer.echo(f"{said}: {describe_block(block, answer['zone'])} (id {block['id']})")
    echo_affected(answer)
    if answer.get("at_calcom"):
        typer.echo(
            "Cal.com's own pages do not know the block: customers can still book there. Enter the absence at Cal.com, too."
        )


def echo_affected(answer: Mapping[str, Any], *, err: bool = False) -> None:
    """Print the appointments and the offers in a block, if there are any."""
    if found := answer["appointments"]:
        typer.echo(f"{format_count(len(found), 'appointment')} in it, to move or cancel:", err=err)
        rows = ({"notes": None, **each} for each in found)
        print_rows(Output.TEXT, answer, rows, _APPOINTMENTS, err=err)
    _echo_offers(answer, err=err)


def _echo_offers(answer: Mapping[str, Any], *, err: bool = False) -> None:
    """Print the open offers of the waiting list in a block."""
    if found := answer.get("offers", ()):
        them = "whoever was told of it" if len(found) == 1 else "those who were told of them"
        typer.echo(
            f"{format_count(len(found), 'open offer')} of the waiting list in it, which a block ends; call {them}:",
            err=err,
        )
        rows = ({**entry, "start": entry["offer"]["start"], "staff": entry["offer"]["staff"]} for entry in found)
        print_rows(Output.TEXT, answer, rows, _OFFERS, err=err)


def _rows(found: Iterable[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    return ({**block, "staff": ", ".join(block["staff"])} for block in found)


def describe_block(block: Mapping[str, Any], zone: str) -> str:
    """Return `mitte/anna, Fri 27 Nov 2026 00:00 CET until …, reason`."""
    reason = f", {block['reason']}" if block["reason"] else ""
    start, end = (to_cell(block[name], find_zone(zone)) for name in ("start", "end"))
    span = f"{start} until {end}"
    return f"{', '.join(block['staff'])}, {span}{reason}"
