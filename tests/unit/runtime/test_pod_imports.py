"""The cost of a tenant is mostly the memory of its idle processes, so each imports only the modules that it uses."""

import subprocess
import sys

import pytest

# Each was 1 to 10 MB in both processes of every pod (docs/decisions/0069-the-price-of-a-pod.md).
NOT_FOR_PODS = {
    "aiosmtplib",
    "babel",
    "click",
    "cryptography.hazmat",
    "icalendar",
    "jinja2",
    "joserfc",
    "google.protobuf",
    "kopf",
    "opentelemetry",
    "nacl",
    "pydantic",
    "pygments",
    "requests",
    "rich",
    "typer",
    "yaml",
    "askproai_core.kube",
    "askproai_runtime.oidc",
    "askproai_runtime.page.server",
}

PROGRAM = """
import sys
from askproai_runtime.main import app
sys.argv[1:] = [{process!r}]
try:
    app()
finally:
    print(*(name for name, module in sys.modules.items() if module is not None))
"""


@pytest.mark.parametrize(("process", "unneeded"), [("web", NOT_FOR_PODS), ("worker", NOT_FOR_PODS | {"holidays"})])
def test_pod_process_imports_only_modules_it_uses(process: str, unneeded: set[str]) -> None:
    command = [sys.executable, "-c", PROGRAM.format(process=process)]
    environment = {"ASKPROAI_CONFIG_FILE": "/nonexistent"}
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    imported = set(result.stdout.split())
    assert f"askproai_runtime.{process}" in imported, result.stderr
    assert not imported & unneeded


def test_wrong_variables_are_all_named_and_end_processes() -> None:
    command = [sys.executable, "-m", "askproai_runtime.main", "worker"]
    wrong = {"ASKPROAI_WORKER_PORT": "http", "ASKPROAI_LOG_LEVEL": "loud", "ASKPROAI_CALENDAR_POLL_SECONDS": "0"}
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=wrong)
    assert result.returncode == 2
    assert result.stderr.startswith("The settings are wrong: ")
    assert all(name in result.stderr for name in wrong), result.stderr
