"""One login, from the redirect to the identity (OpenID Connect Core 1.0, authorization code flow; PKCE, RFC 7636)."""

import asyncio
import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import msgspec

from askproai_core.clock import Clock
from askproai_runtime.oidc.failures import Failure, LoginFailed
from askproai_runtime.oidc.identity import Identity, find_claim, identity_of
from askproai_runtime.oidc.issuer import Issuer

ATTEMPT_SECONDS: Final = 600  # that a visitor may take at the issuer
_MAX_CODE: Final = 4096


@dataclass(frozen=True, slots=True)
class Registration:
    """The registration of a page as a client of its issuer. Its `repr` does not contain the secret."""

    issuer: str
    client_id: str
    client_secret: str
    scopes: tuple[str, ...] = ()  # in addition to openid
    roles_claim: str = "groups"
    ca_file: Path | None = None  # PEM certificates that are trusted instead of the system's

    def __repr__(self) -> str:
        return f"Registration({self.issuer}, {self.client_id})"


class Attempt(msgspec.Struct, frozen=True):
    """A login that has begun. It is kept, sealed, in the visitor's browser, so that it is completed there and only once.

    `destination` is the path to show afterwards; `expires` is in seconds since 1970.
    """

    state: str
    nonce: str
    verifier: str
    redirect_uri: str
    destination: str
    expires: int


class OidcClient:
    """Logs visitors in at the issuer that a registration names. A changed registration takes effect at the next login."""

    def __init__(self, http: aiohttp.ClientSession, clock: Clock) -> None:
        self._http, self._clock = http, clock
        self._issuer: Issuer | None = None

    async def begin(self, registration: Registration, redirect_uri: str, destination: str) -> tuple[str, Attempt]:
        """Begin a login: return the issuer's URL to which to redirect the browser, and the attempt. Raises `LoginFailed`."""
        metadata = await self._issuer_of(registration).metadata()
        expires = int(self._clock.now().timestamp()) + ATTEMPT_SECONDS
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        attempt = Attempt(state, nonce, verifier, redirect_uri, destination, expires)
        query = {
            "response_type": "code",
            "client_id": registration.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(dict.fromkeys(["openid", *registration.scopes])),
            "state": state,
            "nonce": nonce,
            "code_challenge": urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        separator = "&" if "?" in metadata.authorization_endpoint else "?"
        return f"{metadata.authorization_endpoint}{separator}{urlencode(query)}", attempt

    async def complete(self, registration: Registration, attempt: Attempt, answer: Mapping[str, str]) -> Identity:
        """Return the person who has logged in. `answer` is the query of the issuer's redirect. Raises `LoginFailed`.

        The attempt must come from the same browser. A code is exchanged only once, so an attempt is completed only once.
        """
        if not hmac.compare_digest(attempt.state.encode(), answer.get("state", "").encode("utf-8", "surrogateescape")):
            raise LoginFailed(Failure.BEGIN_AGAIN, "the state is of another login")
        if attempt.expires <= self._clock.now().timestamp():
            raise LoginFailed(Failure.BEGIN_AGAIN, "the login took too long")
        issuer = self._issuer_of(registration)
        metadata = await issuer.metadata()
        named = answer.get("iss")  # RFC 9207: an answer of another issuer's must not be taken for this one's
        if named != metadata.issuer and (named or metadata.authorization_response_iss_parameter_supported):
            raise LoginFailed(Failure.NOT_VALID, "the answer is of another issuer")
        if "error" in answer:
            raise _refusal(answer["error"])
        if not 0 < len(answer.get("code", "")) <= _MAX_CODE:
            raise LoginFailed(Failure.BEGIN_AGAIN, "the answer has no code")
        form = {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": attempt.redirect_uri,
            "code_verifier": attempt.verifier,
        }
        tokens = await issuer.exchange(form, registration.client_id, registration.client_secret)
        claims = await self._verify(issuer, tokens.id_token, registration, attempt)
        if find_claim(claims, registration.roles_claim) is None:
            more = await issuer.userinfo(tokens.access_token)
            claims = {**more, **claims} if more.get("sub") == claims["sub"] else claims  # signed claims take precedence
        return identity_of(claims, registration.roles_claim)

    def _issuer_of(self, registration: Registration) -> Issuer:
        known = self._issuer
        if known is None or (known.url, known.ca_file) != (registration.issuer, registration.ca_file):
            known = self._issuer = Issuer(self._http, self._clock, registration.issuer, registration.ca_file)
        return known

    async def _verify(
        self, issuer: Issuer, token: str, registration: Registration, attempt: Attempt
    ) -> Mapping[str, Any]:
        """Return the verified claims of an ID token. If its key is unknown, first fetch the issuer's keys again."""
        keys = await issuer.keys()
        # joserfc is imported for the first login, in a thread: callers wait for no import, and most pods never need it.
        module = await asyncio.to_thread(import_module, "askproai_runtime.oidc.id_token")
        expected = {
            "issuer": registration.issuer,
            "client_id": registration.client_id,
            "nonce": attempt.nonce,
            "now": self._clock.now(),
        }
        claims: Mapping[str, Any]
        try:
            claims = module.verify_id_token(token, keys, **expected)
        except module.UnknownKey:
            try:
                claims = module.verify_id_token(token, await issuer.keys(again=True), **expected)
            except module.UnknownKey:
                raise LoginFailed(Failure.NOT_VALID, "the ID token is signed with an unknown key") from None
        return claims


def _refusal(error: str) -> LoginFailed:
    """Return the `LoginFailed` for an error code of the authorization endpoint (RFC 6749, section 4.1.2.1)."""
    match error:
        case "temporarily_unavailable" | "server_error":
            return LoginFailed(Failure.UNAVAILABLE, f"the issuer answers {error}")
        case "unauthorized_client" | "invalid_scope" | "invalid_request" | "unsupported_response_type":
            return LoginFailed(Failure.NOT_SET_UP, f"the issuer answers {error}")
    return LoginFailed(Failure.DENIED, "the issuer has refused the login")
