"""Verify webhook signatures. Pure functions over the raw body, run before anything is parsed.

Each returns a `Verdict`. Every key is compared, in constant time, so that neither the answer's time nor its text reveals which
key or which byte was wrong. The rules are the senders' own: docs/vendors/retell.md, calcom.md and stripe.md.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

RETELL_WINDOW_MS = 300_000
STRIPE_WINDOW_SECONDS = 300
# Cal.com signs no time. `createdAt` is part of the signed body, but a queued delivery may be retried after 5 minutes or more:
# hence 15 minutes plus that slack. The unique key of stored events catches duplicates inside the window.
CALCOM_WINDOW = timedelta(minutes=30)

_RETELL = re.compile(r"v=([0-9]{1,15}),d=([0-9a-f]{64})", re.ASCII)
_HEX_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_UNIX_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)


class Verdict(StrEnum):
    """The result of verifying a signature; anything but `VALID` is answered 401."""

    VALID = "valid"
    NO_KEY = "no_key"  # we hold no key of this sender, so nothing can be accepted
    MISSING = "missing"
    MALFORMED = "malformed"
    MISMATCH = "mismatch"
    OUTSIDE_WINDOW = "outside_window"


def verify_retell(body: bytes, header: str | None, keys: Sequence[str], now: datetime) -> Verdict:
    """Verify `v=<unix ms>,d=<hex>`: HMAC-SHA256(key, body + decimal v), up to and including five minutes both ways."""
    if not keys:
        return Verdict.NO_KEY
    if header is None:
        return Verdict.MISSING
    match = _RETELL.fullmatch(header)
    if match is None:
        return Verdict.MALFORMED
    timestamp, digest = match.groups()
    if not _any_key_signs(body + timestamp.encode(), (digest,), keys):
        return Verdict.MISMATCH
    age = _milliseconds(now) - int(timestamp)
    return Verdict.VALID if abs(age) <= RETELL_WINDOW_MS else Verdict.OUTSIDE_WINDOW


def verify_calcom(body: bytes, header: str | None, keys: Sequence[str]) -> Verdict:
    """Verify the bare hex HMAC-SHA256 of the body. The literal `no-secret-provided` is no signature: malformed."""
    if not keys:
        return Verdict.NO_KEY
    if header is None:
        return Verdict.MISSING
    if _HEX_SHA256.fullmatch(header) is None:
        return Verdict.MALFORMED
    return Verdict.VALID if _any_key_signs(body, (header,), keys) else Verdict.MISMATCH


def verify_stripe(body: bytes, header: str | None, keys: Sequence[str], now: datetime) -> Verdict:
    """Verify `t=<unix s>,v1=<hex>[,v1=…]`: HMAC-SHA256(secret, "t.body"). Any v1 may match; other schemes do not count.

    Stripe's own library accepts a time far in the future; here the window applies both ways.
    """
    if not keys:
        return Verdict.NO_KEY
    if header is None:
        return Verdict.MISSING
    items = [item.strip().partition("=") for item in header.split(",")]
    timestamps = [value for name, _, value in items if name == "t"]
    digests = tuple(value for name, _, value in items if name == "v1" and _HEX_SHA256.fullmatch(value))
    if len(timestamps) != 1 or _UNIX_SECONDS.fullmatch(timestamps[0]) is None or not digests:
        return Verdict.MALFORMED
    if not _any_key_signs(timestamps[0].encode() + b"." + body, digests, keys):
        return Verdict.MISMATCH
    age = int(now.timestamp()) - int(timestamps[0])
    return Verdict.VALID if abs(age) <= STRIPE_WINDOW_SECONDS else Verdict.OUTSIDE_WINDOW


def _any_key_signs(message: bytes, digests: Sequence[str], keys: Sequence[str]) -> bool:
    """Compare every key with every digest, without stopping at the first match."""
    matches = False
    for key in keys:
        expected = hmac.new(key.encode(), message, hashlib.sha256).hexdigest()
        for digest in digests:
            matches |= hmac.compare_digest(expected, digest)
    return matches


def _milliseconds(now: datetime) -> int:
    return int(now.timestamp()) * 1000 + now.microsecond // 1000
