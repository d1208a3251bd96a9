"""A tenant's keys for Retell and the remote calendar: how they are tested and granted, and the condition CredentialsValid."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from askproai_core.provider_names import Provider
from askproai_core.providers import CredentialRefused, ProviderError
from askproai_operator.api import RetellAgent, Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, Status, bad, good, unknown
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.conditions import condition_of
from askproai_operator.controllers.grant import report_refusal, take_all
from askproai_operator.controllers.tenant.run import Inputs, Run
from askproai_operator.credentials import CALCOM_KEY, RETELL_BASE_URL, RETELL_KEY, Credentials, calendar_account
from askproai_operator.engine import TOKEN_ANNOTATION, find_condition
from askproai_operator.grants import Holder, Subject, SubjectKind
from askproai_operator.providers import RetellClient, hash_key

KEY_TEST: Final = "Retell key"  # a look at a provider
_KIND: Final = ConditionType.CREDENTIALS_VALID
_BAD_REQUEST = 400
_KEY_REFUSALS = frozenset({None, 401, 498})  # 498: Cal.com, for a key that has expired
_END = "this ends with the next booking that {} accepts, or after 15 minutes"


def key_subjects(tenant: Tenant, credentials: Credentials, installation_id: str) -> dict[SubjectKind, Subject]:
    """Return the grant subjects of the tenant's keys for Retell and the calendar: keyed hashes, by kind of key."""
    values = {SubjectKind.RETELL_KEY: credentials.retell_key}
    if calendar_account(tenant) is not None:
        values[SubjectKind.CALENDAR_KEY] = credentials.values.get(tenant.spec.calendar.provider.key_file, "")
    return {kind: Subject(kind, hash_key(installation_id, key)) for kind, key in values.items() if key}


async def try_keys(
    tenant: Tenant, credentials: Credentials, agents: Iterable[RetellAgent], context: ReconcileContext
) -> ProviderError | None:
    """Return the error that makes the key of Retell or the calendar unusable; None if there is none. Only the host of
    the calendar is checked.

    A key is tested at Retell when it is new. Afterwards agents' reconciles use it at intervals: it is tested again if Retell
    refuses one.
    """
    meta, url, key = tenant.metadata, credentials.retell_base_url, credentials.retell_key
    refused = frozenset(
        agent.metadata.name
        for agent in agents
        if find_condition(agent, ConditionType.SYNCED).get("reason") == Reason.CREDENTIALS_INVALID
    )
    source = (meta.uid, meta.annotations.get(TOKEN_ANNOTATION), url, hash_key(context.installation_id, key), refused)
    try:
        if calendar_account(tenant) is not None:
            context.providers.check_host(Provider(tenant.spec.calendar.provider.field), credentials.calendar_base_url)
        retell = context.providers.retell(url, key)
        await context.look(tenant.key, KEY_TEST, source, partial(_try_key, retell, context), once=True)
    except ProviderError as error:
        return error
    return None


async def _try_key(retell: RetellClient, context: ReconcileContext) -> None:
    retell.api.forget_refusal()  # this test has its own pauses, and no pause when a person asks for it
    await retell.list_agents(context.installation_id)


def key_test_due(tenant: Tenant, context: ReconcileContext) -> datetime | None:
    """Return the time of the next test of the keys, rounded up to a minute; None if only a change causes a test."""
    due = context.memory.looks.due(tenant.key, KEY_TEST)
    if due == float("inf"):
        return None
    at = context.clock.now() + timedelta(seconds=due - context.clock.monotonic())
    return at.replace(second=0, microsecond=0) + timedelta(minutes=1)


async def report_shared_keys(
    tenant: Tenant, holders: Mapping[Subject, Holder | None], context: ReconcileContext
) -> frozenset[SubjectKind]:
    """Return the kinds of keys that another Tenant holds (`holders`), and report each refusal once."""
    is_known = find_condition(tenant, _KIND).get("reason") == Reason.CREDENTIALS_SHARED
    others = {subject: holder for subject, holder in holders.items() if holder is not None}
    for subject, holder in others.items():
        if not is_known:
            await report_refusal(tenant, subject, holder, context)
    return frozenset(subject.kind for subject in others)


def refused_keys(inputs: Inputs) -> frozenset[str]:
    """Return the file of the Retell key if the key is refused or shared: it must not count as a former key later."""
    is_refused = isinstance(inputs.key_error, CredentialRefused) or SubjectKind.RETELL_KEY in inputs.shared_keys
    return frozenset({RETELL_KEY} if is_refused else ())


