"""Looks at the cluster while something happens: when which object became Ready, when which ConfigMap changed."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from askproai_operator import resources
from askproai_operator.resources import MANAGED_SELECTOR
from askproai_sandbox.cluster import KubeClient, Mirror, Object, object_key
from tests.load.scale.salons import OBJECTS


class Watching:
    """Times are of `time.monotonic`. `ready`: by kind and object, since when it is Ready."""

    def __init__(self, client: KubeClient) -> None:
        self.ready: dict[str, dict[str, float]] = {kind: {} for kind in OBJECTS}
        self.configs: dict[str, float] = {}  # by namespace: when the tenant's config changed last
        self.changed = asyncio.Event()
        self.mirrors = {
            kind: Mirror(client, resources.resource_of_kind(kind).path(), self._tracker(kind)) for kind in OBJECTS
        }
        selector = {"labelSelector": MANAGED_SELECTOR}
        self.mirrors["ConfigMap"] = Mirror(client, "/api/v1/configmaps", self._config_changed, **selector)

    def _tracker(self, kind: str) -> Any:
        def track(old: Object | None, new: Object | None) -> None:
            key, found = object_key(new or old or {}), self.ready[kind]
            if new is None or not is_ready(new):
                found.pop(key, None)
            else:
                found.setdefault(key, time.monotonic())
            self.changed.set()

        return track

    def _config_changed(self, old: Object | None, new: Object | None) -> None:
        if (
            new is not None
            and new["metadata"]["name"].endswith("-config")
            and (old or {}).get("data") != new.get("data")
        ):
            self.configs[new["metadata"]["namespace"]] = time.monotonic()
            self.changed.set()

    def unready(self, tenants: int) -> dict[str, int]:
        """Return how many objects of each kind are not Ready yet, without kinds that are complete."""
        missing = {kind: tenants * count - len(self.ready[kind]) for kind, count in OBJECTS.items()}
        return {kind: count for kind, count in missing.items() if count > 0}

    async def until(self, holds: Any, seconds: float) -> bool:
        """Wait for a change that makes `holds()` true; return False when the time has passed."""
        try:
            async with asyncio.timeout(seconds):
                while not holds():
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            return False
        return True


def is_ready(obj: Object) -> bool:
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


@asynccontextmanager
async def watching(client: KubeClient) -> AsyncIterator[Watching]:
    """Watch until the end of the block."""
    found = Watching(client)
    tasks = [asyncio.create_task(mirror.run()) for mirror in found.mirrors.values()]
    try:
        for mirror in found.mirrors.values():
            await mirror.synced.wait()
        yield found
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
