"""The rules of the vendors' APIs (docs/vendors): each names a test, and the test exists."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TESTS = ROOT / "tests"
PAGES = sorted(page for page in (ROOT / "docs/vendors").glob("*.md") if page.name != "README.md")
NAMED_TEST = re.compile(r"`([\w/]+/test_\w+\.py)::(test_\w+)`")


def list_rules(page: Path) -> Iterator[dict[str, str]]:
    """Yield each row of the page's tables of rules, its cells by the headings of their columns."""
    headings: list[str] = []
    for line in page.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")] if line.startswith("|") else []
        if not cells or not headings:
            headings = cells
        elif headings[0] == "Rule" and not line.startswith("|--"):
            yield dict(zip(headings, cells, strict=True))


def is_defined(path: str, name: str) -> bool:
    """Return whether a file below `tests/` defines the test."""
    file = TESTS / path
    return file.is_file() and bool(re.search(rf"^(?:async )?def {name}\(", file.read_text(), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_rule_names_a_test_that_exists(page: Path) -> None:
    rules = list(list_rules(page))
    assert rules
    for rule in rules:
        named = NAMED_TEST.findall(rule["Test"])
        assert named, rule["Rule"]
        assert rule["Test"] == ", ".join(f"`{path}::{name}`" for path, name in named), rule["Rule"]
        missing = [f"{path}::{name}" for path, name in named if not is_defined(path, name)]
        assert not missing, rule["Rule"]
