"""Each call script of `examples/calls/` is played as a person would play it, and both books are as it says."""

import asyncio
import os
import sys

import pytest

from askproai_sandbox.demo.environment import PROJECT

SCRIPTS = sorted((PROJECT / "examples" / "calls").glob("*.yaml"))
PLAY = (sys.executable, "-c", "from askproai_cli.main import app; app()", "play")


async def play(demo, *arguments: str) -> tuple[int, str]:
    """Run `askproai play`, and return its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *PLAY, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "KUBECONFIG": demo.state.kubeconfig},
    )  # fmt: skip
    output, _ = await process.communicate()
    return int(process.returncode or 0), output.decode()


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.stem)
async def test_a_played_call_leaves_what_its_script_says(hotline, file):
    code, output = await play(hotline, str(file))
    assert (code, output.splitlines()[-1]) == (0, "1 played, 0 differ"), output


async def test_a_call_that_differs_ends_with_exit_code_1(hotline, tmp_path):
    script = tmp_path / "differs.yaml"
    script.write_text((PROJECT / "examples" / "calls" / "transfer.yaml").read_text().replace("verbinde", "verschiebe"))
    code, output = await play(hotline, "--quiet", str(script))
    assert code == 1
    assert "DIFFERS  not heard: ich verschiebe Sie" in output
