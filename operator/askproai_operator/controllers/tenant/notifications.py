"""Which channels a Tenant's notifications may use: their servers must be allowed and their Secrets usable. Also the condition.

Nothing here stops a call. A channel whose server is not allowed is left out of the config. A channel without its Secret waits,
and so do its notifications.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

from askproai_core.tenant_config import NotificationChannel
from askproai_core.tenant_config.notifications import NOTIFICATION_KEY, SMTP_CA, SMTP_PASSWORD, SMTP_USERNAME
from askproai_operator.api import SecretKeyRef, Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.tenant.run import NotificationAccess, Run
from askproai_operator.controllers.tenant.server_problems import find_server_problem
from askproai_operator.credentials import read_optional_keys
from askproai_operator.plan_context import PlanContext
from askproai_operator.providers import CredentialProblem

# The ports that a pattern without one allows: HTTPS, and the two ports at which mail servers take mails from clients.
USUAL_PORTS: Final = frozenset({443, 465, 587})


async def gather_notifications(run: Run, context: ReconcileContext) -> None:
    run.inputs = replace(run.inputs, notifications=await read_notifications(run.tenant, context))


async def read_notifications(tenant: Tenant, context: PlanContext) -> NotificationAccess:
    """Return the channels with an allowed server, and their usable Secret keys. No request for a Tenant without notifications."""
    if tenant.spec.notifications is None:
        return NotificationAccess()
    problems: list[tuple[Reason, str]] = []
    allowed: dict[NotificationChannel, str] = {}
    for channel, url in _servers(tenant).items():
        problem = find_server_problem(
            url, context.settings.notification_hosts, "ASKPROAI_NOTIFICATION_HOSTS", USUAL_PORTS
        )
        if problem is None:
            allowed[channel] = url
        else:
            problems.append((Reason.NOTIFICATION_HOST_NOT_ALLOWED, f"{channel} sends nothing: {problem}"))
    named = secret_refs_of(tenant, allowed)
    found = await read_optional_keys(named, tenant.metadata.namespace, context, {SMTP_CA})
    usable = {file: ref for file, ref in named.items() if not isinstance(found[file], CredentialProblem)}
    waiting = dict.fromkeys(each for each in found.values() if isinstance(each, CredentialProblem))
    problems += [(each.reason, f"notifications wait: {each.message}") for each in waiting]
    kind = ConditionType.NOTIFICATIONS_READY
    condition = bad(kind, problems[0][0], "; ".join(text for _, text in problems)) if problems else good(kind)
    return NotificationAccess(tuple(allowed), usable, tuple(allowed.values()), condition)


def notifications_condition(access: NotificationAccess, failing: Mapping[NotificationChannel, str]) -> Condition | None:
    """Return NotificationsReady: problems that the operator found first, then failures of the pods. None without notifications.

    `failing` are the reasons why the pods cannot send, by channel.
    """
    if access.condition is None or not access.condition.good:
        return access.condition
    reasons = [f"{channel} sends nothing: {failing[channel]}" for channel in access.channels if channel in failing]
    if not reasons:
        return access.condition
    text = "; ".join(reasons)
    return bad(
        ConditionType.NOTIFICATIONS_READY, Reason.NOTIFICATIONS_NOT_SENT, f"{text}. What waits is tried again by itself"
    )


def secret_refs_of(tenant: Tenant, channels: Collection[NotificationChannel]) -> dict[str, SecretKeyRef]:
    """Return the Secret keys that these channels of the Tenant need, by the name of the mounted file."""
    spec = tenant.spec.notifications
    found: dict[str, SecretKeyRef | None] = {}
    if spec and spec.email and NotificationChannel.EMAIL in channels:
        email = spec.email
        found |= {SMTP_USERNAME: email.username_secret_ref, SMTP_PASSWORD: email.password_secret_ref}
        found[SMTP_CA] = email.ca_secret_ref
    if spec and spec.webhook and NotificationChannel.WEBHOOK in channels:
        found[NOTIFICATION_KEY] = spec.webhook.key_secret_ref
    return {file: ref for file, ref in found.items() if ref is not None}


def _servers(tenant: Tenant) -> dict[NotificationChannel, str]:
    spec = tenant.spec.notifications
    found: dict[NotificationChannel, str] = {}
    if spec and spec.email:
        found[NotificationChannel.EMAIL] = f"smtp://{spec.email.host}:{spec.email.port}"
    if spec and spec.webhook:
        found[NotificationChannel.WEBHOOK] = spec.webhook.url
    return found
