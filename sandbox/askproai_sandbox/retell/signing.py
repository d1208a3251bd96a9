"""How Retell signs webhooks and function calls (reference §6)."""

import hashlib
import hmac


def signature(key: str, body: bytes, now_ms: int) -> str:
    """Give the value of `x-retell-signature`: HMAC-SHA256 over the raw body and the decimal milliseconds, joined."""
    digest = hmac.new(key.encode(), body + str(now_ms).encode(), hashlib.sha256).hexdigest()
    return f"v={now_ms},d={digest}"
