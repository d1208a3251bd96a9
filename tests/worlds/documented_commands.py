"""The commands that the documentation shows, as a shell would read them: from blocks of code, and from code within sentences."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("examples/*.md"), *ROOT.glob("docs/**/*.md")]
OURS = ("askproai", "askproai-runtime", "askproai-operator", "helm", "kubectl", "make")  # checked in sentences, too
# Programs of others, with the reason why no test runs them as written, and words of the shell. A block is shell if a line begins
# with one of them, or with a program of ours.
OTHERS = {
    "curl": "asks the simulators, Cal.com or your host: tests/e2e runs the tutorial's",
    "docker": "needs Docker; the files that it names are checked",
    "kind": "needs Docker; hack/kind is tried with stand-ins of both",
    "k3d": "needs Docker; hack/k3d is tried with stand-ins of both",
    "pipx": "installs from your own registry",
    "pip": "tests/unit/docs/test_release.py builds the wheel by pip",
    "flux": "needs a Flux in your cluster; its controllers were run beside the demo: docs/gitops.md",
    "psql": "needs your database",
    "pg_restore": "needs your database; tests/integration/database/test_restore.py runs it with these options",
    "python": "part of a command that tests/e2e runs",
    "sed": "part of a command that tests/e2e runs",
    "jq": "tests/unit/docs/test_documented_commands.py runs each filter",
    "sh": "", "sort": "", "grep": "", "echo": "", "base64": "", "openssl": "", "date": "",
    "time": "docs/performance.md has the numbers",
    "export": "", "while": "", "read": "", "tr": "",
    "for": "", "do": "", "done": "", "create": "a function of the block", "create()": "",
}  # fmt: skip
OPERATORS = re.compile(r"[|&;]+$")
REDIRECTION = re.compile(r"^\d?[<>]+$")
ASSIGNMENT = re.compile(r"^[A-Za-z_]\w*=")
YAML = re.compile(r"^[a-zA-Z]+:( |$)")
SUBSTITUTION = re.compile(r"\$\(((?:[^()'\"]|'[^']*'|\"[^\"]*\")*)\)")


@dataclass(frozen=True)
class Command:
    """One simple command, without pipes and redirections. `text` is its whole line; `in_block`: it is in a block of code."""

    page: Path
    text: str
    words: tuple[str, ...]
    in_block: bool

    @property
    def program(self) -> str:
        return self.words[0].rpartition("/")[2]

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}: {self.text}"


@cache
def list_commands() -> tuple[Command, ...]:
    """Return all commands of all pages."""
    return tuple(command for page in PAGES for command in _read_page(page))


def read_shell_blocks(page: Path) -> list[str]:
    """Return the shell blocks of a page in order, each as the text that a reader would copy."""
    return [code for code, is_block in _list_code(page) if is_block and list(_statements(code)) and "\n$ " not in code]


def _read_page(page: Path) -> Iterator[Command]:
    for code, is_block in _list_code(page):
        statements = list(_statements(code)) if is_block else [code] if _first_word(code) in OURS else []
        for statement in statements:
            for words in _split(statement):
                yield Command(page, statement, words, is_block)


def _list_code(page: Path) -> Iterator[tuple[str, bool]]:
    """Yield each code text of a page, and whether it is a block."""
    for token in MarkdownIt("commonmark").enable("table").parse(page.read_text("utf-8")):
        if token.type in ("fence", "code_block"):
            yield f"\n{token.content}", True
        yield from ((child.content, False) for child in token.children or () if child.type == "code_inline")


def _first_word(line: str) -> str:
    words = line.split(maxsplit=1)
    return words[0].rpartition("/")[2] if words else ""


def _is_shell(line: str) -> bool:
    word = _first_word(line)
    return word in OURS or word in OTHERS or bool(re.match(r"[A-Za-z_]\w*=\S", line.strip()))


def _statements(code: str) -> Iterator[str]:
    """Yield the statements of a block, each with its continuation lines, without the output of commands and other languages."""
    lines = code.splitlines()
    if any(line.startswith("$ ") for line in lines):  # a transcript
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    elif not any(_is_shell(line) for line in lines if not line.startswith(" ")):
        return
    while lines:
        statement = lines.pop(0)
        if not statement.strip() or statement.startswith("#"):
            continue
        while lines and not _is_complete(statement):
            statement += "\n" + lines.pop(0)
        if ending := re.search(r"<<'?(\w+)'?", statement):
            while lines and lines.pop(0).strip() != ending[1]:
                pass
        if YAML.match(statement):  # lines for a manifest, in the same block
            return
        yield statement.strip()


def _is_complete(statement: str) -> bool:
    if statement.endswith("\\"):
        return False
    try:
        shlex.split(statement, comments=True)
    except ValueError:  # an open quotation
        return False
    return True


def _split(statement: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of each simple command of a statement, also of command substitutions."""
    text = re.sub(r"(?<=[\w\]])\|(?=\w)", "∣", statement.replace("\\\n", " "))  # list|reset: one of the two words
    # <team>: the reader's own.
    text = re.sub(r"<([a-z][^<>]*)>", lambda found: found[1].upper().replace(" ", "_"), text)
    text = re.sub(r"(\w+)\(\) *\{(.*?)\}\s*$", r"\2", text)  # a function: what it does
    for inner in SUBSTITUTION.findall(text):
        yield from _split(inner)
    lexer = shlex.shlex(SUBSTITUTION.sub("VALUE", text), posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    words: list[str] = []
    skip = False
    for word in [*lexer, ";"]:
        if OPERATORS.match(word):
            while words and (ASSIGNMENT.match(words[0]) or words[0] in ("do", "then", "!")):
                words.pop(0)
            if words:
                yield tuple(words)
            words = []
        elif skip or REDIRECTION.match(word):
            skip = not skip
        else:
            words.append(word)
