"""The chart as a dependency of another chart, with the values that Helm then adds."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def umbrella(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a chart that has ours as its dependency."""
    folder = tmp_path_factory.mktemp("platform")
    shutil.copytree(ROOT / "charts/askproai", folder / "charts/askproai")
    version = yaml.safe_load((ROOT / "charts/askproai/Chart.yaml").read_text())["version"]
    dependency = {"name": "askproai", "version": version, "condition": "askproai.enabled", "tags": ["voice"]}
    chart = {"apiVersion": "v2", "name": "platform", "version": "1.0.0", "dependencies": [dependency]}
    (folder / "Chart.yaml").write_text(yaml.safe_dump(chart))
    return folder


def render(helm: str, umbrella: Path, values: object) -> subprocess.CompletedProcess[str]:
    (umbrella / "values.yaml").write_text(json.dumps(values))
    command = [helm, "template", "platform", str(umbrella), "--namespace", "askproai-system"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("values", "is_rendered"),
    [
        ({"askproai": {"enabled": True}}, True),
        ({"askproai": {"enabled": False}}, False),
        ({"global": {"imageRegistry": "registry.example"}, "askproai": {"enabled": True}}, True),
        ({"askproai": {"enabled": True, "global": {"a": {"b": 1}}}}, True),
        ({"tags": {"voice": False}}, False),
    ],
)
def test_values_of_helms_conventions_are_accepted(helm: str, umbrella: Path, values: object, is_rendered: bool):
    found = render(helm, umbrella, values)
    assert found.returncode == 0, found.stderr
    assert ("askproai-operator" in found.stdout) is is_rendered


@pytest.mark.parametrize("values", [{"enable": True}, {"enabled": "yes"}, {"settings": {"enabled": True}}])
def test_unknown_values_of_a_dependency_are_refused(helm: str, umbrella: Path, values: object):
    assert render(helm, umbrella, {"askproai": values}).returncode != 0
