"""Config and credentials follow their mounted files, which a kubelet swaps."""

import asyncio
import os
from pathlib import Path
from unittest.mock import Mock

import pytest

from askproai_core.tenant_config import encode
from askproai_core.tenant_config.config import config_hash
from askproai_runtime.watched_files import POLL_SECONDS, ConfigUnreadable, Credentials, LiveConfig
from tests.worlds.compiled_salon import salon_config
from tests.worlds.waiting import SOON, eventually


def swap(folder: Path, files: dict[str, str]) -> None:
    """Replace a mounted folder's content as a kubelet does: a new directory, then the link `..data` in one rename."""
    generation = folder / f"..{len(list(folder.iterdir()))}"
    generation.mkdir()
    for name, text in files.items():
        (generation / name).write_text(text)
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(Path("..data") / name)
    (folder / "..next").symlink_to(generation.name)
    os.replace(folder / "..next", folder / "..data")  # noqa: PTH105 - the kubelet's own call


async def test_changed_config_is_in_use_within_a_second(tmp_path: Path) -> None:
    assert POLL_SECONDS <= 0.5, "so often is the file looked at"
    swap(tmp_path, {"tenant.json": encode(salon_config())})
    live = LiveConfig(tmp_path / "tenant.json")
    hashes: list[str] = []
    rejected: list[bool] = []
    stop = asyncio.Event()
    watching = asyncio.create_task(live.watch(stop, hashes.append, lambda: rejected.append(True)))
    await eventually(lambda: bool(hashes))
    changed = live.next_change()
    assert not changed.is_set()

    swap(tmp_path, {"tenant.json": encode(salon_config(display_name="Neu"))})
    await eventually(lambda: live.current.display_name == "Neu", SOON)
    assert changed.is_set(), "who has taken the event before a change misses none"
    assert not live.next_change().is_set()
    assert hashes == [config_hash(encode(salon_config())), live.hash]

    for bad in ("{", "{}", '{"tenant": 7}', "\udcff"):
        swap(tmp_path, {"tenant.json": bad.encode("utf-8", "replace").decode()})
        before = len(rejected)
        await eventually(lambda seen=before: len(rejected) > seen, SOON)
        assert live.current.display_name == "Neu", "a broken file leaves the last good config in use"
        assert live.rejected

    swap(tmp_path, {"tenant.json": encode(salon_config(display_name="Wieder"))})
    await eventually(lambda: live.current.display_name == "Wieder", SOON)
    assert live.rejected is None
    stop.set()
    await watching


@pytest.mark.parametrize("text", [None, "", "{}"])
def test_a_process_does_not_start_without_a_config(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "tenant.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigUnreadable, match=r"tenant\.json"):
        LiveConfig(path)


def test_changed_credential_files_are_reread(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path / "later")
    assert credentials.get("retell-api-key") is None
    assert credentials.all("retell-") == ()
    folder = tmp_path / "later"
    folder.mkdir()
    swap(folder, {"retell-api-key": "key_1\n", "retell-webhook-key-0": "old_0", "retell-webhook-key-1": ""})
    assert credentials.get("retell-api-key") == "key_1"
    assert credentials.all("retell-webhook-key-") == ("old_0",)
    swap(folder, {"retell-api-key": "key_2", "retell-webhook-key-0": "old_9", "retell-webhook-key-2": "new"})
    assert credentials.get("retell-api-key") == "key_2"
    assert credentials.all("retell-webhook-key-") == ("old_9", "new")


def test_signature_check_resolves_the_mount_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a system call, for each request."""
    credentials, readlink = Credentials(tmp_path), Mock(wraps=os.readlink)
    swap(tmp_path, {"retell-api-key": "key_1", "retell-webhook-key-0": "old_0", "stripe-webhook-secret": "whsec"})
    monkeypatch.setattr(os, "readlink", readlink)
    assert credentials.all("retell-webhook-key-", "retell-api-key") == ("old_0", "key_1")
    readlink.assert_called_once()


def test_credential_files_are_loaded_once_per_swap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []
    read_text = Path.read_text

    def count(path: Path, *args: str, **options: str) -> str:
        reads.append(path.name)
        return read_text(path, *args, **options)

    monkeypatch.setattr(Path, "read_text", count)
    credentials = Credentials(tmp_path)
    for number in range(2):
        swap(tmp_path, {"retell-api-key": f"key_{number}", "retell-webhook-key-0": "further"})
        for _ in range(3):
            assert credentials.get("retell-api-key") == f"key_{number}"
            assert credentials.get("FORMER_KEYS") is None
            assert credentials.all("retell-webhook-key-") == ("further",)
    assert sorted(reads) == sorted(2 * ["retell-api-key", "FORMER_KEYS", "retell-webhook-key-0"])


def test_credential_without_its_link_is_read_from_mount(tmp_path: Path) -> None:
    swap(tmp_path, {"a": "1"})
    credentials = Credentials(tmp_path)
    assert credentials.get("b") is None
    swap(tmp_path, {"a": "1", "b": "2"})
    (tmp_path / "b").unlink()
    assert credentials.get("b") == "2"
    assert credentials.all("b") == ("2",)


def test_failed_read_of_a_mounted_file_is_retried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swap(tmp_path, {"a": "1"})
    credentials = Credentials(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", Mock(side_effect=OSError("too many open files")))
        assert credentials.get("a") is None
    assert credentials.get("a") == "1"


def test_a_rewritten_plain_file_is_read_again(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path)
    (tmp_path / "a-1").write_text("one")
    assert credentials.all("a-") == ("one",)
    (tmp_path / "a-1").write_text("other")
    assert credentials.all("a-") == ("other",)
    (tmp_path / "a-1").unlink()
    assert credentials.all("a-") == ()
