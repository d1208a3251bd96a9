"""`hack/kind` and `hack/k3d`, with stand-ins for the programs that need Docker: which commands run, and in which order."""

import json
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.worlds.chart_render import ROOT

pytestmark = pytest.mark.nightly

TOOLS = ("kind", "k3d")
STAND_IN = """#!{python}
import json, os, pathlib, sys
words = [pathlib.Path(sys.argv[0]).name, *sys.argv[1:]]
with open(os.environ["CALLS"], "a") as calls:
    calls.write(json.dumps(words) + "\\n")
if words[:2] == ["docker", "info"]:
    sys.exit(int(os.environ.get("DOCKER_IS_AWAY", "0")))
if words[:3] == ["docker", "image", "inspect"]:
    print("sha256:" + ("a" if words[-1].startswith("askproai:") else "b") * 64)
if words[1:] in (["get", "clusters"], ["cluster", "list", "--no-headers"]):
    print(os.environ.get("CLUSTERS", "askproai-of-a-colleague 1/1"))
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder with the scripts, and stand-ins of all programs beside it."""
    folder = tmp_path / "checkout"
    shutil.copytree(ROOT / "hack/docker-cluster", folder / "hack/docker-cluster")
    for tool in TOOLS:
        shutil.copy(ROOT / "hack" / tool, folder / "hack" / tool)
    (tmp_path / "bin").mkdir()
    for name in ("awk", "bash", "cat", "dirname", "env", "grep", "mkdir", "rm"):  # no other program is on the PATH
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    for name in ("docker", "kubectl", "helm", *TOOLS):
        (tmp_path / "bin" / name).write_text(STAND_IN.format(python=sys.executable))
        (tmp_path / "bin" / name).chmod(0o755)
    return folder


def run(
    checkout: Path, tool: str, *arguments: str, **environment: str
) -> tuple[subprocess.CompletedProcess[str], list[list[str]]]:
    """Run a script; return how it ended, and the commands that it ran."""
    calls = checkout.parent / "calls"
    calls.write_text("")
    completed = subprocess.run(
        [str(checkout / "hack" / tool), *arguments],
        capture_output=True,
        text=True,
        env={"PATH": str(checkout.parent / "bin"), "CALLS": str(calls), **environment},
    )
    return completed, [json.loads(line) for line in calls.read_text().splitlines()]


@pytest.mark.parametrize("tool", TOOLS)
def test_cluster_command_builds_loads_installs_and_plays_calls(checkout: Path, tool: str) -> None:
    completed, calls = run(checkout, tool)
    assert completed.returncode == 0, completed.stderr
    image, simulators = "askproai:" + 12 * "a", "askproai-simulators:" + 12 * "b"
    done = [" ".join(call) for call in calls]
    expected = [
        "docker build -t askproai:local .",
        f"docker build -t askproai-simulators:local -f sandbox/Dockerfile --build-arg IMAGE={image} .",
        f"{tool} {'create cluster' if tool == 'kind' else 'cluster create'} --config hack/docker-cluster/{tool}.yaml",
        f"{tool} {'load docker-image --name' if tool == 'kind' else 'image import --cluster'} askproai {image} {simulators}",
        "helm upgrade askproai charts/askproai --install",
        "kubectl apply -f examples/salon.yaml",
        "kubectl wait --for=condition=Ready",
        "kubectl exec -n askproai-system deploy/askproai-simulators -- askproai call",
    ]
    places = [next((at for at, command in enumerate(done) if command.startswith(start)), None) for start in expected]
    assert None not in places, dict(zip(expected, places, strict=True))
    assert places == sorted(places)  # type: ignore[type-var]
    assert str(checkout / ".cache" / tool / "kubeconfig") in completed.stdout


@pytest.mark.parametrize("tool", TOOLS)
def test_chart_installs_with_the_values_of_the_script(checkout: Path, tool: str, render) -> None:
    _, calls = run(checkout, tool)
    (helm,) = [call for call in calls if call[0] == "helm"]
    values = [value for option, given in pairwise(helm) if option == "--set" for value in given.split(",")]
    manifests = render(*values)
    containers = manifests["Deployment", "askproai-simulators"]["spec"]["template"]["spec"]["containers"]
    assert containers[0]["image"] == "askproai-simulators:" + 12 * "b"
