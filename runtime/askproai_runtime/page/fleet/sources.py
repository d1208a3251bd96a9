"""The inputs of the fleet's page: its settings, its token, and the stores that it reads."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from askproai_core.clock import Clock
from askproai_core.database import Pool
from askproai_runtime.redis.client import RedisClient
from askproai_runtime.watched_files import Credentials

if TYPE_CHECKING:
    from askproai_core.kube import Access

FLEET_TOKEN: Final = "FLEET_TOKEN"  # noqa: S105 - a file's name
OIDC_CLIENT_SECRET, OIDC_CA = "FLEET_OIDC_CLIENT_SECRET", "FLEET_OIDC_CA"
MIN_TOKEN: Final = 20  # characters; whoever has it sees all tenants


@dataclass(frozen=True, slots=True)
class FleetOidc:
    """The login at the platform's issuer. A viewer must be in one of the `platform_groups`, by the claim `roles_claim`."""

    issuer: str
    client_id: str
    platform_groups: tuple[str, ...]
    roles_claim: str = "groups"


@dataclass(frozen=True, slots=True)
class FleetSources:
    """The inputs of the page. `namespace` has the Leases, `credentials` the token, and times are shown in `zone`.

    `host` is the published host of the page, with TLS; "" if it is reached by a forwarded port alone.
    """

    clock: Clock
    log_in: Callable[[], "Access"]
    namespace: str
    credentials: Credentials
    pool: Pool
    shared: RedisClient
    zone: ZoneInfo
    host: str = ""
    oidc: FleetOidc | None = None

    def token(self) -> str | None:
        """Return the token that opens the page, read anew each time; None while no token of sufficient length is mounted."""
        token = self.credentials.get(FLEET_TOKEN)
        return token if token is not None and len(token) >= MIN_TOKEN else None
