"""Mounted files change all at once, as with a kubelet."""

import threading
from pathlib import Path

import pytest

from askproai_sandbox.pods.pod import replace_files

pytestmark = pytest.mark.nightly


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
