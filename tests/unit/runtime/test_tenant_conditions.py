"""The coordinator's login sees the rows of all tenants: each table in its statements has a condition for the tenant."""

import ast
import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[3]
STORE = ROOT / "runtime/askproai_runtime/coordinator/store.py"
SCHEMA = ROOT / "core/askproai_core/database/migrations/0001_schema.up.sql"
CLAUSES = "FOR|GROUP|JOIN|LIMIT|ON|ORDER|SET|USING|WHERE"
# The coordinator asks which tenants there are.
OF_ALL = {"tenants"}


def tables() -> set[str]:
    created = re.finditer(r"CREATE TABLE (\w+) \((.*?)\n\)", SCHEMA.read_text("utf-8"), re.DOTALL)
    return {each[1] for each in created if re.search(r"^\s+tenant ", each[2], re.MULTILINE)} - OF_ALL


def statements() -> list[str]:
    nodes = ast.walk(ast.parse(STORE.read_text("utf-8")))
    texts = [each.value for each in nodes if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return [text for text in texts if re.search(r"\b(?:SELECT|UPDATE|DELETE)\b", text)]


def list_unconditional(statement: str) -> list[str]:
    """Return the tables of a statement that are read more often than their tenant is compared."""
    read = rf"(?:\b(?:FROM|JOIN|UPDATE|USING)|,)\s+({'|'.join(sorted(tables()))})\b(?:\s+(?:AS\s+)?(?!(?:{CLAUSES})\b)(\w+))?"
    found = Counter(each[2] or "" for each in re.finditer(read, statement))
    compared = {alias: rf"\b{alias}\.tenant\b" if alias else r"(?<![.\w])tenant\b" for alias in found}
    return [alias for alias, times in found.items() if len(re.findall(compared[alias], statement)) < times]


def test_each_table_of_the_coordinator_has_its_tenant() -> None:
    assert {text: left for text in statements() if (left := list_unconditional(text))} == {}


def test_missing_tenant_condition_is_found() -> None:
    (statement,) = [text for text in statements() if "WHERE m.tenant = $2 AND number" in text]
    assert list_unconditional(statement) == []
    assert list_unconditional(statement.replace("WHERE m.tenant = $2 AND number", "WHERE number")) == ["m"]
