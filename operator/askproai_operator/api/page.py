"""`spec.page` of a Tenant: who logs in to its page, and where it is published."""

from typing import Annotated

from askproai_operator.api import base
from askproai_operator.api.exposure import Gateway, Ingress

# Other than `base.BaseUrl` with its last slash, if it has one: the claim `iss` is compared as it is.
_ISSUER = base.rule(
    "isURL(self) && url(self).getScheme() == 'https' && url(self).getHostname() != ''"
    " && !self.contains('?') && !self.contains('#') && !self.contains('@')",
    "an issuer begins with https:// and a host, and has no user, query or fragment",
)
Group = Annotated[str, base.bounded_text(256)]
Groups = Annotated[tuple[Group, ...], base.bounded_list(50)]
Scope = Annotated[
    str, base.matching(r"^[!#-\[\]-~]+$", 100, "not a scope: printable ASCII without blanks, quotes and \\")
]


class PageRoles(base.Part):
    model_config = base.with_rules(
        base.rule(
            "(has(self.owner) && self.owner.size() > 0) || (has(self.staff) && self.staff.size() > 0)"
            " || (has(self.reader) && self.reader.size() > 0)",
            "name at least one group of owner, staff or reader: nobody could log in",
        )
    )

    owner: Groups = ()
    """Groups whose people may do everything on the page, as with the admin token."""
    staff: Groups = ()
    """Groups whose people see customers and messages, and change appointments, blocks and messages. They cannot redrive,
    nor read the words of a call."""
    reader: Groups = ()
    """Groups whose people can only read, and see no customer's name, as with the reader token."""


class Oidc(base.Part):
    issuer: Annotated[str, base.bounded_text(500, _ISSUER)]
    """Issuer at which people log in, as the claim `iss` has it, such as https://login.example/realms/salon. The operator's
    ASKPROAI_ISSUER_HOSTS must allow it."""
    client_id: Annotated[str, base.bounded_text(255)]
    """Client that you have registered there; with the redirect URI https://<page.host>/login/callback, and for a forwarded port
    http://localhost:<port>/login/callback."""
    client_secret_ref: base.SecretKeyRef
    """Secret of that client. A new one ends the sessions of those who have logged in with the former."""
    ca_secret_ref: base.SecretKeyRef | None = None
    """Authority that signed the certificate of your own issuer, in PEM; trusted instead of the usual ones. Absent: those."""
    scopes: Annotated[tuple[Scope, ...], base.bounded_list(20)] = ("profile", "email")
    """Scopes to request beside openid; some issuers send the groups only for an extra scope."""
    roles_claim: Annotated[str, base.bounded_text(200)] = "groups"
    """Claim with a person's groups: of the ID token, or of the userinfo endpoint; a.b for claim b inside of claim a. With `email`
    an address is a group, if the issuer has verified it."""
    roles: PageRoles
    """The groups of each role; a person in several has the first of owner, staff, reader. A change ends the sessions of
    all who have logged in before."""


class Page(base.Part):
    model_config = base.with_rules(
        base.rule(
            "has(self.oidc) || !has(self.host)",
            "page.host needs page.oidc: the page is published behind a login at your issuer only",
        ),
        base.rule(
            "!(has(self.gateway) && has(self.ingress))", "the page is published by gateway or by ingress, not by both"
        ),
        base.rule(
            "has(self.host) || !(has(self.gateway) || has(self.ingress))",
            "page.gateway and page.ingress need page.host: they route it",
        ),
    )

    oidc: Oidc | None = None
    """Login by OpenID Connect. Absent: by the tokens alone."""
    host: base.Host | None = None
    """Host name at which the page is published, with https, behind the login of `oidc` alone. Without `ingress` and `gateway` you
    route it to the Service `<tenant>-page`, port 8082. Absent: the page is not published."""
    gateway: Gateway | None = None
    """Published by an HTTPRoute, where the cluster has the Gateway API."""
    ingress: Ingress | None = None
    """Published by an Ingress."""
