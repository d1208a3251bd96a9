"""Logins to the page: by a token on the private port, and at the tenant's issuer on both ports. What comes of one is a session."""

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import structlog
from aiohttp import web

from askproai_core.http_server import Problem, correlation_id, too_many_requests
from askproai_core.redis import RateLimiter
from askproai_core.tenant_config import OIDC_CA, OIDC_CLIENT_SECRET, OidcSettings, PageRoles
from askproai_runtime.admin_api import PulseStore, Role, find_access, printable
from askproai_runtime.oidc import ATTEMPT_SECONDS, Failure, Identity, LoginFailed, OidcClient, Registration
from askproai_runtime.page.origin import Origin, destination_of
from askproai_runtime.page.request import SECURITY, set_cookie
from askproai_runtime.page.sessions import LIFETIME, Session, Signer
from askproai_runtime.page.words import Words
from askproai_runtime.process import Process

log = structlog.get_logger(__name__)

LOGIN_PATHS: Final = ("/login", "/login/issuer", "/login/callback")
_LOGINS_PER_SECOND: Final = 5
_LOGIN_COOKIE_SECONDS: Final = 3600
_REFUSED: Final = web.HTTPForbidden.status_code
Html = Callable[[str, Words, Mapping[str, Any], int], Awaitable[web.Response]]


def role_of(groups: frozenset[str], roles: PageRoles) -> Role | None:
    """Return the first of the roles owner, staff and reader that one of the groups has; None if none has any."""
    mapped = {Role.OWNER: roles.owner, Role.STAFF: roles.staff, Role.READER: roles.reader}
    return next((role for role, names in mapped.items() if groups.intersection(names)), None)


