"""What stands in the pages for people: links lead somewhere, and every command that they name is one."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from askproai_cli.main import app

ROOT = Path(__file__).parents[3]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("examples/*.md"), *ROOT.glob("docs/**/*.md")]
FENCE = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Give the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> Iterator[tuple[str, str]]:
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", page.read_text())):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            yield path, anchor


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for path, anchor in links(page):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    ahead = [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in seen:
            continue
        seen.add(page)
        found = {(page.parent / path).resolve() for path, _ in links(page) if path}
        ahead += [one for one in found if one.suffix == ".md"]
        ahead += [one for folder in found if folder.is_dir() for one in folder.glob("*.md")]
    assert set(PAGES) <= seen


def test_every_command_that_a_page_names_exists() -> None:
    """Each word after `askproai` in code is a command, and each option one of that command."""
    for page in PAGES:
        for line in re.findall(
            r"(?:^ {4,}|^\$ |`)(?:\.venv/bin/)?askproai ([a-z][^`\n]*)", page.read_text(), re.MULTILINE
        ):
            command: Any = typer.main.get_command(app)
            for word in line.split():
                if not hasattr(command, "commands"):
                    break
                name = word.split("|")[0].rstrip(",")
                assert name in command.commands, f"{page.name}: askproai {line}"
                command = command.commands[name]
            options = {opt for one in command.params for opt in one.opts}
            told = set(re.findall(r"(?<=\s)--[a-z-]+", line.partition(" #")[0]))
            assert told <= options | {"--help"}, f"{page.name}: askproai {line}"
