"""Logins to the fleet's page: by the platform token, and at the platform's issuer. What comes of one only looks."""

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import msgspec
import structlog
from aiohttp import web

from askproai_core.http_server import Problem, too_many_requests
from askproai_core.redis import ALL_TENANTS
from askproai_runtime.admin_api import Role, printable
from askproai_runtime.oidc import ATTEMPT_SECONDS, Failure, Identity, LoginFailed, OidcClient, Registration
from askproai_runtime.page.fleet.ended_sessions import LoginLimit
from askproai_runtime.page.fleet.serving import OIDC_CA, OIDC_CLIENT_SECRET, FleetSources
from askproai_runtime.page.fleet.words import FleetWords
from askproai_runtime.page.origin import Origin, destination_of, is_forwarded, origin_of
from askproai_runtime.page.request import SECURITY, set_cookie
from askproai_runtime.page.sessions import LIFETIME, Session, Signer, cookie_name
from askproai_runtime.page.words import Words

log = structlog.get_logger(__name__)

LOGIN_PATHS: Final = ("/login", "/login/issuer", "/login/callback")
_LOGIN_COOKIE_SECONDS: Final = 3600
_REFUSED: Final = web.HTTPForbidden.status_code
Html = Callable[[str, Words, FleetWords, Mapping[str, Any], int], Awaitable[web.Response]]


