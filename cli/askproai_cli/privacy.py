"""`askproai export` and `askproai erase`: the rights of one caller (Art. 15, 17 and 20 GDPR)."""

from collections.abc import Mapping
from typing import Annotated, Final

import typer

from askproai_cli.changes import RequestOption, YesOption, change, confirm
from askproai_cli.client import RequestFailed, TenantOption, UrlOption, connect, name_user, request
from askproai_cli.output import Output, OutputOption, line_width, print_json, print_rows

EXPORT_EXAMPLE: Final = "Example: `askproai export --caller +4915112345678 -t salon-mueller.salon-mueller > export.txt`"
ERASE_EXAMPLE: Final = "Example: `askproai erase --caller +4915112345678 -t salon-mueller.salon-mueller`"

CallerOption = Annotated[str, typer.Option("--caller", help="The caller's phone number.", metavar="NUMBER")]


def export(
    caller: CallerOption, tenant: TenantOption, url: UrlOption = None, output: OutputOption = Output.TEXT
) -> None:
    """Print all that is stored of one caller: as a German text for that person, with `-o json` as one document for programs.

    Calls with what was said, appointments, messages, the waiting list, notifications, and who else has data. The audit log says
    that it was exported, and by whom. A withheld number is not found; several people may share one: whose it is, you judge.
    """
    try:
        with connect(tenant, url) as client:
            answer = client.request("POST", "callers/export", json={"caller": caller, "by": name_user()})
    except RequestFailed as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    if output is Output.JSON:
        print_json(answer)
        return
    from askproai_cli.caller_document import render_document  # what other commands have no use for

    for line in render_document(answer, line_width()):
        typer.echo(line)


def erase(
    caller: CallerOption,
    tenant: TenantOption,
    cancel: Annotated[
        bool, typer.Option("--cancel-appointments", help="Also cancel the appointments to come, here and at Cal.com.")
    ] = False,
    yes: YesOption = False,
    request_id: RequestOption = None,
    url: UrlOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Erase one caller: here at once, at Retell within minutes. Appointments keep their times, and name nobody.

    Refused while the caller is on the telephone, and while an appointment is to come: cancel it with `--cancel-appointments`, and
    inform the customer. Cal.com's API removes nobody from a booking: what keeps the name there is listed. It cannot be undone.
    """
    confirm(f"Erase everything about {caller} at {tenant}? It cannot be undone.", yes=yes)
    body = {"caller": caller, "cancel_appointments": cancel}
    answer = change(tenant, url, "callers/erase", body, request_id)
    if output is Output.JSON:
        print_json(answer)
        return
    erasure = answer["erasure"]
    rows = sorted(erasure["evidence"].items())
    typer.echo(", ".join(f"{name.replace('_', ' ')} {count}" for name, count in rows) or "nothing is stored here")
    if answer["cancelled"]:
        typer.echo(f"cancelled: {answer['cancelled']} appointments to come; tell the customer")
    for uid in answer["at_calcom"]:
        typer.echo(f"Cal.com keeps name and address in booking {uid}: ask Cal.com to erase the attendee")
    if erasure["evidence"].get("function_requests_of_others"):
        typer.echo(
            "another caller has named this person: what was said freely in that call stays until its transcript goes by age"
        )
    typer.echo(f"erasure {erasure['id']} is {erasure['state']}; `askproai erasures -t {tenant}` shows how it goes on")


def erasures(tenant: TenantOption, url: UrlOption = None, output: OutputOption = Output.TEXT) -> None:
    """List erasures of callers, newest first: whether they are done, what was erased, and what they wait for. They name nobody."""
    answer = request(tenant, url, "GET", "erasures")
    rows = [{**each, "erased": _counts(each["evidence"])} for each in answer["erasures"]]
    columns = {
        "requested_at": "when", "state": "state", "finished_at": "done", "erased": "erased", "waits_for": "waits for",
        "id": "id",
    }  # fmt: skip
    print_rows(output, answer, rows, columns, "nobody was erased")


def _counts(evidence: Mapping[str, int]) -> str:
    return " ".join(f"{name}={count}" for name, count in sorted(evidence.items()))
