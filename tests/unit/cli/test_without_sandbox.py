"""The production image ships no simulators: the command line works there, and commands that need them fail with a message."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import askproai_cli

WITHOUT_SANDBOX = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "askproai_sandbox":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
from askproai_cli.main import app
app()
"""


def run_without_sandbox(*arguments: str, directory: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", WITHOUT_SANDBOX, *arguments]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("arguments", [["--help"], ["when", "morgen um zehn"], ["demo", "--help"]])
def test_commands_without_simulators_work_without_the_sandbox(tmp_path: Path, arguments: list[str]) -> None:
    result = run_without_sandbox(*arguments, directory=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")


def test_private_port_is_queried_without_the_sandbox(tmp_path: Path) -> None:
    """The demo's state is read without the package that writes it."""
    (tmp_path / ".demo").mkdir()
    (tmp_path / ".demo/state.json").write_text('{"kubeconfig": "config", "adminUrls": {}, "adminTokens": {}}')
    program = WITHOUT_SANDBOX.replace("import sys\n", "import os, sys\nos.environ['KUBECONFIG'] = 'config'\n", 1)
    command = [sys.executable, "-c", program, "circuits", "list", "-t", "a.b"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert result.stderr == "the demo has no ready pod of a.b (a suspended tenant has none); it has: none yet\n"


@pytest.mark.parametrize(
    "arguments",
    [["demo"], ["call", "--to", "+49301234567", "--say", "Hallo"], ["sandbox", "retell"]],
)
def test_commands_with_simulators_say_they_need_a_checkout(tmp_path: Path, arguments: list[str]) -> None:
    result = run_without_sandbox(*arguments, directory=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    (sentence,) = result.stderr.splitlines()
    assert sentence.startswith(f"`askproai {arguments[0]}` needs the simulators")
    assert "checkout" in sentence


def imports_at_module_level(tree: ast.Module) -> Iterator[str]:
    """Yield the modules that a file imports when it is imported itself: not inside functions, nor for a type checker alone."""
    nodes: list[ast.AST] = [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            nodes += node.orelse
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            nodes += ast.iter_child_nodes(node)


def test_command_line_imports_sandbox_inside_functions_only() -> None:
    files = list(Path(str(askproai_cli.__file__)).parent.rglob("*.py"))
    assert len(files) > 10
    for file in files:
        tree = ast.parse(file.read_text("utf-8"))
        assert not [name for name in imports_at_module_level(tree) if name.startswith("askproai_sandbox")], file
