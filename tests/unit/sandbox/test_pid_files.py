"""Pid files, by which the next start finds the processes that an earlier one left behind."""

from pathlib import Path

from askproai_sandbox.cluster import reap_leftovers, spawn


async def test_a_process_that_ends_late_does_not_remove_its_successors_pid_file(tmp_path: Path) -> None:
    """The end of a demo was once noticed only after the next one had written its pid file: `make down` then found nothing."""
    first = await spawn("stage", ["sleep", "60"], directory=tmp_path)
    second = await spawn("stage", ["sleep", "60"], directory=tmp_path)
    await first.stop()
    assert await reap_leftovers(tmp_path) == ["stage"]
    assert await second.wait() != 0
