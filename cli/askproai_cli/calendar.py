"""`askproai calendar`."""

import typer

from askproai_cli.client import TenantOption, UrlOption, request
from askproai_cli.output import Output, OutputOption, print_rows

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
    if answer.get("local"):  # pods of the previous release do not report it
        nothing = "the calendar is local: there is no other book to compare ours with"
    elif answer["compared_at"]:
        nothing = "both books agree"
    else:
        nothing = "no difference is known; the first round has not ended"
    print_rows(output, answer, rows, _COLUMNS, nothing)
