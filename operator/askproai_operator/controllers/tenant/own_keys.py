"""Cal.com keys of staff members' own accounts: which are good, which webhooks they have, and when the pods book with them.

An event type with a key of its own is named to the pods when all of them mount the key and the key's account has our webhook. From
then on it stays so, whatever becomes of the key: our own book alone would offer times that are taken at Cal.com. Bookings of that
event type are refused meanwhile, and nobody else's (docs/decisions/0040-keys-of-staff-members.md).
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

import structlog

from askproai_core.tenant_config import TenantConfig
from askproai_operator.api import SecretKeyRef, ServiceOffering, Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, Status
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.addresses import registered_calcom_url
from askproai_operator.controllers.conditions import condition_of
from askproai_operator.controllers.grant import take
from askproai_operator.controllers.tenant.children.deployment import mounted_own_keys
from askproai_operator.controllers.tenant.children.metadata import child_name
from askproai_operator.credentials import (
    CALCOM_BASE_URL,
    calcom_account,
    event_types_of,
    own_key_file,
    own_key_refs,
    own_keys,
    read_own_keys,
    read_own_secret,
)
from askproai_operator.engine import ObservedObject
from askproai_operator.grants import OWN_KEYS_ANNOTATION, Subject, SubjectKind
from askproai_operator.providers import CredentialRefused, ProviderError, hash_key, remove_calcom_webhook

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """The keys that were found good and granted once, by the name of the mounted file. The values are never part of a text.

    `refs` are those that manifests name: the pods mount them. `values` are for `T-teardown`: those, as they were last good, and
    former ones whose webhook could not be removed yet.
    """

    refs: Mapping[str, SecretKeyRef] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    subjects: frozenset[Subject] = frozenset()


async def settle_own_keys(
    tenant: Tenant,
    offerings: Iterable[ServiceOffering],
    context: ReconcileContext,
    *,
    calcom_key: str,
    calcom_url: str,
    is_usable: bool,
) -> OwnKeys:
    """Read the keys, take the grants of new ones, and remove the webhooks of those that nothing names any more.

    `calcom_key` is the tenant's own, `calcom_url` the webhook's. A key that cannot be used now stays as it was last good. Unless
    `is_usable`, since the Tenant's own keys could not be tried, nothing new is taken, and nothing removed.
    """
    namespace, name = tenant.key[1:]
    named = own_key_refs(offerings) if calcom_account(tenant) is not None else {}
    secret = context.cache.secret(namespace, child_name(name, "teardown"))
    if not named and (secret is None or OWN_KEYS_ANNOTATION not in secret.annotations):
        return OwnKeys()
    teardown = await read_own_secret(context, namespace, name)
    recorded = own_keys(teardown)
    values = {file: key for file, key in recorded.items() if file in named}
    found = await read_own_keys(named, namespace, context) if is_usable else {}
    values |= {
        file: key
        for file, key in found.items()
        if isinstance(key, str) and await take(tenant, _subject(key, context), context) is None
    }
    refs = {file: ref for file, ref in named.items() if file in values}
    base_url = teardown.get(CALCOM_BASE_URL, context.settings.calcom_base_url)
    in_use = {calcom_key, *values.values()}  # such as those of a Secret that has another name now
    for file in sorted(file for file in recorded.keys() - named.keys() if recorded[file] not in in_use):
        urls = {calcom_url, registered_calcom_url(tenant) or calcom_url}
        if not is_usable or not await _leave_account(base_url, recorded[file], urls, context):
            values[file] = recorded[file]  # tried again by the next reconcile
    return OwnKeys(refs, values, frozenset(_subject(key, context) for key in values.values()))


async def _leave_account(base_url: str, key: str, urls: Iterable[str], context: ReconcileContext) -> bool:
    """Remove our webhook from a former account. Return whether nothing is left to do: with a refused key nothing can be done."""
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


@dataclass(frozen=True, slots=True)
class OwnAccounts:
    """In which accounts our webhook is registered, by the name of the key's file, and the condition where one is missing."""

    registered: frozenset[str] = frozenset()
    failure: Condition | None = None

    @property
    def is_open(self) -> bool:
        """Return whether a registration may succeed by itself later."""
        return self.failure is not None and self.failure.status is Status.UNKNOWN


async def register_in_own_accounts(keys: OwnKeys, register: Callable[[str], Awaitable[object]]) -> OwnAccounts:
    """Register our webhook with each key. An account that fails keeps the tenant from nothing else."""
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
    """Return the event types with keys of their own that are named to the pods. Pure.

    First, those whose key all pods have: a pod without it books locally, and would not know the appointments of the others. Second,
    those that the pods booked at Cal.com before (`applied`), with whichever key.
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
    return Subject(SubjectKind.CALCOM_KEY, hash_key(context.installation_id, key))
