"""`askproai messages …` and `askproai waitlist …`: what callers have left for the tenant, and who waits for a time."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from askproai_cli.changes import IdArgument, RequestOption, YesOption, change, confirm
from askproai_cli.client import TenantOption, UrlOption, request
from askproai_cli.output import (
    LimitOption,
    Output,
    OutputOption,
    SinceOption,
    find_zone,
    line_width,
    parse_since,
    print_json,
    print_rows,
    to_cell,
    with_branch,
    wrap,
)

messages = typer.Typer(
    no_args_is_help=True,
    help="Messages of callers: what to pass on, and whom to call back.",
    epilog="Example: `askproai messages list -t salon-mueller.salon-mueller`",
)

waitlist = typer.Typer(
    no_args_is_help=True,
    help="Who waits for a time to become free, and to whom one is offered now: call that person.",
    epilog="Example: `askproai waitlist list -t salon-mueller.salon-mueller`",
)

_COLUMNS = {"created_at": "when", "name": "from", "phone": "phone", "when": "call back", "text": "message", "id": "id"}
_DONE_COLUMNS = {"done_at": "done", "done_by": "by", "name": "from", "text": "message", "note": "note", "id": "id"}
_WAITING_COLUMNS = {
    "state": "state", "offered": "offered time", "expires": "until", "name": "name", "phone": "phone", "service": "service",
    "staff": "with", "requested": "waits for", "id": "id",
}  # fmt: skip


@messages.command("list", epilog="Example: `askproai messages list --since 2d -t salon-mueller.salon-mueller`")
def list_command(
    tenant: TenantOption,
    done: Annotated[
        bool, typer.Option("--done", help="Those that somebody has dealt with, instead of the open ones.")
    ] = False,
    since: SinceOption = None,
    limit: LimitOption = 50,
    url: UrlOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """List the open messages: who waits for longest is first. With --done the others, by whom and with which note."""
    filters = {"state": "done" if done else "open", "since": since and parse_since(since, datetime.now(UTC))}
    answer = request(tenant, url, "GET", "messages", **filters, limit=limit)
    nothing = "no message is done" if done else "no open messages"
    rows = [*_rows(answer["messages"])]
    print_rows(output, answer, rows, with_branch(_DONE_COLUMNS if done else _COLUMNS, rows), nothing)


@messages.command(epilog="Example: `askproai messages show 1f0c6a52 -t salon-mueller.salon-mueller`")
def show(message: IdArgument, tenant: TenantOption, url: UrlOption = None, output: OutputOption = Output.TEXT) -> None:
    """Show a message, its call, and who has dealt with it."""
    answer = request(tenant, url, "GET", f"messages/{message}")
    if output is Output.JSON:
        print_json(answer)
        return
    for line in _lines(answer["message"], answer["zone"], line_width()):
        typer.echo(line)


@messages.command(
    epilog="Example: `askproai messages done 1f0c6a52 --note 'called back' -t salon-mueller.salon-mueller`"
)
def done(
    message: IdArgument,
    tenant: TenantOption,
    note: Annotated[str, typer.Option(help="For colleagues.")] = "",
    yes: YesOption = False,
    request_id: RequestOption = None,
    url: UrlOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Record that somebody has dealt with a message: it is listed as open no more."""
    found = request(tenant, url, "GET", f"messages/{message}")["message"]
    is_open = found["done_at"] is None
    confirm(f"Done: {to_cell(found['name'])}, {to_cell(found['text'])}?", yes=yes or not is_open)
    answer = change(tenant, url, f"messages/{found['id']}/done", {"note": note}, request_id)
    if output is Output.JSON:
        print_json(answer)
        return
    after = answer["message"]
    at = to_cell(after["done_at"], find_zone(answer["zone"]))
    typer.echo(f"{'done' if is_open else 'it was done already'}: {to_cell(after['done_by'])}, {at}")


