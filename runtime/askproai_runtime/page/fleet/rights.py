"""The logins to the fleet's page, by the platform's token or by a group at the issuer. Its viewers can change nothing."""

import hmac

import structlog
from aiohttp import web

from askproai_core.redis import ALL_TENANTS
from askproai_runtime.admin_api import Role, printable
from askproai_runtime.oidc import Identity, LoginFailed, Registration
from askproai_runtime.page.fleet.ended_sessions import LoginLimit
from askproai_runtime.page.fleet.sources import OIDC_CA, OIDC_CLIENT_SECRET, FleetSources
from askproai_runtime.page.logins import Issuer, LoginRequest, Way, fingerprint_of
from askproai_runtime.page.origin import Origin, cookie_name, is_forwarded, origin_of
from askproai_runtime.page.sessions import Session, Signer

log = structlog.get_logger(__name__)


class FleetRights:
    """The rights of viewers of the fleet's page. The coordinator's log records each login and each refusal."""

    def __init__(self, sources: FleetSources) -> None:
        self._sources = sources
        self._limits = {way: LoginLimit(sources.clock) for way in Way}

    def signer(self, token: str) -> Signer:
        """Return the signer of sessions. A new token ends all sessions; changed settings of the issuer end the issuer's ones."""
        secret = self._sources.credentials.get(OIDC_CLIENT_SECRET)
        return Signer(token, ALL_TENANTS, fingerprint_of(self._sources.oidc, secret))

    def origin(self, request: web.Request) -> Origin:
        """Return the origin of a request: the published host of the settings, or a forwarded port.

        With a login at an issuer, a token opens nothing at the published host, as at a tenant's published page. Every `Host`
        except a forwarded port counts as the published host: a proxy also routes it in capitals, with a port or with a trailing
        dot, and the sender chooses how it is written.
        """
        host = self._sources.host
        if host and not is_forwarded(request):
            cookie = f"__Host-{cookie_name(ALL_TENANTS)}"
            by_issuer_alone = self._sources.oidc is not None
            return Origin(is_published=by_issuer_alone, base_url=f"https://{host}", cookie=cookie, is_secure=True)
        return origin_of(request, ALL_TENANTS, "")

    @property
    def issuer(self) -> Issuer | None:
        settings, secret = self._sources.oidc, self._sources.credentials.get(OIDC_CLIENT_SECRET)
        if settings is None:
            return None
        if secret is None:
            return Issuer(settings.issuer, None)
        path = self._sources.credentials.directory / OIDC_CA
        ca_file = path if path.is_file() else None
        registration = Registration(settings.issuer, settings.client_id, secret, (), settings.roles_claim, ca_file)
        return Issuer(settings.issuer, registration)

    async def admits(self, way: Way) -> bool:
        return self._limits[way].admits()

    async def open_by_token(self, login: LoginRequest, token: str, name: str) -> Session | None:
        expected = self._sources.token()
        if expected is None or not hmac.compare_digest(expected.encode(), token.encode("utf-8", "surrogateescape")):
            log.warning("fleet_page.login_refused", by="token")
            return None
        session = login.signer.open(is_reader=True, name=name, now=self._sources.clock.now())
        log.info("fleet_page.login", session=session.id, by="token", claimed_by=name)
        return session

    async def open_for(self, login: LoginRequest, issuer: Issuer, identity: Identity, name: str) -> Session | None:
        settings = self._sources.oidc
        who = {"by": issuer.host, "subject": printable(identity.subject), "claimed_by": name}
        if settings is None or not identity.groups.intersection(settings.platform_groups):
            log.warning("fleet_page.login_refused", groups=len(identity.groups), **who)
            return None
        session = login.signer.open_granted(Role.READER, name, self._sources.clock.now())
        log.info("fleet_page.login", session=session.id, **who)
        return session

    def record_failure(self, failed: LoginFailed) -> None:
        log.warning("fleet_page.login_failed", failure=failed.failure, why=str(failed))
