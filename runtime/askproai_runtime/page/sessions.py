"""Sessions of the page, as signed cookies. The key comes from the admin token, so that a new token ends every session."""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Final, TypeVar

import msgspec

from askproai_runtime.admin_api import Role
from askproai_runtime.admin_api.sessions import SESSION_LIFETIME
from askproai_runtime.oidc import Attempt
from askproai_runtime.page.origin import Origin

T = TypeVar("T")

LIFETIME: Final = SESSION_LIFETIME
_PURPOSE: Final = b"askproai page session 1\n"  # the admin token is the key of other things, too (exposure_proof.py)
_MAX_NAME: Final = 85  # with the beginning of the id it fits into the audit log's name


class Session(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A login to the page of `tenant`. `name` is the person's own name; `expires` is in seconds since 1970.

    `granted` is the role of a login at the issuer, which also supplies the name. None: a token has opened the session.
    """

    id: str
    tenant: str
    is_reader: bool
    name: str
    expires: int
    granted: Role | None = None

    def opens(self, origin: Origin) -> bool:
        """Return True if the session opens the page at an origin. At the published host, only an issuer's login does."""
        return not origin.is_published or self.granted is not None

    @property
    def role(self) -> Role:
        """Return the role that the issuer granted, or else the role of the token."""
        return self.granted or (Role.READER if self.is_reader else Role.OWNER)

    @property
    def actor(self) -> str:
        """Return the person's name for the audit log: the claimed name, or else a part of the session's id, which the audit log
        has with the login. For a login at the issuer return both, because names at an issuer can change or be equal.
        """
        if self.granted is not None:
            return f"{self.name[:_MAX_NAME]} ({self.id[:8]})"
        return self.name or f"page {self.id[:8]}"


class Signer:
    """Makes and verifies the cookies of one tenant and admin token.

    `login` is a hash of the issuer's login settings, its secret and its groups: after a change of them, people who logged in at
    the issuer must log in again. If it is None, no login at an issuer is valid.
    """

    def __init__(self, admin_token: str, tenant: str, login: str | None = None) -> None:
        self._key = hmac.new(admin_token.encode(), _PURPOSE, hashlib.sha256).digest()
        self._tenant, self._login = tenant, login

    def open(self, *, is_reader: bool, name: str, now: datetime) -> Session:
        """Return a new session for a login by a token: the reader token's if `is_reader`, else the admin token's."""
        return Session(secrets.token_hex(16), self._tenant, is_reader, name, int((now + LIFETIME).timestamp()))

    def open_granted(self, role: Role, name: str, now: datetime) -> Session:
        """Return a new session for a login at the issuer."""
        return msgspec.structs.replace(self.open(is_reader=role is Role.READER, name=name, now=now), granted=role)

    def seal(self, session: Session) -> str:
        """Return the signed cookie value of a session."""
        return self._seal("session" if session.granted is None else f"granted {self._login}", session)

    def read(self, cookie: str, now: datetime) -> Session | None:
        """Return the session in a cookie; None if it has expired, or was signed for another tenant, token or issuer's login."""
        session = self._open("session", cookie, Session)
        if session is None and self._login is not None:
            session = self._open(f"granted {self._login}", cookie, Session)
        if session is None or session.tenant != self._tenant:
            return None
        return session if session.expires > now.timestamp() else None

    def seal_attempt(self, attempt: Attempt) -> str:
        """Return the signed cookie value of a login attempt that has begun at the issuer."""
        return self._seal(f"attempt {self._tenant} {self._login}", attempt)

    def read_attempt(self, cookie: str) -> Attempt | None:
        """Return the login attempt in a cookie; None if it was signed for another tenant, token or issuer's login."""
        return self._open(f"attempt {self._tenant} {self._login}", cookie, Attempt)

    def csrf(self, subject: str) -> str:
        """Return the CSRF token for the forms of a session, or for a visitor's login form."""
        return self._sign("csrf", subject)

    def is_csrf(self, subject: str, presented: str) -> bool:
        return _equal(self._sign("csrf", subject), presented)

    def _seal(self, use: str, content: msgspec.Struct) -> str:
        body = urlsafe_b64encode(msgspec.json.encode(content)).decode()
        return f"{body}.{self._sign(use, body)}"

    def _open(self, use: str, cookie: str, kind: type[T]) -> T | None:
        body, _, signature = cookie.partition(".")
        if not _equal(self._sign(use, body), signature):
            return None
        return msgspec.json.decode(urlsafe_b64decode(body), type=kind)

    def _sign(self, use: str, text: str) -> str:
        signed = f"{use}\n{text}".encode("utf-8", "surrogateescape")
        return hmac.new(self._key, signed, hashlib.sha256).hexdigest()


def _equal(expected: str, presented: str) -> bool:
    return hmac.compare_digest(expected.encode(), presented.encode("utf-8", "surrogateescape"))
