"""Login by OpenID Connect, for whichever page: the authorization code flow with PKCE, without a tenant, a session or a role.

A page begins a login (`OidcClient.begin`), keeps the `Attempt` at the visitor's browser, sealed, and completes it with the
parameters of the issuer's redirect. The result is an `Identity`; which groups may do what is the page's own decision.
"""

from askproai_runtime.oidc.failures import Failure, LoginFailed
from askproai_runtime.oidc.identity import Identity
from askproai_runtime.oidc.login import ATTEMPT_SECONDS, Attempt, OidcClient, Registration

__all__ = ["ATTEMPT_SECONDS", "Attempt", "Failure", "Identity", "LoginFailed", "OidcClient", "Registration"]
