"""Mounted files that change under a running process: the tenant's config and its credentials.

A kubelet swaps the symlink `..data`; the pod runner of the demo does the same. We poll `stat`, which follows links and works on
every file system: inotify notices neither an overlay nor the swap of a link's target.
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

_Fingerprint = tuple[int, int, int]


class ConfigUnreadable(Exception):
    """The config file is absent or is no TenantConfig; the message names the file and the path of the wrong value."""


def _fingerprint(path: Path) -> _Fingerprint | None:
    """Return modification time, inode and size, which change with the file; None if it is absent."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size


class LiveConfig:
    """The config in use. The constructor reads the file (raises `ConfigUnreadable`); `watch` follows its changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = _fingerprint(path)
        self.rejected: str | None = None  # why the present file is not in use
        self.current, self.hash = self._read()

    def now(self) -> TenantConfig:
        """Return the config in use; as a callable, for those who must not keep an old one."""
        return self.current

    async def watch(
        self, stop: asyncio.Event, on_change: Callable[[str], None], on_rejected: Callable[[], None]
    ) -> None:
        """Re-read the file within a second of a change, until `stop`. An unreadable file leaves the last good config in use.

        `on_change` is called with the hash in use, at first and after each change; `on_rejected` for each unreadable file.
        """
        on_change(self.hash)
        while not stop.is_set():
            fingerprint = _fingerprint(self._path)
            if fingerprint != self._seen:
                self._seen = fingerprint
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
            text = f"{self._path}: {error}; keep the file as `encode(TenantConfig)` writes it"
            raise ConfigUnreadable(text) from error


class Credentials:
    """The secret files of one mounted directory. An absent or empty file is an absent credential.

    Each `get` costs one `stat`, so that a rotated key is used from the next request on, without a watch.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._values: dict[str, tuple[_Fingerprint, str]] = {}
        self._names: tuple[_Fingerprint | None, tuple[str, ...]] = (None, ())

    def get(self, name: str) -> str | None:
        """Return a file's text without surrounding blanks, or None."""
        path = self.directory / name
        fingerprint = _fingerprint(path)
        if fingerprint is None:
            return None
        cached = self._values.get(name)
        if cached is None or cached[0] != fingerprint:
            try:
                cached = (fingerprint, path.read_text(encoding="utf-8").strip())
            except FileNotFoundError:  # swapped away between stat and read
                return None
            except (OSError, UnicodeDecodeError):
                log.exception("credential.unreadable", name=name, todo="make it a readable file of UTF-8 text")
                return None
            self._values[name] = cached
        return cached[1] or None

    def all(self, prefix: str) -> tuple[str, ...]:
        """Return the values of all files whose names start with `prefix`, ordered by name."""
        fingerprint = _fingerprint(self.directory)
        if fingerprint is None:
            return ()
        # Swapping ..data and adding or removing a file all change the directory itself.
        if self._names[0] != fingerprint:
            self._names = (fingerprint, tuple(sorted(entry.name for entry in self.directory.iterdir())))
        values = (self.get(name) for name in self._names[1] if name.startswith(prefix))
        return tuple(value for value in values if value is not None)
