"""The logins to a tenant's page, by one of its tokens or by a group at the issuer."""

from collections.abc import Mapping

import structlog

from askproai_core.http_server import correlation_id
from askproai_core.tenant_config.page import OIDC_CA, OIDC_CLIENT_SECRET, OidcSettings, PageRoles
from askproai_runtime.admin_api import PulseStore, Role, find_access, printable
from askproai_runtime.oidc import Identity, LoginFailed, Registration
from askproai_runtime.page.logins import LOGINS_PER_SECOND, Issuer, LoginRequest, Way, fingerprint_of
from askproai_runtime.page.sessions import Session
from askproai_runtime.process import Process
from askproai_runtime.redis.rate_limiter import RateLimiter

log = structlog.get_logger(__name__)


def role_of(groups: frozenset[str], roles: PageRoles) -> Role | None:
    """Return the highest role (owner, then staff, then reader) that any of the groups has; None if no group has a role."""
    mapped = {Role.OWNER: roles.owner, Role.STAFF: roles.staff, Role.READER: roles.reader}
    return next((role for role, names in mapped.items() if groups.intersection(names)), None)


def session_detail(session: Session) -> Mapping[str, str | None]:
    """Return for the audit log the person's name, and the session's role, or for a login by a token the kind of token."""
    if session.granted is None:
        return {"token": "reader" if session.is_reader else "admin", "claimed_by": session.name or None}
    return {"role": session.role, "claimed_by": session.name}


class TenantRights:
    """The rules by which people may log in to one tenant's page. The audit log records each login."""

    def __init__(self, process: Process, store: PulseStore) -> None:
        self._process, self._store = process, store
        # Two limits, so that attempts at the published host cannot block logins at the private port.
        self._limits = {
            Way.TOKEN: RateLimiter(process.shared, process.clock, "page-logins"),
            Way.ISSUER: RateLimiter(process.shared, process.clock, "page-oidc-logins"),
        }

    @property
    def fingerprint(self) -> str | None:
        """Return a hash of the issuer's login settings and secret, or None if that login cannot be used."""
        return fingerprint_of(self._settings, self._process.credentials.get(OIDC_CLIENT_SECRET))

    @property
    def issuer(self) -> Issuer | None:
        settings, secret = self._settings, self._process.credentials.get(OIDC_CLIENT_SECRET)
        if settings is None:
            return None
        if secret is None:
            return Issuer(settings.issuer, None)
        ca_file = self._process.credentials.directory / OIDC_CA if settings.private_ca else None
        registration = Registration(
            settings.issuer, settings.client_id, secret, settings.scopes, settings.roles_claim, ca_file
        )  # fmt: skip
        return Issuer(settings.issuer, registration)

    async def admits(self, way: Way) -> bool:
        return await self._limits[way].admits(LOGINS_PER_SECOND)

    async def open_by_token(self, login: LoginRequest, token: str, name: str) -> Session | None:
        access = find_access(self._process, token)
        if access is None:
            log.warning("page.login_refused")
            return None
        session = login.signer.open(is_reader=access.is_reader, name=name, now=self._process.clock.now())
        await self._store.record_session("page.login", session.id, session_detail(session))
        log.info("page.login", role=session.role)
        return session

    async def open_for(self, login: LoginRequest, issuer: Issuer, identity: Identity, name: str) -> Session | None:
        settings, subject = self._settings, printable(identity.subject)
        role = role_of(identity.groups, settings.roles) if settings is not None else None
        if role is None:
            await self._store.record_refusal(issuer.url, subject, name, correlation_id(login.http))
            log.warning("page.login_refused", groups=len(identity.groups))
            return None
        session = login.signer.open_granted(role, name, self._process.clock.now())
        who = {"role": role, "issuer": issuer.url, "subject": subject, "claimed_by": name}
        await self._store.record_session("page.login", session.id, who)
        log.info("page.login", role=role)
        return session

    def record_failure(self, failed: LoginFailed) -> None:
        log.warning("page.login_failed", failure=failed.failure, why=str(failed))

    @property
    def _settings(self) -> OidcSettings | None:
        page = self._process.config.current.page
        return page.oidc if page is not None else None
