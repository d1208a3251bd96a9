"""The rules of the vendors' APIs (docs/vendors): a test that a rule names exists, and no more rules than today are without one."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TESTS = ROOT / "tests"
# How many rules of a page may be without a test. A number only ever falls; a new rule comes with its test.
WITHOUT_A_TEST = {
    "calcom.md": 3,
    "retell.md": 4,
    "stripe.md": 2,
}
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


def test_every_page_has_a_bound() -> None:
    assert [page.name for page in PAGES] == sorted(WITHOUT_A_TEST)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_a_rule_names_exists(page: Path) -> None:
    for rule in list_rules(page):
        tests = rule.get("Test", "–")
        named = NAMED_TEST.findall(tests)
        assert tests == (", ".join(f"`{path}::{name}`" for path, name in named) or "–"), rule["Rule"]
        missing = [f"{path}::{name}" for path, name in named if not is_defined(path, name)]
        assert not missing, rule["Rule"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_more_rules_than_today_are_without_a_test(page: Path) -> None:
    rules = list(list_rules(page))
    without = [rule["Rule"] for rule in rules if rule.get("Test", "–") == "–"]
    assert rules
    assert len(without) <= WITHOUT_A_TEST[page.name], without
