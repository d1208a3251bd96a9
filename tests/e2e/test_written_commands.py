"""The commands of the quick start, the tutorial and the page of the examples are run from their text, on the demo.

The last file of these tests, by its name: it changes the salon as the pages do.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from askproai_sandbox.demo.environment import PROJECT
from tests.worlds.documented_commands import read_shell_blocks
from tests.worlds.running_demo import Demo

# A block of these is not run: it starts or ends the demo that the others need.
OF_THE_DEMO = re.compile(r"^\s*(?:make |\.venv/bin/|export KUBECONFIG)|make (?:demo|down|test)", re.MULTILINE)
MEANT_TO_FAIL = (
    'askproai when "am Montag nach meinem Urlaub"',  # a phrase that the grammar does not know
    "askproai plan examples/salon.yaml",  # refused, as the tutorial says
    'askproai sandbox number "0221 7654321"',  # in the tutorial: the page of the examples has imported it
)
# The blocks that each page has at least.
PAGES = {"examples/README.md": 2, "docs/schnellstart.md": 4, "docs/tutorial.md": 18}


LAST_CALL = "$(askproai calls list -t salon-mueller.salon-mueller | grep -o 'call_[0-9a-f]*' | head -n 1)"
# "Within a minute the salon has a mail about it."
UNTIL_THERE_IS_A_MAIL = "timeout 90 bash -c 'until askproai sandbox mails 1 >/dev/null 2>&1; do sleep 0.5; done'\n"


def fill_in(block: str) -> str:
    """Return a block as a reader runs it: with the id of a call, and once there is a mail to read."""
    return (UNTIL_THERE_IS_A_MAIL if "askproai sandbox mails 1" in block else "") + block.replace("call_…", LAST_CALL)


class Reader:
    """A person with one shell, in the folder of a checkout, who copies the blocks of a page one after another."""

    def __init__(self, demo: Demo, folder: Path) -> None:
        self.folder = folder
        for name, target in ((".demo", demo.directory), ("examples", PROJECT / "examples"), ("docs", PROJECT / "docs")):
            (folder / name).symlink_to(target)
        programs = Path(sys.executable).parent
        path = f"{programs}:{os.environ['PATH']}"
        self.environment = {**os.environ, "KUBECONFIG": demo.state.kubeconfig, "PATH": path}

    def copy(self, blocks: list[str]) -> tuple[list[str], str]:
        """Run the blocks in one shell; return the commands that failed, and all that was printed."""
        failures = self.folder / "failures"
        script = f"trap 'echo \"$BASH_COMMAND\" >> {failures}' ERR\n" + "\n".join(blocks)
        failures.write_text("")
        completed = subprocess.run(
            ["bash", "-E", "-c", script],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,  # a call that is held ends at once
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
        return failures.read_text().splitlines(), completed.stdout


@pytest.fixture
def reader(demo: Demo, tmp_path: Path) -> Reader:
    return Reader(demo, tmp_path)


@pytest.mark.timeout(660)
@pytest.mark.parametrize("page", PAGES)
async def test_every_command_block_of_the_page_runs(hotline: Demo, reader: Reader, page: str) -> None:
    """`hotline`: the page of the examples calls it, after "Apply the hotline likewise"."""
    blocks = [block for block in read_shell_blocks(PROJECT / page) if not OF_THE_DEMO.search(block)]
    assert len(blocks) >= PAGES[page], "the page shows what a reader runs"
    failed, printed = reader.copy([fill_in(block) for block in blocks])
    unexpected = [command for command in failed if not command.startswith(MEANT_TO_FAIL)]
    assert unexpected == [], printed
    assert "Traceback" not in printed
    if page == "docs/schnellstart.md":
        assert "Max Muster" in printed, printed
