"""`askproai appointments …` and `askproai slots`: a tenant's appointments, and the free times for new ones."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from askproai_cli.output import LimitOption, find_zone, to_cell, with_branch
from askproai_cli.tenant_api import IdArgument, RequestOption, TenantApi, YesOption, confirm, example, for_tenant
from askproai_core.terminal import format_day, name_zone

appointments = typer.Typer(
    no_args_is_help=True,
    help="The appointments of a tenant: list them, book, show, move or cancel one, or mark who did not come.",
    epilog=example("appointments list"),
)

_COLUMNS = {
    "start": "start",
    "staff": "with",
    "service": "service",
    "customer_name": "for",
    "status": "status",
    "id": "id",
    "call_id": "call",
    "notes": "note",
}


@appointments.command(
    "list", epilog="Example: `askproai appointments list -t salon-mueller.salon-mueller --from 2026-11-20`"
)
@for_tenant
def list_command(
    api: TenantApi,
    first: Annotated[str | None, typer.Option("--from", help="That start at this day or local time, or later.")] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="That start before this local time, or on this day at the latest.")
    ] = None,
    branch: Annotated[str | None, typer.Option(help="Only in this branch: name or display name.")] = None,
    staff: Annotated[str | None, typer.Option(help="Only with this person: id or name; also one who has left.")] = None,
    status: Annotated[
        str | None, typer.Option(help="Only with this status, such as confirmed or pending_sync.")
    ] = None,
    limit: LimitOption = 50,
) -> None:
    """List appointments, including held ones, in the order of their starts."""
    filters = {"from": first, "to": end, "branch": branch, "staff": staff, "status": status, "limit": limit}
    answer = api.get("appointments", **filters)
    rows = [{"notes": None, **each} for each in answer["appointments"]]
    api.print_rows(answer, rows, with_branch(_COLUMNS, rows), "no appointments")


_CALENDAR = {
    "local": "It is in the local calendar only: nothing to do in the remote calendar.",
    "done": "The remote calendar has it, too.",
    "queued": "The remote calendar does not have it yet: a job sends it, and tries again until it succeeds.",
    "failed": "The remote calendar does not have it, and the job has given up: see `askproai events list --status dead`.",
}


@appointments.command(epilog=example("appointments show e311b064"))
@for_tenant
def show(api: TenantApi, appointment: IdArgument) -> None:
    """Show an appointment: the customer's number and address, notes, why it was cancelled, whether the remote calendar has it."""
    answer = api.get(f"appointments/{appointment}")
    further = {name: answer.get(name) for name in ("phone", "email", "notes", "cancel_reason", "calendar")}
    facts = {**answer["appointment"], **further, "phone": further["phone"] or "no number"}
    api.print_rows(answer, ({"name": n, "value": v} for n, v in facts.items()), {"name": "", "value": ""})


