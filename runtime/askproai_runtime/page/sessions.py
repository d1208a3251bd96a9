"""Sessions of the page: signed cookies, whose key comes of the admin token, so that a new token ends every session."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta
from typing import Final

import msgspec

LIFETIME: Final = timedelta(hours=12)  # a working day; a session is not prolonged
_PURPOSE: Final = b"askproai page session 1\n"  # the admin token is the key of other things, too (exposure_proof.py)


class Session(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who looks at the page. `name` is what they call themselves; `expires` in seconds since 1970. `tenant` is whose page it is."""

    id: str
    tenant: str
    is_reader: bool
    name: str
    expires: int

    @property
    def actor(self) -> str:
        """Return who acts, for the audit log: the name, which is what they claim, or else a part of the id, which is that of the
        entries of its login and logout there.
        """
        return self.name or f"page {self.id[:8]}"


class Signer:
    """Makes and verifies the cookies of one tenant and admin token."""

    def __init__(self, admin_token: str, tenant: str) -> None:
        self._key = hmac.new(admin_token.encode(), _PURPOSE, hashlib.sha256).digest()
        self._tenant = tenant

    def open(self, *, is_reader: bool, name: str, now: datetime) -> Session:
        """Return a new session."""
        return Session(secrets.token_hex(16), self._tenant, is_reader, name, int((now + LIFETIME).timestamp()))

    def seal(self, session: Session) -> str:
        """Return the cookie of a session."""
        body = urlsafe_b64encode(msgspec.json.encode(session)).decode()
        return f"{body}.{self._sign('session', body)}"

    def read(self, cookie: str, now: datetime) -> Session | None:
        """Return the session of a cookie; None for one that is not of this tenant and token, or has expired."""
        body, _, signature = cookie.partition(".")
        if not _equal(self._sign("session", body), signature):
            return None
        session = msgspec.json.decode(urlsafe_b64decode(body), type=Session)
        return session if session.tenant == self._tenant and session.expires > now.timestamp() else None

    def csrf(self, subject: str) -> str:
        """Return the token that each form of a session has, or of a visitor's login."""
        return self._sign("csrf", subject)

    def is_csrf(self, subject: str, presented: str) -> bool:
        return _equal(self._sign("csrf", subject), presented)

    def _sign(self, use: str, text: str) -> str:
        signed = f"{use}\n{text}".encode("utf-8", "surrogateescape")
        return hmac.new(self._key, signed, hashlib.sha256).hexdigest()


def cookie_name(tenant: str) -> str:
    """Return the name of a tenant's cookie: all ports of one host share their cookies, and each may be another tenant's page."""
    return f"askproai-{hashlib.sha256(tenant.encode()).hexdigest()[:12]}"


def _equal(expected: str, presented: str) -> bool:
    return hmac.compare_digest(expected.encode(), presented.encode("utf-8", "surrogateescape"))
