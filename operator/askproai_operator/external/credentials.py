"""Keys of providers: read from the Secrets that a tenant names, and never used for two tenants at once."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from askproai_operator.api.conditions import Reason


@dataclass(frozen=True, slots=True)
class CredentialProblem:
    """Why there is no key; `reason` and `message` are meant for a condition."""

    reason: Reason
    message: str


def secret_value(secret: dict[str, Any] | None, name: str, key: str) -> str | CredentialProblem:
    """Take one key out of a Secret as the API server gives it (`data`, base64). Surrounding whitespace is dropped."""
    if secret is None:
        return CredentialProblem(
            Reason.SECRET_NOT_FOUND, f"Secret {name!r} is not in this namespace; create it with the key {key!r}"
        )
    encoded = (secret.get("data") or {}).get(key)
    if encoded is None:
        return CredentialProblem(Reason.SECRET_KEY_MISSING, f"Secret {name!r} has no key {key!r}; add it")
    try:
        value = base64.b64decode(encoded, validate=True).decode().strip()
    except (binascii.Error, UnicodeDecodeError):
        return CredentialProblem(
            Reason.SECRET_KEY_MISSING, f"key {key!r} of Secret {name!r} is not text; put the bare key there"
        )
    if not value or not value.isascii() or not value.isprintable():
        return CredentialProblem(
            Reason.SECRET_KEY_MISSING,
            f"key {key!r} of Secret {name!r} is empty or not one line; put the bare key there",
        )
    return value


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """A tenant and the keyed hash of the Retell key that it uses."""

    tenant: str  # namespace.name
    created: datetime
    key_hash: str


def key_hash(installation_id: str, key: str) -> str:
    """Give a hash by which keys can be compared and logged; without the installation's id nobody can test guesses on it."""
    return hmac.new(installation_id.encode(), key.encode(), hashlib.sha256).hexdigest()


def shared_key_conflict(mine: KeyHolder, others: Iterable[KeyHolder]) -> str | None:
    """Give the tenant that had this key before us, or None when the key is ours.

    Who shares a Retell workspace can sign for the other, so the younger tenant (then by name) is refused.
    """
    rivals = [
        other for other in others if other.tenant != mine.tenant and hmac.compare_digest(other.key_hash, mine.key_hash)
    ]
    older = [other for other in rivals if (other.created, other.tenant) < (mine.created, mine.tenant)]
    return min(older, key=lambda other: (other.created, other.tenant)).tenant if older else None
