"""Requests to an issuer: its metadata, keys and tokens. All requests to it are here, each limited in time and size."""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote_plus, urlsplit

import aiohttp
import msgspec

from askproai_core.clock import Clock
from askproai_core.http_answers import read_answer
from askproai_runtime.oidc.failures import Failure, LoginFailed

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

T = TypeVar("T")
REQUEST_SECONDS: Final = 5.0
_MAX_ANSWER_BYTES: Final = 512 * 1024
_KNOWN_FOR: Final = timedelta(hours=1)  # metadata and keys
_FAILED_FOR: Final = timedelta(seconds=3)  # not every visitor asks an issuer that does not answer
_KEYS_AGAIN_AFTER: Final = timedelta(seconds=10)  # a token with an unknown key makes us ask, and anyone can send one
_OK: Final = 200
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_BASIC, _POST = "client_secret_basic", "client_secret_post"
# RFC 6749, section 5.2: the errors that a visitor cannot mend.
_OF_THE_CLIENT: Final = frozenset({"invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope"})


class Metadata(msgspec.Struct, frozen=True):
    """The members used of `/.well-known/openid-configuration` (OpenID Connect Discovery 1.0)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = (_BASIC,)
    authorization_response_iss_parameter_supported: bool = False  # RFC 9207


class Tokens(msgspec.Struct, frozen=True):
    """The tokens in the answer of the token endpoint."""

    id_token: str
    access_token: str = ""


class Issuer:
    """One issuer of logins. Its metadata and keys are kept for an hour; `keys(again=True)` fetches the keys before that."""

    def __init__(self, http: aiohttp.ClientSession, clock: Clock, url: str, ca_file: Path | None) -> None:
        self.url, self.ca_file = url, ca_file
        self._http, self._clock = http, clock
        self._context: ssl.SSLContext | bool = True
        self._asking = asyncio.Lock()
        self._metadata: Metadata | None = None
        self._keys: KeySet | None = None
        self._failure: LoginFailed | None = None
        self._read_at = self._failed_at = self._keys_at = self._keys_again_at = float("-inf")

    async def metadata(self) -> Metadata:
        """Return the issuer's published metadata. Raises `LoginFailed`."""
        async with self._asking:
            if self._metadata is not None and not self._is_over(self._read_at, _KNOWN_FOR):
                return self._metadata
            self._metadata = await self._noting_failure(self._read_metadata)
            self._read_at = self._clock.monotonic()
            return self._metadata

    async def keys(self, *, again: bool = False) -> "KeySet":
        """Return the issuer's keys. With `again` fetch them anew, unless `again` was already used in the last 10 seconds.

        Raises `LoginFailed`.
        """
        metadata = await self.metadata()
        async with self._asking:
            again = again and self._is_over(self._keys_again_at, _KEYS_AGAIN_AFTER)
            if self._keys is None or again or self._is_over(self._keys_at, _KNOWN_FOR):
                if again:
                    self._keys_again_at = self._clock.monotonic()
                self._keys = await self._noting_failure(partial(self._read_keys, metadata.jwks_uri))
                self._keys_at = self._clock.monotonic()
            assert self._keys is not None, "it was read"
            return self._keys

    async def exchange(self, form: Mapping[str, str], client_id: str, client_secret: str) -> Tokens:
        """Exchange an authorization code for tokens. Raises `LoginFailed`."""
        metadata, headers, form = await self.metadata(), dict[str, str](), dict(form)
        if _BASIC in metadata.token_endpoint_auth_methods_supported:
            # RFC 6749, section 2.3.1.
            login = aiohttp.encode_basic_auth(quote_plus(client_id), quote_plus(client_secret))
            headers["Authorization"] = login
        elif _POST in metadata.token_endpoint_auth_methods_supported:
            form |= {"client_id": client_id, "client_secret": client_secret}
        else:
            raise LoginFailed(Failure.NOT_SET_UP, f"the issuer takes a client's secret neither by {_BASIC} nor {_POST}")
        status, document = await self._ask("POST", metadata.token_endpoint, form, headers)
        if status != _OK:
            error = str(document.get("error", ""))
            failure = Failure.NOT_SET_UP if error in _OF_THE_CLIENT else Failure.BEGIN_AGAIN
            raise LoginFailed(
                failure, f"the issuer exchanges no code: {status} {error if error in _OF_THE_CLIENT else ''}"
            )
        try:
            return msgspec.convert(document, Tokens)
        except msgspec.ValidationError:
            raise LoginFailed(Failure.NOT_VALID, "the issuer has sent no ID token: openid is a scope of it") from None

    async def userinfo(self, access_token: str) -> Mapping[str, Any]:
        """Return the claims of the userinfo endpoint, or {} if it has none. Raises `LoginFailed`."""
        metadata = await self.metadata()
        if not metadata.userinfo_endpoint or not access_token:
            return {}
        headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
        status, document = await self._ask("GET", metadata.userinfo_endpoint, None, headers)
        return document if status == _OK else {}

    async def _noting_failure(self, read: Callable[[], Awaitable[T]]) -> T:
        """Return the result of `read`. If it fails, logins of the next 3 seconds fail with the same `LoginFailed`."""
        if self._failure is not None and not self._is_over(self._failed_at, _FAILED_FOR):
            raise LoginFailed(self._failure.failure, str(self._failure))
        try:
            found = await read()
        except LoginFailed as failed:
            self._failure, self._failed_at = failed, self._clock.monotonic()
            raise
        self._failure = None
        return found

    async def _read_keys(self, url: str) -> "KeySet":
        status, document = await self._ask("GET", url)
        if status != _OK:  # the known keys stay
            raise LoginFailed(Failure.UNAVAILABLE, f"the issuer's keys are answered {status}")
        module = await asyncio.to_thread(import_module, "askproai_runtime.oidc.id_token")
        keys: KeySet = await asyncio.to_thread(module.read_keys, document)
        return keys

    async def _read_metadata(self) -> Metadata:
        self._context = await asyncio.to_thread(self._trust)
        status, document = await self._ask("GET", f"{self.url.rstrip('/')}/.well-known/openid-configuration")
        try:
            if status != _OK:
                raise LoginFailed(Failure.UNAVAILABLE, f"the issuer's metadata is answered {status}")
            metadata = msgspec.convert(document, Metadata)
        except msgspec.ValidationError as error:
            raise LoginFailed(Failure.NOT_SET_UP, f"the issuer's metadata cannot be used: {error}") from None
        if metadata.issuer != self.url:
            text = "the issuer's metadata names another issuer: write it as its metadata does, also the last slash"
            raise LoginFailed(Failure.NOT_SET_UP, text)
        self._require_safe(metadata.authorization_endpoint)
        return metadata

    def _trust(self) -> ssl.SSLContext | bool:
        if self.ca_file is None:
            return True
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ssl.SSLError) as error:
            text = f"the authority of the issuer cannot be read: {type(error).__name__}"
            raise LoginFailed(Failure.NOT_SET_UP, text) from None

    async def _ask(
        self, method: str, url: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Send a request. Return the response's status and JSON object ({} if the body is no object). Raises `LoginFailed`."""
        self._require_safe(url)
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                async with self._http.request(
                    method, url, data=form, headers=headers, ssl=self._context, allow_redirects=False
                ) as answer:
                    body = await read_answer(answer, _MAX_ANSWER_BYTES)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            if isinstance(error, aiohttp.ClientSSLError):  # the issuer's authority may have changed
                self._read_at = float("-inf")
            text = f"the issuer does not answer: {type(error).__name__}"
            raise LoginFailed(Failure.UNAVAILABLE, text) from None
        if answer.status >= 500 or answer.status == 429:  # noqa: PLR2004  HTTP's own numbers
            raise LoginFailed(Failure.UNAVAILABLE, f"the issuer answers {answer.status}")
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            document = None
        return answer.status, document if isinstance(document, dict) else {}

    def _require_safe(self, url: str) -> None:
        """Raise `LoginFailed` for a URL without TLS, since secrets are sent to it. A URL of this machine needs no TLS."""
        is_local = (urlsplit(self.url).hostname or "") in _LOOPBACK
        if not url.startswith("https://") and not (is_local and urlsplit(url).netloc == urlsplit(self.url).netloc):
            raise LoginFailed(Failure.NOT_SET_UP, "the issuer names an endpoint without https")

    def _is_over(self, since: float, span: timedelta) -> bool:
        return self._clock.monotonic() - since >= span.total_seconds()
