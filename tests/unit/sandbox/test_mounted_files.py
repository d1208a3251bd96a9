"""Mounted files change all at once, as with a kubelet."""

from pathlib import Path

import pytest

from askproai_sandbox.pods.pod import replace_files

pytestmark = pytest.mark.nightly


def test_mounted_files_are_added_changed_and_removed(tmp_path: Path) -> None:
    folder = tmp_path / "volume"
    replace_files(folder, {"a": b"1", "deep/b": b"1"})
    replace_files(folder, {"deep/b": b"2", "c": b"2"})
    assert (folder / "deep" / "b").read_bytes() == (folder / "c").read_bytes() == b"2"
    assert not (folder / "a").exists()
    assert len([entry for entry in folder.iterdir() if entry.is_dir() and not entry.is_symlink()]) == 1
    assert (folder / "..data").readlink().name.startswith("..")
    assert (folder / "c").stat().st_mode & 0o077 == 0
