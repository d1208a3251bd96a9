"""`askproai calendar`."""

import typer

from askproai_cli.client import TenantOption, UrlOption, request
from askproai_cli.output import Output, OutputOption, find_zone, format_count, print_rows, to_cell

calendar = typer.Typer(
    no_args_is_help=True,
    help="What Cal.com and our book say of each other.",
    epilog="Example: `askproai calendar differences -t salon-mueller.salon-mueller`",
)

_COLUMNS = {
    "sort": "difference", "since": "since", "here": "here", "there": "at Cal.com", "appointment": "appointment",
    "uid": "uid at Cal.com", "reason": "what to do",
}  # fmt: skip


@calendar.command(epilog="Example: `askproai calendar differences -t salon-mueller.salon-mueller`")
def differences(tenant: TenantOption, url: UrlOption = None, output: OutputOption = Output.TEXT) -> None:
    """List where our book and Cal.com differ and no rule decides which is right. The workers compare both all day."""
    answer = request(tenant, url, "GET", "calendar/differences")
    rows = (row | {"sort": row["sort"].replace("_", " ")} for row in answer["differences"])
    if answer.get("local"):
        nothing = "the calendar is local: there is no other book to compare ours with"
    elif answer["compared_at"]:
        compared_at = to_cell(answer["compared_at"], find_zone(answer["zone"]))
        nothing = f"no difference that a person has to decide; compared {compared_at}"
    else:
        nothing = "no difference is known; the first round has not ended"
    print_rows(output, answer, rows, _COLUMNS, nothing)
    if output is Output.TEXT and (waiting := answer.get("waiting")):
        typer.echo(f"{format_count(waiting, 'appointment')} with a change that Cal.com does not have yet")
