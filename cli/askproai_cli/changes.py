"""Shared by the commands that change appointments and blocks: a question before, and a request that is carried out once."""

import time
from typing import Annotated, Any, NoReturn
from uuid import UUID, uuid4

import typer

from askproai_cli.client import NoAnswer, Refused, RequestFailed, connect, name_user
from askproai_cli.output import find_zone, to_cell

_WAITS = (1.0, 3.0)  # seconds between three attempts

IdArgument = Annotated[str, typer.Argument(help="The id, or at least its first eight digits.", metavar="ID")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
RequestOption = Annotated[
    str | None,
    typer.Option(
        "--request-id",
        help="That an attempt without an answer has printed: the change is then carried out at most once.",
    ),
]


def confirm(question: str, *, yes: bool) -> None:
    """Ask before a change, on standard error; end the command unless the answer is yes."""
    if not yes:
        typer.confirm(question, abort=True, err=True)


def change(
    tenant: str, url: str | None, path: str, body: dict[str, Any], request_id: str | None, *, again: str = ""
) -> Any:
    """Send one change, up to three times while no answer comes, and return the JSON of the answer. It is carried out once.

    A failure ends the command with exit code 1; if the change may have been carried out, the message says how to go on, with what
    else the same request needs then (`again`).
    """
    content = {**body, "request_id": str(_parse(request_id)), "by": name_user()}
    uncertain = request_id is not None
    for wait in (*_WAITS, None):
        try:
            with connect(tenant, url) as client:
                return client.request("POST", path, json=content)
        except NoAnswer as error:
            uncertain = True
            if wait is None:
                _fail(error, content["request_id"] + again, uncertain)
            time.sleep(wait)
        except RequestFailed as error:
            _fail(error, content["request_id"] + again, uncertain and not isinstance(error, Refused))
    raise AssertionError("the last attempt returns or ends the command")


def _fail(error: RequestFailed, request_id: str, uncertain: bool) -> NoReturn:
    typer.echo(str(error), err=True)
    zone = find_zone(error.problem.get("zone"))
    for number, slot in enumerate(error.problem.get("alternatives", ())):
        if not number:
            typer.echo("free:", err=True)
        typer.echo(f"  {to_cell(slot['start'], zone)}  with {slot['staff']}", err=True)
    if uncertain:
        typer.echo(f"It may have been done: run the command again with --request-id {request_id}", err=True)
    raise typer.Exit(1) from None


def _parse(request_id: str | None) -> UUID:
    try:
        return UUID(request_id) if request_id else uuid4()
    except ValueError:
        raise typer.BadParameter("--request-id is the id that the failed attempt has printed") from None
