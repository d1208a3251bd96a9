"""Routes to a tenant's pods: an Ingress or HTTPRoute for `/webhooks`, `/retell` and `/health`; another for a published page."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from askproai_core.api_resource import ApiResource
from askproai_operator import resources
from askproai_operator.api import Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good
from askproai_operator.api.exposure import Gateway, Ingress, ParentRef
from askproai_operator.context import ReconcileContext, TenantUrl
from askproai_operator.controllers.ceilings import apply_ceilings
from askproai_operator.controllers.grant import report_refusal, take
from askproai_operator.controllers.name_conflicts import claimed_host_condition, find_holder, reserved_host_condition
from askproai_operator.controllers.tenant.children.metadata import Component, Manifest, child_name, new_manifest
from askproai_operator.controllers.tenant.children.optional import apply_unless_foreign, is_installed, prune
from askproai_operator.controllers.tenant.children.services import PAGE_PORT
from askproai_operator.controllers.tenant.exposure import as_exposed_before, used_base_url
from askproai_operator.controllers.tenant.run import Run
from askproai_operator.controllers.webhook_urls import Address, address_of
from askproai_operator.engine import TOKEN_ANNOTATION, find_condition
from askproai_operator.grants import PAGE_PATH, ROUTED_PATHS, Subject, exposed_host, page_route_name, route_names
from askproai_operator.settings import Settings

_PUBLIC = ("web", 8080)
_KINDS: Final = (resources.INGRESSES, resources.HTTP_ROUTES)  # each under one of `grants.route_names`
SERVED_URL = "askproai.de/served-url"  # annotation of a route: the base URL that it is for


@dataclass(frozen=True, slots=True)
class _Route:
    """The host, paths and Service of a route, with its Ingress or Gateway; with neither if the platform routes the host itself."""

    host: str
    paths: tuple[str, ...]
    service: tuple[str, int]  # the suffix of its name, and its port
    ingress: Ingress | None
    gateway: Gateway | None


def _route_of(tenant: Tenant, settings: Settings) -> _Route | None:
    """Return the route of the tenant's own host, or of its path on the shared host; None if the tenant only has a `baseUrl`."""
    exposure, address = tenant.spec.exposure, address_of(tenant, settings.shared_base_url)
    if exposure is not None and exposure.host is not None:
        return _Route(exposure.host, _paths(exposure.path_prefix or ""), _PUBLIC, exposure.ingress, exposure.gateway)
    if exposure is not None and exposure.base_url is not None:
        return None
    ingress = _shared_ingress(settings) if settings.shared_ingress_class else None
    gateway = None
    if settings.shared_gateway is not None:
        namespace, _, name = settings.shared_gateway.rpartition("/")
        gateway = Gateway(parent_refs=(ParentRef(name=name, namespace=namespace or None),))
    return _Route(settings.shared_host, _paths(address.path_prefix), _PUBLIC, ingress, gateway)


def _paths(prefix: str) -> tuple[str, ...]:
    return tuple(f"{prefix}{path}" for path in ROUTED_PATHS)


def _shared_ingress(settings: Settings) -> Ingress:
    annotations = dict(pair.split("=", 1) for pair in settings.shared_ingress_annotations)
    return Ingress(
        class_name=settings.shared_ingress_class,
        annotations=annotations or None,
        tls_secret_name=settings.shared_tls_secret,
    )


def sender_route(tenant: Tenant, settings: Settings) -> Manifest | None:
    """Return the Ingress or HTTPRoute of the tenant's webhooks and functions; None if the platform routes them itself."""
    route = _route_of(tenant, settings)
    manifest = _ingress(tenant, route) or _http_route(tenant, route)
    return manifest and _annotated(manifest, {SERVED_URL: address_of(tenant, settings.shared_base_url).base_url})


def page_route(tenant: Tenant) -> Manifest | None:
    """Return the Ingress or HTTPRoute of the page's whole host; None if it has no host, or the platform routes it itself."""
    page = tenant.spec.page
    if page is None or page.host is None:
        return None
    route = _Route(page.host, (PAGE_PATH,), ("page", PAGE_PORT), page.ingress, page.gateway)
    manifest = _ingress(tenant, route) or _http_route(tenant, route)
    if manifest is not None:
        manifest["metadata"]["name"] = page_route_name(tenant.metadata.name)
    return manifest


def _annotated(manifest: Manifest, annotations: Mapping[str, str]) -> Manifest:
    metadata = manifest["metadata"]
    return manifest | {"metadata": metadata | {"annotations": metadata.get("annotations", {}) | annotations}}


