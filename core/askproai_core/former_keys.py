"""Keys that a tenant no longer uses, and until when a signature by them is still accepted.

The operator writes them (`T-signing-keys`), and the pods mount them as the file `FORMER_KEYS`. A provider goes on signing with a
key for some time after a person has changed it here.
"""

from datetime import datetime

import msgspec
import structlog

log = structlog.get_logger(__name__)

FORMER_KEYS = "FORMER_KEYS"


class FormerKey(msgspec.Struct, frozen=True):
    """A key, and the end of its acceptance."""

    key: str
    until: datetime

    def __repr__(self) -> str:  # a traceback or a log line must not contain the key
        return f"FormerKey(until={self.until})"


FormerKeys = dict[str, tuple[FormerKey, ...]]  # by the name of the mounted file of the present key; the newest first


def encode_former_keys(keys: FormerKeys) -> str:
    return msgspec.json.encode(keys, order="deterministic").decode()


def decode_former_keys(text: str | None) -> FormerKeys:
    """Decode what `encode_former_keys` returned; empty for None and for anything else."""
    if not text:
        return {}
    try:
        return msgspec.json.decode(text, type=FormerKeys)
    except msgspec.DecodeError:
        log.warning("former_keys.unreadable", consequence="only the present keys are accepted")
        return {}


def accepted_former_keys(text: str | None, name: str, now: datetime) -> tuple[str, ...]:
    """Return the former keys of one file that are accepted at `now`."""
    return tuple(former.key for former in decode_former_keys(text).get(name, ()) if now < former.until)
