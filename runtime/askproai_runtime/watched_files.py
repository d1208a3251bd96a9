"""Mounted files that change under a running process: the tenant's config, and its credentials.

A kubelet swaps the symlink `..data`; the pod runner of the demo does the same. We poll `stat`, which follows links and works
on every file system: inotify sees neither an overlay nor the swap of a link's target.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import structlog

from askproai_core.lifecycle import sleep_until_stopped
from askproai_core.tenant_config import TenantConfig, config_hash, decode

log = structlog.get_logger(__name__)
POLL_SECONDS = 0.25

_Stamp = tuple[int, int, int]


class ConfigUnreadable(Exception):
    """The config file is absent or is no TenantConfig; the message names the file and the wrong value's path."""


def _stamp(path: Path) -> _Stamp | None:
    """Give what changes when the file does, or None when it is absent."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


class LiveConfig:
    """The config in use. Reads the file at once (raises `ConfigUnreadable`); `watch` follows its changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = _stamp(path)
        self.rejected: str | None = None  # why the file that lies there now is not in use
        self.current, self.hash = self._read()

    def now(self) -> TenantConfig:
        return self.current

    async def watch(
        self, stop: asyncio.Event, on_change: Callable[[str], None], on_rejected: Callable[[], None]
    ) -> None:
        """Re-read the file within a second of a change, until `stop`. A bad file leaves the last good config in use.

        `on_change` gets the hash in use, now and after each change; `on_rejected` is called for each bad file.
        """
        on_change(self.hash)
        while not stop.is_set():
            stamp = _stamp(self._path)
            if stamp != self._seen:
                self._seen = stamp
                try:
                    self.current, self.hash = self._read()
                except ConfigUnreadable as error:
                    self.rejected = str(error)
                    on_rejected()
                    log.exception("config.rejected", error=self.rejected, kept=self.hash)
                else:
                    self.rejected = None
                    on_change(self.hash)
                    log.info("config.loaded", hash=self.hash)
            await sleep_until_stopped(stop, POLL_SECONDS)

    def _read(self) -> tuple[TenantConfig, str]:
        try:
            text = self._path.read_text(encoding="utf-8")
            return decode(text), config_hash(text)
        except (OSError, UnicodeDecodeError, msgspec.DecodeError) as error:
            raise ConfigUnreadable(
                f"{self._path}: {error}; keep the file as `encode(TenantConfig)` writes it"
            ) from error


class Credentials:
    """The secret files of one mounted directory. An absent or empty file is an absent credential.

    Each `get` costs one `stat`, so that a rotated key works with the next request and nothing has to be watched.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._values: dict[str, tuple[_Stamp, str]] = {}
        self._names: tuple[_Stamp | None, tuple[str, ...]] = (None, ())

    def get(self, name: str) -> str | None:
        path = self.directory / name
        stamp = _stamp(path)
        if stamp is None:
            return None
        known = self._values.get(name)
        if known is None or known[0] != stamp:
            try:
                known = (stamp, path.read_text(encoding="utf-8").strip())
            except FileNotFoundError:  # swapped away between stat and read
                return None
            except (OSError, UnicodeDecodeError):
                log.exception("credential.unreadable", name=name, todo="make it a readable file of UTF-8 text")
                return None
            self._values[name] = known
        return known[1] or None

    def all(self, prefix: str) -> tuple[str, ...]:
        """Give the values of all files whose names start with `prefix`, ordered by name."""
        stamp = _stamp(self.directory)
        if stamp is None:
            return ()
        if self._names[0] != stamp:  # a swap of ..data, a new and a removed file all change the directory itself
            self._names = (stamp, tuple(sorted(entry.name for entry in self.directory.iterdir())))
        found = (self.get(name) for name in self._names[1] if name.startswith(prefix))
        return tuple(value for value in found if value is not None)
