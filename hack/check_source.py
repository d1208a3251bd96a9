#!/usr/bin/env python3
"""Check rules of the sources that no linter knows. `make check` runs it; docs/architecture.md explains the rules.

1. A package is imported through its public API: `from askproai_x.package import Name`, not from a file inside another package.
   A package without names in its `__init__` has its modules as its public API.
2. SQL is in store modules only: `store.py`, modules of a package `store`, and `askproai_core.database`.
3. A comment or docstring cites only files that are in the repository.
4. Comments, docstrings and names use the words of docs/glossary.md.
5. The answer of another server is read with a bound, by `read_answer` from a `client_session`, or by `read(n)` of urllib.
6. A pod takes no advisory lock: the operator ends the sessions of a tenant's role that has one.
7. No two test files outside of packages have the same name: pytest imports them by name, and cannot collect both.
8. No sentence and no name of a test has a construction that must be read twice (`CONSTRUCTIONS`).
9. The name of a test has at most eight words.
10. A file of the product has at most 400 lines, a function 60, and an `__init__` 25 names; `tool.long` of pyproject.toml has
    the exceptions, each with its reason.
"""

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLANES = ("core", "operator", "runtime", "cli", "sandbox")
SQL = re.compile(
    r"\s*(SELECT|INSERT INTO|UPDATE \w+|DELETE FROM|WITH \w+ AS|CREATE (ROLE|TABLE|DATABASE)|ALTER \w+|GRANT|LOCK TABLE)\s",
    re.DOTALL,
)
STRONG_LOCK = re.compile(r"pg_(try_)?advisory_|\bLOCK TABLE\b")
WITH_SQL = ("askproai_core.database", "askproai_sandbox", "hack")
CITED = re.compile(r"(?<![\w/.{<$-])((?:\.\./)?(?:[\w.-]+/)*[\w-]+\.(?:md|py|yaml|lua|sql|toml))\b")
FOREIGN_CITATION = re.compile(
    r"\b(contract|design) §|\breference/(retell|calcom-stripe|product|operators|runtime|requirements)\.md"
)
NOT_OURS = {"values.yaml", "kopf.py", "conftest.py", "sitecustomize.py"}
# A word on the left is not used for ours; the glossary names what is.
WORDS = re.compile(
    r"\b(told|tell|tells|telling|wish|wishes|stands|makes? true|nobody's|leash|poke[sd]?|nudge[sd]?|seams?|says so"
    r"|hands? (over|out)|give[sn]? (what|the|all|every)|say (what|whether|so))\b",
    re.IGNORECASE,
)
BOUNDED_READER = "askproai_core.http_answers"
# A response's type, and the calls that return one: of a session, of `_open` in askproai_core.kube, of urllib and http.client.
RESPONSE = re.compile(r"\b(ClientResponse|HTTPResponse|HTTPError)\b")
SENDS = re.compile(
    r"((session|http|client)\b.*\.(get|post|put|patch|delete|head|options|request)|opener\.open|\burlopen|_open|getresponse)$"
)
# Without one of these there is no reading to judge, and the file is not parsed.
READS = re.compile(r"ClientSession|aiohttp\.request|\.content\.|\.(read|text|json)\(")
PUBLIC_WORDS = re.compile(r"(room for|front door)")
# The value of each says how to mend it.
CONSTRUCTIONS = {
    'a relative clause without a noun: name the noun ("a waiting caller is", not "who waits is")': re.compile(
        r"^\W*Who(ever)?\b|\b(of|for|to|by|with|from|is|are|than|only) who(ever)?\b"
    ),
    # "Two of which" and "of which two" are English.
    'a fronted or dangling "of": begin with the subject ("the oldest copy stays", not "of copies the oldest stays")': re.compile(
        r"^\W*Of (?!course)|[;:] of (?!course)|(?<!\bsecond )(?<!\beach )(?<!\bsome )(?<!\bboth )(?<!\bone )(?<!\btwo )(?<!\ball )"
        r"(?<!\bnone )(?<!\bmost )(?<!\bbecause )\bof (which|whom)\b(?! (some|each|one|most|both|all|none|only|at|\d+|two|three)\b)"
    ),
    # "Say with what" asks.
    'a clause with "what" for a noun: write the noun ("the import", not "what is being taken in")': re.compile(
        r"^\W*What\b|(?<!\bsay )\b(of|by|with|for|from|than|is|are|was|were|be|without|only|except|to) what\b"
        r"(?! (to|else|kind|time|sort|if)\b)"
    ),
}
HEADLESS_NAME = re.compile(
    r"^test_(who|what|of)_|_(of|to|by|for|names|say|says|from|than|shows|knows|only|has|is)_who_"
)
TEST_NAME = re.compile(r"^(?:    )?(?:async )?def (test_\w+)", re.MULTILINE)
MOST_WORDS = 8
MOST_LINES, MOST_LINES_OF_FUNCTION, MOST_NAMES = 400, 60, 25
LONG: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["long"]
# Texts for people that are strings: of commands, of settings, and of custom resources.
WITH_TEXTS = ("cli/", "hack/", "operator/askproai_operator/api/")
LEXEME = re.compile(
    r"""(?P<quotes>\"\"\"|\'\'\')(?:[^"'\\]++|\\.|(?!(?P=quotes)).)*(?P=quotes)"""
    r"""|"(?:[^"\\\n]++|\\.)*+"|'(?:[^'\\\n]++|\\.)*+'|\#[^\n]*""",
    re.DOTALL,
)
IMPORT = re.compile(r"^ *from (askproai_[\w.]+) import ", re.MULTILINE)
SENTENCE = re.compile(r"(?<=[.!?:;])\s+|\n\s*\n|\n\s*(?:[-*]|\d+\.)\s+|\s*\|\s*|(?<=[.!?])[*_]+\s+")
QUOTED = re.compile(r"`[^`\n]*`|„[^“]*“|\"[^\"\n]*\"|“[^”]*”|(?<!\*)\*[^*\n]+\*|(?<=\])\([^)]*\)")


