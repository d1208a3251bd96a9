"""Commands start quickly because each imports only its own needs. The imports are checked, not the time, which varies."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from askproai_sandbox.demo import State

pytestmark = pytest.mark.nightly

# Each costs between 20 and 200 ms. Typer itself parses a command's options by pydantic, for which there is no other way.
HEAVY = {
    "aiohttp", "asyncio", "asyncpg", "holidays", "kopf", "phonenumbers", "prometheus_client", "redis", "structlog", "yaml",
}  # fmt: skip

# Unused by a command that only asks the private API or prints its help; their import takes 30 ms.
CONFIG = {"msgspec", "askproai_core.tenant_config"}

SALON = Path(__file__).parents[3] / "examples/salon.yaml"
BRANCH_WITHOUT_HOLIDAYS = """
apiVersion: askproai.de/v1alpha1
kind: Branch
metadata: {name: mitte, namespace: salon}
spec:
  tenantRef: {name: salon}
  displayName: Mitte
  staff: [{id: anna, displayName: Anna}]
  openingHours: [{days: [Monday], opens: "09:00", closes: "18:00"}]
"""

KUBECONFIG = """
current-context: x
contexts: [{name: x, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://127.0.0.1:9"}}]
users: [{name: u, user: {token: t}}]
"""

PROGRAM = """
import gc, sys
from askproai_cli.main import app
found = []
gc.callbacks.append(lambda phase, info: found.append(phase) if info["generation"] == 2 else None)
try:
    app(sys.argv[1:])
finally:
    print(len(found), *sys.modules, file=sys.stderr)
"""


def started(arguments: list[str], directory: Path) -> tuple[int, set[str]]:
    """Run a command; return how often all objects were searched for garbage, and the modules that it had imported at its end."""
    command = [sys.executable, "-c", PROGRAM, *arguments]
    result = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=60, check=False)
    collections, *modules = result.stderr.splitlines()[-1].split()
    assert "askproai_cli.main" in modules, result.stderr
    return int(collections), set(modules)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with manifests, and with a demo and a cluster that do not answer."""
    monkeypatch.setenv("ASKPROAI_TOKEN", "t")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    shutil.copy(SALON, tmp_path / "salon.yaml")
    (tmp_path / "branch.yaml").write_text(BRANCH_WITHOUT_HOLIDAYS)
    (tmp_path / "service.yaml").write_text("{apiVersion: v1, kind: Service, metadata: {name: of-nobody}}")
    (tmp_path / "config").write_text(KUBECONFIG)
    (tmp_path / ".demo").mkdir()
    nobody = "http://127.0.0.1:9"
    (tmp_path / ".demo/state.json").write_text(State("", nobody, nobody, "", "").text())
    return tmp_path


@pytest.mark.parametrize(
    ("command", "unneeded"),
    [
        ("--help", HEAVY | CONFIG | {"pydantic"}),
        ("--version", HEAVY | CONFIG | {"pydantic"}),
        ("appointments list --help", HEAVY | CONFIG),
        ("appointments list -t a.b --url http://127.0.0.1:9", HEAVY | CONFIG),
        ("timeline call_1 -t a.b --url http://127.0.0.1:9", HEAVY | CONFIG),
        ("block --staff a --from 2026-11-27 -t a.b --url http://127.0.0.1:9", HEAVY | CONFIG),
        ("slots -t a.b --branch b --service s --date 2026-11-27 --url http://127.0.0.1:9", HEAVY | CONFIG),
        ("when Freitag", HEAVY),
        ("lint --help", HEAVY | CONFIG),
        ("plan --help", HEAVY | CONFIG),
        ("lint salon.yaml", HEAVY - {"yaml", "phonenumbers", "holidays"}),
        ("lint branch.yaml", HEAVY - {"yaml", "phonenumbers"}),
        ("plan no-such-file.yaml", HEAVY - {"yaml", "phonenumbers"}),
        ("plan service.yaml", HEAVY - {"yaml", "phonenumbers"}),
        ("plan salon.yaml --kubeconfig config", {"asyncpg", "kopf", "prometheus_client", "redis"}),
        ("doctor --help", HEAVY | CONFIG),
        ("doctor --kubeconfig config", {"asyncpg", "holidays", "kopf", "phonenumbers", "prometheus_client", "redis"}),
        ("call --help", HEAVY | CONFIG),
        ("demo --help", HEAVY | CONFIG),
    ],
)
def test_a_command_imports_no_unneeded_modules(command: str, unneeded: set[str], folder: Path) -> None:
    assert not started(command.split(), folder)[1] & unneeded


@pytest.mark.parametrize(
    ("command", "most"),
    [
        ("--help", 240),
        ("appointments list -t a.b --url http://127.0.0.1:9", 130),
        ("when Freitag", 200),
        ("lint salon.yaml", 610),
        ("plan salon.yaml --kubeconfig config", 640),
        ("doctor --kubeconfig config", 400),
        ("call --to +49301234567 --say Hallo", 405),
        ("sandbox faults", 220),
    ],
)
def test_command_start_imports_few_modules_without_collection(command: str, most: int, folder: Path) -> None:
    """Modules of the standard library do not count: their number differs between releases of Python."""
    collections, modules = started(command.split(), folder)
    counted = [module for module in modules if module.partition(".")[0] not in sys.stdlib_module_names]
    assert len(counted) <= most, f"{len(counted)} modules"
    assert collections == 0, "all objects were searched"


def test_models_are_made_without_reading_their_sources() -> None:
    """Only the CRDs need their docstrings, as descriptions. Reading them takes a third of the start."""
    program = "import linecache, askproai_operator.api; print(*linecache.cache)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert "askproai" not in result.stdout


def test_agent_functions_are_read_without_pythons_yaml() -> None:
    """PyYAML's Python parser takes thirty times as long as its C parser, at each start of the operator and of `plan`."""
    program = "import yaml; yaml.SafeLoader.__init__ = None; import askproai_operator.controllers.agent_plan"
    subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=True)
