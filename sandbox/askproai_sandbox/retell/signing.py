"""Retell's signatures of its requests."""

import hashlib
import hmac


def signature(key: str, body: bytes, now_ms: int) -> str:
    """Return the value of `x-retell-signature`: HMAC-SHA256 over the raw body followed by the decimal milliseconds."""
    digest = hmac.new(key.encode(), body + str(now_ms).encode(), hashlib.sha256).hexdigest()
    return f"v={now_ms},d={digest}"
