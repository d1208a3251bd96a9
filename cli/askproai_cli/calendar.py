"""`askproai calendar`: the differences between our book and the remote calendar."""

import typer

from askproai_cli.output import find_zone, format_count, to_cell
from askproai_cli.tenant_api import TenantApi, example, for_tenant

calendar = typer.Typer(
    no_args_is_help=True,
    help="Differences between the remote calendar and our book.",
    epilog=example("calendar differences"),
)

_COLUMNS = {
    "sort": "difference", "since": "since", "here": "here", "there": "there", "appointment": "appointment",
    "uid": "uid there", "reason": "what to do",
}  # fmt: skip


@calendar.command(epilog=example("calendar differences"))
@for_tenant
def differences(api: TenantApi) -> None:
    """List where our book and the remote calendar differ and no rule decides which is right. The workers compare both all day."""
    answer = api.get("calendar/differences")
    rows = (row | {"sort": row["sort"].replace("_", " ")} for row in answer["differences"])
    if answer.get("local"):
        nothing = "the calendar is local: there is no other book to compare ours with"
    elif answer["compared_at"]:
        compared_at = to_cell(answer["compared_at"], find_zone(answer["zone"]))
        nothing = f"no difference that a person has to decide; compared {compared_at}"
    else:
        nothing = "no difference is known; the first round has not ended"
    api.print_rows(answer, rows, _COLUMNS, nothing)
    if api.prints_text and (waiting := answer.get("waiting")):
        typer.echo(f"{format_count(waiting, 'appointment')} with a change that the remote calendar does not have yet")
