"""Publish a tenant's page: take its host, apply its Service and its Ingress or HTTPRoute, and withdraw them."""

from collections.abc import Collection
from typing import Final

from askproai_operator.api import Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.grant import report_refusal, take
from askproai_operator.controllers.holders import claimed_page_host_condition, reserved_page_host_condition
from askproai_operator.controllers.tenant.children.metadata import Manifest, child_name
from askproai_operator.controllers.tenant.children.routes import http_route_problem, page_route
from askproai_operator.controllers.tenant.children.services import PAGE_PORT, page_service
from askproai_operator.controllers.tenant.page import PageAccess
from askproai_operator.engine import ApiResource, UnmanagedObject, find_condition, resources
from askproai_operator.grants import page_host, page_route_name

_KIND: Final = ConditionType.PAGE_READY
_ROUTES: Final = (resources.INGRESSES, resources.HTTP_ROUTES)


async def take_page_host(tenant: Tenant, access: PageAccess, context: ReconcileContext) -> PageAccess:
    """Take the grant of the page's host; return the access without it where it is another tenant's or the platform's.

    Without the grant a namespace could draw another's people to its own page.
    """
    if access.url is None:
        return access
    for subject, scope in page_host(tenant).items():
        if reserved := context.settings.what_is_reserved(subject.value):
            return access.without_host(reserved_page_host_condition(subject.value, reserved))
        holder = await take(tenant, subject, context, scope)
        if holder is not None:
            refused = claimed_page_host_condition(subject.value)
            if find_condition(tenant, _KIND).get("message") != refused.message:
                await report_refusal(tenant, subject, holder, context)
            return access.without_host(refused)
    return access


async def apply_page(tenant: Tenant, url: str | None, context: ReconcileContext) -> Condition | None:
    """Publish the page at `url`, or withdraw it without one. Return why its route does not work; None if it does.

    Without `page.ingress` and `page.gateway` there is the Service alone, for platforms that route the host themselves.
    """
    name, namespace = tenant.metadata.name, tenant.metadata.namespace
    route = page_route(tenant) if url is not None else None
    ref = resources.resource_of(route) if route is not None else None
    missing = ref in resources.FOREIGN and ref not in context.cache.served
    desired = [page_service(tenant)] if url is not None else []
    desired += [route] if route is not None and not missing else []
    conflict = await _apply(desired, context)
    wanted = {(resources.resource_of(each), each["metadata"]["name"]) for each in desired}
    await _prune(tenant, wanted, context)
    if conflict is not None or route is None:
        return conflict
    if missing:
        text = (
            "this cluster has no Gateway API (CRD httproutes.gateway.networking.k8s.io): install it, or route "
            f"{url} to the Service {child_name(name, 'page')}, port {PAGE_PORT}, yourself"
        )
        return bad(_KIND, Reason.NOT_INSTALLED, text)
    if ref is resources.HTTP_ROUTES:
        # Not from the cache, where its status is as old as the last list: HTTPRoutes are listed, not watched.
        live = await context.kube.get(ref, namespace, page_route_name(name))
        problem = http_route_problem((live or {}).get("status") or {}, "page.gateway")
        return bad(_KIND, Reason.PENDING, problem) if problem else None
    return None


async def withdraw_page(tenant: Tenant, context: ReconcileContext) -> None:
    """Delete the route and the Service of the page."""
    await _prune(tenant, (), context)


async def _apply(manifests: Collection[Manifest], context: ReconcileContext) -> Condition | None:
    try:
        for manifest in manifests:
            await context.kube.apply(manifest)
    except UnmanagedObject as error:
        return bad(_KIND, Reason.OWNERSHIP_CONFLICT, error.message)
    return None


async def _prune(tenant: Tenant, keep: Collection[tuple[ApiResource, str]], context: ReconcileContext) -> None:
    name, namespace = tenant.metadata.name, tenant.metadata.namespace
    optional = [(ref, page_route_name(name)) for ref in _ROUTES]
    for ref, child_of in [*optional, (resources.SERVICES, child_name(name, "page"))]:
        child = context.cache.child(ref, namespace, child_of)
        if child is not None and (ref, child_of) not in keep:
            await context.kube.delete(ref, namespace, child_of, child.uid)
