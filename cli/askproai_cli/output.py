"""What commands print: text for people, JSON for programs."""

import json
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table


class Output(StrEnum):
    TEXT = "text"
    JSON = "json"


OutputOption = Annotated[Output, typer.Option("--output", "-o", help="text or json.")]


LimitOption = Annotated[int, typer.Option(min=1, max=500, help="At most so many rows.")]


def format_count(count: int, noun: str) -> str:
    """Return a number with its noun, such as `1 step` and `2 steps`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def print_json(answer: Any) -> None:
    """Print an answer as one line of JSON."""
    typer.echo(json.dumps(answer, ensure_ascii=False))


def print_rows(
    output: Output, answer: Any, rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str], nothing: str = ""
) -> None:
    """Print an answer as JSON, or its `rows` as a table. `columns` maps each field to its heading; `nothing` replaces no rows.

    Times are shown in the reader's own zone; below a page that has a next one, a line reports it.
    """
    if output is Output.JSON:
        print_json(answer)
        return
    rows = list(rows)
    if not rows:
        typer.echo(nothing)
        return
    table = Table(*columns.values(), box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(_to_cell(row[field]) for field in columns))
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    if answer.get("next"):
        typer.echo(f"there are more than {len(rows)}: narrow it by the options, or raise --limit")


def _to_cell(value: Any) -> str:
    if value is None:
        return ""
    text = str(value)
    if len(text) > 18 and text[4:5] == text[7:8] == "-" and text[10:11] == "T":  # noqa: PLR2004  an instant in ISO 8601
        return f"{local(text):%d.%m. %H:%M:%S}"
    return text


def local(instant: str) -> datetime:
    """Parse an instant. UTC is converted to the reader's zone; any other offset is kept."""
    moment = datetime.fromisoformat(instant)
    return moment.astimezone() if instant.endswith("Z") else moment
