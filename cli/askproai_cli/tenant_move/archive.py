"""The file of an exported tenant: a sequence of records encrypted with a passphrase.

A file begins with a line that names the format, the salt of the passphrase and the header of libsodium's secretstream. Each
record is its length (4 bytes, big endian) and its ciphertext. Reading fails if a record was changed, left out, repeated or
moved, or the last one is missing. A file is never incomplete: it is written under another name beside its place, and renamed at
the end.
"""

import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

# A format that earlier commands cannot read gets the next number.
FORMAT: Final = b"askproai-tenant-export 1\n"
_CHUNK: Final = 256 * 1024  # bytes of rows in a record, about
_LONGEST: Final = 256 * 1024 * 1024  # more than any row
_LENGTH_BYTES: Final = 4
_DOCUMENT, _ROWS = b"j", b"r"


class UnreadableFile(Exception):
    """A file is no export, is damaged, or was encrypted with another passphrase; the text says what to do."""


class Writer:
    """Writes the records of an export's file. `document` and `rows` may alternate; rows belong to the document before them."""

    def __init__(self, file: BinaryIO, passphrase: str) -> None:
        from nacl import bindings
        from nacl.utils import random

        salt = random(bindings.crypto_pwhash_SALTBYTES)
        self._file, self._state = file, bindings.crypto_secretstream_xchacha20poly1305_state()
        header = bindings.crypto_secretstream_xchacha20poly1305_init_push(self._state, _derive(passphrase, salt))
        self._file.write(FORMAT + salt + header)
        self._waiting = bytearray()

    def document(self, content: dict[str, Any], *, is_last: bool = False) -> None:
        """Write a JSON document as a record. With `is_last` it ends the file."""
        self._flush()
        self._push(_DOCUMENT + json.dumps(content, ensure_ascii=False).encode(), is_last=is_last)

    async def rows(self, content: bytes) -> None:
        """Write a record with bytes of the rows of one table."""
        self._waiting += content
        if len(self._waiting) >= _CHUNK:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._push(_ROWS + bytes(self._waiting))
            self._waiting.clear()

    def _push(self, record: bytes, *, is_last: bool = False) -> None:
        from nacl import bindings

        last, more = (
            bindings.crypto_secretstream_xchacha20poly1305_TAG_FINAL,
            bindings.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE,
        )
        encrypted = bindings.crypto_secretstream_xchacha20poly1305_push(
            self._state, record, tag=last if is_last else more
        )
        self._file.write(len(encrypted).to_bytes(_LENGTH_BYTES) + encrypted)


@contextmanager
def open_writer(path: Path, passphrase: str) -> Iterator[Writer]:
    """Yield a writer of the file `path`, readable by its owner only. The file appears when the block ends without an error."""
    beside = path.with_name(f".{path.name}.part")
    beside.unlink(missing_ok=True)  # left by a killed run
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield Writer(file, passphrase)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # so the new name survives a crash of the machine
        finally:
            os.close(folder)
    finally:
        beside.unlink(missing_ok=True)


class Reader:
    """Reads the records of a file in their order. Raises `UnreadableFile`."""

    def __init__(self, file: BinaryIO, passphrase: str) -> None:
        from nacl import bindings

        if file.read(len(FORMAT)) != FORMAT:
            raise UnreadableFile("it is no export of a tenant, or of another release: use the command that wrote it")
        salt = file.read(bindings.crypto_pwhash_SALTBYTES)
        header = file.read(bindings.crypto_secretstream_xchacha20poly1305_HEADERBYTES)
        if len(salt) + len(header) < (
            bindings.crypto_pwhash_SALTBYTES + bindings.crypto_secretstream_xchacha20poly1305_HEADERBYTES
        ):
            raise UnreadableFile("it is not complete: export again")
        self._file, self._state = file, bindings.crypto_secretstream_xchacha20poly1305_state()
        bindings.crypto_secretstream_xchacha20poly1305_init_pull(self._state, header, _derive(passphrase, salt))
        self._next: bytes | None = None
        self._ended = self._began = False

    def document(self) -> dict[str, Any]:
        """Return the next record as a document. Raises `UnreadableFile` if it has rows instead."""
        kind, content = self._take()
        if kind != _DOCUMENT:
            raise UnreadableFile("its records are not in their order: export again")
        document: dict[str, Any] = json.loads(content)
        return document

    async def rows(self) -> AsyncIterator[bytes]:
        """Yield the bytes of rows from the next records, up to the next document."""
        while (record := self._peek()) is not None and record[:1] == _ROWS:
            self._next = None
            yield record[1:]

    def end(self) -> None:
        """Raise `UnreadableFile` unless all records of the file have been read."""
        if not self._ended or self._next is not None or self._file.read(1):
            raise UnreadableFile("it does not end where it should: export again")

    def _take(self) -> tuple[bytes, bytes]:
        record = self._peek()
        if record is None:
            raise UnreadableFile("it is not complete: export again")
        self._next = None
        return record[:1], record[1:]

    def _peek(self) -> bytes | None:
        if self._next is None and not self._ended:
            self._next = self._pull()
        return self._next

    def _pull(self) -> bytes:
        from nacl import bindings
        from nacl.exceptions import CryptoError

        length = int.from_bytes(self._file.read(_LENGTH_BYTES))
        encrypted = self._file.read(length) if length <= _LONGEST else b""
        try:
            record, tag = bindings.crypto_secretstream_xchacha20poly1305_pull(self._state, encrypted)
        except (CryptoError, ValueError):
            text = (
                "it is damaged or not complete: export again"
                if self._began
                else "the passphrase is another one, or it is damaged"
            )
            raise UnreadableFile(text) from None
        self._began, self._ended = True, tag == bindings.crypto_secretstream_xchacha20poly1305_TAG_FINAL
        return bytes(record)


@contextmanager
def open_reader(path: Path, passphrase: str) -> Iterator[Reader]:
    """Yield a reader of the file `path`. Raises `UnreadableFile`, and `OSError` if the file cannot be opened."""
    with path.open("rb") as file:
        yield Reader(file, passphrase)


def _derive(passphrase: str, salt: bytes) -> bytes:
    """Return the key derived from a passphrase by Argon2id: each guess costs half a second and 256 MiB."""
    from nacl import bindings
    from nacl.pwhash import argon2id

    size = bindings.crypto_secretstream_xchacha20poly1305_KEYBYTES
    return bytes(
        argon2id.kdf(
            size, passphrase.encode(), salt, opslimit=argon2id.OPSLIMIT_MODERATE, memlimit=argon2id.MEMLIMIT_MODERATE
        )
    )
