"""The ledger of orphans: remote objects that a deletion could not remove within its budget, or that are in an account which
their owner no longer uses.

Each entry is a Secret in the operator's namespace, which outlives the namespace of the deleted object. It is a Secret because a
later attempt needs the provider's key, and the tenant's own copy is gone by then. It is created before our finalizer is
removed, so nothing is forgotten; `controllers/orphan.py` retries until the object is removed
(docs/decisions/0013-orphans-are-secrets.md).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import structlog

from askproai_core.kube import ApiError, Conflict, Unreachable
from askproai_operator import resources
from askproai_operator.api import Key
from askproai_operator.context import ReconcileContext
from askproai_operator.credentials import decode_secret, secret_manifest
from askproai_operator.engine import EventRecord

log = structlog.get_logger(__name__)

# A deletion runs again right after its budget, however long a provider asks to wait.
PAST_BUDGET: Final = timedelta(seconds=1)
LABEL: Final = "askproai.de/leftover"
_ENTRY: Final = "entry.json"
_FORMER: Final = "in a former account "
_WHAT, _WHY, _SINCE = (f"askproai.de/{name}" for name in ("what", "last-error", "since"))


class Owner(msgspec.Struct, frozen=True):
    """The custom resource whose deletion or change of account left an orphan. A namesake (another UID) may exist meanwhile."""

    kind: str
    namespace: str
    name: str
    uid: str

    @property
    def key(self) -> Key:
        return Key(self.kind, self.namespace, self.name)

    @property
    def tenant(self) -> str:
        """Return `namespace.name`: for a Tenant its key in the database and in Redis."""
        return f"{self.namespace}.{self.name}"


class OrphanedAgent(msgspec.Struct, frozen=True, tag="agent", tag_field="sort"):
    """The remote objects of a RetellAgent: agent, LLM and numbers as its status named them, and all objects with its marker.

    If the owner still exists but uses another workspace now, `former_account` is the keyed hash of the key to the former one.
    """

    owner: Owner
    marker: str
    tenant: str | None = None
    agent_id: str | None = None
    llm_id: str | None = None
    numbers: tuple[str, ...] = ()
    former_account: str = ""

    def describe(self) -> str:
        ids = ", ".join(each for each in (self.agent_id, self.llm_id) if each) or "one that has no id yet"
        return f"left {_FORMER if self.former_account else ''}at Retell: {ids}, marker {self.marker}"


class OrphanedWebhooks(msgspec.Struct, frozen=True, tag="webhook", tag_field="sort"):
    """The webhooks that a Tenant registered at Cal.com under `urls`. `former_account` is used as in `OrphanedAgent`."""

    owner: Owner
    urls: tuple[str, ...]
    former_account: str = ""

    def describe(self) -> str:
        return f"left {_FORMER if self.former_account else ''}at Cal.com: the webhook {', '.join(self.urls)}"


class OrphanedDatabase(msgspec.Struct, frozen=True, tag="database", tag_field="sort"):
    """A Tenant's login role in PostgreSQL; with `erase`, also its rows."""

    owner: Owner
    erase: bool

    def describe(self) -> str:
        return f"left in PostgreSQL: the tenant's role{' and rows' if self.erase else ''}"


class OrphanedCache(msgspec.Struct, frozen=True, tag="cache", tag_field="sort"):
    """A Tenant's user in Redis, and the tenant's keys there."""

    owner: Owner

    def describe(self) -> str:
        return "left in Redis: the tenant's user and keys"


