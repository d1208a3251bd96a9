"""A command finds a tenant's private port. kubectl is a script that answers as kubectl does."""

import asyncio
import json
import os
from pathlib import Path

import pytest
import typer
import yaml
from aiohttp import web
from typer.testing import CliRunner

import askproai_cli.client as client_module
import askproai_cli.demo_state as module
from askproai_cli.client import PrivateApiClient, Refused, RequestFailed, connect
from askproai_cli.cluster import use_context
from askproai_cli.main import app
from askproai_sandbox.demo import State
from tests.unit.cli.conftest import PrivatePort

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
    monkeypatch.setattr(module, "_CHECKOUT", tmp_path)  # a demo may run in ours
    return tmp_path


def write_demo_state(directory: Path) -> State:
    state = State(
        str(directory / ".demo/cluster/kubeconfig"), "", "", "", "",
        adminUrls={"a.b": "http://127.1.2.3:8081"}, adminTokens={"a.b": "demo-token"},
    )  # fmt: skip
    (directory / ".demo").mkdir()
    (directory / ".demo/state.json").write_text(state.text())
    return state


def write_kubeconfig(path: Path, *contexts: str) -> Path:
    """Write a kubeconfig with these contexts, the first of them current; each has the cluster `https://<context>:6443`."""
    config = {
        "current-context": contexts[0],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "me"}} for name in contexts],
        "clusters": [{"name": name, "cluster": {"server": f"https://{name}:6443"}} for name in contexts],
    }
    path.write_text(yaml.safe_dump(config))
    return path


def install_kubectl(directory: Path, script: str = KUBECTL) -> Path:
    log = directory / "log"
    (directory / "bin").mkdir()
    (directory / "bin/kubectl").write_text(script.format(log=log))
    (directory / "bin/kubectl").chmod(0o755)
    return log


