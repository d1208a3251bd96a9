"""Text for a terminal: instants in one notation, and tables that cut no cell. For people; programs read JSON.

Used by the command line and the demo. It imports little, because each import delays every command.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from enum import StrEnum

from rich.cells import cell_len

_GAP = "  "
_INDENT = "  "


class Output(StrEnum):
    """The output of a command: text for people, or JSON for programs."""

    TEXT = "text"
    JSON = "json"


def format_time(moment: datetime, zone: tzinfo | None = None, *, seconds: bool = False) -> str:
    """Return an aware instant with weekday and time zone: `Fri 27 Nov 2026 10:00 CET`.

    If `zone` is None, an instant is shown with its own offset (`UTC+01:00`); an instant in UTC is shown in the local zone.
    """
    if zone is not None or not moment.utcoffset():
        moment = moment.astimezone(zone)
    clock = f"{moment:%H:%M:%S}" if seconds else f"{moment:%H:%M}"
    return f"{format_day(moment)} {clock} {name_zone(moment)}"


def format_day(moment: date) -> str:
    """Return a day with its weekday: `Fri 27 Nov 2026`."""
    return f"{moment:%a %d %b %Y}"


def name_zone(moment: datetime) -> str:
    """Return the abbreviation of an instant's time zone, such as `CET`; `UTC+03` for a zone without one (Europe/Istanbul)."""
    name = moment.tzname() or ""
    return f"UTC{name}" if name[:1] in {"+", "-"} else name


@dataclass(frozen=True, slots=True)
class RenderedTable:
    """The lines of a rendered table: heading lines and row lines."""

    head: list[str]
    body: list[str]


def render_table(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> RenderedTable:
    """Render rows of cells below their headings. No cell is cut or broken inside a word, so that people can copy it.

    Columns that do not fit into `width` characters continue on further, indented lines of the row. If `width` is None, each row
    is one line, as programs that read lines expect.
    """
    widths = [max(map(cell_len, cells)) for cells in zip(columns, *rows, strict=True)]
    groups = _group_columns(widths, width)
    head = [line for line in _render_row(columns, widths, groups, width) if line.strip()]
    return RenderedTable(head, [line for row in rows for line in _render_row(row, widths, groups, width)])


def _group_columns(widths: Sequence[int], width: int | None) -> list[list[int]]:
    """Divide the columns, in their order, into as few lines as possible. Return the column indexes of each line."""
    groups: list[list[int]] = [[]]
    used = 0
    for column, needed in enumerate(widths):
        if groups[-1] and width is not None and used + len(_GAP) + needed > width:
            groups.append([])
            used = len(_INDENT)
        used += needed + (len(_GAP) if groups[-1] else 0)
        groups[-1].append(column)
    return groups


def _render_row(
    cells: Sequence[str], widths: Sequence[int], groups: Sequence[Sequence[int]], width: int | None
) -> list[str]:
    """Return the lines of one row; an empty continuation line is left out."""
    lines: list[str] = []
    for group in groups:
        padded = (cells[column] + " " * (widths[column] - cell_len(cells[column])) for column in group)
        line = (_INDENT if lines else "") + _GAP.join(padded).rstrip()
        if not line.strip() and lines:
            continue
        if width is not None and cell_len(line) > width:
            lines += textwrap.wrap(
                line, width, subsequent_indent=_INDENT * 2, break_long_words=False, break_on_hyphens=False
            )
        else:
            lines.append(line)
    return lines
