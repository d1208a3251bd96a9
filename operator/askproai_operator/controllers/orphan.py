"""Orphans: retry the removals that a deletion could not finish. Each entry of the ledger is retried with its own backoff."""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

import structlog

from askproai_core.kube import ApiError, NotLeader
from askproai_operator import orphans
from askproai_operator.api import Key
from askproai_operator.api.conditions import ConditionType
from askproai_operator.context import ReconcileContext
from askproai_operator.controllers.agent import remove_remote_objects
from askproai_operator.controllers.tenant import REMOVAL_ERRORS, failure_text, remove_remote
from askproai_operator.credentials import CALCOM_BASE_URL, CALCOM_KEY, RETELL_BASE_URL, RETELL_KEY, read_own_secret
from askproai_operator.engine import GONE, Backoff, Options, Result
from askproai_operator.orphans import LedgerEntry, OrphanedAgent, OrphanedCache, OrphanedDatabase, OrphanedWebhooks
from askproai_operator.providers import list_calcom_webhook_ids
from askproai_operator.resources import resource_of_kind
from askproai_operator.settings import Settings

log = structlog.get_logger(__name__)

LEDGER: Final = "OrphanLedger"
ORPHAN: Final = "Orphan"
LONGEST_DELAY: Final = timedelta(hours=1)  # between two attempts
LEDGER_OPTIONS: Final = Options(workers=1)
_RETURNED: Final = timedelta(minutes=10)
_AT_ONCE: Final = 4  # an unresponsive provider must not delay another's orphans


def orphan_options(settings: Settings) -> Options:
    """Return the options for removing one orphan: retries after 2, 4, 8 … × ASKPROAI_LEFTOVER_RETRY_SECONDS, at most 1 h.

    An attempt has no timeout of its own beyond those of its requests: erasing a tenant's rows may take minutes.
    """
    first = timedelta(seconds=2 * settings.leftover_retry_seconds)
    return Options(Backoff(first, LONGEST_DELAY, jitter=0), workers=_AT_ONCE, timeout=None)


class LedgerController:
    """Lists the ledger periodically, counts the entries of its shard, and enqueues each entry whose key is not in the queue.

    A list finds entries of an earlier leader, entries that deletions add, and entries that a person restores: watches do not
    report them, because they lack the label of the watched Secrets.
    """

    def __init__(self, set_counts: Callable[[Mapping[str, int]], None], add_unknown: Callable[[Key], None]) -> None:
        """Take the setter of the gauge, which gets the number of orphans of each sort, and `WorkQueue.add_unknown`."""
        self._set_counts, self._add_unknown = set_counts, add_unknown

    async def reconcile(self, key: Key, context: ReconcileContext) -> Result:
        """List the orphans in the ledger and enqueue them; again after ASKPROAI_LEFTOVER_RETRY_SECONDS ± 10 %."""
        try:
            shard = context.settings.shard
            entries = [each for each in await orphans.list_entries(context) if shard.owns(each.orphan.owner.namespace)]
            self._set_counts(Counter(orphans.sort_of(entry.orphan) for entry in entries))
            for entry in entries:
                self._add_unknown(Key(ORPHAN, key.namespace, entry.name))
        except ApiError as error:  # the next list finds what this one missed
            log.warning("leftovers.not_read", error=str(error))
        pause = timedelta(seconds=context.settings.leftover_retry_seconds) * random.uniform(0.9, 1.1)  # noqa: S311 (no secret)
        return Result(requeue_after=pause, requeue_reason="entries of the ledger are not watched, only listed")


async def reconcile_orphan(key: Key, context: ReconcileContext) -> Result:
    """Try to remove one orphan, then its ledger entry. If a person has deleted the entry, do nothing."""
    entry = await orphans.get_entry(key.name, context)
    if entry is None:
        return GONE
    try:
        context.fence()
        reason = await _remove(entry, context)
        if reason is None:
            await orphans.remove_entry(entry, context)
            return GONE
    except NotLeader:
        raise
    except REMOVAL_ERRORS as error:
        reason = failure_text(error)
    except Exception as error:  # noqa: BLE001 (an unexpected answer of a provider, say: it is reported and retried)
        reason = f"{type(error).__name__} in the operator"
        log.warning("leftover.failed", secret=entry.name, error=type(error).__name__)
    try:
        await orphans.annotate_entry(entry, reason, context)
    except ApiError as error:
        log.info("leftover.not_noted", secret=entry.name, error=str(error))
    return Result(requeue=True, requeue_reason=reason)


