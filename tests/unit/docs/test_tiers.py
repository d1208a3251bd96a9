"""The table of the promises in CONTRIBUTING.md: the tests that it names exist, and run where it says."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
NAMED_TEST = re.compile(r"`([\w/]+/test_\w+\.py)::(test_\w+)`")
ROWS = [
    line.strip("| ").split(" | ")
    for line in (ROOT / "CONTRIBUTING.md").read_text("utf-8").splitlines()
    if line.startswith("| ") and NAMED_TEST.search(line)
]


FILES = [f"/{file.relative_to(ROOT)}" for file in (ROOT / "tests").rglob("test_*.py")]


def runs_at_night_only(path: str, name: str) -> bool:
    """Return True if the test or its module has the mark. Raises ValueError unless exactly one such file and test exist."""
    (file,) = (file for file in FILES if file.endswith(f"/{path}"))
    module = ast.parse(Path(f"{ROOT}{file}").read_text("utf-8"))
    functions = [node for node in module.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    (test,) = (node for node in functions if node.name == name)
    assigned = [node for node in module.body if isinstance(node, ast.Assign)]
    marks = [node.value for node in assigned if ast.unparse(node.targets[0]) == "pytestmark"]
    return any("pytest.mark.nightly" in ast.unparse(mark) for mark in [*marks, *test.decorator_list])


def test_each_promise_has_daily_and_nightly_tests() -> None:
    assert len(ROWS) >= 4
    for _, by_day, at_night in ROWS:
        for cell, expected in ((by_day, False), (at_night, True)):
            named = NAMED_TEST.findall(cell)
            assert named, cell
            assert [test for test in named if runs_at_night_only(*test) is not expected] == []
