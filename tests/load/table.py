"""The measured rows as a table, after the facts about the machine."""

import asyncio
import os
import platform
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from askproai_core.logging import configure_logs
from tests.load.measure import Row


def cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def print_table(facts: dict[str, Any], rows: list[Row], console: Console) -> None:
    console.print(" · ".join(f"{name} {value}" for name, value in facts.items()), highlight=False)
    table = Table("what", "measured", "bar", "", "wish", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for row in rows:
        verdict = {True: "[green]ok[/green]", False: "[red]MISSED[/red]", None: "–"}[row.ok]
        bar = "" if row.bar is None else f"< {row.bar:g} {row.unit}" if row.bar else "0"
        table.add_row(row.name, row.shown, bar, verdict, row.wish)
    console.print(table)


def run_alone(measure: Callable[[Path], Coroutine[Any, Any, list[Row]]], facts: dict[str, Any]) -> None:
    """Run one measurement in a temporary folder, and print its rows."""
    configure_logs("warning", component="bench")
    with tempfile.TemporaryDirectory(prefix="askproai-bench-") as directory:
        rows = asyncio.run(measure(Path(directory)))
    print_table(facts | {"CPU": cpu_model(), "load": f"{os.getloadavg()[0]:.1f}"}, rows, Console())
