"""How commands answer: text for people, JSON for programs."""

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


def as_json(answer: Any) -> None:
    typer.echo(json.dumps(answer, ensure_ascii=False))


def show(
    output: Output, answer: Any, rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str], nothing: str = ""
) -> None:
    """Show an answer as it came, or its rows as a table; `columns` maps each field to its heading.

    Times are shown in the reader's own zone; a page that goes on says so.
    """
    if output is Output.JSON:
        as_json(answer)
        return
    listed = list(rows)
    if not listed:
        typer.echo(nothing)
        return
    table = Table(*columns.values(), box=None, pad_edge=False, header_style="bold")
    for row in listed:
        table.add_row(*(_cell(row[field]) for field in columns))
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    if answer.get("next"):
        typer.echo(f"there are more than {len(listed)}: narrow it by the options, or raise --limit")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = str(value)
    if len(text) > 18 and text[4:5] == text[7:8] == "-" and text[10:11] == "T":  # noqa: PLR2004  an instant in ISO 8601
        return f"{local(text):%d.%m. %H:%M:%S}"
    return text


def local(instant: str) -> datetime:
    """Read an instant; one with an offset of its own is shown as it is, UTC in the reader's zone."""
    moment = datetime.fromisoformat(instant)
    return moment.astimezone() if instant.endswith("Z") else moment
