"""The token with which one may read a tenant's private API, and change nothing.

It is derived from the admin token, so the pods know it without another mounted file, and a new admin token ends both. Nobody
finds the admin token from it.
"""

import hashlib
import hmac
from typing import Final

_PURPOSE: Final = b"askproai reader token 1\n"  # the admin token answers proofs by HMAC, too (exposure_proof.py)


def reader_token_of(admin_token: str) -> str:
    """Return the reader token, 64 hexadecimal digits."""
    return hmac.new(admin_token.encode(), _PURPOSE, hashlib.sha256).hexdigest()
