#!/usr/bin/env python3
"""Check rules of the sources that no linter knows. `make check` runs it; docs/architecture.md explains the rules.

1. A package is imported through its public API: `from askproai_x.package import Name`, not from a file inside another package.
   A package without names in its `__init__` has its modules as its public API.
2. SQL is in store modules only: `store.py`, modules of a package `store`, and `askproai_core.database`.
3. A comment or docstring cites only files that are in the repository.
4. Comments, docstrings and names use the words of docs/glossary.md.
5. The answer of another server is read with a bound, by `read_answer` from a `client_session`, or by `read(n)` of urllib.
6. A pod takes no advisory lock: the operator ends the sessions of a tenant's role that has one.
7. No two test files outside of packages have one name: pytest imports them by it, and cannot collect both.
With `--sentences` it also reports sentences and names of tests with a construction that must be read twice (`CONSTRUCTIONS`);
with `--all` besides, those in `NOT_REWRITTEN` and names of tests of more than eight words, too. These do not fail the check.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator, Sequence
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
PUBLIC_WORDS = re.compile(r"(/poke|\"poke\"|room for|front door)")
CONSTRUCTIONS = {
    "a relative clause without a noun": re.compile(
        r"^\W*Who(ever)?\b|\b(of|for|to|by|with|from|is|are|than|only) who(ever)?\b"
    ),
    # "Two of which" and "of which two" are English.
    "a fronted or dangling 'of'": re.compile(
        r"^\W*Of (?!course)|[;:] of (?!course)|(?<!\bsecond )(?<!\beach )(?<!\bsome )(?<!\bboth )(?<!\bone )(?<!\btwo )(?<!\ball )"
        r"(?<!\bnone )(?<!\bmost )(?<!\bbecause )\bof (which|whom)\b(?! (some|each|one|most|both|all|none|only|at|\d+|two|three)\b)"
    ),
    # "Say with what" asks.
    "a clause with 'what' for a noun": re.compile(
        r"^\W*What\b|(?<!\bsay )\b(of|by|with|for|from|than|is|are|was|were|be|without|only|except|to) what\b"
        r"(?! (to|else|kind|time|sort|if)\b)"
    ),
}
HEADLESS_NAME = re.compile(
    r"^test_(who|what|of)_|_(of|to|by|for|names|say|says|from|than|shows|knows|only|has|is)_who_"
)
NOT_REWRITTEN = (
    "tests/",
    *(f"runtime/askproai_runtime/{folder}/" for folder in ("booking", "calls", "german_dates")),
)
NAMES_NOT_REWRITTEN = ("tests/integration/booking/", "tests/integration/calls/")
# Texts for people that are strings: of commands, of settings, and of custom resources.
WITH_TEXTS = ("cli/", "hack/", "operator/askproai_operator/api/")
SENTENCE = re.compile(r"(?<=[.!?:;])\s+|\n\s*\n|\n\s*(?:[-*]|\d+\.)\s+|\s*\|\s*|(?<=[.!?])[*_]+\s+")
QUOTED = re.compile(r"`[^`\n]*`|„[^“]*“|\"[^\"\n]*\"|“[^”]*”|(?<!\*)\*[^*\n]+\*|(?<=\])\([^)]*\)")


def python_files() -> list[Path]:
    """Return the Python files of the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).exists()]


