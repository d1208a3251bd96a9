"""The proof by which the pods of a tenant show that a public URL leads to them.

The operator sends a nonce, and only a holder of the tenant's admin token can return its HMAC. Anybody may send a nonce: the
HMAC reveals neither the token nor anything else about the tenant.
"""

import hashlib
import hmac
import re
import secrets
from typing import Final

# Below a public URL: one path under each of the two prefixes that are routed, since a route may lack one of them.
PROOF_PATHS: Final = ("/webhooks/proof", "/retell/proof")
_NONCE: Final = re.compile("[0-9a-f]{32}")
_PURPOSE: Final = b"askproai exposure proof 1\n"  # separates this HMAC from any other use of the token


def new_nonce() -> str:
    """Return a nonce of 128 random bits, in hexadecimal."""
    return secrets.token_hex(16)


def is_nonce(text: str) -> bool:
    return _NONCE.fullmatch(text) is not None


def proof_of(token: str, nonce: str) -> str:
    """Return the 64 hexadecimal digits (HMAC) with which a holder of the token answers a nonce."""
    return hmac.new(token.encode(), _PURPOSE + nonce.encode(), hashlib.sha256).hexdigest()
