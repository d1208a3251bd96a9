"""The demo under kill -9: of its parts in the middle, and of everything."""

import os
import signal
from contextlib import suppress

import pytest

from askproai_sandbox.demo import read_state
from askproai_sandbox.demo.run import end_demo
from tests.worlds.running_demo import play


def flatten(pids: object) -> list[int]:
    if isinstance(pids, dict):
        return [pid for value in pids.values() for pid in flatten(value)]
    if isinstance(pids, list):
        return [pid for value in pids for pid in flatten(value)]
    return [pids] if isinstance(pids, int) else []


@pytest.mark.timeout(600)  # half a minute on a quiet machine
async def test_killed_operator_and_worker_lose_and_duplicate_nothing(tmp_path):
    """One agent, one LLM, one binding, one appointment, every event processed; the lost attempt counts."""
    outcome, text = await play(tmp_path / "demo", keep=False, kill=True)
    assert "operator ended (by SIGKILL)" in text
    assert outcome.killed
    assert (outcome.agents, outcome.llms, len(outcome.bindings), len(outcome.appointments)) == (1, 1, 1, 1)


@pytest.mark.nightly
async def test_the_demo_starts_again_after_everything_was_killed(tmp_path):
    directory = tmp_path / "demo"
    await play(directory, keep=True, kill=False)
    for pid in flatten(read_state(directory).pids):
        with suppress(ProcessLookupError):  # a child of a process that was killed before it
            os.kill(pid, signal.SIGKILL)
    outcome, _ = await play(directory, keep=True, kill=False)
    assert len(outcome.appointments) == 1
    assert await end_demo(directory)
