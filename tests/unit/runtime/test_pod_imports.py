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


WITHOUT_CONFIG = {"ASKPROAI_CONFIG_FILE": "/nonexistent"}
WRONG = {"ASKPROAI_WORKER_PORT": "http", "ASKPROAI_LOG_LEVEL": "loud", "ASKPROAI_CALENDAR_POLL_SECONDS": "0"}


def run(process: str, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Start a process that ends at once, since its environment is wrong; it prints its modules."""
    command = [sys.executable, "-c", PROGRAM.format(process=process)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)


@pytest.fixture(scope="module")
def wrong_worker() -> "subprocess.CompletedProcess[str]":
    return run("worker", WRONG)


def test_web_process_imports_only_modules_it_uses() -> None:
    check_imports("web", run("web", WITHOUT_CONFIG), NOT_FOR_PODS)


def test_worker_imports_only_modules_it_uses(wrong_worker: "subprocess.CompletedProcess[str]") -> None:
    check_imports("worker", wrong_worker, NOT_FOR_PODS | {"holidays"})


def check_imports(process: str, result: "subprocess.CompletedProcess[str]", unneeded: set[str]) -> None:
    imported = set(result.stdout.split())
    assert f"askproai_runtime.{process}" in imported, result.stderr
    assert not imported & unneeded


def test_wrong_variables_are_all_named_and_end_processes(wrong_worker: "subprocess.CompletedProcess[str]") -> None:
    assert wrong_worker.returncode == 2
    assert wrong_worker.stderr.startswith("The settings are wrong: ")
    assert all(name in wrong_worker.stderr for name in WRONG), wrong_worker.stderr
