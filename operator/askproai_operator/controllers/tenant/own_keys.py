"""Cal.com keys of staff members' own accounts: which keys are good, which accounts have our webhook, and when pods use a key.

An event type with its own key is added to the pods' config when all pods mount the key and the key's account has our webhook.
It stays there whatever happens to the key: our own book alone would offer times that are taken at Cal.com. While the key fails,
only bookings of that event type are refused (docs/decisions/0040-keys-of-staff-members.md).
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from functools import partial

import structlog

from askproai_core.providers import CredentialRefused, ProviderError
from askproai_core.tenant_config import TenantConfig
from askproai_operator.api import ServiceOffering
from askproai_operator.api.conditions import Condition, ConditionType, Reason
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.conditions import condition_of
from askproai_operator.controllers.grant import take
from askproai_operator.controllers.tenant.calcom_webhook import ensure_webhook, webhook_look
from askproai_operator.controllers.tenant.children.deployment import mounted_own_keys
from askproai_operator.controllers.tenant.children.metadata import child_name
from askproai_operator.controllers.tenant.credentials import KEY_TEST
from askproai_operator.controllers.tenant.run import Inputs, OwnAccounts, OwnKeys, Run
from askproai_operator.controllers.webhook_urls import registered_calcom_url
from askproai_operator.credentials import (
    CALCOM_BASE_URL,
    calcom_account,
    event_types_of,
    hash_accounts,
    own_key_file,
    own_key_refs,
    own_keys,
    read_optional_keys,
    read_own_secret,
)
from askproai_operator.engine import ObservedObject
from askproai_operator.grants import OWN_KEYS_ANNOTATION, Subject, SubjectKind
from askproai_operator.providers import hash_key, remove_calcom_webhook
from askproai_operator.services import active_offerings

log = structlog.get_logger(__name__)


async def gather_own_keys(run: Run, context: ReconcileContext) -> None:
    """Read the own keys that the tenant uses into the run, and forget the looks at accounts that the tenant no longer uses."""
    inputs = run.inputs
    keys = await _settle_own_keys(inputs, context)
    accounts = hash_accounts(inputs.credentials, keys.values, context.installation_id)
    run.inputs = replace(inputs, own_keys=keys, accounts=accounts)
    webhooks = {webhook_look(each, context) for each in (inputs.credentials.calcom_key, *keys.values.values())}
    context.memory.looks.retain(run.tenant.key, {KEY_TEST, *webhooks})


async def _settle_own_keys(inputs: Inputs, context: ReconcileContext) -> OwnKeys:
    """Read the keys, take the grants of new keys, and remove our webhooks from the accounts of keys that no event type names.

    A key that cannot be used now keeps its last good value. While the Tenant's own keys cannot be tested, no key changes.
    """
    tenant, is_usable = inputs.tenant, inputs.key_error is None
    offerings = active_offerings(inputs.offerings, inputs.branches)
    namespace, name = tenant.key[1:]
    named = own_key_refs(offerings) if calcom_account(tenant) is not None else {}
    secret = context.cache.secret(namespace, child_name(name, "teardown"))
    if not named and (secret is None or OWN_KEYS_ANNOTATION not in secret.annotations):
        return OwnKeys()
    teardown = await read_own_secret(context, namespace, name)
    recorded = own_keys(teardown)
    values = {file: key for file, key in recorded.items() if file in named}
    found = await read_optional_keys(named, namespace, context) if is_usable else {}
    values |= {
        file: key
        for file, key in found.items()
        if isinstance(key, str) and await take(tenant, _subject(key, context), context) is None
    }
    refs = {file: ref for file, ref in named.items() if file in values}
    base_url = teardown.get(CALCOM_BASE_URL, context.settings.calcom_base_url)
    in_use = {inputs.credentials.calcom_key, *values.values()}  # such as those of a Secret that has another name now
    calcom_url = inputs.exposure.requested.urls(context.installation_id)["calcom"]
    for file in sorted(file for file in recorded.keys() - named.keys() if recorded[file] not in in_use):
        urls = {calcom_url, registered_calcom_url(tenant) or calcom_url}
        if not is_usable or not await _leave_account(base_url, recorded[file], urls, context):
            values[file] = recorded[file]  # tried again by the next reconcile
    return OwnKeys(refs, values, frozenset(_subject(key, context) for key in values.values()))


async def _leave_account(base_url: str, key: str, urls: Iterable[str], context: ReconcileContext) -> bool:
    """Remove our webhook from an account no longer used. Return False if this must be retried; a refused key is not retried."""
    try:
        context.fence()
        for url in urls:
            await remove_calcom_webhook(context.providers.calcom(base_url, key), url)
    except CredentialRefused:
        log.warning("own_key.refused", consequence="our webhook stays in that account; what it sends is of no service")
    except ProviderError as error:
        log.info("own_key.webhook_not_removed", error=str(error))
        return False
    return True


async def register_own_accounts(run: Run, context: ReconcileContext) -> None:
    """Register our webhook in the accounts of staff members' own keys, once the tenant's URL is proven."""
    run.own_accounts = OwnAccounts()
    if (in_use := run.inputs.exposure.in_use) is not None:
        run.own_accounts = await register_in_own_accounts(
            run.inputs.own_keys, partial(ensure_webhook, run, in_use, context)
        )


async def register_in_own_accounts(keys: OwnKeys, register: Callable[[str], Awaitable[object]]) -> OwnAccounts:
    """Register our webhook in the account of each key. The failure of an account is recorded, and the others go on."""
    registered: set[str] = set()
    failures: list[Condition] = []
    for file, ref in sorted(keys.refs.items()):
        try:
            await register(keys.values[file])
            registered.add(file)
        except ProviderError as error:
            found = condition_of(error, ConditionType.WEBHOOKS_REGISTERED)
            text = (
                f"with key {ref.key!r} of Secret {ref.name!r}: {found.message}; all other accounts tell us of bookings"
            )
            failures.append(Condition(found.type, found.status, found.reason, text))
    failures.sort(key=lambda failure: failure.reason is Reason.CREDENTIALS_INVALID)
    return OwnAccounts(frozenset(registered), failures[0] if failures else None)


def linked_event_types(
    offerings: Iterable[ServiceOffering],
    applied: TenantConfig | None,
    registered: Iterable[str],
    deployments: Iterable[ObservedObject],
) -> frozenset[int]:
    """Return the event types with keys of their own that the pods' config may contain. Pure.

    An event type may be contained if all pods have its key and the key's account is `registered`: a pod without the key would
    book locally, and not know the other pods' appointments. An event type of the `applied` config stays contained, with any
    key.
    """
    mounted = mounted_own_keys(deployments)
    ready = set(registered) if mounted is None else mounted & set(registered)
    before = {link.event_type_id for each in (applied.services if applied else ()) for link in each.linked_event_types}
    return frozenset(
        each.event_type_id
        for offering in offerings
        for each in event_types_of(offering)
        if each.api_key_secret_ref is not None
        and (each.event_type_id in before or own_key_file(each.api_key_secret_ref) in ready)
    )


def _subject(key: str, context: ReconcileContext) -> Subject:
    return Subject(SubjectKind.CALENDAR_KEY, hash_key(context.installation_id, key))
