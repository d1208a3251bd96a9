"""The machine that was measured on, without which no number means anything."""

import os
import platform
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
from tests.load.measure import percentile


async def facts(db: asyncpg.Connection) -> dict[str, Any]:
    """Give cores, CPU, versions, load, and how long the database's disk takes to keep something."""
    model = next((line.split(":")[1] for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "unknown")
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": len(os.sched_getaffinity(0)),
        "cpu": model.strip(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "postgresql": (await db.fetchval("SHOW server_version")).split()[0],
        "fsync_p50_ms": round(_fsync(Path(await db.fetchval("SHOW data_directory"))) * 1000, 3),
        "load_average_before": os.getloadavg()[0],
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def _fsync(folder: Path) -> float:
    """Append 8 KiB fifty times, each synced as a commit is."""
    draft, took = folder.parent / "fsync.probe", []
    with draft.open("wb") as file:
        for _ in range(50):
            file.write(bytes(8192))
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - began)
    draft.unlink()
    return percentile(took, 50)