async def take_keys(run: Run, context: ReconcileContext) -> None:
    """Take the grants of keys that were found good, right before the keys are recorded in T-teardown.

    If two Tenants ask at once, both pass all checks; then the later one's `shared_keys` has the key's kind, and a check fails.
    """
    if run.inputs.key_error is None:
        holders = await take_all(run.tenant, run.inputs.keys.values(), context)
        run.inputs = replace(run.inputs, shared_keys=await report_shared_keys(run.tenant, holders, context))


def credentials_valid(run: Run, context: ReconcileContext) -> Condition:
    """Return CredentialsValid for a tenant with complete keys: False if the calendar refuses our requests or the pods' bookings.

    `run.state.refusals` are the HTTP statuses of recent refusals (None among them: the pods have no key). Callers hear that
    nothing is booked meanwhile, so a person must know. A key that could not be tested yet is reported last.
    """
    refusals, heard = run.state.refusals, "callers hear that nothing is booked"
    redirects = sorted(status for status in refusals if status is not None and status < _BAD_REQUEST)
    lately, calendar = "in the last 15 minutes", run.tenant.spec.calendar.provider
    name, end = calendar.label, _END.format(calendar.label)
    valid_key = f"put a valid key into the Secret of calendar.{calendar.field}.apiKeySecretRef"
    if run.webhook.reason is Reason.CREDENTIALS_INVALID:
        text = f"{name} does not accept the key, and {heard}: {valid_key}"
    elif refusals & _KEY_REFUSALS:
        text = f"{name} refused bookings {lately}, since it did not accept the key, and {heard}: {valid_key}; {end}"
    elif redirects:
        text = (
            f"the server at calendar.{calendar.field}.baseUrl redirected bookings {lately} ({redirects[0]}), and {heard}: write"
            f" the address of {name}'s API itself; {end}"
        )
    elif refusals:
        codes = ", ".join(str(status) for status in sorted(filter(None, refusals)))
        text = (
            f"{name} refused bookings of an event type {lately} ({codes}), and {heard}: it is gone or belongs to another user;"
            " correct the eventTypes of the ServiceOfferings (see their CalendarLinked), or the key; this ends after 15 minutes"
        )
    else:
        return _untried_retell_key(run.inputs) or _untried_calcom_key(run, context) or good(_KIND)
    return bad(_KIND, Reason.BOOKINGS_REFUSED, text)


def credentials_without_database(run: Run, context: ReconcileContext) -> Condition:
    """Return CredentialsValid for a run that asks no calendar: Unknown if a new key is still untested, else True."""
    if (untried := _untried_retell_key(run.inputs)) is not None:
        return untried
    former = find_condition(run.tenant, _KIND)
    is_waiting = former.get("status") == Status.UNKNOWN and former.get("reason") == Reason.PROVIDER_UNAVAILABLE
    if is_waiting and run.keys.is_untried(CALCOM_KEY, calcom_hash(run.inputs, context)):
        return unknown(_KIND, Reason.PROVIDER_UNAVAILABLE, former["message"])
    return good(_KIND)


def _untried_retell_key(inputs: Inputs) -> Condition | None:
    """Return CredentialsValid if a new Retell key could not be tested; None if it could, or if the key was accepted before.

    `T-teardown` holds the accepted key and server: an outage of Retell says nothing new about it. Pods get a new key anyway.
    """
    former, present = inputs.teardown_values, inputs.credentials
    accepted = former.get(RETELL_BASE_URL), former.get(RETELL_KEY)
    if inputs.key_error is None or accepted == (present.retell_base_url, present.retell_key):
        return None
    return condition_of(inputs.key_error, _KIND)


def _untried_calcom_key(run: Run, context: ReconcileContext) -> Condition | None:
    """Return CredentialsValid if a new Cal.com key could not be tested, because Cal.com does not answer; else None."""
    is_untried = run.keys.is_untried(CALCOM_KEY, calcom_hash(run.inputs, context))
    if not is_untried or run.webhook.reason is not Reason.PROVIDER_UNAVAILABLE:
        return None
    return replace(run.webhook, type=_KIND)


def calcom_hash(inputs: Inputs, context: ReconcileContext) -> str:
    """Return a keyed hash of the Tenant's own Cal.com key together with the address of the Cal.com server."""
    credentials = inputs.credentials
    return hash_key(context.installation_id, f"{credentials.calendar_base_url} {credentials.calcom_key}")
