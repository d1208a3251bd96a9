"""Read mounted files that change under a running process: the tenant's config and its credentials.

A kubelet swaps the symlink `..data`; the pod runner of the demo does the same. We poll `stat`, which follows links and works on
every file system: inotify notices neither an overlay nor the swap of a link's target.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import structlog

from askproai_core.lifecycle import sleep_until_stopped
from askproai_core.tenant_config import TenantConfig, decode
from askproai_core.tenant_config.config import config_hash

log = structlog.get_logger(__name__)
POLL_SECONDS = 0.25

_Fingerprint = tuple[int, int, int]


class ConfigUnreadable(Exception):
    """The config file is absent or is no TenantConfig. The message names the file and the path of the wrong value."""


def _fingerprint(path: Path) -> _Fingerprint | None:
    """Return a file's modification time, inode and size, which change with the file; None if it is absent."""
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
        self._next_change = asyncio.Event()
        self.rejected: str | None = None  # why the present file is not in use
        self.current, self.hash = self._read()

    def now(self) -> TenantConfig:
        """Return the config in use. Pass this method to code that must not keep an old config."""
        return self.current

    def next_change(self) -> asyncio.Event:
        """Return an event that is set when another config is in use. Get it before you read the config, to miss no change."""
        return self._next_change

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
                    self._next_change.set()
                    self._next_change = asyncio.Event()
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

    A rotated key is used from the next request on, without a watch. A kubelet swaps all files in one step, by the link
    `..data`: the link's target is read at each use, and the files only after a change. Without the link, each use looks at the
    files.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._data = directory / "..data"
        self._link = str(self._data)
        self._generation: str | None = None  # the link's target at the last use, when the next two were read
        self._values: dict[str, str | None] = {}
        self._names: tuple[str, ...] | None = None
        self._plain: dict[str, tuple[_Fingerprint, str | None]] = {}

    def get(self, name: str) -> str | None:
        """Return a file's text without surrounding blanks; None if it is absent, empty or unreadable."""
        return self._get(name, swapped=self._follow_link())

    def all(self, *prefixes: str) -> tuple[str, ...]:
        """Return the values of all files whose names begin with one of `prefixes`, ordered by prefix as given, then by name."""
        swapped = self._follow_link()
        names = self._list_names(swapped=swapped)
        wanted = [name for prefix in prefixes for name in names if name.startswith(prefix)]
        return tuple([value for name in wanted if (value := self._get(name, swapped=swapped)) is not None])

    def files(self, is_wanted: Callable[[str], bool]) -> dict[str, str]:
        """Return the values of the files whose names `is_wanted` accepts, keyed by file name."""
        swapped = self._follow_link()
        wanted = filter(is_wanted, self._list_names(swapped=swapped))
        return {name: value for name in wanted if (value := self._get(name, swapped=swapped)) is not None}

    def _list_names(self, *, swapped: bool) -> tuple[str, ...]:
        names = self._names
        if names is None or not swapped:
            try:
                names = _list(self._data if swapped else self.directory)
            except FileNotFoundError:
                return ()
            self._names = names if swapped else None
        return names

    def _get(self, name: str, *, swapped: bool) -> str | None:
        try:
            if not swapped:
                return self._get_plain(name)
            if name not in self._values:
                # Through the link: a kubelet adds the name to the directory itself only after the swap.
                self._values[name] = _read(self._data / name)
            return self._values[name]
        except (OSError, UnicodeDecodeError):
            log.exception("credential.unreadable", name=name, todo="make it a readable file of UTF-8 text")
            return None

    def _follow_link(self) -> bool:
        """Forget the cached values if the link `..data` has changed since they were read. Returns False if there is no link."""
        try:
            generation = os.readlink(self._link)  # noqa: PTH115  half the time of `Path.readlink`, some times for each request
        except OSError:
            return False
        if generation != self._generation:
            self._generation, self._values, self._names = generation, {}, None
        return True

    def _get_plain(self, name: str) -> str | None:
        path = self.directory / name
        fingerprint = _fingerprint(path)
        if fingerprint is None:
            return None
        cached = self._plain.get(name)
        if cached is None or cached[0] != fingerprint:
            cached = self._plain[name] = fingerprint, _read(path)
        return cached[1]


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None


def _list(directory: Path) -> tuple[str, ...]:
    return tuple(sorted(entry.name for entry in directory.iterdir()))