Orphan = OrphanedAgent | OrphanedWebhooks | OrphanedDatabase | OrphanedCache


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One orphan in the ledger, a Secret. `keys` are the provider's credentials, never logged; `last_error` is the last
    failure.

    `created_at` is None if the API server did not report it.
    """

    name: str
    uid: str
    orphan: Orphan
    keys: Mapping[str, str]
    last_error: str
    created_at: datetime | None = None

    def __repr__(self) -> str:  # a traceback or a log line must not contain the keys
        return f"LedgerEntry({self.name})"


def sort_of(orphan: Orphan) -> str:
    """Return the kind of an orphan, as in its label and in the metric: agent, webhook, database or cache."""
    return str(type(orphan).__struct_config__.tag)


async def add_orphan(
    orphan: Orphan, keys: Mapping[str, str], last_error: str, context: ReconcileContext
) -> EventRecord:
    """Create the ledger entry of an orphan unless it exists, and return the Kubernetes Event that reports it.

    If the namespace refuses the Secret, the Event asks for a removal by hand. Raises Unreachable; then the caller must not
    remove its finalizer or overwrite its keys.
    """
    namespace, name = context.settings.namespace, _secret_name(orphan)
    try:
        await context.kube.create(_manifest(name, orphan, keys, last_error, context))
    except Unreachable:
        raise
    except ApiError as error:
        # An existing entry is from an earlier reconcile that ended before it removed the finalizer.
        exists = isinstance(error, Conflict) and await context.kube.get(resources.SECRETS, namespace, name) is not None
        if not exists:
            about = orphan.describe()
            log.error("leftover.not_kept", owner=str(orphan.owner.key), left=about, error=str(error))  # noqa: TRY400
            text = f"{last_error}; {about}; namespace {namespace} did not take it ({error.reason}): remove it by hand"
            return EventRecord("LeftOver", text)
    log.warning("leftover.kept", secret=name, owner=str(orphan.owner.key))
    text = f"{last_error}; {orphan.describe()}; tried again by itself, from Secret {namespace}/{name}"
    return EventRecord("LeftOver", f"{text} (delete that one when you removed it by hand)")


async def list_entries(context: ReconcileContext) -> list[LedgerEntry]:
    """Return the entries of the ledger. An entry that cannot be parsed is logged and left out: it stays for a person."""
    secrets = await context.kube.list(resources.SECRETS, context.settings.namespace, LABEL)
    return [entry for raw in secrets if (entry := _parse(raw)) is not None]


async def get_entry(name: str, context: ReconcileContext) -> LedgerEntry | None:
    """Return one entry of the ledger by the name of its Secret; None if it is gone or cannot be parsed."""
    raw = await context.kube.get(resources.SECRETS, context.settings.namespace, name)
    return _parse(raw) if raw is not None else None


async def has_rows_to_erase(namesake: Owner, uid: str, *, context: ReconcileContext) -> bool:
    """Return True if the ledger lists rows for erasure that belong to the former Tenant with `uid` and `namesake`'s name.

    The entry is made before the former Tenant is gone, so before a namesake can exist, and is removed after the rows.
    """
    former = OrphanedDatabase(msgspec.structs.replace(namesake, uid=uid), erase=True)
    entry = await get_entry(_secret_name(former), context)
    return entry is not None and entry.orphan == former


async def annotate_entry(entry: LedgerEntry, last_error: str, context: ReconcileContext) -> None:
    """Record on the entry why its object still exists. Writes nothing if the text is the same."""
    if last_error != entry.last_error:
        body = {"metadata": {"annotations": {_WHY: last_error}}}
        await context.kube.patch(resources.SECRETS, context.settings.namespace, entry.name, body)


async def remove_entry(entry: LedgerEntry, context: ReconcileContext) -> None:
    """Delete the ledger entry of an orphan that was removed, and create the Kubernetes Event that reports it."""
    await context.kube.delete(resources.SECRETS, context.settings.namespace, entry.name, uid=entry.uid)
    log.info("leftover.removed", secret=entry.name, owner=str(entry.orphan.owner.key))
    await context.kube.record_operator_event(
        "LeftOverRemoved", f"{entry.orphan.owner.key}: what was {entry.orphan.describe()} is gone"
    )


def _secret_name(orphan: Orphan) -> str:
    owner = "/".join(msgspec.structs.astuple(orphan.owner))
    account = getattr(orphan, "former_account", "")  # an object can have left several, and be deleted as well
    whose = f"{owner}/{account}" if account else owner
    return f"askproai-leftover-{sort_of(orphan)}-{hashlib.sha256(whose.encode()).hexdigest()[:12]}"


def _manifest(
    name: str, orphan: Orphan, keys: Mapping[str, str], last_error: str, context: ReconcileContext
) -> dict[str, Any]:
    annotations = {
        _WHAT: f"{orphan.owner.key}: {orphan.describe()}",
        _WHY: last_error,
        _SINCE: context.clock.now().isoformat(timespec="seconds"),
    }
    values = {**keys, _ENTRY: msgspec.json.encode(orphan).decode()}
    labels = {LABEL: sort_of(orphan)}
    return secret_manifest(context.settings.namespace, name, labels, values, annotations=annotations)


def _parse(raw: dict[str, Any]) -> LedgerEntry | None:
    meta = raw["metadata"]
    try:
        keys = decode_secret(raw)
        orphan: Orphan = msgspec.json.decode(keys.pop(_ENTRY, ""), type=Orphan)
    except ValueError as error:  # msgspec's and base64's errors are ValueErrors
        log.warning("leftover.unreadable", secret=meta["name"], error=type(error).__name__)
        return None
    created = meta.get("creationTimestamp")
    return LedgerEntry(
        meta["name"],
        meta["uid"],
        orphan,
        keys,
        (meta.get("annotations") or {}).get(_WHY, ""),
        datetime.fromisoformat(created) if created else None,
    )
