"""How a command finds a tenant's private port (contract §6). kubectl is a script that answers as kubectl does."""

from pathlib import Path

import pytest
import typer

from askproai_cli.reach import Unreachable, private_port
from askproai_sandbox.demo import State

KUBECTL = """#!/bin/sh
case "$1" in
get) echo "$*" >> {log}; printf %s dG9rZW4x ;;
port-forward) trap 'echo ended >> {log}; exit 0' TERM; echo "$*" >> {log}; echo "Forwarding from 127.0.0.1:40123 -> 8081"
  while :; do sleep 0.05; done ;;
esac
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, a home without kubeconfig, no kubectl."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("ASKPROAI_TOKEN", raising=False)
    return tmp_path


def demo_runs(here: Path) -> State:
    state = State(
        str(here / "kubeconfig"), "", "", "", "",
        adminUrls={"a.b": "http://127.1.2.3:8081"}, adminTokens={"a.b": "demo-token"},
    )  # fmt: skip
    (here / ".demo").mkdir()
    (here / ".demo/state.json").write_text(state.text())
    return state


def kubectl_is_there(here: Path, script: str = KUBECTL) -> Path:
    log = here / "log"
    (here / "bin").mkdir()
    (here / "bin/kubectl").write_text(script.format(log=log))
    (here / "bin/kubectl").chmod(0o755)
    return log


def test_an_address_is_taken_with_the_token_of_the_environment(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    demo_runs(here)
    with pytest.raises(Unreachable, match="ASKPROAI_TOKEN"), private_port("a.b", "http://pod:8081"):
        pass
    monkeypatch.setenv("ASKPROAI_TOKEN", "t")
    with private_port("a.b", "http://pod:8081") as door:
        assert (door.url, door.token) == ("http://pod:8081", "t")
        assert "t" not in repr(door).split("token")


def test_a_demo_that_runs_here_is_found(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = demo_runs(here)
    with private_port("a.b", None) as door:
        assert (door.url, door.token) == ("http://127.1.2.3:8081", "demo-token")
    monkeypatch.setenv("KUBECONFIG", state.kubeconfig)
    with private_port("a.b", None) as door:
        assert door.token == "demo-token"
    with pytest.raises(Unreachable, match=r"it has: a\.b"), private_port("a.c", None):
        pass


def test_another_clusters_kubeconfig_is_not_answered_by_the_demo(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    demo_runs(here)
    log = kubectl_is_there(here)
    monkeypatch.setenv("KUBECONFIG", str(here / "production"))
    with private_port("salon.mueller", None) as door:
        assert (door.url, door.token) == ("http://127.0.0.1:40123", "token1")
    secret, forward, ended = log.read_text().splitlines()
    assert secret.startswith("get secret mueller-admin -n salon ")
    assert forward.startswith("port-forward -n salon service/mueller-admin :8081")
    assert ended == "ended", "nothing is left running"


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("#!/bin/sh\necho 'secrets \"b-admin\" not found' >&2; exit 1", 'secrets "b-admin" not found'),
        (
            "#!/bin/sh\n[ $1 = get ] && {{ printf dDE=; exit; }}\necho 'error: no running pods'; exit 1",
            "no running pods",
        ),
    ],
)
def test_what_kubectl_cannot_do_is_said_in_its_words(here: Path, script: str, says: str) -> None:
    kubectl_is_there(here, script)
    with pytest.raises(Unreachable, match=says), private_port("a.b", None):
        pass


def test_a_name_that_is_none_is_misuse(here: Path) -> None:
    with pytest.raises(typer.BadParameter), private_port("salon", None):
        pass