class Logins:
    """Opens sessions. `html` answers with a template."""

    def __init__(self, process: Process, store: PulseStore, html: Html) -> None:
        self._process, self._store, self._html = process, store, html
        self._oidc = OidcClient(process.session, process.clock)
        # Two, so that whoever is at the published host keeps nobody from the private port.
        self._by_token = RateLimiter(process.shared, process.clock, "page-logins")
        self._by_issuer = RateLimiter(process.shared, process.clock, "page-oidc-logins")

    @property
    def settings(self) -> OidcSettings | None:
        """Return the login at an issuer as the tenant wants it."""
        page = self._process.config.current.page
        return page.oidc if page is not None else None

    @property
    def fingerprint(self) -> str | None:
        """Return what identifies that login as it is set up, with its secret; None where it cannot be used."""
        settings, secret = self.settings, self._process.credentials.get(OIDC_CLIENT_SECRET)
        if settings is None or secret is None:
            return None
        return hashlib.sha256(msgspec.json.encode([settings, secret])).hexdigest()

    async def answer(
        self, request: web.Request, form: Mapping[str, str], signer: Signer, origin: Origin, words: Words
    ) -> web.Response:
        """Answer one request to a path of `LOGIN_PATHS`."""
        match request.path:
            case "/login/issuer":
                return await self._begin(request, signer, origin, words)
            case "/login/callback":
                return await self._complete(request, signer, origin, words)
        if request.method == "POST":
            return await self._open_by_token(request, form, signer, origin, words)
        return await self._form(request, signer, origin, words, "", 200)

    async def _open_by_token(
        self, request: web.Request, form: Mapping[str, str], signer: Signer, origin: Origin, words: Words
    ) -> web.Response:
        """Open a session by a token. The form's token belongs to a cookie of the visitor's own."""
        if origin.is_published:  # before the token is looked at: nobody can try tokens there
            raise Problem(404, "Not Found", "There is no login by a token here")
        visitor = request.cookies.get(f"{origin.cookie}-login", "")
        if not visitor or not signer.is_csrf(f"login {visitor}", form.get("csrf", "")):
            return await self._form(request, signer, origin, words, words.expired_form, _REFUSED)
        if not await self._by_token.admits(_LOGINS_PER_SECOND):
            raise too_many_requests()
        access = find_access(self._process, form.get("token", "").strip())
        if access is None:
            log.warning("page.login_refused")
            return await self._form(request, signer, origin, words, words.wrong_key, _REFUSED)
        name = printable(form.get("name", "").strip())
        session = signer.open(is_reader=access.is_reader, name=name, now=self._process.clock.now())
        await self._store.record_session("page.login", session.id, session_detail(session))
        log.info("page.login", role=session.role)
        location = destination_of(form.get("next", ""))
        response = web.Response(status=303, headers=SECURITY | {"Location": location})
        _set_session(response, origin, signer, session)
        response.del_cookie(f"{origin.cookie}-login", path="/login")
        return response

    async def _form(
        self, request: web.Request, signer: Signer, origin: Origin, words: Words, error: str, status: int
    ) -> web.Response:
        """Answer with all ways to log in."""
        settings, problem = self.settings, ""
        if settings is not None and self.fingerprint is None:
            problem = words.login.not_ready
        elif settings is not None and origin.redirect_uri is None:
            problem = words.login.host_unknown
        visitor = secrets.token_hex(16)
        values = {
            "csrf": signer.csrf(f"login {visitor}"), "error": error, "problem": problem, "by_token": not origin.is_published,
            "issuer": _host_of(settings) if settings is not None and not problem else "",
            "next": destination_of(request.query.get("next", "")),
        }  # fmt: skip
        response = await self._html("login.html", words, values, status)
        if not origin.is_published:
            set_cookie(
                response, f"{origin.cookie}-login", visitor, _LOGIN_COOKIE_SECONDS, "/login", secure=origin.is_secure
            )
        return response

    async def _begin(self, request: web.Request, signer: Signer, origin: Origin, words: Words) -> web.Response:
        """Send the browser to the issuer."""
        registration, redirect_uri = self._registration(), origin.redirect_uri
        if registration is None or redirect_uri is None:
            return await self._form(request, signer, origin, words, "", _REFUSED)
        try:
            destination = destination_of(request.query.get("next", ""))
            location, attempt = await self._oidc.begin(registration, redirect_uri, destination)
        except LoginFailed as failed:
            return await self._failed(request, signer, origin, words, failed)
        response = web.Response(status=303, headers=SECURITY | {"Location": location})
        # Lax: the browser comes back from the issuer's site.
        set_cookie(
            response, f"{origin.cookie}-issuer", signer.seal_attempt(attempt), ATTEMPT_SECONDS, "/", secure=origin.is_secure,
            same_site="Lax",
        )  # fmt: skip
        return response

    async def _complete(self, request: web.Request, signer: Signer, origin: Origin, words: Words) -> web.Response:
        """Open a session for who comes back from the issuer, at this browser and for the login that has begun here."""
        registration, settings = self._registration(), self.settings
        attempt = signer.read_attempt(request.cookies.get(f"{origin.cookie}-issuer", ""))
        if registration is None or settings is None or attempt is None or attempt.redirect_uri != origin.redirect_uri:
            failed = LoginFailed(Failure.BEGIN_AGAIN, "this browser has begun no login here")
            return await self._failed(request, signer, origin, words, failed)
        if not await self._by_issuer.admits(_LOGINS_PER_SECOND):
            raise too_many_requests()
        try:
            identity = await self._oidc.complete(registration, attempt, request.query)
        except LoginFailed as failed:
            response = await self._failed(request, signer, origin, words, failed)
        else:
            response = await self._let_in(request, signer, origin, words, settings, identity, attempt.destination)
        response.del_cookie(f"{origin.cookie}-issuer", path="/", secure=origin.is_secure, httponly=True, samesite="Lax")
        return response

    async def _let_in(
        self, request: web.Request, signer: Signer, origin: Origin, words: Words, settings: OidcSettings, identity: Identity,
        destination: str,
    ) -> web.Response:  # fmt: skip
        """Open a session with the role of the visitor's groups, or say that they have none."""
        role, name = role_of(identity.groups, settings.roles), printable(identity.name)
        subject = printable(identity.subject)
        if role is None:
            await self._store.record_refusal(settings.issuer, subject, name, correlation_id(request))
            log.warning("page.login_refused", groups=len(identity.groups))
            text = words.login.no_role.format(name=name, issuer=_host_of(settings))
            return await self._form(request, signer, origin, words, text, _REFUSED)
        session = signer.open_granted(role, name, self._process.clock.now())
        who = {"role": role, "issuer": settings.issuer, "subject": subject, "claimed_by": name}
        await self._store.record_session("page.login", session.id, who)
        log.info("page.login", role=role)
        # Not a redirect: a browser sends a cookie that is Strict with no request that began at another site, the issuer's.
        response = await self._html("logged_in.html", words, {"destination": destination}, 200)
        _set_session(response, origin, signer, session)
        return response

    async def _failed(
        self, request: web.Request, signer: Signer, origin: Origin, words: Words, failed: LoginFailed
    ) -> web.Response:
        log.warning("page.login_failed", failure=failed.failure, why=str(failed))
        status = 503 if failed.failure is Failure.UNAVAILABLE else _REFUSED
        return await self._form(request, signer, origin, words, words.login.failures[failed.failure], status)

    def _registration(self) -> Registration | None:
        settings, secret = self.settings, self._process.credentials.get(OIDC_CLIENT_SECRET)
        if settings is None or secret is None:
            return None
        ca_file = self._process.credentials.directory / OIDC_CA if settings.private_ca else None
        return Registration(
            settings.issuer, settings.client_id, secret, settings.scopes, settings.roles_claim, ca_file
        )  # fmt: skip


def session_detail(session: Session) -> Mapping[str, str | None]:
    """Return what the audit log has of a session's login and logout."""
    if session.granted is None:
        return {"token": "reader" if session.is_reader else "admin", "claimed_by": session.name or None}
    return {"role": session.role, "claimed_by": session.name}


def _set_session(response: web.Response, origin: Origin, signer: Signer, session: Session) -> None:
    seconds = int(LIFETIME.total_seconds())
    set_cookie(response, origin.cookie, signer.seal(session), seconds, "/", secure=origin.is_secure)


def _host_of(settings: OidcSettings) -> str:
    return urlsplit(settings.issuer).hostname or settings.issuer
