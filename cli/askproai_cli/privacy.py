"""`askproai export` and `askproai erase`: the rights of one caller (Art. 15, 17 and 20 GDPR)."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

import typer

from askproai_cli.client import name_user
from askproai_cli.output import line_width
from askproai_cli.tenant_api import RequestOption, TenantApi, YesOption, confirm, example, for_tenant

EXPORT_EXAMPLE: Final = "Example: `askproai export --caller +4915112345678 -t salon-mueller.salon-mueller > export.txt`"
ERASE_EXAMPLE: Final = example("erase --caller +4915112345678")

CallerOption = Annotated[str, typer.Option("--caller", help="The caller's phone number.", metavar="NUMBER")]


@for_tenant
def export(api: TenantApi, caller: CallerOption) -> None:
    """Print all that is stored of one caller: as a German text for that person, with `-o json` as one document for programs.

    It has calls with transcripts, appointments, messages, the waiting list, notifications, and who else has data. The audit log
    records the export and its user. A withheld number is not found; several people may share a number: judge whose data it is.
    """
    from askproai_cli.caller_document import render_document  # what other commands have no use for

    answer = api.post("callers/export", {"caller": caller, "by": name_user()})
    api.print_lines(answer, render_document(answer, line_width()))


@for_tenant
def erase(
    api: TenantApi,
    caller: CallerOption,
    cancel: Annotated[
        bool,
        typer.Option(
            "--cancel-appointments", help="Also cancel the appointments to come, here and in the remote calendar."
        ),
    ] = False,
    yes: YesOption = False,
    request_id: RequestOption = None,
) -> None:
    """Erase one caller: here at once, at Retell within minutes. Appointments keep their times, and name nobody.

    Refused while the caller is on the telephone, and while an appointment is to come: cancel it with `--cancel-appointments`,
    and inform the customer. The remote calendar's API removes nobody from a booking: the bookings that keep the name there are
    listed. It cannot be undone.
    """
    confirm(f"Erase everything about {caller} at {api.tenant}? It cannot be undone.", yes=yes)
    body = {"caller": caller, "cancel_appointments": cancel}
    answer = api.change("callers/erase", body, request_id)
    api.print_lines(answer, _describe_erasure(answer, api.tenant))


def _describe_erasure(answer: Mapping[str, Any], tenant: str) -> Iterator[str]:
    erasure = answer["erasure"]
    rows = sorted(erasure["evidence"].items())
    yield ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in rows) or "nothing is stored here"
    if answer["cancelled"]:
        yield f"cancelled: {answer['cancelled']} appointments to come; tell the customer"
    for uid in answer["at_calcom"]:
        yield f"The remote calendar keeps name and address in booking {uid}: have the attendee erased there"
    if erasure["evidence"].get("function_requests_of_others"):
        yield "another caller has named this person: what was said freely in that call stays until its transcript goes by age"
    yield f"erasure {erasure['id']} is {erasure['state']}; `askproai erasures -t {tenant}` shows how it goes on"


@for_tenant
def erasures(api: TenantApi) -> None:
    """List erasures of callers, newest first: whether they are done, what was erased, and what they wait for. They name nobody."""
    answer = api.get("erasures")
    rows = [{**each, "erased": _counts(each["evidence"])} for each in answer["erasures"]]
    columns = {
        "requested_at": "when", "state": "state", "finished_at": "done", "erased": "erased", "waits_for": "waits for",
        "id": "id",
    }  # fmt: skip
    api.print_rows(answer, rows, columns, "nobody was erased")


def _counts(evidence: Mapping[str, int]) -> str:
    return " ".join(f"{name}={count}" for name, count in sorted(evidence.items()))
