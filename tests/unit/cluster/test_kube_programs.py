"""Where the Kubernetes programs come from."""

from pathlib import Path

import pytest

from askproai_sandbox.cluster import ProgramError, program_folder
from askproai_sandbox.cluster import program as module
from askproai_sandbox.cluster.program import PARTS


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
    assert [entry.name for entry in (tmp_path / "askproai").rglob("*") if entry.is_file()] == [".lock"]
