"""The common parts of commands about one tenant: their options, a client of its private API, and their output."""

import functools
import inspect
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, NoReturn
from uuid import UUID, uuid4

import typer

from askproai_cli.client import TOKEN_VARIABLE, Forbidden, NoAnswer, Refused, RequestFailed, connect, name_user
from askproai_cli.output import Output, OutputOption, find_zone, parse_since, print_json, print_rows, to_cell

_WAITS = (1.0, 3.0)  # seconds between three attempts

TenantOption = Annotated[str, typer.Option("--tenant", "-t", help="The tenant: NAMESPACE.TENANT.", metavar="TENANT")]
UrlOption = Annotated[
    str | None, typer.Option(help=f"The tenant's private port, such as http://127.0.0.1:8081; needs {TOKEN_VARIABLE}.")
]
IdArgument = Annotated[str, typer.Argument(help="The id, or at least its first eight digits.", metavar="ID")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
RequestOption = Annotated[
    str | None,
    typer.Option(
        "--request-id",
        help="That an attempt without an answer has printed: the change is then carried out at most once.",
    ),
]


@dataclass(frozen=True, slots=True)
class TenantApi:
    """The private API of a command's tenant. A failed request ends the command with exit code 1 and a line on standard error."""

    tenant: str
    url: str | None
    output: Output

    @property
    def prints_text(self) -> bool:
        return self.output is Output.TEXT

    def get(self, path: str, **params: str | int | None) -> Any:
        """Return the JSON of a GET's answer. Parameters that are None are not sent.

        If a reader asks for `personal=true`, the answer comes without personal data, and a line on standard error reports that.
        """
        query = {name: value for name, value in params.items() if value is not None}
        try:
            with connect(self.tenant, self.url) as client:
                try:
                    return client.request("GET", path, params=query)
                except Forbidden as refused:
                    if query.get("personal") != "true":
                        raise
                    answer = client.request("GET", path, params=query | {"personal": "false"})
                    typer.echo(f"Shown as with --anonymous. {refused}", err=True)
                    return answer
        except RequestFailed as error:
            _fail(error)

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Send a POST that is safe to repeat, and return the JSON of the answer."""
        try:
            with connect(self.tenant, self.url) as client:
                return client.request("POST", path, json=body)
        except RequestFailed as error:
            _fail(error)

    def change(self, path: str, body: dict[str, Any], request_id: str | None, *, again: str = "") -> Any:
        """Send a change, up to three times until an answer comes, and return its JSON. The change is carried out only once.

        If it is unclear whether the change was carried out, the failure's message says how to repeat the same request; `again`
        is the further input that this needs.
        """
        content = {**body, "request_id": str(_parse(request_id)), "by": name_user()}
        uncertain = request_id is not None
        for wait in (*_WAITS, None):
            try:
                with connect(self.tenant, self.url) as client:
                    return client.request("POST", path, json=content)
            except NoAnswer as error:
                if wait is None:
                    _fail(error, content["request_id"] + again)
                uncertain = True
                time.sleep(wait)
            except RequestFailed as error:
                may_be_done = uncertain and not isinstance(error, Refused)
                _fail(error, content["request_id"] + again if may_be_done else None)
        raise AssertionError("the last attempt returns or ends the command")

    def print_rows(
        self, answer: Any, rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str], nothing: str = "", **how: Any
    ) -> None:
        """Print an answer as JSON, or its rows as a table: `output.print_rows`."""
        print_rows(self.output, answer, rows, columns, nothing, **how)

    def print_lines(self, answer: Any, lines: Iterable[str]) -> None:
        """Print an answer as JSON, or as these lines of text."""
        if self.prints_text:
            for line in lines:
                typer.echo(line)
        else:
            print_json(answer)


def redrive(api: TenantApi, kind: str, item: str | None, *, all_dead: bool) -> None:
    """Try one dead item of a kind, `events` or `notifications`, again, or all dead ones, and print which these are."""
    if (item is None) is not all_dead:
        raise typer.BadParameter("name one ID, or say --all-dead")
    answer = api.post(f"{kind}/{item}/redrive" if item else f"{kind}/redrive")
    api.print_lines(answer, [f"redriven: {', '.join(answer['redriven']) or 'nothing'}"])


def for_tenant(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options `--tenant`, `--url` and `--output` to a command; its first parameter becomes the `TenantApi` for them."""
    _, *own = inspect.signature(function).parameters.values()
    kind = inspect.Parameter.KEYWORD_ONLY
    options = (
        inspect.Parameter("tenant", kind, annotation=TenantOption),
        *(each.replace(kind=kind) for each in own),
        inspect.Parameter("url", kind, default=None, annotation=UrlOption),
        inspect.Parameter("output", kind, default=Output.TEXT, annotation=OutputOption),
    )

    @functools.wraps(function)
    def command(*, tenant: str, url: str | None, output: Output, **values: Any) -> None:
        function(TenantApi(tenant, url, output), **values)

    command.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]  # typer makes the options of it
    command.__annotations__ = {each.name: each.annotation for each in options}
    return command


def example(command: str) -> str:
    """Return the example that the help of a command about a tenant ends with."""
    return f"Example: `askproai {command} -t salon-mueller.salon-mueller`"


def since_instant(since: str | None) -> str | None:
    """Return the instant of `--since` in the form in which the private API takes it; None if the option is absent."""
    return since and parse_since(since, datetime.now(UTC))


def confirm(question: str, *, yes: bool) -> None:
    """Ask for confirmation of a change on standard error, unless `yes`. End the command for any answer but yes."""
    if not yes:
        typer.confirm(question, abort=True, err=True)


def _fail(error: RequestFailed, may_be_done_as: str | None = None) -> NoReturn:
    """Print why a request failed and end the command. `may_be_done_as` is the request id of a change that may have been made."""
    typer.echo(str(error), err=True)
    zone = find_zone(error.problem.get("zone"))
    for number, slot in enumerate(error.problem.get("alternatives", ())):
        if not number:
            typer.echo("free:", err=True)
        typer.echo(f"  {to_cell(slot['start'], zone)}  with {slot['staff']}", err=True)
    if may_be_done_as is not None:
        typer.echo(f"It may have been done: run the command again with --request-id {may_be_done_as}", err=True)
    raise typer.Exit(1) from None


def _parse(request_id: str | None) -> UUID:
    try:
        return UUID(request_id) if request_id else uuid4()
    except ValueError:
        raise typer.BadParameter("--request-id is the id that the failed attempt has printed") from None
