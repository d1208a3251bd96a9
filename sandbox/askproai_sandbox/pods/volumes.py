"""Mounted files, swapped as a kubelet does: all of them at once, by one rename of the link `..data`."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path


def replace_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make `files` (path in the volume → content) what a reader of `folder` sees; the old files go afterwards.

    `folder/name` is a link to `..data/name`, and `..data` a link to the folder that holds this generation.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    data = folder / "..data"
    before = data.readlink() if data.is_symlink() else None
    fresh = Path(tempfile.mkdtemp(prefix="..", dir=folder))
    for name, content in files.items():
        target = fresh / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch(mode=0o600)
        target.write_bytes(content)
    draft = folder / "..data_tmp"
    draft.unlink(missing_ok=True)
    draft.symlink_to(fresh.name)
    draft.replace(data)
    shown = {Path(name).parts[0] for name in files}
    for name in shown:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(Path("..data") / name)
    for entry in folder.iterdir():
        if not entry.name.startswith("..") and entry.name not in shown:
            entry.unlink()
    if before is not None:
        shutil.rmtree(folder / before, ignore_errors=True)
