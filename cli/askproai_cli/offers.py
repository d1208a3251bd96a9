"""`askproai offers …`: pause the bookings of a tenant from now on, and resume them. A pause is a block of everybody."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer

from askproai_cli.blocks import describe_block, print_added
from askproai_cli.output import fail, format_count
from askproai_cli.tenant_api import RequestOption, TenantApi, YesOption, confirm, example, for_tenant

PAUSE_EXAMPLE = example("offers pause --until Freitag --reason Wasserschaden")

offers = typer.Typer(
    no_args_is_help=True,
    help="Whether callers are offered appointments: pause it for everybody at once, and resume it.",
    epilog=PAUSE_EXAMPLE,
)

_COLUMNS = {"branches": "branches", "start": "since", "end": "until", "reason": "reason", "id": "id"}

BranchOption = Annotated[str | None, typer.Option(help="One branch, by id or name. Default: all.")]


@offers.command(epilog=PAUSE_EXAMPLE)
@for_tenant
def pause(
    api: TenantApi,
    branch: BranchOption = None,
    until: Annotated[
        str | None,
        typer.Option(help="The last day, or a time; German words, too. Default: until `resume`, 400 days at most."),
    ] = None,
    reason: Annotated[str, typer.Option(help="For colleagues; no caller hears it.")] = "",
    yes: YesOption = False,
    request_id: RequestOption = None,
) -> None:
    """Offer and book nothing from now on. Callers hear that; questions and messages still work, and appointments stay.

    It is a block of everybody, in one branch or in all: `askproai blocks` lists it. The remote calendar's booking pages do not
    know it.
    """
    body = {name: value for name, value in {"branch": branch, "to": until, "reason": reason}.items() if value}
    where = f"of {branch}" if branch else "of all branches"
    end = f"until {until}" if until else "until you resume them"
    confirm(f"Pause bookings {where} {end}?", yes=yes)
    answer = api.change("pauses", body, request_id)
    print_added(api, answer, "paused")


@offers.command(epilog=example("offers resume"))
@for_tenant
def resume(api: TenantApi, branch: BranchOption = None, yes: YesOption = False) -> None:
    """End the pauses that are in force now, so that callers are offered appointments again. Repeated, it does nothing."""
    answer = api.get("pauses")
    found = [each for each in answer["pauses"] if branch is None or branch in each["branches"]]
    for each in found:
        if branch is not None and each["branches"] != [branch]:
            fail(f"That pause is of {', '.join(each['branches'])}: resume them together, without --branch")
    for each in found:
        confirm(f"Resume bookings: end {describe_block(each['block'], answer['zone'])}?", yes=yes)
    ended = [api.change(f"blocks/{each['block']['id']}/remove", {}, None) for each in found]
    lines = [f"resumed: {describe_block(each, answer['zone'])}" for each in ended] or ["nothing is paused"]
    if others := {other["id"] for each in ended for other in each["still_blocked_by"]}:
        count = format_count(len(others), "block")
        lines.append(f"{count} of single people or times in it, still in force: `askproai blocks list`")
    api.print_lines({"ended": ended, "zone": answer["zone"]}, lines)


@offers.command(epilog=example("offers show"))
@for_tenant
def show(api: TenantApi) -> None:
    """Show which branches book nothing now, since when and until when."""
    answer = api.get("pauses")
    api.print_rows(answer, _rows(answer["pauses"]), _COLUMNS, "nothing is paused")


def _rows(pauses: Iterable[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    return ({**each["block"], "branches": ", ".join(each["branches"])} for each in pauses)
