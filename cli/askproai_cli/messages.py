"""`askproai messages …` and `askproai waitlist …`: messages that callers have left, and callers who wait for a time."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import typer

from askproai_cli.output import LimitOption, SinceOption, find_zone, line_width, to_cell, with_branch, wrap
from askproai_cli.tenant_api import (
    IdArgument,
    RequestOption,
    TenantApi,
    YesOption,
    confirm,
    example,
    for_tenant,
    since_instant,
)

messages = typer.Typer(
    no_args_is_help=True,
    help="Messages of callers: what to pass on, and whom to call back.",
    epilog=example("messages list"),
)

waitlist = typer.Typer(
    no_args_is_help=True,
    help="People who wait for a time to become free, and the one who is offered it now: call that person.",
    epilog=example("waitlist list"),
)

_COLUMNS = {"created_at": "when", "name": "from", "phone": "phone", "when": "call back", "text": "message", "id": "id"}
_DONE_COLUMNS = {"done_at": "done", "done_by": "by", "name": "from", "text": "message", "note": "note", "id": "id"}
_WAITING_COLUMNS = {
    "state": "state", "offered": "offered time", "expires": "until", "name": "name", "phone": "phone", "service": "service",
    "staff": "with", "requested": "waits for", "id": "id",
}  # fmt: skip


@messages.command("list", epilog=example("messages list --since 2d"))
@for_tenant
def list_command(
    api: TenantApi,
    done: Annotated[
        bool, typer.Option("--done", help="Those that somebody has dealt with, instead of the open ones.")
    ] = False,
    since: SinceOption = None,
    limit: LimitOption = 50,
) -> None:
    """List the open messages, the longest waiting first. With --done, list the others: who dealt with each, and the note."""
    filters = {"state": "done" if done else "open", "since": since_instant(since)}
    answer = api.get("messages", **filters, limit=limit)
    nothing = "no message is done" if done else "no open messages"
    rows = [*_rows(answer["messages"])]
    api.print_rows(answer, rows, with_branch(_DONE_COLUMNS if done else _COLUMNS, rows), nothing)


@messages.command(epilog=example("messages show 1f0c6a52"))
@for_tenant
def show(api: TenantApi, message: IdArgument) -> None:
    """Show a message, its call, and who has dealt with it."""
    answer = api.get(f"messages/{message}")
    api.print_lines(answer, _lines(answer["message"], answer["zone"], line_width()))


@messages.command(epilog=example("messages done 1f0c6a52 --note 'called back'"))
@for_tenant
def done(
    api: TenantApi,
    message: IdArgument,
    note: Annotated[str, typer.Option(help="For colleagues.")] = "",
    yes: YesOption = False,
    request_id: RequestOption = None,
) -> None:
    """Record that somebody has dealt with a message. The message is then no longer open."""
    found = api.get(f"messages/{message}")["message"]
    is_open = found["done_at"] is None
    confirm(f"Done: {to_cell(found['name'])}, {to_cell(found['text'])}?", yes=yes or not is_open)
    answer = api.change(f"messages/{found['id']}/done", {"note": note}, request_id)
    after = answer["message"]
    at = to_cell(after["done_at"], find_zone(answer["zone"]))
    api.print_lines(answer, [f"{'done' if is_open else 'it was done already'}: {to_cell(after['done_by'])}, {at}"])


def _rows(found: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield table rows for messages. A row's text has the call-back time, if possible as understood, and the recipient."""
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


@waitlist.command("list", epilog=example("waitlist list"))
@for_tenant
def list_waitlist(
    api: TenantApi,
    ended: Annotated[bool, typer.Option("--ended", help="Ended entries: booked, removed or over.")] = False,
    limit: LimitOption = 50,
) -> None:
    """List the waiting callers, by the time of joining. A freed time is offered to one caller at a time, until the time shown.

    An offer blocks nothing: call the caller, and book with `askproai appointments book --phone` and the entry's number.
    """
    answer = api.get("waitlist", shown="ended" if ended else "waiting", limit=limit)
    rows, nobody = [*_waiting_rows(answer["entries"])], "nobody has waited" if ended else "nobody waits"
    api.print_rows(answer, rows, with_branch(_WAITING_COLUMNS, rows), nobody)


@waitlist.command(epilog=example("waitlist decline 1f0c6a52"))
@for_tenant
def decline(api: TenantApi, entry: IdArgument, yes: YesOption = False, request_id: RequestOption = None) -> None:
    """Record that a waiting caller declines the offered time. The next entry gets the time; the caller goes on waiting."""
    _change(api, entry, request_id, "decline", "does not want the offered time", yes=yes)


@waitlist.command(epilog=example("waitlist remove 1f0c6a52"))
@for_tenant
def remove(api: TenantApi, entry: IdArgument, yes: YesOption = False, request_id: RequestOption = None) -> None:
    """Remove an entry from the waiting list. A time that is offered to it goes to the next entry."""
    _change(api, entry, request_id, "remove", "waits no more", yes=yes)


def _change(api: TenantApi, entry: str, request_id: str | None, path: str, what: str, *, yes: bool) -> None:
    found = answer = api.get(f"waitlist/{entry}")
    offer = found["entry"]["offer"]
    if path != "decline" or offer is not None:
        confirm(f"{_describe(found)} {what}?", yes=yes)
        body = {"offer": offer["id"]} if path == "decline" else {}
        answer = api.change(f"waitlist/{found['entry']['id']}/{path}", body, request_id)
    api.print_lines(answer, [f"{answer['entry']['state']}: {_describe(answer)}"])


def _describe(answer: Mapping[str, Any]) -> str:
    entry, zone = answer["entry"], find_zone(answer["zone"])
    offer = f", offered {to_cell(entry['offer']['start'], zone)}" if entry["offer"] else ""
    return f"{to_cell(entry['name'])}, {entry['service']}, {to_cell(entry['requested'])}{offer}"


def _waiting_rows(found: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for entry in found:
        offer = entry["offer"] or {}
        offered = f"{offer['start']} with {offer['staff']}" if offer else None
        yield {**entry, "offered": offered, "expires": offer.get("expires_at"), "staff": entry["staff"] or "anybody"}
