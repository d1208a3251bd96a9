"""`askproai calls list` and `askproai timeline`. An id is never cut: a line that does not fit goes on below."""

import re
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.console import Console

from askproai_cli.client import TenantOption, UrlOption, request
from askproai_cli.output import LimitOption, Output, OutputOption, local, print_json

calls = typer.Typer(
    no_args_is_help=True,
    help="The calls of a tenant, and what came of each.",
    epilog="Example: `askproai calls list --since 2h -t salon-mueller.salon-mueller`",
)

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_UNLIMITED = 10_000  # columns: a file or a pipe has no width
_MAX_NAME = 24
_INDENT = " " * 17

AnonymousOption = Annotated[
    bool, typer.Option("--anonymous", help="Without numbers, names and what was said: to be passed on.")
]


@calls.command(
    "list", epilog="Example: `askproai calls list --since 2h --outcome failed -t salon-mueller.salon-mueller`"
)
def list_command(
    tenant: TenantOption,
    since: Annotated[str | None, typer.Option(help="Such as 30m, 2h or 3d; or a day, or a local time.")] = None,
    caller: Annotated[str | None, typer.Option("--from", help="Only from this phone number.")] = None,
    outcome: Annotated[
        str | None, typer.Option(help="booked, moved, cancelled, ongoing, failed, nothing or no_function.")
    ] = None,
    anonymous: AnonymousOption = False,
    limit: LimitOption = 50,
    url: UrlOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """List calls, newest first: who called, how long, and what came of it."""
    filters = {"since": since and parse_since(since, datetime.now(UTC)), "from": caller, "outcome": outcome}
    answer = request(tenant, url, "GET", "calls", **filters, personal=_personal(anonymous), limit=limit)
    if output is Output.JSON:
        print_json(answer)
        return
    rows = [_call_cells(call) for call in answer["calls"]]
    for line in (
        _lay_out([("when", "from", "branch", "s", "outcome", "call"), *rows], _width()) if rows else ["no calls"]
    ):
        typer.echo(line)
    if answer["next"]:
        typer.echo(f"there are more than {len(rows)}: narrow it by the options, or raise --limit")


def timeline(
    call_id: Annotated[str, typer.Argument(help="As listed by `askproai calls list`.", metavar="CALL_ID")],
    tenant: TenantOption,
    anonymous: AnonymousOption = False,
    url: UrlOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show what happened in a call, in order: events, functions with what was in the way, appointments, jobs, transcript."""
    answer = request(tenant, url, "GET", f"calls/{call_id}/timeline", personal=_personal(anonymous))
    if output is Output.JSON:
        print_json(answer)
        return
    for line in timeline_lines(answer, _width()):
        typer.echo(line)


def parse_since(text: str, now: datetime) -> str:
    """Return the instant of an age such as `2h`; any other text as it is: the tenant's zone decides about a local time."""
    age = re.fullmatch(r"(\d{1,4})([mhdw])", text.strip())
    if age is None:
        return text
    return (now - timedelta(**{_UNITS[age[2]]: int(age[1])})).isoformat(timespec="seconds")


def timeline_lines(timeline: Mapping[str, Any], width: int) -> Iterator[str]:
    """Yield the lines that show an answer of `GET calls/{id}/timeline`, none longer than `width` unless an id is."""
    if (call := timeline["call"]) is not None:
        when, caller, branch, seconds, outcome, call_id = _call_cells(call)
        yield call_id
        facts = [when, caller and f"from {caller}", branch, seconds and f"{seconds} s", outcome]
        yield ", ".join(filter(None, facts))
        yield ""
    moments = timeline["moments"]
    if any(moment["what"] == "function" for moment in moments):  # then each action is what a function did
        moments = [moment for moment in moments if moment["what"] != "action"]
    names = min(_MAX_NAME, max((len(moment["name"]) for moment in moments), default=0))
    for moment in moments:
        took = "" if moment["duration_ms"] is None else f"{moment['duration_ms']} ms"
        line = f"{_time(moment['at'])}  {moment['what']:11}  {moment['name']:{names}}  {moment['outcome']:14}  {took}"
        yield line.rstrip()
        for detail in _details(moment):
            yield from _wrap(detail, width)
    if timeline["transcript"]:
        yield from ("", "transcript")
        for spoken in timeline["transcript"].splitlines():
            yield from textwrap.wrap(spoken, width, initial_indent="  ", subsequent_indent="    ") or [""]


def _details(moment: Mapping[str, Any]) -> Iterator[str]:
    if moment["arguments"]:
        yield ", ".join(f"{name}: {_argument(value)}" for name, value in moment["arguments"].items())
    if moment["detail"]:
        yield moment["detail"]
    if moment["answer"]:
        yield f"→ {moment['answer']}"
    if moment["appointment_id"]:
        yield " ".join(filter(None, (moment["appointment_id"], moment["starts_at"] and _start(moment["starts_at"]))))
    if moment["next_try_at"]:
        yield f"next try {_time(moment['next_try_at'])}"
    if moment["outcome"] in {"failed", "dead", "too_slow"}:
        yield f"correlation id {moment['correlation_id']}"


def _argument(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else value


def _call_cells(call: Mapping[str, Any]) -> tuple[str, ...]:
    when = "" if call["started_at"] is None else _time(call["started_at"])
    seconds = "" if call["seconds"] is None else str(call["seconds"])
    return when, call["from_number"] or "", call["branch"] or "", seconds, call["outcome"], call["call_id"]


def _lay_out(rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """Yield a table; its last column is a line below the others where the table is wider than `width`."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    fits = sum(widths) + 2 * (len(widths) - 1) <= width
    for row in rows:
        *cells, last = (cell.ljust(size) for cell, size in zip(row, widths, strict=True))
        line = "  ".join(cells)
        yield from [f"{line}  {last}".rstrip()] if fits else [line.rstrip(), f"    {last}".rstrip()]


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=_INDENT,
        subsequent_indent=f"{_INDENT}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _time(instant: str) -> str:
    return f"{local(instant):%d.%m. %H:%M:%S}"


def _start(instant: str) -> str:
    return f"at {local(instant):%d.%m.%Y %H:%M}"


def _personal(anonymous: bool) -> str:
    return "false" if anonymous else "true"


def _width() -> int:
    return Console().width if sys.stdout.isatty() else _UNLIMITED
