"""The arrows that `make check` holds name every room of the runtime."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOORS = {"config", "guard", "lease", "numbers", "seams", "store"}


def test_the_operator_enters_no_room_of_the_runtime_but_the_doors():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (listed,) = [one["forbidden_modules"] for one in contracts if one.get("source_modules") == ["askproai_operator"]]
    paths = (ROOT / "runtime" / "askproai_runtime").iterdir()
    rooms = {path.stem for path in paths if path.suffix == ".py" or (path / "__init__.py").exists()} - {"__init__"}
    assert {f"askproai_runtime.{room}" for room in rooms - DOORS} <= set(listed)