class FleetLogins:
    """Opens sessions. `html` answers with a template."""

    def __init__(self, sources: FleetSources, http: aiohttp.ClientSession, html: Html) -> None:
        self._sources, self._html = sources, html
        self._oidc = OidcClient(http, sources.clock)
        self._by_token, self._by_issuer = LoginLimit(sources.clock), LoginLimit(sources.clock)

    def signer(self, token: str) -> Signer:
        """Return what seals sessions: a new token ends them all, and a login that is set up otherwise those of the issuer."""
        settings, secret = self._sources.oidc, self._sources.credentials.get(OIDC_CLIENT_SECRET)
        if settings is None or secret is None:
            return Signer(token, ALL_TENANTS)
        return Signer(token, ALL_TENANTS, hashlib.sha256(msgspec.json.encode([settings, secret])).hexdigest())

    def origin(self, request: web.Request) -> Origin:
        """Return where the page is in the visitor's browser: the host of the settings, or a forwarded port.

        At the host a token opens nothing where there is a login at an issuer, as at a tenant's published page. All but a forwarded
        port counts as the host: a proxy routes it in capitals, with a port or a last dot, too, and the sender chooses how it is
        written.
        """
        host = self._sources.host
        if host and not is_forwarded(request):
            cookie = f"__Host-{cookie_name(ALL_TENANTS)}"
            by_issuer_alone = self._sources.oidc is not None
            return Origin(is_published=by_issuer_alone, base_url=f"https://{host}", cookie=cookie, is_secure=True)
        return origin_of(request, ALL_TENANTS, "")

    async def answer(
        self, request: web.Request, form: Mapping[str, str], signer: Signer, words: Words, own: FleetWords
    ) -> web.Response:
        """Answer one request to a path of `LOGIN_PATHS`."""
        match request.path:
            case "/login/issuer":
                return await self._begin(request, signer, words, own)
            case "/login/callback":
                return await self._complete(request, signer, words, own)
        if request.method == "POST":
            return await self._open_by_token(request, form, signer, words, own)
        return await self._form(request, signer, words, own, "", 200)

    async def _open_by_token(
        self, request: web.Request, form: Mapping[str, str], signer: Signer, words: Words, own: FleetWords
    ) -> web.Response:
        """Open a session by the token. The form's token belongs to a cookie of the visitor's own."""
        origin = self.origin(request)
        if origin.is_published:  # before the token is looked at: nobody can try tokens there
            raise Problem(404, "Not Found", "There is no login by a token here")
        visitor = request.cookies.get(f"{origin.cookie}-login", "")
        if not visitor or not signer.is_csrf(f"login {visitor}", form.get("csrf", "")):
            return await self._form(request, signer, words, own, words.expired_form, _REFUSED)
        if not self._by_token.admits():
            raise too_many_requests()
        if not self._is_token(form.get("token", "").strip()):
            log.warning("fleet_page.login_refused", by="token")
            return await self._form(request, signer, words, own, words.wrong_key, _REFUSED)
        session = signer.open(
            is_reader=True, name=printable(form.get("name", "").strip()), now=self._sources.clock.now()
        )  # fmt: skip
        log.info("fleet_page.login", session=session.id, by="token", claimed_by=session.name)
        location = destination_of(form.get("next", ""))
        response = web.Response(status=303, headers=SECURITY | {"Location": location})
        _set_session(response, origin, signer, session)
        response.del_cookie(f"{origin.cookie}-login", path="/", secure=origin.is_secure)
        return response

    def _is_token(self, presented: str) -> bool:
        token = self._sources.token()
        return token is not None and hmac.compare_digest(
            token.encode(), presented.encode("utf-8", "surrogateescape")
        )  # fmt: skip

    async def _form(
        self, request: web.Request, signer: Signer, words: Words, own: FleetWords, error: str, status: int
    ) -> web.Response:
        """Answer with all ways to log in."""
        origin, settings, problem = self.origin(request), self._sources.oidc, ""
        if settings is not None and self._registration() is None:
            problem = own.issuer_not_ready
        elif settings is not None and origin.redirect_uri is None:
            problem = words.login.host_unknown
        visitor = secrets.token_hex(16)
        values = {
            "csrf": signer.csrf(f"login {visitor}"), "error": error, "problem": problem,
            "by_token": not origin.is_published, "key_hint": own.key_hint,
            "issuer": _host_of(settings.issuer) if settings is not None and not problem else "",
            "next": destination_of(request.query.get("next", "")),
        }  # fmt: skip
        response = await self._html("login.html", words, own, values, status)
        set_cookie(response, f"{origin.cookie}-login", visitor, _LOGIN_COOKIE_SECONDS, "/", secure=origin.is_secure)
        return response

    async def _begin(self, request: web.Request, signer: Signer, words: Words, own: FleetWords) -> web.Response:
        """Send the browser to the issuer."""
        origin, registration = self.origin(request), self._registration()
        if registration is None or origin.redirect_uri is None:
            return await self._form(request, signer, words, own, "", _REFUSED)
        try:
            destination = destination_of(request.query.get("next", ""))
            location, attempt = await self._oidc.begin(registration, origin.redirect_uri, destination)
        except LoginFailed as failed:
            return await self._failed(request, signer, words, own, failed)
        response = web.Response(status=303, headers=SECURITY | {"Location": location})
        sealed = signer.seal_attempt(attempt)
        # Lax: the browser comes back from the issuer's site.
        set_cookie(
            response, f"{origin.cookie}-issuer", sealed, ATTEMPT_SECONDS, "/", secure=origin.is_secure, same_site="Lax"
        )  # fmt: skip
        return response

    async def _complete(self, request: web.Request, signer: Signer, words: Words, own: FleetWords) -> web.Response:
        """Open a session for who comes back from the issuer, at this browser and for the login that has begun here."""
        origin, registration = self.origin(request), self._registration()
        attempt = signer.read_attempt(request.cookies.get(f"{origin.cookie}-issuer", ""))
        if registration is None or attempt is None or attempt.redirect_uri != origin.redirect_uri:
            failed = LoginFailed(Failure.BEGIN_AGAIN, "this browser has begun no login here")
            return await self._failed(request, signer, words, own, failed)
        if not self._by_issuer.admits():
            raise too_many_requests()
        try:
            identity = await self._oidc.complete(registration, attempt, request.query)
        except LoginFailed as failed:
            response = await self._failed(request, signer, words, own, failed)
        else:
            response = await self._let_in(request, signer, words, own, identity, attempt.destination)
        response.del_cookie(f"{origin.cookie}-issuer", path="/", secure=origin.is_secure, httponly=True, samesite="Lax")
        return response

    async def _let_in(
        self, request: web.Request, signer: Signer, words: Words, own: FleetWords, identity: Identity, destination: str
    ) -> web.Response:
        """Open a session for who has one of the platform's groups, or say that they have none."""
        settings, name = self._sources.oidc, printable(identity.name)
        assert settings is not None, "the login was begun with them"
        who = {"by": _host_of(settings.issuer), "subject": printable(identity.subject), "claimed_by": name}
        if not identity.groups.intersection(settings.platform_groups):
            log.warning("fleet_page.login_refused", groups=len(identity.groups), **who)
            text = own.no_role.format(name=name, issuer=_host_of(settings.issuer))
            return await self._form(request, signer, words, own, text, _REFUSED)
        session = signer.open_granted(Role.READER, name, self._sources.clock.now())
        log.info("fleet_page.login", session=session.id, **who)
        # Not a redirect: a browser sends a cookie that is Strict with no request that began at another site, the issuer's.
        response = await self._html("logged_in.html", words, own, {"destination": destination}, 200)
        _set_session(response, self.origin(request), signer, session)
        return response

    async def _failed(
        self, request: web.Request, signer: Signer, words: Words, own: FleetWords, failed: LoginFailed
    ) -> web.Response:
        log.warning("fleet_page.login_failed", failure=failed.failure, why=str(failed))
        status = 503 if failed.failure is Failure.UNAVAILABLE else _REFUSED
        return await self._form(request, signer, words, own, words.login.failures[failed.failure], status)

    def _registration(self) -> Registration | None:
        settings, secret = self._sources.oidc, self._sources.credentials.get(OIDC_CLIENT_SECRET)
        if settings is None or secret is None:
            return None
        ca_file = self._sources.credentials.directory / OIDC_CA
        return Registration(
            settings.issuer, settings.client_id, secret, (), settings.roles_claim, ca_file if ca_file.is_file() else None
        )  # fmt: skip


def _set_session(response: web.Response, origin: Origin, signer: Signer, session: Session) -> None:
    seconds = int(LIFETIME.total_seconds())
    set_cookie(response, origin.cookie, signer.seal(session), seconds, "/", secure=origin.is_secure)


def _host_of(issuer: str) -> str:
    return urlsplit(issuer).hostname or issuer
