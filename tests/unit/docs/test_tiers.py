"""The table of the promises in CONTRIBUTING.md: the tests that it names exist, and run where it says."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
NAMED_TEST = re.compile(r"`([\w/]+/test_\w+\.py)::(test_\w+)`")
ROWS = [
    line.strip("| ").split(" | ")
    for line in (ROOT / "CONTRIBUTING.md").read_text("utf-8").splitlines()
    if line.startswith("| ") and NAMED_TEST.search(line)
]


def find_tests(cell: str) -> set[str]:
    """Return the ids of the tests that a cell names. Raises ValueError unless there is one file of that name."""
    ids = set()
    for path, name in NAMED_TEST.findall(cell):
        (file,) = (file for file in (ROOT / "tests").rglob(Path(path).name) if f"/{file}".endswith(f"/{path}"))
        ids.add(f"{file.relative_to(ROOT)}::{name}")
    return ids


def test_promises_are_proved_by_day_and_night() -> None:
    assert len(ROWS) >= 4
    assert all(find_tests(cell) for row in ROWS for cell in row[1:])
    by_day = set[str]().union(*(find_tests(by_day) for _, by_day, _ in ROWS))
    at_night = set[str]().union(*(find_tests(at_night) for _, _, at_night in ROWS))
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-o", "addopts=", "-p", "no:randomly"]
    result = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-m", "not nightly", *by_day, *at_night],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    collected = {line.partition("[")[0] for line in result.stdout.splitlines() if "::" in line}
    assert collected == by_day
