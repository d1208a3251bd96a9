"""How the pods of a tenant prove over a public URL that it is they who answer.

The operator sends a nonce, and only who has the tenant's admin token can return its HMAC. Anybody may ask: the answer reveals
neither the token nor anything else about the tenant.
"""

import hashlib
import hmac
import re
import secrets
from typing import Final

# Below a public URL. One path for each of the two that are routed from outside, since one of them may be forgotten.
PROOF_PATHS: Final = ("/webhooks/proof", "/retell/proof")
_NONCE: Final = re.compile("[0-9a-f]{32}")
_PURPOSE: Final = b"askproai exposure proof 1\n"  # the token proves nothing else by HMAC, and shall not


def new_nonce() -> str:
    """Return a nonce of 128 random bits, in hexadecimal."""
    return secrets.token_hex(16)


def is_nonce(text: str) -> bool:
    return _NONCE.fullmatch(text) is not None


def proof_of(token: str, nonce: str) -> str:
    """Return the 64 hexadecimal digits with which the holder of the token answers a nonce."""
    return hmac.new(token.encode(), _PURPOSE + nonce.encode(), hashlib.sha256).hexdigest()