def _ingress(tenant: Tenant, route: _Route | None) -> Manifest | None:
    if route is None or route.ingress is None:
        return None
    suffix, port = route.service
    backend = {"service": {"name": child_name(tenant.metadata.name, suffix), "port": {"number": port}}}
    paths = [{"path": path, "pathType": "Prefix", "backend": backend} for path in route.paths]
    spec: dict[str, Any] = {"rules": [{"host": route.host, "http": {"paths": paths}}]}
    if route.ingress.class_name is not None:
        spec["ingressClassName"] = route.ingress.class_name
    if route.ingress.tls_secret_name is not None:
        spec["tls"] = [{"hosts": [route.host], "secretName": route.ingress.tls_secret_name}]
    manifest = new_manifest(tenant, resources.INGRESSES, "", Component.WEB) | {"spec": spec}
    return _annotated(manifest, route.ingress.annotations or {})


def _http_route(tenant: Tenant, route: _Route | None) -> Manifest | None:
    if route is None or route.gateway is None:
        return None
    parents = [ref.model_dump(by_alias=True, exclude_none=True) for ref in route.gateway.parent_refs]
    suffix, port = route.service
    matches = [{"path": {"type": "PathPrefix", "value": path}} for path in route.paths]
    rule = {"matches": matches, "backendRefs": [{"name": child_name(tenant.metadata.name, suffix), "port": port}]}
    spec = {"parentRefs": parents, "hostnames": [route.host], "rules": [rule]}
    return new_manifest(tenant, resources.HTTP_ROUTES, "", Component.WEB) | {"spec": spec}


def choose_name(tenant: Tenant, manifest: Manifest, live: Mapping[str, str], taken: Collection[str]) -> Manifest:
    """Return the route's manifest with the name under which its URL is served already, else with the first name not in `taken`.

    `live` maps the names of this kind's routes to the URLs that they serve now. A route that exists keeps its name: an Ingress
    controller may refuse a second route of the same host and path.
    """
    url, names = manifest["metadata"]["annotations"][SERVED_URL], route_names(tenant.metadata.name)
    served = (name for name in names if live.get(name) == url)
    name = next(served, None) or next(name for name in names if name not in taken)
    return manifest | {"metadata": manifest["metadata"] | {"name": name}}


def no_gateway_api(tenant: Tenant, routed: str, service: tuple[str, int]) -> str:
    """Return the text for a tenant that asks for an HTTPRoute in a cluster without its CRD. `routed` is what to route."""
    suffix, port = service
    return (
        "this cluster has no Gateway API (CRD httproutes.gateway.networking.k8s.io): install it, or route"
        f" {routed} to the Service {child_name(tenant.metadata.name, suffix)}, port {port}, yourself"
    )


async def find_route_problem(route: Manifest, field: str, context: ReconcileContext) -> str | None:
    """Return why an applied route does not work, as `http_route_problem`; None if it works, or is an Ingress."""
    meta = route["metadata"]
    if resources.resource_of(route) is not resources.HTTP_ROUTES:
        return None
    # Not from the cache, where its status is as old as the last list: HTTPRoutes are listed, not watched.
    live = await context.kube.get(resources.HTTP_ROUTES, meta["namespace"], meta["name"])
    return http_route_problem((live or {}).get("status") or {}, field)


def gateway_field(tenant: Tenant) -> str:
    """Return the field that names the Gateways of the senders' route."""
    exposure = tenant.spec.exposure
    return "exposure.gateway" if exposure is not None and exposure.gateway is not None else "settings.sharedGateway"


def http_route_problem(status: Mapping[str, Any], field: str) -> str | None:
    """Return why an HTTPRoute does not work: a Gateway refuses it, or none accepts it yet; None if it works.

    Each Gateway's controller writes its conditions to `status.parents[].conditions`. `field` is the manifest's field that names
    the Gateways, for the text.
    """
    conditions = [condition for parent in status.get("parents") or () for condition in parent.get("conditions") or ()]
    refusals = [
        str(condition.get("message") or condition["reason"])
        for condition in conditions
        if condition["status"] == "False"
    ]
    if refusals:
        return f"a Gateway refuses the HTTPRoute: {'; '.join(refusals)}"
    if not any(condition["type"] == "Accepted" for condition in conditions):
        return f"no Gateway has accepted the HTTPRoute yet; do {field}'s names exist?"
    return None


async def apply_routes(run: Run, context: ReconcileContext) -> None:
    """Apply the routes by which senders reach the pods, and have the requested URL tested until senders have it.

    The test begins as soon as a pod is ready; not while the tenant is suspended, since no pod answers, nor for a host that
    another tenant holds. A changed annotation `reconcile-at` starts a test at once: a person fixed something.
    """
    tenant, exposure = run.tenant, run.inputs.exposure
    run.former = as_exposed_before(tenant, exposure.kept, context.settings.shared_base_url)
    run.routed = await _apply_routes(tenant, exposure.requested, exposure.kept, run.former, context)
    if exposure.is_settled or tenant.spec.suspend:
        context.url_proofs.forget(*tenant.key[1:])
        return
    is_up = run.workloads.deployments[Component.WEB].status.get("readyReplicas")
    if is_up and (run.routed.good or run.routed.reason is Reason.PENDING):
        again = tenant.metadata.annotations.get(TOKEN_ANNOTATION, "")
        url = TenantUrl(*tenant.key[1:], tenant.metadata.uid, exposure.requested.base_url, run.admin_token)
        context.url_proofs.request(url, again)


