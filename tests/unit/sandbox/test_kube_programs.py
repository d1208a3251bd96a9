"""The Kubernetes programs: from KUBE_BIN, out of the wheel, or built once."""

import subprocess
import sys
from pathlib import Path

import pytest

from askproai_sandbox.programs import PARTS, ProgramError, control_plane, link_kubectl, packaged_program, program_folder
from askproai_sandbox.programs import go_build as module

SANDBOX = Path(__file__).parents[3] / "sandbox"

pytestmark = pytest.mark.nightly


async def test_kube_bin_is_used_as_it_is(tmp_path: Path) -> None:
    for part in PARTS:
        (tmp_path / part).touch(mode=0o755)
    assert await program_folder(print, {"KUBE_BIN": str(tmp_path)}) == tmp_path


async def test_an_incomplete_kube_bin_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "etcd").touch(mode=0o755)
    with pytest.raises(ProgramError, match="no kube-apiserver, kube-controller-manager, kube-scheduler, kubectl"):
        await program_folder(print, {"KUBE_BIN": str(tmp_path)})


async def test_without_go_the_message_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.shutil, "which", lambda _name: None)
    with pytest.raises(ProgramError, match=r"install it \(https://go.dev/dl\), or set KUBE_BIN"):
        await program_folder(print, {"XDG_CACHE_HOME": str(tmp_path)})
    assert [entry.name for entry in (tmp_path / "askproai").rglob("*") if entry.is_file()] == []


def test_the_control_plane_is_built_without_any_package(tmp_path: Path) -> None:
    """It is built while the packages are installed. KUBE_BIN ends the command before it builds."""
    command = [sys.executable, "-S", "-m", "askproai_sandbox.programs"]
    subprocess.run(command, env={"PYTHONPATH": str(SANDBOX), "KUBE_BIN": str(tmp_path)}, check=True)


@pytest.mark.parametrize(("name", "version"), [("kubectl", "v1.34"), ("helm", "v4")])
def test_a_program_of_the_wheel_runs(name: str, version: str, tmp_path: Path) -> None:
    program = packaged_program(name, {"XDG_CACHE_HOME": str(tmp_path)})
    assert program is not None
    command = [str(program), "version", *(["--client"] if name == "kubectl" else [])]
    assert version in subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert packaged_program(name, {"XDG_CACHE_HOME": str(tmp_path)}) == program


def test_kubectl_is_linked_beside_askproai_and_an_existing_one_stays(tmp_path: Path) -> None:
    old, new, commands = (tmp_path / name for name in ("old", "new", "bin"))
    for folder in (old, new, commands):
        folder.mkdir()
        (folder / "kubectl").write_text(folder.name)
    link_kubectl(new, commands)
    assert (commands / "kubectl").read_text() == "bin"
    (commands / "kubectl").unlink()
    for folder in (old, new):
        link_kubectl(folder, commands)
        assert (commands / "kubectl").read_text() == folder.name
    (new / "kubectl").unlink()
    link_kubectl(old, commands)
    assert (commands / "kubectl").read_text() == "old", "a link whose program was deleted is replaced"


GO = """#!/bin/sh
echo "go: downloading k8s.io/kubernetes v1.34.4" >&2
echo "k8s.io/api/core/v1" >&2
sleep 0.3
while [ "$1" != -o ]; do shift; done
touch "$2"
"""


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a compiler in the place of Go's that writes an empty program."""
    compiler = tmp_path / "go"
    compiler.write_text(GO)
    compiler.chmod(0o755)
    monkeypatch.setattr(module.shutil, "which", lambda _name: str(compiler))
    monkeypatch.setattr(module, "REPORT_INTERVAL_SECONDS", 0.1)


async def test_a_cold_build_says_once_how_long_it_takes_and_then_how_far_it_is(go: None, tmp_path: Path) -> None:
    """The first run builds the control plane (about 5 minutes on 2 cores), and reports that and its progress."""
    reports: list[str] = []
    folder = await program_folder(reports.append, {"XDG_CACHE_HOME": str(tmp_path)})
    assert {entry.name for entry in folder.iterdir()} == {"kube", *PARTS}
    assert (folder / "kubectl").resolve() == packaged_program("kubectl", {"XDG_CACHE_HOME": str(tmp_path)})
    assert sum("about 5 min on 2 cores" in line for line in reports) == 1
    assert any("1 modules downloaded, 1 of about 2400 packages compiled" in line for line in reports)
    assert reports[-1] == "control plane: built"
    second_reports: list[str] = []
    assert await program_folder(second_reports.append, {"XDG_CACHE_HOME": str(tmp_path)}) == folder
    assert second_reports == []


async def test_kubectl_is_built_where_the_wheel_has_none(
    go: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_plane, "packaged_program", lambda *_: None)
    reports: list[str] = []
    folder = await program_folder(reports.append, {"XDG_CACHE_HOME": str(tmp_path)})
    assert reports[-1] == "kubectl: built"
    assert (folder / "kubectl").exists()


async def test_a_failed_build_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = tmp_path / "go"
    go.write_text("#!/bin/sh\necho 'no space left on device' >&2; exit 1")
    go.chmod(0o755)
    monkeypatch.setattr(module.shutil, "which", lambda _name: str(go))
    with pytest.raises(ProgramError, match="no space left on device"):
        await program_folder(print, {"XDG_CACHE_HOME": str(tmp_path)})
