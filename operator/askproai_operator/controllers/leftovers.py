"""The ledger of left-overs: what a deletion could not remove within its budget, kept where no namespace's end takes it along.

Each entry is a Secret in the operator's namespace, because a later try needs the provider's key and the tenant's own copy is
gone by then. It is made before our finalizer goes, so nothing is forgotten; `kinds/retry.py` tries again until it is removed.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import msgspec
import structlog

from askproai_operator.controllers.credentials import decode_secret, secret_manifest
from askproai_operator.engine import ApiError, Conflict, Key, Unreachable, Warn, World, resources

log = structlog.get_logger(__name__)

BEYOND: Final = timedelta(
    seconds=1
)  # a deletion looks again right after its budget, however long a provider asks to wait
LABEL: Final = "askproai.de/leftover"
_ENTRY: Final = "entry.json"
_WHAT, _WHY, _SINCE = (f"askproai.de/{name}" for name in ("what", "last-error", "since"))


class Owner(msgspec.Struct, frozen=True):
    """The object that left something: a namesake with another UID may have come meanwhile."""

    kind: str
    namespace: str
    name: str
    uid: str

    @property
    def key(self) -> Key:
        return Key(self.kind, self.namespace, self.name)

    @property
    def tenant(self) -> str:
        return f"{self.namespace}.{self.name}"


class AgentLeft(msgspec.Struct, frozen=True, tag="agent", tag_field="sort"):
    """What a RetellAgent has at Retell: what its status named, and whatever carries its marker."""

    owner: Owner
    marker: str
    tenant: str | None = None
    agent_id: str | None = None
    llm_id: str | None = None
    numbers: tuple[str, ...] = ()

    def about(self) -> str:
        ids = ", ".join(one for one in (self.agent_id, self.llm_id) if one) or "one that has no id yet"
        return f"left at Retell: {ids}, marker {self.marker}"


class WebhookLeft(msgspec.Struct, frozen=True, tag="webhook", tag_field="sort"):
    """The webhooks that a Tenant registered at Cal.com."""

    owner: Owner
    urls: tuple[str, ...]

    def about(self) -> str:
        return f"left at Cal.com: the webhook {', '.join(self.urls)}"


class DatabaseLeft(msgspec.Struct, frozen=True, tag="database", tag_field="sort"):
    """A Tenant's login role in PostgreSQL, and its rows when they are to be erased."""

    owner: Owner
    erase: bool

    def about(self) -> str:
        return f"left in PostgreSQL: the tenant's role{' and rows' if self.erase else ''}"


class CacheLeft(msgspec.Struct, frozen=True, tag="cache", tag_field="sort"):
    """A Tenant's user in Redis, and its keys."""

    owner: Owner

    def about(self) -> str:
        return "left in Redis: the tenant's user and keys"


LeftOver = AgentLeft | WebhookLeft | DatabaseLeft | CacheLeft


@dataclass(frozen=True, slots=True)
class Entry:
    """One Secret of the ledger. `keys` are what a provider's client needs; never logged."""

    name: str
    uid: str
    left: LeftOver
    keys: Mapping[str, str]
    why: str

    def __repr__(self) -> str:  # a traceback or a log line must not carry the keys
        return f"Entry({self.name})"


def sort_of(left: LeftOver) -> str:
    """Give the word by which label and metric name it."""
    return str(type(left).__struct_config__.tag)


async def keep(left: LeftOver, keys: Mapping[str, str], why: str, world: World) -> Warn:
    """Write an entry, unless it is there already; gives the event that tells of it. Raises Unreachable."""
    namespace, name = world.settings.namespace, _secret_name(left)
    try:
        await world.kube.create(_manifest(name, left, keys, why, world))
    except Unreachable:
        raise
    except ApiError as error:
        kept = isinstance(error, Conflict) and await world.kube.get(resources.SECRETS, namespace, name) is not None
        if not kept:  # else a reconcile before this one kept it and did not come to its end
            log.error("leftover.not_kept", owner=str(left.owner.key), left=left.about(), error=str(error))  # noqa: TRY400
            text = f"{why}; {left.about()}; namespace {namespace} did not take it ({error.reason}): remove it by hand"
            return Warn("LeftOver", text)
    log.warning("leftover.kept", secret=name, owner=str(left.owner.key))
    text = f"{why}; {left.about()}; tried again by itself, from Secret {namespace}/{name}"
    return Warn("LeftOver", f"{text} (delete that one when you removed it by hand)")


async def entries(world: World) -> list[Entry]:
    """Read the ledger. An entry that nobody can read any more is told, and stays."""
    found = await world.kube.list(resources.SECRETS, world.settings.namespace, LABEL)
    return [entry for raw in found if (entry := _entry(raw)) is not None]


async def note(entry: Entry, why: str, world: World) -> None:
    """Say on the entry why it is still there; nothing is written when it says so already."""
    if why != entry.why:
        body = {"metadata": {"annotations": {_WHY: why}}}
        await world.kube.patch(resources.SECRETS, world.settings.namespace, entry.name, body)


async def settle(entry: Entry, world: World) -> None:
    """Take an entry out, and tell so."""
    await world.kube.delete(resources.SECRETS, world.settings.namespace, entry.name, uid=entry.uid)
    log.info("leftover.removed", secret=entry.name, owner=str(entry.left.owner.key))
    await world.kube.record_operator_event(
        "LeftOverRemoved", f"{entry.left.owner.key}: what was {entry.left.about()} is gone"
    )


def _secret_name(left: LeftOver) -> str:
    named = "/".join(msgspec.structs.astuple(left.owner))
    return f"askproai-leftover-{sort_of(left)}-{hashlib.sha256(named.encode()).hexdigest()[:12]}"


def _manifest(name: str, left: LeftOver, keys: Mapping[str, str], why: str, world: World) -> dict[str, Any]:
    said = {
        _WHAT: f"{left.owner.key}: {left.about()}",
        _WHY: why,
        _SINCE: world.clock.now().isoformat(timespec="seconds"),
    }
    values = {**keys, _ENTRY: msgspec.json.encode(left).decode()}
    return secret_manifest(world.settings.namespace, name, {LABEL: sort_of(left)}, values, annotations=said)


def _entry(raw: dict[str, Any]) -> Entry | None:
    meta = raw["metadata"]
    try:
        keys = decode_secret(raw)
        left: LeftOver = msgspec.json.decode(keys.pop(_ENTRY, ""), type=LeftOver)
    except ValueError as error:  # msgspec's and base64's errors are ValueErrors
        log.warning("leftover.unreadable", secret=meta["name"], error=type(error).__name__)
        return None
    return Entry(meta["name"], meta["uid"], left, keys, (meta.get("annotations") or {}).get(_WHY, ""))
