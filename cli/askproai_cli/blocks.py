"""`askproai blocks …`, `askproai block` and `askproai unblock`: times in which callers cannot book a staff member."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer

from askproai_cli.output import LimitOption, Output, find_zone, format_count, print_rows, to_cell
from askproai_cli.tenant_api import IdArgument, RequestOption, TenantApi, YesOption, confirm, example, for_tenant

ADD_EXAMPLE = example("block --staff anna --from 2026-11-27 --reason krank")
REMOVE_EXAMPLE = example("unblock 1f0c6a52")

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


@for_tenant
def add(
    api: TenantApi,
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
) -> None:
    """Block a time of one person in every branch, or of everyone: callers are not offered this time and cannot book it.

    The question before the change shows the people, the span, and the appointments and open waiting-list offers in it.
    Appointments stay: call the customers, and move or cancel each. Open offers end: call the people to whom they were made.
    The remote calendar's booking pages do not know the block. If a block of the same people and span exists, it is shown, and
    none is added.
    """
    if everyone == (staff is not None):
        raise typer.BadParameter("name the person with --staff, or write --everyone")
    whose: dict[str, Any] = {"everyone": True} if everyone else {"staff": staff}
    asked: dict[str, Any] = whose | {"from": first, "to": last, "branch": branch}
    if not yes:
        preview = api.get("block-preview", **asked | ({"everyone": "true"} if everyone else {}))
        echo_affected(preview, err=True)
        confirm(f"Block {describe_block(preview | {'reason': reason}, preview['zone'])}?", yes=False)
        asked |= {"from": preview["start"], "to": preview["end"]}  # what was shown, although "heute" may be over by now
    body = {name: value for name, value in (asked | {"reason": reason}).items() if value is not None}
    answer = api.change("blocks", body, request_id)
    print_added(api, answer, "blocked")


@for_tenant
def remove(api: TenantApi, block: IdArgument, yes: YesOption = False, request_id: RequestOption = None) -> None:
    """Remove a block, so that its time is offered again. Other blocks of that time stay in force, and are listed."""
    found = api.get(f"blocks/{block}")
    in_force = found["block"]["in_force"]
    confirm(f"Remove the block: {describe_block(found['block'], found['zone'])}?", yes=yes or not in_force)
    answer = api.change(f"blocks/{found['block']['id']}/remove", {}, request_id)
    others = answer.get("still_blocked_by", [])
    done = "removed" if others else "no longer blocked"
    api.print_lines(
        answer, [f"{done if in_force else 'it was removed already'}: {describe_block(answer, found['zone'])}"]
    )
    if others and api.prints_text:
        typer.echo(f"{format_count(len(others), 'other block')} in that time, still in force:")
        api.print_rows({"zone": found["zone"]}, _rows(others), _COLUMNS)


@blocks.command("list", epilog=example("blocks list"))
@for_tenant
def list_command(api: TenantApi, limit: LimitOption = 50) -> None:
    """List the present and future blocks, in the order of their starts."""
    answer = api.get("blocks", limit=limit)
    api.print_rows(answer, _rows(answer["blocks"]), _COLUMNS, "nothing is blocked")


@blocks.command(epilog=example("blocks show 1f0c6a52"))
@for_tenant
def show(api: TenantApi, block: IdArgument) -> None:
    """Show a block, the appointments that still overlap it, and the waiting-list offers that it ends."""
    answer = api.get(f"blocks/{block}")
    if api.prints_text:
        typer.echo(
            describe_block(answer["block"], answer["zone"]) + ("" if answer["block"]["in_force"] else " (removed)")
        )
    api.print_rows(answer, answer["appointments"], _APPOINTMENTS, "no appointments in it")
    if api.prints_text:
        _echo_offers(answer)


blocks.command("add", epilog=ADD_EXAMPLE.replace("askproai block", "askproai blocks add"))(add)
blocks.command("remove", epilog=REMOVE_EXAMPLE.replace("askproai unblock", "askproai blocks remove"))(remove)


def print_added(api: TenantApi, answer: Mapping[str, Any], done: str) -> None:
    """Print an added block, or the equal block that existed, with its effects. `done` begins the line for an added block."""
    block = answer["block"]
    said = done if answer.get("added", True) else "is already blocked, nothing was added"
    api.print_lines(answer, [f"{said}: {describe_block(block, answer['zone'])} (id {block['id']})"])
    if not api.prints_text:
        return
    echo_affected(answer)
    if answer.get("at_calcom"):
        typer.echo(
            "The remote calendar's own pages do not know the block: customers can still book there. Enter the absence there, too."
        )


def echo_affected(answer: Mapping[str, Any], *, err: bool = False) -> None:
    """Print the appointments and waiting-list offers that overlap a block, if there are any."""
    if found := answer["appointments"]:
        typer.echo(f"{format_count(len(found), 'appointment')} in it, to move or cancel:", err=err)
        rows = ({"notes": None, **each} for each in found)
        print_rows(Output.TEXT, answer, rows, _APPOINTMENTS, err=err)
    _echo_offers(answer, err=err)


def _echo_offers(answer: Mapping[str, Any], *, err: bool = False) -> None:
    """Print the open offers of the waiting list that overlap a block."""
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
    """Return a block as text: `mitte/anna, Fri 27 Nov 2026 00:00 CET until …, reason`."""
    reason = f", {block['reason']}" if block["reason"] else ""
    start, end = (to_cell(block[name], find_zone(zone)) for name in ("start", "end"))
    span = f"{start} until {end}"
    return f"{', '.join(block['staff'])}, {span}{reason}"