def _rows(found: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Add when to call back: as it was understood, else as it was said; and for whom the message is to its text."""
    for message in found:
        recipient = f"for {message['recipient']}: " if message["recipient"] else ""
        yield {**message, "when": _call_back(message), "text": f"{recipient}{message['text']}"}


def _call_back(message: Mapping[str, Any]) -> str | None:
    if message["call_back_from"] is None:
        said: str | None = message["call_back"]
        return said
    until = f" until {message['call_back_until']}" if message["call_back_until"] else ""
    return f"{message['call_back_from']}{until}"


def _lines(message: Mapping[str, Any], zone_name: str, width: int) -> Iterator[str]:
    zone = find_zone(zone_name)
    facts = {
        "from": message["name"], "phone": message["phone"], "for": message["recipient"], "branch": message["branch"],
        "message": message["text"], "call back": _call_back(message), "as said": message["call_back"],
        "when": message["created_at"], "call": message["call_id"], "done": message["done_at"], "by": message["done_by"],
        "note": message["note"], "id": message["id"],
    }  # fmt: skip
    for name, value in facts.items():
        if value:
            yield from wrap(f"{name:10} {to_cell(value, zone)}", width, further=" " * 11)


@waitlist.command("list", epilog="Example: `askproai waitlist list -t salon-mueller.salon-mueller`")
def list_waitlist(
    tenant: TenantOption,
    ended: Annotated[bool, typer.Option("--ended", help="Who waits no more: booked, removed or over.")] = False,
    limit: LimitOption = 50,
    url: UrlOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """List who waits, by the time of joining. A time that became free is offered to one person at a time, until the time shown.

    An offer blocks nothing: call the person, and book with `askproai appointments book --phone` of the entry.
    """
    answer = request(tenant, url, "GET", "waitlist", shown="ended" if ended else "waiting", limit=limit)
    rows, nobody = [*_waiting_rows(answer["entries"])], "nobody has waited" if ended else "nobody waits"
    print_rows(output, answer, rows, with_branch(_WAITING_COLUMNS, rows), nobody)


@waitlist.command(epilog="Example: `askproai waitlist decline 1f0c6a52 -t salon-mueller.salon-mueller`")
def decline(
    entry: IdArgument,
    tenant: TenantOption,
    yes: YesOption = False,
    request_id: RequestOption = None,
    url: UrlOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Record that somebody does not want the offered time: the next one gets it, and this one waits for another."""
    _change(entry, tenant, url, output, request_id, "decline", "does not want the offered time", yes=yes)


@waitlist.command(epilog="Example: `askproai waitlist remove 1f0c6a52 -t salon-mueller.salon-mueller`")
def remove(
    entry: IdArgument,
    tenant: TenantOption,
    yes: YesOption = False,
    request_id: RequestOption = None,
    url: UrlOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Take somebody off the list; a time that is offered to this person goes to the next one."""
    _change(entry, tenant, url, output, request_id, "remove", "waits no more", yes=yes)


def _change(
    entry: str, tenant: str, url: str | None, output: Output, request_id: str | None, path: str, what: str, *, yes: bool
) -> None:
    found = request(tenant, url, "GET", f"waitlist/{entry}")
    confirm(f"{_describe(found)} {what}?", yes=yes)
    answer = change(tenant, url, f"waitlist/{found['entry']['id']}/{path}", {}, request_id)
    if output is Output.JSON:
        print_json(answer)
        return
    typer.echo(f"{answer['entry']['state']}: {_describe(answer)}")


def _describe(answer: Mapping[str, Any]) -> str:
    entry, zone = answer["entry"], find_zone(answer["zone"])
    offer = f", offered {to_cell(entry['offer']['start'], zone)}" if entry["offer"] else ""
    return f"{to_cell(entry['name'])}, {entry['service']}, {to_cell(entry['requested'])}{offer}"


def _waiting_rows(found: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for entry in found:
        offer = entry["offer"] or {}
        offered = f"{offer['start']} with {offer['staff']}" if offer else None
        yield {**entry, "offered": offered, "expires": offer.get("expires_at"), "staff": entry["staff"] or "anybody"}
