"""Encrypt callers' words with the tenant's data key before they are stored, and decrypt them when they are read.

XChaCha20-Poly1305 of libsodium. An encrypted value is bound to its tenant, table and row, so it cannot be decrypted elsewhere.
A reader decides by the value itself whether it is encrypted: tables contain plain and encrypted rows
(docs/decisions/0114-bodies-are-encrypted.md).
"""

import base64
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeGuard

import msgspec
import structlog

from askproai_core.clock import Clock, SystemClock
from askproai_core.data_keys import (
    ENCRYPTED_BODY,
    ENCRYPTED_FIELD,
    KNOWN_TO_ALL_PODS,
    DataKey,
    DataKeys,
    decode_data_keys,
    key_bytes,
)

log = structlog.get_logger(__name__)

_MAGIC: Final = ENCRYPTED_BODY
ENCRYPTED_HEX: Final = _MAGIC.hex()  # for statements
_PLAIN, _DEFLATED = b"p", b"z"
_ID_BYTES, _NONCE_BYTES = 8, 24
_HEADER_BYTES: Final = len(_MAGIC) + 1 + _ID_BYTES + _NONCE_BYTES
# Longer values are compressed here, as PostgreSQL would: it cannot compress encrypted values.
_DEFLATE_FROM, _DEFLATE_UP_TO = 2_000, 256 * 1024
_MOST_BYTES: Final = 64 * 1024 * 1024
_READ_EVERY: Final = 1.0  # seconds; a key that is missing is looked for at once
_FIELD: Final = ENCRYPTED_FIELD
_MARK: Final = base64.b64encode(_MAGIC).decode().rstrip("=")[:6]  # how the text of an encrypted value begins


class Place(StrEnum):
    """The tables that hold encrypted values. A value is bound to its place: never change one of these names."""

    EVENT = "webhook_events"  # reference: source and event_id
    CALL = "calls"  # reference: call_id
    FUNCTION = "function_requests"  # reference: call_id, time and function
    SHADOW = "shadow_requests"  # reference: call_id and correlation id


class DecryptionError(Exception):
    """The root of the errors of decryption. Its text is for people and quotes no data.

    DecryptionError
    ├── DataKeyMissing  the pod does not have the key
    └── NotAuthentic    the value was changed, or is of another row, table or tenant
    """


