"""Hooks of mkdocs: the site has the pages of the repository under the same paths as their links (decision 119).

The pages are written for a git host: README.md links to `docs/install.md`, and that page to `../examples/salon.yaml`. So the
site's files have the repository's paths, and each linked file or folder outside of `docs` becomes a page, too: a code file with
its text, a folder with the list of its files. Only the addresses are shorter: `docs/install.md` is `install.html`.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parent))
from commonmark import CommonMark, list_link_targets, page_of, slugify  # a hook is no package

GRAMMAR: Final = CommonMark()
ROOT: Final = Path(__file__).resolve().parents[2]
FIRST: Final = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "examples/README.md")
# References in HTML and style sheets that a browser loads by itself: a page must load nothing from other servers.
EXTERNAL: Final = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?(?:https?:)?//[^"'>]*|<link\b[^>]*\bhref=["']?(?:https?:)?//[^"'>]*"""
    r"""|url\(["']?(?:https?:)?//[^)]*|@import\s+["'](?:https?:)?//[^"']*"""
)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    config.markdown_extensions.append(GRAMMAR)  # type: ignore[arg-type]  # Markdown takes names and instances
    config.mdx_configs["toc"]["slugify"] = slugify
    named = set(_paths(config.nav))
    config.nav = _expand(config.nav, named)
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Return the files of the site: the theme's, and the repository's pages with all that they link to, under its own paths."""
    docs = Path(config.docs_dir)
    site = Files([file for file in files if file.src_dir != config.docs_dir])
    pages = [f"docs/{file.src_uri}" for file in files if file.src_dir == config.docs_dir]
    waiting, seen = [*FIRST, *pages], set[str]()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        target = ROOT / path
        if (target / "README.md").is_file():  # the page of that folder, under the same address
            waiting.append(f"{path}/README.md")
            continue
        inclusion = (
            InclusionLevel.INCLUDED if path in FIRST or target.is_relative_to(docs) else InclusionLevel.NOT_IN_NAV
        )
        if target.is_dir() or (target.suffix not in (".md", ".png") and target.is_file()):
            file = File.generated(config, page_of(path), content=_describe(target), inclusion=InclusionLevel.NOT_IN_NAV)
        else:
            file = File.generated(config, path, abs_src_path=str(target), inclusion=inclusion)
        file.dest_uri = file.dest_uri.removeprefix("docs/")
        site.append(file)
        text = _describe(target) if target.is_dir() else target.read_text("utf-8") if target.suffix == ".md" else ""
        waiting += [each for each in _linked_files(path, text) if (ROOT / each).exists()]
    return site


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
    GRAMMAR.page = page.file.src_uri
    return markdown


def on_post_build(config: MkDocsConfig) -> None:
    """Raise PluginError if the built site loads fonts, scripts or pictures from other servers."""
    for page in sorted(Path(config.site_dir).rglob("*")):
        if page.suffix in (".html", ".css") and (found := EXTERNAL.search(page.read_text("utf-8"))):
            raise PluginError(f"{page.relative_to(config.site_dir)} fetches from elsewhere: {found[0]}")


def _paths(nav: Any) -> Iterator[str]:
    """Yield the path of each page in a navigation (`nav` of mkdocs.yml)."""
    if isinstance(nav, str):
        yield nav
    else:
        for each in nav.values() if isinstance(nav, dict) else nav:
            yield from _paths(each)


def _expand(nav: Any, named: set[str]) -> Any:
    """Return the navigation with each `folder/*` replaced by the folder's pages, except pages that are in `named`."""
    if isinstance(nav, dict):
        return {title: _expand(each, named) for title, each in nav.items()}
    if not isinstance(nav, list):
        return nav
    expanded: list[Any] = []
    for each in nav:
        if isinstance(each, str) and each.endswith("/*"):
            pages = sorted((ROOT / each).parent.glob("*.md"))
            expanded += [path for page in pages if (path := page.relative_to(ROOT).as_posix()) not in named]
        else:
            expanded.append(_expand(each, named))
    return expanded


def _linked_files(path: str, text: str) -> Iterator[str]:
    """Yield the paths, from the top of the repository, of the folders and of the files outside of `docs` that a page links to."""
    folder = (ROOT / path) if (ROOT / path).is_dir() else (ROOT / path).parent
    for target in list_link_targets(text):
        linked = (folder / target).resolve()
        if linked.is_relative_to(ROOT) and (linked.is_dir() or not linked.is_relative_to(ROOT / "docs")):
            yield linked.relative_to(ROOT).as_posix()


def _describe(target: Path) -> str:
    """Return the text of the page for a code file, or for a folder without a README, whose files it lists."""
    if target.is_dir():
        files = sorted(each.name + "/" * each.is_dir() for each in target.iterdir() if not each.name.startswith("__"))
        return f"# {target.relative_to(ROOT).as_posix()}\n" + "".join(f"- [{name}]({name})\n" for name in files)
    language = {".py": "python"}.get(target.suffix, target.suffix.removeprefix("."))
    fence = "`````"
    return f"# {target.relative_to(ROOT).as_posix()}\n{fence}{language}\n{target.read_text('utf-8')}\n{fence}\n"