@dataclass(frozen=True)
class Source:
    """Path and text of a file of the repository. `LEXEME` finds its strings and comments in a tenth of the parser's time."""

    path: str
    text: str

    @property
    def root(self) -> str:
        return self.path.partition("/")[0]

    @property
    def module(self) -> str:
        """The dotted module name of a source file; for a test or script, its path with dots."""
        parts = self.path.removesuffix(".py").split("/")
        return ".".join(parts[1:] if parts[0] in PLANES else parts).removesuffix(".__init__")

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(ast.parse(self.text)))

    @cached_property
    def lexemes(self) -> list[tuple[str, int, str]]:
        """Each docstring, other string and comment of the file: its kind, its line and its text."""
        found: list[tuple[str, int, str]] = []
        depth, line, end = 0, 1, 0
        for match in LEXEME.finditer(self.text):
            code = self.text[end : match.start()]
            line += code.count("\n")
            depth += sum(map(code.count, "([{")) - sum(map(code.count, ")]}"))
            text, is_first = match[0], not end or "\n" in code
            quotes, prefix, end = len(match["quotes"] or "x"), code.rpartition("\n")[2].strip(), match.end()
            if text[0] == "#":
                found.append(("comment", line, text))
            elif is_first and not depth and prefix in {"", "r"} and self.text.startswith(("\n", "  #"), end):
                found.append(("docstring", line, text[quotes:-quotes]))
            elif found and found[-1][0] == "string" and not code.strip(" \nfr"):
                found[-1] = ("string", found[-1][1], found[-1][2] + text[quotes:-quotes])
            else:
                found.append(("string", line, text[quotes:-quotes]))
            line += text.count("\n")
        return found

    @property
    def texts(self) -> list[tuple[int, str]]:
        """The comments and docstrings of the file, each with its line."""
        return [(line, text) for kind, line, text in self.lexemes if kind != "string"]

    @property
    def strings(self) -> list[tuple[int, str]]:
        """All strings of the file, docstrings included, each with its line."""
        return [(line, text) for kind, line, text in self.lexemes if kind != "comment"]


def past_public_api(source: Source) -> Iterator[str]:
    """Yield imports from a module inside another package in place of the package's public API. Tests may import so."""
    own = source.module if source.path.endswith("/__init__.py") else source.module.rpartition(".")[0]
    for match in IMPORT.finditer(source.text) if source.root != "tests" else ():
        parts = match[1].split(".")
        for depth in range(2, len(parts)):
            package = ".".join(parts[:depth])
            is_inside = f"{own}.".startswith(f"{package}.") or f"{package}.".startswith(f"{own}.")
            if not is_inside and parts[depth] not in PUBLIC_APIS.get(package, {parts[depth]}):
                line = source.text.count("\n", 0, match.start(1)) + 1
                yield f"{line}: import from {package}, not from its module {match[1]}"
                break


def public_apis() -> dict[str, set[str]]:
    """Return the names in `__all__` of each package that has one, by package; a module that is named there is public, too."""
    found: dict[str, set[str]] = {}
    for source in SOURCES:
        if source.root in PLANES and source.path.endswith("/__init__.py") and "__all__" in source.text:
            for node in ast.parse(source.text).body:
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                    found[source.module] = set(ast.literal_eval(node.value))
    return found


