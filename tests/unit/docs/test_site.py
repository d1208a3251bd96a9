"""The documentation as a site (`make docs`): built strictly, whole, and without a request to anybody."""

import os
import subprocess
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.worlds.chromium import PROGRAM, browsing

pytestmark = pytest.mark.nightly

ROOT = Path(__file__).parents[3]
MKDOCS = ROOT / ".venv/docs/bin/mkdocs"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the built site."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run(["make", "-s", ".venv/docs/.installed"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    command = [str(MKDOCS), "build", "--quiet", "--strict", "--site-dir", str(folder)]
    built = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


def read(site: Path, name: str) -> str:
    return (site / name).read_text("utf-8")


def test_each_repository_page_has_a_short_address(site: Path) -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        name = page.relative_to(ROOT / "docs").with_suffix(".html").as_posix().replace("README", "index")
        assert (site / name).is_file(), name
    for name in (
        "index.html",
        "CONTRIBUTING.html",
        "examples/index.html",
        "examples/salon.yaml.html",
        "examples/rbac/index.html",
    ):
        assert (site / name).is_file(), name


def test_repository_file_link_leads_to_its_text(site: Path) -> None:
    assert 'href="../examples/salon.yaml.html"' not in read(site, "schnellstart.html"), (
        "the addresses are shorter than the paths"
    )
    assert 'href="examples/salon.yaml.html"' in read(site, "schnellstart.html")
    assert "salon-mueller" in read(site, "examples/salon.yaml.html")


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address(site: Path) -> Iterator[str]:
    """Return the address at which any web server serves the folder; nothing else is reached."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(site))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


ASKED_ELSEWHERE = """performance.getEntriesByType('resource').map(each => each.name)
    .filter(name => !name.startsWith(location.origin) && !/^(data|blob):/.test(name)).join(' ')"""
FOUND = r"[...document.querySelectorAll('.md-search-result__link')].map(each => each.href.replace(/\?h=[^#]*/, '')).join(' ')"


@pytest.mark.skipif(PROGRAM is None, reason="needs Chromium")
async def test_search_finds_both_languages_without_foreign_requests(address: str, tmp_path: Path) -> None:
    async with browsing(tmp_path) as browser:
        for words, page in (("rollback", "install.html#rollback"), ("schnellstart", "schnellstart.html")):
            await browser.open(f"{address}/index.html")
            await browser.wait_for("document.querySelector('.md-search__input') !== null")
            await browser.evaluate("document.querySelector('.md-search__input').focus()")
            await browser.type(words)
            found = await browser.wait_for(FOUND)
            assert page in found, found
            assert await browser.evaluate(ASKED_ELSEWHERE) == ""
