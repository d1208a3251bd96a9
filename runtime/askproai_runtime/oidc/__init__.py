"""Login by OpenID Connect for any page: the authorization code flow with PKCE, without tenants, sessions or roles.

A page begins a login (`OidcClient.begin`), keeps the sealed `Attempt` in the visitor's browser, and completes it with the
parameters of the issuer's redirect. The result is an `Identity`; the page decides which rights the person's groups have.
"""

from askproai_runtime.oidc.failures import Failure, LoginFailed
from askproai_runtime.oidc.identity import Identity
from askproai_runtime.oidc.login import ATTEMPT_SECONDS, Attempt, OidcClient, Registration

__all__ = ["ATTEMPT_SECONDS", "Attempt", "Failure", "Identity", "LoginFailed", "OidcClient", "Registration"]
