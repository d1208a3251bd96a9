"""The needs of the login to a Tenant's page: an issuer that the platform allows, Secrets that may be used, and a host that is free.

Nothing here stops a call: without it the page is at the private port, with the tokens.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from askproai_core.tenant_config import OIDC_CA, OIDC_CLIENT_SECRET
from askproai_operator.api import SecretKeyRef, Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good
from askproai_operator.controllers.tenant.server_problems import find_server_problem
from askproai_operator.credentials import read_optional_keys
from askproai_operator.plan_context import PlanContext
from askproai_operator.providers import CredentialProblem

_KIND = ConditionType.PAGE_READY


@dataclass(frozen=True, slots=True)
class PageAccess:
    """Whether people may log in at the issuer, the Secrets that the pods mount (by the file's name), and where it is published.

    `problem` is why something of it does not work; `url` is where the page is published, None where it is not.
    """

    may_log_in: bool = False
    refs: Mapping[str, SecretKeyRef] = field(default_factory=dict)
    servers: tuple[str, ...] = ()
    problem: Condition | None = None
    url: str | None = None

    def without_host(self, problem: Condition) -> "PageAccess":
        """Return the access of a page that cannot be published."""
        return replace(self, url=None, problem=problem)


async def read_page(tenant: Tenant, context: PlanContext) -> PageAccess:
    """Check the issuer, and read the Secrets. A Tenant without a login at an issuer costs nothing."""
    page = tenant.spec.page
    if page is None or page.oidc is None:
        return PageAccess()
    issuer = page.oidc.issuer
    problem = find_server_problem(issuer, context.settings.issuer_hosts, "ASKPROAI_ISSUER_HOSTS", frozenset({443}))
    if problem is not None:
        return PageAccess(problem=bad(_KIND, Reason.ISSUER_NOT_ALLOWED, f"nobody logs in at {issuer}: {problem}"))
    named = {OIDC_CLIENT_SECRET: page.oidc.client_secret_ref}
    if page.oidc.ca_secret_ref is not None:
        named[OIDC_CA] = page.oidc.ca_secret_ref
    found = await read_optional_keys(named, tenant.metadata.namespace, context, {OIDC_CA})
    usable = {file: ref for file, ref in named.items() if not isinstance(found[file], CredentialProblem)}
    missing = list(dict.fromkeys(each for each in found.values() if isinstance(each, CredentialProblem)))
    reported = None
    if missing:
        text = "; ".join(each.message for each in missing)
        reported = bad(_KIND, missing[0].reason, f"nobody logs in at {issuer}: {text}")
    return PageAccess(True, usable, (issuer,), reported, f"https://{page.host}" if page.host else None)


def page_condition(tenant: Tenant, access: PageAccess, routed: Condition | None) -> Condition | None:
    """Return PageReady; None for a Tenant without `page`. `routed` is why the route of the page could not be made."""
    page = tenant.spec.page
    if page is None:
        return None
    problem = access.problem or routed
    if problem is not None:
        return problem
    if page.oidc is None:
        return good(_KIND, "the tokens alone open the page: name an issuer in page.oidc", Reason.NOT_REQUESTED)
    return good(_KIND, f"people log in at {page.oidc.issuer}" + (f"; published at {access.url}" if access.url else ""))
