"""Tries again what deletions left, until nothing is: the ledger's entries one by one, each with its own backoff."""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import structlog

from askproai_operator.controllers.agent.deletion import remove_remote_objects
from askproai_operator.controllers.credentials import RETELL_BASE_URL, RETELL_KEY
from askproai_operator.controllers.leftovers import (
    AgentLeft,
    CacheLeft,
    DatabaseLeft,
    Entry,
    LeftOver,
    WebhookLeft,
    entries,
    note,
    settle,
    sort_of,
)
from askproai_operator.controllers.tenant.deletion import REMOVAL_ERRORS, failure_text, remove_remote
from askproai_operator.engine import ApiError, World
from askproai_operator.engine.metrics import Metrics
from askproai_operator.engine.resources import resource_of_kind

log = structlog.get_logger(__name__)

LONGEST: Final = timedelta(hours=1)  # between two tries
_AT_ONCE: Final = 4  # a provider that hangs must not hold up what is left at another


class Retry:
    """The loop over the ledger. Only the leader runs it."""

    def __init__(self, world: World, metrics: Metrics) -> None:
        self._world, self._metrics = world, metrics
        self._failures: dict[str, int] = {}
        self._due: dict[str, float] = {}
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                await self.look()
            except ApiError as error:  # the next look finds what this one did not
                log.warning("leftovers.not_read", error=str(error))
            pause = self._world.settings.leftover_retry_seconds * random.uniform(0.9, 1.1)  # noqa: S311 (no secret)
            await self._world.clock.sleep(timedelta(seconds=pause))

    async def look(self) -> None:
        """Try what is due. Entries that a person deleted are forgotten."""
        found = await entries(self._world)
        self._metrics.count_leftovers(Counter(sort_of(entry.left) for entry in found))
        names = {entry.name for entry in found}
        self._failures = {name: count for name, count in self._failures.items() if name in names}
        now = self._world.clock.monotonic()
        await asyncio.gather(*(self._try(entry) for entry in found if now >= self._due.get(entry.name, 0)))

    async def _try(self, entry: Entry) -> None:
        """Undo one entry. Whatever stands in its way, the others and the operator go on."""
        try:
            async with self._room:
                self._world.fence()
                why = await _undo(entry.left, entry.keys, self._world)
                if why is None:
                    await settle(entry, self._world)
                    return
        except REMOVAL_ERRORS as error:
            why = failure_text(error)
        except Exception as error:  # noqa: BLE001 (a provider's odd answer, say: it is told and tried again)
            why = f"{type(error).__name__} in the operator"
            log.warning("leftover.failed", secret=entry.name, error=type(error).__name__)
        failures = self._failures[entry.name] = self._failures.get(entry.name, 0) + 1
        delay = min(self._world.settings.leftover_retry_seconds * 2.0 ** min(failures, 20), LONGEST.total_seconds())
        self._due[entry.name] = self._world.clock.monotonic() + delay
        try:
            await note(entry, why, self._world)
        except ApiError as error:
            log.info("leftover.not_noted", secret=entry.name, error=str(error))


async def _undo(left: LeftOver, keys: Mapping[str, str], world: World) -> str | None:
    """Remove what is left; gives why it is not gone yet, or None.

    A namesake that came meanwhile has the same marker, webhook and role: what is its own must not be taken from it.
    """
    live = await world.kube.get(resource_of_kind(left.owner.kind), *left.owner.key[1:])
    if live is not None and live["metadata"]["uid"] == left.owner.uid:
        return "waits for the end of its deletion"
    match left:
        case AgentLeft():
            if live is not None and left.agent_id and (live.get("status") or {}).get("agentId") == left.agent_id:
                return None  # it was taken over, and goes with its new owner
            if live is not None:
                return f"waits: there is a {left.owner.key} again, which may use it"
            if RETELL_KEY not in keys or RETELL_BASE_URL not in keys:
                return f"put {RETELL_KEY} and {RETELL_BASE_URL} into this Secret, or remove it by hand"
            return await remove_remote_objects(
                world.providers.retell(keys[RETELL_BASE_URL], keys[RETELL_KEY]), left, world
            )
        case WebhookLeft() if live is not None:
            return f"waits: there is a {left.owner.key} again, which uses it"
        case DatabaseLeft() if live is not None:  # the role is the namesake's now; rows are told apart by their UID
            if left.erase:
                await world.database.erase(left.owner.tenant, left.owner.uid)
            return None
        case CacheLeft() if live is not None:
            return None  # user and keys are the namesake's now
    await remove_remote(left, keys, world)
    return None
