"""`askproai sandbox mails`: the mails that the running demo's tenants have sent; it delivers none."""

import json
from typing import Annotated, Any, NoReturn

import typer

from askproai_cli.demo_state import require_demo
from askproai_cli.output import Output, OutputOption, print_json, print_rows, to_cell

_MAX_ANSWER_BYTES = 64 * 1024 * 1024
_COLUMNS = {"number": "number", "received": "received", "to": "to", "subject": "subject", "file": "calendar file"}


def mails(
    number: Annotated[int | None, typer.Argument(min=1, help="As listed: show this mail.", metavar="NUMBER")] = None,
    to: Annotated[str | None, typer.Option(help="Only mails to this address.", metavar="ADDRESS")] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """List the mails that the running demo's tenants have sent, newest first, or show one. The demo delivers none of them."""
    if number is not None and to is not None:
        raise typer.BadParameter("name a NUMBER or --to, not both")
    import asyncio

    state = require_demo()
    url, port = state.get("mailsUrl"), state.get("smtpPort")
    if not url:
        _fail("the running demo is older than this command and keeps no mails; start `askproai demo --keep` again")
    found = [each for each in asyncio.run(_fetch(url)) if to is None or to in each["to"]]
    if number is not None:
        _show(next((each for each in found if each["number"] == number), None), number, url, output)
        return
    rows = [each | {"to": ", ".join(each["to"]), "file": each["method"]} for each in reversed(found)]
    nothing = (
        f"no mails{f' to {to}' if to else ''} yet; a notification is sent within a minute. A Tenant sends its mails here by"
        f" spec.notifications.email: {{host: 127.0.0.1, port: {port}, security: None, sender: …}}"
    )
    print_rows(output, {"mails": found}, rows, _COLUMNS, nothing, with_seconds={"received"})


async def _fetch(url: str) -> list[dict[str, Any]]:
    """Return the mails, the oldest first. Ends the command when nothing answers."""
    import aiohttp

    from askproai_core.http_answers import client_session, read_answer

    try:
        async with client_session(raise_for_status=True) as session, session.get(f"{url}/mails") as answer:
            return list(json.loads(await read_answer(answer, _MAX_ANSWER_BYTES))["mails"])
    except aiohttp.ClientError as error:
        _fail(f"the mail catcher does not answer; start `askproai demo --keep` again ({error})")


def _show(mail: dict[str, Any] | None, number: int, url: str, output: Output) -> None:
    if mail is None:
        _fail(f"there is no mail {number}: `askproai sandbox mails` lists them")
    if output is Output.JSON:
        print_json(mail)
        return
    for name, text in (("From", mail["sender"]), ("To", ", ".join(mail["to"])), ("Subject", mail["subject"])):
        typer.echo(f"{name + ':':9}{to_cell(text)}")
    typer.echo()
    for line in [*mail["text"].splitlines(), *(["", *mail["calendar"].splitlines()] if mail["calendar"] else [])]:
        typer.echo(_indent(line) + to_cell(line))
    typer.echo(f"\nAs HTML: {url}/mails/{number}.html")


def _indent(line: str) -> str:
    """Return the blanks with which a line begins: in a calendar file they say that it goes on the line before (RFC 5545, 3.1)."""
    return line[: len(line) - len(line.lstrip(" "))]


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)
