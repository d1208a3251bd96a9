"""The settings of the tenant's page: logins with their roles, and whether the page is published."""

from askproai_core.tenant_config.vocabulary import ConfigStruct

# The files of the login, beside those of the providers' keys: the client's secret, and PEM certificates.
OIDC_CLIENT_SECRET, OIDC_CA = "page-oidc-client-secret", "page-oidc-ca"


class PageRoles(ConfigStruct, frozen=True):
    """The groups whose members have each role, by their names in the group claim of the login's token."""

    owner: tuple[str, ...] = ()
    staff: tuple[str, ...] = ()
    reader: tuple[str, ...] = ()


class OidcSettings(ConfigStruct, frozen=True):
    """The settings of the page's login by OpenID Connect. The client's secret is a mounted file.

    `private_ca`: the authority of the issuer's certificate is a mounted file, too, and is trusted instead of the system's.
    """

    issuer: str
    client_id: str
    roles: PageRoles
    roles_claim: str = "groups"
    scopes: tuple[str, ...] = ()  # beside openid
    private_ca: bool = False


class PageSettings(ConfigStruct, frozen=True):
    """The settings of the tenant's page. `host` is the host that serves it by https; if empty, only the private port does."""

    oidc: OidcSettings | None = None
    host: str = ""