def test_given_api_url_uses_the_environments_token(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_demo_state(directory)
    with pytest.raises(RequestFailed, match="ASKPROAI_TOKEN"), connect("a.b", "http://pod:8081"):
        pass
    monkeypatch.setenv("ASKPROAI_TOKEN", "t")
    with connect("a.b", "http://pod:8081") as client:
        assert (client.url, client.token) == ("http://pod:8081", "t")
        assert "t" not in repr(client).split("token")


async def test_server_failure_is_shown_with_correlation_id(port: PrivatePort) -> None:
    async def fail(_request: web.Request) -> web.Response:
        problem = {"title": "Internal Server Error", "detail": "Send it again", "correlation_id": "c0ffee"}
        return web.json_response(problem, status=500)

    port.answers = {"calls": fail}
    shown = await port.run("calls", "list")
    assert (shown.exit_code, shown.stderr) == (1, "Internal Server Error: Send it again (correlation id c0ffee)\n")


async def test_command_gives_up_on_a_hanging_database(port: PrivatePort, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(_request: web.Request) -> web.Response:
        await asyncio.sleep(1)
        return web.json_response({})

    monkeypatch.setattr(client_module, "_ANSWER_SECONDS", 0.1)
    port.answers = {"calls": hang}
    shown = await port.run("calls", "list")
    assert (shown.exit_code, "PostgreSQL may hang, which askproai doctor finds out" in shown.stderr) == (1, True)


def test_a_demo_that_runs_here_is_found(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = write_demo_state(directory)
    with connect("a.b", None) as client:
        assert (client.url, client.token) == ("http://127.1.2.3:8081", "demo-token")
    monkeypatch.setenv("KUBECONFIG", state.kubeconfig)
    with connect("a.b", None) as client:
        assert client.token == "demo-token"
    with pytest.raises(RequestFailed, match=r"it has: a\.b"), connect("a.c", None):
        pass


def test_demo_tenant_ignores_another_clusters_kubeconfig(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_demo_state(directory)
    log = install_kubectl(directory)
    monkeypatch.setenv("KUBECONFIG", str(directory / "production"))
    with connect("salon.mueller", None) as client:
        assert (client.url, client.token) == ("http://127.0.0.1:40123", "token1")
    secret, forward, ended = log.read_text().splitlines()
    assert secret.startswith("get secret mueller-admin -n salon ")
    assert forward.startswith("port-forward -n salon service/mueller-admin :8081")
    assert ended == "ended", "nothing is left running"


def test_the_demo_is_found_from_any_folder(
    directory: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    state = write_demo_state(directory)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    inside = directory / "examples"
    inside.mkdir()
    for folder in (inside, elsewhere):  # inside the checkout, and outside by the command's own checkout
        monkeypatch.chdir(folder)
        with connect("a.b", None) as client:
            assert client.token == "demo-token"
    monkeypatch.setattr(module, "_CHECKOUT", elsewhere)
    monkeypatch.setenv("PATH", str(elsewhere))
    with pytest.raises(RequestFailed, match="no demo runs here"), connect("a.b", None):
        pass
    monkeypatch.setenv("KUBECONFIG", state.kubeconfig)  # as `askproai demo --keep` prints it
    with connect("a.b", None) as client:
        assert client.token == "demo-token"


def test_kubectl_waiting_for_a_login_is_time_limited(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A login program asks on a terminal that the person does not see, since kubectl's output is read by the command."""
    install_kubectl(directory, "#!/bin/sh\ntest -t 0 && exit 1\nexec sleep 60\n")
    monkeypatch.setenv("KUBECONFIG", str(directory / "production"))
    monkeypatch.setattr(client_module, "_LOGIN_TIMEOUT_SECONDS", 0.5)
    with pytest.raises(RequestFailed, match="log in by `kubectl auth whoami`, then repeat"), connect("a.b", None):
        pass


@pytest.mark.parametrize("why", ["Forbidden", "NotFound"])
def test_account_without_admin_token_uses_reader_token(directory: Path, why: str) -> None:
    refusal = f"case $3 in *-admin) echo 'Error from server ({why}): $3' >&2; exit 1 ;; esac; echo"
    log = install_kubectl(directory, KUBECTL.replace("get) echo", f"get) {refusal}"))
    with connect("salon.mueller", None) as client:
        assert (client.token, client.secret) == ("token1", "salon/mueller-reader")
    secret, forward, _ = log.read_text().splitlines()
    assert secret.startswith("get secret mueller-reader -n salon ")
    assert forward.startswith("port-forward -n salon service/mueller-admin :8081")


@pytest.mark.parametrize(
    ("admin", "reader", "words"),
    [
        ("Forbidden", "Forbidden", "neither Secret b-admin nor b-reader.*you have no right.*has the Role"),
        ("Forbidden", "NotFound", "there is none"),  # the operator is of a release without readers
        ("NotFound", "Forbidden", "there is none"),
    ],
)
def test_account_without_any_token_learns_why(directory: Path, admin: str, reader: str, words: str) -> None:
    script = f'#!/bin/sh\n[ "$3" = b-admin ] && why={admin} || why={reader}\n'
    install_kubectl(directory, script + 'echo "Error from server ($why): $3" >&2; exit 1')
    with pytest.raises(RequestFailed, match=words), connect("a.b", None):
        pass


def test_demo_is_found_only_by_its_own_context(
    directory: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    demo, log = Path(write_demo_state(directory).kubeconfig), install_kubectl(directory)
    demo.parent.mkdir()
    write_kubeconfig(demo, "demo")
    production = write_kubeconfig(directory / "production", "prod", "test")
    monkeypatch.setattr(module, "_CHECKOUT", tmp_path_factory.mktemp("elsewhere"))
    monkeypatch.chdir(module._CHECKOUT)
    for files in ([demo, production], [production, demo]):
        monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, files)))
        with use_context("demo"), connect("a.b", None) as client:
            assert client.token == "demo-token"
        with use_context("prod"), connect("a.b", None) as client:
            assert client.token == "token1"
    assert "get secret b-admin -n a" in log.read_text()


FAILS = "#!/bin/sh\necho '{}' >&2; exit 1"
FORWARD_FAILS = "#!/bin/sh\n[ $1 = get ] && {{{{ printf dDE=; exit; }}}}\necho '{}'; exit 1"


@pytest.mark.parametrize(
    ("script", "said", "what_to_do"),
    [
        (FAILS, 'Error from server (NotFound): secrets "b-admin" not found', "kubectl get tenants.askproai.de -A"),
        (
            FAILS,
            'Error from server (Forbidden): secrets "b-admin" is forbidden',
            r"docs/how-to/command-line\.md has the Role",
        ),
        (FAILS, "The connection to the server prod:6443 was refused", r"context prod, https://prod:6443.*--context"),
        (FAILS, "Unable to connect to the server: dial tcp: lookup prod", "context prod, https://prod:6443"),
        (FORWARD_FAILS, "error: no running pods", "no running pods .context prod, https://prod:6443"),
        (FORWARD_FAILS, "error: error dialing backend: dial tcp: lookup local", r"demo are processes of this machine"),
    ],
)
def test_an_error_of_kubectl_says_what_to_do(
    directory: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str, what_to_do: str
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(directory / "config", "prod", "test")))
    install_kubectl(directory, script.format(said))
    with pytest.raises(RequestFailed, match=what_to_do) as failed, connect("a.b", None):
        pass
    assert said.rsplit(": ", maxsplit=1)[-1] in str(failed.value), "kubectl is quoted, too"


def test_unreachable_pod_is_explained_in_kubectls_words(directory: Path) -> None:
    said = 'echo "Forwarding from 127.0.0.1:40123 -> 8081"'
    later = r"printf 'Forwarding from 127.0.0.1:9 -> 8081\nerror: lost connection to pod\n'"
    assert said in KUBECTL
    script = KUBECTL.replace(said, later)
    install_kubectl(directory, script)
    with pytest.raises(RequestFailed, match="lost connection to pod"), connect("a.b", None) as client:
        client.request("GET", "circuits")


def test_credential_plugin_output_does_not_end_port_forward(directory: Path) -> None:
    said = 'echo "Forwarding from'
    script = KUBECTL.replace(said, f'echo "W1121 error: the token expires soon" >&2; echo; {said}')
    install_kubectl(directory, script)
    with connect("a.b", None) as client:
        assert client.url == "http://127.0.0.1:40123"
    with pytest.raises(Refused, match="of this request"), connect("a.b", None):
        raise Refused("of this request")


def test_plan_refuses_kubeconfig_together_with_context(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = str(write_kubeconfig(directory / "config", "prod", "test"))
    monkeypatch.setenv("KUBECONFIG", config)
    result = CliRunner().invoke(app, ["--context", "test", "plan", "-", "--kubeconfig", config], input="")
    assert result.exit_code == 2
    assert "set KUBECONFIG to this file" in " ".join(result.stderr.replace("│", "").split())


def test_context_option_applies_to_one_command_only(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = str(write_kubeconfig(directory / "config", "prod", "test"))
    monkeypatch.setenv("KUBECONFIG", config)
    first = "${{KUBECONFIG%%:*}}"
    log = install_kubectl(directory, f'#!/bin/sh\ncat "{first}" >> {{log}}; echo "dial tcp" >&2; exit 1')
    result = CliRunner().invoke(app, ["--context", "test", "circuits", "list", "-t", "a.b"])
    assert result.exit_code == 1
    assert "context test, https://test:6443" in result.stderr
    assert json.loads(log.read_text())["current-context"] == "test"
    assert os.environ["KUBECONFIG"] == config
    unknown = CliRunner().invoke(app, ["--context", "tset", "circuits", "list", "-t", "a.b"])
    assert unknown.exit_code == 2
    assert "there is: prod, test" in unknown.stderr


@pytest.mark.parametrize(
    ("url", "words"),
    [("http://127.0.0.1:9", "nothing listens there"), ("http://none.invalid", "its host is not known; check --url")],
)
def test_unanswering_address_is_reported_in_words(url: str, words: str) -> None:
    with pytest.raises(RequestFailed, match=words) as failed:
        PrivateApiClient(url, "t", "a/b-admin").request("GET", "circuits")
    assert "Error" not in str(failed.value)


@pytest.mark.parametrize("url", ["pod:8081", "pod", "ftp://pod"])
def test_text_that_is_no_address_is_misuse(url: str) -> None:
    with pytest.raises(typer.BadParameter, match=r"http://127\.0\.0\.1:8081"):
        PrivateApiClient(url, "t", "a/b-admin").request("GET", "circuits")


async def test_an_answer_without_an_end_is_refused(port: PrivatePort, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_MAX_ANSWER_BYTES", 100)
    port.answers = {"calls": "x" * 200}
    assert "ask for less" in (await port.run("calls", "list")).stderr


async def test_wrong_port_is_reported_as_not_private(port: PrivatePort) -> None:
    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="<html>")

    port.answers = {"circuits": page}
    assert "not the private port" in (await port.run("circuits", "list")).stderr


def test_a_malformed_tenant_name_is_misuse(directory: Path) -> None:
    with pytest.raises(typer.BadParameter), connect("salon", None):
        pass
