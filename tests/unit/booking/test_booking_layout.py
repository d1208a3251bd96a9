"""The layout of the package `booking`: its SQL is in one package, and its modules have no import cycle."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

from askproai_runtime import booking

PACKAGE = Path(booking.__file__).parent
STATEMENT = re.compile(r"\b(SELECT .*\bFROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM)\b", re.DOTALL)


def test_no_sql_is_outside_the_store() -> None:
    with_sql = {path for path in PACKAGE.rglob("*.py") if STATEMENT.search(path.read_text())}
    assert with_sql, "the pattern finds the statements of the store"
    assert {path.parent for path in with_sql} == {PACKAGE / "store"}


def test_no_modules_import_each_other_in_a_cycle() -> None:
    prefix = f"{booking.__name__}."
    imports: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        if path.name != "__init__.py":
            module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
            nodes = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom))
            imports[module] = {node.module.removeprefix(prefix) for node in nodes if node.module}
    assert list(TopologicalSorter(imports).static_order())
