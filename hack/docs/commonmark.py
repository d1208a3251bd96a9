"""Read pages by CommonMark with tables, as git hosts do, in place of Python-Markdown's own grammar (decision 119).

Python-Markdown, which mkdocs uses, wants four spaces in lists, blank lines before lists and tables, and makes other anchors: a page
that reads well on a git host has broken lists and code on the site. Here markdown-it makes the tree of elements; all that follows
(the table of contents, the check and the addresses of links, the search) is mkdocs' own.
"""

import re
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import PurePosixPath
from typing import Any, Final
from xml.etree.ElementTree import Element, ElementTree, fromstring

from markdown import Markdown
from markdown.extensions import Extension
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mkdocs.exceptions import PluginError
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

SHOWN_AS_PAGES: Final = (".yaml", ".py", ".lua", ".sql", ".sh")
# Blocks without colours. A git host draws mermaid; here that would be a program fetched from elsewhere.
PLAIN: Final = ("", "ics", "mermaid")
COMMENT: Final = re.compile(r"\s*<!--.*?-->\s*", re.DOTALL)
NOT_IN_ANCHORS: Final = re.compile(r"[^\w\- ]")


def slugify(heading: str, _separator: str = "-") -> str:
    """Return the anchor that git hosts make of a heading."""
    return NOT_IN_ANCHORS.sub("", heading.lower()).replace(" ", "-")


def page_of(path: str) -> str:
    """Return the path of the site's page that shows a code file or a folder of the repository."""
    return f"{path}.md" if path.endswith(SHOWN_AS_PAGES) else f"{path.rstrip('/')}/README.md"


def list_link_targets(text: str) -> Iterator[str]:
    """Yield the relative paths that a page links to, without anchors."""
    for block in MarkdownIt("commonmark").enable("table").parse(text):
        for token in block.children or ():
            target = str(token.attrGet("href") or "").partition("#")[0]
            if target and ":" not in target:
                yield target


class CommonMark(Extension):
    """A Python-Markdown extension that parses pages with markdown-it. `page` names the page in error messages."""

    page = ""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802  the name is Python-Markdown's
        for name in [item.name for item in md.preprocessors._priority]:  # noqa: SLF001  it has no public list of names
            if name != "normalize_whitespace":
                md.preprocessors.deregister(name)
        md.treeprocessors.deregister("inline")
        md.parser.parseDocument = self._parse  # type: ignore[method-assign]

    def _parse(self, lines: Sequence[str]) -> ElementTree:
        try:
            return _parse("\n".join(lines))
        except ValueError as error:
            raise PluginError(f"{self.page}: {error}") from None


def _parse(text: str) -> ElementTree:
    """Return the elements of a page. Raises ValueError for HTML in it, or for code in a language that is not known."""
    html = _READER.render(text)
    root = fromstring(f"<div>{html}</div>")  # made by markdown-it, in the line above
    for element in root.iter():
        element.text, element.tail = _keep_entities(element.text), _keep_entities(element.tail)
        _point_to_page(element)
    return ElementTree(root)


def _keep_entities(text: str | None) -> str | None:
    """Return the text with each `&` escaped: Python-Markdown's writer leaves `&lt;` as it is, and a browser would show `<`."""
    return text.replace("&", "&amp;") if text else text


def _point_to_page(element: Element) -> None:
    target = element.get("href", "")
    path, hash_sign, anchor = target.partition("#")
    if element.tag != "a" or not path or ":" in path:
        return
    if path.endswith(("/", *SHOWN_AS_PAGES)) or not PurePosixPath(path).suffix:
        element.set("href", page_of(path) + hash_sign + anchor)


def _render_code(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    token = tokens[index]
    language = token.info.strip()
    lexer = get_lexer_by_name("text" if language in PLAIN else language, stripnl=False)  # ClassNotFound is a ValueError
    return highlight(token.content, lexer, HtmlFormatter(cssclass="highlight", wrapcode=True))


def _render_html(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    """Return "" for an HTML comment. Raises for other HTML: a git host would not show `<host>` outside of code."""
    if rest := COMMENT.sub("", tokens[index].content):
        raise ValueError(f"HTML in a page, or a word in angle brackets outside of code: {escape(rest.strip())}")
    return ""


def _make_reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"xhtmlOut": True}).enable("table")
    for rule, render in (
        ("fence", _render_code),
        ("code_block", _render_code),
        ("html_block", _render_html),
        ("html_inline", _render_html),
    ):
        reader.add_render_rule(rule, render)
    return reader


_READER: Final = _make_reader()
