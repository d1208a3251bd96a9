"""Take the lost grants of objects that were served: their hosts, numbers and keys. Runs before the first reconcile.

Needed after a loss of the operator's namespace. The evidence that an object was served are the conditions and Secrets that the
operator itself wrote. If two objects have evidence for the same subject, the older object gets the grant. Where grants exist,
this costs no request.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

import structlog

from askproai_core.kube import ApiError, Unreachable
from askproai_operator.api import Branch, CustomResource, Tenant
from askproai_operator.api.conditions import ConditionType, Reason
from askproai_operator.applied_spec import in_effect
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.branch import read_phone_numbers
from askproai_operator.controllers.grant import remove_routes, take
from askproai_operator.controllers.webhook_urls import address_of
from askproai_operator.engine import find_condition
from askproai_operator.grants import Subject, SubjectKind, holder_of, page_host, recorded_keys, requested_subjects

log = structlog.get_logger(__name__)

M = TypeVar("M", bound=CustomResource)


async def adopt_present_holders(context: ReconcileContext) -> None:
    """Take the grants of all objects that were served, oldest first. Raises ApiError; safe to run again."""
    for tenant in _oldest_first(map(in_effect, context.cache.list(Tenant))):
        for subject, scope in requested_subjects(tenant).items():
            if context.settings.what_is_reserved(subject.value):
                # It was routed before the host was reserved; a paused Tenant is not reconciled, so its route is removed here.
                await remove_routes(holder_of(tenant, scope), subject, context)
            elif _was_published(tenant) if subject in page_host(tenant) else _was_exposed(tenant, context):
                await _adopt(tenant, subject, context, scope)
        for subject in _recorded_keys(tenant, context):
            await _adopt(tenant, subject, context)
    for branch in _oldest_first(map(in_effect, context.cache.list(Branch))):
        served = branch.status.get("phoneNumbers") or ()
        for number in read_phone_numbers(branch).usable:
            if number.number in served:
                await _adopt(branch, Subject(SubjectKind.NUMBER, number.did), context)


async def _adopt(model: Tenant | Branch, subject: Subject, context: ReconcileContext, scope: str = "") -> None:
    try:
        await take(model, subject, context, scope)
    except Unreachable:
        raise
    except ApiError as error:
        # Deleted meanwhile, a ConfigMap that a person has to correct, a quota: its own reconcile reports it, and nobody waits.
        log.warning("grant.not_adopted", subject=subject.name, holder=str(model.key), error=str(error))


def _oldest_first(models: Iterable[M]) -> list[M]:
    def age(model: M) -> tuple[datetime, str, str]:
        return (model.metadata.creation_timestamp, model.metadata.namespace, model.metadata.name)

    return sorted(models, key=age)


def _was_published(tenant: Tenant) -> bool:
    """Return True if the last complete reconcile published the page at the host that the spec names now."""
    return tenant.spec.page is not None and tenant.status.get("pageUrl") == f"https://{tenant.spec.page.host}"


def _was_exposed(tenant: Tenant, context: ReconcileContext) -> bool:
    """Return True if the last complete reconcile routed the host that the spec names now: the spec may have been edited since."""
    reason = find_condition(tenant, ConditionType.EXPOSED).get("reason")
    url = (tenant.status.get("webhookUrls") or {}).get("retell") or ""
    base_url = address_of(tenant, context.settings.shared_base_url).base_url
    return reason not in {None, Reason.HOST_CLAIMED_TWICE} and url.startswith(f"{base_url}/")


def _recorded_keys(tenant: Tenant, context: ReconcileContext) -> list[Subject]:
    """Return the provider keys (as subjects) that the Secret `<tenant>-teardown` records. It holds only keys found good."""
    namespace, name = tenant.key[1:]
    secret = context.cache.secret(namespace, f"{name}-teardown")
    return [] if secret is None else recorded_keys(secret.annotations)
