"""Render the chart with the real Helm."""

import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "askproai"
# The CRDs are long: Python parses a render in 0.2 s, C in 0.02 s.
YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
SYSTEM = "chart-system"  # the namespace of the release at the test cluster

_TEMPLATE = ("template", "--kube-version", "1.34.0", "release")


class Refused(Exception):
    """Helm did not render the chart; the message is Helm's."""


@cache
def rendered(helm: str, values: tuple[str, ...], namespace: str = "system") -> str:
    """Return what `helm template` prints with some values (`name=value`). Raises Refused."""
    return _run(helm, *_TEMPLATE, str(CHART), "--namespace", namespace, *_options(values))


@cache
def rendered_notes(helm: str, values: tuple[str, ...]) -> str:
    """Return the notes that `helm install` prints with some values. Raises Refused.

    `helm template` leaves notes out, and `helm install` asks a cluster even for a dry run. So a copy of the chart has a manifest
    with their text.
    """
    with TemporaryDirectory() as folder:
        templates = shutil.copytree(CHART, folder, dirs_exist_ok=True, ignore=_leave_out_manifests) + "/templates"
        text = Path(templates, "NOTES.txt").read_text("utf-8")
        Path(templates, "_notes.tpl").write_text(f'{{{{- define "notes" }}}}{text}{{{{ end }}}}', "utf-8")
        Path(templates, "notes.yaml").write_text('text: {{ include "notes" . | quote }}', "utf-8")
        only = ("--namespace", "system", "--show-only", "templates/notes.yaml")
        return str(yaml.safe_load(_run(helm, *_TEMPLATE, folder, *only, *_options(values)))["text"])


def _leave_out_manifests(folder: str, names: list[str]) -> list[str]:
    manifests = {name for name in names if folder.endswith("templates") and name.endswith(".yaml")}
    return [name for name in names if name in manifests | {"crds", "dashboards"}]


def _options(values: tuple[str, ...]) -> list[str]:
    return [
        option for value in values for option in ("--set-json" if "=[" in value or "={" in value else "--set", value)
    ]


def _run(*command: str) -> str:
    completed = subprocess.run(command, capture_output=True, text=True)
    if completed.returncode != 0:
        raise Refused(completed.stderr)
    return completed.stdout
