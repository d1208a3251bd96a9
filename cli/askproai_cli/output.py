"""The output of commands: text for people, JSON for programs."""

import json
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Annotated, Any, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from askproai_core.terminal import Output as Output  # noqa: PLC0414 - every command imports it from here
from askproai_core.terminal import format_time, render_table

# An instant in ISO 8601, also within a sentence, as PostgreSQL and Cal.com write it. Without seconds, a hyphen is of a range that
# a caller has named: "2026-12-16 08:30-10:00".
_INSTANT = re.compile(
    r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?:(?P<second>:\d\d(?:\.\d{1,6})?))?(?:Z|(?:\+|(?(second)-|(?!)))\d\d(?::?\d\d)?)(?![\d:])"
)


OutputOption = Annotated[Output, typer.Option("--output", "-o", help="text or json.")]


SinceOption = Annotated[str | None, typer.Option(help="An age such as 30m, 2h or 3d; or a day, or a local time.")]


LimitOption = Annotated[int, typer.Option(min=1, max=500, help="At most so many rows.")]


_UNLIMITED = 10_000  # columns
_AGE = re.compile(r"(\d+)([a-zA-Z]+)")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_since(text: str, now: datetime) -> str:
    """Return the instant (ISO 8601) that lies an age such as `2h` before `now`. Return any other text unchanged: it may be a
    local time in the tenant's zone.

    An age in an unknown unit ends the command as wrong usage.
    """
    age = _AGE.fullmatch(text.strip())
    if age is None:
        return text
    number, unit = age.groups()
    if unit not in _UNITS or len(number) > len("9999"):
        raise typer.BadParameter(f"{text} is no age such as 30m, 2h, 3d or 1w", param_hint="--since")
    return (now - timedelta(**{_UNITS[unit]: int(number)})).isoformat(timespec="seconds")


def format_count(count: int, noun: str) -> str:
    """Return a number with its noun, such as `1 step` and `2 steps`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def fail(message: str, exit_code: int = 1) -> NoReturn:
    """End the command with a message on standard error."""
    typer.echo(message, err=True)
    raise typer.Exit(exit_code) from None


def print_json(answer: Any) -> None:
    """Print an answer as one line of JSON."""
    typer.echo(json.dumps(answer, ensure_ascii=False))


def with_branch(columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the columns of a table, with a column for the branch in second place if the rows belong to several branches."""
    (first, title), *others = columns.items()
    if len({each.get("branch") for each in rows}) < 2:  # noqa: PLR2004  one says nothing
        return dict(columns)
    return {first: title, "branch": "branch", **dict(others)}


def print_rows(
    output: Output,
    answer: Any,
    rows: Iterable[Mapping[str, Any]],
    columns: Mapping[str, str],
    nothing: str = "",
    *,
    with_seconds: Collection[str] = (),
    err: bool = False,
) -> None:
    """Print an answer as JSON, or its `rows` as a table. `columns` maps each field to its heading; `nothing` is for no rows.

    Times are shown in the answer's time zone (`zone`), or else in the reader's own; columns in `with_seconds` show seconds. If
    the answer has a next page, a line below the table reports it. With `err` all output goes to standard error.
    """
    if output is Output.JSON:
        print_json(answer)
        return
    zone = find_zone(answer.get("zone"))
    cells = [[to_cell(row[field], zone, seconds=field in with_seconds) for field in columns] for row in rows]
    if not cells:
        typer.echo(nothing, err=err)
        return
    table = render_table([*columns.values()], cells, find_width())
    for line in table.head:
        typer.secho(line, bold=True, err=err)
    for line in table.body:
        typer.echo(line, err=err)
    if answer.get("next"):
        total = answer.get("total")
        of_all = f"{total} or more" if answer.get("at_least") else str(total)
        count = f"{len(cells)} of {of_all}" if total is not None else f"the first {len(cells)}, and there are more"
        typer.echo(f"{count}: narrow it by the options, or raise --limit", err=err)


def find_width() -> int | None:
    """Return the width of the terminal; None for a file or a pipe, which has no width of its own."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def line_width() -> int:
    """Return the width for wrapped lines: the terminal's; unlimited for a file or a pipe."""
    return find_width() or _UNLIMITED


def wrap(text: str, width: int, *, first: str = "", further: str = "") -> list[str]:
    """Break a text into lines between words only, since ids and addresses are copied. `first` and `further` indent them."""
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=further, break_long_words=False, break_on_hyphens=False
    )


def to_cell(
    value: Any,
    zone: tzinfo | None = None,
    *,
    seconds: bool = False,
    write_time: Callable[[datetime], str] | None = None,
) -> str:
    """Return a JSON value as one line of text. Times are formatted by `write_time` (or else `format_time`) in `zone`.

    Some texts come from callers and providers: a control character becomes `�`, so that the terminal does not obey it.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    text = " ".join(_INSTANT.sub(lambda found: _spell(found[0], zone, seconds, write_time), value).split())
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _spell(instant: str, zone: tzinfo | None, seconds: bool, write_time: Callable[[datetime], str] | None) -> str:
    try:
        moment = datetime.fromisoformat(instant)
        return write_time(moment.astimezone(zone)) if write_time else format_time(moment, zone, seconds=seconds)
    except (ValueError, OverflowError):  # no day of the calendar, or none in that zone
        return instant


def find_zone(name: str | None) -> tzinfo | None:
    """Return a time zone by its name; None when there is no name, or this machine has no rules for it."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        return None
