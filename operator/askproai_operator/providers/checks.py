"""Reads a provider's key from its Secret, and hashes keys so that they can be compared."""

import base64
import binascii
import hashlib
import hmac
import ssl
from dataclasses import dataclass
from typing import Any

from askproai_operator.api.conditions import Reason

_CIPHERTEXT = "ENC[AES256_GCM,"  # what SOPS writes in place of each value


@dataclass(frozen=True, slots=True)
class CredentialProblem:
    """Why a key, a certificate or a Secret cannot be used: `reason` and `message` for a condition."""

    reason: Reason
    message: str


def secret_value(secret: dict[str, Any] | CredentialProblem | None, name: str, key: str) -> str | CredentialProblem:
    """Return one value of a Secret as the API server returns it (`data`: base64 by key), stripped of whitespace.

    For a problem with the Secret as a whole, return that problem.
    """
    if isinstance(secret, CredentialProblem):
        return secret
    if secret is None:
        text = f"Secret {name!r} is not in this namespace; create it with the key {key!r}"
        return CredentialProblem(Reason.SECRET_NOT_FOUND, text)
    encoded = (secret.get("data") or {}).get(key)
    if encoded is None:
        return CredentialProblem(Reason.SECRET_KEY_MISSING, f"Secret {name!r} has no key {key!r}; add it")
    try:
        value = base64.b64decode(encoded, validate=True).decode("ascii").strip()
    except (binascii.Error, UnicodeDecodeError):
        value = ""
    if not value or not value.isprintable():
        text = f"key {key!r} of Secret {name!r} is empty or not one line of plain text; put the bare key there"
        return CredentialProblem(Reason.SECRET_KEY_MISSING, text)
    if value.startswith(_CIPHERTEXT):
        text = f"key {key!r} of Secret {name!r} is encrypted by SOPS; have it decrypted as it is applied (Flux: spec.decryption)"
        return CredentialProblem(Reason.SECRET_KEY_MISSING, text)
    return value


def pem_certificates(secret: dict[str, Any] | CredentialProblem | None, name: str, key: str) -> str | CredentialProblem:
    """Return the PEM certificates under a key of a Secret, as ASCII text.

    Returns a problem as `secret_value` does, or if the value holds no certificate.
    """
    if secret is None or isinstance(secret, CredentialProblem) or key not in (secret.get("data") or {}):
        return secret_value(secret, name, key)
    try:
        # Bundles name authorities in comments, as these are written; `ssl` takes ASCII only.
        text = base64.b64decode(secret["data"][key], validate=True).decode("ascii", errors="ignore")
        authorities = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        authorities.load_verify_locations(cadata=text)
    except (binascii.Error, ssl.SSLError, ValueError):
        text = f"key {key!r} of Secret {name!r} holds no certificates in PEM; put that of the authority there"
        return CredentialProblem(Reason.SECRET_KEY_MISSING, text)
    return text


def hash_key(installation_id: str, key: str) -> str:
    """Return a keyed hash by which keys can be compared and logged: guesses cannot be tested without the installation's id."""
    return hmac.new(installation_id.encode(), key.encode(), hashlib.sha256).hexdigest()
