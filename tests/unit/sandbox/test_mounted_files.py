"""Mounted files change all at once, as with a kubelet."""

import threading
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


def test_reader_of_mounted_files_sees_no_half_change(tmp_path: Path) -> None:
    replace_files(tmp_path, {"a": b"0", "b": b"0"})
    stop = threading.Event()

    def write() -> None:
        for number in range(300):
            content = str(number).encode()
            replace_files(tmp_path, {"a": content, "b": content})
        stop.set()

    writer = threading.Thread(target=write)
    writer.start()
    reads = 0
    while not stop.is_set():
        generation = (tmp_path / "..data").resolve()
        try:
            assert (generation / "a").read_bytes() == (generation / "b").read_bytes()
        except FileNotFoundError:  # the generation was deleted meanwhile: a reader starts again
            continue
        reads += 1
    writer.join()
    assert reads > 0