async def _apply_routes(
    tenant: Tenant, address: Address, kept: str | None, former: Tenant | None, context: ReconcileContext
) -> Condition:
    """Apply the Ingress or HTTPRoute that the tenant asks for; return the condition Exposed.

    `kept` is another URL at which requests still arrive. Its route is applied, too, from `former`, the tenant with the exposure
    of that time. Without `former`, that route is left as it is.
    """
    reserved, claimed = partial(reserved_host_condition, tenant), claimed_host_condition(address)
    refused = await take_host(tenant, exposed_host(tenant), reserved, lambda _: claimed, context)
    live = _live_routes(tenant, context)
    route = sender_route(tenant, context.settings) if refused is None else None
    if route is not None:
        served = live[resources.resource_of(route)]
        route = choose_name(tenant, route, served, {name for name, url in served.items() if url == kept})
    beside = _route_beside(route, live, former, context) if former is not None else None
    # The route of `kept` first: requests arrive there.
    installed = [each for each in (beside, route) if each is not None and is_installed(each, context)]
    conflict = await apply_unless_foreign(installed, ConditionType.EXPOSED, context)
    await _prune_routes(tenant, installed, kept, context)
    if problem := refused or conflict:
        return problem
    if route is not None and route not in installed:
        text = no_gateway_api(tenant, f"/webhooks, /retell and /health of {address.base_url}", _PUBLIC)
        return good(ConditionType.EXPOSED, text, Reason.NOT_INSTALLED)
    if route is not None and (waits := await find_route_problem(route, gateway_field(tenant), context)):
        return bad(ConditionType.EXPOSED, Reason.PENDING, waits)
    return good(ConditionType.EXPOSED, address.base_url)


def _route_beside(
    route: Manifest | None, live: Mapping[ApiResource, Mapping[str, str]], former: Tenant, context: ReconcileContext
) -> Manifest | None:
    """Return the route of the former exposure, under another name than the senders' `route`; None if its host was lost."""
    if not _is_free(former, context):
        return None
    former, _ = apply_ceilings(former, context.settings)  # its exposure is recorded without the ceilings
    beside = sender_route(former, context.settings)
    if beside is None:
        return None
    ref = resources.resource_of(beside)
    taken = {route["metadata"]["name"]} if route is not None and resources.resource_of(route) is ref else set()
    return choose_name(former, beside, live[ref], taken)


def _is_free(former: Tenant, context: ReconcileContext) -> bool:
    """Return True if no other tenant holds the former host. Its grant lasts while it is served, unless somebody deletes it."""
    return all(find_holder(former, subject, context, scope) is None for subject, scope in exposed_host(former).items())


async def remove_routes(tenant: Tenant, context: ReconcileContext) -> None:
    """Delete the Ingresses and HTTPRoutes. Another tenant can get the host's grant only after they are gone."""
    await _prune_routes(tenant, (), None, context)


def _live_routes(tenant: Tenant, context: ReconcileContext) -> dict[ApiResource, dict[str, str]]:
    """Return the URL that each of the tenant's routes serves, by resource and name of the route.

    A route that has lost its annotation counts as serving the URL that senders have, or had before the last change.
    """
    found: dict[ApiResource, dict[str, str]] = {}
    for ref in _KINDS:
        names = route_names(tenant.metadata.name)
        live = {name: context.cache.child(ref, tenant.metadata.namespace, name) for name in names}
        served = str(tenant.status.get("formerUrl") or used_base_url(tenant) or "")
        found[ref] = {name: child.annotations.get(SERVED_URL, served) for name, child in live.items() if child}
    return found


async def _prune_routes(
    tenant: Tenant, desired: Iterable[Manifest], kept: str | None, context: ReconcileContext
) -> None:
    """Delete the tenant's routes, except the `desired` ones and the route that serves the URL `kept`."""
    live = _live_routes(tenant, context)
    others = [(ref, name) for ref, urls in live.items() for name, url in urls.items() if kept is None or url != kept]
    await prune(tenant, others, desired, context)


async def take_host(
    tenant: Tenant,
    subjects: Mapping[Subject, str],
    reserved: Callable[[str, str], Condition],
    claimed: Callable[[str], Condition],
    context: ReconcileContext,
) -> Condition | None:
    """Take the grant of a host (`subjects`). Return a condition if the host is the platform's or another tenant's, else None.

    Without grants, a namespace could route another tenant's callers to its own pods. Paths of the shared host need no grant:
    each contains its tenant's name, and no manifest may name that host.
    """
    for subject, scope in subjects.items():
        if owner := context.settings.what_is_reserved(subject.value):
            return reserved(subject.value, owner)
        holder = await take(tenant, subject, context, scope)
        if holder is not None:
            refused = claimed(subject.value)
            if find_condition(tenant, refused.type).get("message") != refused.message:
                await report_refusal(tenant, subject, holder, context)
            return refused
    return None
