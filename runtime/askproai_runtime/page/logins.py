"""Logins to a page, by a token or at an issuer. Each login opens a session. `Rights` decides who may log in."""

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import aiohttp
import msgspec
from aiohttp import web

from askproai_core.clock import Clock
from askproai_core.http_server import Problem
from askproai_runtime.admin_api import printable
from askproai_runtime.oidc import ATTEMPT_SECONDS, Failure, Identity, LoginFailed, OidcClient, Registration
from askproai_runtime.page.origin import Origin
from askproai_runtime.page.request import SECURITY, destination_of, set_cookie
from askproai_runtime.page.sessions import LIFETIME, Session, Signer
from askproai_runtime.page.words import Words
from askproai_runtime.redis.rate_limiter import too_many_requests

LOGIN_PATHS: Final = ("/login", "/login/issuer", "/login/callback")
LOGINS_PER_SECOND: Final = 5
_LOGIN_COOKIE_SECONDS: Final = 3600
_REFUSED: Final = web.HTTPForbidden.status_code


class Way(StrEnum):
    """The method of a login: by a token, or at the issuer (OpenID Connect)."""

    TOKEN = "token"  # noqa: S105 - a way, not a token
    ISSUER = "issuer"


@dataclass(frozen=True, slots=True)
class Issuer:
    """The configured login at an issuer. It cannot be used while `registration` is None: the client's secret is missing."""

    url: str
    registration: Registration | None

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or self.url


@dataclass(frozen=True, slots=True)
class LoginTexts:
    """The texts of a login form that differ between pages. `no_role` has the placeholders {name} and {issuer}."""

    key_hint: str
    not_ready: str
    no_role: str


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """One HTTP request to a path of `LOGIN_PATHS`. `render` returns the response for a template, its values and a status."""

    http: web.Request
    form: Mapping[str, str]
    signer: Signer
    origin: Origin
    words: Words
    texts: LoginTexts
    render: Callable[[str, Mapping[str, Any], int], Awaitable[web.Response]]


class Rights(Protocol):
    """The rules by which people may log in to one page. They record the result of each login."""

    @property
    def issuer(self) -> Issuer | None:
        """Return the configured login at an issuer, or None if none is configured."""
        ...

    async def admits(self, way: Way) -> bool:
        """Count an attempt to log in by this method. Return True if the rate limit admits it."""
        ...

    async def open_by_token(self, login: LoginRequest, token: str, name: str) -> Session | None:
        """Return a new session if the token is valid, else None."""
        ...

    async def open_for(self, login: LoginRequest, issuer: Issuer, identity: Identity, name: str) -> Session | None:
        """Return a new session for a person whom the issuer has identified; None if none of the person's groups has a role."""
        ...

    def record_failure(self, failed: LoginFailed) -> None:
        """Record that a login at the issuer failed before it identified a person."""
        ...


