"""Chooses the URL that senders (Retell, Cal.com) get: the requested URL, once it leads to the tenant's own pods.

Until then they keep the former URL. After the change, the former URL is served for 10 more minutes, since a call keeps the URLs
with which it began, and longer while Cal.com or an agent still has it. An outage does not withdraw a URL: a URL that senders have
is never tested again.
"""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from pydantic import ValidationError

from askproai_operator.api import ManagementPolicy, RetellAgent, Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good
from askproai_operator.api.exposure import Exposure as ExposureSpec
from askproai_operator.context import ReconcileContext, TenantUrl, Verdict
from askproai_operator.controllers.tenant.run import Exposure
from askproai_operator.controllers.webhook_urls import Address, address_of, registered_calcom_url
from askproai_operator.credentials import read_own_secret

_RETELL: Final = "/webhooks/retell"
# Few calls are longer, the agents have the new URL within seconds, and another tenant may be waiting for the host.
_SERVED_AFTER: Final = timedelta(minutes=10)


async def read_exposure(tenant: Tenant, agents: Iterable[RetellAgent], context: ReconcileContext) -> Exposure:
    """Return the tenant's requested, used and kept URL. The requested URL is used once its last test has succeeded."""
    (namespace, name), uid = tenant.key[1:], tenant.metadata.uid
    requested = address_of(tenant, context.settings.shared_base_url)
    token = (await read_own_secret(context, namespace, name, "admin", uid=uid)).get("token", "").strip()
    verdict = context.url_proofs.find(TenantUrl(namespace, name, uid, requested.base_url, token))
    return choose_exposure(tenant, agents, requested, verdict, context.clock.now())


def choose_exposure(
    tenant: Tenant, agents: Iterable[RetellAgent], requested: Address, verdict: Verdict | None, now: datetime
) -> Exposure:
    """Return the tenant's requested, used and kept URL, from the test's `verdict` and the status of the tenant and its agents."""
    current = used_base_url(tenant)
    if current == requested.base_url:
        former = tenant.status.get("formerUrl")
        if not former or former == requested.base_url:
            return Exposure(requested, requested)
        since = _kept_since(tenant, now)
        is_served = now - since < _SERVED_AFTER or _has_sender(str(former), tenant, agents)
        return Exposure(requested, requested, former, kept_since=since) if is_served else Exposure(requested, requested)
    if verdict is not None and verdict.problem is None:
        kept = current if verdict.proven else None
        return Exposure(requested, requested, kept, verdict, kept_since=now if kept else None)
    in_use = Address(current, urlsplit(current).path) if current else None
    return Exposure(requested, in_use, current, verdict)


def used_base_url(tenant: Tenant) -> str | None:
    """Return the base URL that senders have, from the status; None if they have none."""
    url = (tenant.status.get("webhookUrls") or {}).get("retell")
    return str(url).removesuffix(_RETELL) if url else None


def _kept_since(tenant: Tenant, now: datetime) -> datetime:
    """Return when senders got a new URL in place of the former one; `now` if the status does not record it yet."""
    since = tenant.status.get("formerUrlSince")
    return datetime.fromisoformat(since) if since else now


def _has_sender(former: str, tenant: Tenant, agents: Iterable[RetellAgent]) -> bool:
    """Return True if Cal.com or an agent may still use the former URL: changes there can be refused, planned or paused."""
    if (registered_calcom_url(tenant) or "").startswith(f"{former}/webhooks/"):
        return True
    at_retell = [agent for agent in agents if agent.status.get("agentId")]
    # An agent without a recorded URL may have any URL; but a URL of an observed agent is always recorded.
    unknown = [agent for agent in at_retell if agent.spec.management_policy is not ManagementPolicy.OBSERVE_ONLY]
    return any(agent.status.get("webhookUrl") == f"{former}{_RETELL}" for agent in at_retell) or any(
        agent.status.get("webhookUrl") is None for agent in unknown
    )


def former_url_fields(exposure: Exposure) -> dict[str, str | None]:
    """Return the status fields `formerUrl` and `formerUrlSince` (when senders got another URL); None removes a field."""
    if not exposure.is_settled or exposure.kept is None or exposure.kept_since is None:
        return {"formerUrl": None, "formerUrlSince": None}
    return {"formerUrl": exposure.kept, "formerUrlSince": exposure.kept_since.isoformat(timespec="seconds")}


def as_exposed_before(tenant: Tenant, kept: str | None, shared_base_url: str) -> Tenant | None:
    """Return the tenant with the exposure under which `kept` was its URL; None without `kept`, or if that exposure is unknown.

    The status has it as `formerExposure` (earlier runs) or in `appliedSpec` (last run). The shared host needs neither.
    """
    if kept is None:
        return None
    applied = json.loads(tenant.status.get("appliedSpec") or "{}").get("exposure")
    recorded = tenant.status.get("formerExposure")
    for text in (recorded, json.dumps(applied), "null"):
        former = _with_exposure(tenant, text or "null")
        if former is not None and address_of(former, shared_base_url).base_url == kept:
            return former
    return None


def _with_exposure(tenant: Tenant, text: str) -> Tenant | None:
    """Return the tenant with an exposure parsed from JSON; None if this release cannot read it."""
    try:
        exposure = None if text == "null" else ExposureSpec.model_validate_json(text)
    except ValidationError:
        return None
    return tenant.model_copy(update={"spec": tenant.spec.model_copy(update={"exposure": exposure})})


def former_exposure_field(former: Tenant | None) -> dict[str, str | None]:
    """Return the status field `formerExposure` with the former exposure, which `appliedSpec` loses at the end of this run."""
    exposure = former.spec.exposure if former is not None else None
    return {"formerExposure": exposure.model_dump_json(by_alias=True, exclude_none=True) if exposure else None}


def exposed_condition(tenant: Tenant, exposure: Exposure, routed: Condition) -> Condition:
    """Return Exposed: False until senders have the requested URL. A problem of the route (`routed`) takes precedence."""
    kind, url = ConditionType.EXPOSED, exposure.requested.base_url
    if exposure.is_settled or not routed.good:
        return routed
    until = (
        f"until then senders keep {exposure.in_use.base_url}" if exposure.in_use else "until then senders get no URL"
    )
    if tenant.spec.suspend:
        return good(kind, f"{url} is tried when pods run again; {until}", Reason.SUSPENDED)
    if exposure.verdict is not None:
        hints = ["exposure.ingress has no tlsSecretName"] if _lacks_certificate(tenant) else []
        hints += [routed.message] if routed.reason is Reason.NOT_INSTALLED else []
        text = "; ".join([f"{url} {exposure.verdict.problem}", *hints, until, "tried again by itself"])
        return bad(kind, Reason.URL_NOT_ANSWERING, text)
    return bad(kind, Reason.PENDING, f"{url} is tried as soon as a pod is ready; {until}")


def _lacks_certificate(tenant: Tenant) -> bool:
    exposure = tenant.spec.exposure
    return exposure is not None and exposure.ingress is not None and exposure.ingress.tls_secret_name is None