def sql_outside_store(source: Source) -> Iterator[str]:
    """Yield SQL statements in modules that are not a store."""
    if source.root in PLANES and not source.module.startswith(WITH_SQL) and "store" not in source.module.split("."):
        yield from (f"{line}: SQL outside of a store module" for line, text in source.strings if SQL.match(text))


def strong_locks(source: Source) -> Iterator[str]:
    """Yield the places in the runtime's SQL that take a strong lock: the operator ends the sessions of a role that has one."""
    for line, text in source.strings if source.root == "runtime" else ():
        if STRONG_LOCK.search(text):
            yield f"{line}: a lock that no pod takes: docs/decisions/0035-sessions-are-watched.md; lock a row"


def dead_citations(source: Source) -> Iterator[str]:
    """Yield citations, in comments and docstrings, of files that are not in the repository."""
    for line, text in source.texts:
        if match := FOREIGN_CITATION.search(text):
            yield f"{line}: cites {match[0]}, which is not in the repository"
        for cited in CITED.findall(text):
            name, path = cited.rpartition("/")[2], cited.removeprefix("../")
            known = name in FILE_NAMES if "/" not in cited else any(each.endswith(path) for each in PATHS)
            if name not in NOT_OURS and not known:
                yield f"{line}: cites {cited}, which is not in the repository"


def words(source: Source) -> Iterator[str]:
    """Yield words in comments and docstrings that the glossary rejects."""
    if source.path.startswith("operator/askproai_operator/api/"):
        return  # these docstrings are the descriptions of the custom resource definitions
    for line, text in source.texts:
        plain = PUBLIC_WORDS.sub("", re.sub(r"[„»\"].*?[“«\"]|`[^`]*`", "", text))
        if match := WORDS.search(plain):
            yield f"{line}: {match[0]!r}: docs/glossary.md has the field's term"


def prose(source: Source) -> Iterator[tuple[int, str]]:
    """Yield the texts of a file that consist of sentences, each with its first line; the lines of a comment are one text."""
    if source.path.endswith(".md"):
        yield 1, re.sub(r"(?ms)^\s*```.*?^\s*```|^#+ .*?$", lambda match: "\n" * match[0].count("\n"), source.text)
    elif source.path.endswith(".yaml"):
        yield 1, re.sub(r"(?m)^(?!\s*#).*$|^\s*#+", "", source.text)
    else:
        comments: list[tuple[int, list[str]]] = []
        for kind, line, text in source.lexemes:
            if kind == "docstring":
                yield line, text
            elif kind == "comment" and comments and line == comments[-1][0] + len(comments[-1][1]):
                comments[-1][1].append(text.lstrip("#"))
            elif kind == "comment":
                comments.append((line, [text.lstrip("#")]))
        yield from ((line, "\n".join(rows)) for line, rows in comments)
        for kind, line, text in source.lexemes if source.path.startswith(WITH_TEXTS) else ():
            if kind == "string" and re.match(r"\S+ \S+ \S+ \S", text):
                yield line, text


def constructions(text: str, *, has_labels: bool = False) -> Iterator[tuple[int, str]]:
    """Yield each sentence with one of `CONSTRUCTIONS`, and its line from 0. With `has_labels`, short texts are skipped."""
    plain, begin = QUOTED.sub(lambda match: "x" * len(match[0]), text), 0
    for end, after in [*(match.span() for match in SENTENCE.finditer(plain)), (len(plain), len(plain))]:
        sentence = " ".join(plain[begin:end].split())
        found = [
            (name, match.start()) for name, pattern in CONSTRUCTIONS.items() if (match := pattern.search(sentence))
        ]
        if found and not sentence.rstrip("*_)").endswith("?"):
            is_cell = plain[:begin].rstrip(" ").endswith("|") or plain[end:after].strip() == "|"
            if not has_labels or len(sentence.split()) >= (9 if is_cell else 5):
                words_of_text = " ".join(text[begin:end].split())
                for name, at in found:
                    yield plain[:begin].count("\n"), f"{words_of_text[max(0, at - 45) : at + 60]!r}: {name}"
        begin = after


def sentences(source: Source) -> Iterator[str]:
    """Yield the sentences of a file that have one of `CONSTRUCTIONS`, and so must be read twice."""
    for line, text in prose(source):
        for further, found in constructions(text, has_labels=not source.path.endswith(".py")):
            yield f"{line + further}: {found}"


def headless_names(source: Source) -> Iterator[str]:
    """Yield the names of tests with a relative clause that has no noun ("who waits")."""
    for line, name in names_of_tests(source):
        if HEADLESS_NAME.search(name):
            yield f"{line}: {name!r}: a relative clause without a noun: name the noun"


def long_names(source: Source) -> Iterator[str]:
    """Yield the names of tests with more than eight words."""
    for line, name in names_of_tests(source):
        if name.count("_") > MOST_WORDS:
            yield f"{line}: {name!r}: more than {MOST_WORDS} words: name the promise, and leave the case to the body"