class DataKeyMissing(DecryptionError):
    """The pod does not have the key with which a value was encrypted: it was destroyed, or was not restored."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"encrypted with data key {key_id}, which this tenant does not have")


class NotAuthentic(DecryptionError):
    """A value was changed after it was encrypted, or is not of the row in which it was found."""

    def __init__(self) -> None:
        super().__init__("encrypted for another row, or changed since")


@dataclass(slots=True)
class BodyCipher:
    """Encrypts and decrypts one tenant's values in one process. It encrypts only while `is_on` and a key exists; it always
    decrypts.

    `read_keys` returns the mounted text of the keys, or None if there are no keys.
    """

    tenant: str
    read_keys: Callable[[], str | None]
    is_on: Callable[[], bool]
    clock: Clock = field(default_factory=SystemClock)
    _read_at: float = float("-inf")
    _text: str | None = None
    _keys: DataKeys = field(default_factory=DataKeys)
    _bytes: dict[str, bytes] = field(default_factory=dict, repr=False)  # of the keys, by id

    @property
    def active_key(self) -> DataKey | None:
        """Return the key that encrypts now; None while values are stored without encryption."""
        if not self.is_on():
            return None
        known_since = self.clock.now() - KNOWN_TO_ALL_PODS
        return next((each for each in reversed(self._read().keys) if each.since <= known_since), None)

    def warm_up(self) -> None:
        """Import the library if encryption is on: the import takes 5 to 200 ms, for which no caller should wait."""
        if self.is_on():
            import nacl.bindings  # noqa: F401, PLC0415 - see below

    def encrypt(self, place: Place, reference: str, value: bytes) -> bytes:
        """Return the value encrypted for its row; unchanged if there is no key, or if it is encrypted already or empty."""
        if not value or is_encrypted(value) or (key := self.active_key) is None:
            return value
        return self._encrypt(key, place, reference, value)

    def _encrypt(self, key: DataKey, place: Place, reference: str, value: bytes) -> bytes:
        kind, content = _PLAIN, value
        if _DEFLATE_FROM <= len(value) <= _DEFLATE_UP_TO:
            kind, content = _DEFLATED, zlib.compress(value, 1)
        nonce = os.urandom(_NONCE_BYTES)
        header = _MAGIC + kind + key.id.encode() + nonce
        return header + _encrypt(content, self._bind(header, place, reference), nonce, self._bytes[key.id])

    def decrypt(self, place: Place, reference: str, stored: bytes) -> bytes:
        """Return the plain value; a value that is not encrypted is returned unchanged. Raises `DecryptionError`."""
        if not is_encrypted(stored):
            return stored
        header, content = stored[:_HEADER_BYTES], stored[_HEADER_BYTES:]
        kind, rest = header[len(_MAGIC) : len(_MAGIC) + 1], header[len(_MAGIC) + 1 :]
        key_id = rest[:_ID_BYTES].decode("ascii", "replace")
        self._read()  # a destroyed key must be forgotten, also by a pod that only reads
        if key_id not in self._bytes:
            self._read(at_once=True)
        if key_id not in self._bytes:
            raise DataKeyMissing(key_id)
        value = _decrypt(content, self._bind(header, place, reference), rest[_ID_BYTES:], self._bytes[key_id])
        return value if kind == _PLAIN else zlib.decompressobj().decompress(value, _MOST_BYTES)

    def encrypt_json(self, place: Place, reference: str, value: object) -> dict[str, Any] | None:
        """Return the JSON object with the encrypted value, to store in a JSON column; None while values are stored plainly."""
        if (key := self.active_key) is None:
            return None
        stored = self._encrypt(key, place, reference, msgspec.json.encode(value))
        return {_FIELD: base64.b64encode(stored).decode()}

    def decrypt_json(self, place: Place, reference: str, stored: dict[str, Any]) -> Any:
        """Return the value that `encrypt_json` has encrypted as `stored`. Raises `DecryptionError`."""
        try:
            value = base64.b64decode(stored[_FIELD], validate=True)
        except ValueError:
            raise NotAuthentic from None
        if not is_encrypted(value):
            raise NotAuthentic
        return msgspec.json.decode(self.decrypt(place, reference, value))

    def _bind(self, header: bytes, place: Place, reference: str) -> bytes:
        """Return a value's associated data: the header, then tenant, table and row, one a line. No name has a line break."""
        return header + f"{self.tenant}\n{place}\n{reference}".encode()

    def _read(self, *, at_once: bool = False) -> DataKeys:
        """Return the mounted data keys. They are read again at most once a second, or now if `at_once`."""
        now = self.clock.monotonic()
        if not at_once and now - self._read_at < _READ_EVERY:
            return self._keys
        self._read_at, text = now, self.read_keys()
        if text != self._text:
            self._text = text
            try:
                self._keys = decode_data_keys(text) if text else DataKeys()
                self._bytes = {each.id: key_bytes(each) for each in self._keys.keys}
            except ValueError as error:  # the keys of the former text stay in use
                log.error("data_keys.unreadable", error=str(error), todo="restore Secret T-data-keys from your backup")  # noqa: TRY400  the text has the keys
        return self._keys


def is_encrypted(stored: bytes) -> bool:
    """Return whether a stored value is encrypted."""
    return stored.startswith(_MAGIC) and len(stored) > _HEADER_BYTES


def is_encrypted_json(stored: object) -> TypeGuard[dict[str, Any]]:
    """Return whether a decoded value of a JSON column is a result of `encrypt_json`."""
    text = stored.get(_FIELD) if isinstance(stored, dict) and len(stored) == 1 else None
    return isinstance(text, str) and text.startswith(_MARK)


def no_cipher(tenant: str) -> BodyCipher:
    """Return a cipher without keys: it stores values without encryption, and reads only such values."""
    return BodyCipher(tenant, lambda: None, lambda: False)


# The library is imported at the first use: a pod that encrypts nothing saves its memory.
def _encrypt(value: bytes, bound_to: bytes, nonce: bytes, key: bytes) -> bytes:
    from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as encrypt  # noqa: PLC0415 - see above

    return bytes(encrypt(value, bound_to, nonce, key))


def _decrypt(value: bytes, bound_to: bytes, nonce: bytes, key: bytes) -> bytes:
    from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as decrypt  # noqa: PLC0415 - see above
    from nacl.exceptions import CryptoError  # noqa: PLC0415 - see above

    try:
        return bytes(decrypt(value, bound_to, nonce, key))
    except (CryptoError, ValueError):
        raise NotAuthentic from None