def module_of(file: Path) -> str:
    """Return the dotted name of a source file; of a test or script its path."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[1:] if parts[0] in PLANES else parts).removesuffix(".__init__")


def past_public_api(file: Path, tree: ast.Module) -> Iterator[str]:
    """Yield imports that reach into another package past its public API. Tests may: they test a package from inside."""
    own = module_of(file) if file.name == "__init__.py" else module_of(file).rpartition(".")[0]
    for node in ast.walk(tree) if file.relative_to(ROOT).parts[0] != "tests" else ():
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("askproai_"):
            continue
        parts = str(node.module).split(".")
        for depth in range(2, len(parts)):
            package = ".".join(parts[:depth])
            is_inside = f"{own}.".startswith(f"{package}.") or f"{package}.".startswith(f"{own}.")
            if not is_inside and parts[depth] not in PUBLIC_APIS.get(package, {parts[depth]}):
                yield f"{node.lineno}: import from {package}, not from its module {node.module}"
                break


def public_apis() -> dict[str, set[str]]:
    """Return for each package with an `__all__` the names in it; a module that is named there is public, too."""
    found: dict[str, set[str]] = {}
    for file in python_files():
        if file.name == "__init__.py" and file.relative_to(ROOT).parts[0] in PLANES:
            for node in ast.parse(file.read_text("utf-8")).body:
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                    found[module_of(file)] = set(ast.literal_eval(node.value))
    return found


def sql_outside_store(file: Path, tree: ast.Module) -> Iterator[str]:
    """Yield SQL statements in modules that are not a store."""
    module = module_of(file)
    if file.relative_to(ROOT).parts[0] not in PLANES or module.startswith(WITH_SQL) or "store" in module.split("."):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value):
            yield f"{node.lineno}: SQL outside of a store module"


def strong_locks(file: Path, tree: ast.Module) -> Iterator[str]:
    """Yield the locks in the runtime's SQL for which the operator ends the sessions of a role."""
    if file.relative_to(ROOT).parts[0] != "runtime":
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and STRONG_LOCK.search(node.value):
            yield f"{node.lineno}: a lock that no pod takes: docs/decisions/0035-sessions-are-watched.md; lock a row"


