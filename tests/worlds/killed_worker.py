"""A worker in a process of its own that is killed in the middle of its work."""

import subprocess
import sys
from pathlib import Path

from tests.worlds.waiting import SOON, eventually

ROOT = Path(__file__).parents[2]


async def start_and_kill(module: str, dsn: str, tenant: str, report: Path) -> str:
    """Start a module that writes its progress into the file `report`, kill it with -9, and return that progress."""
    report.unlink(missing_ok=True)  # noqa: ASYNC240  a small file

    def reported() -> bool:
        assert worker.poll() is None, "the worker ended by itself"
        return report.exists() and bool(report.read_text())

    worker = subprocess.Popen([sys.executable, "-m", module, dsn, tenant, str(report)], cwd=ROOT)  # noqa: ASYNC220  it takes no time
    try:
        await eventually(reported, SOON, "the worker to begin")
    finally:
        worker.kill()
        worker.wait()
    return report.read_text()  # noqa: ASYNC240  as above
