"""Access to the API server: each kind of kubeconfig that we promise to read, and the pod's own service account."""

import base64
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from askproai_core.kube import AccessError, read_access, read_kubeconfigs


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """A certificate and its key, both in PEM."""
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    subprocess.run([*command.split(), "-keyout", "key", "-out", "crt"], cwd=folder, check=True, capture_output=True)
    return (folder / "crt").read_bytes(), (folder / "key").read_bytes()


def kubeconfig(folder: Path, cluster: dict[str, Any], user: dict[str, Any]) -> Path:
    file = folder / "config"
    sections = {
        "clusters": [
            {"name": "other", "cluster": {}},
            {"name": "c", "cluster": {"server": "https://k:6443/"} | cluster},
        ],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
    }
    file.write_text(yaml.safe_dump(sections | {"apiVersion": "v1", "kind": "Config", "current-context": "x"}))
    return file


def test_kubeconfig_token_and_authority_are_used(tmp_path: Path, pair: tuple[bytes, bytes]):
    data = {"certificate-authority-data": base64.b64encode(pair[0]).decode()}
    access = read_access(kubeconfig(tmp_path, data, {"token": "t"}))
    assert (access.server, access.authorization()) == ("https://k:6443", "Bearer t")
    assert access.tls.verify_mode is ssl.CERT_REQUIRED
    assert len(access.tls.get_ca_certs()) == 1


def test_kubeconfigs_neighbour_files_and_rotating_tokens_are_read(tmp_path: Path, pair: tuple[bytes, bytes]):
    (tmp_path / "ca.crt").write_bytes(pair[0])
    (tmp_path / "token").write_text("first\n")
    file = kubeconfig(tmp_path, {"certificate-authority": "ca.crt"}, {"tokenFile": "token"})
    access = read_access(None, {"KUBECONFIG": str(file)})
    assert access.authorization() == "Bearer first"
    (tmp_path / "token").write_text("second\n")
    assert access.authorization() == "Bearer second"


def test_client_certificate_replaces_a_token(tmp_path: Path, pair: tuple[bytes, bytes]):
    crt, key = (base64.b64encode(part).decode() for part in pair)
    access = read_access(kubeconfig(tmp_path, {}, {"client-certificate-data": crt, "client-key-data": key}))
    assert access.authorization() is None


def test_kubeconfig_may_disable_tls_verification(tmp_path: Path):
    access = read_access(kubeconfig(tmp_path, {"insecure-skip-tls-verify": True}, {"token": "t"}))
    assert access.tls.verify_mode is ssl.CERT_NONE


def test_pod_uses_its_account_and_rereads_its_token(tmp_path: Path, pair, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("askproai_core.kube.access._SERVICE_ACCOUNT", tmp_path)
    (tmp_path / "ca.crt").write_bytes(pair[0])
    (tmp_path / "token").write_text("one")
    access = read_access(None, {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"})
    assert (access.server, access.authorization()) == ("https://[fd00::1]:443", "Bearer one")
    (tmp_path / "token").write_text("two")
    assert access.authorization() == "Bearer two"


@pytest.mark.parametrize("text", ["", "{", "clusters: []\ncurrent-context: x\ncontexts: []", None])
def test_missing_cluster_access_is_reported_with_the_remedy(tmp_path: Path, text: str | None):
    file = tmp_path / "broken"
    if text is not None:
        file.write_text(text)
    with pytest.raises(AccessError, match="set ASKPROAI_KUBECONFIG"):
        read_access(file)
    with pytest.raises(AccessError, match="no kubeconfig, and no service account of a pod: set ASKPROAI_KUBECONFIG"):
        read_access(None, {})


def test_several_kubeconfigs_are_merged_as_kubectl_does(tmp_path: Path, pair: tuple[bytes, bytes]):
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
    (tmp_path / "second/ca.crt").write_bytes(pair[0])
    chosen = tmp_path / "first/chosen"
    chosen.write_text("current-context: x\nclusters: null\n")
    second = kubeconfig(tmp_path / "second", {"certificate-authority": "ca.crt"}, {"token": "t"})
    other = second.with_name("other")
    other.write_text(second.read_text().replace("https://k:6443", "https://later:6443").replace("token: t", "token: u"))
    access = read_kubeconfigs([chosen, second, other])
    assert (access.server, access.authorization()) == ("https://k:6443", "Bearer t")
    assert len(access.tls.get_ca_certs()) == 1, "relative to the folder of its own file"
    listed = {"KUBECONFIG": f"{chosen}:{second}"}
    assert read_access(None, listed).server == "https://k:6443"


def test_basic_login_and_proxy_are_used(tmp_path: Path):
    file = kubeconfig(tmp_path, {"proxy-url": "http://proxy:3128"}, {"username": "anna", "password": "pässword"})
    access = read_kubeconfigs([file])
    assert access.authorization() == f"Basic {base64.b64encode('anna:pässword'.encode()).decode()}"
    assert access.proxy == "http://proxy:3128"


def test_missing_and_broken_kubeconfigs_are_reported_differently(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        read_kubeconfigs([tmp_path / "none"])
    (tmp_path / "broken").write_text("[1]")
    with pytest.raises(AccessError, match="the kubeconfig cannot be used"):
        read_kubeconfigs([tmp_path / "broken"])
