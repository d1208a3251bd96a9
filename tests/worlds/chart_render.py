"""Render the chart with the real Helm."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "askproai"
SYSTEM = "chart-system"  # the namespace of the release at the test cluster
CLUSTER_BIN = Path.home() / ".cache" / "askproai-cluster" / "bin"  # where the test cluster unpacks its programs


def find_program(name: str) -> str:
    """Return a program's path, from its variable (such as HELM), the PATH or the test cluster; skip the test without one."""
    found = os.environ.get(name.upper()) or shutil.which(name) or shutil.which(name, path=str(CLUSTER_BIN))
    if found is None:
        pytest.skip(f"no {name}: put it on the PATH, or its path into {name.upper()}")
    return found


class Refused(Exception):
    """Helm did not render; the message is its own."""


@cache
def rendered(helm: str, values: tuple[str, ...], namespace: str = "system") -> str:
    """Return what `helm template` prints with some values (`name=value`). Raises Refused."""
    options = [option for value in values for option in ("--set-json" if "=[" in value else "--set", value)]
    command = [helm, "template", "release", str(CHART), "--namespace", namespace, "--kube-version", "1.34.0", *options]
    completed = subprocess.run(command, capture_output=True, text=True)
    if completed.returncode != 0:
        raise Refused(completed.stderr)
    return completed.stdout
