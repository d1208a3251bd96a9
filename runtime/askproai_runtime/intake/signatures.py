"""Is this body from who it says? Pure functions over the raw bytes, run before anything is parsed (S4, W3).

Each gives a `Verdict`; every key is compared, in constant time, so that neither the answer's time nor its text tells which
key or which byte was wrong. Sources: reference/retell.md §6, reference/calcom-stripe.md §5 and §8.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

RETELL_WINDOW_MS = 300_000
STRIPE_WINDOW_SECONDS = 300
# Cal.com signs no time. `createdAt` is inside the signed body, but a queued delivery may be tried again after 5 minutes and
# more: 15 minutes plus that slack. Duplicates inside the window end at the unique key.
CALCOM_WINDOW = timedelta(minutes=30)

_RETELL = re.compile(r"v=([0-9]{1,15}),d=([0-9a-f]{64})", re.ASCII)
_HEX_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_UNIX_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)


class Verdict(StrEnum):
    VALID = "valid"
    NO_KEY = "no_key"  # we hold no key of this sender: nothing can be accepted
    MISSING = "missing"
    MALFORMED = "malformed"
    MISMATCH = "mismatch"
    OUTSIDE_WINDOW = "outside_window"


def verify_retell(body: bytes, header: str | None, keys: Sequence[str], now: datetime) -> Verdict:
    """Check `v=<unix ms>,d=<hex>`: HMAC-SHA256(key, body + decimal v), five minutes both ways, the edges included."""
    if not keys:
        return Verdict.NO_KEY
    if header is None:
        return Verdict.MISSING
    found = _RETELL.fullmatch(header)
    if found is None:
        return Verdict.MALFORMED
    stamp, digest = found.groups()
    if not _any_key_signs(body + stamp.encode(), (digest,), keys):
        return Verdict.MISMATCH
    age = _milliseconds(now) - int(stamp)
    return Verdict.VALID if abs(age) <= RETELL_WINDOW_MS else Verdict.OUTSIDE_WINDOW


def verify_calcom(body: bytes, header: str | None, keys: Sequence[str]) -> Verdict:
    """Check the bare hex HMAC-SHA256 of the body. The literal `no-secret-provided` is no signature, so it is malformed."""
    if not keys:
        return Verdict.NO_KEY
    if header is None:
        return Verdict.MISSING
    if _HEX_SHA256.fullmatch(header) is None:
        return Verdict.MALFORMED
    return Verdict.VALID if _any_key_signs(body, (header,), keys) else Verdict.MISMATCH


def verify_stripe(body: bytes, header: str | None, keys: Sequence[str], now: datetime) -> Verdict:
    """Check `t=<unix s>,v1=<hex>[,v1=…]`: HMAC-SHA256(secret, "t.body"); any v1 may fit, other schemes do not count.

    Stripe's own library lets a time far in the future pass; here the window holds both ways.
    """
    if not keys:
        return Verdict.NO_KEY
    if header is None:
        return Verdict.MISSING
    items = [item.strip().partition("=") for item in header.split(",")]
    stamps = [value for name, _, value in items if name == "t"]
    digests = tuple(value for name, _, value in items if name == "v1" and _HEX_SHA256.fullmatch(value))
    if len(stamps) != 1 or _UNIX_SECONDS.fullmatch(stamps[0]) is None or not digests:
        return Verdict.MALFORMED
    if not _any_key_signs(stamps[0].encode() + b"." + body, digests, keys):
        return Verdict.MISMATCH
    age = int(now.timestamp()) - int(stamps[0])
    return Verdict.VALID if abs(age) <= STRIPE_WINDOW_SECONDS else Verdict.OUTSIDE_WINDOW


def _any_key_signs(message: bytes, digests: Sequence[str], keys: Sequence[str]) -> bool:
    """Compare every key with every digest, without stopping at the first that fits."""
    fits = False
    for key in keys:
        expected = hmac.new(key.encode(), message, hashlib.sha256).hexdigest()
        for digest in digests:
            fits |= hmac.compare_digest(expected, digest)
    return fits


def _milliseconds(now: datetime) -> int:
    return int(now.timestamp()) * 1000 + now.microsecond // 1000
