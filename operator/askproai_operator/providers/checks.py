"""Checks before a key is used: is it there, is it another tenant's, and may it be sent to that server?"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import unquote, urlsplit

from askproai_operator.api.conditions import Reason


@dataclass(frozen=True, slots=True)
class CredentialProblem:
    """Why there is no key; `reason` and `message` are meant for a condition."""

    reason: Reason
    message: str


def secret_value(secret: dict[str, Any] | None, name: str, key: str) -> str | CredentialProblem:
    """Take one key out of a Secret as the API server gives it (`data`, base64). Surrounding whitespace is dropped."""
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
    return value


def login_in(url: str | None) -> tuple[str, str]:
    """Give user and password of a URL that we keep; both empty where somebody made it unreadable, so that it is made anew."""
    try:
        parts = urlsplit(url or "")
        return parts.username or "", unquote(parts.password or "")
    except ValueError:
        return "", ""


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
    older = [
        (other.created, other.tenant)
        for other in others
        if (other.created, other.tenant) < (mine.created, mine.tenant)
        and hmac.compare_digest(other.key_hash, mine.key_hash)
    ]
    return min(older)[1] if older else None


def host_problem(base_url: str, patterns: Iterable[str]) -> str | None:
    """Say why a key must not be sent to `base_url`, or None. A pattern without a port means https on its own port.

    `api.cal.com`, `*.cal.example`, `127.0.0.1:*`, `cal.internal:5555`; with a port, http is allowed, too.
    """
    try:
        url = urlsplit(base_url)
        port = url.port
    except ValueError:
        return f"baseUrl {base_url!r} is not a URL"
    if url.scheme not in ("http", "https") or not url.hostname:
        return "baseUrl must start with https:// and name a host"
    if url.username or url.password or url.query or url.fragment:
        return "baseUrl must not hold a user, a query or a fragment"
    for pattern in patterns:
        host, _, wanted = pattern.strip().lower().partition(":")
        allowed = str(port or (443 if url.scheme == "https" else 80))
        if fnmatchcase(url.hostname, host) and (
            fnmatchcase(allowed, wanted) if wanted else (url.scheme, allowed) == ("https", "443")
        ):
            return None
    return f"host {url.netloc} is not in the operator's ASKPROAI_PROVIDER_HOSTS; add it there or use an allowed server"
