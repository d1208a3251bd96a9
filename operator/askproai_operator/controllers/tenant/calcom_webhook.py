"""Registers, moves and removes our webhook at Cal.com, in the tenant's own account and in staff members' own accounts."""

from collections.abc import Collection, Hashable
from typing import Final

from askproai_core.providers import ProviderError
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.conditions import condition_of
from askproai_operator.controllers.tenant.credentials import calcom_hash
from askproai_operator.controllers.tenant.run import Inputs, Run
from askproai_operator.controllers.tenant.signing_keys import record_registered
from askproai_operator.controllers.webhook_urls import Address, former_calcom_url, registered_calcom_url
from askproai_operator.credentials import CALCOM_KEY, CALCOM_WEBHOOK, calcom_account
from askproai_operator.engine import TOKEN_ANNOTATION, find_condition
from askproai_operator.grants import SubjectKind
from askproai_operator.providers import ensure_calcom_webhook, hash_key, remove_calcom_webhook

_KIND: Final = ConditionType.WEBHOOKS_REGISTERED
# The triggers that concern appointments; their order does not matter.
CALCOM_TRIGGERS = tuple(
    f"BOOKING_{what}" for what in ("CREATED", "RESCHEDULED", "CANCELLED", "REQUESTED", "REJECTED", "NO_SHOW_UPDATED")
)
# Absences (whose times are not offered) and another host for a booking, in the order of their introduction at Cal.com.
# An older server refuses them: there, the poll finds these changes.
NEWER_CALCOM_TRIGGERS = ("OOO_CREATED", "BOOKING_REASSIGNED")


async def register_webhook(run: Run, context: ReconcileContext) -> None:
    """Create or update our webhook in the tenant's Cal.com account, and store its condition in the run.

    A changed secret is sent only when the pods have it: Cal.com never repeats an event that was answered 401.

    Cal.com identifies a webhook by its URL, so a second run finds the webhook of the first. While the update of a staff
    member's account is pending, that account may still sign with the former secret.
    """
    run.webhook = await _register(run, context)


async def _register(run: Run, context: ReconcileContext) -> Condition:
    tenant, in_use = run.tenant, run.inputs.exposure.in_use
    if calcom_account(tenant) is None:
        return good(
            _KIND, "the calendar sends no webhooks; Retell's webhook is a field of its agents", Reason.NOT_REQUESTED
        )
    if in_use is None and tenant.spec.suspend:
        return good(_KIND, "Cal.com gets our webhook when pods run again and answer at its URL", Reason.SUSPENDED)
    if in_use is None:
        return bad(_KIND, Reason.PENDING, "Cal.com gets our webhook when its URL leads to the pods; see Exposed")
    try:
        secret, refused = await ensure_webhook(run, in_use, context, run.inputs.credentials.calcom_key)
        registered = {} if run.own_accounts.is_open else {CALCOM_WEBHOOK: secret}
        accepted = {CALCOM_KEY: calcom_hash(run.inputs, context)}
        await record_registered(tenant, run.keys, context, registered=registered, accepted=accepted)
    except ProviderError as error:
        return condition_of(error, _KIND)
    return good(_KIND, _heard_of(refused))


def webhooks_registered(run: Run, _: ReconcileContext) -> Condition:
    """Return WebhooksRegistered: a problem of the tenant's own account counts first, then staff members' accounts."""
    return (run.own_accounts.failure if run.webhook.good else None) or run.webhook


async def ensure_webhook(
    run: Run, address: Address, context: ReconcileContext, calcom_key: str
) -> tuple[str, Collection[str]]:
    """Register our webhook in the account of `calcom_key`. Return the secret that Cal.com signs with, and the newer triggers
    that its server refuses.

    Cal.com is asked when something about the webhook changes, or when the last answer is too old: it does not report that a
    person removed a webhook. Raises ProviderError.
    """
    inputs, url = run.inputs, address.urls(context.installation_id)["calcom"]
    previous = former_calcom_url(inputs.tenant, context.installation_id)
    meta, base_url = inputs.tenant.metadata, inputs.credentials.calendar_base_url
    secret = run.keys.to_register(CALCOM_WEBHOOK, inputs.credentials.values[CALCOM_WEBHOOK], context.clock.now())
    moved_from = previous if previous != url else None

    async def register() -> frozenset[str]:
        context.fence()
        client = context.providers.calcom(base_url, calcom_key)
        refused = await ensure_calcom_webhook(client, url, CALCOM_TRIGGERS, secret, newer=NEWER_CALCOM_TRIGGERS)
        if moved_from:  # the status has the old URL until its webhook is removed
            await remove_calcom_webhook(client, moved_from)
        return refused

    edits = (meta.uid, meta.generation, meta.annotations.get(TOKEN_ANNOTATION))
    source = (*edits, base_url, url, moved_from, hash_key(context.installation_id, secret))
    refused = await context.look(inputs.tenant.key, webhook_look(calcom_key, context), source, register)
    return secret, refused


def _heard_of(refused: Collection[str]) -> str:
    if not refused:
        return "Cal.com tells us of bookings"
    return (
        f"Cal.com tells us of bookings. Its server refuses the trigger {', '.join(sorted(refused))}, so such changes are known"
        " after five minutes: update that server to have them known at once"
    )


def webhook_look(calcom_key: str, context: ReconcileContext) -> Hashable:
    """Return the name under which the look at our webhook in this key's account is remembered."""
    return "webhook", hash_key(context.installation_id, calcom_key)


async def remove_shared_webhook(inputs: Inputs, context: ReconcileContext) -> tuple[Condition, ...]:
    """Remove our webhook from a Cal.com account whose key another tenant holds; return WebhooksRegistered, or () without one.

    A release that did not refuse shared keys has registered it, as the status shows. The pods still book at Cal.com: a local
    calendar would offer times that are taken there.
    """
    url = registered_calcom_url(inputs.tenant)
    if SubjectKind.CALENDAR_KEY not in inputs.shared_keys or url is None:
        return ()
    text = "removed at Cal.com, because another tenant has this key; it comes back with a key of your own"
    removed = bad(_KIND, Reason.CREDENTIALS_SHARED, text)
    if find_condition(inputs.tenant, _KIND).get("reason") != Reason.CREDENTIALS_SHARED:
        try:
            context.fence()
            client = context.providers.calcom(inputs.credentials.calendar_base_url, inputs.credentials.calcom_key)
            await remove_calcom_webhook(client, url)
        except ProviderError as error:
            return (condition_of(error, _KIND),)
    context.memory.looks.forget(inputs.tenant.key, webhook_look(inputs.credentials.calcom_key, context))
    return (removed,)
