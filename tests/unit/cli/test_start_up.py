"""Commands start quickly because each imports only what it needs. What is imported is checked, not the time, which varies."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# Each costs between 20 and 200 ms. Typer itself parses a command's options by pydantic, for which there is no other way.
HEAVY = {
    "aiohttp", "asyncio", "asyncpg", "holidays", "kopf", "phonenumbers", "prometheus_client", "redis", "structlog", "yaml",
}  # fmt: skip

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

PROGRAM = """
import sys
from askproai_cli.main import app
try:
    app(sys.argv[1:])
finally:
    print(*sys.modules, file=sys.stderr)
"""


def imported_by(arguments: list[str], directory: Path) -> set[str]:
    command = [sys.executable, "-c", PROGRAM, *arguments]
    result = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=60, check=False)
    modules = set(result.stderr.splitlines()[-1].split())
    assert "askproai_cli.main" in modules, result.stderr
    return modules


@pytest.mark.parametrize(
    ("command", "unneeded"),
    [
        ("--help", HEAVY | {"pydantic"}),
        ("--version", HEAVY | {"pydantic"}),
        ("appointments list --help", HEAVY),
        ("appointments list -t a.b --url http://127.0.0.1:9", HEAVY),
        ("timeline call_1 -t a.b --url http://127.0.0.1:9", HEAVY),
        ("events list -t a.b --url http://127.0.0.1:9", HEAVY),
        ("circuits list -t a.b --url http://127.0.0.1:9", HEAVY),
        ("slots -t a.b --branch b --service s --date 2026-11-27 --url http://127.0.0.1:9", HEAVY),
        ("when Freitag", HEAVY),
        ("lint --help", HEAVY),
        ("plan --help", HEAVY),
        ("lint salon.yaml", HEAVY - {"yaml", "phonenumbers", "holidays"}),
        ("lint branch.yaml", HEAVY - {"yaml", "phonenumbers"}),
        ("plan no-such-file.yaml", HEAVY - {"yaml", "phonenumbers"}),
        ("plan service.yaml", HEAVY - {"yaml", "phonenumbers"}),
        ("call --help", HEAVY),
        ("demo --help", HEAVY),
    ],
)
def test_a_command_imports_what_it_needs(
    command: str, unneeded: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASKPROAI_TOKEN", "t")
    shutil.copy(SALON, tmp_path / "salon.yaml")
    (tmp_path / "branch.yaml").write_text(BRANCH_WITHOUT_HOLIDAYS)
    (tmp_path / "service.yaml").write_text("{apiVersion: v1, kind: Service, metadata: {name: of-nobody}}")
    modules = imported_by(command.split(), tmp_path)
    assert not modules & unneeded