@appointments.command(
    epilog=example("appointments book --name 'Petra Müller' --service haarschnitt --start 2026-11-27T10:00")
)
@for_tenant
def book(
    api: TenantApi,
    name: Annotated[str, typer.Option(help="Of the customer.")],
    start: Annotated[
        str | None,
        typer.Option(help="A local time, or German words such as 'Freitag um halb drei'. Default: now, for a walk-in."),
    ] = None,
    branch: Annotated[str | None, typer.Option(help="Not needed where only one offers the service.")] = None,
    service: Annotated[
        str | None, typer.Option(help="Several in one visit: `a+b`. Not needed where the branch offers only one.")
    ] = None,
    staff: Annotated[
        str | None, typer.Option(help="With whom. Default: of those who are free, who has least that day.")
    ] = None,
    phone: Annotated[str | None, typer.Option(help="With it the customer can move it by telephone.")] = None,
    email: Annotated[
        str | None,
        typer.Option(
            help="The confirmation goes there, where the Tenant has notifications; the remote calendar may send mails, too."
        ),
    ] = None,
    note: Annotated[
        str | None, typer.Option(help="For colleagues: no caller hears it, and the remote calendar does not get it.")
    ] = None,
    yes: YesOption = False,
    request_id: RequestOption = None,
) -> None:
    """Book an appointment, here and in the remote calendar, for a customer who has come in or rings the tenant's own telephone.

    The rules for callers apply, except minimumNoticeMinutes and the limits; so does the notice of the remote calendar's own
    event type. The start may be up to 30 minutes ago, except in the remote calendar, which books future times. A refusal says
    why, and lists free times.
    """
    place = {"branch": branch, "service": service, "staff": staff}
    found = api.get("booking-preview", start=start, **place)
    zone, whom = find_zone(found["zone"]), f" with {found['staff']}" if found["staff"] else ""
    customer = f"{name} ({phone})" if phone else name
    when = to_cell(found["start"], zone)
    confirm(
        f"Book {found['service']}{whom} in {found['branch']}, {when}, for {customer}{_announce(found, phone, email)}?",
        yes=yes,
    )
    place = {each: found[each] for each in place}  # the shown appointment with its start: "now" may be later than that
    asked = {**place, "start": found["start"], "name": name, "phone": phone, "email": email, "note": note}
    body = {each: value for each, value in asked.items() if value is not None}
    answer = api.change("appointments", body, request_id, again=f" --start {found['start']}")
    api.print_lines(answer, (*_describe_change(answer, "booked"), f"id {answer['appointment']['id']}"))


def _announce(found: dict[str, Any], phone: str | None, email: str | None) -> str:
    """Return the mail or message that will notify the customer, as a part of a sentence; "" if none will."""
    addresses = {"Email": email and f"a mail to {email}", "Webhook": (phone or email) and "a message by the webhook"}
    ways = [way for channel in found.get("notified_by", ()) if (way := addresses.get(channel))]
    return f", with {' and '.join(ways)}" if ways else ""


@appointments.command(epilog=example("appointments cancel e311b064 --reason 'Anna ist krank'"))
@for_tenant
def cancel(
    api: TenantApi,
    appointment: IdArgument,
    reason: Annotated[str | None, typer.Option(help="The remote calendar shows it to the customer.")] = None,
    yes: YesOption = False,
    request_id: RequestOption = None,
) -> None:
    """Cancel an appointment, here and in the remote calendar. Its time is free at once; nobody calls the customer."""
    found = api.get(f"appointments/{appointment}")
    if found["appointment"]["status"] == "cancelled":
        api.print_lines(found, _describe_change(found, _already_cancelled(found)))
        return
    confirm(f"Cancel {_describe(found)}?", yes=yes)
    body = {"reason": reason} if reason else {}
    answer = api.change(f"appointments/{found['appointment']['id']}/cancel", body, request_id)
    api.print_lines(answer, _describe_change(answer, "cancelled"))


@appointments.command(epilog=example("appointments move e311b064 --to 2026-11-27T10:00"))
@for_tenant
def move(
    api: TenantApi,
    appointment: IdArgument,
    to: Annotated[str, typer.Option(help="A local time, or German words such as 'Freitag um halb drei'.")],
    staff: Annotated[
        str | None, typer.Option(help="Another staff member; not for appointments that the remote calendar has.")
    ] = None,
    yes: YesOption = False,
    request_id: RequestOption = None,
) -> None:
    """Move an appointment for the tenant, here and in the remote calendar, by the rules for callers, except minimumNoticeMinutes.

    If the words can mean several times, times at which the staff member does not work are ignored. A refusal says why, and
    lists free times.
    """
    found = api.get(f"appointments/{appointment}")
    path = f"appointments/{found['appointment']['id']}"
    start = api.get(f"{path}/new-start", text=to, staff=staff)["start"]
    whom = f" with {staff}" if staff else ""
    confirm(f"Move {_describe(found)} to {to_cell(start, find_zone(found['zone']))}{whom}?", yes=yes)
    body = {"start": start} | ({"staff": staff} if staff else {})
    answer = api.change(f"{path}/move", body, request_id)
    place = ("start", "staff")
    stays = all(answer["appointment"][name] == found["appointment"][name] for name in place)
    api.print_lines(answer, _describe_change(answer, "it is there already" if stays else "moved"))


