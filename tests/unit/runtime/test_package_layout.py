"""The layout of the packages: the SQL of the book is in one package, and no modules import each other in a cycle."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import askproai_runtime

RUNTIME = Path(askproai_runtime.__file__).parent
STATEMENT = re.compile(r"\b(SELECT .*\bFROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM)\b", re.DOTALL)


@pytest.mark.parametrize("package", ["book", "desk", "conversation"])
def test_no_sql_is_outside_the_store(package: str) -> None:
    with_sql = {path for path in (RUNTIME / package).rglob("*.py") if STATEMENT.search(path.read_text())}
    assert {path.parent for path in with_sql} == ({RUNTIME / "book" / "store"} if package == "book" else set())


@pytest.mark.parametrize("package", ["availability", "book", "calendar_sync", "conversation", "desk", "language"])
def test_no_modules_import_each_other_in_a_cycle(package: str) -> None:
    folder, prefix = RUNTIME / package, f"askproai_runtime.{package}."
    imports: dict[str, set[str]] = {}
    for path in folder.rglob("*.py"):
        if path.name != "__init__.py":
            module = ".".join(path.relative_to(folder).with_suffix("").parts)
            nodes = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom))
            imports[module] = {node.module.removeprefix(prefix) for node in nodes if node.module}
    assert list(TopologicalSorter(imports).static_order())
