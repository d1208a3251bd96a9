"""Checks and publishes a Tenant's page: its login needs an allowed issuer and usable Secrets, its publication its own host.

Nothing here stops a call: without a login, the page is at the private port, with the tokens.
"""

from collections.abc import Iterable
from dataclasses import replace

from askproai_core.tenant_config.page import OIDC_CA, OIDC_CLIENT_SECRET
from askproai_operator import resources
from askproai_operator.api import Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.name_conflicts import claimed_page_host_condition, reserved_page_host_condition
from askproai_operator.controllers.tenant.children.metadata import Manifest, child_name
from askproai_operator.controllers.tenant.children.optional import apply_unless_foreign, is_installed, prune
from askproai_operator.controllers.tenant.children.routes import (
    find_route_problem,
    no_gateway_api,
    page_route,
    take_host,
)
from askproai_operator.controllers.tenant.children.services import PAGE_PORT, page_service
from askproai_operator.controllers.tenant.run import PageAccess, Run
from askproai_operator.controllers.tenant.server_problems import find_server_problem
from askproai_operator.credentials import read_optional_keys
from askproai_operator.grants import page_host, page_route_name
from askproai_operator.plan_context import PlanContext
from askproai_operator.providers import CredentialProblem

_KIND = ConditionType.PAGE_READY


async def gather_page(run: Run, context: ReconcileContext) -> None:
    run.inputs = replace(run.inputs, page=await read_page(run.tenant, context))


async def read_page(tenant: Tenant, context: PlanContext) -> PageAccess:
    """Return the login to the page: check the issuer, and read its Secrets. No request for a Tenant without an issuer."""
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


async def take_page_host(run: Run, context: ReconcileContext) -> None:
    """Take the grant of the page's host. If the host is another tenant's or the platform's, the page is not published."""
    page, reserved, claimed = run.inputs.page, reserved_page_host_condition, claimed_page_host_condition
    if page.url is not None:
        refused = await take_host(run.tenant, page_host(run.tenant), reserved, claimed, context)
        if refused is not None:
            run.inputs = replace(run.inputs, page=replace(page, url=None, problem=refused))


async def publish_page(run: Run, context: ReconcileContext) -> None:
    """Publish the page at the run's URL, or withdraw it if it has none."""
    run.page_routed = await _apply_page(run.tenant, run.inputs.page.url, context)


async def _apply_page(tenant: Tenant, url: str | None, context: ReconcileContext) -> Condition | None:
    """Publish the page at `url`, or withdraw it if `url` is None. Return PageReady if its route does not work; None if it does.

    Without `page.ingress` and `page.gateway` only the Service exists, for platforms that route the host themselves.
    """
    route = page_route(tenant) if url is not None else None
    missing = route is not None and not is_installed(route, context)
    desired = [page_service(tenant)] if url is not None else []
    desired += [route] if route is not None and not missing else []
    conflict = await apply_unless_foreign(desired, _KIND, context)
    await _prune(tenant, desired, context)
    if conflict is not None or route is None:
        return conflict
    if missing:
        return bad(_KIND, Reason.NOT_INSTALLED, no_gateway_api(tenant, str(url), ("page", PAGE_PORT)))
    problem = await find_route_problem(route, "page.gateway", context)
    return bad(_KIND, Reason.PENDING, problem) if problem else None


async def withdraw_page(tenant: Tenant, context: ReconcileContext) -> None:
    """Delete the route and the Service of the page."""
    await _prune(tenant, (), context)


async def _prune(tenant: Tenant, desired: Iterable[Manifest], context: ReconcileContext) -> None:
    route, service = page_route_name(tenant.metadata.name), child_name(tenant.metadata.name, "page")
    optional = ((resources.INGRESSES, route), (resources.HTTP_ROUTES, route), (resources.SERVICES, service))
    await prune(tenant, optional, desired, context)


def page_condition(tenant: Tenant, access: PageAccess, routed: Condition | None) -> Condition | None:
    """Return PageReady; None for a Tenant without `page`. `routed` is the condition about the route's problem, or None."""
    page = tenant.spec.page
    if page is None:
        return None
    problem = access.problem or routed
    if problem is not None:
        return problem
    if page.oidc is None:
        return good(_KIND, "the tokens alone open the page: name an issuer in page.oidc", Reason.NOT_REQUESTED)
    return good(_KIND, f"people log in at {page.oidc.issuer}" + (f"; published at {access.url}" if access.url else ""))
