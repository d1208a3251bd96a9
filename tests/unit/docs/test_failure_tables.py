"""The tables of docs/explanation.md about failures: a test plays each line and each cell."""

import ast
import re
from itertools import takewhile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TESTS = ROOT / "tests/integration"
NAMED_TEST = re.compile(r"`([\w/]+/test_\w+\.py)::(test_\w+)`")
THE_SAME = "the same test"


def rows(first_heading: str) -> list[dict[str, str]]:
    """Return the rows of the table with this first heading, as cells by column heading."""
    lines = (ROOT / "docs/explanation.md").read_text().splitlines()
    begin = next(n for n, line in enumerate(lines) if line.startswith(f"| {first_heading} |"))
    headings, _, *body = (
        line.strip("| ").split(" | ") for line in takewhile(lambda line: line.startswith("|"), lines[begin:])
    )
    return [dict(zip(headings, cells, strict=True)) for cells in body]


COMPONENTS, SENDERS = rows("Component"), rows("Sender")
CASES = [name for name in SENDERS[0] if name != "Sender"]


def names_in(path: str, name: str) -> set[str]:
    """Return the names that a test uses, in its decorators too. Raises StopIteration if there is no such test."""
    tree = ast.parse((TESTS / path).read_text())
    test = next(
        node for node in tree.body if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef) and node.name == name
    )
    return {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}


@pytest.mark.parametrize("row", COMPONENTS, ids=lambda row: row["Component"])
def test_failure_of_each_component_has_a_test(row: dict[str, str]) -> None:
    (cell,) = (text for heading, text in row.items() if heading.startswith("Test"))
    named = NAMED_TEST.findall(cell)
    assert cell == ", ".join(f"`{path}::{name}`" for path, name in named)
    assert named
    for path, name in named:
        assert names_in(path, name)


@pytest.mark.parametrize("case", CASES)
def test_each_sender_failure_is_covered_by_a_test(case: str) -> None:
    for number, row in enumerate(SENDERS):
        named = NAMED_TEST.findall(row[case])
        assert named or THE_SAME in row[case], row["Sender"]
        for path, name in named:
            assert names_in(path, name)
        if THE_SAME in row[case]:
            above = next(
                NAMED_TEST.findall(each[case]) for each in SENDERS[number - 1 :: -1] if THE_SAME not in each[case]
            )
            assert "SENDERS" in names_in(*above[0]), f"{row['Sender']}: it plays one sender only"
