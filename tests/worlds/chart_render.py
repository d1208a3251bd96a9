"""Render the chart with the real Helm."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "askproai"
SYSTEM = "chart-system"  # the namespace of the release at the test cluster


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