def texts(file: Path, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the comments and docstrings of a file with their lines."""
    with tokenize.open(file) as source:
        for token in tokenize.generate_tokens(io.StringIO(source.read()).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value


def dead_citations(file: Path, tree: ast.Module) -> Iterator[str]:
    """Yield citations of files that are not in the repository."""
    for line, text in texts(file, tree):
        if match := FOREIGN_CITATION.search(text):
            yield f"{line}: cites {match[0]}, which is not in the repository"
        for cited in CITED.findall(text):
            name = cited.rpartition("/")[2]
            known = (
                FILE_NAMES if "/" not in cited else {path for path in PATHS if path.endswith(cited.removeprefix("../"))}
            )
            if name not in NOT_OURS and not (name in known if "/" not in cited else known):
                yield f"{line}: cites {cited}, which is not in the repository"


def words(file: Path, tree: ast.Module) -> Iterator[str]:
    """Yield words in comments and docstrings for which the glossary has the field's term."""
    if file.relative_to(ROOT).parts[:3] == ("operator", "askproai_operator", "api"):
        return  # these docstrings are the descriptions of the custom resource definitions
    for line, text in texts(file, tree):
        plain = PUBLIC_WORDS.sub("", re.sub(r"[„»\"].*?[“«\"]|`[^`]*`", "", text))
        if match := WORDS.search(plain):
            yield f"{line}: {match[0]!r}: docs/glossary.md has the field's term"


def prose(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the texts of a file that are sentences, with their first lines: code, headings and rows of one comment are joined."""
    source, path = file.read_text("utf-8"), str(file.relative_to(ROOT))
    if file.suffix == ".md":
        yield 1, re.sub(r"(?ms)^\s*```.*?^\s*```|^#+ .*?$", lambda match: "\n" * match[0].count("\n"), source)
    elif file.suffix == ".yaml":
        yield 1, re.sub(r"(?m)^(?!\s*#).*$|^\s*#+", "", source)
    else:
        tree = ast.parse(source)
        comments = {line: text for line, text in texts(file, tree) if text.startswith("#")}
        for line in sorted(comments):
            if line - 1 not in comments:
                last = next(each for each in range(line, line + len(comments) + 1) if each + 1 not in comments)
                yield line, "\n".join(comments[each].lstrip("#") for each in range(line, last + 1))
        for node in ast.walk(tree):
            match node:
                case ast.Expr(ast.Constant(str(text))):
                    yield node.lineno, text
                case ast.Constant(str(text)) if path.startswith(WITH_TEXTS) and re.match(r"\S+ \S+ \S+ \S", text):
                    yield node.lineno, text


def constructions(text: str, *, has_labels: bool = False) -> Iterator[tuple[int, str]]:
    """Yield the sentences with one of `CONSTRUCTIONS`, with their lines from 0; `has_labels`: short ones are no sentences."""
    plain, begin = QUOTED.sub(lambda match: "x" * len(match[0]), text), 0
    for end, after in [*(match.span() for match in SENTENCE.finditer(plain)), (len(plain), len(plain))]:
        sentence = " ".join(plain[begin:end].split())
        is_cell = plain[:begin].rstrip(" ").endswith("|") or plain[end:after].strip() == "|"
        is_label = has_labels and len(sentence.split()) < (9 if is_cell else 5)
        for name, pattern in CONSTRUCTIONS.items():
            if not sentence.rstrip("*_)").endswith("?") and not is_label and pattern.search(sentence):
                yield plain[:begin].count("\n"), f"{name}: {' '.join(text[begin:end].split())[:90]!r}"
        begin = after


def sentences(*, everywhere: bool = False) -> Iterator[str]:  # noqa: C901 (one loop over files, one over names)
    """Yield the sentences and the names of tests that must be read twice."""
    for path in PATHS:
        file = ROOT / path
        if file.suffix not in {".py", ".md"} and not (file.suffix == ".yaml" and path.startswith("charts/")):
            continue
        if not file.exists() or "/crds/" in path or (path.startswith(NOT_REWRITTEN) and not everywhere):
            continue
        for line, text in dict.fromkeys(prose(file)):
            for further, found in constructions(text, has_labels=file.suffix != ".py"):
                yield f"{path}:{line + further}: {found}"
    for path in PATHS:
        if path.startswith("tests/") and path.endswith(".py") and (ROOT / path).exists():
            for number, definition in enumerate((ROOT / path).read_text("utf-8").splitlines(), 1):
                name = re.match(r"(?:    )?(?:async )?def (test_\w+)", definition)
                if name and everywhere and name[1].count("_") > 8:  # noqa: PLR2004
                    yield f"{path}:{number}: more than eight words: {name[1]}"
                if name and HEADLESS_NAME.search(name[1]) and (everywhere or not path.startswith(NAMES_NOT_REWRITTEN)):
                    yield f"{path}:{number}: a relative clause without a noun: {name[1]}"


def unbounded_answers(file: Path, tree: ast.Module) -> Iterator[str]:
    """Yield readings of a client's response that have no bound, and sessions that unpack before the bound is asked for."""
    root, module = file.relative_to(ROOT).parts[0], module_of(file)
    if root not in PLANES or root == "sandbox" or module == BOUNDED_READER:
        return
    names = set(response_names(tree))
    for node in ast.walk(tree):
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


def response_names(tree: ast.Module) -> Iterator[str]:
    """Yield the names by which a module knows responses of other servers."""
    for node in ast.walk(tree):
        match node:
            case ast.withitem(call, ast.Name(name)) | ast.Assign([ast.Name(name)], call) if is_request(call):
                yield name
            case ast.arg(name, ast.expr() as annotation) if RESPONSE.search(ast.unparse(annotation)):
                yield name
            case ast.ExceptHandler(ast.expr() as error, str(name)) if "HTTPError" in ast.unparse(error):
                yield name


def is_request(node: ast.expr) -> bool:
    """Return whether an expression sends a request by aiohttp or urllib."""
    call = node.value if isinstance(node, ast.Await) else node
    return isinstance(call, ast.Call) and bool(SENDS.search(ast.unparse(call.func)))


def repeated_test_names(paths: Sequence[str]) -> Iterator[str]:
    """Yield test files that have the name of another one; in a package a name is the package's."""
    folders = {path.removesuffix("/__init__.py") for path in paths if path.endswith("/__init__.py")}
    tests = [each for each in paths if re.search(r"/test_\w+\.py$", each) and each.rpartition("/")[0] not in folders]
    count = Counter(each.rpartition("/")[2] for each in tests)
    yield from (f"{each}: another test file has this name, too" for each in tests if count[each.rpartition("/")[2]] > 1)


PUBLIC_APIS = public_apis()
PATHS = subprocess.run(
    ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.splitlines()
FILE_NAMES = {path.rpartition("/")[2] for path in PATHS}
RULES = (past_public_api, sql_outside_store, strong_locks, dead_citations, words, unbounded_answers)


def main() -> int:
    found = 0
    for file in python_files():
        tree = ast.parse(file.read_text("utf-8"))
        for rule in RULES:
            for text in rule(file, tree):
                print(f"{file.relative_to(ROOT)}:{text}")
                found += 1
    for text in repeated_test_names(PATHS):
        print(text)
        found += 1
    if "--sentences" in sys.argv:  # reports only, until the tree is clean
        print(*sentences(everywhere="--all" in sys.argv), sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