class Logins:
    """Answers the login paths of one page, and opens sessions for people whom `Rights` admits."""

    def __init__(self, rights: Rights, http: aiohttp.ClientSession, clock: Clock) -> None:
        self._rights, self._oidc = rights, OidcClient(http, clock)

    async def answer(self, login: LoginRequest) -> web.Response:
        """Answer one request to a path of `LOGIN_PATHS`."""
        match login.http.path:
            case "/login/issuer":
                return await self._begin(login)
            case "/login/callback":
                return await self._complete(login)
        if login.http.method == "POST":
            return await self._open_by_token(login)
        return await self._form(login, "", 200)

    async def _open_by_token(self, login: LoginRequest) -> web.Response:
        """Open a session by a token and the form's CSRF token. Raises `Problem`: 404 at the published host, 429 if too often."""
        origin = login.origin
        if origin.is_published:  # before the token is looked at: nobody can try tokens there
            raise Problem(404, "Not Found", "There is no login by a token here")
        visitor = login.http.cookies.get(f"{origin.cookie}-login", "")
        if not visitor or not login.signer.is_csrf(f"login {visitor}", login.form.get("csrf", "")):
            return await self._form(login, login.words.expired_form, _REFUSED)
        if not await self._rights.admits(Way.TOKEN):
            raise too_many_requests()
        token, name = login.form.get("token", "").strip(), printable(login.form.get("name", "").strip())
        session = await self._rights.open_by_token(login, token, name)
        if session is None:
            return await self._form(login, login.words.wrong_key, _REFUSED)
        location = destination_of(login.form.get("next", ""))
        response = web.Response(status=303, headers=SECURITY | {"Location": location})
        _set_session(response, login, session)
        response.del_cookie(f"{origin.cookie}-login", path=origin.login_path, secure=origin.is_secure)
        return response

    async def _form(self, login: LoginRequest, error: str, status: int) -> web.Response:
        """Return the login form with the methods of login that this origin permits, and with `error` if one is given."""
        origin, issuer, problem = login.origin, self._rights.issuer, ""
        if issuer is not None and issuer.registration is None:
            problem = login.texts.not_ready
        elif issuer is not None and origin.redirect_uri is None:
            problem = login.words.login.host_unknown
        visitor = secrets.token_hex(16)
        values = {
            "csrf": login.signer.csrf(f"login {visitor}"), "error": error, "problem": problem,
            "by_token": not origin.is_published, "key_hint": login.texts.key_hint,
            "issuer": issuer.host if issuer is not None and not problem else "",
            "next": destination_of(login.http.query.get("next", "")),
        }  # fmt: skip
        response = await login.render("login.html", values, status)
        if not origin.is_published:
            set_cookie(
                response, f"{origin.cookie}-login", visitor, _LOGIN_COOKIE_SECONDS, origin.login_path, secure=origin.is_secure
            )  # fmt: skip
        return response

    async def _begin(self, login: LoginRequest) -> web.Response:
        issuer, redirect_uri = self._rights.issuer, login.origin.redirect_uri
        if issuer is None or issuer.registration is None or redirect_uri is None:
            return await self._form(login, "", _REFUSED)
        try:
            destination = destination_of(login.http.query.get("next", ""))
            location, attempt = await self._oidc.begin(issuer.registration, redirect_uri, destination)
        except LoginFailed as failed:
            return await self._failed(login, failed)
        response = web.Response(status=303, headers=SECURITY | {"Location": location})
        # Lax: the browser comes back from the issuer's site.
        set_cookie(
            response, f"{login.origin.cookie}-issuer", login.signer.seal_attempt(attempt), ATTEMPT_SECONDS, "/",
            secure=login.origin.is_secure, same_site="Lax",
        )  # fmt: skip
        return response

    async def _complete(self, login: LoginRequest) -> web.Response:
        """Open a session for a person whom the issuer redirects back, if this browser began this login at this page."""
        origin, issuer = login.origin, self._rights.issuer
        attempt = login.signer.read_attempt(login.http.cookies.get(f"{origin.cookie}-issuer", ""))
        if (
            issuer is None
            or issuer.registration is None
            or attempt is None
            or attempt.redirect_uri != origin.redirect_uri
        ):
            return await self._failed(
                login, LoginFailed(Failure.BEGIN_AGAIN, "this browser has begun no login here")
            )  # fmt: skip
        if not await self._rights.admits(Way.ISSUER):
            raise too_many_requests()
        try:
            identity = await self._oidc.complete(issuer.registration, attempt, login.http.query)
        except LoginFailed as failed:
            response = await self._failed(login, failed)
        else:
            response = await self._open_for(login, issuer, identity, attempt.destination)
        response.del_cookie(f"{origin.cookie}-issuer", path="/", secure=origin.is_secure, httponly=True, samesite="Lax")
        return response

    async def _open_for(
        self, login: LoginRequest, issuer: Issuer, identity: Identity, destination: str
    ) -> web.Response:
        """Open a session with the role of the person's groups. If no group has a role, return a response that explains it."""
        name = printable(identity.name)
        session = await self._rights.open_for(login, issuer, identity, name)
        if session is None:
            return await self._form(login, login.texts.no_role.format(name=name, issuer=issuer.host), _REFUSED)
        # Not a redirect: a browser sends a cookie that is Strict with no request that began at another site, the issuer's.
        response = await login.render("logged_in.html", {"destination": destination}, 200)
        _set_session(response, login, session)
        return response

    async def _failed(self, login: LoginRequest, failed: LoginFailed) -> web.Response:
        self._rights.record_failure(failed)
        status = 503 if failed.failure is Failure.UNAVAILABLE else _REFUSED
        return await self._form(login, login.words.login.failures[failed.failure], status)


def fingerprint_of(settings: object, secret: str | None) -> str | None:
    """Return a hash of an issuer's login settings and client secret, by which a change is noticed; None if either is missing."""
    if settings is None or secret is None:
        return None
    return hashlib.sha256(msgspec.json.encode([settings, secret])).hexdigest()


def _set_session(response: web.Response, login: LoginRequest, session: Session) -> None:
    seconds = int(LIFETIME.total_seconds())
    set_cookie(response, login.origin.cookie, login.signer.seal(session), seconds, "/", secure=login.origin.is_secure)
