"""What is noted of a process is how its left-overs are found."""

from pathlib import Path

from askproai_sandbox.cluster import reap_leftovers, spawn


async def test_who_ends_late_takes_its_successors_note_not_away(tmp_path: Path) -> None:
    """A demo ended by the next one was seen to end only after that had noted itself: `make down` then found nobody."""
    first = await spawn("stage", ["sleep", "60"], directory=tmp_path)
    second = await spawn("stage", ["sleep", "60"], directory=tmp_path)
    await first.stop()
    assert await reap_leftovers(tmp_path) == ["stage"]
    assert await second.wait() != 0
