"""Login by a kubeconfig's program: the program's input, its permitted answers, and the message when it fails."""

import base64
import json
import os
import ssl
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from askproai_cli.credential_plugin import CredentialPlugin, LoginFailed
from askproai_core.kube import AccessError, ExecUser, read_access
from tests.worlds.certificates import new_certificate
from tests.worlds.clock import FixedClock
from tests.worlds.typed_commands import TENANT, kubeconfig_of, run

V1 = "client.authentication.k8s.io/v1"
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


def credential(version: str = V1, **status: str) -> str:
    return json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status})


class Plugin:
    """A program in a folder of its own, which records its input and prints an answer."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, FixedClock(NOW)
        self.tls = ssl.create_default_context()
        self.write(f"sys.stdout.write(open({str(folder / 'answer')!r}).read())")

    def write(self, program: str) -> None:
        note = "json.dump([sys.argv[1:], dict(os.environ), sys.stdin.read()], open(sys.argv[0] + '.note', 'w'))"
        file = self.folder / "plugin"
        file.write_text(f"#!{sys.executable}\nimport json, os, sys, time\n{note}\n{program}\n")
        file.chmod(0o755)

    def login(
        self, *, timeout_seconds: float = 60, cluster: dict[str, Any] | None = None, **section: Any
    ) -> CredentialPlugin:
        section = {"apiVersion": V1, "command": "./plugin", "interactiveMode": "IfAvailable"} | section
        user = ExecUser(section, self.folder, {"server": "https://k:6443"} | (cluster or {}))
        return CredentialPlugin(user, self.tls, self.clock, timeout_seconds)

    def answer(self, text: str) -> None:
        (self.folder / "answer").write_text(text)

    @property
    def given(self) -> tuple[list[str], dict[str, str], str]:
        """The arguments, variables and standard input that the plugin was run with."""
        arguments, variables, read = json.loads((self.folder / "plugin.note").read_text())
        return arguments, variables, read


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    return Plugin(tmp_path)


@pytest.mark.parametrize("version", [V1, f"{V1}beta1"])
def test_credential_program_gets_its_arguments_and_returns_token(plugin: Plugin, version: str) -> None:
    plugin.answer(credential(version, token="t"))
    login = plugin.login(
        apiVersion=version, args=["eks", "get-token"], env=[{"name": "AWS_PROFILE", "value": "prod"}], installHint=None
    )
    assert login.authorization() == "Bearer t"
    arguments, variables, read = plugin.given
    assert (arguments, variables["AWS_PROFILE"], read) == (["eks", "get-token"], "prod", "")
    assert variables["PATH"] == os.environ["PATH"], "with the variables of the person"
    told = json.loads(variables["KUBERNETES_EXEC_INFO"])
    assert told == {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}}


def test_credential_program_gets_cluster_data_only_if_declared(plugin: Plugin) -> None:
    plugin.answer(credential(token="t"))
    extensions = [{"name": "other"}, {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "a"}}]
    cluster = {"certificate-authority-data": "Y2E=", "tls-server-name": "k", "extensions": extensions}
    plugin.login(cluster=cluster, provideClusterInfo=True).authorization()
    told = json.loads(plugin.given[1]["KUBERNETES_EXEC_INFO"])["spec"]["cluster"]
    assert told == {
        "server": "https://k:6443", "certificate-authority-data": "Y2E=", "tls-server-name": "k", "config": {"audience": "a"}
    }  # fmt: skip


def test_program_without_a_folder_is_found_on_path(plugin: Plugin, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin.answer(credential(token="t"))
    with pytest.raises(LoginFailed, match=r"plugin, which is not on the PATH\. Install it by: brew install plugin"):
        plugin.login(command="plugin", installHint="Install it by: brew install plugin").authorization()
    monkeypatch.setenv("PATH", f"{plugin.folder}{os.pathsep}{os.environ['PATH']}")
    assert plugin.login(command="plugin").authorization() == "Bearer t"


def test_program_runs_again_only_after_its_credential_expires(plugin: Plugin) -> None:
    plugin.answer(credential(token="first", expirationTimestamp="2026-11-20T10:14:00+01:00"))
    login = plugin.login()
    assert login.authorization() == "Bearer first"
    plugin.answer(credential(token="second"))
    plugin.clock.advance(timedelta(minutes=13))
    assert login.authorization() == "Bearer first"
    plugin.clock.advance(timedelta(minutes=1))
    assert login.authorization() == "Bearer second"
    plugin.answer(credential(token="third"))
    plugin.clock.advance(timedelta(days=1))
    assert login.authorization() == "Bearer second", "without an expiry it is used to the end"


async def test_programs_client_certificate_is_shown_to_the_server(plugin: Plugin) -> None:
    key, certificate = new_certificate()
    plugin.answer(credential(clientCertificateData=certificate.decode(), clientKeyData=key.decode()))
    plugin.tls = ssl.create_default_context(cadata=certificate.decode())
    (plugin.folder / "server.pem").write_bytes(certificate + key)
    demanding = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=certificate.decode())
    demanding.load_cert_chain(plugin.folder / "server.pem")
    demanding.verify_mode = ssl.CERT_REQUIRED

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="seen")

    application = web.Application()
    application.router.add_get("/", answer)
    server = TestServer(application, host="127.0.0.1", scheme="https")
    await server.start_server(ssl=demanding)
    assert plugin.login().authorization() is None
    async with ClientSession() as session, session.get(server.make_url("/"), ssl=plugin.tls) as response:
        assert await response.text() == "seen"
    await server.close()


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("print('a'); print('Unable to locate credentials', file=sys.stderr); sys.exit(255)",
         r"\./plugin ended with exit status 255: Unable to locate credentials"),
        ("sys.exit(1)", "ended with exit status 1, and does not say why"),
        ("print('You are logged in')", "printed no ExecCredential: JSON is malformed"),
        ("print('{}')", "printed no ExecCredential: Object missing required field `apiVersion`"),
        (f"print({credential()!r})", "gives neither a token nor a client certificate with its key"),
        (f"print({credential(clientCertificateData='x')!r})", "gives neither a token nor a client certificate with its key"),
        (f"print({credential(clientCertificateData='x', clientKeyData='y')!r})", "client certificate that cannot be used"),
        (f"print({credential(V1 + 'beta1', token='t')!r})", "answers with .*v1beta1, and the kubeconfig asks for .*v1:"),
        ("time.sleep(60)", "has given no credential within 0.5 s: run `kubectl auth whoami`"),
    ],
)  # fmt: skip
def test_a_login_that_fails_says_why(plugin: Plugin, program: str, said: str) -> None:
    plugin.write(program)
    with pytest.raises(LoginFailed, match=said):
        plugin.login(timeout_seconds=0.5 if "sleep" in program else 60).authorization()


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"command": "./none"}, r"logs in by \./none, which is no program"),
        ({"apiVersion": f"{V1}alpha1"}, "v1alpha1, which Kubernetes has removed: write it anew for .*/v1, such as by"),
        ({"interactiveMode": "Always"}, "has to ask you something .* standard input is no terminal"),
        ({"env": [{"value": "1"}]}, r"cannot be used: Object missing required field `name` - at `\$.env"),
    ],
)
def test_unusable_exec_section_says_why(plugin: Plugin, section: dict[str, Any], said: str) -> None:
    with pytest.raises(LoginFailed, match=said):
        plugin.login(**section).authorization()


def test_plan_names_the_cluster_without_login_with_advice(tmp_path: Path) -> None:
    hint = "Install it: https://example.org/gke"
    section = {"apiVersion": V1, "command": "no-such-plugin", "installHint": hint}
    (tmp_path / "config").write_text(kubeconfig_of({"exec": section}))
    result = run("plan", "-", "--kubeconfig", str(tmp_path / "config"), stdin=TENANT)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.strip() == (
        "no login at the cluster (context prod, https://127.0.0.1:9): the kubeconfig logs in by no-such-plugin, which is not on "
        f"the PATH. {hint}; `askproai lint` checks manifests without a cluster"
    )


def test_unneeded_credential_program_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(kubeconfig_of({"token": "t", "exec": {"command": "aws"}}))
    result = run("plan", "-", "--kubeconfig", str(tmp_path / "config"), stdin=TENANT)
    assert "the cluster does not answer" in result.stderr


def test_no_other_process_runs_a_kubeconfigs_program(tmp_path: Path, plugin: Plugin) -> None:
    plugin.answer(credential(token="t"))
    (tmp_path / "config").write_text(kubeconfig_of({"exec": {"apiVersion": V1, "command": "./plugin"}}))
    with pytest.raises(
        AccessError, match=r"logs in by a program \(exec\), and this process runs none: use .* a service account"
    ):
        read_access(tmp_path / "config")
    assert not (tmp_path / "plugin.note").exists()


def test_ca_file_is_passed_to_program_as_data(plugin: Plugin, tmp_path: Path) -> None:
    authority = new_certificate()[1]
    (tmp_path / "ca.crt").write_bytes(authority)
    plugin.answer(credential(token="t"))
    config = json.loads(kubeconfig_of({"exec": {"apiVersion": V1, "command": "./plugin", "provideClusterInfo": True}}))
    config["clusters"][0]["cluster"]["certificate-authority"] = "ca.crt"
    (tmp_path / "config").write_text(json.dumps(config))
    run("plan", "-", "--kubeconfig", str(tmp_path / "config"), stdin=TENANT)
    told = json.loads(plugin.given[1]["KUBERNETES_EXEC_INFO"])["spec"]["cluster"]
    assert base64.b64decode(told["certificate-authority-data"]) == authority
