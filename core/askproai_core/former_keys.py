"""Further keys that pods accept in requests, besides those in the tenant's own Secrets. A hash of all these keys shows the
operator which keys the pods have.

The operator writes them (`T-signing-keys`), and the pods mount them as files. `FORMER_KEYS` are keys that the tenant no longer
uses, each with the end of its acceptance: a provider goes on signing with a key for some time after a person has changed it
here. `PRESENT_KEYS` are the keys that the operator found last. All files of a pod change at once, and a kubelet may mount a
changed Secret before the operator has recorded its old key as a former key: without the present keys, the pod would refuse
requests signed with that old key. `REVOKED_AT` is when a person last ended the acceptance of former keys early.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime

import msgspec
import structlog

log = structlog.get_logger(__name__)

FORMER_KEYS = "FORMER_KEYS"
PRESENT_KEYS = "PRESENT_KEYS"
REVOKED_AT = "REVOKED_AT"

# The provider keys of a tenant, except those of staff members' own accounts, which verify nothing. Former keys are left
# out: pods end each at its time, each is added together with a new present key, and only a revocation ends it earlier.
_VERIFYING = re.compile(r"[a-z]+-api-key|retell-webhook-key-\d+|[a-z]+-webhook-secret|PRESENT_KEYS|REVOKED_AT")


class FormerKey(msgspec.Struct, frozen=True):
    """A key that the tenant no longer uses, and the time until which requests signed with it are accepted."""

    key: str
    until: datetime

    def __repr__(self) -> str:  # a traceback or a log line must not contain the key
        return f"FormerKey(until={self.until})"


FormerKeys = dict[str, tuple[FormerKey, ...]]  # by the name of the first mounted file of their sender; the newest first


def encode_former_keys(keys: FormerKeys) -> str:
    return msgspec.json.encode(keys, order="deterministic").decode()


def decode_former_keys(text: str | None) -> FormerKeys:
    """Return the keys in a text that `encode_former_keys` wrote; no keys if the text is None or malformed."""
    if not text:
        return {}
    try:
        return msgspec.json.decode(text, type=FormerKeys)
    except msgspec.DecodeError:
        log.warning("former_keys.unreadable", consequence="only the present keys are accepted")
        return {}


def encode_present_keys(keys: Mapping[str, str]) -> str:
    """Encode the keys, a mapping from the name of the mounted file to its key."""
    return msgspec.json.encode(dict(keys), order="deterministic").decode()


def decode_present_keys(text: str | None) -> dict[str, str]:
    """Return the keys in a text that `encode_present_keys` wrote; no keys if the text is None or malformed."""
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, str])
    except msgspec.DecodeError:
        return {}


def is_verifying(file: str) -> bool:
    """Return True if a mounted file holds keys that verify requests: such files are part of `keys_hash`."""
    return _VERIFYING.fullmatch(file) is not None


def keys_hash(token: str, files: Mapping[str, str]) -> str:
    """Return a hash of the keys with which a pod verifies requests: those in its files, and the token of its private API.

    A new key or a revocation changes the hash; the end of a former key's acceptance does not. Operator and pods compute the
    same hash. The token keys it (HMAC), so that nobody without the token can test guesses of a key.
    """
    verifying = {name: text for name, text in files.items() if is_verifying(name)}
    text = msgspec.json.encode(verifying, order="deterministic")
    return hmac.new(token.encode(), text, hashlib.sha256).hexdigest()[:32]


def accepted_former_keys(text: str | None, name: str, now: datetime) -> tuple[str, ...]:
    """Return the former keys still accepted at `now` for the mounted file `name`. `text` is the content of `FORMER_KEYS`."""
    return tuple(former.key for former in decode_former_keys(text).get(name, ()) if now < former.until)
