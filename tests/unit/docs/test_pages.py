"""The documentation pages: every link has a target, and every file and test that a page names exists."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.worlds.rows import each_row

ROOT = Path(__file__).parents[3]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("examples/*.md"), *ROOT.glob("docs/**/*.md")]
DECISIONS = ROOT / "docs/decisions"
CODE_BLOCK = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)


def read_prose(page: Path) -> str:
    """Return a page's text without its code blocks."""
    return CODE_BLOCK.sub("", page.read_text())


def list_anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", read_prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def list_links(page: Path) -> Iterator[tuple[str, str]]:
    """Yield path and anchor of each link to a file of the repository."""
    for target in re.findall(r"\]\(([^)\s]+)\)", read_prose(page)):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            yield path, anchor


@each_row("page", PAGES)
def test_every_link_has_a_target(page: Path) -> None:
    for path, anchor in list_links(page):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        assert not anchor or anchor in list_anchors(target), f"{path}#{anchor}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    queue = [ROOT / "README.md"]
    while queue:
        page = queue.pop()
        if page in reached:
            continue
        reached.add(page)
        targets = {(page.parent / path).resolve() for path, _ in list_links(page) if path}
        queue += [target for target in targets if target.suffix == ".md"]
        queue += [linked for target in targets if target.is_dir() for linked in target.glob("*.md")]
    assert set(PAGES) <= reached


def test_every_decision_has_a_row_with_its_title() -> None:
    rows = re.findall(r"^\|(\d+)\|\[(.+)\]\((\S+)\)\|.+\|$", read_prose(DECISIONS / "README.md"), re.MULTILINE)
    assert sorted(name for _, _, name in rows) == sorted(page.name for page in DECISIONS.glob("[0-9]*.md"))
    for number, title, name in rows:
        assert name.startswith(f"{int(number):04}-")
        assert (DECISIONS / name).read_text().startswith(f"# {number}. {title}\n")


def test_every_source_file_that_a_page_names_exists() -> None:
    """Paths in code may be shortened at the front, such as `conversation/book.py`."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [f"/{line}" for line in listed.stdout.splitlines()]
    for page in PAGES:
        named = re.findall(r"`([a-z_]+(?:/[a-z_0-9]+)*/[a-z_0-9]+\.(?:py|yaml|lua|sql))`", read_prose(page))
        missing = [path for path in named if not any(file.endswith(f"/{path}") for file in files)]
        assert not missing, page.name


def test_every_test_that_a_page_names_exists() -> None:
    texts = {file: file.read_text() for file in (ROOT / "tests").rglob("test_*.py")}
    for page in PAGES:
        for path, name in re.findall(r"`((?:[a-z_0-9]+/)*test_[a-z_0-9]+\.py)::(test_[a-z_0-9]+)", page.read_text()):
            found = [text for file, text in texts.items() if f"/{file}".endswith(f"/{path}")]
            assert any(re.search(rf"def {name}\(", text) for text in found), f"{page.name}: {path}::{name}"
