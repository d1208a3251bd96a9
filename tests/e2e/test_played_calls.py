"""Each call script of `examples/calls/` is played as a person would play it, and both books and the mails are as it says."""

import asyncio
import os
import sys

import pytest

from askproai_sandbox.demo.environment import PROJECT
from tests.worlds.running_demo import Demo, apply_with_number

SCRIPTS = sorted((PROJECT / "examples" / "calls").glob("*.yaml"))
PLAY = (sys.executable, "-c", "from askproai_cli.main import app; app()", "play")


@pytest.fixture(scope="module")
async def practice(demo: Demo):
    """The demo with `examples/practice.yaml` in it, while these tests run."""
    file = PROJECT / "examples" / "practice.yaml"
    await apply_with_number(demo, file, "praxis-linden", "key_demo_linden", "+494066969100")
    yield demo
    await demo.kubectl("delete", "namespace", "praxis-linden", "--timeout=120s")


@pytest.fixture(scope="module")
async def english(demo: Demo):
    """The demo with `examples/english.yaml` in it, while these tests run."""
    file = PROJECT / "examples" / "english.yaml"
    await apply_with_number(demo, file, "canal-physio", "key_demo_canal", "+493023125042")
    yield demo
    await demo.kubectl("delete", "namespace", "canal-physio", "--timeout=120s")


async def play(demo, *arguments: str) -> tuple[int, str]:
    """Run `askproai play`, and return its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *PLAY, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "KUBECONFIG": demo.state.kubeconfig},
    )  # fmt: skip
    output, _ = await process.communicate()
    return int(process.returncode or 0), output.decode()


def last_warnings(demo: Demo) -> str:
    """Return the last lines in which pods log a warning or an error: why the books differ."""
    lines = (line for log in demo.directory.glob("runner/pods/*/*.log") for line in log.read_text().splitlines())
    warnings = [line for line in lines if '"level": "warning"' in line or '"level": "error"' in line]
    return "\n".join(sorted(warnings, key=lambda line: line.rpartition('"timestamp"')[2])[-30:])


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.stem)
async def test_a_played_call_matches_its_script(hotline, practice, english, file):
    code, output = await play(hotline, str(file))
    assert (code, output.splitlines()[-1]) == (0, "1 played, 0 differ"), f"{output}\n{last_warnings(hotline)}"


async def test_call_differing_from_its_script_exits_with_1(hotline, tmp_path):
    script = tmp_path / "differs.yaml"
    script.write_text((PROJECT / "examples" / "calls" / "transfer.yaml").read_text().replace("verbinde", "verschiebe"))
    code, output = await play(hotline, "--quiet", str(script))
    assert code == 1
    assert "DIFFERS  not heard: ich verschiebe Sie" in output
