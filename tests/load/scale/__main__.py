"""`make scale`: `python -m tests.load.scale [--tenants 1000] [--phases ready,quiet] [--quiet-seconds 600] [--json FILE]`.

Everything runs on this machine's loopback. Exit code 1 when a bar is missed; then, and with --keep, the logs are kept.
"""

import argparse
import asyncio
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from askproai_core.logging import configure_logs
from askproai_sandbox.cluster import ProcessError
from askproai_sandbox.embedded import EmbeddedError
from tests.load.measure import Row
from tests.load.scale.environment import open_environment
from tests.load.scale.phases import PHASES, Run, with_needed
from tests.load.scale.watching import watching
from tests.load.table import cpu_model, print_table

_WIDTH = 120  # of the table in a file
MOST_TENANTS = 5_000  # numbers of salons have four digits, and this is one machine


async def measure(
    directory: Path,
    names: Sequence[str],
    *,
    tenants: int,
    quiet_seconds: float,
    report: Callable[[str], None],
    save: Callable[[dict[str, Any], list[Row]], None],
) -> list[Row]:
    """Run the phases and return their rows; `save` gets what there is after each of them."""
    rows: list[Row] = []
    async with open_environment(directory, report) as env, watching(env.client) as seen:
        run = Run(env, seen, tenants, quiet_seconds, report)
        for name in with_needed(names):
            report(f"{name}: {PHASES[name].__doc__}")
            found = await PHASES[name](run)
            rows += found
            for row in found:
                report(f"    {row.name}: {row.shown}")
            save(run.facts, rows)
        report("the end of all parts")
    return rows


def machine() -> dict[str, Any]:
    """Return the facts without which no number means anything."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": len(os.sched_getaffinity(0)),
        "cpu": cpu_model(),
        "python": platform.python_version(),
        "load before": round(os.getloadavg()[0], 2),
    }


def phases(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - set(PHASES):
        raise argparse.ArgumentTypeError(f"no phase {', '.join(sorted(unknown))}; there are {', '.join(PHASES)}")
    return names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenants", type=int, default=1000)
    parser.add_argument("--phases", type=phases, default=list(PHASES), help=f"of {','.join(PHASES)}; default: all")
    parser.add_argument("--quiet-seconds", type=float, default=600, help="length of the quiet phase (600)")
    parser.add_argument("--json", type=Path, default=None, help="a file for rows and details")
    parser.add_argument("--keep", type=Path, default=None, help="a new folder for logs and trace")
    options = parser.parse_args()
    if not 1 <= options.tenants <= MOST_TENANTS:
        parser.error(f"--tenants must be 1 to {MOST_TENANTS}")
    console, started = Console(), time.monotonic()
    if not console.is_terminal:
        console = Console(width=_WIDTH)

    def report(line: str) -> None:
        console.print(f"[dim]{time.monotonic() - started:6.1f} s[/dim]  {line}", highlight=False, soft_wrap=True)

    facts = machine() | {"tenants": options.tenants}

    def save(details: dict[str, Any], rows: list[Row]) -> None:
        if options.json is not None:
            measured = {"machine": facts, "rows": [asdict(row) | {"ok": row.ok} for row in rows], "details": details}
            options.json.write_text(json.dumps(measured, indent=1, ensure_ascii=False))

    configure_logs("warning", component="scale")
    directory = options.keep or Path(tempfile.mkdtemp(prefix="askproai-scale-"))
    directory.mkdir(parents=True, exist_ok=True)
    try:
        rows = asyncio.run(
            measure(
                directory,
                options.phases,
                tenants=options.tenants,
                quiet_seconds=options.quiet_seconds,
                report=report,
                save=save,
            )
        )
    except (AssertionError, ProcessError, EmbeddedError) as problem:
        sys.exit(f"the run ended early: {problem}\nlogs are left in {directory}")
    facts["load after"] = round(os.getloadavg()[0], 2)
    print_table(facts, rows, console)
    if options.keep is None:
        shutil.rmtree(directory)
    else:
        console.print(f"logs and trace: {directory}")
    sys.exit(not all(row.ok is not False for row in rows))


if __name__ == "__main__":
    main()
