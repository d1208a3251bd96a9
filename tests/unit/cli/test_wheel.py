"""The wheel is all that a colleague without the repository needs.

It is installed into an empty environment, and used from an empty folder.
"""

import importlib.util
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
import typer

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the `askproai` of an environment that has the wheel. It has this one's dependencies: nothing is downloaded."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    python = folder / "venv/bin/python"
    has_pip = importlib.util.find_spec("pip") is not None  # an environment of `make matrix` has none
    with_pip = sys.executable if has_pip else sys._base_executable  # type: ignore[attr-defined]
    install = [with_pip, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    install += ["--no-compile"]  # each command compiles the few modules that it imports
    subprocess.run([*install, str(wheel)], check=True, timeout=120)
    (packages,) = (folder / "venv").glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(str(Path(typer.__file__).parents[1]))
    return python.with_name("askproai")


def run(program: Path, directory: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    left_out = {"PYTHONPATH", "KUBECONFIG", "PYTHONDONTWRITEBYTECODE"}
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    environment["HOME"] = str(directory)
    return subprocess.run(
        [program, *arguments], cwd=directory, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("arguments", [["--version"], ["when", "morgen um zehn"], ["plan", "--help"]])
def test_commands_of_the_wheel_run_outside_the_repository(program: Path, tmp_path: Path, arguments: list[str]) -> None:
    result = run(program, tmp_path, *arguments)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout


def test_installed_lint_has_its_schemas(program: Path, tmp_path: Path) -> None:
    examples = sorted(map(str, (ROOT / "examples").glob("*.yaml")))
    accepted = run(program, tmp_path, "lint", *examples)
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr
    assert "0 refused" in accepted.stdout
    refused = run(program, tmp_path, "lint", str(next((ROOT / "tests/integration/crds/invalid").glob("*.yaml"))))
    assert refused.returncode == 1
