"""The token with which a person may read a tenant's private API but not change anything. It is derived from the admin token:
the pods know it without another mounted file, and a new admin token invalidates both. The admin token cannot be computed
from it.
"""

import hashlib
import hmac
from typing import Final

_PURPOSE: Final = b"askproai reader token 1\n"  # the admin token answers proofs by HMAC, too (exposure_proof.py)


def reader_token_of(admin_token: str) -> str:
    """Return the reader token, 64 hexadecimal digits."""
    return hmac.new(admin_token.encode(), _PURPOSE, hashlib.sha256).hexdigest()
