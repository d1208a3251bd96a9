"""The production image ships no simulators: the command line works there, and commands that need them fail with a message."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

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


# In one process: each start takes a second. Prints exit code and both outputs of each command.
SEVERAL = (
    WITHOUT_SANDBOX.removesuffix("app()\n")
    + """
import contextlib, io, json
ended = []
for arguments in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        try:
            app(arguments)
        except SystemExit as end:
            code = end.code
    ended.append((code or 0, out.getvalue(), err.getvalue()))
print(json.dumps(ended))
"""
)
WORKING = [["--help"], ["when", "morgen um zehn"], ["demo", "--help"]]
WITH_SIMULATORS = [["demo"], ["call", "--to", "+49301234567", "--say", "Hallo"], ["sandbox", "retell"]]


def run_several(commands: list[list[str]], directory: Path) -> list[tuple[int, str, str]]:
    command = [sys.executable, "-c", SEVERAL, json.dumps(commands)]
    result = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=60, check=True)
    return [tuple(each) for each in json.loads(result.stdout)]


def test_commands_without_simulators_work_without_the_sandbox(tmp_path: Path) -> None:
    for arguments, (code, printed, errors) in zip(WORKING, run_several(WORKING, tmp_path), strict=True):
        assert (code, errors) == (0, ""), arguments
        assert printed, arguments


def test_private_port_is_queried_without_the_sandbox(tmp_path: Path) -> None:
    """The demo's state is read without the package that writes it."""
    (tmp_path / ".demo").mkdir()
    (tmp_path / ".demo/state.json").write_text('{"kubeconfig": "config", "adminUrls": {}, "adminTokens": {}}')
    program = WITHOUT_SANDBOX.replace("import sys\n", "import os, sys\nos.environ['KUBECONFIG'] = 'config'\n", 1)
    command = [sys.executable, "-c", program, "circuits", "list", "-t", "a.b"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert result.stderr == "the demo has no ready pod of a.b (a suspended tenant has none); it has: none yet\n"


def test_commands_with_simulators_say_they_need_a_checkout(tmp_path: Path) -> None:
    ended = run_several(WITH_SIMULATORS, tmp_path)
    for arguments, (code, printed, errors) in zip(WITH_SIMULATORS, ended, strict=True):
        assert (code, printed) == (2, ""), arguments
        (sentence,) = errors.splitlines()
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