@appointments.command("no-show", epilog=example("appointments no-show e311b064"))
@for_tenant
def no_show(
    api: TenantApi,
    appointment: IdArgument,
    undo: Annotated[bool, typer.Option("--undo", help="Take the mark back: the customer came.")] = False,
    request_id: RequestOption = None,
) -> None:
    """Record that a customer did not come, here and in the remote calendar; possible from the appointment's start on."""
    found = api.get(f"appointments/{appointment}")
    path = f"appointments/{found['appointment']['id']}/attendance"
    answer = api.change(path, {"no_show": not undo}, request_id)
    api.print_lines(answer, _describe_change(answer, "marked as come" if undo else "marked as not come"))


def _describe(found: dict[str, Any]) -> str:
    appointment, phone = found["appointment"], f" ({found['phone']})" if found["phone"] else ""
    where = f"{appointment['service']} with {appointment['staff']} in {appointment['branch']}"
    when = to_cell(appointment["start"], find_zone(found["zone"]))
    return f"{where}, {when}, for {to_cell(appointment['customer_name'])}{phone}"


def _already_cancelled(found: dict[str, Any]) -> str:
    """Return the sentence for an appointment that is cancelled already, with the time of the cancellation if known."""
    at = found["appointment"].get("cancelled_at")
    return "it was cancelled already" + (f", {to_cell(at, find_zone(found['zone']))}" if at else "")


def _describe_change(answer: dict[str, Any], done: str) -> Iterator[str]:
    """Yield the lines about a changed appointment: `done`, then the appointment. `answer` is the private API's."""
    appointment = answer["appointment"]
    when = to_cell(appointment["start"], find_zone(answer["zone"]))
    yield f"{done}: {appointment['service']} with {appointment['staff']} in {appointment['branch']}, {when}"
    waits = appointment["status"] == "pending_sync" and answer["calendar"] == "done"
    yield (
        "The remote calendar has it, and somebody has yet to accept it there."
        if waits
        else _CALENDAR[answer["calendar"]]
    )


@for_tenant
def slots(
    api: TenantApi,
    branch: Annotated[str, typer.Option(help="Name of the branch.")],
    service: Annotated[str, typer.Option(help="Name of the service.")],
    date: Annotated[str, typer.Option(help="The day, such as 2026-11-27 or Dienstag.")],
) -> None:
    """Show the free starts of a day for each staff member, as a caller could be offered them. Nothing is held."""
    answer = api.get("slots", branch=branch, service=service, date=date)
    times: dict[str, list[str]] = {}
    for slot in answer["slots"]:
        times.setdefault(slot["staff"], []).append(f"{datetime.fromisoformat(slot['start']):%H:%M}")
    rows = ({"staff": staff, "times": " ".join(free)} for staff, free in times.items())
    heading = "free starts"
    if answer["slots"]:
        first = datetime.fromisoformat(answer["slots"][0]["start"])
        first = first.astimezone(find_zone(answer.get("zone")) or first.tzinfo)
        heading = f"free starts on {format_day(first)}, {name_zone(first)}"
    closed = f": {answer['closed']}" if answer.get("closed") else ""
    api.print_rows(answer, rows, {"staff": "with", "times": heading}, f"nothing is free on that day{closed}")
    if api.prints_text and (basis := _describe_basis(answer)):
        typer.echo(basis)


def _describe_basis(answer: dict[str, Any]) -> str:
    """Return a sentence on the source of the slots and their age; "" if the day is closed or the age is unknown."""
    if answer.get("closed"):
        return ""
    if answer.get("basis") == "own_book":
        return "Not certain: what the remote calendar has free is not known now. A booking is checked there."
    if read_at := answer.get("read_at"):
        age = datetime.now(UTC) - datetime.fromisoformat(read_at)
        read = f"read {max(0, round(age.total_seconds()))} s ago"
        return (
            f"Free in our book, and in the remote calendar as {read}."
            if answer["slots"]
            else f"Free times there: {read}."
        )
    return ""
