"""A minute of `make soak`: the promises hold in a storm, and the tool itself still works."""

import asyncio
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.nightly

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(1200)  # draining waits for the settings of the storm, and for a loaded machine
async def test_soak_minute_ends_with_every_promise_met(tmp_path: Path):
    command = [sys.executable, "-m", "tests.soak", "--seconds", "60", "--seed", "7", "--keep", str(tmp_path / "soak")]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    text = output.decode()
    assert process.returncode == 0, text
    assert text.rstrip().endswith("verdict: every promise held (seed 7)"), text