async def _remove(entry: LedgerEntry, context: ReconcileContext) -> str | None:
    """Remove an orphan. Return the reason why it still exists; None if it is gone or belongs to a namesake now.

    A namesake of the deleted object has the same marker, webhook and role: the namesake's objects are left alone.
    """
    orphan = entry.orphan
    live = await context.kube.get(resource_of_kind(orphan.owner.kind), *orphan.owner.key[1:])
    if live is not None and isinstance(orphan, OrphanedAgent | OrphanedWebhooks) and orphan.former_account:
        return await _remove_from_former_account(orphan, entry, live, context)
    if live is not None and live["metadata"]["uid"] == orphan.owner.uid:
        return "waits for the end of its deletion"
    match orphan:
        case OrphanedAgent():
            if live is not None and orphan.agent_id and (live.get("status") or {}).get("agentId") == orphan.agent_id:
                return None  # the namesake adopted it, and will delete it
            if live is not None:
                return f"waits: there is a {orphan.owner.key} again, which may use it"
            return await _remove_agent(orphan, entry, context)
        case OrphanedWebhooks() if live is not None:
            return f"waits: there is a {orphan.owner.key} again, which uses it"
        case OrphanedDatabase() if live is not None:
            owner = orphan.owner
            await context.database.drop_former_tenant(owner.tenant, orphan.erase, uid=owner.uid)
            return None
        case OrphanedCache() if live is not None and _has_cache(live):
            return None  # user and keys are the namesake's
    await remove_remote(orphan, entry.keys, context)
    return None


def _has_cache(tenant: dict[str, Any]) -> bool:
    """Return True if a reconcile of this Tenant has created a Redis user for it: the user then has its own password."""
    conditions = (tenant.get("status") or {}).get("conditions") or []
    return any(condition["type"] == ConditionType.CACHE_READY for condition in conditions)


async def _remove_agent(orphan: OrphanedAgent, entry: LedgerEntry, context: ReconcileContext) -> str | None:
    if RETELL_KEY not in entry.keys or RETELL_BASE_URL not in entry.keys:
        return f"put {RETELL_KEY} and {RETELL_BASE_URL} into this Secret, or remove it by hand"
    client = context.providers.retell(entry.keys[RETELL_BASE_URL], entry.keys[RETELL_KEY])
    return await remove_remote_objects(client, orphan, context)


async def _remove_from_former_account(
    orphan: OrphanedAgent | OrphanedWebhooks, entry: LedgerEntry, live: dict[str, Any], context: ReconcileContext
) -> str | None:
    """Remove the objects that the owner, or a namesake, left in an account used before. Return why one still exists, or None.

    The owner's present objects carry the same marker and URL. So nothing is removed before it is certain that the owner uses
    another account now: a new key can belong to the same account.
    """
    if isinstance(orphan, OrphanedAgent):
        account, tenant = (RETELL_BASE_URL, RETELL_KEY), orphan.tenant or ""
    else:
        account, tenant = (CALCOM_BASE_URL, CALCOM_KEY), orphan.owner.name
    present = await read_own_secret(context, orphan.owner.namespace, tenant)
    if all(present.get(name) == entry.keys.get(name) for name in account):
        # T-teardown gets the new key right after the entry is made. If it still has this one, the tenant came back to the account.
        is_back = entry.created_at is not None and context.clock.now() - entry.created_at > _RETURNED
        return None if is_back else f"waits: {orphan.owner.key} uses this account"
    if isinstance(orphan, OrphanedAgent):
        agent_id = (live.get("status") or {}).get("agentId")
        if agent_id in (None, orphan.agent_id):
            return f"waits until {orphan.owner.key} has an agent in the workspace that it uses now"
        former = context.providers.retell(entry.keys[RETELL_BASE_URL], entry.keys[RETELL_KEY])
        is_same_account = await former.get_agent(agent_id) is not None
        return None if is_same_account else await _remove_agent(orphan, entry, context)
    if CALCOM_KEY in present:
        clients = [context.providers.calcom(keys[CALCOM_BASE_URL], keys[CALCOM_KEY]) for keys in (entry.keys, present)]
        former_ids, present_ids = [await list_calcom_webhook_ids(client, orphan.urls) for client in clients]
        if former_ids & present_ids:
            return None
    await remove_remote(orphan, entry.keys, context)
    return None
