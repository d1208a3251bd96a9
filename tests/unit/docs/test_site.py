"""The documentation as a site (`make docs`): built strictly, whole, and without a request to anybody."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.worlds.chromium import PROGRAM, browsing

ROOT = Path(__file__).parents[3]
MKDOCS = ROOT / ".venv/docs/bin/mkdocs"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the built site."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run(["make", "-s", ".venv/docs/.installed"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    command = [str(MKDOCS), "build", "--quiet", "--strict", "--site-dir", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"})
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


def read(site: Path, name: str) -> str:
    return (site / name).read_text("utf-8")


def test_each_page_of_the_repository_is_there_under_a_short_address(site: Path) -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        name = page.relative_to(ROOT / "docs").with_suffix(".html").as_posix().replace("README", "index")
        assert (site / name).is_file(), name
    for name in ("index.html", "CONTRIBUTING.html", "examples/index.html", "examples/salon.yaml.html", "examples/rbac/index.html"):
        assert (site / name).is_file(), name


def test_code_in_lists_is_code_and_comments_are_not_shown(site: Path) -> None:
    """Python-Markdown's own grammar makes a paragraph of it: mkdocs needs four spaces where a git host needs three."""
    page = read(site, "tutorial.html")
    assert re.search(r"<li>\s*<p>Start the demo.*?</p>\s*<div class=\"highlight\"><pre>", page, re.DOTALL)
    assert "hack/generate.py" not in re.sub(r"<!--.*?-->", "", read(site, "reference/settings.html")).partition("<article")[2][:500]


def test_a_link_to_a_file_of_the_repository_leads_to_its_text(site: Path) -> None:
    assert 'href="../examples/salon.yaml.html"' not in read(site, "schnellstart.html"), "the addresses are shorter than the paths"
    assert 'href="examples/salon.yaml.html"' in read(site, "schnellstart.html")
    assert "salon-mueller" in read(site, "examples/salon.yaml.html")


@pytest.mark.skipif(PROGRAM is None, reason="needs Chromium")
async def test_it_is_searched_from_a_folder_and_asks_nobody(site: Path, tmp_path: Path) -> None:
    async with browsing(tmp_path) as browser:
        await browser.open((site / "index.html").as_uri())
        await browser.wait_for("document.querySelector('h1')")
        await browser.click("label.md-header__button[for=__search]") if False else None
        await browser.evaluate("document.querySelector('[data-md-toggle=search]').click()")
        await browser.click(".md-search__input")
        await browser.type("rollback")
        found = await browser.wait_for("[...document.querySelectorAll('.md-search-result__link')].map(each => each.href).join(' ')")
        assert "install.html#rollback" in found, found
        asked = await browser.evaluate("performance.getEntriesByType('resource').map(each => each.name).filter(name => !name.startsWith('file:') && !name.startsWith('data:') && !name.startsWith('blob:')).join(' ')")
        assert asked == ""