def names_of_tests(source: Source) -> Iterator[tuple[int, str]]:
    for match in TEST_NAME.finditer(source.text) if source.root == "tests" else ():
        yield source.text.count("\n", 0, match.start(1)) + 1, match[1]


def too_long(source: Source) -> Iterator[str]:
    """Yield the file, functions and public API of a module that are too long, and exceptions without need in `tool.long`."""
    if source.root not in PLANES:
        return
    tree, lines = ast.parse(source.text), source.text.count("\n")
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    sizes = {source.path: lines > MOST_LINES or len(PUBLIC_APIS.get(source.module, ())) > MOST_NAMES}
    for node in [*tree.body, *(each for kind in classes for each in kind.body)]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name, length = f"{source.path}:{node.name}", (node.end_lineno or 0) - node.lineno + 1
            sizes[name] = sizes.get(name, False) or length > MOST_LINES_OF_FUNCTION
    for name, is_long in sizes.items():
        if is_long and name not in LONG:
            yield f"1: {name} is too long: cut it, or write the reason into tool.long"
        elif name in LONG and not is_long:
            yield f"1: {name} is in tool.long without need"


def unbounded_answers(source: Source) -> Iterator[str]:
    """Yield reads of another server's response without a size limit, and clients that unpack a body before a limit applies."""
    if (
        source.root not in PLANES
        or source.root == "sandbox"
        or source.module == BOUNDED_READER
        or not READS.search(source.text)
    ):
        return
    names = set(response_names(source))
    for node in source.nodes:
        if not isinstance(node, ast.Call):
            continue
        match node.func:
            case (
                ast.Name("ClientSession")
                | ast.Attribute(attr="ClientSession")
                | ast.Attribute(ast.Name("aiohttp"), "request")
            ):
                yield f"{node.lineno}: an HTTP client that is not made by {BOUNDED_READER}.client_session"
            case ast.Attribute(ast.Attribute(receiver, "content"), _) | ast.Attribute(
                receiver, "read" | "text" | "json"
            ):
                is_response = (isinstance(receiver, ast.Name) and receiver.id in names) or is_request(receiver)
                has_bound = isinstance(node.func, ast.Attribute) and node.func.attr == "read" and node.args
                if is_response and not has_bound:
                    yield f"{node.lineno}: the answer of another server without a bound: use {BOUNDED_READER}.read_answer"


def response_names(source: Source) -> Iterator[str]:
    """Yield the names of a module's variables and arguments that hold responses of other servers."""
    for node in source.nodes:
        match node:
            case ast.withitem(call, ast.Name(name)) | ast.Assign([ast.Name(name)], call) if is_request(call):
                yield name
            case ast.arg(name, ast.expr() as annotation) if RESPONSE.search(ast.unparse(annotation)):
                yield name
            case ast.ExceptHandler(ast.expr() as error, str(name)) if "HTTPError" in ast.unparse(error):
                yield name


def is_request(node: ast.expr) -> bool:
    """Return True if an expression sends a request by aiohttp or urllib."""
    call = node.value if isinstance(node, ast.Await) else node
    return isinstance(call, ast.Call) and bool(SENDS.search(ast.unparse(call.func)))


def repeated_test_names(paths: Sequence[str]) -> Iterator[str]:
    """Yield test files with the same file name as another test file. Files in packages may share names."""
    folders = {path.removesuffix("/__init__.py") for path in paths if path.endswith("/__init__.py")}
    tests = [each for each in paths if re.search(r"/test_\w+\.py$", each) and each.rpartition("/")[0] not in folders]
    count = Counter(each.rpartition("/")[2] for each in tests)
    yield from (f"{each}: another test file has this name, too" for each in tests if count[each.rpartition("/")[2]] > 1)


PATHS = subprocess.run(
    ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.splitlines()
FILE_NAMES = {path.rpartition("/")[2] for path in PATHS}
SOURCES = [
    Source(path, (ROOT / path).read_text("utf-8"))
    for path in PATHS
    if re.search(r"\.(py|md)$|^charts/(?!.*/crds/).*\.yaml$", path) and (ROOT / path).exists()
]
PUBLIC_APIS = public_apis()
LANGUAGE = (sentences, headless_names, long_names)
RULES = (past_public_api, sql_outside_store, strong_locks, dead_citations, words, unbounded_answers, too_long)


def main() -> int:
    findings = list(repeated_test_names(PATHS))
    for source in SOURCES:
        for rule in (*RULES, *LANGUAGE) if source.path.endswith(".py") else LANGUAGE:
            findings += dict.fromkeys(f"{source.path}:{finding}" for finding in rule(source))
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
