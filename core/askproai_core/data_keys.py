"""The keys with which a tenant's pods encrypt what callers said, before it is stored.

The operator makes them and writes them to `T-data-keys`; the pods mount them as the file `DATA_KEYS`. Without a key nobody can read
what was encrypted with it, a backup included (docs/decisions/0114-bodies-are-encrypted.md).
"""

import base64
import secrets
from datetime import datetime, timedelta

import msgspec

DATA_KEYS = "DATA_KEYS"
# The first bytes of an encrypted body (a plain body is JSON), and the only field of an encrypted value of JSON.
ENCRYPTED_BODY, ENCRYPTED_FIELD = b"\0enc1", "encrypted"
# A kubelet updates mounted Secrets each minute, from a cache that may be a minute old: by then all pods can decrypt.
KNOWN_TO_ALL_PODS = timedelta(minutes=3)
_KEY_BYTES = 32


class DataKey(msgspec.Struct, frozen=True):
    """A data key (32 bytes as base64) and the time at which the tenant got it."""

    id: str
    key: str
    since: datetime

    def __repr__(self) -> str:  # a traceback or a log line must not contain the key
        return f"DataKey({self.id}, since={self.since})"


class DataKeys(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tenant's keys, oldest first: the newest key encrypts, all keys decrypt.

    `rotation` is the value of the annotation for which the newest key was made. `lost_at` is set if earlier keys are lost, with
    all data encrypted by them; its value is when these new keys were made. `in_use`: all pods can decrypt, so they encrypt.
    `were_kept`: the keys are a former Tenant's of this name, and the Secret that kept them is still to be deleted.
    """

    keys: tuple[DataKey, ...] = ()
    rotation: str = ""
    lost_at: datetime | None = None
    in_use: bool = False
    were_kept: bool = False

    def find(self, key_id: str) -> DataKey | None:
        """Return the key with this id; None if the tenant has no such key."""
        return next((each for each in self.keys if each.id == key_id), None)


def new_data_key(now: datetime) -> DataKey:
    """Return a new random key. Its id has eight hexadecimal digits."""
    return DataKey(secrets.token_hex(4), base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode(), now)


def key_bytes(key: DataKey) -> bytes:
    """Return the 32 bytes of a key. Raises `ValueError` if the key has another length or is not base64."""
    value = base64.b64decode(key.key, validate=True)
    if len(value) != _KEY_BYTES:
        raise ValueError(f"data key {key.id} has {len(value)} bytes, not {_KEY_BYTES}")
    return value


def encode_data_keys(keys: DataKeys) -> str:
    return msgspec.json.encode(keys, order="deterministic").decode()


def decode_data_keys(text: str) -> DataKeys:
    """Decode the output of `encode_data_keys`. Raises `ValueError` for any other text; the error's message quotes no key."""
    try:
        keys = msgspec.json.decode(text, type=DataKeys)
    except msgspec.DecodeError:
        raise ValueError("not a list of data keys") from None
    for each in keys.keys:
        key_bytes(each)
    return keys


def keys_to_copy(stored: str | None, last_good: str | None) -> str | None:
    """Return the text for the copy of a Secret's data keys: the Secret's text `stored` or, if that cannot be decoded,
    `last_good`.

    None if `stored` is None: the keys were destroyed, and no copy may keep them.
    """
    try:
        return stored if not stored or decode_data_keys(stored) else None
    except ValueError:
        return last_good
