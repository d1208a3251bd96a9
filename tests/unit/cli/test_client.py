"""How a command finds a tenant's private port. kubectl is a script that answers as kubectl does."""

from pathlib import Path

import pytest
import typer

from askproai_cli.client import RequestFailed, connect
from askproai_sandbox.demo import State

KUBECTL = """#!/bin/sh
case "$1" in
get) echo "$*" >> {log}; printf %s dG9rZW4x ;;
port-forward) trap 'echo ended >> {log}; exit 0' TERM; echo "$*" >> {log}; echo "Forwarding from 127.0.0.1:40123 -> 8081"
  while :; do sleep 0.05; done ;;
esac
"""


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change into an empty directory, with a home without kubeconfig and without kubectl on the PATH."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("ASKPROAI_TOKEN", raising=False)
    return tmp_path


def write_demo_state(directory: Path) -> State:
    state = State(
        str(directory / "kubeconfig"), "", "", "", "",
        adminUrls={"a.b": "http://127.1.2.3:8081"}, adminTokens={"a.b": "demo-token"},
    )  # fmt: skip
    (directory / ".demo").mkdir()
    (directory / ".demo/state.json").write_text(state.text())
    return state


def install_kubectl(directory: Path, script: str = KUBECTL) -> Path:
    log = directory / "log"
    (directory / "bin").mkdir()
    (directory / "bin/kubectl").write_text(script.format(log=log))
    (directory / "bin/kubectl").chmod(0o755)
    return log


def test_a_given_url_is_used_with_the_token_of_the_environment(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_demo_state(directory)
    with pytest.raises(RequestFailed, match="ASKPROAI_TOKEN"), connect("a.b", "http://pod:8081"):
        pass
    monkeypatch.setenv("ASKPROAI_TOKEN", "t")
    with connect("a.b", "http://pod:8081") as client:
        assert (client.url, client.token) == ("http://pod:8081", "t")
        assert "t" not in repr(client).split("token")


def test_a_demo_that_runs_here_is_found(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = write_demo_state(directory)
    with connect("a.b", None) as client:
        assert (client.url, client.token) == ("http://127.1.2.3:8081", "demo-token")
    monkeypatch.setenv("KUBECONFIG", state.kubeconfig)
    with connect("a.b", None) as client:
        assert client.token == "demo-token"
    with pytest.raises(RequestFailed, match=r"it has: a\.b"), connect("a.c", None):
        pass


def test_another_clusters_kubeconfig_is_not_answered_by_the_demo(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_demo_state(directory)
    log = install_kubectl(directory)
    monkeypatch.setenv("KUBECONFIG", str(directory / "production"))
    with connect("salon.mueller", None) as client:
        assert (client.url, client.token) == ("http://127.0.0.1:40123", "token1")
    secret, forward, ended = log.read_text().splitlines()
    assert secret.startswith("get secret mueller-admin -n salon ")
    assert forward.startswith("port-forward -n salon service/mueller-admin :8081")
    assert ended == "ended", "nothing is left running"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("#!/bin/sh\necho 'secrets \"b-admin\" not found' >&2; exit 1", 'secrets "b-admin" not found'),
        (
            "#!/bin/sh\n[ $1 = get ] && {{ printf dDE=; exit; }}\necho 'error: no running pods'; exit 1",
            "no running pods",
        ),
    ],
)
def test_an_error_of_kubectl_is_quoted(directory: Path, script: str, message: str) -> None:
    install_kubectl(directory, script)
    with pytest.raises(RequestFailed, match=message), connect("a.b", None):
        pass


def test_a_malformed_tenant_name_is_misuse(directory: Path) -> None:
    with pytest.raises(typer.BadParameter), connect("salon", None):
        pass
